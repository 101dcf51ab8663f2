"""ISO 8601 durations in calendar units, for one date and for arrays of dates by the same rule."""

import re
from datetime import date

import numpy as np
from dateutil.relativedelta import relativedelta
from numpy.typing import NDArray

from protocol.records import ProtocolError

Days = NDArray[np.datetime64]  # unit: days; a date that is not known is NaT
_DURATION = re.compile(r"(-?)P(?=\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")
_FIRST, _LAST = np.datetime64(date.min, "D"), np.datetime64(date.max, "D")
_MOST_MONTHS, _MOST_DAYS = 12 * 9999, 366 * 9999


def duration(text: str) -> relativedelta:
    """Read an ISO 8601 duration in years, months, weeks and days, with an optional leading minus.

    Months and years are calendar units: added to a date they clip to the end of the month
    (31 August + P6M = 28 February, or 29 in a leap year).

    Raises
    ------
    ValueError
        When the text is no such duration.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f'{text!r} is no duration in days or longer; write "P28D", "P2W", "P6M" or "-P7D"')
    years, months, weeks, days = (int(number or 0) for number in match.groups()[1:])
    length = relativedelta(years=years, months=months, weeks=weeks, days=days)
    return -length if match[1] else length


def moved(days: Days, text: str, sign: int = 1) -> Days:
    """Move dates by an ISO 8601 duration: months first, clipped to the end of the month, then days.

    Parameters
    ----------
    days : ndarray of datetime64[D], any shape
        NaT stays NaT.
    text : str
        The duration; ``sign=-1`` moves back.

    Raises
    ------
    ProtocolError
        When the calendar (years 1 to 9999) ends before a result.
    """
    length = duration(text)
    months = sign * (12 * length.years + length.months)
    if abs(months) > _MOST_MONTHS or abs(length.days) > _MOST_DAYS:
        raise _beyond(days.flat[0], text)
    result: Days = _clipped(days, months) + sign * int(length.days)
    outside = (result < _FIRST) | (result > _LAST)
    if outside.any():
        raise _beyond(days[outside][0], text)
    return result


def _clipped(days: Days, months: int) -> Days:
    if not months:
        return days
    here = days.astype("datetime64[M]")
    there = here + months
    end = (there + 1).astype("datetime64[D]") - 1
    return np.asarray(np.minimum(there.astype("datetime64[D]") + (days - here.astype("datetime64[D]")), end))


def _beyond(day: object, text: str) -> ProtocolError:
    return ProtocolError("date", f"{day}, which cannot be moved by {text}", "a nearer date")


def shifted(day: date, text: str, sign: int = 1) -> date:
    """Move one date by an ISO 8601 duration; ``sign=-1`` moves it back. The batch of length one of :func:`moved`.

    Raises
    ------
    ProtocolError
        When the calendar ends before the result.
    """
    result: date = moved(np.array([day], "datetime64[D]"), text, sign)[0].item()
    return result
