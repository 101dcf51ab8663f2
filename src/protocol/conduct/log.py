"""The log of a trial in a database: events are added and read, never changed."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from protocol.conduct import privacy
from protocol.conduct.entries import Entry, Head, Verification, local_day, sealed
from protocol.conduct.events import Correction, Event, content
from protocol.conduct.state import State, fold
from protocol.conduct.transitions import refuse_unknown
from protocol.conduct.verification import checked, row_of, verified
from protocol.records import ProtocolError
from protocol.translation import _, ngettext

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from protocol.conduct.store import Store


Known = Mapping[str, Collection[str]]

OUTCOMES = {"decision", "enrolled", "infused", "dlt_assessed", "withdrawn", "correction"}
"""What a decision of the committee rests on."""


class Conflict(ProtocolError):  # noqa: N818  not an error: a question
    """Somebody else has recorded something that the person has not seen; `newer` are those entries."""

    def __init__(self, where: str, newer: tuple[Entry, ...]) -> None:
        count = len(newer)
        found = ngettext("{count} newer entry ({kinds})", "{count} newer entries ({kinds})", count)
        kinds = ", ".join(dict.fromkeys(entry.kind.replace("_", " ") for entry in newer))
        super().__init__(where, found.format(count=count, kinds=kinds), _("the same once more if it still holds"))
        self.newer = newer


class LogReader:
    """A log that can only be read: it has no way to write, and neither has its connection."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._state = State()

    @property
    def where(self) -> str:
        """What to call the log in a message."""
        return self._store.where

    def entries(self, since: int = 0) -> tuple[Entry, ...]:
        """Read the entries after a sequence number, each checked against its hash and the one before.

        Raises
        ------
        ProtocolError
            At an entry that was changed or is missing, or when the database cannot be read.
        """
        with self._store.reading() as connection, _collector_at_rest():
            before = Head() if since <= 0 else self._at(connection, since)
            return tuple(checked(self._store.rows(connection, before.count), before))

    def state(self) -> State:
        """Fold what was recorded since the last call into what was known, and return it."""
        with self._store.reading() as connection:
            return self._caught_up(connection)

    def head(self) -> Head:
        """Return how many entries there are and the hash of the last; printed or exported, it guards the end."""
        with self._store.reading() as connection:
            return self._store.head(connection)

    def verify(self, expected_head: Head | None = None) -> Verification:
        """Check every entry; see :mod:`protocol.conduct.verification` for what that shows and what it cannot."""
        with self._store.reading() as connection:
            return verified(self._store.rows(connection), self._store.head(connection), expected_head)

    def close(self) -> None:
        """Let go of the database."""
        self._store.engine.dispose()

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
        self, store: Store, versions: Mapping[str, str], known: Known, clock: Callable[[], datetime]
    ) -> None:
        super().__init__(store)
        self._versions, self._known, self._clock = versions, known, clock

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
        """Record an event; when this returns, it is on the disk.

        Parameters
        ----------
        event : Event
        actor : str
            The account that records.
        site : str
            The site it concerns; needed for an event of a participant.
        reason : str
            Why, where that matters.
        key : str, optional
            Made once by the form (a UUID). What is sent twice with one key is recorded once.
        expected : int, optional
            The last sequence number the person has seen. Left out, newer entries are not asked about.

        Raises
        ------
        Conflict
            When somebody recorded something about the same participant, or something a decision rests on, since.
        ProtocolError
            For what cannot have happened, for what the protocol does not have, for free text that looks like a
            person, and when nothing could be written.
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
            state.admits(event, site, reason)
            about = {"actor": actor, "site": site, "reason": reason, "key": key}
            entry = sealed(event, state.head, moment, **self._versions, **about)  # type: ignore[arg-type]
            self._store.add(connection, entry)
        self._state = fold((entry,), self._state)
        return entry

    def restore(self, entries: Sequence[Entry]) -> None:
        """Put the entries of a copy (:func:`protocol.conduct.read_entries`) into an empty log, as they were.

        Raises
        ------
        ProtocolError
            When this log is not empty, or the entries are no whole log.
        """
        with self._store.writing() as connection:
            if self._store.head(connection).count:
                raise ProtocolError(self.where, _("a log that has entries"), _("the address of an empty one"))
            for entry in checked(map(row_of, entries), Head()):
                self._store.add(connection, entry)

    def _look_at(self, event: Event, actor: str, reason: str, key: str | None, moment: datetime) -> None:
        """Refuse what need not be asked of the log."""
        if not 0 < len(actor) <= 64 or not actor.isprintable():
            raise ProtocolError(_("actor"), repr(actor)[:80], _("the account that records, up to 64 characters"))
        if key is not None and not 0 < len(key) <= 64:
            raise ProtocolError(_("key"), repr(key)[:80], _("a UUID"))
        today = local_day(moment)
        meant = event.replacement if isinstance(event, Correction) else event
        if meant is not None and meant.on > today:
            raise ProtocolError(_("day"), meant.on.isoformat(), _("a day that has come"))
        if meant is not None:
            refuse_unknown(meant, self._known)
        privacy.check_event(event, reason)

    def _same(self, connection: Connection, sequence: int, event: Event) -> Entry:
        """Return the entry that a key was recorded under before."""
        before = self._at(connection, sequence - 1) if sequence > 1 else Head()
        (entry,) = checked(self._store.rows(connection, sequence - 1, limit=1), before)
        if entry.content != content(event):
            found = _("another event recorded under this key")
            raise ProtocolError(_("entry {number}").format(number=sequence), found, _("a new key for a new event"))
        return entry

    def _newer(self, connection: Connection, event: Event, expected: int) -> tuple[Entry, ...]:
        before = Head() if expected <= 0 else self._at(connection, expected)
        rows = checked(self._store.rows(connection, before.count), before)
        return tuple(entry for entry in rows if touches(event, entry))


def touches(event: Event, newer: Entry) -> bool:
    """Whether a newer entry can change what a person meant to record."""
    participant = getattr(event, "participant", None)
    if participant is not None and newer.participant == participant:
        return True
    if event.kind == "decision" or (event.kind == "correction" and participant is None):
        return newer.kind in OUTCOMES
    return event.kind == "enrolled" and newer.kind == "decision"


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Read entries that all stay; the garbage collector would walk them again and again, a third of the time."""
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
    read_only: bool = False,
    clock: Callable[[], datetime] = _now,
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
        What the protocol has, by the field of an event: ``{"visit": ["month_3", ...]}``. Another one is refused when
        it is to be recorded, never when it is read. What is not named is not asked about.
    read_only : bool
        Open for reading only: SQLite with mode=ro, PostgreSQL with read-only transactions. For PostgreSQL give a role
        that has SELECT alone besides, because a session can lift its own restriction.
    clock : callable
        Returns the present moment with its zone.

    Raises
    ------
    ProtocolError
        For an address that is none, a database that is no log or of a newer version, or one that cannot be opened.
    """
    from protocol.conduct.store import Store

    store = Store(str(url), read_only)
    if read_only:
        return LogReader(store)
    software = version("protocol-workbook") if software is None else software
    return Log(store, {"protocol": protocol, "software": software}, known, clock)
