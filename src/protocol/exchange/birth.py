"""Dates of birth that say only a month or a year, and what age they still allow to know."""

from calendar import monthrange
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

from protocol.eligibility import EligibilityRecord
from protocol.eligibility.leaves import Participant
from protocol.translation import _


class Birth(NamedTuple):
    """The first and the last day somebody may have been born on."""

    first: date
    last: date
    origin: str


def born(year: int, month: int | None, day: int | None, origin: str) -> Birth:
    """Return the days that a date of birth with or without month and day allows; ValueError when there is none."""
    if month is None:
        return Birth(date(year, 1, 1), date(year, 12, 31), origin)
    if day is None:
        return Birth(date(year, month, 1), date(year, month, monthrange(year, month)[1]), origin)
    return Birth(date(year, month, day), date(year, month, day), origin)


def read_birth(text: str, origin: str) -> Birth:
    """Read an ISO date of which day and month may be left out; ValueError when it is none."""
    parts = [int(part) for part in text.split("-")]
    year, month, day = (*parts, None, None)[:3]
    if len(parts) > 3 or year is None:
        raise ValueError(text)
    return born(year, month, day, origin)


def not_yet_born(birth: Birth | None, as_of: date) -> bool:
    """Whether somebody was born after the as-of date on every day that is possible."""
    return birth is not None and birth.first > as_of


def age_known(
    birth: Birth | None, record: EligibilityRecord, as_of: date, finding: Callable[..., Any]
) -> dict[str, Any]:
    """Return findings of the date of birth and of the age on the as-of date, as far as they are known.

    An age that may be one of two is given when every threshold of the record lies on the same side of both (the
    lower one then); near a threshold it stays unknown.
    """
    if birth is None or not_yet_born(birth, as_of):
        return {}
    years = Participant({}).years
    oldest, youngest = years(birth.first, as_of), years(min(birth.last, as_of), as_of)
    shown = birth.first.isoformat() if birth.first == birth.last else f"{birth.first} – {birth.last}"
    age = finding("age_years", youngest, as_of, birth.origin, original=shown)
    if birth.first == birth.last:
        note = _("completed years on the as-of date")
        exact = finding("birth_date", birth.first, as_of, birth.origin, original=shown)
        return {"birth_date": exact, "age_years": replace(age, note=note)}
    if _side(oldest, record) != _side(youngest, record):
        return {"age_years": finding("age_years", None, as_of, birth.origin, original=shown, reason="missing")}
    if oldest == youngest:
        return {"age_years": replace(age, note=_("completed years on the as-of date"))}
    return {"age_years": replace(age, note=_("{low} or {high} years").format(low=youngest, high=oldest))}


def _side(age: int, record: EligibilityRecord) -> tuple[bool, bool]:
    limits = {parameter.id: parameter.value for parameter in record.parameters}
    return age >= float(limits["age_min_years"]), age <= float(limits["age_max_years"])
