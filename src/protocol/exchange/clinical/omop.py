"""OMOP CDM 5.4: a folder of Parquet or CSV tables in, through DuckDB, as facts per person with their evidence."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from protocol.exchange.clinical.findings import NOT_USABLE, Birth, Finding, Imports, Naming, Setting
from protocol.exchange.clinical.omop_tables import NAMES, PRELIMINARY, Account, Tables, stem
from protocol.exchange.clinical.reconciliation import (
    birth_problem,
    bounded,
    diagnosed,
    died,
    measured,
    settle,
    stated,
    undecided,
)
from protocol.exchange.clinical.terminology import (
    ASK,
    MEANS,
    TREES,
    UNRELATED,
    VOCABULARIES,
    Asked,
    Meaning,
    amount,
    code_book,
    coded,
    weightiest,
)
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.dates import of_parts
from protocol.exchange.units import UNIT_UNKNOWN
from protocol.records import ProtocolError
from protocol.translation import _, list_of

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

_TREATMENTS = {
    "procedure_occurrence": "procedure",
    "drug_exposure": "medication",
    "drug_era": "medication",
    "episode": "procedure",
}
"""Tables of what was done or given, and how their words are read."""

_SPANS = {"procedure_occurrence": ("procedure_date", "procedure_end_date")}
"""The columns of the first and the last day, where they are not called after the table."""

_FAMILY = 4167217
"""OMOP's concept of a family history of a clinical finding."""

_LONGEST_SUPPLY = 366
"""Days of supply beyond which the number is no number of days."""

_CODES = {
    "ICD-10": re.compile(r"[A-Za-z]\d[0-9A-Za-z](\.?[0-9A-Za-z]{1,7})?([+*/†].*)?"),
    "ICD-O-3": re.compile(r"\d{4,5}/\d"),
}
"""How a code of ICD-10, with its Chinese extensions, and a morphology look in a column of the source's own codes."""


class _Concept(NamedTuple):
    """A concept's code in its own vocabulary."""

    system: str
    code: str


class _Event(NamedTuple):
    """A row of a table of events: whose, where it stands, when, and what it says of the facts."""

    person: int
    origin: str
    start: date | None
    end: date | None
    said: list[Asked]
    more: list[Any]


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
        ``procedure_occurrence``, ``drug_exposure``, ``drug_era``, ``episode``, ``visit_occurrence``, ``death``,
        ``concept`` and ``concept_ancestor``, each as ``.parquet`` or ``.csv``.
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
        treatments = (reader.treatments(table, kind) for table, kind in _TREATMENTS.items())
        parts = (reader.results(), reader.histories(), reader.conditions(), *treatments, reader.deaths())
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
        problems += undecided(settled[-1], setting)
    yield OmopImport(Imports.of(settled, problems), accounts), 1.0


def read_omop_results(
    folder: Path, setting: Setting, name: Naming
) -> tuple[dict[str, list[Finding]], list[FileProblem]]:
    """Read the results in a folder like :func:`read_omop`; return those of every day, by study id.

    Raises
    ------
    ProtocolError
        As :func:`read_omop`.
    """
    found: dict[str, list[Finding]] = {}
    with Tables(folder) as tables:
        reader = _Reader(tables, setting)
        for person, finding in reader.results(every=True):
            found.setdefault(name(str(person)), []).append(finding)
        return found, [*tables.problems, *reader.problems]


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
    with laid_down(files) as folder:
        yield from read_omop_stepwise(folder, setting, name, MOST_PERSONS)


