"""From what records say to the facts of one participant: the newest value, where it came from, or why there is none.

Both readers of real records (FHIR and OMOP) give findings; this module decides between them.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

import pandas as pd

from protocol.eligibility import EligibilityRecord, Fact, FactValue
from protocol.eligibility.cohort import IDENTITY
from protocol.eligibility.conditions import names_in
from protocol.exchange.birth import Birth, age_known
from protocol.exchange.choosing import DATED_HISTORY, NOT_USABLE, STALE, choose, day_of
from protocol.exchange.cohort_files import DTYPES, Problem
from protocol.exchange.limits import Limit, limit_for
from protocol.exchange.units import UNIT_UNKNOWN, UnitError, convert
from protocol.translation import _


@dataclass(frozen=True)
class Finding:
    """One thing a record says about one fact.

    Attributes
    ----------
    fact : str
        The fact's id.
    value : bool, int, float, str, date or None
        In the fact's unit; None when it cannot be used.
    day : date or None
        When it was so; for something that still goes on, the as-of date.
    origin, code, original : str
        The resource or row, its code, and the value and unit as they stand there.
    reason : str
        Why there is no value.
    note : str
        What to know about a value that is used.
    moment : str
        Day and time, where the record has one.
    since : date or None
        For a diagnosis that goes on, the day it was noted: a test after that day says more.
    limit : float or None
        The upper limit of normal that came with it, in the fact's unit.
    """

    fact: str
    value: FactValue | None
    day: date | None
    origin: str
    code: str = ""
    original: str = ""
    reason: str = ""
    note: str = ""
    moment: str = ""
    since: date | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Imported:
    """One participant as the records tell: facts by id, the finding behind each, and why others cannot be used."""

    participant: str
    facts: dict[str, FactValue]
    provenance: dict[str, Finding]
    unusable: dict[str, str]
    unused: dict[str, Finding] = field(default_factory=dict)


class Imports(NamedTuple):
    """What a set of files held: participants, and what could not be used of the files."""

    participants: tuple[Imported, ...]
    problems: tuple[Problem, ...]

    def frame(self, record: EligibilityRecord) -> pd.DataFrame:
        """Return one row per participant, ready for ``record.screen_cohort``."""
        columns: dict[str, Any] = {IDENTITY: [person.participant for person in self.participants]}
        for fact in record.facts:
            values = [person.facts.get(fact.id) for person in self.participants]
            if any(value is not None for value in values):
                columns[fact.id] = pd.Series(values, dtype=DTYPES[fact.type])
        return pd.DataFrame(columns)


@dataclass(frozen=True)
class Setting:
    """What an import needs beside the records: whose facts, as of which day, at which site, with which limits."""

    record: EligibilityRecord
    as_of: date
    site: str = ""
    limits: tuple[Limit, ...] = ()

    @cached_property
    def facts(self) -> dict[str, Fact]:
        """The record's facts by id."""
        return {fact.id: fact for fact in self.record.facts}

    @cached_property
    def windows(self) -> list[tuple[str, str, int]]:
        """Each fact that is dated, the fact of its day, and how many days it stays valid."""
        values = {parameter.id: parameter.value for parameter in self.record.parameters}
        return [(f.id, f.dated_by, int(values[f.valid_days or ""])) for f in self.record.facts if f.dated_by]

    @cached_property
    def derivations(self) -> list[tuple[str, tuple[str, ...]]]:
        """Each fact that can be computed, and what from."""
        return [(f.id, names_in(f.derived)) for f in self.record.facts if f.derived is not None]

    @cached_property
    def limits_of_normal(self) -> list[tuple[Fact, str]]:
        """Each upper limit of normal, and the fact it belongs to."""
        return [(f, f.id.replace("_uln", "")) for f in self.record.facts if f.limit_of_normal]


NEVER = Finding("", None, None, "")


def measured(fact: Fact, value: float, unit: str, finding: Finding, high: float | None = None) -> Finding:
    """Complete a finding with a number of a fact in a unit, or with the reason why it has none."""
    try:
        number = convert(value, unit, fact)
        limit = None if high is None else convert(high, unit, fact)
    except UnitError as problem:
        return replace(finding, reason=UNIT_UNKNOWN, note=str(problem))
    if not fact.is_plausible(number) or (fact.type == "whole" and number != int(number)):
        return replace(finding, reason=NOT_USABLE, note=_("outside the plausible range"))
    return replace(finding, value=int(number) if fact.type == "whole" else number, limit=limit)


