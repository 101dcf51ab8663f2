"""Cohort files in: one row per participant, as CSV or Parquet, with every problem named by row and column."""

import csv
import io
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from difflib import get_close_matches
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

from protocol.eligibility import EligibilityRecord, Fact, expected
from protocol.eligibility.cohort import IDENTITY, uses
from protocol.exchange.cohort_blocks import BLOCK_BYTES, Tables
from protocol.exchange.cohort_cells import DTYPES, Column, Listed, Problem, Rows, identities, read_value
from protocol.exchange.cohort_kept import InMemory, OnDisk
from protocol.exchange.cohort_text import Lines, separator
from protocol.records import ProtocolError
from protocol.translation import _

__all__ = ["DTYPES", "CohortFile", "Problem", "read_cohort", "read_value", "take_cohort", "template"]

ROWS, HINTS = 20_000, 50
"""Rows read at a time one by one, and columns not known for which the nearest name is looked up."""
LARGE_BYTES = 1 << 22
"""A CSV file from which on its plain rows are read together, for which Polars has to be loaded."""
Progress = Callable[[int, int], None]
"""Called with what is done and all; an exception raised in it stops the work and is passed on."""
Some = TypeVar("Some")


class CohortFile(NamedTuple):
    """A cohort that can be screened, and what could not be used of it."""

    frame: Any
    problems: tuple[Problem, ...]


class Read(NamedTuple):
    """How much of a file is read, in its own measure (bytes or rows), and the cohort once all is."""

    done: int
    whole: int
    cohort: CohortFile | None = None


def read_cohort(
    name: str,
    content: bytes | Path,
    record: EligibilityRecord,
    *,
    into: Path | None = None,
    progress: Progress | None = None,
) -> CohortFile:
    """Read a cohort file, some ten thousand rows at a time.

    A cell that cannot be used becomes unknown and is listed as a problem; nothing is dropped or guessed. From the
    201st problem of a kind in a column on they are counted and no longer listed.

    Parameters
    ----------
    name : str
        The file's name, for messages; ``.parquet`` decides how it is read.
    content : bytes or Path
        The file, or where it lies.
    record : EligibilityRecord
        Whose facts name the columns.
    into : Path, optional
        Where to keep the rows, as Parquet: for files of any size. Otherwise they are kept in memory, at about 500
        bytes a participant.
    progress : callable, optional
        Called now and then with what is read and all there is to read; raise from it to stop.

    Returns
    -------
    CohortFile
        Its `frame` is a pandas frame, or `into`; either can be screened.

    Raises
    ------
    ProtocolError
        When the file as a whole cannot be used: empty, not a table, no participants, no column of the record; or when
        nothing can be written where the rows are to be kept.
    """
    for step in take_cohort(name, content, record, into=into):
        if progress is not None and step.cohort is None:
            progress(step.done, step.whole)
    assert step.cohort is not None  # noqa: S101 - the last step has it
    return step.cohort


def take_cohort(
    name: str, content: bytes | Path, record: EligibilityRecord, *, into: Path | None = None
) -> Iterator[Read]:
    """Read a cohort file like :func:`read_cohort`, step by step; the last step has the cohort.

    Nothing is left behind by somebody who stops in between.
    """
    with closing(content.open("rb") if isinstance(content, Path) else io.BytesIO(content)) as file:
        reader = (_Parquet if name.lower().endswith(".parquet") else _Csv)(name, file)
        facts = {fact.id: fact for fact in record.facts}
        known = {column: facts[column] for column in reader.header if column in facts}
        if not known:
            found = ", ".join(reader.header[:5])[:80]
            raise ProtocolError(
                name, _("no known column ({found})").format(found=found), ", ".join(list(facts)[:5]) + ", …"
            )
        with closing(OnDisk(known, into) if into else InMemory(known)) as kept:
            problems = yield from _taken(reader, known, kept)
            if not kept:
                raise ProtocolError(name, _("a header but no participants"), _("one line per participant"))
            frame = kept.frame()
            ids = _repeated(kept) if IDENTITY in reader.header else [_numbered()]
    needed = {name for criterion in record.criteria for name in uses(record, criterion)}
    header = _header(reader.header, facts, needed)
    cohort = CohortFile(frame, (*reader.problems(), *header, *ids, *problems))
    yield Read(reader.size, reader.size, cohort)


