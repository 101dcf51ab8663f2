"""Cohort files in: one row per participant, as CSV, Excel or Parquet, with every problem named by row and column."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from difflib import get_close_matches
from itertools import chain, dropwhile, islice, starmap
from operator import not_
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from protocol.display import shown as as_html
from protocol.eligibility import EligibilityRecord, Fact, expected
from protocol.eligibility.frames import IDENTITY, same_identity, written_out
from protocol.eligibility.verdicts import facts_behind
from protocol.exchange.cohort.cells import (
    MISSING,
    Column,
    FileProblem,
    ProblemList,
    Rows,
    Values,
    expected_words,
    identities,
)
from protocol.exchange.cohort.delimited_text import BLOCK_BYTES, CsvBlocks, TextLines, names_of, separator
from protocol.exchange.cohort.mapping import (
    ColumnMapping,
    identifying_problem,
    is_identifying,
    is_own,
    proposed,
    sampled,
)
from protocol.exchange.excel import ExcelFile, is_excel
from protocol.exchange.limits import (
    LONGEST_CELL,
    MOST_COLUMNS,
    check_footer,
    check_parquet,
    database_settings,
    too_many_rows,
)
from protocol.records import ProtocolError, outlined
from protocol.translation import _, list_of

Progress = Callable[[int, int], None]
"""Called with what is done and all; an exception raised in it stops the work and is passed on."""


def read_cohort(
    name: str,
    content: bytes | str | Path,
    record: EligibilityRecord,
    *,
    mapping: ColumnMapping | None = None,
    sheet: str = "",
    into: Path | None = None,
    progress: Progress | None = None,
) -> "CohortFile":
    """Read a cohort file, some ten thousand rows at a time.

    A cell that cannot be used becomes unknown and is listed as a problem; nothing is dropped or guessed. From the
    201st problem of a kind in a column on they are counted and no longer listed.

    Parameters
    ----------
    name : str
        The file's name, for messages; ``.parquet`` and ``.xlsx`` decide how it is read.
    content : bytes, str or Path
        The file, or the path where it lies.
    record : EligibilityRecord
        Whose facts name the columns.
    mapping : ColumnMapping, optional
        What the columns hold, for a file that is not named and written as the workbook's own; see
        :func:`propose_mapping`.
    sheet : str
        Of an Excel file with several sheets; the mapping's own if it is left out.
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
        When the file as a whole cannot be used: not there, empty, not a table, no participants, no column of the
        record; for a mapping that has open questions or does not fit; or when nothing can be written where the rows
        are to be kept.
    """
    for step in read_cohort_stepwise(name, content, record, mapping=mapping, sheet=sheet, into=into):
        if progress is not None and step.cohort is None:
            progress(step.done, step.whole)
    assert step.cohort is not None  # noqa: S101 - the last step has it
    return step.cohort


class CohortFile(NamedTuple):
    """A cohort that can be screened, and what could not be used of it.

    Attributes
    ----------
    frame : pandas.DataFrame or Path
        One row per participant, or the Parquet file that holds them.
    problems : tuple of FileProblem
        Where, what was found, and what to write.
    """

    frame: Any
    problems: tuple[FileProblem, ...]

    def __repr__(self) -> str:
        size = self.frame.name if isinstance(self.frame, Path) else f"{len(self.frame):,} participants"
        return f"CohortFile({size}, {len(self.problems):,} problems)"

    def _repr_html_(self) -> str:
        return as_html(repr(self), self.table())

    def table(self) -> pd.DataFrame:
        """Return the problems, one row each, with the columns ``where``, ``found`` and ``write``."""
        return pd.DataFrame(self.problems, columns=[*FileProblem._fields])


def template(record: EligibilityRecord) -> bytes:
    """Return an empty CSV with every column a cohort file may have."""
    return (",".join([IDENTITY, *(fact.id for fact in record.facts)]) + "\r\n").encode()


class ReadingStep(NamedTuple):
    """How much of a file is read, in its own measure (bytes or rows), and the cohort once all is."""

    done: int
    whole: int
    cohort: CohortFile | None = None


def read_cohort_stepwise(
    name: str,
    content: bytes | str | Path,
    record: EligibilityRecord,
    *,
    mapping: ColumnMapping | None = None,
    sheet: str = "",
    into: Path | None = None,
    most: int | None = None,
) -> Iterator[ReadingStep]:
    """Read a cohort file like :func:`read_cohort`, step by step; the last step has the cohort.

    No file is left behind if the reading is stopped in between. A file of more than `most` participants is refused.
    """
    facts = {fact.id: fact for fact in record.facts}
    if mapping is not None:
        mapping.require_answers()
    columns = _Columns.of(mapping, facts)
    with closing(_opened(name, content)) as file:
        reader = _reader(name, content, file, sheet or (mapping.sheet if mapping else ""), [*columns.wanted], most)
        if mapping is not None:
            mapping.fit(name, reader.header)
        known = columns.known(reader.header)
        if not known:
            found = _("no known column ({found})").format(found=list_of(map(outlined, reader.header[:5])))
            raise ProtocolError(name, found, list_of([*list(facts)[:5], "…"]))
        reader.identity = columns.identity
        kinds = {column.fact.id: column.fact for column in known}
        with closing(_OnDisk(kinds, into) if into else _InMemory(kinds)) as kept:
            problems = yield from _keep_rows(reader, known, kept, most)
            if not kept:
                raise ProtocolError(name, _("a header but no participants"), _("one line per participant"))
            frame = kept.frame()
            ids = _identity_problems(kept, columns, reader.header)
    header = _header_problems(reader.header, columns, facts, set(facts_behind(record, *record.criteria)))
    cohort = CohortFile(frame, (*reader.problems(), *header, *ids, *problems))
    yield ReadingStep(reader.size, reader.size, cohort)


def propose_mapping(
    name: str,
    content: bytes | str | Path,
    record: EligibilityRecord,
    *,
    sheet: str = "",
    like: ColumnMapping | None = None,
) -> ColumnMapping:
    """Propose what the columns of a cohort file hold, from the names and words that the record keeps.

    The first 20,000 rows are looked at for units and words. What the record does not say exactly stays a question.

    Parameters
    ----------
    name : str
    content : bytes, str or Path
        The file, or the path where it lies.
    record : EligibilityRecord
    sheet : str
        Of an Excel file with several sheets.
    like : ColumnMapping, optional
        One of an earlier file: its columns are taken as they are, and only new ones are proposed.

    Returns
    -------
    ColumnMapping
        With its open `questions`; :func:`read_cohort` takes it when they are answered.

    Raises
    ------
    ProtocolError
        When the file is no table, or lacks a column of `like`.
    """
    sheet = sheet or (like.sheet if like else "")
    with closing(_opened(name, content)) as file:
        reader = _reader(name, content, file, sheet, None, None)
        if like is not None:
            like.fit(name, reader.header)
        wanted = [column for column in reader.header if column and not is_identifying(column)]
        reader.identity = ""
        samples = sampled(wanted, (rows.cells for rows in islice(reader.rows(["", *wanted]), 1)))
    return proposed(record, reader.header, samples, getattr(reader, "sheet", ""), like)


def is_as_template(name: str, content: bytes | str | Path, record: EligibilityRecord, *, sheet: str = "") -> bool:
    """Whether each column of a file is one of the workbook's own, so that it is read without a mapping.

    Raises
    ------
    ProtocolError
        When the file is no table.
    """
    with closing(_opened(name, content)) as file:
        return is_own(_reader(name, content, file, sheet, None, None).header, record)


class _Columns(NamedTuple):
    """How the facts and the ids are named and read in a file.

    Attributes
    ----------
    identity : str
        The heading of the ids.
    named : mapping of str to str
        The facts by heading.
    readers : mapping of str to callable
        What reads the cells of a column, by heading; for a file like the template none.
    unused : frozenset of str
        The headings that a mapping leaves out.
    """

    facts: Mapping[str, Fact]
    identity: str
    named: Mapping[str, str]
    readers: Mapping[str, Callable[[object], object]]
    unused: frozenset[str]

    @classmethod
    def of(cls, mapping: ColumnMapping | None, facts: Mapping[str, Fact]) -> "_Columns":
        if mapping is None:
            return cls(facts, IDENTITY, {name: name for name in facts}, {}, frozenset())
        identity = next((one.column for one in mapping.columns if one.fact == IDENTITY), IDENTITY)
        held = [one for one in mapping.columns if one.fact in facts]
        readers = {one.column: mapping.reader(one) for one in held}
        unused = frozenset(one.column for one in mapping.columns if not one.fact)
        return cls(facts, identity, {one.column: str(one.fact) for one in held}, readers, unused)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The headings that are read."""
        return (self.identity, *self.named)

    def missing(self, fact: Fact) -> FileProblem:
        """Say that a file has no column of a fact, in words if the file names its columns in its own way."""
        if self.readers:
            found = _("no column holds it: unknown for all participants")
            return FileProblem(fact.label, found, _("a column with {values}").format(values=expected_words(fact)))
        found, write = _("no such column: unknown for all participants"), _("the column, with {values}")
        where = _("column {column}").format(column=fact.id)
        return FileProblem(where, found, write.format(values=expected(fact)))

    def without_ids(self) -> FileProblem:
        """Say that a file has no column of study ids."""
        if self.readers:
            found = _("no column holds it: rows are numbered")
            return FileProblem(_("Study id of the participant"), found, _("a column with study ids, never names"))
        where = _("column {column}").format(column=IDENTITY)
        return FileProblem(where, _("no such column: rows are numbered"), IDENTITY)

    def known(self, header: Sequence[str]) -> list[Column]:
        """Return what reads the columns of a file."""
        return [
            Column(self.facts[self.named[name]], name=name, read_cell=self.readers.get(name))
            for name in header
            if name in self.named
        ]


