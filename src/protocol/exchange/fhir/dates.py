"""FHIR's dates, which may be a year, a month, a day or a moment."""

import re
from datetime import UTC, date, datetime
from typing import Any

from dateutil.relativedelta import relativedelta

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(T.*)?)?)?")


def first_day(value: Any) -> date | None:
    """Return the first day a FHIR date may mean: the cautious one for a measurement. None when it is no date."""
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        return date(int(match[1]), int(match[2] or 1), int(match[3] or 1)) if match else None
    except ValueError:
        return None


def last_day(value: Any) -> date | None:
    """Return the last day a FHIR date may mean: the cautious one for the end of something."""
    day = first_day(value)
    if day is None:
        return None
    length = len(value)
    last: date = day + relativedelta(years=length == 4, months=length == 7, days=-(length in (4, 7)))
    return last


def moment(value: Any) -> str:
    """Return the moment in universal time where a FHIR date has one, to order values of one day."""
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC).isoformat() if found.tzinfo else ""
    except (TypeError, ValueError, OverflowError):
        return ""


def not_dates(resource: dict[str, Any]) -> list[str]:
    """Return the elements of a resource that ought to be a date and are none."""
    given = {name: at for name, at in resource.items() if name.endswith(("DateTime", "Instant", "Date", "issued"))}
    for name, own in resource.items():
        if name.endswith("Period") and isinstance(own, dict):
            given |= {f"{name}.{end}": own.get(end) for end in ("start", "end")}
    return [name for name, at in given.items() if at is not None and first_day(at) is None]


def period(resource: dict[str, Any], stem: str) -> tuple[Any, Any]:
    """Return start and end of ``stem``: a dateTime, an instant, or a Period."""
    own = resource.get(f"{stem}Period")
    if isinstance(own, dict):
        return own.get("start"), own.get("end")
    at = resource.get(f"{stem}DateTime") or resource.get(f"{stem}Instant")
    return at, at
