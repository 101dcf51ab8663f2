"""The window of each visit, for a checked table of participants."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.followup.schedule import (
    LAST_INFUSION,
    Days,
    FollowupRecord,
    Visit,
    infusion_visit,
    moved,
)
from protocol.records import ProtocolError
from protocol.translation import _, list_of, place_in

UNKNOWN = np.datetime64("NaT", "D")

FIRST_VISIT = infusion_visit(1)


@dataclass(frozen=True)
class DateTable:
    """The dates of some participants.

    Parameters
    ----------
    names : tuple of str
        Every participant of the table.
    frequencies : ndarray of int
        The frequency level of every participant.
    dates : dict of str to ndarray of datetime64[D]
        By the ids of anchors and visits, NaT where not known.
    rows : ndarray of int
        The participants meant here, as places in `names`.
    """

    names: tuple[str, ...]
    frequencies: NDArray[np.int64]
    dates: dict[str, Days]
    rows: NDArray[np.intp]

    def __len__(self) -> int:
        """How many participants are meant."""
        return len(self.rows)

    def __getitem__(self, name: str | None) -> Days:
        """Return the dates of one anchor or visit; NaT if the record has no such anchor (None)."""
        if name is None or name not in self.dates:
            return np.full(len(self), UNKNOWN, "datetime64[D]")
        return self.dates[name][self.rows]

    @property
    def levels(self) -> list[int]:
        """The frequency levels that occur."""
        return [int(level) for level in np.unique(self.frequencies)]

    def at(self, level: int) -> "DateTable":
        """Return the participants of one frequency level."""
        return DateTable(self.names, self.frequencies, self.dates, np.flatnonzero(self.frequencies == level))

    def place(self, row: int, what: str) -> str:
        """Name a place in the table for a message; `row` counts the participants meant here."""
        name = self.names[self.rows[row]]
        return place_in(name, what) if name else what


def read_table(record: FollowupRecord, table: pd.DataFrame, today: date) -> DateTable:
    """Check a table of dates; see :func:`protocol.followup.timelines`.

    Raises
    ------
    ProtocolError
        For a missing, unknown or repeated column or participant, an unknown frequency, a cell that is no date,
        anchors out of order, a visit done in the future or at another frequency level.
    """
    _check_columns(record, table)
    names = tuple(map(str, table["participant"]))
    twice = pd.Index(names)[pd.Index(names).duplicated()]
    if len(twice):
        raise ProtocolError(_("participant"), _("{twice!r} twice").format(twice=twice[0]), _("each participant once"))
    dates = {name: _days(table, name, names) for name in table.columns.drop(["participant", "frequency"])}
    given = DateTable(names, _levels(record, table, names), dates, np.arange(len(names)))
    _check_order(record, given)
    _check_done(record, given, np.datetime64(today, "D"))
    return given


def _check_columns(record: FollowupRecord, table: pd.DataFrame) -> None:
    anchors = [anchor.id for anchor in record.anchors]
    visits = [visit.id for visit in record.all_visits]
    for name in ("participant", "frequency"):
        if name not in table.columns:
            raise ProtocolError(_("table of dates"), _("no column {name!r}").format(name=name), _("that column too"))
    for name in table.columns.drop(["participant", "frequency"]):
        if name not in [*anchors, *visits]:
            raise ProtocolError(
                _("dates"),
                f"{name!r}",
                _("an anchor ({anchors}) or a visit of the record").format(anchors=list_of(anchors)),
            )
    if table.columns.has_duplicates:
        raise ProtocolError(_("table of dates"), _("a column twice"), _("each column once"))


def _levels(record: FollowupRecord, table: pd.DataFrame, names: tuple[str, ...]) -> NDArray[np.int64]:
    known = [item.level for item in record.frequencies]
    for name, level in zip(names, table["frequency"], strict=True):
        if level not in known:
            raise ProtocolError(
                _("{name}, frequency").format(name=name) if name else _("frequency"),
                f"{level!r}",
                _("one of {options}").format(options=list_of(map(str, known))),
            )
    return table["frequency"].to_numpy().astype(np.int64)


def _days(table: pd.DataFrame, column: str, names: tuple[str, ...]) -> Days:
    values: pd.Series[Any] = table[column]
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.to_numpy().astype("datetime64[D]")
    days = [None if value is None or value is pd.NaT or value != value else value for value in values]
    for name, day in zip(names, days, strict=True):
        if day is not None and not isinstance(day, date):
            raise ProtocolError(
                place_in(name, column) if name else column, f"{day!r}", _("a date such as 2026-03-01")
            )
    return np.array(days, "datetime64[D]")


def _first(wrong: NDArray[np.bool_]) -> int | None:
    return int(wrong.argmax()) if wrong.any() else None


def _check_order(record: FollowupRecord, given: DateTable) -> None:
    latest = np.full(len(given), UNKNOWN, "datetime64[D]")
    for anchor in record.anchors:
        if (row := _first(given[anchor.id] < latest)) is not None:
            raise _out_of_order([(item.name, given[item.id][row]) for item in record.anchors], given, row)
        latest = np.fmax(latest, given[anchor.id])


def _out_of_order(days: Iterable[tuple[str, Any]], given: DateTable, row: int) -> ProtocolError:
    known = [(name, day) for name, day in days if not np.isnat(day)]
    (before, first), (later, second) = next(pair for pair in pairwise(known) if pair[1][1] < pair[0][1])
    found = _("{second}, which is before “{before}” ({first})").format(second=second, before=before, first=first)
    return ProtocolError(given.place(row, later), found, _("a date on or after {first}").format(first=first))


def _check_done(record: FollowupRecord, given: DateTable, today: np.datetime64) -> None:
    for visit in record.all_visits:
        if visit.id not in given.dates:
            continue
        done, levels = given[visit.id], given.frequencies
        if (row := _first(done > today)) is not None:
            found = _("done on {done}, which is after today ({today})").format(done=done[row], today=today)
            raise ProtocolError(given.place(row, visit.name), found, _("a date up to {today}").format(today=today))
        if visit.frequencies and (row := _first(~np.isnat(done) & ~np.isin(levels, visit.frequencies))) is not None:
            found = _("done on {done}, but it is no visit of frequency {levels}").format(
                done=done[row], levels=levels[row]
            )
            raise ProtocolError(given.place(row, visit.name), found, _("no date, or the frequency it belongs to"))
        anchor = given[record.first_infusion]
        same = np.isnat(done) | np.isnat(anchor) | (done == anchor)
        if visit.id == FIRST_VISIT and (row := _first(~same)) is not None:
            found = _("done on {done}, while the first infusion is {anchor}").format(
                done=done[row], anchor=anchor[row]
            )
            raise ProtocolError(given.place(row, visit.name), found, _("the same date at both"))


@dataclass(frozen=True)
class WindowDays:
    """The window of one visit for many participants: arrays of equal shape, NaT where the anchor has no date.

    First day, planned day and last day of the window, and the last day on which the visit counts as overdue.
    """

    opens: Days
    target: Days
    closes: Days
    overdue_until: Days

    @classmethod
    def unknown(cls, size: int) -> "WindowDays":
        """Return windows without dates."""
        return cls(*(np.full(size, UNKNOWN, "datetime64[D]") for _day in range(4)))


class Schedule:
    """The windows of all visits of one frequency level; a visit that hangs on a visit follows it.

    Parameters
    ----------
    record : FollowupRecord
    given : DateTable
        Participants of this level only.
    level : int
    today : numpy.datetime64
        The first infusion counts as done from its day on.
    """

    def __init__(self, record: FollowupRecord, given: DateTable, level: int, today: np.datetime64) -> None:
        self.record, self.given, self.today = record, given, today
        self.visits = {visit.id: visit for visit in record.visits_at(level)}
        self.roots = record.roots(level)
        self.parents = {name: record.parent(visit, level) for name, visit in self.visits.items()}
        self._windows: dict[str, WindowDays] = {}

    def window(self, visit: Visit) -> WindowDays:
        """Return the days of a visit."""
        if visit.id not in self._windows:
            self._windows[visit.id] = self.around(moved(self._base(visit), visit.offset), visit)
        return self._windows[visit.id]

    def around(self, target: Days, visit: Visit) -> WindowDays:
        """Return the window of a visit around target days."""
        opens, closes = moved(target, visit.window.before, -1), moved(target, visit.window.after)
        return WindowDays(opens, target, closes, moved(closes, self.record.overdue.value))

    def done(self, visit: Visit) -> Days:
        """Return the days on which a visit took place; the first infusion is its own anchor."""
        if visit.id != FIRST_VISIT:
            return self.given[visit.id]
        anchor = self.given[self.record.first_infusion]
        return np.where(anchor <= self.today, anchor, self.given[visit.id])

    def cancelled(self, visit: Visit) -> NDArray[np.bool_]:
        """Return for whom early termination cancels the visit, if it was not done."""
        withdrawal, window = self.record.anchor("withdrawal"), self.window(visit)
        ended = self.given[withdrawal]
        if self.roots[visit.id] == withdrawal:
            return np.zeros(len(self.given), bool)
        if visit.is_infusion:
            return np.asarray(window.target > np.fmin(self.given[self.record.anchor("end_of_treatment")], ended))
        return np.asarray(window.closes >= ended)

    def check_counted(self, visit: Visit) -> None:
        """Raise ProtocolError for a visit that was done although the day it counts from is not known."""
        done = self.done(visit)
        wrong = ~np.isnat(done) & np.isnat(self.window(visit).target)
        if wrong.any():
            row = int(wrong.argmax())
            name = next(item.name for item in self.record.anchors if item.id == self.roots[visit.id])
            found = _("done on {done}, but no date to count it from").format(done=done[row])
            raise ProtocolError(
                self.given.place(row, visit.name), found, _("the date of “{name}” too").format(name=name)
            )

    def _base(self, visit: Visit) -> Days:
        if visit.hangs_on == LAST_INFUSION:
            return self._last_infusion()
        above = self.visits.get(visit.hangs_on)
        return self.given[visit.hangs_on] if above is None else self._day(above)

    def _day(self, visit: Visit) -> Days:
        done = self.done(visit)
        return np.where(np.isnat(done), self.window(visit).target, done)

    def _last_infusion(self) -> Days:
        """Return the latest infusion that was given or is still planned."""
        latest = np.full(len(self.given), UNKNOWN, "datetime64[D]")
        for visit in self.visits.values():
            if visit.is_infusion:
                void = self.cancelled(visit) & np.isnat(self.done(visit))
                latest = np.fmax(latest, np.where(void, UNKNOWN, self._day(visit)))
        return latest