def _reader(
    name: str,
    content: bytes | str | Path,
    file: BinaryIO,
    sheet: str,
    columns: Sequence[str] | None,
    most: int | None,
) -> "_Csv | _Parquet | _Excel":
    """Return what reads a file as rows of cells; `columns` are those that will be read, None for all."""
    if name.lower().endswith(".parquet"):
        _judge(name, content, columns, most)
        return _Parquet(name, file)
    start = file.read(4)
    file.seek(0)
    return _Excel(name, file, sheet) if is_excel(name, start) else _Csv(name, file)


def _opened(name: str, content: bytes | str | Path) -> BinaryIO:
    if not isinstance(content, (str, Path)):
        return io.BytesIO(content)
    try:
        return Path(content).open("rb")
    except (OSError, ValueError):  # the text is not repeated: it may be the content itself
        raise ProtocolError(name, _("no file at this path"), _("the path of a file, or its bytes")) from None


def _judge(name: str, content: bytes | str | Path, columns: Sequence[str] | None, most: int | None) -> None:
    """Refuse a Parquet file that would take too much; one in memory is laid down for that."""
    if isinstance(content, (str, Path)):
        check_parquet(name, Path(content), columns, most)
        return
    with TemporaryDirectory(prefix="cohort-") as folder:
        path = Path(folder) / "file.parquet"
        path.write_bytes(content)
        check_parquet(name, path, columns, most)


