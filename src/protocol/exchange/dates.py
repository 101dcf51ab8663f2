"""What a date in a foreign file means: the days that are possible, and the exact moment if one is given."""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, tzinfo
from typing import NamedTuple

from protocol.eligibility.fact_sources import ParticipantFacts

_TIME = r"(T(?:[01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?:\.\d+)?)?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?)"
"""A time as FHIR has it: 24:00 is none, a leap second is one."""

_PARTIAL = re.compile(rf"(\d{{4}})(?:-(\d\d)(?:-(\d\d){_TIME}?)?)?", re.ASCII)

_DAY = re.compile(r"\d{4}-\d\d-\d\d|\d{8}|\d{4}-W\d\d-[1-7]|\d{4}W\d\d[1-7]", re.ASCII)
"""One day in ISO form; a calendar week without its day is none."""

_MIDNIGHT = ("", " 00:00:00", "T00:00:00")
"""What spreadsheets and data frames write behind a day."""


class PartialDate(NamedTuple):
    """The first and the last day that a date can mean; `moment` is its time in UTC as ISO text, empty without one.

    The two days are the same for a whole date, and the ends of a month or a year for a date without day or month.
    """

    first: date
    last: date
    moment: str = ""

    @property
    def is_exact(self) -> bool:
        """Whether it means one day."""
        return self.first == self.last

    def __str__(self) -> str:
        return self.first.isoformat() if self.is_exact else f"{self.first} – {self.last}"

    def completed_years(self, day: date) -> tuple[int, int]:
        """Return how many years are completed on a day, at least and at most."""
        years = ParticipantFacts({}).years
        return years(self.last, day), years(self.first, day)


def of_parts(year: int, month: int | None = None, day: int | None = None) -> PartialDate:
    """Return the days that a year, a month of it or a day of that can mean; a day without month counts as none.

    Raises
    ------
    ValueError, OverflowError
        When there is no such day.
    """
    if month is None:
        return PartialDate(date(year, 1, 1), date(year, 12, 31))
    first, last = (1, monthrange(year, month)[1]) if day is None else (day, day)
    return PartialDate(date(year, month, first), date(year, month, last))


def partial_date(text: object, *, time: bool = True, zone: tzinfo | None = None) -> PartialDate:
    """Read a date like ``1980``, ``1980-05`` or ``1980-05-06``, as FHIR writes them.

    Parameters
    ----------
    text : str
        Anything else is no date.
    time : bool
        Whether a whole date may go on with a time. A time without its zone gives no moment.
    zone : tzinfo, optional
        Whose calendar day a moment counts for. Without it, the day is the written one.

    Raises
    ------
    ValueError
        When it is no date, or its time is none.
    """
    match = _PARTIAL.fullmatch(text) if isinstance(text, str) else None
    if match is None or (match[4] and not time):
        raise ValueError(text)
    year, month, day = (int(part) if part else None for part in match.groups()[:3])
    assert year is not None  # noqa: S101 - the pattern has it
    found = of_parts(year, month, day)
    return _at(match[0], found, zone) if match[5] else found


def _at(text: str, written: PartialDate, zone: tzinfo | None) -> PartialDate:
    """Return the moment of a text with time and zone, on its day in `zone`; without moment at the ends of time."""
    try:
        found = datetime.fromisoformat(re.sub(r":60(?:\.\d+)?", ":59.999999", text))
        day = found.astimezone(zone).date() if zone else written.first
        return PartialDate(day, day, found.astimezone(UTC).isoformat())
    except OverflowError:
        return written


def whole_day(text: str, first: date = date.min, last: date = date.max) -> date:
    """Read a day in ISO form, as spreadsheets and data frames write it: with or without midnight behind it.

    Raises
    ------
    ValueError
        When it is no day, or not one from `first` to `last`.
    """
    written = text[:10] if text[10:] in _MIDNIGHT else text
    if not _DAY.fullmatch(written):
        raise ValueError(text)
    day = date.fromisoformat(written)
    if not first <= day <= last:
        raise ValueError(text)
    return day


_YEAR_FIRST = re.compile(
    r"(\d{4})(?:-(\d{1,2})-|/(\d{1,2})/|\.(\d{1,2})\.|年(\d{1,2})月)(\d{1,2})日?"
    r"(?:[ T]+\d{1,2}:[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)?",
    re.ASCII,
)


def written_day(text: str, first: date = date.min, last: date = date.max) -> date:
    """Read a day as hospital systems write it: with the year first, and perhaps a time on the clock of the place.

    It reads ``1980/5/6``, ``1980.5.6``, ``1980年5月6日``, ``2026-03-01 10:30`` and all that :func:`whole_day` does.
    A day with the year last is refused: its day and month could be exchanged.

    Raises
    ------
    ValueError
        When it is no day, or not one from `first` to `last`.
    """
    found = _YEAR_FIRST.fullmatch(text)
    if found is None:
        return whole_day(text, first, last)
    year, *months, of_month = found.groups()
    day = date(int(year), int(next(filter(None, months))), int(of_month))
    if not first <= day <= last:
        raise ValueError(text)
    return day
