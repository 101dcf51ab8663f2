"""The tables of an OMOP folder, opened with DuckDB: only the rows and columns that are asked for leave it."""

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory, gettempdir
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from protocol.eligibility.criteria import FIRST_DAY, LAST_DAY
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.limits import LONGEST_CELL, check_parquet, database_settings
from protocol.records import ProtocolError
from protocol.translation import _, list_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


NAMES = (
    "person",
    "measurement",
    "observation",
    "condition_occurrence",
    "procedure_occurrence",
    "drug_exposure",
    "drug_era",
    "episode",
    "visit_occurrence",
    "death",
    "concept",
    "concept_ancestor",
)

_OFTEN_ABSENT = ("drug_era", "episode", "visit_occurrence", "concept_ancestor")
"""Tables that only add to others: most folders do without them, and that is not reported."""

PRELIMINARY = (32899, 4033240)
"""Condition states that are no diagnosis yet: preliminary, in the present and in the older vocabulary."""

DAYS = {
    "condition_occurrence": "condition_start_date",
    "procedure_occurrence": "procedure_date",
    "drug_exposure": "drug_exposure_start_date",
    "drug_era": "drug_era_start_date",
    "episode": "episode_start_date",
}
"""The column of the day, where it is not the table's own name."""

_KEYS = {
    "concept": ("concept_id", "vocabulary_id", "concept_code"),
    "concept_ancestor": ("ancestor_concept_id", "descendant_concept_id"),
    "visit_occurrence": ("person_id", "visit_start_date", "visit_end_date"),
}
"""The needed columns of tables that say nothing by themselves."""

_EMPTY = ["", "\\N", "NULL"]
"""What databases write into a CSV file for a cell without a value."""

RESULTS = ("measurement", "observation")

TYPES = {"int": "bigint"}
"""DuckDB's names of types, where they are not ours."""

_MOMENTS = {
    "date": "['%Y%m%d', '%Y/%m/%d', '%Y%m%d%H%M%S', '%Y/%m/%d %H:%M:%S', '%Y/%m/%d %H:%M']",
    "timestamp": "['%Y%m%d%H%M%S', '%Y%m%d %H:%M:%S', '%Y/%m/%d %H:%M:%S', '%Y/%m/%d %H:%M']",
}
"""How dates and times are written beside ISO 8601: the year goes first, so that none can be mistaken."""


MEMORY_MEGABYTES = 1024
"""What the database may take; what needs more goes to the disk."""


def needed(table: str) -> tuple[str, ...]:
    """Return the columns without which a table says nothing."""
    if table in _KEYS:
        return _KEYS[table]
    day = () if table == "person" else (DAYS.get(table, f"{table}_date"),)
    asked = (f"{stem(table)}_concept_id",) if table not in ("person", "death") else ()
    return ("person_id", *asked, *day)


def stem(table: str) -> str:
    """Return what the columns of a table begin with: ``drug`` for ``drug_exposure``."""
    return re.sub("_(occurrence|exposure|era)$", "", table)


class Account(NamedTuple):
    """What became of the rows of one table: those read, and those left out by reason; together they are all rows."""

    table: str
    file: str
    rows: int
    read: int
    left_out: tuple[tuple[str, int], ...]


class Result(NamedTuple):
    """One row of a table of results."""

    id: Any
    person: int
    concept: int
    source_concept: int | None
    day: date | None
    number: Any
    operator: int | None
    answer: int | None
    unit: int | None
    unit_source: str | None
    high: Any
    moment: Any = None


