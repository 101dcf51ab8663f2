"""When, not only whether: the same conditions on every day that could be the day of enrolment."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.display import Displayed
from protocol.eligibility.criteria import Catalogue, Criterion, Fact, FactValue, Status, check_day
from protocol.eligibility.fact_sources import Choices, Columns
from protocol.eligibility.gates import rules
from protocol.eligibility.logic import Logic, Value
from protocol.eligibility.screening import check_facts, screen
from protocol.eligibility.verdicts import STATUSES, Codes, facts_behind, logic_of, outcome, phase_of, prepared
from protocol.records import Phase, ProtocolError
from protocol.translation import _


class Span(NamedTuple):
    """Days in a row with the same verdict, both ends included."""

    first: date
    last: date
    status: Status


_PASSING: tuple[Status, ...] = ("passes", "not applicable")


@dataclass(frozen=True)
class Lane:
    """One criterion or part whose verdict changes with the day of enrolment.

    Attributes
    ----------
    rule : Criterion
        A part stands as a criterion of its own.
    title : str
        Its short title.
    spans : tuple of Span
        Its verdict, day by day in runs, without a gap.
    tests : tuple of str
        The dates of tests it hangs on, by fact id: these can be done again.
    """

    rule: Criterion
    title: str
    spans: tuple[Span, ...]
    tests: tuple[str, ...]

    def on(self, day: date) -> Status:
        """Return the verdict for an enrolment on `day`; KeyError outside the days looked at."""
        for span in self.spans:
            if span.first <= day <= span.last:
                return span.status
        raise KeyError(day)

    def passes(self, day: date) -> bool:
        """Whether the rule does not stand in the way of an enrolment on `day`, and is known not to."""
        return self.on(day) in _PASSING


@dataclass(frozen=True, repr=False)
class Timeline(Displayed):
    """When this participant could be enrolled, as far as time decides.

    Attributes
    ----------
    first, last : date
        The days looked at.
    lanes : tuple of Lane
        The rules whose verdict changes on these days.
    steady : mapping of str to str
        The verdict of every other rule, by id: no day changes it. Mirrors and implied criteria are left out.
    open : tuple of (date, date)
        The runs of days on which every lane passes.
    possible : tuple of (date, date)
        Where there is no such run because something is not known: the runs of days on which no lane fails.
    awaited : tuple of str
        What is not known, or too old, on the first day of these, in words.
    """

    first: date
    last: date
    lanes: tuple[Lane, ...]
    steady: Mapping[str, Status]
    open: tuple[tuple[date, date], ...]
    possible: tuple[tuple[date, date], ...] = ()
    awaited: tuple[str, ...] = ()

    @property
    def earliest(self) -> date | None:
        """The first day on which every lane passes."""
        return self.open[0][0] if self.open else None

    @property
    def latest(self) -> date | None:
        """The last day of the first run on which every lane passes; None if it lasts until the last candidate."""
        return self.open[0][1] if self.open and self.open[0][1] < self.last else None

    @property
    def possibly_from(self) -> date | None:
        """The first day on which no lane fails, when none is known on which every lane passes."""
        return self.possible[0][0] if self.possible else None

    @property
    def possibly_until(self) -> date | None:
        """The last day of the first run on which no lane fails; None if it lasts until the last candidate."""
        return self.possible[0][1] if self.possible and self.possible[0][1] < self.last else None

    @property
    def binding(self) -> tuple[Lane, ...]:
        """The lanes that did not yet pass on the day before the earliest, or failed before the first possible."""
        day = self.earliest or self.possibly_from
        return () if day is None or day == self.first else self._before_or_after(day - timedelta(days=1))

    @property
    def closing(self) -> tuple[Lane, ...]:
        """The lanes that no longer pass on the day after the latest, or fail after the last possible."""
        day = self.latest or self.possibly_until
        return self._before_or_after(day + timedelta(days=1)) if day else ()

    @cached_property
    def waited(self) -> date | None:
        """The first day on which each lane without a test passes; from it on only tests must be repeated."""
        clocks = [lane for lane in self.lanes if not lane.tests]
        starts = sorted({self.first, *(span.first for lane in clocks for span in lane.spans)})
        return next((day for day in starts if all(lane.passes(day) for lane in clocks)), None)

    @property
    def to_repeat(self) -> tuple[str, ...]:
        """The dates of the tests, by fact id, that must be done again for the day when waiting is over."""
        if self.waited is None:
            return ()
        return tuple(dict.fromkeys(name for lane in self._in_the_way(self.waited) for name in lane.tests))

    @property
    def steadily_failing(self) -> tuple[str, ...]:
        """The rules that fail on every day looked at."""
        return tuple(name for name, status in self.steady.items() if status == "excludes")

    def table(self) -> pd.DataFrame:
        """Return the lanes, one row per run of days with the same verdict: criterion, title, status, first, last."""
        rows = [
            (one.rule.id, one.title, span.status, span.first, span.last) for one in self.lanes for span in one.spans
        ]
        return pd.DataFrame(rows, columns=["criterion", "title", "status", "first", "last"])

    def __repr__(self) -> str:
        earliest = f"earliest enrolment {self.earliest}" if self.earliest else "no day on which every rule passes"
        return f"<Timeline from {self.first} to {self.last}: {earliest}, {len(self.lanes)} rules change>"

    def _before_or_after(self, day: date) -> tuple[Lane, ...]:
        if self.open:
            return self._in_the_way(day)
        return tuple(lane for lane in self.lanes if lane.on(day) == "excludes")

    def _in_the_way(self, day: date) -> tuple[Lane, ...]:
        return tuple(lane for lane in self.lanes if not lane.passes(day))


HORIZON_DAYS = 1100
"""Three years and a little more: the longest clock of the criteria counts three years."""


def timeline(
    catalogue: Catalogue,
    facts: Mapping[str, FactValue | None],
    phase: Phase | None,
    start: date,
    days: int = HORIZON_DAYS,
    unusable: Mapping[str, str] = MappingProxyType({}),
) -> Timeline:
    """Judge every possible day of enrolment; see :meth:`protocol.eligibility.EligibilityRecord.timeline`."""
    phase = phase_of(catalogue, phase)
    check_day(start, "start")
    if days % 1 or days < 1:
        raise ProtocolError(_("days"), repr(days), _("a whole number, 1 or more"))
    given = {name: value for name, value in check_facts(facts, catalogue).items() if name not in unusable}
    candidates = np.datetime64(start) + np.arange(days)
    moving = _moving(catalogue, given)
    logic = variants(catalogue, given, dict.fromkeys(moving, candidates), days, unusable)
    lanes, steady = [], {}
    open_, possible = np.ones(days, dtype=bool), np.ones(days, dtype=bool)
    for rule in (rule for rule in rules(catalogue, phase) if rule.counted_with is None):
        codes = outcome(logic, rule, phase).codes(days)
        if (codes == codes[0]).all():
            steady[rule.id] = STATUSES[codes[0]]
            continue
        lanes.append(Lane(rule, catalogue.title(rule), _spans(codes, start), _tests(catalogue, rule)))
        open_ &= np.isin(codes, [STATUSES.index(status) for status in _PASSING])
        possible &= codes != STATUSES.index("excludes")
    last, runs = start + timedelta(days=days - 1), _runs(possible, start)
    found = Timeline(start, last, tuple(lanes), steady, _runs(open_, start))
    if found.open or not runs:
        return found
    day = runs[0][0]
    screening = screen(catalogue, given | dict.fromkeys(moving, day), phase, unusable)
    gaps = [gap for lane in found._in_the_way(day) for gap in screening[lane.rule.id].gaps]
    if all(gap.reason == "stale" for gap in gaps):
        return found
    return replace(found, possible=runs, awaited=tuple(dict.fromkeys(gap.about for gap in gaps)))


def _moving(catalogue: Catalogue, given: Mapping[str, FactValue]) -> list[str]:
    """Return the days that move along; a consent still to be given is given on the candidate at the latest."""
    roles = catalogue.roles
    moving = [roles.enrolment_day] if roles.enrolment_day else []
    signed = roles.consent_given is not None and given.get(roles.consent_given) is True
    if roles.consent_day and roles.consent_day not in given and not signed:
        moving.append(roles.consent_day)
    return moving


def _tests(catalogue: Catalogue, rule: Criterion) -> tuple[str, ...]:
    """Return the dates of the tests behind a rule."""
    behind = facts_behind(catalogue, rule)
    return tuple(dict.fromkeys(f.dated_by for f in catalogue.facts if f.id in behind and f.dated_by))


def _spans(codes: Codes, start: date) -> tuple[Span, ...]:
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    return tuple(
        Span(start + timedelta(days=low), start + timedelta(days=high - 1), STATUSES[codes[low]])
        for low, high in pairwise(edges)
    )


def _runs(flags: NDArray[np.bool_], start: date) -> tuple[tuple[date, date], ...]:
    runs = _spans(np.where(flags, 0, 1).astype(np.int8), start)
    return tuple((run.first, run.last) for run in runs if run.status == STATUSES[0])


# --- One participant in many variants ---


def variants(
    catalogue: Catalogue,
    given: Mapping[str, FactValue],
    varied: Mapping[str, NDArray[Any]],
    rows: int,
    unusable: Mapping[str, str] = MappingProxyType({}),
) -> Logic:
    """Return the logic of one participant in many variants.

    Parameters
    ----------
    catalogue : Catalogue
    given : mapping of str to value
        What is known, checked.
    varied : mapping of str to array, shape (variants,)
        Values by fact id, known in every variant: numbers, booleans, datetime64[D], or the places of options.
    rows : int
        How many variants.
    unusable : mapping of str to str, optional
        Facts that cannot be used, with the reason.
    """
    known, facts = np.ones(rows, dtype=bool), prepared(catalogue).facts
    fixed = {name: np.full(rows, _plain(facts[name], value)) for name, value in given.items() if name not in unusable}
    columns = {
        name: Value(Choices(values, list(facts[name].options)) if facts[name].options else values, known)
        for name, values in (fixed | dict(varied)).items()
    }
    return logic_of(catalogue, Columns(columns, unusable))


def _plain(fact: Fact, value: FactValue) -> Any:
    if fact.options:
        return list(fact.options).index(str(value))
    if isinstance(value, date):
        return np.datetime64(value, "D")
    return value if isinstance(value, bool) else float(value)