def _kind(dtype: Any) -> str:
    """Return what a cell is that is no value."""
    return (_("object") if hasattr(dtype, "fields") else _("list")) if dtype.is_nested() else _("bytes")


def _keep_rows(
    reader: "_Csv | _Parquet | _Excel", columns: Sequence[Column], kept: "_InMemory | _OnDisk", most: int | None
) -> Generator[ReadingStep, None, list[FileProblem]]:
    """Keep every row; return the problems of the columns."""
    nameless = ProblemList(_("participants"), _("an id for each participant"))
    for column in columns:
        column.grouped = reader.comma != ","
    for rows in reader.rows([reader.identity, *(column.name for column in columns)]):
        numbered = range(len(kept) + 1, len(kept) + 1 + len(rows.numbers))
        piece = {column.fact.id: column.read(rows) for column in columns}
        kept.add(identities(rows.cells.get(reader.identity, numbered), rows.numbers, nameless), piece)
        if most is not None and len(kept) > most:
            raise too_many_rows(reader.name, len(kept), most)
        yield ReadingStep(*reader.done())
    return [*nameless.problems(), *(problem for column in columns for problem in column.unusable.problems())]


HINTS = 50
"""Columns not known for which the nearest name is looked up."""


def _header_problems(
    header: Sequence[str], columns: _Columns, facts: dict[str, Fact], needed: set[str]
) -> list[FileProblem]:
    problems = list[FileProblem]()
    if nameless := header.count(""):
        found = _("{count} columns without a name; they are not used").format(count=nameless)
        problems.append(FileProblem(_("header"), found, _("no comma behind the last name")))
    for column in header:
        if column in columns.named or column in (columns.identity, ""):
            continue
        if is_identifying(column):
            problems.append(identifying_problem(column))
            continue
        if column in columns.unused:
            continue
        if stem := _same_quantity(column, facts):
            found = _("another unit or spelling of {label}; the column is not used").format(label=stem.label)
            write = f"{stem.id} ({stem.unit_label})" if stem.unit_label else stem.id
        else:
            found = _("a column the record does not have; it is not used")
            close = get_close_matches(column, facts, n=1) if len(problems) < HINTS else []
            write = close[0] if close else _("a column of the template")
        problems.append(FileProblem(_("column {column}").format(column=column), found, write))
    for fact in facts.values():
        if fact.id in needed.difference(map(columns.named.get, header)) and fact.derived is None:
            problems.append(columns.missing(fact))
    return problems


