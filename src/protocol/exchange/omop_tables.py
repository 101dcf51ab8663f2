"""The tables of an OMOP folder, opened with DuckDB: only the rows and columns that are asked for leave it."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, Self

from protocol.exchange.cohort_files import Problem
from protocol.records import ProtocolError
from protocol.translation import _

NAMES = (
    "person",
    "measurement",
    "observation",
    "condition_occurrence",
    "procedure_occurrence",
    "death",
    "concept",
)


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


class Tables:
    """The tables that a folder has; what is wrong with their cells is gathered in ``problems``."""

    def __init__(self, folder: Path) -> None:
        import duckdb

        files = {path.name.lower(): path for path in folder.iterdir()} if folder.is_dir() else {}
        self.files = {name: files.get(f"{name}.parquet") or files.get(f"{name}.csv") for name in NAMES}
        if self.files["person"] is None:
            found = _("no table person.parquet or person.csv")
            raise ProtocolError(folder.name, found, _("a folder of OMOP CDM 5.4 tables"))
        self.problems: list[Problem] = []
        self.columns: dict[str, set[str]] = {}
        self.connection = duckdb.connect(":memory:", config={"enable_external_access": True})
        try:
            for name, path in self.files.items():
                self._open(name, path, duckdb.Error)
        except BaseException:
            self.connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.connection.close()

    def _open(self, name: str, path: Path | None, error: type[Exception]) -> None:
        if path is None:
            found, write = _("no such table: nothing of it is known"), f"{name}.parquet"
            self.problems.append(Problem(_("table {name}").format(name=name), found, write))
            return
        try:
            if path.suffix.lower() == ".csv":
                relation = self.connection.read_csv(str(path), all_varchar=True, header=True)
            else:
                relation = self.connection.read_parquet(str(path))
            relation.create_view(name)
        except (error, OSError):
            raise ProtocolError(path.name, _("a file that is no table"), _("Parquet, or CSV in UTF-8")) from None
        self.columns[name] = {column.lower() for column in relation.columns}

    def rows(self, table: str, *columns: str, where: str = "true") -> Iterator[tuple[Any, ...]]:
        """Yield columns of a table, each ``name`` or ``name::type``; what is absent or of another type is None."""
        if table not in self.columns:
            return
        picked = ", ".join(self._column(table, column) for column in columns)
        cursor = self.connection.cursor()
        cursor.execute(f"select {picked} from {table} where {where}")  # noqa: S608 - names of this module only
        while batch := cursor.fetchmany(10_000):
            yield from batch

    def concepts(self) -> Iterator[tuple[int, str, str]]:
        """Yield id, vocabulary and code of the concepts that the other tables use; a vocabulary has millions."""
        held = [(table, key) for table, own in self.columns.items() for key in own if key.endswith("concept_id")]
        columns = [(self._column(table, f"{key}::int"), table) for table, key in held if table != "concept"]
        used = " union ".join(f"select {column} from {table}" for column, table in columns)  # noqa: S608
        where = f"try_cast(concept_id as bigint) in ({used})"
        yield from self.rows("concept", "concept_id::int", "vocabulary_id", "concept_code", where=where)

    def distinct(self, table: str, column: str) -> list[int]:
        """Return the different whole numbers of a column."""
        if column not in self.columns.get(table, ()):
            return []
        found = self.connection.sql(f"select distinct try_cast({column} as bigint) from {table}").fetchall()  # noqa: S608
        return [number for (number,) in found if number]

    def among(
        self, table: str, columns: Sequence[str], keys: Sequence[str], wanted: dict[int, str]
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows in which one of the key columns holds a wanted concept."""
        if not wanted:
            return
        numbers = ", ".join(str(number) for number in wanted)
        held = [f"try_cast({key} as bigint) in ({numbers})" for key in keys if key in self.columns[table]]
        yield from self.rows(table, *columns, where=" or ".join(held))

    def newest(self, table: str, wanted: dict[int, str], as_of: date) -> Iterator[Result]:
        """Yield the rows with a value of each person's newest day per fact, and those without a day."""
        if not wanted:
            return
        self._check(table, f"{table}_date", "date")
        self._check(table, "value_as_number", "double")
        keys = (f"{table}_concept_id", f"{table}_source_concept_id")
        columns = (
            f"{table}_id", "person_id::int", f"{keys[0]}::int", f"{keys[1]}::int", f"{table}_date::date",
            "value_as_number::double", "operator_concept_id::int", "value_as_concept_id::int", "unit_concept_id::int",
            "unit_source_value", "range_high::double",
        )  # fmt: skip
        pairs = ", ".join(f"({number}, '{facts}')" for number, facts in wanted.items())
        picked = ", ".join(f"{self._column(table, column)} as c{i}" for i, column in enumerate(columns))
        held = f"{self._column(table, 'value_as_number')} is not null or {self._column(table, columns[7])} <> 0"
        query = f"""
            with wanted(concept, facts) as (values {pairs}), rows as (select {picked} from {table} where {held}),
            known as (
                select rows.*, coalesce(own.facts, source.facts) as facts from rows
                left join wanted own on own.concept = c2 left join wanted source on source.concept = c3
                where coalesce(own.facts, source.facts) is not null and (c4 is null or c4 <= date '{as_of}')
            )
            select c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10 from known
            qualify c4 is null or c4 = max(c4) over (partition by c1, facts) order by c1, c0
        """  # noqa: S608
        cursor = self.connection.cursor()
        cursor.execute(query)
        while batch := cursor.fetchmany(10_000):
            yield from (Result(*row) for row in batch)

    def _column(self, table: str, column: str) -> str:
        name, _colons, kind = column.partition("::")
        kind = {"int": "bigint"}.get(kind, kind)
        if name not in self.columns[table]:
            return f"null::{kind or 'varchar'}"
        return f"try_cast({name} as {kind})" if kind else name

    def _check(self, table: str, column: str, kind: str) -> None:
        """Report the cells of a column that are not of its type, with the row of the first."""
        if column not in self.columns[table]:
            return
        bad = f"{column} is not null and trim({column}::varchar) <> '' and try_cast({column} as {kind}) is null"
        count, first = self.connection.sql(
            f"select count(*), min(row) from (select row_number() over () + 1 as row, * from {table}) where {bad}"  # noqa: S608
        ).fetchall()[0]
        if count:
            where = _("table {table}, row {row}, column {column}").format(table=table, row=first, column=column)
            found = _("{count} cells that are no {kind}").format(
                count=count, kind={"double": _("number")}.get(kind, _("date"))
            )
            self.problems.append(Problem(where, found, _("ISO dates and plain numbers")))
