"""Where a cohort's columns come from: any frame with one row per participant, or a Parquet file, batch by batch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from threading import Semaphore
from typing import Any, Protocol, overload

import numpy as np
import pandas as pd

from protocol.eligibility.columns import of_pandas
from protocol.eligibility.criteria import Fact
from protocol.eligibility.polars_columns import IDENTITY, Batch, collected, compact, fetched, forms_of, no_frame
from protocol.records import ProtocolError
from protocol.translation import _

WEIGHT = 300
"""Bytes a participant that columns read from a file together may need: more is quicker, and needs more memory."""
MOST = 1 << 18
"""Rows read together at most."""
__all__ = ["IDENTITY", "Batch", "Participants", "Source", "cut", "source_of"]


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


def source_of(frame: Any, facts: Mapping[str, Fact]) -> Source:
    """Recognise a frame.

    Raises
    ------
    ProtocolError
        When it is no table of a kind that can be read, has a column twice, or none of a fact.
    """
    source = _recognised(frame, facts)
    if facts and not source.facts:
        raise ProtocolError("cohort", "no column of the record's facts", ", ".join([*facts][:5]) + ", …")
    return source


def _recognised(frame: Any, facts: Mapping[str, Fact]) -> Source:
    if isinstance(frame, (str, Path)):
        return ParquetFile(Path(frame), facts)
    if isinstance(frame, pd.DataFrame):
        return PandasFrame(frame, facts)
    kind = type(frame).__module__.partition(".")[0]
    if kind not in ("polars", "pyarrow", "duckdb", "_duckdb") and not hasattr(frame, "__arrow_c_stream__"):
        return PandasFrame(_by_narwhals(frame), facts)
    import polars as pl

    if isinstance(frame, pl.LazyFrame):
        frame = collected(frame, facts)
    elif "duckdb" in kind:
        frame = fetched(frame, facts)
    try:
        table = frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise no_frame(frame, error) from None
    return PolarsFrame(table, facts)


def _by_narwhals(frame: Any) -> pd.DataFrame:
    import narwhals as nw

    try:
        table: pd.DataFrame = nw.from_native(frame, eager_only=True).to_pandas()
    except (TypeError, ValueError) as error:
        raise no_frame(frame, error) from None
    return table


class PandasFrame:
    """A pandas frame of any dtypes."""

    def __init__(self, frame: pd.DataFrame, facts: Mapping[str, Fact]) -> None:
        if not frame.columns.is_unique:
            raise no_frame(frame, ValueError("a column twice"))
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
        self._forms = forms_of(self.facts, frame.schema)

    def __len__(self) -> int:
        return int(self.frame.height)

    def pieces(self) -> list[tuple[int, int]]:
        """See :class:`Source`."""
        return cut([len(self)])

    def read(self, names: Iterable[str], first: int, last: int) -> Batch:
        """See :class:`Source`."""
        part = self.frame.lazy().slice(first, last - first)
        return compact(part, [self.facts[name] for name in names], self._forms, first + 1)

    def identities(self) -> Sequence[str] | None:
        """See :class:`Source`."""
        return self.frame[IDENTITY] if IDENTITY in self.frame.columns else None


class ParquetFile:
    """A Parquet file, of which only what is asked for is ever in memory."""

    def __init__(self, path: Path, facts: Mapping[str, Fact]) -> None:
        import polars as pl

        self._two_at_a_time = Semaphore(2)
        try:
            self.scan = pl.scan_parquet(path)
            self.schema = self.scan.collect_schema()
            self.facts = {name: facts[name] for name in self.schema if name in facts}
            self.groups = self._kept_together()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise no_frame(str(path), error) from None
        self._forms = forms_of(self.facts, self.schema)

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
