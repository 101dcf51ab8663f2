"""Upper limits of normal: a table of each site's laboratory, and the reference ranges of FHIR observations."""

import csv
import io
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from protocol.eligibility import EligibilityRecord, Fact
from protocol.exchange.cohort.cells import FileProblem, may_be_grouped, plain_number
from protocol.exchange.cohort.delimited_text import TextLines, names_of, separator
from protocol.exchange.dates import PartialDate, whole_day
from protocol.exchange.spreadsheet import plain_cell, safe_cell
from protocol.exchange.units import UnitError, convert, is_unit, unit_of
from protocol.records import ProtocolError
from protocol.translation import _, list_of

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
        CSV with the columns of :data:`COLUMNS`, in UTF-8, UTF-16 or GB18030, as spreadsheets save it.
    record : EligibilityRecord
        Whose analytes the lines may name.

    Raises
    ------
    ProtocolError
        When the file is no such table at all.
    """
    try:
        lines = TextLines(name, io.BytesIO(content))
        text = "".join(lines)
        comma = separator(text.splitlines()[:1])
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=comma))
    except csv.Error as error:
        raise ProtocolError(name, str(error), ",".join(COLUMNS)) from None
    except ProtocolError as error:
        raise ProtocolError(name, error.found, _("a CSV file in UTF-8")) from None
    header = names_of(rows[0]) if rows else []
    twice = [column for column in COLUMNS if header.count(column) > 1]
    if twice:
        raise ProtocolError(name, _("column {column} twice").format(column=twice[0]), _("each column once"))
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        found = _("no column {columns}").format(columns=list_of(missing))
        raise ProtocolError(name, found, ",".join(COLUMNS))
    analytes = _analytes(record)
    limits, problems = list[Limit](), lines.odd.problems()
    for number, row in enumerate(rows[1:], start=2):
        filled = max((place for place, cell in enumerate(row, start=1) if cell.strip()), default=0)
        if filled and not filled <= len(header) <= len(row):
            found = _("{found} cells where the header has {wanted}").format(found=len(row), wanted=len(header))
            where = _("{name}, row {row}").format(name=name, row=number)
            problems.append(FileProblem(where, found, _("one cell for each column, and each quotation mark closed")))
            continue
        cells = dict(zip(header, map(str.strip, row), strict=False))
        if not cells["limit"]:
            continue
        try:
            if comma != "," and may_be_grouped(cells["limit"]):
                raise _WrongCellError("limit", cells["limit"], _("a number without a point that may group thousands"))
            line = _line(cells | {"site": plain_cell(cells["site"])}, analytes)
            _check_agreement(line, limits, cells["limit"])
            limits.append(line)
        except _WrongCellError as wrong:
            where = _("{name}, row {row}, column {column}").format(name=name, row=number, column=wrong.column)
            problems.append(FileProblem(where, wrong.found, wrong.write))
    return LimitTable(tuple(limits), tuple(problems))


class _WrongCellError(ValueError):
    def __init__(self, column: str, found: str, write: str) -> None:
        self.column, self.found, self.write = column, repr(found[:40]), write


def _line(cells: Mapping[str, str], analytes: Mapping[str, _Analyte]) -> Limit:
    for column in ("site", "source"):
        if not cells[column]:
            raise _WrongCellError(column, "", _("some text"))
    name = cells["analyte"].lower()
    if name not in analytes:
        options = list_of(analytes)
        raise _WrongCellError("analyte", cells["analyte"], _("one of {options}").format(options=options))
    if cells["sex"].lower() not in SEXES:
        raise _WrongCellError("sex", cells["sex"], _("female or male, or nothing when it holds for both"))
    fact, molar_mass = analytes[name]
    try:
        start = whole_day(cells["valid_from"])
    except ValueError:
        raise _WrongCellError("valid_from", cells["valid_from"], _("a date like 2026-03-01")) from None
    try:
        limit = plain_number(cells["limit"])
    except ValueError:
        limit = float("nan")
    try:
        limit = convert(limit, cells["unit"], fact, molar_mass)
    except UnitError:
        raise _WrongCellError("unit", cells["unit"], _("a unit like {unit}").format(unit=fact.unit)) from None
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


_MEANINGS: Mapping[str, Any] = tomllib.loads(
    Path(__file__).with_name("reference_range_words.toml").read_text(encoding="utf-8")
)
"""What codes and words of a range say; see the file."""


class Subject(NamedTuple):
    """What of a person decides which range holds."""

    sex: str | None = None
    born: PartialDate | None = None


def upper_limit(
    part: Mapping[str, Any], fact: Fact, subject: Subject, day: date | None, molar_mass: float | None = None
) -> float | None:
    """Return the one upper limit of normal that came with a FHIR value and holds for its subject, in the fact's unit.

    None when there is no such, when there are several, or when it cannot be told of one of them whether it is normal
    and for whom it is meant. A range says so by codes or by words; a word that is not known leaves it open.
    """
    ranges = [one for one in part.get("referenceRange", []) if isinstance(one.get("high"), dict)]
    holds = [_holds(one, _Analyte(fact, molar_mass), subject, day) for one in ranges]
    if None in holds:
        return None
    own = [one["high"] for one, is_own in zip(ranges, holds, strict=True) if is_own]
    try:
        highs = {convert(float(high["value"]), unit_of(high), fact, molar_mass) for high in own}
    except (UnitError, KeyError):
        return None
    return highs.pop() if len(highs) == 1 else None


def _holds(one: dict[str, Any], analyte: _Analyte, subject: Subject, day: date | None) -> bool | None:
    """Whether a range is the subject's normal one; None when that cannot be told."""
    checks = [
        _is_normal(one, analyte, subject),
        *(_is_for(who, analyte, subject) for who in one.get("appliesTo", [])),
    ]
    checks += [_by_words(one["text"], analyte, subject)] if one.get("text") else []
    checks += [_is_of_age(one["age"], subject.born, day)] if "age" in one else []
    if False in checks:
        return False
    is_bound_from_below = one["high"].get("comparator") in (">", ">=")
    return None if None in checks or is_bound_from_below or one.get("modifierExtension") else True


