"""Blood counts in: from a table, from FHIR R4 and from OMOP CDM 5.4, one row for each count of each draw.

A count keeps the number and the unit with which it was reported. One without a unit, in a unit of something else, or
so high that its unit must be another is not used and is told; nothing is put in.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, tzinfo
from functools import lru_cache
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd

from protocol.conduct import BloodCount, event
from protocol.effect import analytes, codes, highest_count, read_counts, read_number, standard_count, units
from protocol.eligibility import EligibilityRecord, Fact, FactRoles
from protocol.exchange.clinical.count_columns import COLUMNS, FLAGS, CountColumns, analyte_of, count_columns
from protocol.exchange.clinical.fhir import read_fhir_results
from protocol.exchange.clinical.findings import Finding, Naming, Setting
from protocol.exchange.clinical.omop import laid_down, read_omop_results
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.cohort.delimited_text import TextLines, names_of, separator
from protocol.exchange.cohort.files import excel_problems
from protocol.exchange.cohort.mapping import is_identifying
from protocol.exchange.dates import written_day
from protocol.exchange.excel import ExcelFile, is_excel
from protocol.exchange.spreadsheet import csv as spreadsheet_csv
from protocol.exchange.spreadsheet import plain_cell
from protocol.records import STUDY_ID, ProtocolError, is_study_id, outlined
from protocol.translation import _, list_of, ngettext, place_in

MOST_BYTES = 32 * 2**20

MOST_ROWS = 200_000


class CountFile(NamedTuple):
    """The counts of some files.

    Attributes
    ----------
    counts : DataFrame
        :data:`COLUMNS`, in the order of participant and day: `on` a date, numbers and units as reported; a table's
        units in the spelling of :func:`protocol.effect.units`.
    problems : tuple of FileProblem
        What could not be used.
    of : str
        The participant whose a table without a column of study ids is; "" for every other file.
    others : tuple of str
        Headings of the columns of a table that are not read; those that name a person are left out.
    """

    counts: pd.DataFrame
    problems: tuple[FileProblem, ...]
    of: str = ""
    others: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return the numbers of counts and problems."""
        return f"CountFile({len(self.counts)} counts, {len(self.problems)} problems)"

    def events(self) -> tuple[BloodCount, ...]:
        """Return the draws as events of the log; a second count of an analyte on a day is a draw of its own."""
        draws: dict[tuple[Any, ...], dict[str, Any]] = {}
        for row in self.counts.to_dict("records"):
            place = 0
            while row["analyte"] in draws.setdefault((row["participant"], row["on"], place), {}):
                place += 1
            limit = {} if pd.isna(row["normal_limit"]) else {"normal_limit": row["normal_limit"]}
            draws[row["participant"], row["on"], place][row["analyte"]] = {
                "value": row["value"],
                "unit": row["unit"],
            } | limit
        made = (
            event({"kind": "blood_count", "participant": who, "on": on, "counts": counts})
            for (who, on, _place), counts in draws.items()
            if counts
        )
        return tuple(one for one in made if isinstance(one, BloodCount))


def count_template() -> bytes:
    """Return an empty table of counts with two lines to be replaced, as CSV."""
    rows = [("W-001", "2026-03-02", "neutrophils", 0.45, "10^9/L", 1.8), ("W-001", "2026-03-02", "platelets", 12,
            "10^9/L", 125)]  # fmt: skip
    return spreadsheet_csv(pd.DataFrame(rows, columns=list(COLUMNS)))


# A table


