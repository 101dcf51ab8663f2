"""Where a cohort's columns come from: any frame with one row per participant, or a Parquet file, batch by batch."""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, reduce
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, overload

import numpy as np
import pandas as pd

from protocol.eligibility.columns import EPOCH, NEITHER, Column, answer_type, answers, checked, of_pandas, refused
from protocol.eligibility.criteria import Fact
from protocol.records import ProtocolError

IDENTITY = "participant_id"
COLUMNS = 8
"""Columns read from a file together: few, so that little memory is needed."""
MOST = 1 << 18
"""Rows read together at most."""
FEW = 5
A_FRAME = "a pandas or Polars DataFrame with each column once, an Arrow table, a DuckDB relation or a Parquet file"

Batch = dict[str, Column]


class Source(Protocol):
    """One row per participant, readable as often as needed."""

    @property
    def facts(self) -> Mapping[str, Fact]:
        """The facts it has a column for."""

    def __len__(self) -> int:
        """Count the participants."""

    def pieces(self) -> list[tuple[int, int]]:
        """Return the rows best read together, each as its first and the one behind its last."""

    def read(self, names: Iterable[str], first: int, last: int) -> Batch:
        """Read some facts of the rows from `first` up to before `last`, in their compact form; on any thread."""

    def identities(self) -> Sequence[str] | None:
        """Read the participants' ids; None when there is no such column."""


class Participants(Sequence[str]):
    """The ids of a cohort, read when somebody asks for one; row numbers from 1 where a cohort has none."""

    def __init__(self, source: Source) -> None:
        self._source, self._size = source, len(source)

    @cached_property
    def _ids(self) -> Sequence[str]:
        found = self._source.identities()
        return range(1, self._size + 1) if found is None else found  # type: ignore[return-value]

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> tuple[str, ...]: ...
    def __getitem__(self, row: int | slice) -> str | tuple[str, ...]:
        """Return the id in a row, or several."""
        if isinstance(row, slice):
            return tuple(str(self._ids[place]) for place in range(*row.indices(self._size)))
        return str(self._ids[row])

    def __iter__(self) -> Iterator[str]:
        return map(str, self._ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return id(self)


def source_of(frame: Any, facts: Mapping[str, Fact]) -> Source:
    """Recognise a frame.

    Raises
    ------
    ProtocolError
        When it is no table of a kind that can be read, or has a column twice.
    """
    if isinstance(frame, (str, Path)):
        return ParquetFile(Path(frame), facts)
    if isinstance(frame, pd.DataFrame):
        return PandasFrame(frame, facts)
    kind = type(frame).__module__.partition(".")[0]
    if kind not in ("polars", "pyarrow", "duckdb", "_duckdb") and not hasattr(frame, "__arrow_c_stream__"):
        return PandasFrame(_by_narwhals(frame), facts)
    import polars as pl

    if isinstance(frame, pl.LazyFrame):
        frame = _collected(frame, facts)
    elif "duckdb" in kind:
        frame = _fetched(frame, facts)
    try:
        return PolarsFrame(frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame), facts)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise _no_frame(frame, error) from None


def _no_frame(frame: Any, error: Exception) -> ProtocolError:
    reason = (str(error).splitlines() or [""])[0][:60]
    return ProtocolError("cohort", f"{type(frame).__name__} ({reason})", A_FRAME)


def _by_narwhals(frame: Any) -> pd.DataFrame:
    import narwhals as nw

    try:
        table: pd.DataFrame = nw.from_native(frame, eager_only=True).to_pandas()
    except (TypeError, ValueError) as error:
        raise _no_frame(frame, error) from None
    return table


class PandasFrame:
    """A pandas frame of any dtypes."""

    def __init__(self, frame: pd.DataFrame, facts: Mapping[str, Fact]) -> None:
        if not frame.columns.is_unique:
            raise _no_frame(frame, ValueError("a column twice"))
        self.frame, self.facts = frame, {name: facts[name] for name in frame.columns if name in facts}

    def __len__(self) -> int:
        return len(self.frame)

    def pieces(self) -> list[tuple[int, int]]:
        """See :class:`Source`."""
        return cut([len(self)])

    def read(self, names: Iterable[str], first: int, last: int) -> Batch:
        """See :class:`Source`."""
        rows = self.frame.iloc[first:last]
        return {name: of_pandas(rows[name], self.facts[name], first + 1) for name in names}

    def identities(self) -> Sequence[str] | None:
        """See :class:`Source`."""
        return self.frame[IDENTITY].to_numpy() if IDENTITY in self.frame else None  # type: ignore[return-value]


class PolarsFrame:
    """A Polars frame in memory."""

    def __init__(self, frame: Any, facts: Mapping[str, Fact]) -> None:
        self.frame, self.facts = frame, {name: facts[name] for name in frame.columns if name in facts}

    def __len__(self) -> int:
        return int(self.frame.height)

    def pieces(self) -> list[tuple[int, int]]:
        """See :class:`Source`."""
        return cut([len(self)])

    def read(self, names: Iterable[str], first: int, last: int) -> Batch:
        """See :class:`Source`."""
        return _compact(self.frame.lazy().slice(first, last - first), [self.facts[n] for n in names], first + 1)

    def identities(self) -> Sequence[str] | None:
        """See :class:`Source`."""
        return self.frame[IDENTITY] if IDENTITY in self.frame.columns else None