class Tables:
    """The tables that a folder has; what is wrong with their cells is gathered in ``problems``."""

    def __init__(self, folder: Path, most_rows: int | None = None) -> None:
        import duckdb

        self.most_rows = most_rows

        files = {path.name.lower(): path for path in folder.iterdir()} if folder.is_dir() else {}
        self.files = {name: files.get(f"{name}.parquet") or files.get(f"{name}.csv") for name in NAMES}
        if self.files["person"] is None:
            found = _("no table person.parquet or person.csv")
            raise ProtocolError(folder.name, found, _("a folder of OMOP CDM 5.4 tables"))
        self.problems: list[FileProblem] = []
        self.columns: dict[str, set[str]] = {}
        self._rewritten: TemporaryDirectory[str] | None = None
        self.connection = duckdb.connect(":memory:", config=database_settings(gettempdir(), MEMORY_MEGABYTES))
        try:
            for name, path in self.files.items():
                self._open(name, path, duckdb.Error)
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        self.connection.close()
        if self._rewritten is not None:
            self._rewritten.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: object, _where: object) -> None:
        import duckdb

        self._close()
        if isinstance(error, duckdb.OutOfMemoryException):
            found, write = _("tables that need too much memory"), _("the persons and the columns that matter")
            raise ProtocolError(_("OMOP tables"), found, write) from None
        if isinstance(error, duckdb.Error):  # a file may turn out to be no table only far behind its beginning
            raise self._unreadable(str(error)) from None

    def _unreadable(self, said: str) -> ProtocolError:
        """Say where the reading ended, without the text found there: it is data of a person."""
        held = [path.name for path in self.files.values() if path is not None]
        file = next((name for name in held if name in said), list_of(held))
        line = re.search(r"Line: (\d+)", said)
        if not line:
            return ProtocolError(file, _("a file that is no table"), _("Parquet, or CSV in UTF-8"))
        where = _("{file}, line {line}").format(file=file, line=line[1])
        write = _("CSV in UTF-8, with as many cells in every line as in the first")
        return ProtocolError(where, _("a line that cannot be read"), write)

    def file(self, table: str) -> str:
        """Return the name of a table's file."""
        path = self.files[table]
        return path.name if path is not None else table

    def _open(self, name: str, path: Path | None, error: type[Exception]) -> None:
        if path is None:
            if name not in _OFTEN_ABSENT:
                found, write = _("no such table: nothing of it is known"), f"{name}.parquet"
                self.problems.append(FileProblem(_("table {name}").format(name=name), found, write))
            return
        try:
            if path.suffix.lower() == ".csv":
                text = self._in_utf8(path)
                relation = self.connection.read_csv(str(text), all_varchar=True, header=True, na_values=_EMPTY)
            else:
                check_parquet(path.name, path, most_rows=self.most_rows)
                relation = self.connection.read_parquet(str(path))
            relation.create_view(name)
        except (error, OSError):
            raise ProtocolError(path.name, _("a file that is no table"), _("Parquet, or CSV in UTF-8")) from None
        self.columns[name] = {column.lower() for column in relation.columns}
        for column in needed(name):
            if column not in self.columns[name]:
                found = _("no column {column}").format(column=column)
                self.problems.append(FileProblem(path.name, found, _("the columns of OMOP CDM 5.4")))
        if name == "concept" and "concept_id" not in self.columns[name]:
            del self.columns[name]

    def _in_utf8(self, path: Path) -> Path:
        """Return a CSV file in UTF-8: itself, or a copy if it is in GBK or UTF-16, which DuckDB does not read.

        The copy lies in a folder that no other account of the machine can read, and is removed in the end.
        """
        with path.open("rb") as file:
            mark = file.read(2)
        codes = ("utf-16",) if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else ("utf-8", "gb18030")
        encoding = next((code for code in codes if _is_text(path, code)), "utf-8")
        if encoding == "utf-8":
            return path
        self._rewritten = self._rewritten or TemporaryDirectory(prefix="omop-")
        copy = Path(self._rewritten.name) / path.name
        with path.open(encoding=encoding, newline="") as old, copy.open("w", encoding="utf-8", newline="") as new:
            copyfileobj(old, new)
        return copy

    def refuse_more_than(self, most: int | None) -> None:
        """Raise ProtocolError when the person table has more rows, or does not say who they are."""
        if "person_id" not in self.columns["person"]:
            raise ProtocolError(self.file("person"), _("no column person_id"), _("the columns of OMOP CDM 5.4"))
        persons = self.account("person").rows
        if most is not None and persons > most:
            write = _("at most {most:,} here; read_omop in Python takes any number").format(most=most)
            raise ProtocolError(self.file("person"), _("{persons:,} persons").format(persons=persons), write)

    def rows(self, table: str, *columns: str, where: str = "true") -> Iterator[tuple[Any, ...]]:
        """Yield columns of a table, each ``name`` or ``name::type``; what is absent or of another type is None."""
        if table not in self.columns:
            return
        self._check(table, columns)
        picked = ", ".join(self._column(table, column) for column in columns)
        cursor = self.connection.cursor()
        cursor.execute(f"select {picked} from {table} where {where}")  # noqa: S608 - names of this module only
        while batch := cursor.fetchmany(10_000):
            yield from batch

    def concepts(self) -> Iterator[tuple[int, str, str, str | None]]:
        """Yield id, vocabulary, code and name of the concepts that are used; a vocabulary has millions."""
        columns = ("concept_id::int", "vocabulary_id", "concept_code", "concept_name")
        yield from self.rows("concept", *columns, where=self._used())

    def ancestors(self) -> Iterator[tuple[int, int, int]]:
        """Yield a used concept, one that it stands below, and how many levels, from the nearest to the farthest."""
        if "concept_ancestor" not in self.columns:
            return
        columns = ("descendant_concept_id::int", "ancestor_concept_id::int", "min_levels_of_separation::int")
        below, above, levels = (self._column("concept_ancestor", column) for column in columns)
        where = f"{below} in ({self._named()}) and {below} <> {above} order by coalesce({levels}, 0)"
        yield from self.rows("concept_ancestor", *columns, where=where)

    def _named(self) -> str:
        """Return the query of the concepts that the tables about persons use."""
        about = {table: own for table, own in self.columns.items() if not table.startswith("concept")}
        held = [(table, key) for table, own in about.items() for key in own if re.fullmatch("[a-z_]*concept_id", key)]
        columns = [(self._column(table, f"{key}::int"), table) for table, key in held]
        return " union ".join(f"select {column} from {table}" for column, table in columns) or "select 0"  # noqa: S608

    def _used(self) -> str:
        """Return the test for a row of the concept table that another table uses, or that stands above such a one."""
        used = self._named()
        if "concept_ancestor" in self.columns:
            below, above = (
                self._column("concept_ancestor", f"{key}::int") for key in reversed(needed("concept_ancestor"))
            )
            used += f" union select {above} from concept_ancestor where {below} in ({used})"  # noqa: S608
        return f"{self._cast('concept', 'concept_id', 'bigint')} in ({used})"

    def visits(self, persons: Iterable[int]) -> Iterator[tuple[int, date, date]]:
        """Yield person, first and last day of the visits of some persons."""
        numbers = ", ".join(map(str, persons))
        if numbers and "visit_occurrence" in self.columns:
            person = self._column("visit_occurrence", "person_id::int")
            columns = ("person_id::int", "visit_start_date::date", "visit_end_date::date")
            for own, start, end in self.rows("visit_occurrence", *columns, where=f"{person} in ({numbers})"):
                if start is not None and end is not None:
                    yield own, start, end

    def distinct(self, table: str, column: str) -> list[int]:
        """Return the different whole numbers of a column."""
        if column not in self.columns.get(table, ()):
            return []
        found = self.connection.sql(f"select distinct {self._cast(table, column, 'bigint')} from {table}").fetchall()  # noqa: S608
        return [number for (number,) in found if number]

    def newest(self, table: str, wanted: dict[int, str], as_of: date, *, every: bool = False) -> Iterator[Result]:
        """Yield the rows with a value of each person's newest day per fact, or of every day, and those without."""
        if table not in self.columns:
            return
        keys = (f"{table}_concept_id", f"{table}_source_concept_id")
        columns = (
            f"{table}_id",
            "person_id::int",
            *(f"{key}::int" for key in keys),
            f"{table}_date::date",
            "value_as_number::double",
            "operator_concept_id::int",
            "value_as_concept_id::int",
            "unit_concept_id::int",
            "unit_source_value",
            "range_high::double",
            f"{table}_datetime::timestamp",
        )
        self._check(table, columns)
        if not wanted:
            return
        pairs = ", ".join(f"({number}, '{facts}')" for number, facts in wanted.items())
        picked = ", ".join(f"{self._column(table, column)} as c{i}" for i, column in enumerate(columns))
        held = f"not coalesce({self._no_value(table)}, false)"
        query = f"""
            with wanted(concept, facts) as (values {pairs}),
            rows as (
                select * replace (coalesce(c4, c11::date) as c4) from (select {picked} from {table} where {held})
            ),
            known as (
                select rows.*, coalesce(own.facts, source.facts) as facts from rows
                left join wanted own on own.concept = c2 left join wanted source on source.concept = c3
                where coalesce(own.facts, source.facts) is not null and (c4 is null or c4 <= date '{as_of}')
            )
            select c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11 from known
            qualify {str(every).lower()} or c4 is null or c4 = max(c4) over (partition by c1, facts) order by c1, c0
        """  # noqa: S608
        cursor = self.connection.cursor()
        cursor.execute(query)
        while batch := cursor.fetchmany(10_000):
            yield from (Result(*row) for row in batch)

    def _no_value(self, table: str) -> str:
        """Return the test for a row without any result: no number, no answer, and no text of the source."""
        texts = ("value_as_number", "value_source_value", "value_as_string")
        empty = [f"coalesce(trim({self._column(table, name)}::varchar), '') = ''" for name in texts]
        answer = self._column(table, "value_as_concept_id::int")
        return " and ".join([*empty, f"coalesce({answer}, 0) = 0"])

    def account(
        self,
        table: str,
        wanted: Mapping[int, str] = MappingProxyType({}),
        as_of: date | None = None,
        read: int | None = None,
    ) -> Account:
        """Count the rows of a table by the first reason that leaves them out.

        Parameters
        ----------
        table : str
        wanted : mapping of int to str
            The concepts asked about; for tables of concepts only.
        as_of : date, optional
            Rows of a later day are left out.
        read : int, optional
            How many rows were read when older ones stand behind the newest.
        """
        if table not in self.columns:
            return Account(table, "", 0, 0, ())
        reasons = self._reasons(table, wanted, as_of)
        before, counts = "false", ["count(*)"]
        for test in reasons.values():
            counts.append(f"count(*) filter (where not ({before}) and coalesce({test}, false))")
            before += f" or coalesce({test}, false)"
        query = f"select {', '.join(counts)} from {table}"  # noqa: S608 - names of this module and whole numbers only
        rows, *left_out = self.connection.sql(query).fetchall()[0]
        named = [*zip(reasons, left_out, strict=True)]
        if read is not None:
            named.append((_("older than the newest of the same person"), rows - sum(left_out) - read))
        kept = tuple((reason, count) for reason, count in named if count)
        return Account(table, self.file(table), rows, rows - sum(count for _reason, count in kept), kept)

    def _reasons(self, table: str, wanted: Mapping[int, str], as_of: date | None) -> dict[str, str]:
        """Return the reasons that leave a row out, each with its test."""
        tests = {}
        if table == "concept":
            tests[_("used by no other table")] = f"not coalesce({self._used()}, false)"
        if table in RESULTS:
            numbers = ", ".join(map(str, wanted)) or "null"
            keys = [self._column(table, f"{table}{kind}_concept_id::int") for kind in ("", "_source")]
            known = " or ".join(f"coalesce({key} in ({numbers}), false)" for key in keys)
            tests[_("not about a fact of the criteria")] = f"not ({known})"
            tests[_("without a value")] = self._no_value(table)
        if as_of is not None:
            day = self._column(table, f"{needed(table)[-1]}::date")
            if table in RESULTS:
                day = f"coalesce({day}, {self._column(table, f'{table}_datetime::timestamp')}::date)"
            tests[_("after the as-of day")] = f"{day} > date '{as_of}'"
        return tests

    def _column(self, table: str, column: str) -> str:
        name, _colons, kind = column.partition("::")
        kind = TYPES.get(kind, kind)
        if name not in self.columns[table]:
            return f"null::{kind or 'varchar'}"
        return self._cast(table, name, kind) if kind else f"left({name}::varchar, {LONGEST_CELL})"

    def _cast(self, table: str, column: str, kind: str) -> str:
        """Return a cast that gives nothing where it fails, nor for a day on which no participant may be judged.

        DuckDB 2.0 leaves the cast of a CSV file's bare column to its reader, which ends at the first bad cell.
        """
        path = self.files[table]
        text = path is not None and path.suffix.lower() == ".csv"
        decimal = f"{column}::varchar" if kind in ("double", *_MOMENTS) else column  # single precision
        plain = f"trim({column})" if text else decimal
        cast = f"try_cast({plain} as {kind})"
        if kind in _MOMENTS:
            cast = f"coalesce({cast}, try_strptime({plain}, {_MOMENTS[kind]})::{kind})"
        possible = f"between date '{FIRST_DAY}' and date '{LAST_DAY}'"
        return f"case when {cast} {possible} then {cast} end" if kind == "date" else cast

    def _check(self, table: str, columns: Iterable[str]) -> None:
        """Report the cells of columns, each ``name::type``, that are not of their type."""
        known = self.columns.get(table, set()) - ({"person_id"} if table == "person" else set())  # told by its row
        typed = [column.split("::") for column in columns if "::" in column]
        casts = {n: (TYPES.get(kind, kind), self._column(table, f"{n}::{kind}")) for n, kind in typed if n in known}
        if casts:
            self.problems += _bad_cells(self.connection, table, casts)


