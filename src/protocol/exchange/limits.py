"""What a file may cost, judged before it is read: a small file can ask for gigabytes or hours.

Parquet repeats a value a million times in a few bytes, and JSON of three bytes becomes an object of a hundred. A page
shares its machine with others and refuses such files. The limits of cells, columns and footers hold everywhere.
"""

from collections.abc import Iterable
from pathlib import Path
from tempfile import gettempdir
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile

from protocol.records import ProtocolError
from protocol.translation import _

MOST_ROWS = 1_000_000
"""Participants of a cohort on a page, and in tables of hospitals rows for each of 20 results."""

MOST_COLUMNS = 5_000
"""Of a table with one row per participant."""

LONGEST_CELL = 1_000
"""Characters of an id or a value in a Parquet file, which may repeat it in every row."""

LARGEST_FOOTER = 1 << 23
"""Bytes that describe the columns and row groups of a Parquet file."""

LARGEST_GROUP = 1 << 29
"""Bytes that the columns read of one row group may take unpacked."""

LARGEST_SHEETS = 1 << 28
"""Bytes that an Excel file may take unpacked."""

LARGEST_PART = 1 << 24
"""Unpacked bytes of any part of an Excel file but its cells, such as its formats."""

MOST_PARTS = 10_000
"""Files that an Excel file may be made of."""

MOST_JSON_VALUES = 10_000_000
"""Values and names of JSON documents on a page; each takes about 100 bytes in memory."""


def database_settings(folder: str, megabytes: int = 512) -> dict[str, Any]:
    """Return the settings of a DuckDB database that takes this much memory, then goes to the disk in `folder`."""
    return {"memory_limit": f"{megabytes}MB", "threads": 2, "temp_directory": folder}


def check_footer(name: str, tail: bytes) -> None:
    """Raise ProtocolError if the last eight bytes of a Parquet file tell of a footer that is too large to read."""
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] == b"PAR1" and length > LARGEST_FOOTER:
        found = _("a description of the columns of {size:.0f} MB").format(size=length / 2**20)
        raise ProtocolError(name, found, _("fewer columns and larger row groups"))


def check_parquet(name: str, path: Path, columns: Iterable[str] | None = None, most_rows: int | None = None) -> None:
    """Judge a Parquet file by what its footer says, without reading a row.

    Parameters
    ----------
    name : str
        What the file is called in messages.
    path : Path
    columns : iterable of str, optional
        Which columns are going to be read; all of them by default.
    most_rows : int, optional
        How many rows are read at most.

    Raises
    ------
    ProtocolError
        If it has too many rows, or row groups that would not fit into memory. A file that is no Parquet passes: its
        reader says so.
    """
    import duckdb

    with path.open("rb") as file:
        file.seek(max(file.seek(0, 2) - 8, 0))
        check_footer(name, file.read())
    wanted = None if columns is None else list(columns)
    unpacked = (
        "SELECT row_group_num_rows, sum(total_uncompressed_size) "
        "FROM parquet_metadata(?) WHERE ?::VARCHAR[] IS NULL OR path_in_schema IN (SELECT unnest(?::VARCHAR[])) "
        "GROUP BY row_group_id, row_group_num_rows"
    )
    with duckdb.connect(config=database_settings(gettempdir(), 256)) as database:
        try:
            groups = database.execute(unpacked, [str(path), wanted, wanted]).fetchall()
        except duckdb.Error:
            return
    rows, largest = sum(rows for rows, _size in groups), max((size for _rows, size in groups), default=0)
    if most_rows is not None and rows > most_rows:
        raise too_many_rows(name, rows, most_rows)
    if most_rows is not None and largest > LARGEST_GROUP:
        found = _("a row group of {size:,.0f} MB unpacked").format(size=largest / 2**20)
        write = _("row groups of at most {size:,.0f} MB, with short texts")
        raise ProtocolError(name, found, write.format(size=LARGEST_GROUP / 2**20))


def check_unpacked(name: str, file: BinaryIO) -> None:
    """Judge an Excel file by what its list of parts says, without unpacking one.

    Raises
    ------
    ProtocolError
        If it is not packed as Excel files are, or its cells or formats would take too much.
    """
    try:
        with ZipFile(file) as archive:
            parts = archive.infolist()
    except (BadZipFile, OSError, ValueError, NotImplementedError):
        raise ProtocolError(name, _("bytes that are not an Excel file"), _("an .xlsx file or a CSV file")) from None
    cells = [part for part in parts if part.filename.startswith(("xl/worksheets/", "xl/sharedStrings"))]
    largest = max((part.file_size for part in set(parts).difference(cells)), default=0)
    for size, most in ((sum(part.file_size for part in parts), LARGEST_SHEETS), (largest, LARGEST_PART)):
        if size > most:
            found = _("{size:,.0f} MB unpacked").format(size=size / 2**20)
            raise ProtocolError(name, found, _("at most {most:,.0f} MB, in several files").format(most=most / 2**20))
    if len(parts) > MOST_PARTS:
        found = _("{count:,} parts").format(count=len(parts))
        raise ProtocolError(name, found, _("at most {most:,}").format(most=MOST_PARTS))


def too_many_rows(name: str, rows: int, most: int) -> ProtocolError:
    """Return the error of a table that is too long for a page."""
    write = _("at most {most:,} here, in several files; Python reads any number").format(most=most)
    return ProtocolError(name, _("{rows:,} rows").format(rows=rows), write)


def check_size(name: str, size: int, most: int) -> None:
    """Raise ProtocolError if a file has more than `most` bytes."""
    if size > most:
        found, write = _("{size:,.0f} kB").format(size=size / 1000), _("at most {size:,.0f} kB")
        raise ProtocolError(name, found, write.format(size=most / 1000))


def check_json(name: str, *documents: bytes) -> None:
    """Judge JSON documents by their signs, each of which begins a value or stands between two.

    Raises
    ------
    ProtocolError
        If there are too many for a page.
    """
    values = sum(content.count(sign) for content in documents for sign in (b",", b":", b"{", b"["))
    if values > MOST_JSON_VALUES:
        found = _("{values:,} values").format(values=values)
        write = _("at most {most:,} here: files with fewer persons; Python reads any number")
        raise ProtocolError(name, found, write.format(most=MOST_JSON_VALUES))
