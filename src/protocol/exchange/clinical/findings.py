"""What hospital records say: findings, participants as imported, dates of birth, and what an import needs."""

from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from protocol.eligibility import EligibilityRecord, Fact, FactValue
from protocol.eligibility.conditions import names_in
from protocol.eligibility.frames import IDENTITY
from protocol.exchange.cohort.cells import DTYPES, Problem
from protocol.translation import _


class Limit(NamedTuple):
    """One line of the table; `limit` is in the unit of the fact `analyte`."""

    site: str
    analyte: str
    sex: str
    limit: float
    valid_from: date
    source: str
    original: str


CONFLICT = "conflicting sources"

STALE = "stale"

NOT_USABLE = "missing"
"""Reasons, as :data:`protocol.eligibility.REASONS` has them; what makes a value unusable stands in its note."""


class Birth(NamedTuple):
    """The first and the last day somebody may have been born on."""

    first: date
    last: date
    origin: str


def born(year: int, month: int | None, day: int | None, origin: str) -> Birth:
    """Return the days that a date of birth with or without month and day allows; ValueError when there is none."""
    if month is None:
        return Birth(date(year, 1, 1), date(year, 12, 31), origin)
    if day is None:
        return Birth(date(year, month, 1), date(year, month, monthrange(year, month)[1]), origin)
    return Birth(date(year, month, day), date(year, month, day), origin)


def read_birth(text: str, origin: str) -> Birth:
    """Read an ISO date of which day and month may be left out; ValueError when it is none."""
    parts = [int(part) for part in text.split("-")]
    year, month, day = (*parts, None, None)[:3]
    if len(parts) > 3 or year is None:
        raise ValueError(text)
    return born(year, month, day, origin)


def not_yet_born(birth: Birth | None, as_of: date) -> bool:
    """Whether somebody was born after the as-of date on every day that is possible."""
    return birth is not None and birth.first > as_of


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

Naming = Callable[[str], str]
"""Turns an identifier of the records into a study id."""


def gathered(imported: Iterable[Imported], problems: Iterable[Problem]) -> Imports:
    """Put participants in the order of their study ids; two that share one are reported."""
    people = tuple(sorted(imported, key=lambda one: one.participant))
    shared = [name for name, count in Counter(one.participant for one in people).items() if count > 1]
    found, write = _("a study id of several persons"), _("one study id per person")
    return Imports(people, (*problems, *(Problem(name, found, write) for name in shared)))
