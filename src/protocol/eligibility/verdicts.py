"""The one rule for all verdicts: a criterion fails, is clear, is unknown or does not apply; and the facts behind it.

It works on the flags of one participant (bool) and on those of many (arrays) alike.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.conditions import names_in
from protocol.eligibility.criteria import Catalogue, Criterion, Fact, Part, Status
from protocol.eligibility.logic import Known, Leaves, Logic, all_of, any_of, both, either, negated, opposite
from protocol.records import Phase, ProtocolError
from protocol.translation import _, alternatives

INELIGIBLE, POSSIBLE, ELIGIBLE = "ineligible", "possibly eligible", "eligible so far"

STATUSES: tuple[Status, ...] = ("passes", "excludes", "unknown", "not applicable")
"""A verdict as a number is its place here."""

SIGNS: dict[str, str] = {"passes": "✓", "excludes": "✕", "unknown": "?", "not applicable": "–"}
"""The sign of each verdict, so that it is read without its colour."""

LABELS: dict[str, str] = {
    "passes": _("passes"),
    "excludes": _("excludes"),
    "unknown": _("unknown"),
    "not applicable": _("not applicable"),
}
"""The word of each verdict on pages and in files."""


def signed(status: str) -> str:
    """Return the verdict with its sign: ``✓ passes``."""
    return f"{SIGNS[status]} {LABELS[status]}"


Codes = NDArray[np.int8]


class Outcome(NamedTuple):
    """Who fails a rule, is clear of it, and to whom it does not apply: flags of which at most one is true.

    If none is true, the verdict is unknown.
    """

    fails: Any
    clear: Any
    not_applicable: Any

    @property
    def unknown(self) -> Any:
        """For whom the verdict is unknown."""
        return opposite(either(either(self.fails, self.clear), self.not_applicable))

    @property
    def status(self) -> Status:
        """The verdict of one participant."""
        if self.not_applicable:
            return "not applicable"
        return "excludes" if self.fails else "passes" if self.clear else "unknown"

    def codes(self, size: int) -> Codes:
        """Return the verdict of each of many as its place in :data:`STATUSES`, shape (size,)."""
        codes = np.full(size, STATUSES.index("unknown"), dtype=np.int8)
        decided: dict[Status, Any] = {
            "passes": self.clear,
            "excludes": self.fails,
            "not applicable": self.not_applicable,
        }
        for status, flag in decided.items():
            codes[np.broadcast_to(np.asarray(flag, dtype=bool), size)] = STATUSES.index(status)
        return codes


_OUTSIDE = Outcome(False, False, True)


def outcome(logic: Logic, criterion: Criterion, phase: Phase) -> Outcome:
    """Return the outcome of a criterion in a phase; of its parts, those that do not apply are left out."""
    if not in_phase(criterion, phase):
        return _OUTSIDE
    condition = condition_of(logic, criterion, phase)
    alone = "all" if criterion.kind == "inclusion" else "any"
    return _outcome(logic, criterion, alone, criterion, condition)


def part_outcome(logic: Logic, criterion: Criterion, part: Part, phase: Phase) -> Outcome:
    """Return the outcome of one part of a criterion, as far as it decides the criterion."""
    if not part.holds_in(phase):
        return _OUTSIDE
    return _outcome(logic, part, criterion.combine, criterion, logic.condition(part.condition))


def _outcome(
    logic: Logic, rule: Criterion | Part, combine: str | None, criterion: Criterion, condition: Known
) -> Outcome:
    """An inclusion blocks if its condition is false, an exclusion if it is true, an undecided one never says."""
    share = _share(logic, rule, combine, condition)
    if criterion.kind == "undecided":
        share = Known(False, False)
    blocks = negated(share) if criterion.kind == "inclusion" else share
    if rule.applies_if is None:
        return Outcome(blocks.true, blocks.false, False)
    absent = logic.condition(rule.applies_if).false
    here = opposite(absent)
    return Outcome(both(here, blocks.true), both(here, blocks.false), absent)


def condition_of(logic: Logic, criterion: Criterion, phase: Phase) -> Known:
    """Evaluate a criterion's condition in a phase, or its parts combined; parts that do not apply are left out."""
    if criterion.condition is not None:
        return logic.condition(criterion.condition)
    parts = [
        _share(logic, part, criterion.combine, logic.condition(part.condition))
        for part in criterion.parts
        if part.holds_in(phase)
    ]
    return any_of(parts) if criterion.combine == "any" else all_of(parts)