def read_count_table(
    name: str,
    content: bytes,
    sheet: str = "",
    units: Mapping[str, str] = MappingProxyType({}),
    participant: str = "",
    participants: str = "",
) -> CountFile:
    """Read a table of counts: an Excel file, or CSV in UTF-8, UTF-16 or GB18030, as a spreadsheet saves it.

    It has either one row for each count, with :data:`COLUMNS`, or one row for each draw: ``participant``, ``on`` and
    a column for each analyte with its unit, such as ``platelets [10^9/L]``. The headings may be those of hospitals,
    such as 受试者编号, 采样日期 and 血小板(×10^9/L), as ``count_words.toml`` has them.

    Parameters
    ----------
    name : str
        The file's name, for messages.
    content : bytes
    sheet : str
        Of an Excel file with several sheets.
    units : mapping of str to str
        The units of columns whose headings say none, by heading; "" for a column that is not used.
    participant : str
        Whose a table is that has no column of study ids.
    participants : str
        The heading of the column of study ids, if it is none of those that are known.

    Raises
    ------
    ProtocolError
        If it is no table, is too large, has none of these columns, or has two columns for the same. If it has no
        study ids, and a column that names a person has several values.
    UnnamedParticipantError
        If it has no column of study ids, and no participant is given.
    UnsaidUnitError
        If columns of counts have no unit.
    UnchosenSheetError
        If several sheets have cells and none was chosen.
    """
    if len(content) > MOST_BYTES:
        found = _("{size:.0f} MB").format(size=len(content) / 2**20)
        raise ProtocolError(name, found, _("files of at most {most} MB").format(most=MOST_BYTES // 2**20))
    header, table, told = (_excel if is_excel(name, content) else _delimited)(name, content, sheet)
    headings = names_of(header)
    columns = count_columns(name, headings, units, participants, bool(participant))
    problems = [*columns.problems]
    of = "" if "participant" in columns.held else participant
    persons = {heading: "" for heading in headings if of and is_identifying(heading)}
    rows: list[dict[str, Any]] = []
    for number, cells in table:
        if number > MOST_ROWS:
            found = _("more than {most:,} rows").format(most=MOST_ROWS)
            raise ProtocolError(name, found, _("several files"))
        if any(cell.strip() for cell in cells):
            where = _("{name}, row {number}").format(name=name, number=number)
            named = {heading: plain_cell(cell).strip() for heading, cell in zip(headings, cells, strict=False)}
            for heading, first in persons.items():
                if (person := named.get(heading, "")) and first not in ("", person):
                    found = _("several values in column {column}, and no study ids").format(column=heading)
                    raise ProtocolError(name, found, _("the study id of each row, in a column participant"))
                persons[heading] = first or person
            rows += _rows_of(named, columns, where, problems, of)
    return _file(rows, [*problems, *told()])._replace(of=of, others=columns.others)


_Table = tuple[Sequence[str], Iterator[tuple[int, Sequence[str]]], Callable[[], list[FileProblem]]]
"""The headings, the rows with their numbers, and what was wrong with the file besides its cells, known at the end."""


def _delimited(name: str, content: bytes, _sheet: str) -> _Table:
    lines = TextLines(name, io.BytesIO(content))
    start = lines.first()
    table = csv.reader(chain(start, lines), delimiter=separator(start[-1:]))
    header = next((row for row in table if any(cell.strip() for cell in row)), [])
    return header, enumerate(table, start=2), lines.odd.problems


def _excel(name: str, content: bytes, sheet: str) -> _Table:
    table = ExcelFile(name, io.BytesIO(content), sheet)
    header = table.header()
    rows = (row for row in table.rows(len(header.cells)) if row.number > header.number)
    return header.cells, rows, lambda: excel_problems(table)


def _rows_of(
    cells: Mapping[str, str], columns: CountColumns, where: str, problems: list[FileProblem], participant: str
) -> Iterator[dict[str, Any]]:
    held = {"participant": participant} | {what: cells.get(heading, "") for what, heading in columns.held.items()}
    who, day = held["participant"], _tried(lambda: written_day(held["on"]))
    if not is_study_id(who):
        problems.append(FileProblem(where, outlined(who) or _("no study id"), STUDY_ID))
        return
    if day is None:
        problems.append(FileProblem(where, outlined(held["on"]) or _("no day"), _("a day like 2026-03-02")))
        return
    unit_there = held.get("unit", "")
    draw = [(name, cells.get(column, ""), unit or unit_there, "") for column, (name, unit) in columns.counts.items()]
    count = (held.get("value", ""), unit_there, held.get("normal_limit", ""))
    for analyte, value, unit, limit in draw or [(analyte_of(held["analyte"]), *count)]:
        if draw and not value:
            continue
        try:
            number = read_number(_typed(value), _("value"))
            lowest = read_number(_typed(limit), _("lower limit of normal")) if limit else None
            spelled = _check(analyte, number, unit, lowest)
        except ProtocolError as error:
            problems.append(FileProblem(place_in(where, error.where), error.found, error.write))
            continue
        about = {"participant": who, "on": day, "analyte": analyte}
        yield about | {"value": number, "unit": spelled, "normal_limit": lowest}


_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


def _typed(cell: str) -> str:
    """Return a number as a keyboard without Chinese types it, without the mark that it is high or low."""
    return cell.translate(_HALF_WIDTH).strip(f"{FLAGS} ")


def _tried(read: Callable[[], date]) -> date | None:
    try:
        return read()
    except (ProtocolError, ValueError):
        return None


def _check(analyte: str, value: float, unit: str, limit: float | None) -> str:
    """Return the unit as the log spells it; raise unless a count can be one."""
    numbers = [value] if limit is None else [value, limit]
    return read_counts(numbers, analyte, unit)[1]


# Hospital records


def read_count_fhir(
    files: Mapping[str, bytes | Path], name: Naming, as_of: date, zone: tzinfo | None = None
) -> CountFile:
    """Read the blood counts of FHIR R4 files: Observations with a LOINC code of a count.

    Parameters
    ----------
    files, name
        As in :func:`protocol.exchange.clinical.read_fhir`.
    as_of : date
        Later counts are left out.
    zone : tzinfo, optional
        In which a moment has its day.

    Raises
    ------
    ProtocolError
        As :func:`protocol.exchange.clinical.read_fhir`.
    """
    return _of_findings(*read_fhir_results(files, _setting(as_of, zone), name), as_of)


def read_count_omop(folder: Path, name: Naming, as_of: date) -> CountFile:
    """Read the blood counts of a folder of OMOP CDM 5.4 tables.

    Parameters
    ----------
    folder, name
        As in :func:`protocol.exchange.clinical.read_omop`.
    as_of : date
        Later counts are left out.

    Raises
    ------
    ProtocolError
        As :func:`protocol.exchange.clinical.read_omop`.
    """
    return _of_findings(*read_omop_results(folder, _setting(as_of), name), as_of)


STUDY_IDS = "study_ids.csv"
"""The file beside the tables of OMOP that gives each person a study id: columns person_id and participant."""


def read_count_omop_files(files: Mapping[str, bytes], participant: str, as_of: date) -> CountFile:
    """Read the blood counts of tables of OMOP CDM 5.4, from files by name.

    Parameters
    ----------
    files : mapping of str to bytes
        The tables, ``person`` with them; for several persons also :data:`STUDY_IDS`. Persons without a study id are
        left out, and their number is told.
    participant : str
        Whose the tables are if they have no :data:`STUDY_IDS`; may be empty with it.
    as_of : date
        Later counts are left out.

    Raises
    ------
    ProtocolError
        If the tables are of several persons without study ids, or of nobody; otherwise as
        :func:`protocol.exchange.clinical.read_omop`.
    """
    listed = next((content for name, content in files.items() if name.lower() == STUDY_IDS), None)
    ids = None if listed is None else _study_ids(listed)
    if ids is None and not participant:
        raise ProtocolError(_("OMOP tables"), _("tables of nobody"), _("the participant first, or study_ids.csv"))
    persons: set[str] = set()

    def name(person: str) -> str:
        persons.add(person)
        return participant if ids is None else ids.get(person, "")

    with laid_down(files) as folder:
        found = read_count_omop(folder, name, as_of)
    if ids is None and len(persons) > 1:
        write = _("study_ids.csv beside the tables, with the columns person_id and participant")
        raise ProtocolError(_("OMOP tables"), _("counts of several persons"), write)
    strangers = len(persons - ids.keys()) if ids is not None else 0
    if not strangers:
        return found
    counts = found.counts[found.counts["participant"] != ""].reset_index(drop=True)
    problems = [one for one in found.problems if not one.where.startswith(", ")]
    words = ngettext("{n} person without a study id", "{n} persons without a study id", strangers).format(n=strangers)
    return CountFile(counts, (FileProblem(STUDY_IDS, words, _("a row for each person of the trial")), *problems))


def _study_ids(content: bytes) -> dict[str, str]:
    """Return the study id of each person_id."""
    lines = TextLines(STUDY_IDS, io.BytesIO(content))
    start = lines.first()
    table = csv.reader(chain(start, lines), delimiter=separator(start[-1:]))
    columns = names_of(next((row for row in table if any(cell.strip() for cell in row)), []))
    for column in ("person_id", "participant"):
        if column not in columns:
            found = _("no column {column}").format(column=column)
            raise ProtocolError(STUDY_IDS, found, _("the columns person_id and participant"))
    ids: dict[str, str] = {}
    for number, cells in enumerate(table, start=2):
        named = {column: plain_cell(cell).strip() for column, cell in zip(columns, cells, strict=False)}
        person, who = named.get("person_id", ""), named.get("participant", "")
        if not (person or who):
            continue
        where = _("{name}, row {number}").format(name=STUDY_IDS, number=number)
        if not is_study_id(who):
            raise ProtocolError(where, outlined(who) or _("no study id"), STUDY_ID)
        if ids.setdefault(person, who) != who:
            raise ProtocolError(where, _("a second study id of a person"), _("one study id for each person"))
    return ids


def _setting(as_of: date, zone: tzinfo | None = None) -> Setting:
    record = _record()
    return Setting(record.with_zone(zone) if zone else record, as_of)


@lru_cache(1)
def _record() -> EligibilityRecord:
    """Return a record whose facts are the counts: the readers look for the facts of a record."""
    told = {"assumption": "the counts that the topic effect reads", "group": "Counts"}
    day = Fact(id="day", label="Day", type="date", **told)
    facts = (
        Fact(
            id=name,
            label=label,
            type="number",
            unit=units(name)[0].replace("^", "*"),
            minimum=0,
            maximum=highest_count(name),
            codes=codes(name),
            **told,
        )
        for name, label in analytes().items()
    )
    roles = FactRoles(enrolment_day="day")
    return EligibilityRecord(phases=("-",), roles=roles, facts=(day, *facts), parameters=(), criteria=())


def _of_findings(found: Mapping[str, Iterable[Finding]], problems: list[FileProblem], as_of: date) -> CountFile:
    rows, told = [], list(problems)
    seen = set[tuple[str, str, str]]()
    for who, findings in found.items():
        for one in findings:
            if one.fact not in analytes() or (one.day is not None and one.day > as_of):
                continue
            where = place_in(who, one.origin)
            if one.day is None or one.latest not in (None, one.day):
                told.append(FileProblem(where, _("a count without a day"), _("the day of the draw")))
            elif not isinstance(one.value, int | float) or one.span is not None or one.undecided:
                found_there = one.original or one.code
                why = list_of(filter(None, (one.reason, one.note)))
                told.append(
                    FileProblem(where, f"{found_there} ({why})" if why else found_there, _("a count with its unit"))
                )
            elif (who, one.origin, one.fact) not in seen:
                seen.add((who, one.origin, one.fact))
                value, unit = _reported(one)
                rows.append({"participant": who, "on": one.day, "analyte": one.fact, "value": value, "unit": unit})
    return _file(rows, told)


def _reported(one: Finding) -> tuple[float, str]:
    """Return the number and the unit as they were reported, or in the first unit if the log does not know theirs."""
    value, _blank, unit = one.original.partition(" ")
    in_first = float(str(one.value))
    try:
        number = float(value)
        _check(one.fact, number, unit, None)
    except (ValueError, ProtocolError):
        return in_first, units(one.fact)[0]
    same = abs(standard_count(number, one.fact, unit) - in_first) <= 1e-9 * max(in_first, 1)
    return (number, unit) if same else (in_first, units(one.fact)[0])


def _file(rows: Iterable[Mapping[str, Any]], problems: Iterable[FileProblem]) -> CountFile:
    frame = pd.DataFrame(list(rows), columns=list(COLUMNS), dtype=object)
    ordered = frame.sort_values(["participant", "on"], kind="stable").reset_index(drop=True)
    return CountFile(ordered, tuple(problems))