def _taken(
    reader: "_Csv | _Parquet", facts: Mapping[str, Fact], kept: InMemory | OnDisk
) -> Generator[Read, None, list[Problem]]:
    """Keep every row; return the problems of the columns."""
    columns = {name: Column(fact, grouped=reader.comma != ",") for name, fact in facts.items()}
    nameless = Listed(_("participants"), _("an id for each participant"))
    for rows in reader.rows([IDENTITY, *columns]):
        numbered = range(len(kept) + 1, len(kept) + 1 + len(rows.numbers))
        piece = {name: column.take(rows) for name, column in columns.items()}
        kept.add(identities(rows.cells.get(IDENTITY, numbered), rows.numbers, nameless), piece)
        yield Read(*reader.done())
    return [*nameless.problems(), *(problem for column in columns.values() for problem in column.problems())]


def template(record: EligibilityRecord) -> bytes:
    """Return an empty CSV with every column a cohort file may have."""
    return (",".join([IDENTITY, *(fact.id for fact in record.facts)]) + "\r\n").encode()


class _Parquet:
    """A Parquet file as rows of cells."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        import polars as pl

        try:
            self.scan = pl.scan_parquet(file)
            self.header = list(self.scan.collect_schema())
            self.comma, self.read, self.size = ",", 0, int(self.scan.select(pl.len()).collect().item())
        except (pl.exceptions.PolarsError, ValueError):
            found = _("an empty file") if not file.seek(0, 2) else _("bytes that are not Parquet")
            raise ProtocolError(name, found, _("a Parquet or CSV file")) from None

    def rows(self, _columns: Sequence[str]) -> Iterator[Rows]:
        """Yield the rows, some thousand at a time."""
        while (frame := self.scan.slice(self.read, ROWS).collect()).height:
            first, self.read = self.read, self.read + frame.height
            nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
            cells = frame.to_dict(as_series=False)
            yield Rows(range(first + 1, self.read + 1), cells | {name: [*map(str, cells[name])] for name in nested})

    def done(self) -> tuple[int, int]:
        """Return the rows read and all."""
        return self.read, self.size

    def problems(self) -> list[Problem]:
        """Return what was wrong with the file besides its cells."""
        return []


class _Csv:
    """A CSV file as rows of cells; rows keep the numbers they have in it, though blank ones are passed over."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name, self.file, self.size = name, file, file.seek(0, io.SEEK_END)
        file.seek(0)
        self.lines = Lines(name, file)
        start = self.lines.first()
        self.comma = separator(start[-1:])
        self.reader, self.line = csv.reader(chain(start, self.lines), delimiter=self.comma), 0
        self.table = enumerate(self.reader, start=1)
        self.uneven = Listed(_("rows"), _("one cell per column; put quotes around a comma"))
        self.spread = Listed(_("rows"), _("a closing quotation mark where one is missing; otherwise nothing"))
        first = next(self._told(self._filled()), None)
        if first is None:
            raise ProtocolError(name, _("an empty file"), _("a header line and one line per participant"))
        self.header_row, self.header = first[0], [cell.strip() for cell in first[1]]
        repeated = sorted({column for column in self.header if column and self.header.count(column) > 1})
        if repeated:
            raise ProtocolError(name, _("column {column} twice").format(column=repeated[0]), _("each column once"))

    def rows(self, columns: Sequence[str]) -> Iterator[Rows]:
        """Yield the rows with some columns at least; a large file's in blocks."""
        large = self.size >= LARGE_BYTES and self.comma == ","
        return self._told(self._in_blocks(columns) if large else self._one_by_one())

    def done(self) -> tuple[int, int]:
        """Return the bytes read and all."""
        return self.file.tell(), self.size

    def _one_by_one(self) -> Iterator[Rows]:
        table = self._filled()
        while some := list(islice(table, ROWS)):
            even = [self._even(number, cells) for number, cells in some]
            columns = zip(*even, strict=True)
            yield Rows([number for number, _cells in some], dict(zip(self.header, columns, strict=True)))

    def _in_blocks(self, columns: Sequence[str]) -> Iterator[Rows]:
        places = {place: name for place, name in enumerate(self.header) if name in columns}
        blocks = self.lines.blocks(BLOCK_BYTES)
        row = self.header_row + 1
        for numbers, frame in Tables(blocks, places, len(self.header), row, self._even, self._over_lines):
            cells = frame.to_dict()
            if IDENTITY in cells:
                cells[IDENTITY] = cells[IDENTITY].fill_null("").to_list()
            yield Rows(numbers, cells)

    def _filled(self) -> Iterator[tuple[int, list[str]]]:
        for number, cells in self.table:
            self._over_lines(number, self.reader.line_num - self.line)
            self.line = self.reader.line_num
            if any(map(str.strip, cells)):
                yield number, cells

    def _told(self, rows: Iterator[Some]) -> Iterator[Some]:
        try:
            yield from rows
        except csv.Error as error:
            alone = _("a carriage return (CR) alone, inside a row or as its end") if "new-line" in str(error) else ""
            raise ProtocolError(self.name, alone or str(error), _("a CSV file in UTF-8, or a Parquet file")) from None

    def _even(self, number: int, cells: list[str]) -> list[str]:
        wanted = len(self.header)
        if len(cells) == wanted:
            return cells
        found = _("{found} cells where the header has {wanted}").format(found=len(cells), wanted=wanted)
        self.uneven.add(_("row {row}").format(row=number), found)
        return [*cells, *[""] * wanted][:wanted]

    def _over_lines(self, number: int, lines: int) -> None:
        """Say that a row goes on behind its line: what looks like text may be rows of other participants."""
        if lines > 1:
            found = _("a text in quotation marks over {lines} lines, all read as this row").format(lines=lines)
            self.spread.add(_("row {row}").format(row=number), found)

    def problems(self) -> list[Problem]:
        """Return what was wrong with the file besides its cells."""
        return [*self.lines.odd.problems(), *self.uneven.problems(), *self.spread.problems()]


