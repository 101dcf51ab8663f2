"""One participant: a verdict per criterion, with the reason, the values and what to find out next."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from protocol.display import Displayed
from protocol.eligibility.conditions import nearest
from protocol.eligibility.criteria import (
    FIRST_DAY,
    LAST_DAY,
    REASONS,
    Catalogue,
    Criterion,
    Fact,
    FactValue,
    Part,
    Status,
    expected,
)
from protocol.eligibility.explanation import Gap, Wording, in_words
from protocol.eligibility.fact_sources import ParticipantFacts
from protocol.eligibility.logic import Logic
from protocol.eligibility.verdicts import (
    ELIGIBLE,
    INELIGIBLE,
    POSSIBLE,
    STATUSES,
    in_phase,
    logic_of,
    outcome,
    part_outcome,
    phase_of,
    prepared,
)
from protocol.records import Phase, ProtocolError, outline_of
from protocol.translation import _, list_of

_KINDS: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "whole": (int,),
    "yes_no": (bool,),
    "choice": (str,),
    "date": (date,),
}


@dataclass(frozen=True)
class Verdict:
    """The answer to one criterion (or part). ``passes`` means that it does not block.

    Attributes
    ----------
    id, title, wording : str
        The criterion; `wording` is the registry's own.
    status : str
        passes, excludes, unknown or not applicable.
    because : tuple of str
        The statements with values that decided; empty when unknown.
    gaps : tuple of Gap
        Why it is unknown.
    parts : tuple of Verdict
        The verdicts of the criterion's parts in this phase.
    """

    id: str
    title: str
    wording: str
    status: Status
    because: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    parts: tuple["Verdict", ...] = ()

    @property
    def reason(self) -> str:
        """The reason as one line."""
        if self.status == "not applicable":
            return list_of(self.because, "; ") or _("does not apply in this phase")
        return list_of(self.because, "; ") or in_words(self.gaps)


@dataclass(frozen=True)
class Question:
    """Something to find out: a fact and the criteria it would help to settle."""

    fact: str
    label: str
    criteria: tuple[str, ...]
    judgement: bool


@dataclass(frozen=True, repr=False)
class Screening(Displayed):
    """The whole answer for one participant.

    Attributes
    ----------
    phase : str
        The phase of the trial.
    verdicts : tuple of Verdict
        One per criterion, in protocol order.
    questions : tuple of Question
        What to find out next, the most useful first.
    """

    phase: Phase
    verdicts: tuple[Verdict, ...]
    questions: tuple[Question, ...]

    @property
    def overall(self) -> str:
        """``ineligible``, ``possibly eligible`` (something is unknown) or ``eligible so far``."""
        return overall_of(self.verdicts)

    def __getitem__(self, criterion: str) -> Verdict:
        """Return the verdict of a criterion or part by its id; KeyError when there is none."""
        return {rule.id: rule for verdict in self.verdicts for rule in (verdict, *verdict.parts)}[criterion]

    def table(self) -> pd.DataFrame:
        """Return the verdicts, one row per criterion and part: criterion, title, status, reason."""
        rules = (rule for verdict in self.verdicts for rule in (verdict, *verdict.parts))
        rows = [(rule.id, rule.title, rule.status, rule.reason) for rule in rules]
        return pd.DataFrame(rows, columns=["criterion", "title", "status", "reason"])

    def __repr__(self) -> str:
        found = Counter(verdict.status for verdict in self.verdicts)
        counts = ", ".join(f"{found[status]} {status}" for status in STATUSES)
        return f"<Screening in phase {self.phase}: {self.overall}; {counts}>"


def overall_of(verdicts: Iterable[Verdict]) -> str:
    """Return the overall verdict that follows from those of the criteria."""
    found = {verdict.status for verdict in verdicts}
    if "excludes" in found:
        return INELIGIBLE
    return ELIGIBLE if "passes" in found and "unknown" not in found else POSSIBLE


def check_facts(facts: Mapping[str, FactValue | None], catalogue: Catalogue) -> dict[str, FactValue]:
    """Return the facts that are given, each of its type and in its plausible range.

    Raises
    ------
    ProtocolError
        For a fact that is not in the record, of the wrong type, no option, or outside its plausible range.
    """
    known = prepared(catalogue).facts
    if not isinstance(facts, Mapping):
        raise ProtocolError(
            _("facts"), _("a {type}").format(type=type(facts).__name__), _("a mapping of fact ids to values")
        )
    for name in facts:
        if name not in known:
            write = nearest(str(name), known, _("one of {options}").format(options=list_of(known)))
            raise ProtocolError(_("fact {name}").format(name=name), _("a name that the record does not have"), write)
    given = {name: _plain(value) for name, value in facts.items()}
    return {name: _checked(known[name], value) for name, value in given.items() if not _is_missing(value)}


def _plain(value: Any) -> Any:
    """Take a cell of a frame as the Python value it stands for."""
    if value is pd.NA:
        return None
    if isinstance(value, np.floating) and not isinstance(value, float):
        return float(str(value))  # of single precision, the decimal that it stands for
    return value.item() if isinstance(value, np.generic) else value


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NaT or (isinstance(value, float) and value != value)


def _checked(fact: Fact, value: FactValue) -> FactValue:
    wrong = isinstance(value, bool) != (fact.type == "yes_no") or isinstance(value, datetime)
    if wrong or not isinstance(value, _KINDS[fact.type]):
        raise ProtocolError(fact.label, outline_of(value), expected(fact))
    if fact.options and value not in fact.options:
        raise ProtocolError(fact.label, outline_of(value), expected(fact))
    if isinstance(value, date) and not FIRST_DAY <= value <= LAST_DAY:
        raise ProtocolError(fact.label, value.isoformat(), expected(fact))
    if isinstance(value, (int, float)) and fact.is_number and not fact.is_plausible(value):
        raise ProtocolError(fact.label, f"{str(value)[:40]} {fact.unit_label}".strip(), expected(fact))
    return value


def screen(
    catalogue: Catalogue,
    facts: Mapping[str, FactValue | None],
    phase: Phase | None = None,
    unusable: Mapping[str, str] = MappingProxyType({}),
) -> Screening:
    """Screen one participant; see :meth:`protocol.eligibility.EligibilityRecord.screen`."""
    phase = phase_of(catalogue, phase)
    return screen_by(participant_logic(catalogue, facts, unusable), catalogue, phase)


def screen_by(logic: Logic, catalogue: Catalogue, phase: Phase) -> Screening:
    """Screen one participant whose facts a logic holds already."""
    words, titles = Wording(logic), prepared(catalogue).titles
    verdicts = tuple(_verdict(words, titles, criterion, phase) for criterion in catalogue.criteria)
    return Screening(phase, verdicts, _questions(logic, verdicts, catalogue))


def participant_logic(
    catalogue: Catalogue, facts: Mapping[str, FactValue | None], unusable: Mapping[str, str] = MappingProxyType({})
) -> Logic:
    """Return the logic that judges one participant; what is unusable is left out of the facts, with its reason.

    Raises
    ------
    ProtocolError
        For facts that cannot be used (see :func:`check_facts`) and for a reason that is not one of ``REASONS``.
    """
    if unusable:
        check_facts(dict.fromkeys(unusable), catalogue)
    for name, reason in unusable.items():
        if reason not in REASONS:
            raise ProtocolError(
                _("unusable {name}").format(name=name),
                repr(reason),
                _("one of {options}").format(options=list_of(REASONS)),
            )
    given = {name: value for name, value in check_facts(facts, catalogue).items() if name not in unusable}
    return logic_of(catalogue, ParticipantFacts(given, unusable))


def _verdict(words: Wording, titles: Mapping[str, str], criterion: Criterion, phase: Phase) -> Verdict:
    title, status = titles[criterion.title], outcome(words.logic, criterion, phase).status
    if status == "not applicable":
        absent = tuple(Verdict(one.id, titles[one.title], one.wording, status) for one in criterion.parts)
        outside = list[str]()
        if criterion.applies_if and in_phase(criterion, phase):
            outside = words.because(criterion.applies_if) or [_("no known fact makes it apply")]
        return Verdict(criterion.id, title, criterion.wording, status, _once(outside), (), absent)
    parts = tuple(_part_verdict(words, titles[part.title], criterion, part, phase) for part in criterion.parts)
    because, gaps = _reasons(words, criterion, parts, status)
    return Verdict(criterion.id, title, criterion.wording, status, because, gaps, parts)


def _reasons(
    words: Wording, criterion: Criterion, parts: tuple[Verdict, ...], status: Status
) -> tuple[tuple[str, ...], tuple[Gap, ...]]:
    if status == "unknown":
        own = [text for text in (criterion.condition, criterion.applies_if) if text]
        gaps = [gap for text in own for gap in words.gaps(text)] + [gap for part in parts for gap in part.gaps]
        return (), tuple(dict.fromkeys(gaps))
    if criterion.condition is not None:
        return _once(words.because(criterion.condition)), ()
    decisive = [part for part in parts if part.status == status]
    chosen = decisive[:1] if (criterion.combine == "any") == (status == "passes") else decisive
    return _once(text for part in chosen for text in part.because), ()


def _part_verdict(words: Wording, title: str, criterion: Criterion, part: Part, phase: Phase) -> Verdict:
    because, gaps = list[str](), list[Gap]()
    status = part_outcome(words.logic, criterion, part, phase).status
    if status == "unknown":
        gaps = [gap for text in (part.applies_if, part.condition) if text for gap in words.gaps(text)]
    elif status != "not applicable":
        because = words.because(part.condition)
    elif part.applies_if is not None and part.holds_in(phase):
        because = words.because(part.applies_if)
    return Verdict(part.id, title, part.wording, status, _once(because), tuple(gaps))


def _once(sentences: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentences))


def _questions(logic: Logic, verdicts: tuple[Verdict, ...], catalogue: Catalogue) -> tuple[Question, ...]:
    """What to find out next: facts that data can give first, then judgements; those that settle most come first."""
    counted = catalogue.counting
    settles: dict[str, dict[str, None]] = {}
    for verdict in verdicts:
        if verdict.status == "unknown" and verdict.id in counted:
            for gap in verdict.gaps:
                if gap.fact:
                    settles.setdefault(gap.fact, {})[verdict.id] = None
    order = {name: position for position, name in enumerate(logic.facts)}
    ranked = sorted(settles, key=lambda name: (logic.facts[name].judgement, -len(settles[name]), order[name]))
    return tuple(
        Question(name, logic.facts[name].label, tuple(settles[name]), logic.facts[name].judgement) for name in ranked
    )
