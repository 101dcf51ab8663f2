"""Where the rows of a cohort file are kept: as a pandas frame, or on the disk as Parquet, however many there are."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from protocol.eligibility import Fact
from protocol.eligibility.cohort import IDENTITY
from protocol.exchange.cohort_cells import NOTHING, Values
from protocol.records import ProtocolError
from protocol.translation import _

GROUP_ROWS = 1 << 17
"""Rows of a row group of the Parquet file, which are in memory together."""
COUNTING_MEGABYTES, ROWS_A_MEGABYTE = 256, 100_000
"""Memory for counting ids, of more rows in proportion; what needs more goes to the disk."""
Piece = Mapping[str, Values]


class InMemory:
    """Rows as columns of pandas."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self.facts, self._ids = facts, list[str]()
        self._pieces: dict[str, list[Values]] = {name: [] for name in facts}

    def add(self, identities: Iterable[str], piece: Piece) -> None:
        """Add rows."""
        self._ids += identities
        for name, values in piece.items():
            self._pieces[name].append(values)

    def __len__(self) -> int:
        return len(self._ids)

    def frame(self) -> pd.DataFrame:
        """Return all rows; to be called once."""
        columns: dict[str, Any] = {IDENTITY: pd.Series(self._ids, dtype=object)}
        for name, fact in self.facts.items():
            columns[name] = _series(np.concatenate(self._pieces.pop(name)), fact)
        return pd.DataFrame(columns, copy=False)

    def repeated(self) -> Iterator[tuple[str, int]]:
        """Yield each id that stands more than once, in the order of the rows, and how often."""
        ids = pd.Series(self._ids, dtype=object)
        often = ids[ids.duplicated(keep=False)].value_counts(sort=False)
        yield from often.items()  # type: ignore[misc]

    def close(self) -> None:
        """Let go of everything."""


class OnDisk:
    """Rows as a Parquet file.

    Parameters
    ----------
    facts : mapping of str to Fact
        The columns besides the id.
    path : Path
        Where the file will lie; beside it its parts, until it is complete.

    Raises
    ------
    ProtocolError
        When nothing can be written there.
    """

    def __init__(self, facts: Mapping[str, Fact], path: Path) -> None:
        self.facts, self.path, self._rows, self._parts = facts, path, 0, 0
        try:
            self._folder = TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-")
        except OSError as error:
            write = _("a file in a folder that exists and can be written to")
            raise ProtocolError(str(path), error.strerror or str(error), write) from None
        self._waiting = list[Any]()

    def add(self, identities: Iterable[str], piece: Piece) -> None:
        """Add rows."""
        import polars as pl

        ids = pl.Series(IDENTITY, identities, dtype=pl.String)
        columns = [_polars(values, self.facts[name]).alias(name) for name, values in piece.items()]
        self._waiting.append(pl.DataFrame([ids, *columns]))
        self._rows += len(ids)
        if sum(frame.height for frame in self._waiting) >= GROUP_ROWS:
            self._write()

    def __len__(self) -> int:
        return self._rows

    def _write(self) -> None:
        import polars as pl

        pl.concat(self._waiting).write_parquet(Path(self._folder.name) / f"{self._parts:06}.parquet")
        self._parts, self._waiting = self._parts + 1, []

    def frame(self) -> Path:
        """Complete the file and return where it lies."""
        import polars as pl

        if self._waiting:
            self._write()
        whole = Path(self._folder.name) / "whole"
        pl.scan_parquet(f"{self._folder.name}/*.parquet").sink_parquet(whole, row_group_size=GROUP_ROWS)
        whole.replace(self.path)
        return self.path

    def repeated(self) -> Iterator[tuple[str, int]]:
        """Yield each id that stands more than once, in the order of the rows, and how often; of a complete file."""
        import duckdb

        megabytes = max(COUNTING_MEGABYTES, len(self) // ROWS_A_MEGABYTE)
        settings: dict[str, Any] = {"memory_limit": f"{megabytes}MB", "temp_directory": self._folder.name}
        count = (
            f"SELECT {IDENTITY}, count(*) FROM read_parquet(?, file_row_number = true) "  # noqa: S608  no input of anybody
            f"GROUP BY 1 HAVING count(*) > 1 ORDER BY min(file_row_number)"
        )
        with duckdb.connect(config=settings) as connection:
            found = connection.execute(count, [str(self.path)])
            while some := found.fetchmany(GROUP_ROWS):
                yield from some

    def close(self) -> None:
        """Remove the parts."""
        self._folder.cleanup()


def _series(values: Values, fact: Fact) -> "pd.Series[Any]":
    """Return a column as pandas holds values of its fact's type."""
    nothing = NOTHING[values.dtype.char]
    if fact.type == "number":
        return pd.Series(values)
    if fact.type == "date":
        days = values.astype("datetime64[D]")
        return pd.Series(np.where(values == nothing, np.datetime64("NaT"), days).astype("datetime64[s]"))
    if fact.type == "choice":
        return pd.Series(pd.Categorical.from_codes(values, dtype=pd.CategoricalDtype(list(fact.options))))
    if fact.type == "whole":
        missing = np.isnan(values)
        return pd.Series(pd.arrays.IntegerArray(np.where(missing, 0, values).astype(np.int64), missing))
    return pd.Series(pd.arrays.BooleanArray(values == 1, values == nothing))


def _polars(values: Values, fact: Fact) -> Any:
    """Return a column as Polars holds values of its fact's type."""
    import polars as pl

    if fact.is_number:
        return pl.Series(values).fill_nan(None).cast(pl.Float64 if fact.type == "number" else pl.Int64)
    if fact.type == "choice":
        options = pl.Series(list(fact.options), dtype=pl.Enum(list(fact.options)))
        return options.gather(_known(values).cast(pl.UInt32))
    return _known(values).cast(pl.Date if fact.type == "date" else pl.Boolean)


def _known(values: Values) -> Any:
    import polars as pl

    column = pl.Series(values)
    return column.set(column == NOTHING[values.dtype.char], None)
