"""What hospital records say: findings about one fact, participants with the facts found, and what an import needs."""

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple, Self

import pandas as pd

from protocol.display import shown
from protocol.eligibility import EligibilityRecord, Fact, FactValue
from protocol.eligibility.conditions import names_in
from protocol.eligibility.criteria import Lifelong, PersonRoles, ViralLoad
from protocol.eligibility.frames import IDENTITY
from protocol.exchange.clinical.reference_ranges import Limit
from protocol.exchange.cohort.cells import DTYPES, FileProblem
from protocol.exchange.dates import PartialDate
from protocol.translation import _

CONFLICT = "conflicting sources"

STALE = "stale"

NOT_USABLE = "missing"
"""Reasons, as in :data:`protocol.eligibility.REASONS`. This one covers every other cause; the note names it."""

SHOWN_PERSONS = 20
"""Rows that are displayed in a notebook."""


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
        When it was so, or the first day on which it may have been; for something that still goes on, the as-of date.
    origin, code, original : str
        The resource or row, its code, and the value and unit as they stand there.
    reason : str
        Why there is no value.
    note : str
        What to know about a value that is used.
    moment : str
        Day and time in UTC, where the record has them.
    since : date or None
        For a diagnosis that goes on, the day it was noted: a test after that day says more.
    limit : float or None
        The upper limit of normal that came with it, in the fact's unit.
    latest : date or None
        The last day on which it may have been so, if that is not `day`.
    span : tuple of float or None
        The lowest and the highest value that a number may have, if it is only a bound or if sources disagree. It is
        used if every value in between decides alike.
    otherwise : Finding or None
        What stands in its place if they do not.
    undecided : bool
        Whether the entry may be about the fact and does not decide it.
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
    latest: date | None = None
    span: tuple[float, float] | None = None
    otherwise: "Finding | None" = None
    undecided: bool = False


class Birth(NamedTuple):
    """When a person was born, and the resource or table that says so."""

    on: PartialDate
    origin: str


@dataclass(frozen=True, repr=False)
class Imported:
    """One participant as the records tell.

    Attributes
    ----------
    participant : str
        Study id.
    facts : dict of str to bool, int, float, str or date
        Values by fact id, ready for ``record.screen``.
    provenance : dict of str to Finding
        The finding behind each value.
    unusable : dict of str to str
        Why other facts have no value: the reason by fact id, also for ``record.screen``.
    unused : dict of str to Finding
        The findings behind these.
    """

    participant: str
    facts: dict[str, FactValue]
    provenance: dict[str, Finding]
    unusable: dict[str, str]
    unused: dict[str, Finding] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Imported({self.participant}: {len(self.facts)} facts, {len(self.unusable)} not usable)"

    def _repr_html_(self) -> str:
        return Imports((self,), ())._repr_html_()

    def table(self) -> pd.DataFrame:
        """Return one row per fact: its value, or why there is none, and the evidence."""
        found = [*self.provenance.items(), *self.unused.items()]
        columns = ("value", "reason", "day", "origin", "code", "original", "note")
        rows = [(name, *(getattr(finding, column) for column in columns)) for name, finding in found]
        return pd.DataFrame(rows, columns=["fact", *columns])


class Imports(NamedTuple):
    """What a set of files held: participants in the order of their study ids, and what could not be used."""

    participants: tuple[Imported, ...]
    problems: tuple[FileProblem, ...]

    @classmethod
    def of(cls, participants: Iterable[Imported], problems: Iterable[FileProblem]) -> Self:
        """Put participants in the order of their study ids; two that share one are a problem."""
        people = tuple(sorted(participants, key=lambda one: one.participant))
        shared = [name for name, count in Counter(one.participant for one in people).items() if count > 1]
        found, write = _("a study id of several persons"), _("one study id per person")
        return cls(people, (*problems, *(FileProblem(name, found, write) for name in shared)))

    def __repr__(self) -> str:
        return f"Imports({len(self.participants)} participants, {len(self.problems)} problems)"

    def _repr_html_(self) -> str:
        counts = pd.DataFrame(
            [(one.participant, len(one.facts), len(one.unusable)) for one in self.participants[:SHOWN_PERSONS]],
            columns=[_("Participant"), _("Facts"), _("Not usable")],
        )
        return shown(repr(self), counts)

    def table(self) -> pd.DataFrame:
        """Return one row per participant and fact, with the columns of :meth:`Imported.table`."""
        tables = [one.table().assign(participant=one.participant) for one in self.participants]
        whole = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["participant"])
        return whole[["participant", *whole.columns.drop("participant")]]

    def frame(self, record: EligibilityRecord) -> pd.DataFrame:
        """Return one row per participant, ready for ``record.screen_cohort``."""
        columns: dict[str, Any] = {IDENTITY: [person.participant for person in self.participants]}
        for fact in record.facts:
            values = [person.facts.get(fact.id) for person in self.participants]
            if any(value is not None for value in values):
                columns[fact.id] = pd.Series(values, dtype=DTYPES[fact.type])
        return pd.DataFrame(columns)


