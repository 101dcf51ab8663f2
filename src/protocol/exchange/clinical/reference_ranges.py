"""Upper limits of normal: a table of each site's laboratory, and the reference ranges of FHIR observations."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from protocol.eligibility import EligibilityRecord, Fact
from protocol.exchange.clinical.units import UnitError, convert, unit_of
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.cohort.delimited_text import separator
from protocol.exchange.dates import PartialDate, whole_day
from protocol.exchange.spreadsheet import plain_cell, safe_cell
from protocol.records import ProtocolError
from protocol.translation import _

COLUMNS = ("site", "analyte", "sex", "limit", "unit", "valid_from", "source")

SEXES = ("", "female", "male")


class Limit(NamedTuple):
    """One line of the table; `limit` is in the unit of the record's fact, `original` is as written."""

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
    problems: tuple[FileProblem, ...]


class _Analyte(NamedTuple):
    """The fact that is a limit of normal, and the molar mass in g/mol if it is known."""

    fact: Fact
    molar_mass: float | None


def _analytes(record: EligibilityRecord) -> dict[str, _Analyte]:
    """Return what the table may name, in the order of the record's facts."""
    named = {one.limit: one for one in record.imports.analytes if one.limit}
    found = [(fact, named[fact.id]) for fact in record.facts if fact.id in named]
    return {one.id: _Analyte(fact, one.molar_mass) for fact, one in found}


def limit_template(record: EligibilityRecord, sites: tuple[str, ...]) -> bytes:
    """Return the table to fill as CSV: one line per site, analyte and sex, with the unit of the record."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for site in sites:
        for name, analyte in _analytes(record).items():
            for sex in SEXES[1:]:
                writer.writerow([safe_cell(site), name, sex, "", analyte.fact.unit, "", ""])
    return out.getvalue().encode("utf-8-sig")


def read_limits(name: str, content: bytes, record: EligibilityRecord) -> LimitTable:
    """Read a filled table. Lines without a limit are still to be filled and passed over.

    Parameters
    ----------
    name : str
        The file's name, for messages.
    content : bytes
        CSV with the columns of :data:`COLUMNS`, in UTF-8 or GB18030, which spreadsheets in China save as well.
    record : EligibilityRecord
        Whose analytes the lines may name.

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
    analytes = _analytes(record)
    limits, problems = list[Limit](), list[FileProblem]()
    for number, row in enumerate(rows[1:], start=2):
        cells = dict(zip(header, [cell.strip() for cell in row] + [""] * len(header), strict=False))
        if not cells["limit"]:
            continue
        try:
            line = _line(cells | {"site": plain_cell(cells["site"])}, analytes)
            _check_agreement(line, limits, cells["limit"])
            limits.append(line)
        except _WrongCellError as wrong:
            where = _("{name}, row {row}, column {column}").format(name=name, row=number, column=wrong.column)
            problems.append(FileProblem(where, wrong.found, wrong.write))
    return LimitTable(tuple(limits), tuple(problems))


