"""Any data frame with one row per participant, or a Parquet file, as columns in their smallest exact form.

Numbers are float64 with NaN for unknown; dates count from 31 December 1899, with 0 for unknown; answers (choice,
yes or no) count from 1 in the order of their options, with 0 for unknown. Null, NaN, NaT, NA, None: all are unknown.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from threading import Semaphore
from typing import Any, Protocol, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.eligibility.criteria import FIRST_DAY, LAST_DAY, PARTICIPANT, Fact, expected
from protocol.records import ProtocolError, outline_of
from protocol.translation import _, list_of

IDENTITY = PARTICIPANT

EPOCH = (FIRST_DAY - date(1970, 1, 1)).days - 1
"""The day numbered 0, counted from 1970-01-01: the day before the first day a participant may have."""

LAST_NUMBER = (LAST_DAY - date(1970, 1, 1)).days - EPOCH

Column = NDArray[Any]

Batch = dict[str, Column]


class Source(Protocol):
    """One row per participant, readable as often as needed.

    Attributes
    ----------
    facts : mapping of str to Fact
        The facts it has a column for.
    """

    facts: Mapping[str, Fact]

    def __len__(self) -> int:
        """Count the participants."""

    def pieces(self) -> list[tuple[int, int]]:
        """Return the rows best read together, each as its first and the one behind its last."""
        return cut([len(self)])

    def read(self, names: Iterable[str], first: int, last: int) -> Batch:
        """Read some facts of the rows from `first` up to before `last`, in their compact form; on any thread."""

    def identities(self) -> Sequence[str] | None:
        """Read the participants' ids; None when there is no such column."""


def source_of(frame: Any, facts: Mapping[str, Fact]) -> Source:
    """Recognise a frame.

    Raises
    ------
    ProtocolError
        When it is no table of a kind that can be read, has a column twice, or none of a fact.
    """
    source = _recognised(frame, facts)
    if facts and not source.facts:
        raise ProtocolError(_("cohort"), _("no column of the record's facts"), list_of([*[*facts][:5], "…"]))
    return source


def _recognised(frame: Any, facts: Mapping[str, Fact]) -> Source:
    if "frame" in getattr(type(frame), "_fields", ()):  # a cohort file that was read
        frame = frame.frame
    if isinstance(frame, (str, Path)):
        return ParquetFile(Path(frame), facts)
    if isinstance(frame, pd.DataFrame):
        return _PandasFrame(frame, facts)
    kind = type(frame).__module__.partition(".")[0]
    if kind not in ("polars", "pyarrow", "duckdb", "_duckdb") and not hasattr(frame, "__arrow_c_stream__"):
        return _PandasFrame(_by_narwhals(frame), facts)
    import polars as pl

    if isinstance(frame, pl.LazyFrame):  # run once: run twice it might give other rows, or the same in another order
        names = [name for name in frame.collect_schema() if name in facts or name == IDENTITY]
        frame = frame.select(names).collect(engine="streaming")
    elif "duckdb" in kind:
        frame = _fetched(frame, facts)
    try:
        table = frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise _no_frame(frame, error) from None
    return _PolarsFrame(table, facts)


def _by_narwhals(frame: Any) -> pd.DataFrame:
    import narwhals as nw

    try:
        table: pd.DataFrame = nw.from_native(frame, eager_only=True).to_pandas()
    except (TypeError, ValueError) as error:
        raise _no_frame(frame, error) from None
    return table


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


def _no_frame(frame: Any, error: Exception) -> ProtocolError:
    """Say that something is no table that can be read."""
    reason = (str(error).splitlines() or [""])[0][:60]
    return ProtocolError(_("cohort"), f"{type(frame).__name__} ({reason})", _FRAMES)


_FRAMES = _("a pandas or Polars DataFrame with each column once, an Arrow table, a DuckDB relation or a Parquet file")


