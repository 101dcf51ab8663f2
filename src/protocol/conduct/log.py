"""The log of a trial in a database: events are added and read, never changed."""

import gc
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Any, Protocol

import pandas as pd

from protocol.conduct import privacy, seen_heads
from protocol.conduct.entries import Entry, Head, opened, sealed, stamp
from protocol.conduct.events import Correction, Event, content
from protocol.conduct.events import event as event_of
from protocol.conduct.labels import KINDS
from protocol.conduct.protocol_rules import ProtocolRules
from protocol.conduct.state import State, fold
from protocol.conduct.transitions import ReasonNeeded, refuse_unknown
from protocol.conduct.verification import Row, Verification, checked, lost, row_of, verified
from protocol.display import Displayed
from protocol.records import ProtocolError
from protocol.translation import _, list_of, ngettext
from protocol.version import __version__

Connection = Any  # of SQLAlchemy, which is imported only if a log is opened

Known = Mapping[str, Collection[str]]

NO_RULES = ProtocolRules()

STEADY_SECONDS = 5
"""By how much a clock may be behind the last entry without a question: clocks of two machines differ a little."""

FAR = timedelta(days=30)
"""A clock so far ahead of the last entry and of the last change of the file is asked about: a wrong month or year."""

FAR_SECONDS = 300
"""A clock so far from that of the server is asked about."""

MOST_OF_A_SITE = 200
"""Characters of the name of a site."""

SHORT, SHARE = 1000, 100
"""A log of up to so many entries is checked whole at each look; the check of a longer one takes 1/100 of the time."""

OUTCOMES = {"decision", "regimen_declared", "enrolled", "infused", "dlt_assessed", "withdrawn", "correction"}
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
        """Write an entry; the database moves the head."""

    def confirm(self, entry: Entry) -> None:
        """Raise unless a new connection finds an entry that was committed."""

    def faults(self, connection: Connection) -> Iterator[str]:
        """Return what is wrong with the database apart from its entries."""

    def changed(self, connection: Connection) -> datetime:
        """Return when the file was changed last; the present moment on the clock of a server."""

    def clock_offset(self, connection: Connection) -> float:
        """Return by how many seconds this machine's clock is ahead of the server's."""

    def close(self) -> None:
        """Close all connections."""


class Conflict(ProtocolError):  # noqa: N818  not an error: a question
    """Another person has recorded entries that this person has not seen; they are in `newer`."""

    def __init__(self, where: str, newer: tuple[Entry, ...]) -> None:
        count = len(newer)
        found = ngettext("{count} newer entry ({kinds})", "{count} newer entries ({kinds})", count)
        kinds = list_of(dict.fromkeys(KINDS[entry.kind] for entry in newer))
        super().__init__(where, found.format(count=count, kinds=kinds), _("the same once more if it still holds"))
        self.newer = newer


