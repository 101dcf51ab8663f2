"""OMOP tables that were handed over as files: laid into a folder of their own for as long as they are read."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

from protocol.exchange.evidence import Naming, Setting
from protocol.exchange.omop import Taken, take_omop
from protocol.exchange.omop_tables import NAMES
from protocol.records import ProtocolError
from protocol.translation import _

LARGEST_BYTES = 256 * 2**20
"""Of all files together: they travel in one message, which may not be larger than twice that."""

MOST_FILES = 50
"""The model has 37 tables."""

MOST_PERSONS = 20_000
"""With the evidence of everybody, about 15 kB each: the machine is shared."""

SUFFIXES = (".parquet", ".csv")


def take_files(files: Mapping[str, bytes], setting: Setting, name: Naming) -> Iterator[tuple[Taken | None, float]]:
    """Read tables like :func:`protocol.exchange.omop.take_omop`, from files by name.

    Only the tables that say something about the criteria are laid down, in a folder that nobody else on the machine
    can read and that is removed with the last step, after an error, and when somebody stops.

    Parameters
    ----------
    files : mapping of str to bytes
        By name; a name in any case, like ``MEASUREMENT.parquet``.
    setting, name
        As in :func:`protocol.exchange.omop.read_omop`.

    Raises
    ------
    ProtocolError
        When they are too many or too large, hold too many persons, when two are the same table, or as in
        ``read_omop``.
    """
    tables = tables_in(files)
    with TemporaryDirectory(prefix="omop-") as folder:
        for table, file in tables.items():
            (Path(folder) / f"{table}{PurePath(file).suffix.lower()}").write_bytes(files[file])
        yield from take_omop(Path(folder), setting, name, MOST_PERSONS)


def tables_in(files: Mapping[str, bytes]) -> dict[str, str]:
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
    """Return the table that a file's name stands for; None when it is none that is read."""
    path = PurePath(file.lower())
    return path.stem if path.stem in NAMES and path.suffix in SUFFIXES else None
