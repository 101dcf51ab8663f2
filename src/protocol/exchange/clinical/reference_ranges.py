"""Upper limits of normal: a table of each site's laboratory, and the reference ranges of FHIR observations."""

import csv
import io
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from protocol.eligibility import EligibilityRecord, Fact
from protocol.eligibility.fact_sources import Participant
from protocol.exchange.clinical.findings import Birth, Limit
from protocol.exchange.clinical.units import UnitError, convert, unit_of
from protocol.exchange.cohort.cells import Problem
from protocol.exchange.cohort.delimited_text import separator
from protocol.records import ProtocolError
from protocol.translation import _

if TYPE_CHECKING:
    from protocol.exchange.clinical.findings import Finding, Setting


COLUMNS = ("site", "analyte", "sex", "limit", "unit", "valid_from", "source")

SEXES = ("", "female", "male")

NO_LIMIT = "no upper limit of normal"


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
    birth: Birth | None = None


NOBODY = Subject()


def upper_limit(part: dict[str, Any], fact: Fact, subject: Subject, day: date | None) -> float | None:
    """Return the one upper limit of normal that came with a value and holds for its subject, in the fact's unit.

    None when there is no such, when there are several, or when it cannot be told of one of them whether it is normal
    and for whom it is meant.
    """
    ranges = [one for one in part.get("referenceRange", []) if isinstance(one.get("high"), dict)]
    holds = [_holds(one, subject, day) for one in ranges]
    if None in holds:
        return None
    own = [one["high"] for one, is_own in zip(ranges, holds, strict=True) if is_own]
    try:
        highs = {convert(float(high["value"]), unit_of(high), fact) for high in own}
    except (UnitError, KeyError):
        return None
    return highs.pop() if len(highs) == 1 else None


def _is_normal(one: dict[str, Any]) -> bool | None:
    """Whether a range is one of normal values; None when only a text says what it is: it may be the critical one."""
    codes = {coding.get("code") for coding in (one.get("type") or {}).get("coding", [])} - {None}
    return "normal" in codes if codes else (None if "type" in one else True)


def _holds(one: dict[str, Any], subject: Subject, day: date | None) -> bool | None:
    """Whether a range is the subject's normal one; None when that cannot be told."""
    checks = [_is_normal(one), *(_is_of_sex(concept, subject.sex) for concept in one.get("appliesTo", []))]
    checks += [_is_of_age(one["age"], subject.birth, day)] if "age" in one else []
    if False in checks:
        return False
    return None if None in checks else True


def _is_of_sex(concept: dict[str, Any], sex: str | None) -> bool | None:
    meant = {SEX_CODES.get(str(coding.get("code"))) for coding in concept.get("coding", [])} - {None}
    return None if len(meant) != 1 or sex not in ("female", "male") else sex in meant


def _is_of_age(age: dict[str, Any], birth: Birth | None, day: date | None) -> bool | None:
    bounds = [age[name] for name in ("low", "high") if name in age]
    if birth is None or day is None or any(unit_of(bound) != YEARS or "value" not in bound for bound in bounds):
        return None
    low, high = (float(age[name]["value"]) if name in age else None for name in ("low", "high"))
    possible = {Participant({}).years(born, day) for born in (birth.first, birth.last)}
    inside = {(low is None or low <= years) and (high is None or years <= high) for years in possible}
    return inside.pop() if len(inside) == 1 else None