class LogReader(Displayed):
    """A log that can only be read; its connection cannot write either."""

    def __init__(self, store: Database, kept: Path | None = None, keeps: bool = True) -> None:
        self._store, self._kept, self._keeps = store, kept, keeps
        self._state = State()
        self._seen = seen_heads.seen(kept) if kept else Head()
        self._next_check = 0.0
        self._unusable: tuple[Entry, ...] = ()

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
        """Check every entry, the database, and whether the log has the last head that was seen here.

        See :mod:`protocol.conduct.verification` for what the check can find.
        """
        with self._store.reading() as connection:
            return self._verified(connection, expected_head)

    def look_over(self) -> None:
        """Check that the log is there, is the one that was opened, and has all that was seen of it.

        All entries are checked too; in a long log not at each call.

        Raises
        ------
        ProtocolError
            Saying what is wrong and what to do.
        """
        with self._store.reading() as connection:
            self._look_over(connection)
        if self._unusable:
            one = self._unusable[0]
            where = _("trial log, entry {number}").format(number=one.sequence)
            found = _("an event that this version cannot use; what is shown leaves it out")
            raise ProtocolError(where, found, _("a question to {actor}, who recorded it").format(actor=one.actor))

    def accept(self) -> Head:
        """Take the present end of the log for the last head that was seen, although a later one was; return it."""
        self._seen = self.head()
        if self._kept:
            seen_heads.keep(self._kept, self._seen, back=True)
        return self._seen

    def _verified(self, connection: Connection, expected: Head | None = None) -> Verification:
        faults, rows = self._store.faults(connection), self._store.rows(connection)
        return verified(rows, self._store.head(connection), expected, self._seen, faults)

    def _look_over(self, connection: Connection) -> None:
        self._refuse_loss(connection)
        began = monotonic()
        if began < self._next_check and self._store.head(connection).count > SHORT:
            return
        found = self._verified(connection)
        if not found.ok:
            write = _("nothing more; have the log verified and restored from a copy")
            raise ProtocolError(self.where, str(found.problems[0]), write)
        self._next_check = monotonic() + (monotonic() - began) * SHARE

    def _refuse_loss(self, connection: Connection) -> None:
        """Raise unless the log has the last head that was seen of it."""
        seen, own = self._seen, self._store.head(connection)
        at = own if own.count == seen.count else self._at(connection, seen.count) if seen.count else Head()
        if own.count < seen.count or (at.count, at.hash) != (seen.count, seen.hash):
            write = _(
                "nothing more; have the log restored from a copy that has them. If they are lost: "
                "protocol-workbook log verify LOG --accept"
            )
            raise ProtocolError(self.where, lost(seen.count, own.count), write)

    def _has_seen(self, head: Head) -> None:
        if head.count > self._seen.count:
            self._seen = head
            if self._kept and self._keeps:
                seen_heads.keep(self._kept, head)

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
            state = self._folded(checked(rows, self._state.head))
        if state.head != self._store.head(connection):
            found = _("another end than its head says")
            raise ProtocolError(self.where, found, _("nothing more; have the log verified and restored from a copy"))
        if self._seen.count <= state.head.count:
            self._refuse_loss(connection)
        self._state = state
        self._has_seen(state.head)
        return state

    def _folded(self, entries: Iterator[Entry]) -> State:
        """Return the state after more entries; one that cannot be used is left out and told of by `look_over`."""
        new, hashes = tuple(entries), not self._store.read_only
        try:
            state = fold(new, self._state, hashes)
            len(state.histories)
        except (KeyError, ValueError, TypeError, AttributeError):
            bad = tuple(entry for entry in new if not _is_usable(entry))
            state = fold((entry for entry in new if entry not in bad), self._state, hashes)
            if new[-1] in bad:
                state = replace(state, head=Head(new[-1].sequence, new[-1].hash))
            self._unusable += bad
        return state


