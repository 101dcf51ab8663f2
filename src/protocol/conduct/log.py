"""The log of a trial in a database: events are added and read, never changed."""

import gc
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import pandas as pd

from protocol.conduct import privacy
from protocol.conduct.entries import Entry, Head, sealed
from protocol.conduct.events import Correction, Event, content
from protocol.conduct.state import State, fold
from protocol.conduct.transitions import refuse_unknown
from protocol.conduct.verification import Row, Verification, checked, row_of, verified
from protocol.display import Displayed
from protocol.records import ProtocolError
from protocol.translation import _, ngettext
from protocol.version import __version__

Connection = Any  # of SQLAlchemy, which is imported only if a log is opened

Known = Mapping[str, Collection[str]]

OUTCOMES = {"decision", "enrolled", "infused", "dlt_assessed", "withdrawn", "correction"}
"""Kinds of events on which a decision of the committee depends."""


class Database(Protocol):
    """What a log needs of a database; :class:`protocol.conduct.store.Store` has it."""

    where: str
    read_only: bool

    def reading(self) -> AbstractContextManager[Connection]:
        """Open a transaction for reading."""

    def writing(self) -> AbstractContextManager[Connection]:
        """Open the only transaction that writes."""

    def rows(self, connection: Connection, since: int = 0, limit: int | None = None) -> Iterator[Row]:
        """Return the rows after a sequence number, in order."""

    def head(self, connection: Connection) -> Head:
        """Return the head."""

    def sequence_of(self, connection: Connection, key: str) -> int | None:
        """Return the sequence number of a key."""

    def add(self, connection: Connection, entry: Entry) -> None:
        """Write an entry and its head."""

    def close(self) -> None:
        """Close all connections."""


class Conflict(ProtocolError):  # noqa: N818  not an error: a question
    """Another person has recorded entries that this person has not seen; they are in `newer`."""

    def __init__(self, where: str, newer: tuple[Entry, ...]) -> None:
        count = len(newer)
        found = ngettext("{count} newer entry ({kinds})", "{count} newer entries ({kinds})", count)
        kinds = ", ".join(dict.fromkeys(entry.kind.replace("_", " ") for entry in newer))
        super().__init__(where, found.format(count=count, kinds=kinds), _("the same once more if it still holds"))
        self.newer = newer


class LogReader(Displayed):
    """A log that can only be read; its connection cannot write either."""

    def __init__(self, store: Database) -> None:
        self._store = store
        self._state = State()

    def __repr__(self) -> str:
        """Return the kind and the name of the log."""
        return f"{type(self).__name__}({self.where!r})"

    def table(self) -> pd.DataFrame:
        """Return the entries, one row each: sequence, time, actor, site, kind, participant, reason.

        Raises
        ------
        ProtocolError
            As :meth:`entries`.
        """
        names = ["sequence", "time", "actor", "site", "kind", "participant", "reason"]
        rows = [[getattr(entry, name) or "" for name in names] for entry in self.entries()]
        return pd.DataFrame(rows, columns=names)

    @property
    def where(self) -> str:
        """The name of the log in messages."""
        return self._store.where

    def entries(self, since: int = 0) -> tuple[Entry, ...]:
        """Return the entries after a sequence number, each checked against its hash and the entry before.

        Raises
        ------
        ProtocolError
            If an entry was changed or is missing, or if the database cannot be read.
        """
        with self._store.reading() as connection, _collector_at_rest():
            before = Head() if since <= 0 else self._at(connection, since)
            return tuple(checked(self._store.rows(connection, before.count), before))

    def state(self) -> State:
        """Return the state after all entries; only those recorded since the last call are read.

        Raises
        ------
        ProtocolError
            As :meth:`entries`, and if the log ends elsewhere than its head says.
        """
        with self._store.reading() as connection:
            return self._caught_up(connection)

    def head(self) -> Head:
        """Return the number of entries and the hash of the last one; an exported copy reveals a lost end."""
        with self._store.reading() as connection:
            return self._store.head(connection)

    def verify(self, expected_head: Head | None = None) -> Verification:
        """Check every entry; see :mod:`protocol.conduct.verification` for what the check can find."""
        with self._store.reading() as connection:
            return verified(self._store.rows(connection), self._store.head(connection), expected_head)

    def close(self) -> None:
        """Close the connections to the database."""
        self._store.close()

    def _at(self, connection: Connection, sequence: int) -> Head:
        row = next(self._store.rows(connection, sequence - 1, limit=1), None)
        if row is None or row.sequence != sequence:
            return self._store.head(connection)  # nothing follows
        return Head(sequence, row.hash.decode("ascii", "replace"))

    def _caught_up(self, connection: Connection) -> State:
        rows = self._store.rows(connection, self._state.head.count)
        with _collector_at_rest():
            state = fold(checked(rows, self._state.head), self._state, hashes=not self._store.read_only)
        if state.head != self._store.head(connection):
            found = _("another end than its head says")
            raise ProtocolError(self.where, found, _("nothing more; have the log verified and restored from a copy"))
        self._state = state
        return state


