"""A log in SQLite or PostgreSQL. Imported only if a log is opened, because SQLAlchemy is large."""

import logging
import os
import sqlite3
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from weakref import finalize

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
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from protocol.conduct import postgresql
from protocol.conduct.entries import Entry, Head
from protocol.conduct.sqlite_file import (
    SCHEMA,
    SETTINGS,
    LogFile,
    expected_schema,
    refuse_folder_without_locks,
    schema_of,
)
from protocol.conduct.verification import Row
from protocol.records import ProtocolError
from protocol.translation import _

WAIT_SECONDS = 15  # for another writer; a write takes milliseconds

REVISION = "0001"
"""The version of the schema that this software reads and writes."""

MIGRATIONS = Path(__file__).with_name("migrations")

ENTRIES = table("entries", column("sequence"), column("key"), column("hash"), column("body"))

HEAD = table("head", column("count"), column("hash"))

logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # the page reports a lost connection


class Store:
    """Rows of one log, in SQLite or PostgreSQL.

    Parameters
    ----------
    url : str
    read_only : bool
    seen : Head, optional
        The last head that was seen here. Where entries were seen, no empty log is made in their place.
    """

    def __init__(self, url: str, read_only: bool, seen: Head = Head()) -> None:  # noqa: B008 - frozen
        self.read_only, self._seen = read_only, seen
        self.where, self.engine, self.file = _engine(url, read_only, seen)
        finalize(self, self.engine.dispose)  # a log that nobody closed leaves no connection open
        texts: list[Any] = [ENTRIES.c.key, ENTRIES.c.hash, ENTRIES.c.body]
        if self.engine.dialect.name == "sqlite":  # as bytes: an altered text may be no UTF-8
            texts = [func.coalesce(cast(text, LargeBinary), b"") for text in texts]
        self._columns = (ENTRIES.c.sequence, *texts)
        self._writer = self.engine.execution_options(writing=True)
        self._making = self._was_opened = False
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction for reading, which sees one state of the log."""
        with errors_of(self.where), self._same_file(), self.engine.begin() as connection:
            if self.engine.dialect.name == "postgresql":  # SQLite does so by itself
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction for writing; no other one writes at the same time.

        Raises
        ------
        ProtocolError
            If the file of the log is no longer the one that was opened, before or after the transaction.
        """
        with errors_of(self.where), self._same_file():
            with self._writer.begin() as connection:
                met: dict[str, tuple[int, int]] = connection.info.setdefault("companions", {})
                if self.engine.dialect.name == "postgresql":
                    if not self._making:
                        connection.exec_driver_sql("SELECT log_lock()")
                else:
                    self._check_file(met)
                yield connection
                self._check_file(met)
            self._check_file(met)

    @contextmanager
    def _same_file(self) -> Iterator[None]:
        """Check before and after a transaction that the file is the one that was opened."""
        self._check_file()
        yield
        self._check_file()

    def _check_file(self, companions: dict[str, tuple[int, int]] | None = None) -> None:
        if self.file is not None and (self.read_only or self._was_opened):
            self.file.check(companions)

    def confirm(self, entry: Entry) -> None:
        """Look with a new connection whether an entry can be read that was just committed.

        Raises
        ------
        ProtocolError
            If it cannot: others do not see it either.
        """
        if self.file is None:
            return
        with errors_of(self.where), closing(_connect(self.file.path, "ro")) as connection:
            found = connection.execute("SELECT hash FROM entries WHERE sequence = ?", (entry.sequence,)).fetchone()
        if found != (entry.hash,):
            what = _("a file in which entry {number} is not, after it was recorded").format(number=entry.sequence)
            raise ProtocolError(self.where, what, _("nothing more here; have the log verified, then record it again"))

    def faults(self, connection: Connection) -> Iterator[str]:
        """Return in words what is wrong with the database apart from its entries: pages, keys, schema."""
        if self.engine.dialect.name == "postgresql":
            yield from postgresql.faults(connection)
            return
        connection.exec_driver_sql("PRAGMA shrink_memory")  # what the disk holds counts, not what is in memory
        for (said,) in connection.exec_driver_sql("PRAGMA integrity_check(20)"):
            if said != "ok":
                yield _("the file is damaged: {what}").format(what=str(said)[:200])
        for name, value in SETTINGS.items():
            if connection.exec_driver_sql(f"PRAGMA {name}").scalar() != value:
                yield _("the setting {name} of the file: not as it was made").format(name=name)
        found, expected = schema_of(connection.exec_driver_sql(SCHEMA)), expected_schema()
        for kind, name, *_rest in sorted(found ^ expected):
            words = _("{what} {name}: not as it was made") if (kind, name, *_rest) in found else _MISSING
            yield words.format(what=_PARTS.get(kind, kind), name=name)

    def clock_offset(self, connection: Connection) -> float:
        """Return by how many seconds the clock of this machine is ahead of the server's; 0 for a file."""
        if self.engine.dialect.name != "postgresql":
            return 0.0
        return (datetime.now(UTC) - self.changed(connection)).total_seconds()

    def changed(self, connection: Connection) -> datetime:
        """Return when the file was changed last; the present moment on the clock of a server."""
        if self.file is not None:
            return datetime.fromtimestamp(self.file.changed(), UTC)
        there: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return there

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
        """Write an entry; the database moves the head."""
        row = {"sequence": entry.sequence, "key": entry.key, "hash": entry.hash, "body": entry.body}
        connection.execute(ENTRIES.insert(), row)  # the head follows by a trigger

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _prepare(self) -> None:
        """Make the tables in an empty database; refuse a database that is no log of this version."""
        with self.reading() as connection:
            is_empty = self._is_empty(connection)
        if is_empty and self.read_only:
            raise ProtocolError(self.where, _("no trial log"), _("a log that was opened for recording once"))
        if is_empty:
            refuse_lost(self.where, self._seen)
        if not self.read_only:
            self._write_ahead()
        if is_empty:
            self._making = True
            with self.writing() as connection:
                if self.engine.dialect.name == "postgresql":  # there is no row to lock yet
                    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('protocol'))")
                if self._is_empty(connection):  # another process may have been faster
                    _make_tables(connection)
            self._making = False
        self._was_opened = True

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