def _share(logic: Logic, rule: Criterion | Part, combine: str | None, condition: Known) -> Known:
    """Return a rule's condition as one operand of any or all; a rule that does not apply does not decide."""
    if rule.applies_if is None:
        return condition
    applies = logic.condition(rule.applies_if)
    return all_of([applies, condition]) if combine == "any" else any_of([negated(applies), condition])


def in_phase(criterion: Criterion, phase: Phase) -> bool:
    """Whether a criterion, or at least one of its parts, holds in a phase."""
    return criterion.holds_in(phase) and (
        not criterion.parts or any(part.holds_in(phase) for part in criterion.parts)
    )


def phase_of(catalogue: Catalogue, phase: Phase | None) -> Phase:
    """Return the phase, the record's first when none is named.

    Raises
    ------
    ProtocolError
        For a phase the record does not have.
    """
    if phase is None:
        return catalogue.phases[0]
    if phase not in catalogue.phases:
        raise ProtocolError(_("phase"), repr(phase), alternatives(catalogue.phases))
    return phase


class Prepared:
    """A record ready to be used: its facts and parameters by id, and the title of each criterion and part."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.facts = {fact.id: fact for fact in catalogue.facts}
        self.parameters = {parameter.id: parameter for parameter in catalogue.parameters}

    @cached_property
    def contradictions(self) -> dict[str, str]:
        """By fact, the condition under which its value cannot be right."""
        found: dict[str, list[str]] = {}
        for one in self.catalogue.contradictions:
            found.setdefault(one.fact, []).append(f"({one.condition})")
        return {name: " or ".join(texts) for name, texts in found.items()}

    @cached_property
    def titles(self) -> dict[str, str]:
        """The titles with the present thresholds, by the title as it stands in the record."""
        criteria = (*self.catalogue.criteria, *self.catalogue.infusion_criteria)
        return {rule.title: self.catalogue.title(rule) for criterion in criteria for rule in criterion.rules()}


_LATEST = 16

_prepared: dict[tuple[int, ...], Prepared] = {}

_one_at_a_time = Lock()


def prepared(catalogue: Catalogue) -> Prepared:
    """Return a record ready to be used; the last 16 are kept, so that a repeated call costs nothing."""
    held = ("facts", "parameters", "criteria", "infusion_criteria", "contradictions")
    key = tuple(id(getattr(catalogue, name)) for name in held)
    with _one_at_a_time:
        if key not in _prepared:
            while len(_prepared) >= _LATEST:
                _prepared.pop(next(iter(_prepared)))
            _prepared[key] = Prepared(catalogue)  # holds the record, so that the ids stay its own
        return _prepared[key]


def logic_of(catalogue: Catalogue, leaves: Leaves, changed: Mapping[str, Any] | None = None) -> Logic:
    """Return what evaluates a record's conditions on some facts.

    Parameters
    ----------
    catalogue : Catalogue
    leaves : Leaves
        The facts of one participant or of many.
    changed : mapping of str to object with a `value`, optional
        Other values of parameters, by id: one for all, or an array with one for each participant.
    """
    ready = prepared(catalogue)
    parameters = {**ready.parameters, **changed} if changed else ready.parameters
    return Logic(ready.facts, parameters, leaves, catalogue.roles.enrolment_day, ready.contradictions)


def names_behind(catalogue: Catalogue, names: Iterable[str]) -> tuple[str, ...]:
    """Return some facts and parameters, by id, with all that can change them.

    These are the facts that a fact is computed from, the day it was measured, how long it is valid, the day of
    enrolment that its age is counted to, and the facts that it can contradict.
    """
    ready, found = prepared(catalogue), dict[str, None]()
    facts = ready.facts
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = None
        if (fact := facts.get(name)) is None:
            continue
        if fact.derived:
            waiting += names_in(fact.derived)
        if name in ready.contradictions:
            waiting += names_in(ready.contradictions[name])
        if fact.dated_by:
            recency = (fact.dated_by, fact.valid_days, catalogue.roles.enrolment_day)
            waiting += [one for one in recency if one is not None]
    return tuple(found)


def facts_behind(catalogue: Catalogue, *criteria: Criterion) -> dict[str, Fact]:
    """Return the facts that can change the verdicts of some criteria, by id; see :func:`names_behind`."""
    facts = prepared(catalogue).facts
    return {name: facts[name] for name in names_behind(catalogue, names_of(*criteria)) if name in facts}


def names_of(*criteria: Criterion) -> dict[str, None]:
    """Return the facts and parameters that the conditions of some criteria name, in order of appearance."""
    return {name: None for criterion in criteria for text in criterion.conditions() for name in names_in(text)}