def _same_quantity(column: str, facts: dict[str, Fact]) -> Fact | None:
    """Find the number that a column means in another unit: one that begins with the same word."""
    words = re.split(r"[^a-z0-9]+", column.lower())
    for fact in facts.values():
        own = fact.id.split("_")
        if fact.is_number and words[0] == own[0] and ("uln" in words) == fact.limit_of_normal:
            return fact
    return None


def _identity_problems(kept: "_InMemory | _OnDisk", columns: _Columns, header: Sequence[str]) -> list[FileProblem]:
    where = _("column {column}").format(column=columns.identity)
    if columns.identity not in header:
        return [columns.without_ids()]
    listed = ProblemList(where, _("one row per participant"))
    for identity, other, count in kept.repeated():
        alike = _("{count} rows with this id, also written “{other}”; each is screened")
        found = _("{count} rows with this id; each is screened") if other == identity else alike
        found = found.format(count=count, other=other)
        listed.add(_("participant {id}").format(id=identity), found)
    return listed.problems()


# --- Files as rows of cells ---

ROWS = 20_000
"""Rows read at a time one by one."""

LARGE_BYTES = 1 << 20
"""A CSV file from which on its plain rows are read together, for which Polars has to be loaded."""


class _Parquet:
    """A Parquet file as rows of cells."""

    identity = IDENTITY

    def __init__(self, name: str, file: BinaryIO) -> None:
        import polars as pl

        self.name = name
        file.seek(max(file.seek(0, io.SEEK_END) - 8, 0))
        check_footer(name, file.read())
        file.seek(0)
        try:
            self.scan = pl.scan_parquet(file)
            self.header = list(self.scan.collect_schema())
            self.comma, self.read, self.size = ",", 0, int(self.scan.select(pl.len()).collect().item())
        except (pl.exceptions.PolarsError, ValueError):
            found = _("an empty file") if not file.seek(0, 2) else _("bytes that are not Parquet")
            raise ProtocolError(name, found, _("a Parquet or CSV file")) from None

    def rows(self, columns: Sequence[str]) -> Iterator[Rows]:
        """Yield the rows with some columns, some thousand at a time; a list or a structure is not read."""
        import polars as pl

        schema = self.scan.collect_schema()
        held = [name for name in columns if name in schema]
        plain = [name for name in held if not (schema[name].is_nested() or schema[name] in (pl.Binary, pl.Object))]
        single = {name: schema[name] for name in plain if schema[name].is_float() and schema[name] != pl.Float64}
        others = {name: _kind(schema[name]) for name in held if name not in plain}
        for start in range(0, self.size, GROUP_ROWS):
            frames = self.scan.slice(start, GROUP_ROWS).select(plain).collect() if plain else None
            height = frames.height if frames is not None else min(GROUP_ROWS, self.size - start)
            if frames is not None:
                self._refuse_long(frames)
                frames = frames.with_columns(written_out(pl.col(name), dtype) for name, dtype in single.items())
            for first in range(0, height, ROWS):
                rows = min(ROWS, height - first)
                cells = frames.slice(first, rows).to_dict(as_series=False) if frames is not None else {}
                self.read = start + first + rows
                numbers = range(self.read - rows + 1, self.read + 1)
                yield Rows(numbers, cells | {name: [what] * rows for name, what in others.items()})

    def _refuse_long(self, frame: Any) -> None:
        """Raise ProtocolError for a text that no id and no value is as long as."""
        import polars as pl
        import polars.selectors as cs

        texts = frame.select(cs.string() | cs.categorical() | cs.enum()).cast(pl.String)
        for name, longest in texts.select(pl.all().str.len_bytes().max()).to_dict(as_series=False).items():
            if (longest[0] or 0) > LONGEST_CELL:
                where = _("{name}, column {column}").format(name=self.name, column=name)
                found = _("a cell of {count:,} bytes").format(count=longest[0])
                raise ProtocolError(where, found, _("at most {most:,}").format(most=LONGEST_CELL))

    def done(self) -> tuple[int, int]:
        """Return the rows read and all."""
        return self.read, self.size

    def problems(self) -> list[FileProblem]:
        """Return what was wrong with the file besides its cells."""
        return []