def _header(columns: Sequence[str], facts: dict[str, Fact], needed: set[str]) -> list[Problem]:
    problems = list[Problem]()
    nameless = columns.count("")
    if nameless:
        found = _("{count} columns without a name; they are not used").format(count=nameless)
        problems.append(Problem(_("header"), found, _("no comma behind the last name")))
    for column in columns:
        if column in facts or column in (IDENTITY, ""):
            continue
        stem = _same_quantity(column, facts)
        if stem:
            found = _("another unit or spelling of {label}; the column is not used").format(label=stem.label)
            write = f"{stem.id} ({stem.unit_label})" if stem.unit_label else stem.id
        else:
            found = _("a column the record does not have; it is not used")
            write = _close(column, facts) if len(problems) < HINTS else _("a column of the template")
        problems.append(Problem(_("column {column}").format(column=column), found, write))
    missing = [fact for fact in facts.values() if fact.id in needed.difference(columns) and fact.derived is None]
    for fact in missing:
        where = _("column {column}").format(column=fact.id)
        write = _("the column, with {values}").format(values=expected(fact))
        problems.append(Problem(where, _("no such column: unknown for everybody"), write))
    return problems


def _same_quantity(column: str, facts: dict[str, Fact]) -> Fact | None:
    """Find the number that a column means in another unit: ``creatinine_mg_dl`` for ``creatinine_umol_l``."""
    words = re.split(r"[^a-z0-9]+", column.lower())
    for fact in facts.values():
        own = fact.id.split("_")
        if fact.is_number and words[0] == own[0] and ("uln" in words) == ("uln" in own):
            return fact
    return None


def _close(column: str, facts: dict[str, Fact]) -> str:
    close = get_close_matches(column, facts, n=1)
    return close[0] if close else _("a column of the template")


def _numbered() -> Problem:
    return Problem(_("column {column}").format(column=IDENTITY), _("no such column: rows are numbered"), IDENTITY)


def _repeated(kept: InMemory | OnDisk) -> list[Problem]:
    listed = Listed(_("column {column}").format(column=IDENTITY), _("one row per participant"))
    for identity, count in kept.repeated():
        found = _("{count} rows with this id; each is screened").format(count=count)
        listed.add(_("participant {id}").format(id=identity), found)
    return listed.problems()