@contextmanager
def laid_down(files: Mapping[str, bytes]) -> Iterator[Path]:
    """Lay tables down in a folder that no other account of the machine can read, and remove it afterwards.

    Parameters
    ----------
    files : mapping of str to bytes
        By name; a name in any case. Those that are no table that is read are left out.

    Raises
    ------
    ProtocolError
        When they are too many or too large, when two are the same table, or without a person table.
    """
    tables = _tables_in(files)
    with TemporaryDirectory(prefix="omop-") as folder:
        for table, file in tables.items():
            (Path(folder) / f"{table}{PurePath(file).suffix.lower()}").write_bytes(files[file])
        yield Path(folder)


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
        found = list_of(sorted(files)[:5]) + (" …" if len(files) > 5 else "")
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
        self.tables, self.setting, self.book = tables, setting, code_book(setting.record)
        self.concepts: dict[int, _Concept] = {}
        self.names: dict[int, str | None] = {}
        for number, vocabulary, code, called in tables.concepts():
            self.concepts[number] = _Concept(VOCABULARIES.get(vocabulary, vocabulary), code)
            self.names[number] = called
        self.ancestors: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for below, above, levels in tables.ancestors():
            self.ancestors[below].append((above, levels or 0))
        self._known: dict[tuple[int, int, str, str], list[Asked]] = {}
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
            found = birth_problem(birth.on, self.setting)
        if found:
            birth = None
            self.problems.append(FileProblem(where, found, _("year, month and day of a real day")))
        return birth

    def results(self, *, every: bool = False) -> Iterator[tuple[int, Finding]]:
        """Yield the newest results of both tables that hold them, or those of every day."""
        for table in ("measurement", "observation"):
            wanted = self._wanted(table, f"{table}_concept_id", f"{table}_source_concept_id")
            read = 0
            for row in self.tables.newest(table, wanted, self.setting.as_of, every=every):
                read += 1
                for meaning in self._meanings(row.concept, row.source_concept):
                    finding = self._result(table, row, meaning)
                    if finding is not None:
                        yield row.person, finding
            self.accounts.append(self.tables.account(table, wanted, self.setting.as_of, read))

    def _result(self, table: str, row: Any, meaning: Meaning) -> Finding | None:
        fact, sign = self.setting.facts[meaning.fact], _COMPARATORS.get(row.operator or 0, "")
        unit, load = self._unit(row), self.setting.viral_load(fact, meaning.option)
        blank = Finding(
            fact.id, None, row.day, f"{table} {row.id}", self._shown(row.concept), moment=_moment(row.moment, row.day)
        )
        if row.number is None or (self._answer(row) and fact.type == "choice" and load is None):
            return self._coded(row, fact, meaning, blank)
        number = float(row.number)
        blank = replace(blank, original=f"{sign}{number:.10g} {unit}".strip())
        if fact.type == "choice":
            word, note = amount(fact, meaning.option, load, number, sign, unit)
            return None if word is None and meaning.option else _valued(blank, word, note)
        if fact.id in self.setting.circumstances and not sign:
            return replace(blank, value=number == 0) if unit else replace(blank, reason=UNIT_UNKNOWN)
        if not fact.is_number:
            return None
        high = None if row.high is None else float(row.high)
        if sign:
            return bounded(fact, number, sign, unit, blank, self.setting, high)
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
        """Yield what diagnoses say; preliminary ones are none, and the end of a visit is no end of a disease."""
        more = ("condition_end_date", "condition_status_concept_id::int")
        preliminary = (_("preliminary, no diagnosis yet"), lambda event: event.more[1] in PRELIMINARY)
        events = [*self._events("condition_occurrence", "condition", more, preliminary)]
        visits: dict[int, list[tuple[date, date]]] = defaultdict(list)
        for person, first, last in self.tables.visits({event.person for event in events if event.end}):
            visits[person].append((first, last))
        for event in events:
            ended = event.end or bool(str(event.more[0] or "").strip())  # on a day that cannot be read
            if any(
                last == event.end and (not event.start or event.start >= first)
                for first, last in visits[event.person]
            ):
                ended = False
            for one in event.said:
                blank = Finding(one.fact, None, event.start, event.origin, one.code, original=one.code)
                for finding in diagnosed(self.setting.facts[one.fact], one.option, blank, ended, self.setting):
                    yield event.person, finding

    def treatments(self, table: str, kind: str) -> Iterator[tuple[int, Finding]]:
        """Yield what procedures, drugs and episodes say that had begun by the as-of date.

        A drug or an episode without an end has been given since its start, and nobody knows for how long.
        """
        for event in self._events(table, kind):
            is_point = table == "procedure_occurrence"
            last = event.end or (event.start if is_point else None)
            for one in event.said:
                fact = self.setting.facts[one.fact]
                blank = Finding(
                    fact.id, None, min(last, self.setting.as_of) if last else None, event.origin, one.code
                )
                finding = stated(fact, one.option, replace(blank, original=one.code))
                if last is None and event.start and not is_point and finding.value is not None:
                    yield event.person, replace(finding, day=event.start)
                    finding = stated(fact, ASK, finding)
                    finding = replace(finding, value=None, day=None, note=_("no end"))
                yield event.person, finding

    def _events(
        self,
        table: str,
        kind: str,
        more: Sequence[str] = (),
        left: tuple[str, Callable[["_Event"], bool]] | None = None,
    ) -> Iterator["_Event"]:
        """Yield the rows of a table of events that say something, and account for all of them.

        Parameters
        ----------
        table : str
        kind : {"condition", "procedure", "medication"}
            How its words are read.
        more : sequence of str
            Further columns.
        left : (str, function), optional
            A reason to leave rows out, and the test of one.
        """
        begins, name = stem(table), table.removesuffix("_occurrence")
        dates = _SPANS.get(table, (f"{name}_start_date", f"{name}_end_date"))
        source = "episode_object_concept_id" if table == "episode" else f"{begins}_source_concept_id"
        columns = (
            f"{table}_id",
            "person_id::int",
            f"{begins}_concept_id::int",
            f"{source}::int",
            f"{begins}_source_value",
            *(f"{day}::date" for day in dates),
            *(f"{day.removesuffix('_date')}_datetime::date" for day in dates),
            "days_supply::int",
            *more,
        )
        rows, reasons, reversed_ = 0, Counter[str](), list[str]()
        nothing, later = _("not about a fact of the criteria"), _("after the as-of day")
        for own, person, concept, coded_by, text, start, end, started, ended, supply, *rest in self.tables.rows(
            table, *columns
        ):
            rows += 1
            start, end = start or started, end or ended
            if end is not None and start is not None and end < start:  # one of the two is wrong
                end = None
                reversed_.append(str(own))
            elif end is None and start is not None and supply is not None and 0 < supply <= _LONGEST_SUPPLY:
                end = start + timedelta(days=supply - 1)
            said = self._said(concept, coded_by, text, kind)
            if kind != "condition":
                said = [*said, *self._perhaps_therapy(said, end or start)]
            said = [one for one in said if one.option not in ("", UNRELATED)]
            event = _Event(person, f"{table} {own}", start, end, said, rest)
            if not said:
                reasons[nothing] += 1
            elif left and left[1](event):
                reasons[left[0]] += 1
            elif start is not None and start > self.setting.as_of:
                reasons[later] += 1
            else:
                yield event
        if reversed_:
            where = _("table {name}").format(name=table)
            found = _("{count} rows that end before they begin").format(count=len(reversed_))
            self.problems.append(FileProblem(where, found, _("the right days; the end is not used")))
        left_out = tuple(
            (reason, reasons[reason]) for reason in (nothing, left[0] if left else "", later) if reasons[reason]
        )
        file = self.tables.file(table) if table in self.tables.columns else ""
        self.accounts.append(Account(table, file, rows, rows - reasons.total(), left_out))

    def _perhaps_therapy(self, said: Sequence[Asked], last: date | None) -> list[Asked]:
        """Return that a row may be a therapy against cancer if nothing is known of it, unless it ended long ago."""
        name, as_of = self.setting.person.anticancer_therapy, self.setting.as_of
        if name is None or any(one.fact == name for one in said):
            return []
        window = self.setting.window(self.setting.lifelong[name]) if name in self.setting.lifelong else None
        old = window is not None and last is not None and (as_of - last).days > window[1]
        return [] if old else [Asked(name, ASK, "")]

    def _said(self, concept: int | None, source: int | None, text: str | None, kind: str) -> list[Asked]:
        """Return what a row says of the facts: by its concepts, by what they stand below, and by its words."""
        key = concept or 0, source or 0, text or "", kind
        if key not in self._known:
            self._known[key] = self._find(*key)
        return self._known[key]

    def _find(self, concept: int, source: int, text: str, kind: str) -> list[Asked]:
        numbers = [number for number in (concept, source) if number]
        shown = self._shown(concept or source)
        found = [one._replace(code=shown) for one in self.book.asked(self._codings(*numbers), (), kind)]
        found = _added(found, (one._replace(code=shown) for one in self._classes(numbers)))
        if not any(number in self.concepts for number in numbers):
            told = self.book.asked([*_written_codes(text)], (), kind)  # codes that no vocabulary stands behind
            found = _added(found, (one if one.option == UNRELATED else one._replace(option=ASK) for one in told))
        names = [self.names.get(number) or "" for number in numbers]
        words = self.book.suspected(" | ".join(filter(None, [*names, text])), kind)
        found = _added(found, (Asked(fact, ASK, shown) for fact in words))
        untold = kind == "condition" and not found and not text.strip() and not any(names)
        if untold and not any(self._is_tree(number) for number in numbers):
            therapy = self.setting.person.anticancer_therapy
            lasting = (one.fact for one in self.setting.lifelong.values() if one.latest_day)
            return [Asked(fact, ASK, "") for fact in lasting if fact != therapy]
        return found

    def _classes(self, numbers: Sequence[int]) -> list[Asked]:
        """Return what stands above concepts: the nearest that says something of a fact, and all classes of a drug.

        ATC has a class for each use and each route of a drug. If only some of them say that it has nothing to do with
        a fact, that stays open.
        """
        above = dict(one for number in reversed(numbers) for one in reversed(self.ancestors.get(number, ())))
        classes = {one: self.concepts[one].code for one in above if self._is_class(one)}
        narrow = [one for one, code in classes.items() if not any(_is_below(o, code) for o in classes.values())]
        levels: dict[int, list[int]] = defaultdict(list)
        for one, level in above.items():
            if one not in classes:
                levels[level].append(one)
        found: list[Asked] = []
        for group in (*(levels[level] for level in sorted(levels)), narrow):
            found = _added(found, self._together(group))
        return found

    def _together(self, numbers: Iterable[int]) -> Iterator[Asked]:
        """Yield what concepts of one rank say; open if only some of them say that they do not speak of a fact."""
        options: dict[str, dict[str, None]] = defaultdict(dict)
        for fact, option in (meaning for number in numbers for meaning in self._says(number)):
            options[fact][option] = None
        for fact, said in options.items():
            is_open = UNRELATED in said and len(said) > 1
            yield from (Asked(fact, option, "") for option in ([ASK] if is_open else said))

    def _says(self, number: int) -> list[Meaning]:
        return [meaning for system, code in self._codings(number) for meaning in self.book.above(system, code)]

    def _is_class(self, number: int) -> bool:
        return number in self.concepts and self.concepts[number].system == "ATC"

    def histories(self) -> Iterator[tuple[int, Finding]]:
        """Yield what observations say of diagnoses and therapies, such as a history of them: this asks only.

        The family's history is in the same table and is left out.
        """
        concepts = [f"{name}_concept_id::int" for name in ("observation", "observation_source", "value_as")]
        columns = ("observation_id", "person_id::int", "observation_source_value", *concepts)
        days = ("observation_date::date", "observation_datetime::date")
        known: dict[tuple[str, tuple[int, ...]], list[str]] = {}
        for own, person, text, concept, source, answer, day, at in self.tables.rows("observation", *columns, *days):
            key = text or "", (concept or 0, source or 0, answer or 0)
            if key not in known:
                known[key] = self._history(*key)
            day = day or at
            if known[key] and (day is None or day <= self.setting.as_of):
                blank = Finding("", None, day, f"observation {own}", self._shown(concept or source or 0))
                for fact in known[key]:
                    yield person, stated(self.setting.facts[fact], ASK, replace(blank, fact=fact))

    def _history(self, text: str, numbers: Sequence[int]) -> list[str]:
        """Return the lifelong facts that a question or its answer names, as a diagnosis or a therapy."""
        names = [text, *(self.names.get(number) or "" for number in numbers)]
        if _FAMILY in numbers or any(name.lower().startswith("family history") for name in names):
            return []
        said = self.book.asked(self._codings(*(number for number in numbers if number)), (), "condition")
        named = {one.fact for one in said if one.option not in ("", UNRELATED)}
        known = {one.fact for one in said}
        suspected = {fact for fact in self.book.suspected(" | ".join(names), "condition") if fact not in known}
        return [fact for fact in self.setting.lifelong if fact in named | suspected]

    def _codings(self, *numbers: int) -> list[tuple[str, str]]:
        """Return the codes of concepts: their own, and those in the vocabularies that they come from."""
        held = [self.concepts[number] for number in numbers if number in self.concepts]
        return [*(("OMOP", str(number)) for number in numbers), *((one.system, one.code) for one in held)]

    def _is_tree(self, number: int) -> bool:
        return number in self.concepts and self.concepts[number].system in TREES

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
        """Return what the first concept of a result says that says anything."""
        for number in numbers:
            concept = self.concepts.get(number or 0)
            meanings = self.book.meanings("OMOP", str(number or 0))
            meanings = meanings or (self.book.meanings(concept.system, concept.code) if concept else [])
            meanings = [meaning for meaning in meanings if meaning.option not in (ASK, UNRELATED)]
            if meanings:
                return meanings
        return []

    def _shown(self, number: int) -> str:
        concept = self.concepts.get(number)
        return f"OMOP {number}" + (f" ({concept.system} {concept.code})" if concept else "")


def _added(known: Sequence[Asked], more: Iterable[Asked]) -> list[Asked]:
    """Add what counts of what is said about facts of which nothing is known."""
    facts = {one.fact for one in known}
    return [*known, *weightiest(one for one in more if one.fact not in facts)]


def _written_codes(text: str) -> Iterator[tuple[str, str]]:
    """Yield the codes in a cell of a source's own codes, each with the system that it looks like."""
    for part in re.split(r"[\s;,|；，、]+", text):
        yield from ((system, part) for system, pattern in _CODES.items() if pattern.fullmatch(part))


def _is_below(code: str, other: str) -> bool:
    return code != other and code.startswith(other)


def _moment(moment: datetime | None, day: date | None) -> str:
    """Return the time of a result; none if it is of another day, or midnight, which stands for an unknown time."""
    if moment is None or moment.date() != day or moment.time() == time.min:
        return ""
    return moment.isoformat()


def _valued(blank: Finding, value: Any, note: str = "") -> Finding:
    return replace(blank, value=value) if value is not None else replace(blank, reason=NOT_USABLE, note=note)
