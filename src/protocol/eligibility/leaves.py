"""Where conditions find their facts, and how dates are counted: for one participant and for many."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

import numpy as np
from dateutil.relativedelta import relativedelta
from numpy.typing import NDArray

from protocol.eligibility.criteria import Fact, FactValue
from protocol.eligibility.logic import Value

Days = NDArray[np.datetime64]
"""Dates as datetime64[D]."""


class Participant:
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
    """A column of a choice fact: the position of each answer among the options, compared with an option's id."""

    def __init__(self, positions: NDArray[np.integer[Any]], options: list[str]) -> None:
        self.positions, self.options = positions, options

    def __eq__(self, other: object) -> Any:
        if isinstance(other, Choices):
            return np.array(self.options)[self.positions] == np.array(other.options)[other.positions]
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

    def days(self, earlier: Days, later: Days) -> NDArray[np.int64]:
        """Count the days from one date to another."""
        return (later - earlier).astype(np.int64)

    def months(self, earlier: Days, later: Days) -> NDArray[np.int64]:
        """Count complete calendar months; month ends clip."""
        month, day = _month_and_day(later)
        first_month, first_day = _month_and_day(earlier)
        ends_month = _month_and_day(later + np.timedelta64(1, "D"))[1] == 1
        months: NDArray[np.int64] = month - first_month - ((day < first_day) & ~ends_month)
        return months

    def years(self, born: Days, on: Days) -> NDArray[np.int64]:
        """Count completed years."""
        (month, day), (birth_month, birth_day) = _month_and_day(on), _month_and_day(born)
        years: NDArray[np.int64] = (month - birth_month - (day < birth_day)) // 12
        return years


def _month_and_day(days: Days) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return months since 1970-01 and the day of the month."""
    months = days.astype("datetime64[M]")
    return months.astype(np.int64), (days - months).astype(np.int64) + 1