class ParquetFile:
    """A Parquet file, of which only what is asked for is ever in memory."""

    def __init__(self, path: Path, facts: Mapping[str, Fact]) -> None:
        import polars as pl

        self.path, self._one_at_a_time = path, Lock()
        try:
            self.scan = pl.scan_parquet(path)
            self.schema = self.scan.collect_schema()
            self.size = int(self.scan.select(pl.len()).collect().item())
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _no_frame(str(path), error) from None
        self.facts = {name: facts[name] for name in self.schema if name in facts}

    def __len__(self) -> int:
        return self.size

    def pieces(self) -> list[tuple[int, int]]:
        """See :class:`Source`. What the file keeps together is read together: the rest would be read in vain."""
        import duckdb

        groups = "SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata(?) ORDER BY 1"
        with duckdb.connect(config={"threads": 1}) as connection:
            return cut([rows for _group, rows in connection.execute(groups, [str(self.path)]).fetchall()])

    def read(self, names: Iterable[str], first: int, last: int) -> Batch:
        """See :class:`Source`."""
        chosen, part = [self.facts[name] for name in names], self.scan.slice(first, last - first)
        groups = (chosen[start : start + COLUMNS] for start in range(0, len(chosen), COLUMNS))
        with self._one_at_a_time:  # Polars has threads of its own; two readings would only need twice the memory
            return {name: column for group in groups for name, column in _compact(part, group, first + 1).items()}

    def identities(self) -> Sequence[str] | None:
        """See :class:`Source`."""
        if IDENTITY not in self.schema:
            return None
        ids: Any = self.scan.select(IDENTITY).collect().to_series()
        return ids  # type: ignore[no-any-return]


def cut(groups: Iterable[int]) -> list[tuple[int, int]]:
    """Cut rows kept in groups into pieces of about a size: small groups together, large ones in equal parts."""
    pieces, first, last = [], 0, 0
    for rows in groups:
        if rows > MOST:
            pieces += [(first, last)] if first < last else []
            edges = np.linspace(last, last + rows, -(-rows // MOST) + 1).astype(int).tolist()
            pieces += pairwise(edges)
            first = last = last + rows
        else:
            last += rows
            if last - first >= MOST // 2:
                pieces.append((first, last))
                first = last
    return [*pieces, (first, last)] if first < last else pieces


def _compact(part: Any, facts: Sequence[Fact], first_row: int) -> Batch:
    """Turn some columns of a Polars frame, some rows of it, into their compact form."""
    import polars as pl

    schema = part.collect_schema()
    expressions = [
        _expression(fact, schema[fact.id]).fill_null(np.nan if fact.is_number else 0).alias(fact.id) for fact in facts
    ]
    try:
        frame = part.select(expressions).collect()
    except pl.exceptions.PolarsError as error:
        raise _unusable(part, facts, first_row) or _no_frame(part, error) from None
    columns = {fact.id: checked(frame[fact.id].to_numpy(), fact, first_row) for fact in facts}
    if any((column == NEITHER).any() for column in columns.values() if column.dtype == np.uint8):
        raise _unusable(part, facts, first_row) or AssertionError
    return columns


def _expression(fact: Fact, dtype: Any, *, strict: bool = True) -> Any:
    """Write a column's compact form as an expression, unknown as null; not strictly, the unusable is null too."""
    import polars as pl

    column = pl.col(fact.id)
    if fact.is_number:
        return column.cast(pl.Float64, strict=strict)
    if fact.type == "date":
        if dtype == pl.String:
            column = column.str.to_date(strict=strict)
        days = column.cast(pl.Date, strict=strict).to_physical() - EPOCH
        return pl.when(days == 0).then(-1).otherwise(days).cast(pl.Int32)
    if fact.type == "choice":
        return _option(fact, column if dtype in (pl.Enum, pl.Categorical) else column.cast(pl.String), strict=strict)
    if dtype == pl.Boolean:
        return column.cast(pl.UInt8) + 1
    flags = column.cast(pl.Float64, strict=strict).fill_nan(None)
    neither = pl.lit(NEITHER if strict else None)
    return pl.when(flags == 0).then(1).when(flags == 1).then(2).when(flags.is_not_null()).then(neither).cast(pl.UInt8)


def _option(fact: Fact, column: Any, *, strict: bool) -> Any:
    """Number the options from 1; comparing with each of a few is faster than looking them up."""
    import polars as pl

    if len(fact.options) > FEW:
        small = pl.UInt8 if answer_type(fact) is np.uint8 else pl.UInt16
        return column.cast(pl.Enum(answers(fact)), strict=strict).to_physical().cast(small) + 1
    numbered = ((column == option).cast(pl.UInt8) * pl.lit(i, pl.UInt8) for i, option in enumerate(fact.options, 1))
    code = reduce(operator.add, numbered)
    neither = pl.lit(NEITHER if strict else None, pl.UInt8)
    return pl.when(code > 0).then(code).when(column.is_not_null()).then(neither)


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


def _collected(lazy: Any, facts: Mapping[str, Fact]) -> Any:
    """Run a lazy frame once: run twice it might give other rows, or the same in another order."""
    names = [name for name in lazy.collect_schema() if name in facts or name == IDENTITY]
    return lazy.select(names).collect(engine="streaming")


def _fetched(relation: Any, facts: Mapping[str, Fact]) -> Any:
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