def _is_usable(entry: Entry) -> bool:
    try:
        event_of(entry.content)
    except (ProtocolError, ValueError, TypeError, KeyError):
        return False
    return True


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
        kept: Path | None = None,
        rules: ProtocolRules = NO_RULES,
    ) -> None:
        super().__init__(store, kept)
        self._rules = rules
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
            Needed for an unexpected enrolment or infusion (see :meth:`protocol.conduct.State.check`), and if the
            clock is behind the last entry or far ahead of it.
        key : str, optional
            A UUID made by the form. One key is recorded once, even if it is sent twice.
        expected : int, optional
            The last sequence number that the person has seen. If left out, newer entries raise no conflict.

        Raises
        ------
        Conflict
            If newer entries concern the same participant, or something on which the decision depends.
        ReasonNeeded
            If the clock looks wrong and no reason is given.
        ProtocolError
            If the event cannot follow the entries of the log, names something that the protocol does not have, holds
            free text that may name a person, or cannot be written; if the log is no longer the one that was opened,
            lost entries that were seen, or was changed.
        """
        with self._store.writing() as connection:
            moment = self._clock()  # here: who waited for other writers comes after their entries
            self._look_at(event, actor, site, reason, key, moment)
            self._look_over(connection)
            state = self._caught_up(connection)
            known = self._store.sequence_of(connection, key) if key else None
            if known is not None:
                return self._same(connection, known, event)
            newer = () if expected is None else self._newer(connection, event, expected)
            if newer:
                raise Conflict(getattr(event, "participant", None) or _("trial log"), newer)
            state.check(event, site, reason, self._rules)
            if not reason.strip():
                self._ask_about_clock(connection, moment, state.head)
            about = {"actor": actor, "site": site, "reason": reason, "key": key}
            entry = sealed(event, state.head, moment, **self._versions, **about)  # type: ignore[arg-type]
            self._store.add(connection, entry)
            if self._store.head(connection) != Head(entry.sequence, entry.hash):
                raise ProtocolError(self.where, _("a database that does not keep entries"), _("nothing more"))
        self._store.confirm(entry)
        self._state = fold((entry,), self._state)
        self._has_seen(self._state.head)
        return entry

    def _ask_about_clock(self, connection: Connection, moment: datetime, head: Head) -> None:
        """Raise for an entry that would be older than the last, or far ahead of it or of the server's clock."""
        asked = _("the right time on this machine; if it is right, a reason with which the entry is recorded")
        row = next(self._store.rows(connection, head.count - 1, limit=1), None) if head.count else None
        if row is not None:
            last = datetime.fromisoformat(opened(row.body, "").time)
            words = None
            if moment < last - timedelta(seconds=STEADY_SECONDS):
                words = _("{now} on this machine's clock, before the last entry, which was recorded {last}")
            elif moment > max(last, self._store.changed(connection)) + FAR:
                words = _("{now} on this machine's clock, long after the last entry, which was recorded {last}")
            if words:
                raise ReasonNeeded(_("clock"), words.format(now=stamp(moment), last=stamp(last)), asked)
        ahead = self._store.clock_offset(connection)
        if abs(ahead) > FAR_SECONDS:
            found = _("a clock that differs by {seconds} seconds from the server's").format(seconds=round(ahead))
            raise ReasonNeeded(_("clock"), found, asked)

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
        if entries:
            self._store.confirm(entries[-1])
            self._has_seen(Head(entries[-1].sequence, entries[-1].hash))

    def _look_at(self, event: Event, actor: str, site: str, reason: str, key: str | None, moment: datetime) -> None:
        """Refuse what can be refused without reading the log."""
        if not 0 < len(actor) <= 64 or not actor.isprintable():
            raise ProtocolError(_("actor"), repr(actor)[:80], _("the account that records, up to 64 characters"))
        if len(site) > MOST_OF_A_SITE or not site.isprintable():
            raise ProtocolError(_("site"), repr(site)[:80], _("the name of the site, in one line"))
        privacy.check_account(actor, site, self._names)
        if key is not None and not 0 < len(key) <= 64:
            raise ProtocolError(_("key"), repr(key)[:80], _("a UUID"))
        today = moment.astimezone(self._zone).date()
        meant = event.replacement if isinstance(event, Correction) else event
        if meant is not None and meant.on > today:
            raise ProtocolError(_("day"), meant.on.isoformat(), _("a day that has come"))
        if meant is not None:
            refuse_unknown(meant, self._known)
            self._rules.refuse(meant)
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
    if event.kind in ("decision", "regimen_declared") or (event.kind == "correction" and participant is None):
        return newer.kind in OUTCOMES
    return event.kind == "enrolled" and newer.kind in ("decision", "regimen_declared")


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
    rules: ProtocolRules = NO_RULES,
    read_only: bool = False,
    clock: Callable[[], datetime] = _now,
    zone: tzinfo = UTC,
) -> Log | LogReader:
    """Open the log of a trial; an empty file or database becomes an empty log.

    The last head that is seen is kept (:mod:`protocol.conduct.seen_heads`). A log that does not have it any more is
    read, but nothing is recorded in it until :meth:`LogReader.accept`.

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
    rules : ProtocolRules
        What the record of the trial asks of its log beside the known values.
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
        If the address cannot be read, if the database is no log, has another version or cannot be opened, if entries
        were seen here and there are none, or if writers of the folder cannot keep each other out.
    """
    from protocol.conduct.store import Store, address_of

    parts = address_of(str(url))
    server = None if parts.get_backend_name() == "sqlite" else f"{parts.host or 'localhost'}:{parts.port or 5432}"
    kept = seen_heads.place_of(str(parts.database), server)
    store: Database = Store(str(url), read_only, seen_heads.seen(kept))
    if read_only:
        return LogReader(store, kept, keeps=server is not None)  # beside a file only those write who may write it
    software = __version__ if software is None else software
    return Log(store, {"protocol": protocol, "software": software}, known, names, clock, zone, kept, rules)
