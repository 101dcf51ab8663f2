"""When something in a FHIR resource was: every form of ``effective[x]``, ``performed[x]``, ``onset[x]`` and so on.

A moment counts for the day of the trial's zone, a partial date for all the days it can mean, an age for the days on
which the person had it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from math import ceil
from typing import Any, NamedTuple

from dateutil.relativedelta import relativedelta

from protocol.eligibility.criteria import FIRST_DAY, LAST_DAY
from protocol.exchange.dates import PartialDate, partial_date
from protocol.exchange.units import UCUM

_CHOICES = ("DateTime", "Instant", "Period", "Timing", "Age", "Range", "String")

_AGES = {
    "a": relativedelta(years=1),
    "mo": relativedelta(months=1),
    "wk": relativedelta(weeks=1),
    "d": relativedelta(days=1),
}
"""UCUM's units of an age, each with the time in which a person has it."""

_OLDEST = 200
"""Years; a larger age is none."""


class When(NamedTuple):
    """The time of something.

    Attributes
    ----------
    start, end : PartialDate or None
        Its beginning and its end; the same for one date. None if unknown, or if it goes on.
    is_given : bool
        Whether the resource says anything about it.
    is_period : bool
        Whether it says more than one date.
    """

    start: PartialDate | None = None
    end: PartialDate | None = None
    is_given: bool = False
    is_period: bool = False


@dataclass(frozen=True)
class Clock:
    """Reads the dates of one person's resources.

    Attributes
    ----------
    zone : tzinfo
        Whose calendar days count.
    born : PartialDate or None
        When the person was born; without it, an age is no date.
    """

    zone: tzinfo
    born: PartialDate | None = None

    def date(self, value: Any) -> PartialDate | None:
        """Return the days that a value can mean; None if it is no date on which a participant may be judged."""
        try:
            found = partial_date(value, zone=self.zone)
        except ValueError:
            return None
        return found if found.first >= FIRST_DAY and found.last <= LAST_DAY else None

    def when(self, resource: dict[str, Any], stem: str) -> When:
        """Return the time that the element ``stem[x]`` of a resource says."""
        given = [name for name in _CHOICES if resource.get(f"{stem}{name}") is not None]
        if len(given) != 1:
            return When(is_given=bool(given))
        value = resource[f"{stem}{given[0]}"]
        match given[0], value:
            case "Period", dict():
                return self._period(value)
            case "Timing", dict():
                return self._timing(value)
            case "Age", dict():
                days = self._days_of_age(value)
                return When(days, days, is_given=True)
            case "Range", dict():
                low, high = (self._days_of_age(value.get(bound)) for bound in ("low", "high"))
                return When(low, high, is_given=True, is_period=True)
            case (("DateTime" | "Instant"), _):
                at = self.date(value)
                return When(at, at, is_given=True)
        return When(is_given=True)

    def _period(self, period: dict[str, Any]) -> When:
        if self._is_reversed(period):
            return When(is_given=True, is_period=True)
        return When(self.date(period.get("start")), self.date(period.get("end")), is_given=True, is_period=True)

    def _timing(self, timing: dict[str, Any]) -> When:
        """Return the time from the first to the last event, or the bounds of what is repeated."""
        events, repeat = timing.get("event"), timing.get("repeat")
        if isinstance(events, list) and events:
            days = [self.date(event) for event in events]
            known = [day for day in days if day]
            if len(known) < len(days):
                return When(is_given=True, is_period=True)
            return When(min(known), max(known, key=lambda day: (day.last, day.moment)), is_given=True, is_period=True)
        bounds = repeat.get("boundsPeriod") if isinstance(repeat, dict) else None
        return self._period(bounds) if isinstance(bounds, dict) else When(is_given=True, is_period=True)

    def _days_of_age(self, age: Any) -> PartialDate | None:
        """Return the days on which the person can have had an age; it is complete until the next birthday."""
        if self.born is None or not isinstance(age, dict) or age.get("comparator") or age.get("system", UCUM) != UCUM:
            return None
        value, step = age.get("value"), _AGES.get(str(age.get("code") or age.get("unit")))
        if isinstance(value, bool) or not isinstance(value, (int, float)) or step is None:
            return None
        if not 0 <= value <= _OLDEST * 366:
            return None
        try:
            first, last = self.born.first + step * int(value), self.born.last + step * (int(value) + 1)
        except (OverflowError, ValueError):
            return None
        found = PartialDate(first, last - timedelta(1))
        return found if found.first >= FIRST_DAY and found.last <= LAST_DAY else None

    def after(self, start: PartialDate, duration: Any, times: int = 1) -> PartialDate | None:
        """Return the last day of a duration that begins on a date and is repeated; None if it is none."""
        value, unit = (
            (duration.get(name) for name in ("value", "code")) if isinstance(duration, dict) else (None, None)
        )
        step = _AGES.get(str(unit or duration.get("unit"))) if isinstance(duration, dict) else None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or step is None:
            return None
        if not 0 < value * times <= _OLDEST * 366:
            return None
        try:
            last = start.last + step * ceil(value * times)
        except (OverflowError, ValueError):
            return None
        return PartialDate(last, last)

    def _is_reversed(self, period: dict[str, Any]) -> bool:
        start, end = self.date(period.get("start")), self.date(period.get("end"))
        return bool(start and end and (end.last < start.first or "" < end.moment < start.moment))

    def not_dates(self, resource: dict[str, Any]) -> Iterator[str]:
        """Yield the elements of a resource that ought to be a date and are none, or are another one's opposite."""
        for name, given in resource.items():
            if name.endswith(("DateTime", "Instant", "Date", "issued")) and given is not None:
                if self.date(given) is None:
                    yield name
            elif name.endswith("Period") and isinstance(given, dict):
                ends = [end for end in ("start", "end") if given.get(end) is not None and not self.date(given[end])]
                yield from (f"{name}.{end}" for end in ends)
                if self._is_reversed(given):
                    yield name
            elif name.endswith("Timing") and isinstance(given, dict) and isinstance(given.get("event"), list):
                if any(self.date(event) is None for event in given["event"]):
                    yield f"{name}.event"
            elif name in ("performedString", "onsetString", "abatementString"):
                yield name


def last_day(found: PartialDate, as_of: date) -> date:
    """Return the last day that a date can mean up to the as-of date, if it can have been by then."""
    return min(found.last, as_of) if found.first <= as_of else found.last