class _Excel:
    """A sheet of an Excel file as rows of cells; rows keep the numbers they have in it."""

    identity, comma = IDENTITY, ","

    def __init__(self, name: str, file: BinaryIO, sheet: str = "") -> None:
        self.name, self.read = name, 0
        self.table = ExcelFile(name, file, sheet)
        self.sheet, self.size = self.table.sheet, max(self.table.size, 1)
        first = self.table.header()
        self.header_row, self.header = first.number, names_of(first.cells)
        while self.header and not self.header[-1]:
            self.header.pop()
        _check_header(name, self.header)

    def rows(self, columns: Sequence[str]) -> Iterator[Rows]:
        """Yield the rows with some columns, some thousand at a time."""
        places = {name: place for place, name in enumerate(self.header) if name in columns}
        table = (row for row in self.table.rows(len(self.header)) if row.number > self.header_row)
        while batch := list(islice(table, ROWS)):
            self.read = min(batch[-1].number, self.size)
            cells = {name: [row.cells[place] for row in batch] for name, place in places.items()}
            if self.identity in cells:  # an error value is no id
                cells[self.identity] = ["" if cell[:1] == "#" else cell for cell in cells[self.identity]]
            yield Rows([row.number for row in batch], cells)

    def done(self) -> tuple[int, int]:
        """Return the rows read and about how many there are."""
        return self.read, self.size

    def problems(self) -> list[FileProblem]:
        """Return what was wrong with the file besides its cells."""
        return excel_problems(self.table)


def excel_problems(table: ExcelFile) -> list[FileProblem]:
    """Return what cannot be read of a sheet: formulas without a value, and cells merged with others."""
    formulas = ProblemList(_("formulas"), _("the file opened and saved in a spreadsheet, which computes them"))
    for cell in table.not_computed:
        where = _("cell {cell}").format(cell=cell)
        formulas.add(where, _("a formula without a stored value; it counts as unknown"))
    merged = ProblemList(_("merged cells"), _("each value in a cell of its own"))
    for _top, _bottom, cells in table.merged:
        where = _("cells {cells}").format(cells=cells)
        merged.add(where, _("merged cells; the value counts in the first of them only"))
    return [*formulas.problems(), *merged.problems()]


