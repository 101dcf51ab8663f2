"""Polars frames, and what becomes one, turned into compact columns; every unusable cell is found and named."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from protocol.eligibility.columns import EPOCH, NEITHER, Column, answer_type, answers, checked, refused
from protocol.eligibility.criteria import Fact
from protocol.records import ProtocolError

IDENTITY = "participant_id"
NO_DAY = date(9999, 12, 31)
"""Stands for what is no day until it is refused."""
FEW = 7
"""Options up to which comparing with each is faster than looking it up."""
A_FRAME = "a pandas or Polars DataFrame with each column once, an Arrow table, a DuckDB relation or a Parquet file"
Batch = dict[str, Column]


def no_frame(frame: Any, error: Exception) -> ProtocolError:
    """Say that something is no table that can be read."""
    reason = (str(error).splitlines() or [""])[0][:60]
    return ProtocolError("cohort", f"{type(frame).__name__} ({reason})", A_FRAME)


class Form(NamedTuple):
    """How a column becomes compact: an expression, and whether the frame itself holds whole numbers."""

    expression: Any
    whole: bool


def forms_of(facts: Mapping[str, Fact], schema: Mapping[str, Any]) -> dict[str, Form]:
    """Return the forms of a frame's columns."""
    return {
        name: Form(
            _expression(fact, schema[name]).fill_null(np.nan if fact.is_number else 0).alias(name),
            schema[name].is_integer(),
        )
        for name, fact in facts.items()
    }


def compact(part: Any, facts: Sequence[Fact], forms: Mapping[str, Form], first_row: int) -> Batch:
    """Turn some columns of a Polars frame, some rows of it, into their compact form."""
    import polars as pl

    try:
        frame = part.select([forms[fact.id].expression for fact in facts]).collect(engine="in-memory")  # in one chunk
    except pl.exceptions.PolarsError as error:
        raise _unusable(part, facts, first_row) or no_frame(part, error) from None
    try:
        columns = {
            fact.id: checked(frame[fact.id].to_numpy(), fact, first_row, whole=forms[fact.id].whole) for fact in facts
        }
    except ProtocolError as error:
        raise _unusable(part, facts, first_row) or error from None
    if any((column == NEITHER).any() for column in columns.values() if column.dtype == np.uint8):
        raise _unusable(part, facts, first_row) or AssertionError
    return columns


def _expression(fact: Fact, dtype: Any, *, strict: bool = True) -> Any:
    """Write a column's compact form as an expression, unknown as null; not strictly, the unusable is null too."""
    import polars as pl

    column = pl.col(fact.id)
    if fact.type == "choice":
        return _option(fact, column if dtype in (pl.Enum, pl.Categorical) else column.cast(pl.String), strict=strict)
    if dtype in (pl.Enum, pl.Categorical):
        column, dtype = column.cast(pl.String), pl.String
    if fact.type == "date":
        return _date(fact, column, dtype, strict=strict)
    if dtype == pl.Boolean and fact.type == "yes_no":
        return column.cast(pl.UInt8) + 1
    if not (dtype.is_numeric() or dtype in (pl.String, pl.Null)):
        raise refused(fact, None, f"cells of type {dtype}")
    numbers = column.cast(pl.Float64, strict=strict)
    if fact.is_number:
        return numbers
    flags, neither = numbers.fill_nan(None), pl.lit(NEITHER if strict else None)
    return pl.when(flags == 0).then(1).when(flags == 1).then(2).when(flags.is_not_null()).then(neither).cast(pl.UInt8)


def _date(fact: Fact, column: Any, dtype: Any, *, strict: bool) -> Any:
    """Count the days of a column, from 31 December 1899."""
    import polars as pl

    if dtype == pl.String:
        column = _written(column, strict=strict)
    elif isinstance(dtype, pl.Datetime):
        column = _midnights(column, dtype, strict=strict)
    elif dtype not in (pl.Date, pl.Null):
        raise refused(fact, None, f"cells of type {dtype}")
    days = column.cast(pl.Date, strict=strict).to_physical() - EPOCH
    return pl.when(days <= 0).then(days - 1).otherwise(days).cast(pl.Int32)


def _written(column: Any, *, strict: bool) -> Any:
    """Take a text that is a day as 2026-03-01; in any other form day and month could be exchanged."""
    import polars as pl

    day, other = column.str.to_date("%Y-%m-%d", strict=False), pl.lit(NO_DAY if strict else None)
    return pl.when(day.cast(pl.String) == column).then(day).when(column.is_not_null()).then(other)


def _midnights(column: Any, dtype: Any, *, strict: bool) -> Any:
    """Take the day where the clock says 00:00, in whatever zone; of any other time the day may be another's."""
    import polars as pl

    clock = column.dt.replace_time_zone(None) if dtype.time_zone else column
    other = pl.lit(NO_DAY if strict else None)
    return pl.when(clock == clock.dt.truncate("1d")).then(clock.cast(pl.Date)).when(clock.is_not_null()).then(other)


def _option(fact: Fact, column: Any, *, strict: bool) -> Any:
    """Number the options from 1; comparing with each of a few is faster than looking them up."""
    import polars as pl

    if len(fact.options) > FEW:
        small = pl.UInt8 if answer_type(fact) is np.uint8 else pl.UInt16
        return column.cast(pl.Enum(answers(fact)), strict=strict).to_physical().cast(small) + 1
    small, neither = pl.UInt8, NEITHER if strict else None
    numbered: Any = pl.when(column.is_null()).then(pl.lit(None, small))
    for number, option in enumerate(fact.options, start=1):
        numbered = numbered.when(column == option).then(pl.lit(number, small))
    return numbered.otherwise(pl.lit(neither, small))


def _unusable(part: Any, facts: Sequence[Fact], first_row: int) -> ProtocolError | None:
    """Find the first cell that cannot be used."""
    import polars as pl

    schema = part.collect_schema()
    for fact in facts:
        loose = _expression(fact, schema[fact.id], strict=False)
        cells = part.select(pl.col(fact.id).alias("cell"), loose.alias("value")).with_row_index("row", first_row)
        wrong = cells.filter(pl.col("cell").is_not_null() & pl.col("value").is_null()).head(1).collect()
        if wrong.height:
            return refused(fact, wrong["row"][0], repr(str(wrong["cell"][0])))
    return None


def collected(lazy: Any, facts: Mapping[str, Fact]) -> Any:
    """Run a lazy frame once: run twice it might give other rows, or the same in another order."""
    names = [name for name in lazy.collect_schema() if name in facts or name == IDENTITY]
    return lazy.select(names).collect(engine="streaming")


def fetched(relation: Any, facts: Mapping[str, Fact]) -> Any:
    """Run a DuckDB relation once, with answers as numbers of their options where all can be."""
    import duckdb
    import polars as pl

    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    plain = {name: '"{}"'.format(name.replace('"', '""')) for name in types if name in facts or name == IDENTITY}
    small = {
        name: f"CAST({text} AS ENUM({', '.join(map(repr, facts[name].options))})) AS {text}"
        for name, text in plain.items()
        if types[name] == "VARCHAR" and name in facts and facts[name].options
    }
    try:
        return pl.DataFrame(relation.project(", ".join((plain | small).values())))
    except duckdb.ConversionException:
        return pl.DataFrame(relation.project(", ".join(plain.values())))