class Participants(Sequence[str]):
    """The ids of a cohort, read at first use; row numbers from 1 where a cohort has none."""

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
            return tuple(identity(self._ids[place]) for place in range(*row.indices(self._size)))
        return identity(self._ids[int(row)])  # also a number of NumPy's, which Polars does not take

    def __iter__(self) -> Iterator[str]:
        return map(identity, self._ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return id(self)


def identity(cell: Any) -> str:
    """Return a participant's id as text: 7.0, of a column with gaps, is 7; a gap is said to be one."""
    number = isinstance(cell, (float, np.floating))
    if cell is None or cell is pd.NA or cell is pd.NaT or (number and np.isnan(cell)):
        return _("no id")
    return str(int(cell) if number and cell == cell // 1 else cell)


def same_identity(text: str) -> str:
    """Return what an id is compared by.

    Blanks, the width of the letters, their case, the kind of hyphen and, in a number, zeros at its beginning make no
    difference.
    """
    if text.isascii():
        return _same_number("".join(text.split()).lower())
    plain = unicodedata.normalize("NFKC", text).casefold()
    kinds = {letter: unicodedata.category(letter) for letter in plain}
    kept = (letter for letter in plain if kinds[letter] not in ("Zs", "Cc", "Cf"))
    return _same_number("".join("-" if kinds[letter] == "Pd" else letter for letter in kept))


def _same_number(text: str) -> str:
    """Return a number as a spreadsheet keeps it: 007 and 7.0 become 7."""
    number = re.fullmatch(r"0*(\d+)(?:\.0+)?", text)
    return number[1] if number else text


YES, NO = {"1", "1.0", "true", "yes", "y", "是"}, {"0", "0.0", "false", "no", "n", "否"}
"""What is read as yes and as no, in lower case."""


# --- Frames by their kind ---


class _Frame(Source):
    """A frame in memory."""

    def __init__(self, frame: Any, facts: Mapping[str, Fact]) -> None:
        self.frame, self.facts = frame, {name: facts[name] for name in frame.columns if name in facts}

    def __len__(self) -> int:
        return len(self.frame)

    def identities(self) -> Sequence[str] | None:
        return self.frame[IDENTITY] if IDENTITY in self.frame.columns else None


class _PandasFrame(_Frame):
    """A pandas frame of any dtypes."""

    def __init__(self, frame: pd.DataFrame, facts: Mapping[str, Fact]) -> None:
        if not frame.columns.is_unique:
            raise _no_frame(frame, ValueError(_("a column twice")))
        super().__init__(frame, facts)

    def read(self, names: Iterable[str], first: int, last: int) -> Batch:
        rows = self.frame.iloc[first:last]
        return {name: _compact_pandas(rows[name], self.facts[name], first + 1) for name in names}

    def identities(self) -> Sequence[str] | None:
        ids: Any = super().identities()
        return None if ids is None else ids.to_numpy()  # by place, whatever the index


class _PolarsFrame(_Frame):
    """A Polars frame in memory."""

    def __init__(self, frame: Any, facts: Mapping[str, Fact]) -> None:
        super().__init__(frame, facts)
        self._forms = _forms(self.facts, frame.schema)

    def read(self, names: Iterable[str], first: int, last: int) -> Batch:
        part = self.frame.lazy().slice(first, last - first)
        return compact(part, [self.facts[name] for name in names], self._forms, first + 1)


WEIGHT = 300
"""Bytes a participant that columns read from a file together may need: more is quicker, and needs more memory."""


class ParquetFile(Source):
    """A Parquet file, of which only what is asked for is ever in memory."""

    def __init__(self, path: Path, facts: Mapping[str, Fact]) -> None:
        import polars as pl

        self._two_at_a_time = Semaphore(2)
        try:
            self.scan = pl.scan_parquet(path)
            self.schema = self.scan.collect_schema()
            self.facts = {name: facts[name] for name in self.schema if name in facts}
            self.groups = self._kept_together()
        except (OSError, pl.exceptions.PolarsError):
            found = _("a file that is not Parquet") if path.is_file() else _("no file at this path")
            write = _("{frames}; protocol.exchange.read_cohort reads a CSV file").format(frames=_FRAMES)
            raise ProtocolError(str(path), found, write) from None
        self._forms = _forms(self.facts, self.schema)

    def _kept_together(self) -> list[int]:
        """Count the rows the file keeps together: Polars reads each such group as a chunk of its own."""
        import polars as pl

        smallest = min(self.facts, key=lambda name: self.schema[name] != pl.Boolean, default=None)
        if smallest is None:
            return [int(self.scan.select(pl.len()).collect().item())]
        column: Any = self.scan.select(smallest).collect()
        return list(column.to_series().chunk_lengths())

    def __len__(self) -> int:
        return sum(self.groups)

    def pieces(self) -> list[tuple[int, int]]:
        """See :class:`Source`. What the file keeps together is read together: the rest would be read in vain."""
        return cut(self.groups)

    def read(self, names: Iterable[str], first: int, last: int) -> Batch:
        """See :class:`Source`."""
        chosen, part = [self.facts[name] for name in names], self.scan.slice(first, last - first)
        batch: Batch = {}
        with self._two_at_a_time:  # Polars has threads of its own; more readings would only need more memory
            for some in self._shared_out(chosen):
                batch |= compact(part, some, self._forms, first + 1)
        return batch

    def _shared_out(self, facts: Sequence[Fact]) -> list[Sequence[Fact]]:
        """Share columns out among as few readings as the memory allows, heavy and light ones evenly."""
        weights = {fact.id: weight(self.schema[fact.id]) for fact in facts}
        readings = -(-sum(weights.values()) // WEIGHT)
        heavy_first = sorted(facts, key=lambda fact: -weights[fact.id])
        return [heavy_first[start::readings] for start in range(readings)]

    def identities(self) -> Sequence[str] | None:
        """See :class:`Source`."""
        if IDENTITY not in self.schema:
            return None
        ids: Any = self.scan.select(IDENTITY).collect().to_series()
        return ids  # type: ignore[no-any-return]


def weight(dtype: Any) -> int:
    """Return about how many bytes a cell of some type needs while it is read."""
    import polars as pl

    return 16 if dtype == pl.String else 1 if dtype == pl.Boolean else 8


MOST = 1 << 18
"""Rows read together at most."""


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


# --- Compact columns ---


def answers(fact: Fact) -> list[Any]:
    """Return what a fact of few answers may hold, in the order of their numbers."""
    return list(fact.options) if fact.type == "choice" else [False, True]


_NEITHER = 255
"""Stands for what is neither yes nor no until it is refused."""


def _answer_type(fact: Fact) -> type[np.unsignedinteger[Any]]:
    """Return the smallest integer that numbers a fact's answers."""
    return np.uint8 if len(answers(fact)) < _NEITHER else np.uint16


def empty(fact: Fact, size: int) -> Column:
    """Return room for the compact column of `size` participants."""
    if fact.is_number:
        return np.empty(size, dtype=np.float64)
    return np.empty(size, dtype=np.int32 if fact.type == "date" else _answer_type(fact))


def _checked(column: Column, fact: Fact, first_row: int) -> Column:
    """Return the column when its numbers are plausible and its dates possible.

    Dates count from 31 December 1899; earlier ones count from -1, since 0 is the unknown.

    Raises
    ------
    ProtocolError
        Naming the first cell that is not.
    """
    is_date = fact.type == "date"
    if not (is_date or fact.is_number):
        return column
    low, high = (0, LAST_NUMBER) if is_date else (fact.minimum, fact.maximum)
    broken = column > np.floor(column) if fact.type == "whole" else np.False_
    within = np.fmin.reduce(column, initial=high) >= low and np.fmax.reduce(column, initial=low) <= high
    if within and not broken.any():
        return column
    row = np.flatnonzero((column < low) | (column > high) | broken)[0]
    cell = column[row]
    found = f"{cell:g} {fact.unit_label}".rstrip()
    if is_date:
        found = str(np.datetime64(int(cell) + EPOCH + int(cell < 0), "D"))
    raise _refused(fact, first_row + row, found)


def _refused(fact: Fact, row: int | None, found: str) -> ProtocolError:
    """Say which cell of a frame cannot be used; rows count from 1."""
    where = _("column {id}") if row is None else _("column {id}, row {row}")
    where = where.format(id=fact.id, row=row)
    return ProtocolError(where, found[:80], expected(fact))


# --- Compact columns from pandas ---


def _compact_pandas(series: "pd.Series[Any]", fact: Fact, first_row: int = 1) -> Column:
    """Turn a pandas column of any dtype into its compact form."""
    try:
        return _checked(_of_pandas(series, fact, first_row), fact, first_row)
    except ProtocolError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise _refused(fact, None, str(error)) from None


def _of_pandas(series: "pd.Series[Any]", fact: Fact, first_row: int) -> Column:
    if fact.is_number:
        return _numbers(series, fact, first_row)
    if fact.type == "date":
        return _days(series, fact, first_row)
    codes, found = pd.factorize(series)
    places = {str(answer): number for number, answer in enumerate(answers(fact), start=1)}
    texts = [str(value if fact.type == "choice" else _flag(value)) for value in found]
    if unknown := [text for text in texts if text not in places]:
        raise ValueError(outline_of(unknown[0]))
    numbers = [places[text] for text in texts]
    return np.array([*numbers, 0], dtype=_answer_type(fact))[codes]  # code -1 is missing: the last entry


_PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan", re.ASCII | re.IGNORECASE)


def _numbers(series: "pd.Series[Any]", fact: Fact, first_row: int) -> Column:
    """Take numbers, in no case yes and no as 1 and 0 or moments as a count."""
    types = pd.api.types
    if isinstance(series.dtype, (pd.CategoricalDtype, pd.SparseDtype)):
        series = pd.Series(np.asarray(series, getattr(series.dtype, "subtype", None)))
    kind: Any = getattr(series.dtype, "numpy_dtype", series.dtype)
    if types.is_bool_dtype(series) or kind.kind in "mMc":  # also an Arrow column of moments with a zone
        raise ValueError(_NO_NUMBERS)
    if types.is_float_dtype(kind) and kind.itemsize < _DOUBLE:
        return as_written(series.to_numpy(dtype=kind, na_value=np.nan))
    if series.dtype == object or types.is_string_dtype(series.dtype):
        cells = [_number(cell, fact, row) for row, cell in enumerate(series, first_row)]
        return np.array(cells, dtype=np.float64)
    return series.to_numpy(dtype=np.float64, na_value=np.nan)


def _number(cell: Any, fact: Fact, row: int) -> float:
    if isinstance(cell, (bool, np.bool_, date, np.datetime64, np.timedelta64, bytes)):
        raise ValueError(_NO_NUMBERS)
    if isinstance(cell, np.floating) and cell.itemsize < _DOUBLE:
        return float(str(cell))
    if isinstance(cell, str) and not _PLAIN_NUMBER.fullmatch(
        cell
    ):  # Python would read 9_2.75, and digits of any script
        raise _refused(fact, row, outline_of(cell))
    return float("nan" if pd.isna(cell) else cell)


_NO_NUMBERS = _("yes and no, dates, spans of time or bytes instead of numbers")

_DOUBLE = 8
"""Bytes of a number of double precision."""


def as_written(single: Column) -> Column:
    """Return numbers of single or half precision as the shortest decimals that they stand for: 37.1."""
    return single.astype(str).astype(np.float64)


def _flag(value: Any) -> bool:
    plain = value.strip().lower() if isinstance(value, str) else value
    if isinstance(plain, str) and plain in YES | NO:
        return plain in YES
    if isinstance(value, str) or value not in (False, True):
        raise ValueError(_("{found}, neither yes nor no").format(found=outline_of(str(value))))
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
        raise _refused(fact, first_row + odd[0], outline_of(str(values[odd[0]])))
    days = dates.astype(np.int64) - EPOCH
    return np.where(known, np.where(days <= 0, days - 1, days), 0).astype(np.int32)


_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _day(cell: Any, fact: Fact, row: int) -> Any:
    """Take a date, a moment on its own clock, or a text like 2026-03-01; a text in another form could be any day."""
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None)
    if isinstance(cell, (date, np.datetime64)) or pd.isna(cell):
        return cell
    if isinstance(cell, str) and _DAY.fullmatch(cell):
        with suppress(ValueError):
            return date.fromisoformat(cell)
    raise _refused(fact, row, outline_of(cell))


# --- Compact columns from Polars ---


def _forms(facts: Mapping[str, Fact], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return for each column of a frame the expression of its compact form."""
    return {
        name: _expression(fact, schema[name]).fill_null(np.nan if fact.is_number else 0).alias(name)
        for name, fact in facts.items()
    }


def compact(part: Any, facts: Sequence[Fact], forms: Mapping[str, Any], first_row: int) -> Batch:
    """Turn some columns of a Polars frame, some rows of it, into their compact form."""
    import polars as pl

    try:
        frame = part.select([forms[fact.id] for fact in facts]).collect(engine="in-memory")  # in one chunk
    except pl.exceptions.PolarsError as error:
        raise _unusable(part, facts, first_row) or _no_frame(part, error) from None
    try:
        columns = {fact.id: _checked(frame[fact.id].to_numpy(), fact, first_row) for fact in facts}
    except ProtocolError as error:
        raise _unusable(part, facts, first_row) or error from None
    if any((column == _NEITHER).any() for column in columns.values() if column.dtype == np.uint8):
        raise _unusable(part, facts, first_row) or AssertionError
    return columns


def _unusable(part: Any, facts: Sequence[Fact], first_row: int) -> ProtocolError | None:
    """Find the first cell that cannot be used."""
    import polars as pl

    schema = part.collect_schema()
    for fact in facts:
        loose = _expression(fact, schema[fact.id], strict=False)
        cells = part.select(pl.col(fact.id).alias("cell"), loose.alias("value")).with_row_index("row", first_row)
        wrong = cells.filter(pl.col("cell").is_not_null() & pl.col("value").is_null()).head(1).collect()
        if wrong.height:
            return _refused(fact, wrong["row"][0], outline_of(str(wrong["cell"][0])))
    return None


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
    if dtype == pl.String and fact.type == "yes_no":
        word, neither = column.str.strip_chars().str.to_lowercase(), pl.lit(_NEITHER if strict else None)
        found = pl.when(word.is_in([*NO])).then(1).when(word.is_in([*YES])).then(2)
        return found.when(word.is_not_null()).then(neither).cast(pl.UInt8)
    if not (dtype.is_numeric() or dtype in (pl.String, pl.Null)):
        raise _refused(fact, None, f"cells of type {dtype}")
    if dtype.is_float() and dtype != pl.Float64:
        column = written_out(column, dtype)
    numbers = column.cast(pl.Float64, strict=strict)
    if fact.is_number:
        return numbers
    flags, neither = numbers.fill_nan(None), pl.lit(_NEITHER if strict else None)
    return pl.when(flags == 0).then(1).when(flags == 1).then(2).when(flags.is_not_null()).then(neither).cast(pl.UInt8)


def written_out(column: Any, dtype: Any) -> Any:
    """Return a column of single or half precision as the shortest decimals that it stands for."""
    import polars as pl

    if dtype == pl.Float32:
        return column.cast(pl.String)
    return column.map_batches(lambda some: pl.Series(as_written(some.to_numpy())), return_dtype=pl.Float64)


def _date(fact: Fact, column: Any, dtype: Any, *, strict: bool) -> Any:
    """Count the days of a column, from 31 December 1899."""
    import polars as pl

    if dtype == pl.String:
        column = _written(column, strict=strict)
    elif isinstance(dtype, pl.Datetime):
        column = _midnights(column, dtype, strict=strict)
    elif dtype not in (pl.Date, pl.Null):
        raise _refused(fact, None, f"cells of type {dtype}")
    days = column.cast(pl.Date, strict=strict).to_physical() - EPOCH
    return pl.when(days <= 0).then(days - 1).otherwise(days).cast(pl.Int32)


_NO_DAY = date(9999, 12, 31)
"""Stands for what is no day until it is refused."""


def _written(column: Any, *, strict: bool) -> Any:
    """Take a text that is a day as 2026-03-01; in any other form day and month could be exchanged."""
    import polars as pl

    day, other = column.str.to_date("%Y-%m-%d", strict=False), pl.lit(_NO_DAY if strict else None)
    return pl.when(day.cast(pl.String) == column).then(day).when(column.is_not_null()).then(other)


def _midnights(column: Any, dtype: Any, *, strict: bool) -> Any:
    """Take the day where the clock says 00:00, in whatever zone; of any other time the day may be another's."""
    import polars as pl

    clock = column.dt.replace_time_zone(None) if dtype.time_zone else column
    other = pl.lit(_NO_DAY if strict else None)
    return pl.when(clock == clock.dt.truncate("1d")).then(clock.cast(pl.Date)).when(clock.is_not_null()).then(other)


_FEW = 7
"""Options up to which comparing with each is faster than looking it up."""


def _option(fact: Fact, column: Any, *, strict: bool) -> Any:
    """Number the options from 1; comparing with each of a few is faster than looking them up."""
    import polars as pl

    if len(fact.options) > _FEW:
        small = pl.UInt8 if _answer_type(fact) is np.uint8 else pl.UInt16
        return column.cast(pl.Enum(answers(fact)), strict=strict).to_physical().cast(small) + 1
    small, neither = pl.UInt8, _NEITHER if strict else None
    numbered: Any = pl.when(column.is_null()).then(pl.lit(None, small))
    for number, option in enumerate(fact.options, start=1):
        numbered = numbered.when(column == option).then(pl.lit(number, small))
    return numbered.otherwise(pl.lit(neither, small))