def _is_text(path: Path, encoding: str) -> bool:
    """Whether a whole file can be decoded."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while block := file.read(2**20):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _bad_cells(
    connection: "DuckDBPyConnection", table: str, casts: Mapping[str, tuple[str, str]]
) -> Iterator[FileProblem]:
    """Yield the columns of a table with cells that are not of their type, with the row of the first.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Where the table is open.
    table : str
    casts : mapping of str to (str, str)
        By column, its type and the cast that gives nothing where it fails.
    """
    said = {"double": _("number"), "bigint": _("whole number"), "date": _("date"), "timestamp": _("date")}
    tests = [
        f"{column} is not null and trim({column}::varchar) <> '' and {cast} is null"
        for column, (_kind, cast) in casts.items()
    ]
    counts = ", ".join(f"count(*) filter ({test}), min(row) filter ({test})" for test in tests)
    rows = f"select row_number() over () + 1 as row, * from {table}"  # noqa: S608 - names of this package only
    found = connection.sql(f"select {counts} from ({rows})").fetchall()[0]  # noqa: S608
    for (column, (kind, _cast)), count, first in zip(casts.items(), found[::2], found[1::2], strict=True):
        if count:
            where = _("table {table}, row {row}, column {column}").format(table=table, row=first, column=column)
            bad = _("{count} cells that are no {kind}").format(count=count, kind=said[kind])
            yield FileProblem(where, bad, _("ISO dates and plain numbers"))
