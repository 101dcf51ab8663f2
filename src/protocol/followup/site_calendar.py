"""Working days of a site, and the best day inside every window.

The rule: the working day nearest to the target day, the earlier one of two equally near, never outside the window
and never before today; days that leave a working day to the visits that hang on this one go first. Working days are
the site's weekdays without the public holidays of its country, with the weekend days that the country makes working
days. Some countries announce these days year by year (China in about November of the year before): the days of a
year that is not announced are provisional.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import MAXYEAR, date
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.followup.ledger import Dates
from protocol.followup.schedule import ONE_DAY, Days, FollowupRecord, Visit, Working, moved
from protocol.followup.windows import FIRST_VISIT, UNKNOWN, DateTable, Schedule, WindowDays, read_table
from protocol.records import ProtocolError
from protocol.translation import _

_MARGIN_DAYS = 60  # for what hangs on the last day of a window

MOST_DAYS = 3660  # days further ahead are not planned one by one


@lru_cache
def public_days(country: str, year: int) -> tuple[dict[date, str], frozenset[date]]:
    """Return the public holidays of a year with their names, and its weekend days that are worked.

    Parameters
    ----------
    country : str
        ISO 3166 code. Empty: no public holidays.
    year : int

    Raises
    ------
    ProtocolError
        If the public holidays of the country are not known.
    """
    if not country:
        return {}, frozenset()
    found = _country(country, year)
    names = {day: name.partition(" (")[0] for day, name in found.items() if day.year == year}
    return names, frozenset(day for day in found.weekend_workdays if day.year == year)


def last_announced_year(working: Working) -> int:
    """Return the last year whose working days are known; 9999 if the country announces none year by year.

    Raises
    ------
    ProtocolError
        If the public holidays of the country are not known.
    """
    country = _country_of(working)
    return _last_announced(country) if country else MAXYEAR


@lru_cache
def _last_announced(country: str) -> int:
    found = _country(country, None)
    return max(found.special_public_holidays) if found.has_substituted_holidays else MAXYEAR


def _country_of(working: Working) -> str:
    return working.holidays.value if working.holidays else ""


def _country(country: str, year: int | None) -> Any:
    import holidays

    try:
        return holidays.country_holidays(country, years=year, language="en_US")
    except NotImplementedError:
        write = _("the ISO 3166 code of another country, or no holidays")
        raise ProtocolError("working.holidays", repr(country), write) from None


Serves = Callable[[Days], NDArray[np.bool_]]


@dataclass(frozen=True)
class Calendar:
    """The days of a stretch on which a site can take a visit.

    Parameters
    ----------
    first : numpy.datetime64
        The stretch's first day.
    free : ndarray of bool, shape (days,)
        Whether the site works and has a place.
    """

    first: np.datetime64
    free: NDArray[np.bool_]

    @classmethod
    def of(
        cls, working: Working, first: np.datetime64, last: np.datetime64, full: Collection[date] = ()
    ) -> "Calendar":
        """Make the calendar of a site from its first to its last day; `full` are days without a place left."""
        days = np.arange(first, last + ONE_DAY)
        if len(days) > MOST_DAYS:
            raise ProtocolError(
                _("dates"),
                _("{n} days to plan").format(n=len(days)),
                _("dates within {most_days} days of today").format(most_days=MOST_DAYS),
            )
        weekday = (days.astype("int64") + 3) % 7 + 1  # 1970-01-01 was a Thursday
        free = np.isin(weekday, working.weekdays.value)
        for year in range(days[0].item().year, days[-1].item().year + 1):
            closed, worked = public_days(_country_of(working), year)
            free &= ~np.isin(days, _array(closed))
            if working.makeup_days.value:
                free |= np.isin(days, _array(worked))
        return cls(first, free & ~np.isin(days, _array(full)))

    def is_free(self, days: Days) -> NDArray[np.bool_]:
        """Return whether each day can take a visit; False for days outside the calendar and for NaT."""
        place = (days - self.first).astype("int64")
        inside = ~np.isnat(days) & (place >= 0) & (place < len(self.free))
        return np.asarray(inside & self.free[np.where(inside, place, 0)])

    def nearest(self, opens: Days, target: Days, closes: Days, serves: Serves | None = None) -> Days:
        """Return the free day of each window that is nearest to its target; NaT if there is none.

        Days for which `serves` is True are preferred.
        """
        best = np.full(target.shape, UNKNOWN, "datetime64[D]")
        if serves:
            best = self._nearest(opens, target, closes, best, serves)
        return self._nearest(opens, target, closes, best, lambda days: ~np.isnat(days))

    def _nearest(self, opens: Days, target: Days, closes: Days, best: Days, serves: Serves) -> Days:
        widest = np.fmax(target - opens, closes - target)
        known = widest[~np.isnat(widest)].astype("int64")
        for distance in range(int(known.max(initial=-1)) + 1):
            for day in (target - distance * ONE_DAY, target + distance * ONE_DAY):
                fits = np.isnat(best) & (day >= opens) & (day <= closes) & self.is_free(day) & serves(day)
                best = np.where(fits, day, best)
        return best


def _array(days: Collection[date]) -> Days:
    return np.array(sorted(days), "datetime64[D]")


def reason(working: Working, day: date, full: Collection[date] = ()) -> str:
    """Return why a site cannot take a visit on a day: a holiday's name, ``weekday`` or ``full``; "" if it can."""
    closed, worked = public_days(_country_of(working), day.year)
    if day in closed:
        return closed[day]
    if day.isoweekday() not in working.weekdays.value and not (working.makeup_days.value and day in worked):
        return "weekday"
    return "full" if day in full else ""


