"""The ledger: every visit with its window and its one status.

The axis of one visit, all days inclusive::

    opens              target             closes             closes + overdue
      |------ open ------|------ due -------|----- overdue -----|
    not yet  (before)                                             missed (after)     when it was not done
    early    (before)         in window           late           (after closes)      when it was done

``opens = target - window.before`` and ``closes = target + window.after``. The target day is due, and so is the
last day of the window: it is not overdue. Whether a visit is done on a day is judged on the same window. A visit
whose anchor has no date is *not yet known*; a visit of another frequency level is *not applicable*.

Elapsed days count from the first infusion (0 on that day). Study days have no zero: study day 1 is the day of the
first infusion and study day -1 the day before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import pandas as pd

from protocol.followup.record import FIRST_INFUSION, FollowupRecord, Visit, shifted
from protocol.records import ProtocolError

Dates = Mapping[str, date | None]
Row = dict[str, object]
STATUSES = (
    "not yet", "open", "due", "overdue", "missed", "early", "in window", "late", "not applicable",
    "not yet known",
)  # fmt: skip
_DATES = ("opens", "target", "closes", "done", "today")


@dataclass(frozen=True)
class Days:
    """The days of one visit: first day, planned day and last day of its window, and how long it stays overdue."""

    opens: date
    target: date
    closes: date
    overdue_until: date


def status(days: Days | None, done: date | None, today: date) -> str:
    """Decide a visit's status: the only place where this is decided.

    Parameters
    ----------
    days : Days or None
        The visit's days; None when its anchor has no date.
    done : date or None
        The day on which the visit took place.
    today : date
        The reader's day.
    """
    if days is None:
        return "not yet known"
    if done is not None:
        return "early" if done < days.opens else "late" if done > days.closes else "in window"
    if today < days.opens:
        return "not yet"
    if today < days.target:
        return "open"
    if today <= days.closes:
        return "due"
    return "overdue" if today <= days.overdue_until else "missed"


def study_day(elapsed_days: int) -> int:
    """Turn elapsed days since the first infusion into the study day, which has no zero."""
    return elapsed_days + 1 if elapsed_days >= 0 else elapsed_days


def timeline(
    record: FollowupRecord, dates: Dates, frequency: int, today: date, done: Dates | None = None
) -> pd.DataFrame:
    """List every visit of one participant with its window and its status today.

    Parameters
    ----------
    record : FollowupRecord
        What the protocol says about time.
    dates : mapping of str to date or None
        Anchor id to the day it happened or is planned; a missing anchor is never guessed.
    frequency : int
        The participant's infusion frequency level.
    today : date
        The reader's day.
    done : mapping of str to date or None, optional
        Visit id to the day it took place. A visit that hangs on a visit counts from the day that one took place,
        and from its target day until then.

    Returns
    -------
    pandas.DataFrame
        One row a visit, by target day, unknown and inapplicable visits last: ``kind`` (infusion or visit),
        ``id``, ``name``, ``root`` (its anchor), ``hangs_on``, ``offset``, ``opens``, ``target``, ``closes``,
        ``done`` (datetime64[s]), ``elapsed_days`` and ``study_day`` (of the target; Int64), ``status``,
        ``procedures``, ``is_assumption``, ``origin``, ``window_origin``.

    Raises
    ------
    ProtocolError
        For an unknown anchor, visit or frequency, anchors out of order, a visit done in the future, at an anchor
        without a date or at another frequency level.
    """
    _check_level(record, frequency)
    check_dates(record, dates)
    case = _Case(record, dates, frequency, today, {name: day for name, day in (done or {}).items() if day})
    case.check_done()
    rows = [case.row(visit) for visit in case.visits.values()]
    rows += [case.other_row(visit) for visit in record.all_visits if visit.id not in case.visits]
    frame = _dated(pd.DataFrame(rows))
    for column in ("elapsed_days", "study_day"):
        frame[column] = frame[column].astype("Int64")
    return frame.sort_values("target", kind="stable", na_position="last", ignore_index=True)


def check_dates(record: FollowupRecord, dates: Dates) -> None:
    """Raise ProtocolError for a date at an unknown anchor or for anchors out of the order of the record."""
    known = [anchor.id for anchor in record.anchors]
    for name in dates:
        if name not in known:
            raise ProtocolError("anchor dates", f"{name!r}", f"one of {known}")
    given = [(anchor.name, day) for anchor in record.anchors if (day := dates.get(anchor.id)) is not None]
    for (earlier, first), (later, second) in pairwise(given):
        if second < first:
            found = f"{second}, which is before “{earlier}” ({first})"
            raise ProtocolError(later, found, f"a date on or after {first}")


def _check_level(record: FollowupRecord, frequency: int) -> None:
    levels = [item.level for item in record.frequencies]
    if frequency not in levels:
        raise ProtocolError("frequency", f"{frequency!r}", f"one of {levels}")


@dataclass(frozen=True)
class _Case:
    """One participant: the dates given so far at one frequency level."""

    record: FollowupRecord
    dates: Dates
    level: int
    today: date
    done: Mapping[str, date]

    @property
    def visits(self) -> dict[str, Visit]:
        return {visit.id: visit for visit in self.record.visits_at(self.level)}

    def check_done(self) -> None:
        names = {visit.id: visit.name for visit in self.record.all_visits}
        for name, day in self.done.items():
            if name not in names:
                raise ProtocolError("visits done", f"{name!r}", f"one of {list(names)}")
            if day > self.today:
                found = f"done on {day}, which is after today ({self.today})"
                raise ProtocolError(names[name], found, f"a date up to {self.today}")
            if name not in self.visits:
                found = f"done on {day}, but it is no visit of frequency {self.level}"
                raise ProtocolError(names[name], found, "no date, or the frequency it belongs to")

    def days(self, visit: Visit) -> Days | None:
        """Work out a visit's days from the day it is counted from; None while that day is not known."""
        base = self.base_day(visit)
        if base is None:
            return None
        target = shifted(base, visit.offset)
        closes = shifted(target, visit.window.after)
        opens = shifted(target, visit.window.before, -1)
        return Days(opens, target, closes, shifted(closes, self.record.overdue.value))

    def base_day(self, visit: Visit) -> date | None:
        parent = self.record.parent(visit, self.level)
        if parent not in self.visits:
            return self.dates.get(parent)
        above = self.visits[parent]
        days = self.days(above)
        return self.day_done(above) or (days.target if days else None)

    def day_done(self, visit: Visit) -> date | None:
        """The day a visit took place; the first infusion is its own anchor, so its date is known already."""
        given, anchor = self.done.get(visit.id), self.dates.get(FIRST_INFUSION)
        if visit.id != "infusion_day_1" or anchor is None:
            return given
        if given is not None and given != anchor:
            found = f"done on {given}, while the first infusion is {anchor}"
            raise ProtocolError(visit.name, found, "the same date at both")
        return anchor if anchor <= self.today else None

    def row(self, visit: Visit) -> Row:
        days, done = self.days(visit), self.day_done(visit)
        if days is None and done is not None:
            found = f"done on {done}, but no date to count it from"
            root = self.record.root(visit, self.level)
            name = next(item.name for item in self.record.anchors if item.id == root)
            raise ProtocolError(visit.name, found, f"the date of “{name}” too")
        zero = self.dates.get(FIRST_INFUSION)
        elapsed = (days.target - zero).days if days and zero else None
        return self.described(visit) | {
            "root": self.record.root(visit, self.level),
            "opens": days and days.opens, "target": days and days.target, "closes": days and days.closes,
            "done": done, "elapsed_days": elapsed,
            "study_day": None if elapsed is None else study_day(elapsed),
            "status": status(days, done, self.today),
        }  # fmt: skip

    def other_row(self, visit: Visit) -> Row:
        """Make the row of a visit that belongs to other frequency levels only."""
        empty = dict.fromkeys(("root", "opens", "target", "closes", "done", "elapsed_days", "study_day"))
        return self.described(visit) | empty | {"status": "not applicable"}

    def described(self, visit: Visit) -> Row:
        procedures = {item.id: item.name for item in self.record.procedures}
        names = {item.id: item.name for item in self.record.anchors}
        names |= {item.id: item.name for item in self.record.all_visits}
        parent = self.record.parent(visit, self.level)
        return {
            "kind": "infusion" if visit.id.startswith("infusion_day_") else "visit",
            "id": visit.id, "name": visit.name, "hangs_on": names[parent], "offset": visit.offset,
            "procedures": ", ".join(procedures[name] for name in visit.procedures),
            "is_assumption": visit.is_assumption, "origin": visit.origin, "window_origin": visit.window.origin,
        }  # fmt: skip


