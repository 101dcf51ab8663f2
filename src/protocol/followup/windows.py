"""Windows: which days each visit may have, for all participants of one frequency level at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocol.followup.durations import Days, moved
from protocol.followup.record import (
    END_OF_TREATMENT,
    FIRST_INFUSION,
    LAST_INFUSION,
    WITHDRAWAL,
    FollowupRecord,
    Visit,
)
from protocol.followup.tables import FIRST_VISIT, UNKNOWN, Table
from protocol.records import ProtocolError


@dataclass(frozen=True)
class Window:
    """The days of one visit of many participants, arrays of equal shape, NaT where the anchor has no date.

    First day, planned day and last day of the window, and the last day on which the visit counts as overdue.
    """

    opens: Days
    target: Days
    closes: Days
    overdue_until: Days

    @classmethod
    def unknown(cls, size: int) -> "Window":
        """Return windows of which nothing is known."""
        return cls(*(np.full(size, UNKNOWN, "datetime64[D]") for _day in range(4)))


class Schedule:
    """The windows of every visit of one frequency level, worked out along the chains.

    Parameters
    ----------
    record : FollowupRecord
    given : Table
        Participants of this level only.
    level : int
    today : numpy.datetime64
        The first infusion counts as done from its day on.
    """

    def __init__(self, record: FollowupRecord, given: Table, level: int, today: np.datetime64) -> None:
        self.record, self.given, self.today = record, given, today
        self.visits = {visit.id: visit for visit in record.visits_at(level)}
        self.roots = record.roots(level)
        self.parents = {name: record.parent(visit, level) for name, visit in self.visits.items()}
        self._windows: dict[str, Window] = {}

    def window(self, visit: Visit) -> Window:
        """Return the days of a visit."""
        if visit.id not in self._windows:
            self._windows[visit.id] = self.around(moved(self._base(visit), visit.offset), visit)
        return self._windows[visit.id]

    def around(self, target: Days, visit: Visit) -> Window:
        """Return the window of a visit around target days."""
        opens, closes = moved(target, visit.window.before, -1), moved(target, visit.window.after)
        return Window(opens, target, closes, moved(closes, self.record.overdue.value))

    def done(self, visit: Visit) -> Days:
        """Return the days on which a visit took place; the first infusion is its own anchor."""
        if visit.id != FIRST_VISIT:
            return self.given[visit.id]
        anchor = self.given[FIRST_INFUSION]
        return np.where(anchor <= self.today, anchor, self.given[visit.id])

    def cancelled(self, visit: Visit) -> NDArray[np.bool_]:
        """Say where early termination cancels a visit that was not done."""
        ended, window = self.given[WITHDRAWAL], self.window(visit)
        if self.roots[visit.id] == WITHDRAWAL:
            return np.zeros(len(self.given), bool)
        if visit.is_infusion:
            return np.asarray(window.target > np.fmin(self.given[END_OF_TREATMENT], ended))
        return np.asarray(window.closes >= ended)

    def check_counted(self, visit: Visit) -> None:
        """Raise ProtocolError for a visit that was done although the day it counts from is not known."""
        done = self.done(visit)
        wrong = ~np.isnat(done) & np.isnat(self.window(visit).target)
        if wrong.any():
            row = int(wrong.argmax())
            name = next(item.name for item in self.record.anchors if item.id == self.roots[visit.id])
            found = f"done on {done[row]}, but no date to count it from"
            raise ProtocolError(self.given.place(row, visit.name), found, f"the date of “{name}” too")

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