Plan = dict[str, tuple[Visit, WindowDays, Days]]


def _planned(
    record: FollowupRecord, given: DateTable, level: int, earliest: np.datetime64, full: Collection[date]
) -> Plan:
    """Choose days for all visits; a visit that hangs on a visit follows the day chosen for that one."""
    days: dict[str, Days] = {}
    plan: Plan = {}
    for _turn in record.all_visits:
        table = DateTable(given.names, given.frequencies, given.dates | days, given.rows)
        schedule = Schedule(record, table, level, earliest - ONE_DAY)
        before, plan = plan, _chosen(schedule, given, earliest, full)
        days = {name: best for name, (_visit, _window, best) in plan.items() if name != FIRST_VISIT}
        days = {name: np.where(np.isnat(given[name]), best, given[name]) for name, best in days.items()}
        if before and all(np.array_equal(before[n][2], plan[n][2], equal_nan=True) for n in plan):
            break
    return plan


def _chosen(schedule: Schedule, given: DateTable, earliest: np.datetime64, full: Collection[date]) -> Plan:
    windows = {visit.id: schedule.window(visit) for visit in schedule.visits.values()}
    ends = np.concatenate([window.closes for window in windows.values()])
    last = np.fmax.reduce(ends) if len(ends) else UNKNOWN
    if np.isnat(last) or last < earliest:
        return {}
    calendar, plan = Calendar.of(schedule.record.working, earliest, last + _MARGIN_DAYS * ONE_DAY, full), {}
    for visit in schedule.visits.values():
        window = windows[visit.id]
        to_come = np.isnat(given[visit.id]) & ~schedule.cancelled(visit) & (window.closes >= earliest)
        opens = np.where(to_come, np.fmax(window.opens, earliest), UNKNOWN)
        plan[visit.id] = (
            visit,
            window,
            calendar.nearest(opens, window.target, window.closes, _serving(schedule, visit, calendar)),
        )
    return plan


def _serving(schedule: Schedule, visit: Visit, calendar: Calendar) -> Serves | None:
    """Return a test of days: does each visit that hangs on this one then have a free day."""
    hanging = [other for other in schedule.visits.values() if schedule.parents[other.id] == visit.id]

    def serves(days: Days) -> NDArray[np.bool_]:
        answer = np.ones(days.shape, bool)
        for other in hanging:
            window = schedule.around(moved(days, other.offset), other)
            answer &= ~np.isnat(calendar.nearest(window.opens, window.target, window.closes))
        return answer

    return serves if hanging else None


