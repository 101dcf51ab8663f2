"""The facts that conditions are evaluated on, and how dates are counted: for one participant and for many.

Both classes are :class:`protocol.eligibility.logic.Leaves`: :class:`ParticipantFacts` and :class:`Columns`.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from dateutil.relativedelta import relativedelta
from numpy.typing import NDArray

from protocol.eligibility.criteria import Fact, FactValue
from protocol.eligibility.frames import EPOCH, LAST_NUMBER, Column, answers
from protocol.eligibility.logic import Value

Days = NDArray[Any]
"""Dates as datetime64[D], or as whole numbers as compact columns hold them; spans of time as whole numbers."""


class ParticipantFacts:
    """The facts of one participant, as plain Python values; None or absent means unknown.

    What was found but cannot be used (its unit is unknown, sources disagree) is not among `facts` but stands in
    `unusable` with its reason.
    """

    def __init__(
        self, facts: Mapping[str, FactValue | None], unusable: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.facts, self.unusable = facts, unusable

    def fact(self, fact: Fact) -> Value:
        """Look up one fact."""
        value = self.facts.get(fact.id)
        return Value(value, value is not None)

    def flags(self, outcome: bool) -> bool:
        """Return the outcome of a comparison."""
        return outcome

    def unpacked(self, flags: bool) -> bool:
        """Return flags as they are."""
        return flags

    def days(self, earlier: date, later: date) -> int:
        """Count the days from one date to another."""
        return (later - earlier).days

    def months(self, earlier: date, later: date) -> int:
        """Count complete calendar months; month ends clip."""
        months = (later.year - earlier.year) * 12 + later.month - earlier.month
        clipped: date = earlier + relativedelta(months=months)
        return months - (clipped > later)

    def years(self, born: date, on: date) -> int:
        """Count completed years."""
        return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


class Choices:
    """A column of a choice fact: the position of each answer among the options, compared with an option's id.

    Where the answer is not known the position may be any number.
    """

    def __init__(self, positions: NDArray[np.integer[Any]], options: list[str]) -> None:
        self.positions, self.options = positions, options

    def __eq__(self, other: object) -> Any:
        if isinstance(other, Choices):
            mine, theirs = (np.array(one.options).take(one.positions, mode="clip") for one in (self, other))
            return mine == theirs
        return self.positions == (self.options.index(str(other)) if other in self.options else -1)

    def __ne__(self, other: object) -> Any:
        return ~(self == other)

    __hash__ = None  # type: ignore[assignment]


class Columns:
    """The facts of many participants, as arrays of shape (participants,); an absent column is unknown for all."""

    def __init__(self, values: Mapping[str, Value], unusable: Mapping[str, str] = MappingProxyType({})) -> None:
        self.values, self.unusable = values, unusable

    def fact(self, fact: Fact) -> Value:
        """Look up one fact's column."""
        return self.values.get(fact.id, Value(None, False))

    def flags(self, outcome: Any) -> Any:
        """Return the outcome of a comparison, one boolean per participant."""
        return outcome

    def unpacked(self, flags: Any) -> Any:
        """Return flags as they are."""
        return flags

    def days(self, earlier: Days, later: Days) -> Days:
        """Count the days from one date to another."""
        return _numbered(later) - _numbered(earlier)

    def months(self, earlier: Days, later: Days) -> Days:
        """Count complete calendar months; month ends clip."""
        start, end, (month, day, ends_month) = _numbered(earlier), _numbered(later), _calendar()
        early = (day[end] < day[start]) & ~ends_month[end]
        return month[end] - month[start] - early

    def years(self, born: Days, on: Days) -> Days:
        """Count completed years."""
        start, end, (month, day, _ends_month) = _numbered(born), _numbered(on), _calendar()
        return (month[end] - month[start] - (day[end] < day[start])) // 12


def value_of(column: Column, fact: Fact) -> Value:
    """Return the values of a compact column, and which of them are known."""
    if fact.is_number:
        return Value(column, column == column)  # NaN differs from itself
    if fact.type == "date":
        return Value(column, column != 0)
    if fact.type == "choice":
        return Value(Choices(column - 1, answers(fact)), column != 0)
    return Value(column == answers(fact).index(True) + 1, column != 0)


def _numbered(days: Days) -> Days:
    """Count dates in days, as compact columns do."""
    return days if days.dtype.kind == "i" else days.astype("datetime64[D]").astype(np.int64) - EPOCH


@lru_cache(maxsize=1)
def _calendar() -> tuple[Days, Days, Days]:
    """Return months since 1970-01, day of the month and whether it is the month's last, by number of the day."""
    days = np.arange(EPOCH, EPOCH + 2 * LAST_NUMBER).astype("datetime64[D]")  # a century and more to look ahead
    months = days.astype("datetime64[M]")
    day = (days - months).astype(np.int32) + 1
    return months.astype(np.int32), day, np.append(day[1:], 1) == 1
