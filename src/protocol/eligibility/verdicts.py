"""One rule for all verdicts: a criterion fails, is clear, is unknown or does not apply; and the facts behind it."""

from collections.abc import Mapping
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.conditions import names_in
from protocol.eligibility.criteria import PHASES, RECENCY_ANCHOR, Catalogue, Criterion, Fact, Parameter, Part, Status
from protocol.eligibility.logic import Logic, Rails, all_of, any_of, both, opposite
from protocol.records import Phase, ProtocolError


class Prepared(NamedTuple):
    """A record ready to be used: its facts and parameters by id, and the title of each criterion and part."""

    facts: dict[str, Fact]
    parameters: dict[str, Parameter]
    titles: dict[str, str]


LATEST = 16

_prepared: dict[tuple[int, ...], tuple[Catalogue, Prepared]] = {}

_one_at_a_time = Lock()


def prepared(catalogue: Catalogue) -> Prepared:
    """Return what follows from a record; of the records used last, the same again."""
    key = (id(catalogue.facts), id(catalogue.parameters), id(catalogue.criteria), id(catalogue.infusion_criteria))
    with _one_at_a_time:
        if key not in _prepared:
            while len(_prepared) >= LATEST:
                _prepared.pop(next(iter(_prepared)))
            _prepared[key] = (catalogue, _prepare(catalogue))  # holds the record, so that the ids stay its own
        return _prepared[key][1]


def _prepare(catalogue: Catalogue) -> Prepared:
    criteria = (*catalogue.criteria, *catalogue.infusion_criteria)
    rules: list[Criterion | Part] = [*criteria, *(part for criterion in criteria for part in criterion.parts)]
    return Prepared(
        {fact.id: fact for fact in catalogue.facts},
        {parameter.id: parameter for parameter in catalogue.parameters},
        {rule.title: catalogue.title(rule) for rule in rules},
    )


INELIGIBLE, POSSIBLE, ELIGIBLE = "ineligible", "possibly eligible", "eligible so far"


def in_phase(criterion: Criterion, phase: Phase) -> bool:
    """Whether a criterion, or at least one of its parts, holds in a phase."""
    return phase in criterion.phases and (
        not criterion.parts or any(phase in part.phases for part in criterion.parts)
    )


def rails_of(logic: Logic, criterion: Criterion, phase: Phase) -> Rails:
    """Whether a criterion's condition holds in a phase, its parts combined; parts that do not apply are left out."""
    if criterion.condition is not None:
        return logic.condition(criterion.condition)
    parts = [_part_rails(logic, criterion, part) for part in criterion.parts if phase in part.phases]
    return any_of(parts) if criterion.combine == "any" else all_of(parts)


def _part_rails(logic: Logic, criterion: Criterion, part: Part) -> Rails:
    rails = logic.condition(part.condition)
    if part.applies_if is None:
        return rails
    applies = logic.condition(part.applies_if)
    if criterion.combine == "any":
        return all_of([applies, rails])
    return any_of([Rails(applies.false, applies.true), rails])


def blocked(criterion: Criterion, rails: Rails) -> Rails:
    """Turn a condition into 'blocks': an inclusion blocks when false, an exclusion when true."""
    return Rails(rails.false, rails.true) if criterion.kind == "inclusion" else rails


def check_phase(phase: str) -> None:
    """Raise ProtocolError for a phase the protocol does not have."""
    if phase not in PHASES:
        raise ProtocolError("phase", repr(phase), " or ".join(PHASES))


CODES: tuple[Status, ...] = ("met", "not met", "unknown", "not applicable")
"""A verdict as a number is its place here."""

Codes = NDArray[np.int8]


def facts_behind(facts: Mapping[str, Fact], rule: Criterion) -> set[str]:
    """Return the facts a rule hangs on, by id: those it names, what they are computed from and dated by."""
    found: set[str] = set()
    wanted = [name for text in rule.conditions() for name in names_in(text) if name in facts]
    while wanted:
        fact = facts[wanted.pop()]
        if fact.id not in found:
            found.add(fact.id)
            wanted += names_in(fact.derived) if fact.derived else ()
            wanted += (fact.dated_by, RECENCY_ANCHOR) if fact.dated_by else ()
    return found


def codes_of(logic: Logic, rule: Criterion, phase: Phase, rows: int) -> Codes:
    """Return the verdict of each variant, as its place in :data:`CODES`."""
    blocks = blocked(rule, rails_of(logic, rule, phase))
    applies = logic.condition(rule.applies_if) if rule.applies_if else None
    fails = blocks.true if applies is None else both(applies.true, blocks.true)
    clear = blocks.false if applies is None else both(opposite(applies.false), blocks.false)
    absent = False if applies is None else applies.false
    codes = np.full(rows, CODES.index("unknown"), dtype=np.int8)
    for status, flag in (("met", clear), ("not met", fails), ("not applicable", absent)):
        codes[np.broadcast_to(np.asarray(flag, dtype=bool), rows)] = CODES.index(status)
    return codes