def settle(participant: str, findings: Iterable[Finding], birth: Birth | None, setting: Setting) -> Imported:
    """Decide between the findings of one participant.

    Nothing from after the as-of date counts. The newest day of a fact decides across all of its codes; values that
    disagree on that day conflict. A newest value that cannot be used is not replaced by an older one, and one without
    a date may be the newest: unless it says the same, it conflicts.
    """
    past = [f for f in findings if f.day is None or f.day <= setting.as_of]
    past += [replace(f, fact="hiv_history", value=True) for f in past if f.value == "confirmed"]
    by_fact = sorted(past, key=lambda finding: finding.fact)
    chosen = {fact: choose(fact, [*group]) for fact, group in groupby(by_fact, key=lambda finding: finding.fact)}
    chosen |= age_known(birth, setting.record, setting.as_of, Finding)
    if "on_room_air" in chosen and day_of(chosen["on_room_air"]) != day_of(chosen.get("spo2_pct", NEVER)):
        del chosen["on_room_air"]  # another day's oxygen says nothing about this saturation
    _date_history(chosen)
    _date_measurements(chosen, setting)
    _leave_out_old_derivations(chosen, setting)
    _add_limits(chosen, setting)
    chosen["enrolment_date"] = Finding("enrolment_date", setting.as_of, setting.as_of, _("as-of date of the import"))
    used = {name: finding for name, finding in chosen.items() if finding.value is not None}
    unused = {name: finding for name, finding in chosen.items() if finding.value is None}
    facts = {name: finding.value for name, finding in used.items() if finding.value is not None}
    return Imported(participant, facts, used, {name: finding.reason for name, finding in unused.items()}, unused)


def _date_history(chosen: dict[str, Finding]) -> None:
    for name, dated_by in DATED_HISTORY.items():
        finding = chosen.get(name)
        if finding and finding.value is not None and finding.day is not None:
            chosen[dated_by] = replace(finding, fact=dated_by, value=finding.day, limit=None)


def _date_measurements(chosen: dict[str, Finding], setting: Setting) -> None:
    """Give each group of measurements one day: the oldest of those still valid; the others are stale.

    Four blood tests share one date in the record. Their newest day would make an old test look fresh.
    """
    groups: dict[str, list[tuple[str, int]]] = {}
    for name, dated_by, days in setting.windows:
        if name in chosen and chosen[name].value is not None:
            groups.setdefault(dated_by, []).append((name, days))
    for dated_by, members in groups.items():
        fresh = [name for name, days in members if (setting.as_of - day_of(chosen[name])).days <= days]
        for name, _days in members:
            if fresh and name not in fresh:
                chosen[name] = replace(chosen[name], value=None, reason=STALE)
        oldest = min((chosen[name] for name in fresh or [name for name, _days in members]), key=day_of)
        chosen[dated_by] = replace(oldest, fact=dated_by, value=oldest.day, limit=None)


def _leave_out_old_derivations(chosen: dict[str, Finding], setting: Setting) -> None:
    """Leave out a derived value older than what it is derived from: a new weight outdates the old body mass index."""
    for derived, names in setting.derivations:
        sources = [chosen.get(name) for name in names]
        known = [source for source in sources if source and source.value is not None and source.day]
        complete = derived in chosen and known and len(known) == len(sources)
        if complete and max(map(day_of, known)) > day_of(chosen[derived]):
            del chosen[derived]


def _add_limits(chosen: dict[str, Finding], setting: Setting) -> None:
    sex = chosen["sex"].value if "sex" in chosen else None
    for fact, analyte in setting.limits_of_normal:
        value = chosen.get(analyte)
        if value is None or value.value is None:
            continue
        own = Finding(fact.id, value.limit, value.day, value.origin, value.code, note=_("reference range"))
        if own.value is None:
            own = limit_for(fact, setting, sex, day_of(value), own)
        elif not fact.is_plausible(float(own.value)):  # type: ignore[arg-type]
            own = replace(own, value=None, reason=NOT_USABLE, note=_("outside the plausible range"))
        chosen[fact.id] = own


Naming = Callable[[str], str]
"""Turns an identifier of the records into a study id."""


def gathered(imported: Iterable[Imported], problems: Iterable[Problem]) -> Imports:
    """Put participants in the order of their study ids; two that share one are reported."""
    people = tuple(sorted(imported, key=lambda one: one.participant))
    shared = [name for name, count in Counter(one.participant for one in people).items() if count > 1]
    found, write = _("a study id of several persons"), _("one study id per person")
    return Imports(people, (*problems, *(Problem(name, found, write) for name in shared)))