NO_ROLES = PersonRoles(assumption=_("The record names none"))


@dataclass(frozen=True)
class Setting:
    """What an import needs beside the records.

    Attributes
    ----------
    record : EligibilityRecord
        Whose facts are looked for.
    as_of : date
        A finding after this day does not count.
    site : str
        Whose limits of normal hold.
    limits : tuple of Limit
        The upper limits of normal of all sites; see :func:`protocol.exchange.clinical.read_limits`.
    """

    record: EligibilityRecord
    as_of: date
    site: str = ""
    limits: tuple[Limit, ...] = ()

    @cached_property
    def facts(self) -> Mapping[str, Fact]:
        """The record's facts by id."""
        return {fact.id: fact for fact in self.record.facts}

    @cached_property
    def person(self) -> PersonRoles:
        """Which facts hold what is said about a person; without any role if the record names none."""
        return self.record.imports.person or NO_ROLES

    @cached_property
    def lifelong(self) -> Mapping[str, Lifelong]:
        """The facts that one finding of any age settles."""
        return {one.fact: one for one in self.record.imports.lifelong}

    def window(self, lifelong: Lifelong) -> tuple[int, int] | None:
        """Return the days after which an entry surely lies within a lifelong fact's threshold, and surely before it.

        A month has 28 to 31 days. None if the fact names no threshold.
        """
        if lifelong.within is None:
            return None
        values = {parameter.id: parameter.value for parameter in self.record.parameters}
        least, most = (28, 31) if lifelong.within_unit == "months" else (1, 1)
        count = int(values[lifelong.within])
        return least * count, most * count

    @cached_property
    def lasting_days(self) -> Mapping[str, int]:
        """How long a diagnosis counts for a fact that does not last for ever."""
        return {one.fact: one.days for one in self.record.imports.lasting}

    @cached_property
    def circumstances(self) -> Mapping[str, str]:
        """The facts that say how another one was measured."""
        return {one.fact: one.of for one in self.record.imports.circumstances}

    @cached_property
    def molar_masses(self) -> Mapping[str, float]:
        """Molar masses in g/mol, by fact."""
        return {one.value: one.molar_mass for one in self.record.imports.analytes if one.molar_mass is not None}

    def viral_load(self, fact: Fact, option: str) -> ViralLoad | None:
        """Return the rule for a question whose numbers are amounts of a virus; None for any other question."""
        rules = self.record.imports.viral_loads
        return next((one for one in rules if one.fact == fact.id and one.option in ("", option)), None)

    @cached_property
    def windows(self) -> list[tuple[str, str, int]]:
        """Each fact that is dated, the fact of its day, and how many days it stays valid."""
        values = {parameter.id: parameter.value for parameter in self.record.parameters}
        return [(f.id, f.dated_by, int(values[f.valid_days or ""])) for f in self.record.facts if f.dated_by]

    @cached_property
    def derivations(self) -> list[tuple[str, tuple[str, ...]]]:
        """Each fact that can be computed, and what from."""
        return [(f.id, names_in(f.derived)) for f in self.record.facts if f.derived is not None]


Naming = Callable[[str], str]
"""Turns an identifier of the records into a study id."""


def keyed(key: bytes) -> Naming:
    """Return a naming: the same identifier and key give the same study id, another key another one.

    Parameters
    ----------
    key : bytes
        A secret of the site, kept apart from the data. HMAC-SHA-256, cut to 48 bits: two of a million participants
        share an id with a probability of 0.2 %.
    """
    return lambda identifier: "P-" + hmac.new(key, identifier.encode(), hashlib.sha256).hexdigest()[:12].upper()
