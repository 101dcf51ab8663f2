"""A log in SQLite or PostgreSQL. Imported only if a log is opened, because SQLAlchemy is large."""

import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    Connection,
    Engine,
    LargeBinary,
    cast,
    column,
    create_engine,
    event,
    func,
    inspect,
    select,
    table,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from protocol.conduct.entries import Entry, Head
from protocol.conduct.verification import Row
from protocol.records import ProtocolError
from protocol.translation import _

WAIT_SECONDS = 15  # for another writer; a write takes milliseconds

REVISION = "0001"
"""The version of the schema that this software reads and writes."""

MIGRATIONS = Path(__file__).with_name("migrations")

ENTRIES = table("entries", column("sequence"), column("key"), column("hash"), column("body"))

HEAD = table("head", column("count"), column("hash"))

_LOCK = int.from_bytes(b"protocol")  # the advisory lock that lets one writer of PostgreSQL in at a time

logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # the page reports a lost connection


class Store:
    """Rows of one log, in SQLite or PostgreSQL."""

    def __init__(self, url: str, read_only: bool) -> None:
        self.read_only = read_only
        self.where, self.engine = _engine(url, read_only)
        texts: list[Any] = [ENTRIES.c.key, ENTRIES.c.hash, ENTRIES.c.body]
        if self.engine.dialect.name == "sqlite":  # as bytes: an altered text may be no UTF-8
            texts = [func.coalesce(cast(text, LargeBinary), b"") for text in texts]
        self._columns = (ENTRIES.c.sequence, *texts)
        self._writer = self.engine.execution_options(writing=True)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction for reading, which sees one state of the log."""
        with errors_of(self.where), self.engine.begin() as connection:
            if self.engine.dialect.name == "postgresql":  # SQLite does so by itself
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction for writing; no other one writes at the same time."""
        with errors_of(self.where), self._writer.begin() as connection:
            if self.engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection

    def rows(self, connection: Connection, since: int = 0, limit: int | None = None) -> Iterator[Row]:
        """Return the rows after a sequence number, in order; all, or `limit` of them."""
        query = select(*self._columns).where(ENTRIES.c.sequence > since).order_by(ENTRIES.c.sequence)
        for block in connection.execute(query.limit(limit).execution_options(yield_per=2000)).partitions():
            if self.engine.dialect.name == "sqlite":
                yield from map(Row._make, block)
            else:
                yield from (Row(number, *(text.encode() for text in texts)) for number, *texts in block)

    def head(self, connection: Connection) -> Head:
        """Return the head of the log."""
        found = connection.execute(select(HEAD.c.count, HEAD.c.hash)).first()
        return Head(*found) if found else Head(-1, "")

    def sequence_of(self, connection: Connection, key: str) -> int | None:
        """Return the sequence number of a key, None if it was not recorded."""
        return connection.scalar(select(ENTRIES.c.sequence).where(ENTRIES.c.key == key))

    def add(self, connection: Connection, entry: Entry) -> None:
        """Write an entry and its head."""
        row = {"sequence": entry.sequence, "key": entry.key, "hash": entry.hash, "body": entry.body}
        connection.execute(ENTRIES.insert(), row)
        connection.execute(HEAD.update(), {"count": entry.sequence, "hash": entry.hash})

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _prepare(self) -> None:
        """Make the tables in an empty database; refuse a database that is no log of this version."""
        with self.reading() as connection:
            is_empty = self._is_empty(connection)
        if is_empty and self.read_only:
            raise ProtocolError(self.where, _("no trial log"), _("a log that was opened for recording once"))
        if not self.read_only:
            self._write_ahead()
        if is_empty:
            with self.writing() as connection:
                if self._is_empty(connection):  # another process may have been faster
                    _make_tables(connection)

    def _write_ahead(self) -> None:
        """Switch SQLite to a write-ahead log, so that readers and the writer do not wait for each other."""
        if self.engine.dialect.name != "sqlite":
            return
        with errors_of(self.where), closing(self.engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA journal_mode = WAL")

    def _is_empty(self, connection: Connection) -> bool:
        tables = set(inspect(connection).get_table_names())
        if not tables:
            return True
        if not {"alembic_version", "entries", "head"} <= tables:
            raise ProtocolError(self.where, _("a database that is no trial log"), _("a file or database of its own"))
        version = str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
        if version != REVISION:
            found = _("a log of version {version}; this software knows {own}")
            write = _("the version of the workbook that made it; the log was left as it is")
            raise ProtocolError(self.where, found.format(version=version, own=REVISION), write)
        return False


def _make_tables(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _engine(url: str, read_only: bool) -> tuple[str, Engine]:
    """Return the name of the log in messages, and the engine."""
    try:
        parts = make_url(url if "://" in url else f"sqlite:///{url}")
    except ArgumentError:
        raise ProtocolError(_("trial log"), _("an address that cannot be read"), _ADDRESSES) from None
    if parts.get_backend_name() == "sqlite" and parts.database:
        return _sqlite(Path(parts.database), read_only)
    if parts.get_backend_name() == "postgresql":
        return _postgresql(parts.set(drivername="postgresql+pg8000"), read_only)
    raise ProtocolError(_("trial log"), parts.get_backend_name(), _ADDRESSES)


_ADDRESSES = _("a path, sqlite:///path, or postgresql+pg8000://user@host/database")


def _sqlite(path: Path, read_only: bool) -> tuple[str, Engine]:
    if read_only and not path.is_file():
        raise ProtocolError(str(path), _("no trial log"), _("the path of a log"))

    def opened() -> sqlite3.Connection:
        mode = ("ro&immutable=1" if _has_no_writer(path) else "ro") if read_only else "rwc"
        address = f"file:{quote(str(path.absolute()))}?mode={mode}"
        return sqlite3.connect(address, uri=True, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)

    engine = create_engine("sqlite://", creator=opened, poolclass=NullPool if read_only else QueuePool)
    event.listen(engine, "connect", _query_only if read_only else _durable)
    event.listen(engine, "begin", _begin)
    return path.name, engine


def _has_no_writer(path: Path) -> bool:
    """Return whether no writer has the file open, so that a reader without access to the folder needs no lock."""
    return not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()


def _durable(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous = FULL")  # the log reaches the disk before an event is confirmed


def _query_only(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA query_only = ON")


def _begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _postgresql(url: Any, read_only: bool) -> tuple[str, Engine]:
    engine = create_engine(url, pool_pre_ping=True, connect_args={"timeout": 4 * WAIT_SECONDS})

    def settle(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("SET synchronous_commit = on")
        cursor.execute(f"SET lock_timeout = {int(WAIT_SECONDS * 1000)}")
        cursor.execute(f"SET default_transaction_read_only = {'on' if read_only else 'off'}")
        connection.commit()

    event.listen(engine, "connect", settle)
    return f"{url.host}/{url.database}", engine


@contextmanager
def errors_of(where: str) -> Iterator[None]:
    """Turn errors of the database into a ProtocolError that says what to do."""
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite returns the bytes of a damaged file
        raise ProtocolError(where, *_BROKEN) from error
    except (DBAPIError, sqlite3.Error, OSError) as error:
        text = f"{error.orig if isinstance(error, DBAPIError) else error}"
        for signs, found, write in _SAID:
            if any(sign in text for sign in signs):
                raise ProtocolError(where, found, write) from error
        write = _("the same once more: what is sent twice is recorded once")
        raise ProtocolError(where, text.splitlines()[0][:200] if text else type(error).__name__, write) from error


_BROKEN = _("a damaged file"), _("nothing more; have the log verified and restored from a copy")

_SAID: Sequence[tuple[Sequence[str], str, str]] = (
    (
        ("disk is full", "'53100'", "disk I/O error"),
        _("a full disk; nothing was recorded"),
        _("the same once more when there is room"),
    ),
    (
        ("readonly database", "'25006'", "'42501'"),
        _("a log that may only be read; nothing was recorded"),
        _("the same where recording is allowed"),
    ),
    (
        ("database is locked", "'55P03'"),
        _("another person recording for a long time; nothing was recorded"),
        _("the same once more in a minute"),
    ),
    (("not a database", "malformed"), *_BROKEN),
    (
        ("unable to open",),
        _("a file that cannot be opened"),
        _("a path in a folder that exists and may be written"),
    ),
    (
        (
            "'57P0",
            "network error",
            "Can't create a connection",
            "Connection refused",
            "reset by peer",
            "Broken pipe",
            "connection is closed",
            "timed out",
        ),
        _("a database that does not answer"),
        _("the same once more when it does: what is sent twice is recorded once"),
    ),
)
"""Parts of an error's text (PostgreSQL: its code), then what was found and what to write."""