def _is_normal(one: dict[str, Any], analyte: _Analyte, subject: Subject) -> bool | None:
    """Whether the type of a range says that its values are normal ones; a range without a type is normal."""
    if "type" not in one:
        return True
    kind, meanings = one["type"] or {}, _MEANINGS["codes"]
    if codes := _codes(kind):
        said = {kind for kind in ("normal", "other") if codes.intersection(meanings[kind])}
        return said == {"normal"} if len(said) == 1 else None
    return _by_words(kind["text"], analyte, subject) if kind.get("text") else None


def _is_for(concept: dict[str, Any], analyte: _Analyte, subject: Subject) -> bool | None:
    """Whether a range is for people like the subject, of whom only the sex is compared."""
    if codes := _codes(concept):
        return _is_of_sex({sex for sex in SEXES[1:] if codes.intersection(_MEANINGS["codes"][sex])}, subject)
    return _by_words(concept["text"], analyte, subject) if concept.get("text") else None


def _codes(concept: Mapping[str, Any]) -> set[str]:
    return {str(coding["code"]) for coding in concept.get("coding", []) if coding.get("code")}


def _is_of_sex(meant: set[str], subject: Subject) -> bool | None:
    return None if len(meant) != 1 or subject.sex not in SEXES[1:] else subject.sex in meant


_NUMBER = re.compile(r"\d+([.,]\d+)?")

_BETWEEN_WORDS = re.compile(r"[\s,;:：，；()（）~–—<>≤≥=-]+|\.(?=\s|$)")


def _by_words(text: object, analyte: _Analyte, subject: Subject) -> bool | None:
    """Whether a text says that a range is the subject's normal one.

    Numbers and units say nothing about that. None if a word is not known.
    """
    words = {word for word in _BETWEEN_WORDS.split(str(text)) if word and not _is_size(word, analyte)}
    words = {word.casefold() for word in words}
    meant = {kind for kind, known in _MEANINGS["words"].items() if words.intersection(known)}
    if words.difference(*_MEANINGS["words"].values()):
        return None
    sexes = meant.intersection(SEXES)
    return False if "other" in meant else _is_of_sex(sexes, subject) if sexes else True


def _is_size(word: str, analyte: _Analyte) -> bool:
    """Whether a word is a number, a unit of what the fact measures, or both."""
    number = _NUMBER.match(word)
    unit = word[number.end() :] if number else word
    return not unit or is_unit(word, *analyte) or is_unit(unit, *analyte)


def _is_of_age(age: dict[str, Any], born: PartialDate | None, day: date | None) -> bool | None:
    """Whether the subject's age lies in a range; None when that cannot be told."""
    if born is None or day is None:
        return None
    inside = {_is_inside(age, years) for years in born.completed_years(day)}
    return inside.pop() if len(inside) == 1 else None


def _is_inside(age: dict[str, Any], years: int) -> bool | None:
    sides = [_is_on_side(age[end], years, is_low=end == "low") for end in ("low", "high") if end in age]
    return False if False in sides else None if None in sides else True


def _is_on_side(bound: dict[str, Any], years: int, *, is_low: bool) -> bool | None:
    """Whether somebody who has completed some years is on the right side of a bound; one in years is inclusive."""
    in_a_year = _MEANINGS["years"].get(unit_of(bound).strip().casefold())
    if in_a_year is None or "value" not in bound:
        return None
    limit = float(bound["value"]) / in_a_year
    at_most = years if in_a_year == 1 else years + 1  # in months or days, the year after a birthday counts as well
    if is_low:
        return True if limit <= years else None if limit < at_most else False
    return True if at_most <= limit else None if years <= limit else False
