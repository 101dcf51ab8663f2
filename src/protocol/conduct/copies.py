"""Copies of a log: made while others record, checked, and restored into a new file or an empty database.

A copy made by `cp` is none: the newest confirmed entries may stand only in the file ``-wal`` beside the log.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from protocol.conduct import seen_heads
from protocol.conduct.entries import Entry, Head, read_entries, write_entries
from protocol.conduct.log import Log, LogReader, open_log
from protocol.conduct.sqlite_file import LogFile
from protocol.conduct.store import address_of, errors_of
from protocol.conduct.verification import Verification
from protocol.records import ProtocolError
from protocol.translation import _

LINES = ".jsonl"
"""The ending of a copy as JSON lines; every other copy is a log in SQLite."""


def backup(url: str, copy: Path) -> Verification:
    """Copy a log, check the copy, and keep its head beside it.

    A log in SQLite is copied page by page with SQLite's own means for it. One in PostgreSQL is read as it is at one
    moment; the copy is a log in SQLite or a file of JSON lines (``.jsonl``). Every copy can be restored into either.
    A copy of a log that is not whole is made too; the result says what is wrong with it, and no head is kept.

    Raises
    ------
    ProtocolError
        If there is no log, if the copy exists, or if it cannot be written.
    """
    _refuse_existing(copy)
    reader = open_log(url, read_only=True)
    try:
        if copy.suffix == LINES:
            found = reader.verify()
            if found.ok:
                entries = reader.entries()
                LogFile(copy).make()
                write_entries(copy, entries)
                last = entries[-1] if entries else None
                found = Verification(Head(last.sequence, last.hash) if last else Head())
        else:
            before = reader.head()
            _copy(url, reader, copy)
            found = _checked_copy(copy, before)
    finally:
        reader.close()
    if found.ok:
        seen_heads.write_head(seen_heads.place_of(str(copy)), found.head)
    return found


def _copy(url: str, reader: LogReader, copy: Path) -> None:
    parts = address_of(url)
    if parts.get_backend_name() != "sqlite":
        made = open_log(copy)
        assert isinstance(made, Log)  # noqa: S101 - for the types
        try:
            made.restore(reader.entries())
        finally:
            made.close()
        return
    LogFile(copy).make()
    source = Path(str(parts.database)).absolute()
    with (
        errors_of(copy.name),
        closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(copy)) as new,
    ):
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")  # all of the copy stands in its one file
    _sync(copy)


def _checked_copy(copy: Path, seen: Head) -> Verification:
    reader = open_log(copy, read_only=True)
    try:
        return reader.verify(seen)
    finally:
        reader.close()


def _sync(path: Path) -> None:
    """Bring a file and its name to the disk."""
    for one in (path, path.parent):
        if os.name == "nt" and one.is_dir():
            continue
        opened = os.open(one, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def restore(copy: Path, url: str, accept: bool = False) -> Head:
    """Write a copy into a new file or an empty database, unchanged; return its head.

    Parameters
    ----------
    copy : Path
        A log in SQLite or a file of JSON lines, made by :func:`backup`.
    url : str
        A file that does not exist, or the address of an empty database with the account that owns it.
    accept : bool
        Restore also a copy that ends before the last entry that was seen at this address. What came after it is lost.

    Raises
    ------
    ProtocolError
        If the copy is not whole, is not the one whose head is kept beside it, or ends too early; if there is a log at
        the address already.
    """
    entries = read_entries(copy) if copy.suffix == LINES else _entries_of(copy)
    head = Head(entries[-1].sequence, entries[-1].hash) if entries else Head()
    kept = seen_heads.seen(seen_heads.place_of(str(copy)))
    if kept.count > head.count or (kept.count and entries[kept.count - 1].hash != kept.hash):
        found = _("a copy that is not the one that was made: its head was {count}").format(count=kept)
        raise ProtocolError(copy.name, found, _("another copy"))
    parts = address_of(url)
    is_file = parts.get_backend_name() == "sqlite"
    if is_file:
        _refuse_existing(Path(str(parts.database)))
    place = seen_heads.place_of(
        str(parts.database), None if is_file else f"{parts.host or 'localhost'}:{parts.port or 5432}"
    )
    seen = seen_heads.seen(place)
    lost = seen.count > head.count or (seen.count and entries[seen.count - 1].hash != seen.hash)
    if lost and not accept:
        found = _("a copy of {count} entries that lacks some of the {seen} that were seen at this address")
        write = _("a later copy; or --accept, if what came later is lost")
        raise ProtocolError(copy.name, found.format(count=head.count, seen=seen.count), write)
    seen_heads.keep(place, Head(), back=True)
    try:
        log = open_log(url)
        assert isinstance(log, Log)  # noqa: S101 - for the types
        try:
            log.restore(entries)
        finally:
            log.close()
    except BaseException:
        seen_heads.keep(place, seen, back=True)
        raise
    return head


def _entries_of(copy: Path) -> tuple[Entry, ...]:
    reader = open_log(copy, read_only=True)
    try:
        found = reader.verify()
        if not found.ok:
            raise ProtocolError(copy.name, str(found.problems[0]), _("another copy"))
        return reader.entries()
    finally:
        reader.close()


def _refuse_existing(path: Path) -> None:
    for ending in ("", "-wal", "-journal"):
        one = path.with_name(path.name + ending)
        if one.exists():
            raise ProtocolError(
                str(one), _("a file that exists"), _("the name of a new file; this one stays as it is")
            )
