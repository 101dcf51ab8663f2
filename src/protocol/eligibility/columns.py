"""Columns of a cohort in their smallest exact form, the unknown inside: what every kind of frame is turned into.

Numbers are float64 with NaN for unknown; dates count from 31 December 1899, with 0 for unknown; answers (choice,
yes or no) count from 1 in the order of their options, with 0 for unknown. Null, NaN, NaT, NA, None: all are unknown.
"""

import re
from contextlib import suppress
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.eligibility.criteria import Fact
from protocol.eligibility.values import FIRST_DAY, LAST_DAY, expected
from protocol.records import ProtocolError

Column = NDArray[Any]
EPOCH = (FIRST_DAY - date(1970, 1, 1)).days - 1
"""The day numbered 0, counted from 1970-01-01: the day before the first day a participant may have."""
LAST_NUMBER = (LAST_DAY - date(1970, 1, 1)).days - EPOCH
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
YES_NO = (False, True)
NEITHER = 255
"""Stands for what is neither yes nor no until it is refused."""


def answers(fact: Fact) -> list[Any]:
    """Return what a fact of few answers may hold, in the order of their numbers."""
    return list(fact.options) if fact.type == "choice" else list(YES_NO)


def answer_type(fact: Fact) -> type[np.unsignedinteger[Any]]:
    """Return the smallest integer that numbers a fact's answers."""
    return np.uint8 if len(answers(fact)) < NEITHER else np.uint16


def refused(fact: Fact, row: int | None, found: str) -> ProtocolError:
    """Say which cell of a frame cannot be used; rows count from 1."""
    where = f"column {fact.id}" + (f", row {row}" if row is not None else "")
    return ProtocolError(where, found[:80], expected(fact))


def checked(column: Column, fact: Fact, first_row: int, *, whole: bool = False) -> Column:
    """Return the column when its numbers are plausible and its dates possible; `whole` numbers have no fractions.

    Raises
    ------
    ProtocolError
        Naming the first cell that is not.
    """
    if fact.type == "date":
        return _dates_checked(column, fact, first_row)
    if fact.is_number:
        _numbers_checked(column, fact, first_row, whole)
    return column


def _numbers_checked(numbers: Column, fact: Fact, first_row: int, whole: bool) -> None:
    broken = numbers > np.floor(numbers) if fact.type == "whole" and not whole else np.False_
    lowest, highest = np.fmin.reduce(numbers, initial=np.inf), np.fmax.reduce(numbers, initial=-np.inf)
    if lowest >= fact.minimum and highest <= fact.maximum and not broken.any():
        return
    wrong = np.flatnonzero((numbers < fact.minimum) | (numbers > fact.maximum) | broken)
    if len(wrong):
        raise refused(fact, first_row + wrong[0], f"{numbers[wrong[0]]:g} {fact.unit_label}".rstrip())


def _dates_checked(days: Column, fact: Fact, first_row: int) -> Column:
    """Check days counted from 31 December 1899; earlier ones count from -1, since 0 is the unknown."""
    if days.size and (days.min() < 0 or days.max() > LAST_NUMBER):
        wrong = np.flatnonzero((days < 0) | (days > LAST_NUMBER))
        day = int(days[wrong[0]])
        found = str(np.datetime64(day + EPOCH + (day < 0), "D"))
        raise refused(fact, first_row + wrong[0], found)
    return days


def of_pandas(series: "pd.Series[Any]", fact: Fact, first_row: int = 1) -> Column:
    """Turn a pandas column of any dtype into its compact form."""
    try:
        return checked(_of_pandas(series, fact, first_row), fact, first_row)
    except (TypeError, ValueError) as error:
        if isinstance(error, ProtocolError):
            raise
        raise refused(fact, None, str(error)) from None


def _of_pandas(series: "pd.Series[Any]", fact: Fact, first_row: int) -> Column:
    if fact.is_number:
        return _numbers(series)
    if fact.type == "date":
        return _days(series, fact, first_row)
    codes, found = pd.factorize(series)
    places = {answer: number for number, answer in enumerate(answers(fact), start=1)}
    values = [value if fact.type == "choice" else _flag(value) for value in found]
    unknown = [value for value in values if str(value) not in map(str, places)]
    if unknown:
        raise ValueError(repr(str(unknown[0])))
    numbers = [places[str(value) if fact.type == "choice" else value] for value in values]
    return np.array([*numbers, 0], dtype=answer_type(fact))[codes]  # code -1 is missing: the last entry


def _numbers(series: "pd.Series[Any]") -> Column:
    """Take numbers, in no case yes and no as 1 and 0 or moments as a count."""
    types = pd.api.types
    other = types.is_bool_dtype(series) or types.is_datetime64_any_dtype(series)
    if other or (series.dtype == object and any(isinstance(cell, (bool, np.bool_, date)) for cell in series)):
        raise ValueError("yes and no, or dates, instead of numbers")
    return series.to_numpy(dtype=np.float64, na_value=np.nan)


def _flag(value: Any) -> bool:
    if value in ("True", "False"):  # as Dask makes text of them
        return bool(value == "True")
    if isinstance(value, str) or value not in YES_NO:
        raise ValueError(f"{str(value)!r}, neither true nor false")
    return bool(value)


def _days(series: "pd.Series[Any]", fact: Fact, first_row: int) -> Column:
    """Take the day where the clock says 00:00, in whatever zone; of any other time the day may be another's."""
    if getattr(getattr(series.dtype, "pyarrow_dtype", series.dtype), "tz", None) is not None:
        series = series.dt.tz_localize(None)
    known = series.notna().to_numpy(dtype=bool)
    cells: Any = series.to_numpy()
    if series.dtype.kind != "M":
        cells = np.array([_day(cell, fact, row) for row, cell in enumerate(series, first_row)], dtype=object)
    values = np.where(known, cells, np.datetime64(EPOCH, "D"))
    dates = values.astype("datetime64[D]")
    odd = np.flatnonzero(values.astype("datetime64[us]") != dates)
    if len(odd):
        raise refused(fact, first_row + odd[0], str(values[odd[0]]))
    days = dates.astype(np.int64) - EPOCH
    return np.where(known, np.where(days <= 0, days - 1, days), 0).astype(np.int32)


def _day(cell: Any, fact: Fact, row: int) -> Any:
    """Take a date, a moment on its own clock, or a text like 2026-03-01; a text in another form could be any day."""
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None)
    if isinstance(cell, (date, np.datetime64)) or pd.isna(cell):
        return cell
    if isinstance(cell, str) and DAY.fullmatch(cell):
        with suppress(ValueError):
            return date.fromisoformat(cell)
    raise refused(fact, row, repr(cell))


def empty(fact: Fact, size: int) -> Column:
    """Return room for the compact column of `size` participants."""
    if fact.is_number:
        return np.empty(size, dtype=np.float64)
    return np.empty(size, dtype=np.int32 if fact.type == "date" else answer_type(fact))