class Log(LogReader):
    """A log that events can be added to."""

    def __init__(
        self,
        store: Database,
        versions: Mapping[str, str],
        known: Known,
        names: Collection[str],
        clock: Callable[[], datetime],
        zone: tzinfo,
    ) -> None:
        super().__init__(store)
        self._versions, self._known, self._names, self._clock, self._zone = versions, known, names, clock, zone

    def append(
        self,
        event: Event,
        *,
        actor: str,
        site: str = "",
        reason: str = "",
        key: str | None = None,
        expected: int | None = None,
    ) -> Entry:
        """Record an event; it is on the disk before this returns.

        Parameters
        ----------
        event : Event
        actor : str
            The account that records.
        site : str
            The site it concerns; needed for an event of a participant.
        reason : str
            Needed for an unexpected enrolment; see :meth:`protocol.conduct.State.check`.
        key : str, optional
            A UUID made by the form. One key is recorded once, even if it is sent twice.
        expected : int, optional
            The last sequence number that the person has seen. If left out, newer entries raise no conflict.

        Raises
        ------
        Conflict
            If newer entries concern the same participant, or something on which the decision depends.
        ProtocolError
            If the event cannot follow the entries of the log, names something that the protocol does not have, holds
            free text that may name a person, or cannot be written.
        """
        moment = self._clock()
        self._look_at(event, actor, reason, key, moment)
        with self._store.writing() as connection:
            state = self._caught_up(connection)
            known = self._store.sequence_of(connection, key) if key else None
            if known is not None:
                return self._same(connection, known, event)
            newer = () if expected is None else self._newer(connection, event, expected)
            if newer:
                raise Conflict(getattr(event, "participant", None) or _("trial log"), newer)
            state.check(event, site, reason)
            about = {"actor": actor, "site": site, "reason": reason, "key": key}
            entry = sealed(event, state.head, moment, **self._versions, **about)  # type: ignore[arg-type]
            self._store.add(connection, entry)
        self._state = fold((entry,), self._state)
        return entry

    def restore(self, entries: Sequence[Entry]) -> None:
        """Write the entries of a copy (:func:`protocol.conduct.read_entries`) into an empty log, unchanged.

        Raises
        ------
        ProtocolError
            If this log is not empty, or if the entries are not a whole log.
        """
        with self._store.writing() as connection:
            if self._store.head(connection).count:
                raise ProtocolError(self.where, _("a log that has entries"), _("the address of an empty one"))
            for entry in checked(map(row_of, entries), Head()):
                self._store.add(connection, entry)

    def _look_at(self, event: Event, actor: str, reason: str, key: str | None, moment: datetime) -> None:
        """Refuse what can be refused without reading the log."""
        if not 0 < len(actor) <= 64 or not actor.isprintable():
            raise ProtocolError(_("actor"), repr(actor)[:80], _("the account that records, up to 64 characters"))
        if key is not None and not 0 < len(key) <= 64:
            raise ProtocolError(_("key"), repr(key)[:80], _("a UUID"))
        today = moment.astimezone(self._zone).date()
        meant = event.replacement if isinstance(event, Correction) else event
        if meant is not None and meant.on > today:
            raise ProtocolError(_("day"), meant.on.isoformat(), _("a day that has come"))
        if meant is not None:
            refuse_unknown(meant, self._known)
        privacy.check_event(event, reason, self._names)

    def _same(self, connection: Connection, sequence: int, event: Event) -> Entry:
        """Return the entry that was recorded with a key."""
        before = self._at(connection, sequence - 1) if sequence > 1 else Head()
        (entry,) = checked(self._store.rows(connection, sequence - 1, limit=1), before)
        if entry.content != content(event):
            found = _("another event recorded under this key")
            raise ProtocolError(_("entry {number}").format(number=sequence), found, _("a new key for a new event"))
        return entry

    def _newer(self, connection: Connection, event: Event, expected: int) -> tuple[Entry, ...]:
        before = Head() if expected <= 0 else self._at(connection, expected)
        rows = checked(self._store.rows(connection, before.count), before)
        return tuple(entry for entry in rows if concerns(event, entry))


def concerns(event: Event, newer: Entry) -> bool:
    """Return whether a newer entry can change what a person wants to record."""
    participant = getattr(event, "participant", None)
    if participant is not None and newer.participant == participant:
        return True
    if event.kind == "decision" or (event.kind == "correction" and participant is None):
        return newer.kind in OUTCOMES
    return event.kind == "enrolled" and newer.kind == "decision"


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Stop the garbage collector while entries are read: all of them stay, and it takes a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _now() -> datetime:
    return datetime.now(UTC)


def open_log(
    url: str | Path,
    *,
    protocol: str = "",
    software: str | None = None,
    known: Known = MappingProxyType({}),
    names: Collection[str] = (),
    read_only: bool = False,
    clock: Callable[[], datetime] = _now,
    zone: tzinfo = UTC,
) -> Log | LogReader:
    """Open the log of a trial; an empty file or database becomes an empty log.

    Parameters
    ----------
    url : str or Path
        A path or ``sqlite:///path`` for one file; ``postgresql+pg8000://user:password@host/database`` for several
        sites at once.
    protocol : str
        The hash of the record files in use (:func:`protocol.conduct.protocol_version`); written into each entry.
    software : str, optional
        Version of the workbook; the installed one when left out.
    known : mapping of str to collection of str
        Values that the protocol has, by the field of an event: ``{"visit": ["month_3", ...]}``. Another value is
        refused when it is recorded, not when it is read. A field that is not named may hold any value.
    names : collection of str
        Names of the sites, which free text may hold; see :func:`protocol.conduct.without_identity`.
    read_only : bool
        Open for reading only: SQLite with mode=ro, PostgreSQL with read-only transactions. For PostgreSQL also use an
        account that only has SELECT, because a session can lift its own restriction.
    clock : callable
        Returns the present moment with its zone.
    zone : tzinfo
        The time zone of the trial: an event may not be later than the present day there.

    Raises
    ------
    ProtocolError
        If the address cannot be read, or if the database is no log, has another version or cannot be opened.
    """
    from protocol.conduct.store import Store

    store: Database = Store(str(url), read_only)
    if read_only:
        return LogReader(store)
    software = __version__ if software is None else software
    return Log(store, {"protocol": protocol, "software": software}, known, names, clock, zone)