def best_days(
    record: FollowupRecord,
    dates: Dates,
    frequency: int,
    today: date,
    done: Dates | None = None,
    full: Collection[date] = (),
) -> pd.DataFrame:
    """Return a proposed day for every visit to come of one participant.

    Parameters
    ----------
    record, dates, frequency, today, done
        As for :func:`protocol.followup.timeline`. What a site works is ``record.working``.
    full : collection of date
        Days on which the site has no place left.

    Returns
    -------
    pandas.DataFrame
        One row a visit whose window has not passed, by target day: ``id``, ``name``, ``opens``, ``target``,
        ``closes``, ``best`` (datetime64[s]; NaT when no day of the window is left), ``moved_days`` (Int64),
        ``why`` (why not the target day: ``past``, ``chain`` for the sake of
        what hangs on it, or see :func:`reason`), ``provisional`` (bool: the year's public
        holidays are not announced).

    Raises
    ------
    ProtocolError
        As :func:`protocol.followup.timeline`, and for dates further ahead than can be planned.
    """
    row = {"participant": "", "frequency": frequency, **dates, **(done or {})}
    given = read_table(record, pd.DataFrame([row], dtype=object), today)
    plan = _planned(record, given, frequency, np.datetime64(today, "D"), full)
    rows = []
    for visit, window, best in plan.values():
        coming = ~np.isnat(window.target[0]) and window.closes[0] >= np.datetime64(today, "D")
        if coming and np.isnat(given[visit.id][0]) and not _given_already(visit, given, today):
            rows.append(_proposal(record.working, visit, window, best[0], today, full))
    columns = ["id", "name", "opens", "target", "closes", "best", "why", "provisional"]
    frame = pd.DataFrame(rows, columns=columns)
    for column in ("opens", "target", "closes", "best"):
        frame[column] = frame[column].astype("datetime64[s]")
    frame["moved_days"] = (frame["best"] - frame["target"]).dt.days.astype("Int64")
    return frame.sort_values("target", kind="stable", ignore_index=True)


def _given_already(visit: Visit, given: DateTable, today: date) -> bool:
    return visit.id == FIRST_VISIT and bool(given[visit.hangs_on][0] < np.datetime64(today, "D"))


def _proposal(
    working: Working, visit: Visit, window: WindowDays, best: np.datetime64, today: date, full: Collection[date]
) -> tuple[object, ...]:
    target: date = window.target[0].item()
    year = window.closes[0].item().year
    why = "past" if target < today else reason(working, target, full) or "chain"
    return (
        visit.id,
        visit.name,
        window.opens[0],
        window.target[0],
        window.closes[0],
        best,
        "" if best == window.target[0] else why,
        year > last_announced_year(working),
    )


def doomed_starts(
    record: FollowupRecord, frequency: int, first: date, last: date, full: Collection[date] = ()
) -> pd.DataFrame:
    """Return the days on which a first infusion would leave a visit without a working day in its window.

    Every day from `first` to `last` is tried.

    Returns
    -------
    pandas.DataFrame
        One row a day and visit that would have no day: ``start``, ``opens``, ``target``, ``closes``
        (datetime64[s]), ``id``, ``name``, ``provisional``. Empty when every day will do.

    Raises
    ------
    ProtocolError
        When `last` is before `first`.
    """
    if last < first:
        raise ProtocolError(
            _("last day"),
            _("{last}, which is before {first}").format(last=last, first=first),
            _("a date on or after {first}").format(first=first),
        )
    starts = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + ONE_DAY)
    size = len(starts)
    levels = np.full(size, frequency)
    given = DateTable(tuple(map(str, starts)), levels, {record.first_infusion: starts}, np.arange(size))
    plan = _planned(record, given, frequency, starts[0] - ONE_DAY, full)
    frames = [_doomed(record.working, visit, window, best, starts) for visit, window, best in plan.values()]
    frame = pd.concat(frames, ignore_index=True)
    return frame.sort_values(["start", "target"], kind="stable", ignore_index=True)


def _doomed(working: Working, visit: Visit, window: WindowDays, best: Days, starts: Days) -> pd.DataFrame:
    none = np.isnat(best) & ~np.isnat(window.target)
    days = {"start": starts, "opens": window.opens, "target": window.target, "closes": window.closes}
    frame = pd.DataFrame({name: values[none].astype("datetime64[s]") for name, values in days.items()})
    late = frame["closes"].dt.year > last_announced_year(working)
    return frame.assign(id=visit.id, name=visit.name, provisional=late)