_PARTS = {"table": _("table"), "index": _("index"), "trigger": _("trigger"), "view": _("view")}
"""What SQLite calls the parts of a schema."""

_MISSING = _("{what} {name}: missing or changed")


def refuse_lost(where: str, seen: Head) -> None:
    """Raise for a log without entries where entries were seen.

    Raises
    ------
    ProtocolError
        If `seen` has entries.
    """
    if seen.count:
        found = _("no entries, where {count} were seen here before").format(count=seen.count)
        raise ProtocolError(where, found, _("the log restored from a copy: protocol-workbook log restore"))


def address_of(url: str) -> URL:
    """Return an address in parts; a path is the address of a file.

    Raises
    ------
    ProtocolError
        If it cannot be read or is of another database. The message does not repeat it: it may hold a password.
    """
    try:
        parts = make_url(url if "://" in url else f"sqlite:///{url}")
    except (ArgumentError, ValueError):
        raise ProtocolError(_("trial log"), _("an address that cannot be read"), _ADDRESSES) from None
    kind = parts.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise ProtocolError(_("trial log"), kind, _ADDRESSES)
    if kind == "sqlite" and (not parts.database or parts.query or parts.host):
        raise ProtocolError(_("trial log"), _("an address of a file with more than its path"), _ADDRESSES)
    return parts


def _engine(url: str, read_only: bool, seen: Head) -> tuple[str, Engine, LogFile | None]:
    """Return the name of the log in messages, the engine, and the file if it is one."""
    parts = address_of(url)
    if parts.get_backend_name() == "sqlite":
        return _sqlite(Path(str(parts.database)), read_only, seen)
    where, engine = _postgresql(parts, read_only)
    return where, engine, None


_ADDRESSES = _("a path, sqlite:///path, or postgresql+pg8000://user@host/database")


def _sqlite(path: Path, read_only: bool, seen: Head) -> tuple[str, Engine, LogFile]:
    if not path.is_file():
        refuse_lost(str(path), seen)
        if read_only:
            raise ProtocolError(str(path), _("no trial log"), _("the path of a log"))
    file = LogFile(path)
    if not read_only:
        refuse_folder_without_locks(file.path)
        file.make()

    def opened() -> sqlite3.Connection:
        mode = ("ro&immutable=1" if _has_no_writer(file.path) else "ro") if read_only else "rw"
        connection = _connect(file.path, mode)
        try:
            file.check()
        except ProtocolError:
            connection.close()
            raise
        return connection

    engine = create_engine("sqlite://", creator=opened, poolclass=NullPool if read_only else QueuePool)
    event.listen(engine, "connect", _query_only if read_only else _durable)
    event.listen(engine, "begin", _begin)
    return path.name, engine, file


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    address = f"file:{quote(str(path))}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)


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


def _postgresql(url: URL, read_only: bool) -> tuple[str, Engine]:
    options = postgresql.connection_options(url)
    plain = url.set(drivername="postgresql+pg8000", query={})
    engine = create_engine(plain, pool_pre_ping=True, connect_args={"timeout": 4 * WAIT_SECONDS} | options)

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
        own = error.orig if isinstance(error, DBAPIError) else error
        if getattr(own, "sqlite_errorname", "") in _UNREADABLE:
            raise ProtocolError(where, *_BROKEN) from error
        text = f"{own}"
        cause = own.__cause__ if own is not None else None
        if isinstance(own, ssl.SSLError) or isinstance(cause, ssl.SSLError):
            raise ProtocolError(where, *_UNTRUSTED) from error
        for signs, found, write in _SAID:
            if any(sign in text for sign in signs):
                raise ProtocolError(where, found, write) from error
        write = _("the same once more: what is sent twice is recorded once")
        raise ProtocolError(where, text.splitlines()[0][:200] if text else type(error).__name__, write) from error


_BROKEN = _("a damaged file"), _("nothing more; have the log verified and restored from a copy")

_UNREADABLE = ("SQLITE_IOERR_SHORT_READ", "SQLITE_IOERR_READ", "SQLITE_IOERR_CORRUPTFS")

_UNTRUSTED = (
    _("a server whose certificate cannot be verified; nothing was sent"),
    _("sslrootcert= with the file of the authority in the address, and the host name that the certificate has"),
)

_SAID: Sequence[tuple[Sequence[str], str, str]] = (
    (
        ("disk is full", "'53100'", "disk I/O error"),
        _("a full disk; nothing was recorded"),
        _("the same once more when there is room"),
    ),
    (
        ("actor is not the account",),
        _("an actor that is not the account of the database; nothing was recorded"),
        _("the entry as the account that records, or with the account of the actor"),
    ),
    (
        ("row is no entry", "log is append-only", "entries.key", "entries_key_key"),
        _("a row that cannot follow the last entry; nothing was recorded"),
        _("the same once more"),
    ),
    (
        ("Server refuses SSL",),
        _("a server without TLS; no password was sent"),
        _("the address of a server with TLS, or sslmode=disable in the address if nobody can listen on the way"),
    ),
    (
        ("'28P01'", "'28000'", "'3D000'"),
        _("an account, password or database that the server does not accept"),
        _("the right ones in the address"),
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
