"""OMOP CDM 5.4: a folder of Parquet or CSV tables in, through DuckDB, as facts per person with their evidence."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from protocol.exchange.clinical.findings import NOT_USABLE, Birth, Finding, Imports, Naming, Setting
from protocol.exchange.clinical.omop_tables import NAMES, PRELIMINARY, Account, Tables
from protocol.exchange.clinical.reconciliation import diagnosed, died, measured, settle
from protocol.exchange.clinical.terminology import MEANS, VOCABULARIES, CodeBook, Meaning, amount, coded
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.dates import of_parts
from protocol.records import ProtocolError
from protocol.translation import _

_COMPARATORS = {4171756: "<", 4171754: "<=", 4172704: ">", 4171755: ">="}
"""OMOP's concepts of comparison; 4172703 is "=" and 0 says nothing."""

_STANDARD_ANSWERS = {9191: ("SNOMED CT", "10828004"), 9189: ("SNOMED CT", "260385009")}
"""Positive and negative, for folders without a concept table."""

_READING = 0.5
"""The part of the work that is reading the tables; the other is deciding between the findings of each person."""

_AT_ONCE = 200
"""Persons between two steps, at which the reading can be stopped."""

LARGEST_BYTES = 256 * 2**20
"""Of all files together: a browser sends them in one message, which may not be larger than twice that."""

MOST_FILES = 50
"""The model has 37 tables."""

MOST_PERSONS = 20_000
"""The evidence of each takes about 15 kB, and the machine is shared."""

MOST_ROWS = 20_000_000
"""Of one table: a thousand results of each person."""

_SUFFIXES = (".parquet", ".csv")


class _Concept(NamedTuple):
    """A concept's code in its own vocabulary."""

    system: str
    code: str


class OmopImport(NamedTuple):
    """What a folder of tables gave: the participants, and for each table how many rows were read of it."""

    imports: Imports
    accounts: tuple[Account, ...]


def read_omop(folder: Path, setting: Setting, name: Naming) -> Imports:
    """Read a folder of OMOP CDM 5.4 tables into facts per person.

    Parameters
    ----------
    folder : Path
        Holds ``person`` and whichever it has of ``measurement``, ``observation``, ``condition_occurrence``,
        ``procedure_occurrence``, ``death`` and ``concept``, each as ``.parquet`` or ``.csv``.
    setting : Setting
        The record, the as-of date, the site and its limits of normal.
    name : function from str to str
        The study id of a person, from its person_id.

    Raises
    ------
    ProtocolError
        If the folder or its person table is missing, if the table has no person, or if a file cannot be read.
    """
    *_before, (found, _done) = read_omop_stepwise(folder, setting, name)
    assert found is not None  # noqa: S101 - the last step has it
    return found.imports


def read_omop_stepwise(
    folder: Path, setting: Setting, name: Naming, most: int | None = None
) -> Iterator[tuple[OmopImport | None, float]]:
    """Read a folder like :func:`read_omop`, table by table, so that it can be watched and stopped.

    Parameters
    ----------
    folder, setting, name
        As in :func:`read_omop`.
    most : int, optional
        Refuse a person table of more rows before anything else is read.

    Yields
    ------
    (OmopImport or None, float)
        What was found, at the last step only, and the part that is done, 0 to 1.
    """
    with Tables(folder, None if most is None else MOST_ROWS) as tables:
        tables.refuse_more_than(most)
        reader = _Reader(tables, setting)
        findings: dict[int, list[Finding]] = defaultdict(list)
        parts = (reader.results(), reader.conditions(), reader.procedures(), reader.deaths())
        for done, rows in enumerate(parts, start=1):
            yield None, _READING * (done - 1) / len(parts)
            for person, finding in rows:
                findings[person].append(finding)
        people = dict(reader.people(findings))
        if not people:
            raise ProtocolError(tables.file("person"), _("no person in it"), _("one row per person"))
        strangers = len(findings.keys() - people.keys())
        problems, accounts = [*tables.problems, *reader.problems], tuple(reader.accounts)
    if strangers:
        found = _("{count} persons that the person table does not have").format(count=strangers)
        problems.append(FileProblem(_("all tables"), found, _("the whole person table")))
    settled = []
    for count, (one, birth) in enumerate(people.items()):
        if count % _AT_ONCE == 0:
            yield None, _READING + (1 - _READING) * count / len(people)
        settled.append(settle(name(str(one)), findings.pop(one, []), birth, setting))
    yield OmopImport(Imports.of(settled, problems), accounts), 1.0