def _check_header(name: str, header: Sequence[str]) -> None:
    """Raise ProtocolError for too many columns, and for two of one name."""
    if len(header) > MOST_COLUMNS:
        found = _("{count:,} columns").format(count=len(header))
        raise ProtocolError(name, found, _("at most {most:,}").format(most=MOST_COLUMNS))
    repeated = sorted(column for column, count in Counter(header).items() if column and count > 1)
    if repeated:
        raise ProtocolError(name, _("column {column} twice").format(column=repeated[0]), _("each column once"))


T = TypeVar("T")


class _Csv:
    """A CSV file as rows of cells; rows keep the numbers they have in it, though blank ones are passed over."""

    identity = IDENTITY

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name, self.file, self.size = name, file, file.seek(0, io.SEEK_END)
        file.seek(0)
        self.lines = TextLines(name, file)
        start = self.lines.first()
        self.comma = separator(start[-1:])
        self.reader, self.line = csv.reader(chain(start, self.lines), delimiter=self.comma), 0
        self.table = enumerate(self.reader, start=1)
        self.uneven = ProblemList(
            _("rows"), _("one cell per column, a comma in a cell between quotation marks; until then no cell is used")
        )
        self.spread = ProblemList(_("rows"), _("a closing quotation mark where one is missing; otherwise nothing"))
        first = next(self._with_csv_errors(self._filled()), None)
        if first is None:
            raise ProtocolError(name, _("an empty file"), _("a header line and one line per participant"))
        self.header_row, self.header = first[0], names_of(first[1])
        _check_header(name, self.header)
        self.nameless = len(self.header) - len(list(dropwhile(not_, reversed(self.header))))

    def rows(self, columns: Sequence[str]) -> Iterator[Rows]:
        """Yield the rows with some columns at least; a large file's in blocks."""
        large = self.size >= LARGE_BYTES and self.comma == "," and not self.nameless
        return self._with_csv_errors(self._in_blocks(columns) if large else self._one_by_one(columns))

    def done(self) -> tuple[int, int]:
        """Return the bytes read and all."""
        return self.file.tell(), self.size

    def _one_by_one(self, columns: Sequence[str]) -> Iterator[Rows]:
        places = [place for place, name in enumerate(self.header) if name in columns]
        table = self._filled()
        while batch := list(islice(table, ROWS)):
            rows = ([row[place] for place in places] for row in starmap(self._even, batch))
            cells = zip(*rows, strict=True)
            yield Rows(
                [number for number, _cells in batch],
                dict(zip(map(self.header.__getitem__, places), cells, strict=True)),
            )

    def _in_blocks(self, columns: Sequence[str]) -> Iterator[Rows]:
        places = {place: name for place, name in enumerate(self.header) if name in columns}
        blocks = self.lines.blocks(BLOCK_BYTES)
        row = self.header_row + 1
        for numbers, frame in CsvBlocks(blocks, places, len(self.header), row, self._even, self._over_lines):
            cells = frame.to_dict()
            if self.identity in cells:
                cells[self.identity] = cells[self.identity].fill_null("").to_list()
            yield Rows(numbers, cells)

    def _filled(self) -> Iterator[tuple[int, list[str]]]:
        for number, cells in self.table:
            self._over_lines(number, self.reader.line_num - self.line)
            self.line = self.reader.line_num
            if any(map(str.strip, cells)):
                yield number, cells

    def _with_csv_errors(self, rows: Iterator[T]) -> Iterator[T]:
        try:
            yield from rows
        except csv.Error as error:
            alone = _("a carriage return (CR) alone, inside a row or as its end") if "new-line" in str(error) else ""
            raise ProtocolError(self.name, alone or str(error), _("a CSV file in UTF-8, or a Parquet file")) from None

    def _even(self, number: int, cells: list[str]) -> list[str]:
        """Return a row with as many cells as the header: of another one only the id that begins it.

        Nobody knows which cell is missing, or is two: an unquoted 86,1 moves all values behind it.
        """
        wanted = len(self.header)
        named = wanted - self.nameless
        behind = [place for place, cell in enumerate(cells[named:], start=1) if cell.strip()]
        if len(cells) == wanted and not behind:
            return cells
        if self.uneven.room:
            is_moved = len(cells) == wanted  # into a column without a name
            found = _("{found} cells where the header has {wanted}").format(
                found=named + behind[-1] if is_moved else len(cells), wanted=named if is_moved else wanted
            )
            self.uneven.add(_("row {row}").format(row=number), found)
        else:
            self.uneven.more += 1
        return [cells[0] if self.header[0] == self.identity else "", *[""] * (wanted - 1)]

    def _over_lines(self, number: int, lines: int) -> None:
        """Say that a row goes on behind its line: what looks like text may be rows of other participants."""
        if lines > 1:
            found = _("a text in quotation marks over {lines} lines, all read as this row").format(lines=lines)
            self.spread.add(_("row {row}").format(row=number), found)

    def problems(self) -> list[FileProblem]:
        """Return what was wrong with the file besides its cells."""
        return [*self.lines.odd.problems(), *self.uneven.problems(), *self.spread.problems()]