def landmarks(record: FollowupRecord, dates: Dates, today: date) -> pd.DataFrame:
    """List today, the anchors and the periods as rows for a picture.

    Returns
    -------
    pandas.DataFrame
        ``kind`` (today, anchor or period), ``id``, ``name``, ``root``, ``opens``, ``target``, ``closes``,
        ``done``, ``today`` (datetime64[s]); the target of a period is its last day. Days that hang on an anchor
        without a date are NaT.
    """
    check_dates(record, dates)
    rows: list[Row] = [{"kind": "today", "id": "today", "name": "Today", "today": today}]
    for anchor in record.anchors:
        day = dates.get(anchor.id)
        rows.append({"kind": "anchor", "id": anchor.id, "name": anchor.name, "root": anchor.id, "target": day})
    for period in record.periods:
        base, starts = dates.get(period.hangs_on), dates.get(period.starts)
        last = shifted(base, period.lasts) if base and starts else None
        rows.append(
            {"kind": "period", "id": period.id, "name": period.name, "root": period.hangs_on,
             "opens": last and starts, "target": last, "closes": last}
        )  # fmt: skip
    return _dated(pd.DataFrame(rows).reindex(columns=["kind", "id", "name", "root", *_DATES]))


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    """Type the date columns; seconds, because nanoseconds end in the year 2262."""
    for column in set(_DATES) & set(frame.columns):
        days = [None if pd.isna(day) else day for day in frame[column]]
        frame[column] = pd.Series(pd.array(days, dtype="datetime64[s]"), index=frame.index)
    return frame
