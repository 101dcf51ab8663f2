"""Cohort files in: one row per participant, as CSV or Parquet, with every problem named by row and column."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from typing import Any, NamedTuple

import pandas as pd

from protocol.eligibility import EligibilityRecord, Fact, expected
from protocol.eligibility.cohort import IDENTITY
from protocol.eligibility.values import FIRST_DAY, LAST_DAY
from protocol.records import ProtocolError
from protocol.translation import _

YES = {"1", "true", "yes", "y", "是"}
NO = {"0", "false", "no", "n", "否"}
EMPTY = {"", "na", "n/a", "nan", "null", "none", "unknown", "?", "未知"}


Table = dict[str, list[Any]]
"""Cells by column."""

DTYPES = {"number": "float64", "whole": "Int64", "yes_no": "boolean", "choice": "object", "date": "datetime64[s]"}


class Problem(NamedTuple):
    """One thing in a file that could not be used: where, what was found, what to write."""

    where: str
    found: str
    write: str


class CohortFile(NamedTuple):
    """A cohort that can be screened, and what could not be used of it."""

    frame: pd.DataFrame
    problems: tuple[Problem, ...]


def read_cohort(name: str, content: bytes, record: EligibilityRecord) -> CohortFile:
    """Read a cohort file.

    A cell that cannot be used becomes unknown and is listed as a problem; nothing is dropped or guessed.

    Parameters
    ----------
    name : str
        The file's name, for messages; ``.parquet`` decides how it is read.
    content : bytes
        The file.
    record : EligibilityRecord
        Whose facts name the columns.

    Raises
    ------
    ProtocolError
        When the file as a whole cannot be used: empty, not a table, no participants, no column of the record.
    """
    if not content.strip():
        raise ProtocolError(name, _("an empty file"), _("a header line and one line per participant"))
    table, rows, problems = (_parquet if name.lower().endswith(".parquet") else _csv)(name, content)
    facts = {fact.id: fact for fact in record.facts}
    if not set(table) & set(facts):
        found = ", ".join(list(table)[:5])[:80]
        raise ProtocolError(
            name, _("no known column ({found})").format(found=found), ", ".join(list(facts)[:5]) + ", …"
        )
    if not next(iter(table.values())):
        raise ProtocolError(name, _("a header but no participants"), _("one line per participant"))
    problems += [*_header(table, facts), *_identities(table)]
    columns = {IDENTITY: pd.Series(_identity(table), dtype=object)}
    for fact in (facts[column] for column in table if column in facts):
        values, unusable = _column(table[fact.id], rows, fact)
        columns[fact.id] = pd.Series(values, dtype=DTYPES[fact.type])
        problems += unusable
    return CohortFile(pd.DataFrame(columns), tuple(problems))


def template(record: EligibilityRecord) -> bytes:
    """Return an empty CSV with every column a cohort file may have."""
    return (",".join([IDENTITY, *(fact.id for fact in record.facts)]) + "\r\n").encode()


def _parquet(name: str, content: bytes) -> tuple[Table, list[int], list[Problem]]:
    import polars as pl

    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except pl.exceptions.PolarsError:
        raise ProtocolError(name, _("bytes that are not Parquet"), _("a Parquet or CSV file")) from None
    return frame.to_dict(as_series=False), [*range(1, frame.height + 1)], []


def _csv(name: str, content: bytes) -> tuple[Table, list[int], list[Problem]]:
    """Read a CSV file; rows keep the numbers they have in it, though blank ones are passed over."""
    try:
        lines = list(csv.reader(io.StringIO(_text(name, content), newline="")))
    except csv.Error as error:
        raise ProtocolError(name, str(error), _("a CSV file in UTF-8, or a Parquet file")) from None
    header = [cell.strip() for cell in lines[0]]
    repeated = sorted({column for column in header if header.count(column) > 1})
    if repeated:
        raise ProtocolError(name, _("column {column} twice").format(column=repeated[0]), _("each column once"))
    rows = {row: line for row, line in enumerate(lines[1:], start=2) if any(cell.strip() for cell in line)}
    problems = [_uneven(row, line, header) for row, line in rows.items() if len(line) != len(header)]
    even = [[*line, *[""] * len(header)][: len(header)] for line in rows.values()]
    return {column: [row[i] for row in even] for i, column in enumerate(header)}, [*rows], problems


def _uneven(row: int, line: list[str], header: list[str]) -> Problem:
    found = _("{found} cells where the header has {wanted}").format(found=len(line), wanted=len(header))
    return Problem(_("row {row}").format(row=row), found, _("one cell per column; put quotes around a comma"))


def _text(name: str, content: bytes) -> str:
    """Decode UTF-8 (with or without a mark) or GB18030, the encodings of spreadsheets in China."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise ProtocolError(name, _("bytes that are not text"), _("a CSV file in UTF-8, or a Parquet file"))


