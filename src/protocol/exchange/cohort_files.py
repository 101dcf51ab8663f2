"""Cohort files in: one row per participant, as CSV or Parquet, with every problem named by row and column."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pandas as pd

from protocol.eligibility import EligibilityRecord, Fact, expected
from protocol.eligibility.cohort import IDENTITY, uses
from protocol.exchange.cohort_cells import DTYPES, Column, Listed, Problem, Rows, read_value
from protocol.exchange.cohort_text import Lines
from protocol.records import ProtocolError
from protocol.translation import _

__all__ = ["DTYPES", "CohortFile", "Problem", "read_cohort", "read_value", "template"]

ROWS, HINTS = 20_000, 50
"""Rows read at a time, and columns not known for which the nearest name is looked up."""


class CohortFile(NamedTuple):
    """A cohort that can be screened, and what could not be used of it."""

    frame: pd.DataFrame
    problems: tuple[Problem, ...]


def read_cohort(name: str, content: bytes | Path, record: EligibilityRecord) -> CohortFile:
    """Read a cohort file, some thousand rows at a time.

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

    Raises
    ------
    ProtocolError
        When the file as a whole cannot be used: empty, not a table, no participants, no column of the record.
    """
    with closing(content.open("rb") if isinstance(content, Path) else io.BytesIO(content)) as file:
        reader = (_Parquet if name.lower().endswith(".parquet") else _Csv)(name, file)
        facts = {fact.id: fact for fact in record.facts}
        if not set(reader.header) & set(facts):
            found = ", ".join(reader.header[:5])[:80]
            raise ProtocolError(
                name, _("no known column ({found})").format(found=found), ", ".join(list(facts)[:5]) + ", …"
            )
        columns = {column: Column(facts[column]) for column in reader.header if column in facts}
        identities = list[str]()
        for rows in reader:
            identities += map(
                str, rows.cells.get(IDENTITY, range(len(identities) + 1, 1 + len(identities) + len(rows.numbers)))
            )
            for column in columns.values():
                column.take(rows)
    if not identities:
        raise ProtocolError(name, _("a header but no participants"), _("one line per participant"))
    needed = {name for criterion in record.criteria for name in uses(record, criterion)}
    problems = [*reader.problems(), *_header(reader.header, facts, needed)]
    ids = pd.Series(identities, dtype=object)
    problems += _repeated(ids) if IDENTITY in reader.header else [_numbered()]
    problems += [problem for column in columns.values() for problem in column.problems()]
    frame = {IDENTITY: ids} | {name: column.series() for name, column in columns.items()}
    return CohortFile(pd.DataFrame(frame), tuple(problems))


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
        except (pl.exceptions.PolarsError, ValueError):
            found = _("an empty file") if not file.seek(0, 2) else _("bytes that are not Parquet")
            raise ProtocolError(name, found, _("a Parquet or CSV file")) from None

    def __iter__(self) -> Iterator[Rows]:
        first = 0
        while (frame := self.scan.slice(first, ROWS).collect()).height:
            yield Rows(range(first + 1, first + frame.height + 1), frame.to_dict(as_series=False))
            first += frame.height

    def problems(self) -> list[Problem]:
        """Return what was wrong with the file besides its cells."""
        return []


class _Csv:
    """A CSV file as rows of cells; rows keep the numbers they have in it, though blank ones are passed over."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name, self.lines = name, Lines(name, file)
        self.table = enumerate(csv.reader(iter(self.lines)), start=1)
        self.uneven = Listed(_("rows"), _("one cell per column; put quotes around a comma"))
        first = next(self._filled(), None)
        if first is None:
            raise ProtocolError(name, _("an empty file"), _("a header line and one line per participant"))
        self.header = [cell.strip() for cell in first[1]]
        repeated = sorted({column for column in self.header if self.header.count(column) > 1})
        if repeated:
            raise ProtocolError(name, _("column {column} twice").format(column=repeated[0]), _("each column once"))

    def __iter__(self) -> Iterator[Rows]:
        table = self._filled()
        while some := list(islice(table, ROWS)):
            even = [self._even(number, cells) for number, cells in some]
            columns = zip(*even, strict=True)
            yield Rows([number for number, _cells in some], dict(zip(self.header, columns, strict=True)))

    def _filled(self) -> Iterator[tuple[int, list[str]]]:
        try:
            yield from ((number, cells) for number, cells in self.table if any(map(str.strip, cells)))
        except csv.Error as error:
            raise ProtocolError(self.name, str(error), _("a CSV file in UTF-8, or a Parquet file")) from None

    def _even(self, number: int, cells: list[str]) -> list[str]:
        wanted = len(self.header)
        if len(cells) == wanted:
            return cells
        found = _("{found} cells where the header has {wanted}").format(found=len(cells), wanted=wanted)
        self.uneven.add(_("row {row}").format(row=number), found)
        return [*cells, *[""] * wanted][:wanted]

    def problems(self) -> list[Problem]:
        """Return what was wrong with the file besides its cells."""
        odd = Listed(_("lines"), _("one encoding for the whole file, best UTF-8"))
        for number, found in self.lines.odd:
            odd.add(_("line {line}").format(line=number), found)
        return [*odd.problems(), *self.uneven.problems()]


def _header(columns: Sequence[str], facts: dict[str, Fact], needed: set[str]) -> list[Problem]:
    problems = list[Problem]()
    for column in columns:
        if column in facts or column == IDENTITY:
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


def _repeated(identities: "pd.Series[Any]") -> list[Problem]:
    often = identities[identities.duplicated(keep=False)].value_counts(sort=False)
    listed = Listed(_("column {column}").format(column=IDENTITY), _("one row per participant"))
    for identity, count in often.items():
        found = _("{count} rows with this id; each is screened").format(count=count)
        listed.add(_("participant {id}").format(id=identity), found)
    return listed.problems()