# --- Rows that are kept, in memory or on disk ---

Piece = Mapping[str, Values]


class _InMemory:
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

    def repeated(self) -> Iterator[tuple[str, str, int]]:
        """Yield each id that stands more than once, in the order of the rows, another spelling of it, and how often.

        Spellings differ as :func:`protocol.eligibility.frames.same_identity` says.
        """
        ids = pd.Series(self._ids, dtype=object)
        alike = ids.map(same_identity)
        often = ids[alike.duplicated(keep=False)]
        for _alike, spellings in often.groupby(alike, sort=False):
            yield spellings.min(), spellings.max(), len(spellings)

    def close(self) -> None:
        """Let go of everything."""


GROUP_ROWS = 1 << 17
"""Rows of a row group of the Parquet file, which are in memory together."""

COUNTING_MEGABYTES, ROWS_A_MEGABYTE = 256, 100_000
"""Memory for counting ids, of more rows in proportion; what needs more goes to the disk."""


class _OnDisk:
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

    def repeated(self) -> Iterator[tuple[str, str, int]]:
        """Yield what :meth:`_InMemory.repeated` does, of a complete file."""
        import duckdb

        megabytes = max(COUNTING_MEGABYTES, len(self) // ROWS_A_MEGABYTE)
        settings = database_settings(self._folder.name, megabytes)
        count = (
            f"SELECT min({IDENTITY}), max({IDENTITY}), count(*) "  # noqa: S608 - no input in it
            f"FROM read_parquet(?, file_row_number = true) "
            f"GROUP BY CASE WHEN regexp_full_match({IDENTITY}, '[0-9.]*') OR "
            f"NOT regexp_full_match({IDENTITY}, '[!-~]*') THEN same_identity({IDENTITY}) "
            f"ELSE lower({IDENTITY}) END "
            f"HAVING count(*) > 1 ORDER BY min(file_row_number)"
        )
        with duckdb.connect(config=settings) as connection:
            connection.create_function("same_identity", same_identity, ["VARCHAR"], "VARCHAR")
            found = connection.execute(count, [str(self.path)])
            while batch := found.fetchmany(GROUP_ROWS):
                yield from batch

    def close(self) -> None:
        """Remove the parts."""
        self._folder.cleanup()


def _series(values: Values, fact: Fact) -> "pd.Series[Any]":
    """Return a column as pandas holds values of its fact's type."""
    missing = MISSING[values.dtype.char]
    if fact.type == "number":
        return pd.Series(values)
    if fact.type == "date":
        days = values.astype("datetime64[D]")
        return pd.Series(np.where(values == missing, np.datetime64("NaT", "D"), days).astype("datetime64[s]"))
    if fact.type == "choice":
        return pd.Series(pd.Categorical.from_codes(values, dtype=pd.CategoricalDtype(list(fact.options))))
    if fact.type == "whole":
        absent = np.isnan(values)
        return pd.Series(pd.arrays.IntegerArray(np.where(absent, 0, values).astype(np.int64), absent))
    return pd.Series(pd.arrays.BooleanArray(values == 1, values == missing))


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
    return column.set(column == MISSING[values.dtype.char], None)
