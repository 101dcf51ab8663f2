"""Cells of the OMOP tables that are not of their column's type: reported, never taken for empty in silence."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from protocol.exchange.cohort_files import Problem
from protocol.translation import _

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def bad_cells(
    connection: "DuckDBPyConnection", table: str, casts: Mapping[str, tuple[str, str]]
) -> Iterator[Problem]:
    """Yield the columns of a table with cells that are not of their type, with the row of the first.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Where the table is open.
    table : str
    casts : mapping of str to (str, str)
        By column, its type and the cast that gives nothing where it fails.
    """
    said = {"double": _("number"), "bigint": _("whole number"), "date": _("date")}
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
            yield Problem(where, bad, _("ISO dates and plain numbers"))
