"""The upper limits of normal of each site's laboratory: a table to fill, and which of its lines holds for a value."""

import csv
import io
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from protocol.eligibility import EligibilityRecord, Fact
from protocol.exchange.cohort_files import Problem
from protocol.exchange.cohort_text import separator
from protocol.exchange.units import UnitError, convert
from protocol.records import ProtocolError
from protocol.translation import _

if TYPE_CHECKING:
    from protocol.exchange.evidence import Finding, Setting

COLUMNS = ("site", "analyte", "sex", "limit", "unit", "valid_from", "source")
SEXES = ("", "female", "male")
NO_LIMIT = "no upper limit of normal"


class Limit(NamedTuple):
    """One line of the table; `limit` is in the unit of the fact `analyte`."""

    site: str
    analyte: str
    sex: str
    limit: float
    valid_from: date
    source: str
    original: str


class LimitTable(NamedTuple):
    """The lines that can be used, and what is wrong with the others."""

    limits: tuple[Limit, ...]
    problems: tuple[Problem, ...]


def template(record: EligibilityRecord, sites: tuple[str, ...]) -> bytes:
    """Return the table to fill: one line per site, analyte and sex, with the unit of the record."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for site in sites:
        for fact in (fact for fact in record.facts if fact.limit_of_normal):
            for sex in SEXES[1:]:
                writer.writerow([site, _analyte(fact), sex, "", fact.unit, "", ""])
    return out.getvalue().encode("utf-8-sig")


def read_limits(name: str, content: bytes, record: EligibilityRecord) -> LimitTable:
    """Read a filled table. Lines without a limit are still to be filled and passed over.

    Raises
    ------
    ProtocolError
        When the file is no such table at all.
    """
    try:
        text = _text(name, content)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator(text.splitlines()[:1])))
    except csv.Error as error:
        raise ProtocolError(name, str(error), ",".join(COLUMNS)) from None
    header = [cell.strip() for cell in rows[0]] if rows else []
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        found = _("no column {columns}").format(columns=", ".join(missing))
        raise ProtocolError(name, found, ",".join(COLUMNS))
    facts = {_analyte(fact): fact for fact in record.facts if fact.limit_of_normal}
    limits, problems = list[Limit](), list[Problem]()
    for number, row in enumerate(rows[1:], start=2):
        cells = dict(zip(header, [cell.strip() for cell in row] + [""] * len(header), strict=False))
        if not cells["limit"]:
            continue
        try:
            limits.append(_agreeing(_line(cells, facts), limits, cells["limit"]))
        except _WrongCellError as wrong:
            where = _("{name}, row {row}, column {column}")
            problems.append(
                Problem(where.format(name=name, row=number, column=wrong.column), wrong.found, wrong.write)
            )
    return LimitTable(tuple(limits), tuple(problems))


def _text(name: str, content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):  # spreadsheets in China save either
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ProtocolError(name, _("bytes that are not text"), _("a CSV file in UTF-8"))


class _WrongCellError(ValueError):
    def __init__(self, column: str, found: str, write: str) -> None:
        self.column, self.found, self.write = column, repr(found[:40]), write


def _agreeing(line: Limit, before: list[Limit], written: str) -> Limit:
    """Return a line that no line before contradicts."""
    same = (one for one in before if one[:3] == line[:3] and one.valid_from == line.valid_from)
    other = next((one for one in same if one.limit != line.limit), None)
    if other is not None:
        write = _("one limit from a day on; {limit} of a line before counts").format(limit=other.original)
        raise _WrongCellError("limit", written, write)
    return line


def _line(cells: dict[str, str], facts: dict[str, Fact]) -> Limit:
    for column in ("site", "source"):
        if not cells[column]:
            raise _WrongCellError(column, "", _("some text"))
    if cells["analyte"].lower() not in facts:
        raise _WrongCellError("analyte", cells["analyte"], _("one of {options}").format(options=", ".join(facts)))
    if cells["sex"].lower() not in SEXES:
        raise _WrongCellError("sex", cells["sex"], _("female or male, or nothing when it holds for both"))
    fact = facts[cells["analyte"].lower()]
    try:
        start = date.fromisoformat(cells["valid_from"])
    except ValueError:
        raise _WrongCellError("valid_from", cells["valid_from"], _("a date like 2026-03-01")) from None
    try:
        limit = convert(float(cells["limit"].replace("_", "x")), cells["unit"], fact)
    except UnitError:
        raise _WrongCellError("unit", cells["unit"], _("a unit like {unit}").format(unit=fact.unit)) from None
    except ValueError:
        limit = float("nan")
    if not fact.is_plausible(limit):
        span = _("a limit from {low:g} to {high:g} {unit}")
        span = span.format(low=fact.minimum, high=fact.maximum, unit=fact.unit_label)
        raise _WrongCellError("limit", cells["limit"], span)
    shown = f"{cells['limit']} {cells['unit']}"
    return Limit(cells["site"], _analyte(fact), cells["sex"].lower(), limit, start, cells["source"], shown)


def _analyte(fact: Fact) -> str:
    return fact.id.partition("_")[0]


def limit_for(fact: Fact, setting: "Setting", sex: Any, day: date, finding: "Finding") -> "Finding":
    """Complete the finding of a limit of normal from the table: the newest line that holds on the day of the value.

    A line for the participant's sex goes before one for both; without a line the reason is said.
    """
    lines = [
        line
        for line in setting.limits
        if (line.site, line.analyte) == (setting.site, _analyte(fact))
        and line.valid_from <= day
        and line.sex in ("", sex)
    ]
    if not lines:
        return replace(finding, value=None, reason=NO_LIMIT, note="")
    line = max(lines, key=lambda line: (line.sex != "", line.valid_from))
    note = _("table of {site}: {source}").format(site=line.site, source=line.source)
    return replace(
        finding, value=line.limit, origin=note, code="", original=line.original, note="", day=line.valid_from
    )