def _text(name: str, content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ProtocolError(name, _("bytes that are not text"), _("a CSV file in UTF-8"))


class _WrongCellError(ValueError):
    def __init__(self, column: str, found: str, write: str) -> None:
        self.column, self.found, self.write = column, repr(found[:40]), write


def _line(cells: Mapping[str, str], analytes: Mapping[str, _Analyte]) -> Limit:
    for column in ("site", "source"):
        if not cells[column]:
            raise _WrongCellError(column, "", _("some text"))
    name = cells["analyte"].lower()
    if name not in analytes:
        options = ", ".join(analytes)
        raise _WrongCellError("analyte", cells["analyte"], _("one of {options}").format(options=options))
    if cells["sex"].lower() not in SEXES:
        raise _WrongCellError("sex", cells["sex"], _("female or male, or nothing when it holds for both"))
    fact, molar_mass = analytes[name]
    try:
        start = whole_day(cells["valid_from"])
    except ValueError:
        raise _WrongCellError("valid_from", cells["valid_from"], _("a date like 2026-03-01")) from None
    try:
        limit = convert(float(cells["limit"].replace("_", "x")), cells["unit"], fact, molar_mass)
    except UnitError:
        raise _WrongCellError("unit", cells["unit"], _("a unit like {unit}").format(unit=fact.unit)) from None
    except ValueError:
        limit = float("nan")
    if not fact.is_plausible(limit):
        span = _("a limit from {low:g} to {high:g} {unit}")
        span = span.format(low=fact.minimum, high=fact.maximum, unit=fact.unit_label)
        raise _WrongCellError("limit", cells["limit"], span)
    shown = f"{cells['limit']} {cells['unit']}"
    return Limit(cells["site"], name, cells["sex"].lower(), limit, start, cells["source"], shown)


def _check_agreement(line: Limit, before: Sequence[Limit], written: str) -> None:
    """Refuse a line that a line before contradicts."""
    same = (one for one in before if one[:3] == line[:3] and one.valid_from == line.valid_from)
    other = next((one for one in same if one.limit != line.limit), None)
    if other is not None:
        write = _("one limit from a day on; {limit} of a line before counts").format(limit=other.original)
        raise _WrongCellError("limit", written, write)


def limit_for(limits: Iterable[Limit], site: str, analyte: str, sex: Any, day: date) -> Limit | None:
    """Return the newest line of a site that holds on a day; one for this sex goes before one for both."""
    lines = [
        line
        for line in limits
        if (line.site, line.analyte) == (site, analyte) and line.valid_from <= day and line.sex in ("", sex)
    ]
    return max(lines, key=lambda line: (line.sex != "", line.valid_from), default=None)


SEX_CODES = {
    "248152002": "female",  # SNOMED CT
    "248153007": "male",
    "female": "female",  # HL7 administrative gender
    "male": "male",
    "F": "female",  # HL7 version 3
    "M": "male",
}

YEARS = "a"
"""UCUM's year; an age in anything else is not compared."""


class Subject(NamedTuple):
    """What of a person decides which range holds."""

    sex: str | None = None
    born: PartialDate | None = None


def upper_limit(
    part: Mapping[str, Any], fact: Fact, subject: Subject, day: date | None, molar_mass: float | None = None
) -> float | None:
    """Return the one upper limit of normal that came with a FHIR value and holds for its subject, in the fact's unit.

    None when there is no such, when there are several, or when it cannot be told of one of them whether it is normal
    and for whom it is meant.
    """
    ranges = [one for one in part.get("referenceRange", []) if isinstance(one.get("high"), dict)]
    holds = [_holds(one, subject, day) for one in ranges]
    if None in holds:
        return None
    own = [one["high"] for one, is_own in zip(ranges, holds, strict=True) if is_own]
    try:
        highs = {convert(float(high["value"]), unit_of(high), fact, molar_mass) for high in own}
    except (UnitError, KeyError):
        return None
    return highs.pop() if len(highs) == 1 else None


def _holds(one: dict[str, Any], subject: Subject, day: date | None) -> bool | None:
    """Whether a range is the subject's normal one; None when that cannot be told."""
    checks = [_is_normal(one), *(_is_of_sex(concept, subject.sex) for concept in one.get("appliesTo", []))]
    checks += [_is_of_age(one["age"], subject.born, day)] if "age" in one else []
    if False in checks:
        return False
    return None if None in checks else True


def _is_normal(one: dict[str, Any]) -> bool | None:
    """Whether a range is one of normal values; None when only a text says what it is: it may be the critical one."""
    codes = {coding.get("code") for coding in (one.get("type") or {}).get("coding", [])} - {None}
    return "normal" in codes if codes else (None if "type" in one else True)


def _is_of_sex(concept: dict[str, Any], sex: str | None) -> bool | None:
    meant = {SEX_CODES.get(str(coding.get("code"))) for coding in concept.get("coding", [])} - {None}
    return None if len(meant) != 1 or sex not in ("female", "male") else sex in meant


def _is_of_age(age: dict[str, Any], born: PartialDate | None, day: date | None) -> bool | None:
    bounds = [age[name] for name in ("low", "high") if name in age]
    if born is None or day is None or any(unit_of(bound) != YEARS or "value" not in bound for bound in bounds):
        return None
    low, high = (float(age[name]["value"]) if name in age else None for name in ("low", "high"))
    inside = {
        (low is None or low <= years) and (high is None or years <= high) for years in born.completed_years(day)
    }
    return inside.pop() if len(inside) == 1 else None