def _header(columns: Iterable[str], facts: dict[str, Fact]) -> list[Problem]:
    columns = list(columns)
    problems = []
    for column in columns:
        if column in facts or column == IDENTITY:
            continue
        stem = _same_quantity(column, facts)
        if stem:
            found = _("another unit or spelling of {label}; the column is not used").format(label=stem.label)
            write = f"{stem.id} ({stem.unit_label})" if stem.unit_label else stem.id
        else:
            found, write = _("a column the record does not have; it is not used"), _close(column, facts)
        problems.append(Problem(_("column {column}").format(column=column), found, write))
    missing = [fact for fact in facts.values() if fact.id not in columns and fact.derived is None]
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


def _identity(table: Table) -> list[str]:
    first = next(iter(table.values()))
    return [str(cell) for cell in table.get(IDENTITY, range(1, len(first) + 1))]


def _identities(table: Table) -> list[Problem]:
    if IDENTITY not in table:
        return [
            Problem(_("column {column}").format(column=IDENTITY), _("no such column: rows are numbered"), IDENTITY)
        ]
    return [
        Problem(
            _("participant {id}").format(id=identity),
            _("{count} rows with this id; each is screened").format(count=count),
            _("one row per participant"),
        )
        for identity, count in Counter(_identity(table)).items()
        if count > 1
    ]


def _column(cells: list[object], rows: list[int], fact: Fact) -> tuple[list[object], list[Problem]]:
    values: list[object] = []
    problems = []
    for row, cell in zip(rows, cells, strict=True):
        try:
            values.append(read_value(cell, fact))
        except ValueError:
            values.append(None)
            where = _("row {row}, column {column}").format(row=row, column=fact.id)
            problems.append(Problem(where, f"{str(cell)[:40]!r}", expected(fact)))
    return values, problems


def read_value(cell: object, fact: Fact) -> object:
    """Read one cell or field; None when it is empty, ValueError when it is not a value of this fact."""
    text = "" if cell is None or cell != cell else str(cell).strip()
    if text.lower() in EMPTY and text not in fact.options:
        return None
    match fact.type:
        case "yes_no":
            return _yes_no(text.lower())
        case "date":
            return _date(text)
        case "choice":
            return _option(text, fact)
    number = float(text.replace("_", "x"))  # Python would read 1_000
    if not fact.is_plausible(number) or (fact.type == "whole" and number != int(number)):
        raise ValueError(text)
    return int(number) if fact.type == "whole" else number


def _date(text: str) -> date:
    day = date.fromisoformat(text[:10] if text[10:] in ("", " 00:00:00", "T00:00:00") else text)
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(text)
    return day


def _yes_no(text: str) -> bool:
    if text not in YES | NO:
        raise ValueError(text)
    return text in YES


def _option(text: str, fact: Fact) -> str:
    labels = {label.lower(): option for option, label in fact.options.items()}
    found = text if text in fact.options else labels.get(text.lower(), text.lower())
    if found not in fact.options:
        raise ValueError(text)
    return found