def read_omop_files_stepwise(
    files: Mapping[str, bytes], setting: Setting, name: Naming
) -> Iterator[tuple[OmopImport | None, float]]:
    """Read tables like :func:`protocol.exchange.clinical.omop.read_omop_stepwise`, from files by name.

    Only the tables that say something about the criteria are laid down, in a folder that no other account of the
    machine can read; it is removed with the last step, after an error, and if the reading is stopped.

    Parameters
    ----------
    files : mapping of str to bytes
        By name; a name in any case, like ``MEASUREMENT.parquet``.
    setting, name
        As in :func:`protocol.exchange.clinical.omop.read_omop`.

    Raises
    ------
    ProtocolError
        When they are too many or too large, hold too many persons, when two are the same table, or as in
        ``read_omop``.
    """
    tables = _tables_in(files)
    with TemporaryDirectory(prefix="omop-") as folder:
        for table, file in tables.items():
            (Path(folder) / f"{table}{PurePath(file).suffix.lower()}").write_bytes(files[file])
        yield from read_omop_stepwise(Path(folder), setting, name, MOST_PERSONS)


def _tables_in(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the file of each table that is read.

    Raises
    ------
    ProtocolError
        When there are too many files, too many bytes, no person table, or two files of one table.
    """
    size = sum(map(len, files.values()))
    if len(files) > MOST_FILES:
        found = _("{count} files").format(count=len(files))
        raise ProtocolError(_("OMOP tables"), found, _("at most {count} files").format(count=MOST_FILES))
    if size > LARGEST_BYTES:
        found = _("{size:.0f} MB together").format(size=size / 2**20)
        write = _("at most {size:.0f} MB: Parquet instead of CSV, or the persons and tables that matter")
        raise ProtocolError(_("OMOP tables"), found, write.format(size=LARGEST_BYTES / 2**20))
    tables: dict[str, str] = {}
    for file in files:
        table = _table(file)
        if table is None:
            continue
        if table in tables:
            found = _("the table {table} a second time, beside {file}").format(table=table, file=tables[table])
            raise ProtocolError(file, found, _("one file for each table"))
        tables[table] = file
    if "person" not in tables:
        found = ", ".join(sorted(files)[:5]) + (" …" if len(files) > 5 else "")
        raise ProtocolError(_("OMOP tables"), found, _("person.parquet or person.csv, and the tables beside it"))
    return tables


def unread(files: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the files that are not opened, because the criteria ask about nothing in such a table."""
    return tuple(sorted(file for file in files if _table(file) is None))


def _table(file: str) -> str | None:
    """Return the table that a file's name stands for; None if no such table is read."""
    path = PurePath(file.lower())
    return path.stem if path.stem in NAMES and path.suffix in _SUFFIXES else None


class _Reader:
    """Reads the tables with one record's codes."""

    def __init__(self, tables: Tables, setting: Setting) -> None:
        self.tables, self.setting, self.book = tables, setting, CodeBook(setting.record)
        self.concepts = {
            int(number): _Concept(VOCABULARIES.get(vocabulary, vocabulary), code)
            for number, vocabulary, code in tables.concepts()
        }
        self.problems: list[FileProblem] = []
        self.accounts = [tables.account("concept")]

    def people(self, findings: dict[int, list[Finding]]) -> Iterator[tuple[int, Birth | None]]:
        columns = ("person_id::int", "year_of_birth::int", "month_of_birth::int", "day_of_birth::int")
        seen: set[int] = set()
        rows = self.tables.rows("person", *columns, "gender_concept_id::int")
        for row, (person, year, month, day, gender) in enumerate(rows, start=2):
            where = _("table {table}, row {row}").format(table="person", row=row)  # its id is the hospital's own
            if person is None or person in seen:
                none, twice = _("no person_id, or no whole number"), _("a person_id for the second time")
                said = none if person is None else twice
                self.problems.append(FileProblem(where, said, _("one row per person, with its person_id")))
                continue
            seen.add(person)
            for meaning in self._meanings(gender):
                found = Finding(meaning.fact, meaning.option, self.setting.as_of, "person", f"OMOP {gender}")
                findings[person].append(found)
            yield person, self._born(year, month, day, where)
        held, reason = self.tables.account("person"), _("without a person_id of their own")
        left_out = ((reason, held.rows - len(seen)),) if held.rows > len(seen) else ()
        self.accounts.insert(0, held._replace(read=len(seen), left_out=left_out))

    def _born(self, year: int | None, month: int | None, day: int | None, where: str) -> Birth | None:
        if year is None:
            return None
        birth, found = None, _("no date of birth")
        with suppress(ValueError, OverflowError):
            birth = Birth(of_parts(year, month, day), "person")
            found = _("a date of birth after the as-of date") if birth.on.first > self.setting.as_of else ""
        if found:
            self.problems.append(FileProblem(where, found, _("year, month and day of a real day")))
        return birth

    def results(self) -> Iterator[tuple[int, Finding]]:
        """Yield the newest results of both tables that hold them."""
        for table in ("measurement", "observation"):
            wanted = self._wanted(table, f"{table}_concept_id", f"{table}_source_concept_id")
            read = 0
            for row in self.tables.newest(table, wanted, self.setting.as_of):
                read += 1
                for meaning in self._meanings(row.concept, row.source_concept):
                    finding = self._result(table, row, meaning)
                    if finding is not None:
                        yield row.person, finding
            self.accounts.append(self.tables.account(table, wanted, self.setting.as_of, read))

    def _result(self, table: str, row: Any, meaning: Meaning) -> Finding | None:
        fact, sign = self.setting.facts[meaning.fact], _COMPARATORS.get(row.operator or 0, "")
        unit, load = self._unit(row), self.setting.viral_load(fact, meaning.option)
        blank = Finding(fact.id, None, row.day, f"{table} {row.id}", self._shown(row.concept))
        if row.number is None or (self._answer(row) and fact.type == "choice" and load is None):
            return self._coded(row, fact, meaning, blank)
        number = float(row.number)
        blank = Finding(fact.id, None, row.day, blank.origin, blank.code, f"{sign}{number:.10g} {unit}".strip())
        if fact.type == "choice":
            word, note = amount(fact, meaning.option, load, number, sign, unit)
            return None if word is None and meaning.option else _valued(blank, word, note)
        if not fact.is_number:
            return None
        if sign:
            return _valued(blank, None, _("only a bound, not a value"))
        high = None if row.high is None else float(row.high)
        return measured(fact, number, unit, blank, self.setting, high)

    def _coded(self, row: Any, fact: Any, meaning: Meaning, blank: Finding) -> Finding | None:
        answer = self._answer(row)
        if answer is None:
            return _valued(blank, None, _("neither a number nor an answer known here"))
        value = coded(fact, meaning.option, (answer[0], answer[1]))
        if value is None and (meaning.option or tuple(answer) in MEANS):
            return None
        return _valued(blank, value, _("an answer not known here"))

    def _answer(self, row: Any) -> _Concept | tuple[str, str] | None:
        return self.concepts.get(row.answer or 0) or _STANDARD_ANSWERS.get(row.answer or 0)

    def _unit(self, row: Any) -> str:
        """Return the UCUM unit: the concept's, else the source's, which must then be UCUM itself."""
        concept = self.concepts.get(row.unit or 0)
        return concept.code if concept and concept.system == "UCUM" else str(row.unit_source or "")

    def conditions(self) -> Iterator[tuple[int, Finding]]:
        """Yield what diagnoses say; preliminary ones are none."""
        keys = ("condition_concept_id", "condition_source_concept_id")
        columns = (
            "condition_occurrence_id",
            "person_id::int",
            *(f"{key}::int" for key in keys),
            "condition_start_date::date",
            "condition_end_date::date",
            "condition_end_date",
            "condition_status_concept_id::int",
        )
        wanted = self._wanted("condition_occurrence", *keys)
        self.accounts.append(self.tables.account("condition_occurrence", wanted, self.setting.as_of))
        for own, person, concept, source, start, end, written, status in self.tables.among(
            "condition_occurrence", columns, keys, wanted
        ):
            if status in PRELIMINARY or (start and start > self.setting.as_of):
                continue
            ended = end or bool(str(written or "").strip())  # on a day that cannot be read
            for meaning in self._meanings(concept, source):
                code = self._shown(concept)
                blank = Finding(meaning.fact, None, start, f"condition_occurrence {own}", code, original=code)
                fact = self.setting.facts[meaning.fact]
                for finding in diagnosed(fact, meaning.option, blank, ended, self.setting):
                    yield person, finding

    def procedures(self) -> Iterator[tuple[int, Finding]]:
        """Yield what procedures say that were done by the as-of date."""
        keys = ("procedure_concept_id", "procedure_source_concept_id")
        columns = (
            "procedure_occurrence_id",
            "person_id::int",
            *(f"{key}::int" for key in keys),
            "procedure_date::date",
        )
        wanted = self._wanted("procedure_occurrence", *keys)
        self.accounts.append(self.tables.account("procedure_occurrence", wanted, self.setting.as_of))
        for own, person, concept, source, day in self.tables.among("procedure_occurrence", columns, keys, wanted):
            for meaning in self._meanings(concept, source):
                value = True if self.setting.facts[meaning.fact].type == "yes_no" else meaning.option
                code = self._shown(concept)
                yield person, Finding(meaning.fact, value, day, f"procedure_occurrence {own}", code, original=code)

    def deaths(self) -> Iterator[tuple[int, Finding]]:
        """Yield who has died."""
        self.accounts.append(self.tables.account("death", as_of=self.setting.as_of))
        for person, day in self.tables.rows("death", "person_id::int", "death_date::date"):
            for finding in died(day, self.setting, "death"):
                yield person, finding

    def _wanted(self, table: str, *columns: str) -> dict[int, str]:
        """Return the concepts of a table that say something, each with the facts it speaks of."""
        wanted = {}
        for column in columns:
            for number in self.tables.distinct(table, column):
                meanings = self._meanings(number)
                if meanings:
                    wanted[number] = ",".join(meaning.fact for meaning in meanings)
        return wanted

    def _meanings(self, *numbers: int | None) -> list[Meaning]:
        """Return what the first concept says that says anything."""
        for number in numbers:
            concept = self.concepts.get(number or 0)
            meanings = self.book.meanings("OMOP", str(number or 0))
            meanings = meanings or (self.book.meanings(concept.system, concept.code) if concept else [])
            if meanings:
                return meanings
        return []

    def _shown(self, number: int) -> str:
        concept = self.concepts.get(number)
        return f"OMOP {number}" + (f" ({concept.system} {concept.code})" if concept else "")


def _valued(blank: Finding, value: Any, note: str = "") -> Finding:
    return replace(blank, value=value) if value is not None else replace(blank, reason=NOT_USABLE, note=note)
