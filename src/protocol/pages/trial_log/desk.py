"""A reader's access to the log: what the reader may see, updated as others record, and the one way to record."""

import asyncio
import ctypes
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from threading import RLock
from types import MappingProxyType
from typing import Any
from uuid import uuid4, uuid5

import pandas as pd

from protocol import briefing
from protocol.briefing import Briefing
from protocol.conduct import (
    Entry,
    Event,
    Head,
    ParticipantHistory,
    Reader,
    State,
    TrialSoFar,
    Verification,
    canonical,
    content,
    protocol_version,
    reader_of,
    staggered_until,
)
from protocol.effect import Summaries
from protocol.records import ProtocolError
from protocol.translation import _, language, list_of
from protocol.trial import Trial, effect_observations, log_rules

TOLD = {"enrolled", "dlt_assessed", "withdrawn", "correction", "decision", "regimen_declared"}
"""Kinds of entries that :meth:`Desk.news` lists."""

ROLES = {
    "viewer": _("viewer: figures, nothing recorded"),
    "investigator": _("investigator of {site}"),
    "coordinator": _("coordinator: all sites"),
}

HASH_SHOWN = 16
"""Digits of the head's hash that a printed sheet shows: as many as :meth:`protocol.conduct.Head.parse` needs."""

EVERY_SECONDS = 5
"""Seconds between two looks of an open page at the log."""

_WATCHING = set[Any]()  # an event loop may drop a task that is referred to from nowhere else

_DASH = re.compile("[\u2010-\u2015\u2212]")


class Desk:
    """One reader's access to one log: what the reader may see, and the one way to record.

    Parameters
    ----------
    trial : Trial
    reader : Reader
    log : LogReader or None
        The open log; None for the invented example.
    today : callable
        Returns the reader's calendar day.

    Attributes
    ----------
    briefing : Briefing
        What the reader may see, as of the last look at the log.
    courses : mapping of str to ParticipantHistory
        The participants the reader may see, by study id.
    trouble : ProtocolError or None
        What is wrong with the log, and since when; None for a log that is there and whole.
    shared : bool
        Whether several persons may use this page under one account.
    """

    shared = False

    def __init__(self, trial: Trial, reader: Reader, log: Any, today: Callable[[], date]) -> None:
        self.trial, self.reader = trial, reader
        self._log, self._today = log, today
        self._listeners: list[Callable[[], None]] = []
        self._followers: list[Callable[[], None]] = []
        self._session, self._own = uuid4(), set[int]()
        self._turn = RLock()  # a long list is recorded in a thread, while the page looks at the log
        self.briefing: Briefing
        self._shown: State  # what the briefing is of
        self._compared: tuple[date, pd.DataFrame] | None = None
        self._told: tuple[date, pd.DataFrame] | None = None
        self._effect: tuple[State, Summaries] | None = None
        self.trouble: ProtocolError | None = None
        self._look(self._state())
        self._look_over()

    @property
    def invented(self) -> bool:
        """Whether this is the example."""
        return self._log is None

    @property
    def where(self) -> str:
        """What to call the log."""
        return _("the invented example") if self.invented else str(self._log.where)

    @property
    def sees_all(self) -> bool:
        """Whether this reader may see every participant; every reader may see those of the example."""
        return self.invented or self.reader.sees_all

    @property
    def participants(self) -> TrialSoFar | None:
        """The participants that this reader may see; None if there are none."""
        so_far = self.briefing.so_far
        return so_far if so_far and so_far.participants else None

    @property
    def visible_trial(self) -> Trial:
        """The trial with the participants of the log if this reader may see all of them, with none otherwise."""
        return self.trial.model_copy(update={"so_far": self.participants if self.sees_all else None})

    @property
    def effect(self) -> Summaries:
        """What was observed in the participants, as far as this reader may see it."""
        state = self._shown
        if self._effect is None or self._effect[0] is not state or self._effect[1].as_of != self.briefing.as_of:
            sees = None if self.briefing.invented or self.reader.sees_all else self.reader.sees
            found = effect_observations(state, self.trial)
            labels = self.trial.escalation.grid.labels
            self._effect = state, Summaries(found, self.briefing.as_of, sees, labels)
        return self._effect[1]

    @property
    def enrolled_by_phase(self) -> dict[str, int]:
        """How many participants were enrolled in each phase."""
        first = self.trial.eligibility.phases[0]
        enrolled = (one for one in self._shown.histories.values() if one.enrolled)
        return dict(Counter(one.phase or first for one in enrolled))

    def first_infusion_from(self, participant: str) -> date | None:
        """Return from which day on a participant may have the first infusion, if another one is observed alone.

        None if nobody is waited for, and for a participant who is not enrolled, is infused, or is not to be seen.
        """
        course, rules = self.courses.get(participant), log_rules(self.trial)
        if course is None or not course.enrolled or course.infusions or not rules.is_first(course.phase):
            return None
        shown = self._shown
        own = str(course.regimen), course.enrolled, participant
        found = staggered_until(shown.histories, shown.decisions, rules, *own)
        return found[1] if found and found[1] > self.briefing.as_of else None

    def declaration(self, phase: str) -> Mapping[str, Any] | None:
        """Return what the committee declared last for a phase: regimen, advised, on, why, decided_by."""
        own = [entry.content for entry in self._shown.declarations if entry.content["phase"] == phase]
        return own[-1] if own else None

    def __str__(self) -> str:
        """Say which log this is, how far it is read, and as whom."""
        now, reader = self.briefing, self.reader
        role = self._role
        return _("Trial log {where}, entry {count}, as of {day}. You see it as {who}.").format(
            where=self.where,
            count=now.head.count,
            day=now.as_of,
            who=list_of(filter(None, (reader.actor, role))),
        )

    @property
    def on_paper(self) -> str:
        """Say which trial and which entries a printed sheet shows, so that it can be compared with the log."""
        now = self.briefing
        words = _("{trial}, trial log {count}:{hash}, as of {day}")
        return words.format(
            trial=self.trial.identity.trial_id,
            count=now.head.count,
            hash=now.head.hash[:HASH_SHOWN],
            day=now.as_of,
        )

    @property
    def sight(self) -> dict[str, Any]:
        """What decides which figures this reader sees; two processes with the same one show the same."""
        now = self.briefing
        log = "" if self.invented else str(self._log.where)
        return {
            "reader": self.reader.model_dump(mode="json"),
            "log": log,
            "head": str(now.head),
            "day": now.as_of.isoformat(),
        }

    @property
    def names_participants(self) -> bool:
        """Whether files made for this reader hold study ids of participants who are not invented."""
        return not self.invented and self.briefing.so_far is not None

    def on_change(self, listener: Callable[[], None], every_entry: bool = False) -> None:
        """Call `listener` when the figures change; with `every_entry` also after an entry that changes none."""
        (self._listeners if not every_entry else self._followers).append(listener)

    def refresh(self) -> bool:
        """Look whether the log or the day has moved on, or the log is in trouble; return whether anything changed.

        While the log is in trouble, the figures stay those that were read before.
        """
        with self._turn:
            return self._refresh()

    def _refresh(self) -> bool:
        before = self.trouble
        self._look_over()
        if self.trouble is not None or before is not None:
            if (self.trouble is None) != (before is None):
                for listener in self._followers:
                    listener()
            if self.trouble is not None:
                return before is None
        return self._follow()

    def _look_over(self) -> None:
        """Set or clear :attr:`trouble`."""
        if self.invented:
            return
        try:
            self._log.look_over()
        except ProtocolError as error:
            if self.trouble is None or self.trouble.write != error.write:
                now = datetime.now(self.trial.zone).isoformat(" ", "minutes")
                found = _("{what} (noticed {moment})").format(what=error.found, moment=now)
                self.trouble = ProtocolError(error.where, found, error.write)
        else:
            self.trouble = None

    def check(self, head: Head) -> Verification:
        """Check the log against a head that was kept elsewhere, such as in minutes.

        Raises
        ------
        ProtocolError
            If the log cannot be read.
        """
        if self.invented:
            raise ProtocolError(self.where, _("an example, which has no minutes"), how_to_start())
        found: Verification = self._log.verify(head)
        return found

    def _follow(self) -> bool:
        if self.invented or (self._log.head() == self.briefing.head and self._today() == self.briefing.as_of):
            return False
        state, listeners = self._state(), self._followers
        kinds = self._kinds_since(self._shown)
        if kinds <= {"note"} and self._today() == self.briefing.as_of:
            self._shown, self.briefing = state, replace(self.briefing, head=state.head)
        else:
            self._look(state)
            listeners = [*self._listeners, *self._followers]
        for listener in listeners:
            listener()
        return True

    def _kinds_since(self, state: State) -> set[str]:
        """Return the kinds of the entries after a state, and forget what does not hold with them."""
        new = self._log.entries(state.head.count)
        kinds = {entry.kind for entry in new}
        if kinds & TOLD:
            self._told = None
        if self._compared and any(self.trial.day_of(entry) <= self._compared[0] for entry in new):
            self._compared = None
        return kinds

    def changes(self, since: date) -> pd.DataFrame:
        """Compare the figures of a day with the present ones; see :func:`protocol.briefing.changes`."""
        now = self.briefing
        if not self._compared or self._compared[0] != since:
            self._compared = since, briefing.changes(self.trial, self._shown.entries, since, now)
        table = self._compared[1]
        return table.assign(now=table["what"].map(now.counts))

    def news(self, since: date) -> pd.DataFrame:
        """List what was recorded after a day; see :func:`protocol.briefing.news`."""
        if not self._told or self._told[0] != since:
            told = (entry for entry in self._shown.entries if entry.kind in TOLD)
            self._told = since, briefing.news(self.trial, told, since, self.briefing)
        return self._told[1]

    def known_then(self, number: int) -> briefing.KnownThen:
        """Return what was known at a decision, counted from 1; see :func:`protocol.briefing.known_then`."""
        shown = self._shown
        return briefing.known_then(self.trial, shown.entries, shown.decisions[number - 1], self.invented)

    def entries_of(self, participant: str | None) -> tuple[Entry, ...]:
        """Return what holds of a participant, or (None) what the committee decided and declared.

        Empty for those who may not see it.
        """
        state = self._state()
        if participant is None:
            decided = (*state.decisions, *state.declarations) if self.reader.records else ()
            return tuple(sorted(decided, key=lambda entry: entry.sequence))
        return state.people.get(participant, ()) if participant in self.courses else ()

    def record(self, event: Event, site: str = "", reason: str = "", expected: int | None = None) -> Entry:
        """Record an event; the same one sent twice from this page is recorded once.

        Parameters
        ----------
        event : Event
        site : str
            Needed for an event of a participant.
        reason : str
        expected : int, optional
            The number of the last entry that the person has seen; if left out, the last one that this page shows.

        Raises
        ------
        Conflict
            If another person recorded an entry that this page has not shown and that this event may depend on.
        ProtocolError
            If the reader may not record the event, if it cannot have happened, or if the log cannot be written.
        """
        entry = self._record(event, site, reason, self.briefing.head.count if expected is None else expected)
        with suppress(ProtocolError):  # it is recorded, even if the page cannot show it yet
            self.refresh()
        return entry

    def record_each(self, wanted: Iterable[tuple[Event, str]]) -> Iterator[Entry]:
        """Record events of participants with their sites one after another, each when the next entry is asked for.

        The page follows when all are recorded, when the iterator is closed, and after an error.

        Raises
        ------
        ProtocolError
            As :meth:`record`; what was recorded before stays.
        """
        seen = self.briefing.head.count
        try:
            for event, site in wanted:
                entry = self._record(event, site, "", seen)
                seen = entry.sequence
                yield entry
        finally:
            with suppress(ProtocolError):
                self.refresh()

    def _record(self, event: Event, site: str, reason: str, seen: int) -> Entry:
        with self._turn:
            self._refuse(site, event)
            self._refuse_study_ids(event)
            undone = len(self._state().corrections)  # what was removed may be recorded again
            key = str(uuid5(self._session, canonical([content(event), site, reason, undone])))
            entry = self._append(event, site, reason, key, seen)
            self._own.add(entry.sequence)
            return entry

    def _append(self, event: Event, site: str, reason: str, key: str, seen: int) -> Entry:
        try:
            entry: Entry = self._log.append(
                event, actor=self.reader.actor, site=site, reason=reason, key=key, expected=seen
            )
        except ProtocolError as error:
            newer: tuple[Entry, ...] = getattr(error, "newer", ())
            if not newer:
                raise
        else:
            return entry
        self._refuse(site, event)  # a participant may have become known, at another site
        others = tuple(e for e in newer if e.sequence not in self._own and self._shows(e))
        if not others:  # what this page recorded itself was seen
            return self._append(event, site, reason, key, newer[-1].sequence)
        from protocol.conduct import Conflict

        raise Conflict(getattr(event, "participant", None) or _("trial log"), others)

    def _shows(self, entry: Entry) -> bool:
        return not entry.participant or self.reader.sees(entry.site)

    def inspection(self) -> tuple[tuple[Entry, ...], Verification]:
        """Return every entry, none of a log that is not whole, and what the check of the log found.

        Raises
        ------
        ProtocolError
            For those who may not see every participant.
        """
        if self.invented:
            return self._example, Verification(self._shown.head)
        if not self.inspects:
            write = _("it with an account that may see every participant")
            raise ProtocolError(_("role {role}").format(role=self._role), _("no right to see this"), write)
        checked: Verification = self._log.verify()
        return (self._log.entries() if checked.ok else ()), checked

    @property
    def inspects(self) -> bool:
        """Whether this reader may take every entry along."""
        return self.invented or (self.reader.records and self.reader.sees_all)

    @property
    def _role(self) -> str:
        return ROLES[self.reader.role].format(site=self.trial.site_shown(self.reader.site))

    def _refuse(self, site: str, event: Event) -> None:
        if self.invented:
            raise ProtocolError(self.where, _("an example, which is not written to"), how_to_start())
        if not self._may_record(site, getattr(event, "participant", None)):
            write = _("it with an account that may; the roles file says which")
            raise ProtocolError(_("role {role}").format(role=self._role), _("no right to record this"), write)

    def _refuse_study_ids(self, event: Event) -> None:
        """Refuse participants in the words about the whole trial, which those read who see figures only."""
        if getattr(event, "participant", None):
            return
        told = " ".join(_words(event)).upper()
        known = {name.replace("-", "") for name in self._state().people}
        if any(word.replace("-", "") in known for word in re.findall(r"[A-Z0-9-]+", _DASH.sub("-", told))):
            raise ProtocolError(_("words"), _("a study id"), _("nothing about a single participant"))

    def _may_record(self, site: str, participant: str | None) -> bool:
        """Whether this reader records at a site, and a known participant is of one where this reader records."""
        if not self.reader.records or self.reader.sees_all:
            return self.reader.records
        course = self._state().histories.get(participant or "")
        return bool(participant) and all(map(self.reader.sees, (site, course.site if course else site)))

    def _look(self, state: State) -> None:
        if self.invented:
            shared = _example_briefed(_Same(self.trial, state), self.reader, language())
            kept = vars(shared).items()
            frames: dict[str, Any] = {name: held.copy() for name, held in kept if isinstance(held, pd.DataFrame)}
            self.briefing = replace(shared, counts=dict(shared.counts), **frames)  # a person may change them
        else:
            self.briefing = briefing.brief(self.trial, state, self.reader, self._today())
        sees = self.reader.sees
        shown = {name: one for name, one in state.histories.items() if self.invented or sees(one.site)}
        self.courses: Mapping[str, ParticipantHistory] = MappingProxyType(shown)
        self._shown = state

    @property
    def _example(self) -> tuple[Entry, ...]:
        return self.trial.examples.entries if self.trial.examples else ()

    def _state(self) -> State:
        state: State = self.trial.examples.state if self.invented and self.trial.examples else self._log.state()
        return state


class _Same:
    """A trial and the state of its example as a key: the same trial, because to compare what it holds takes long."""

    def __init__(self, trial: Trial, state: State) -> None:
        self.trial, self.state = trial, state

    def __hash__(self) -> int:
        return id(self.trial)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.trial is other.trial


@lru_cache(maxsize=4)
def _example_briefed(of: _Same, reader: Reader, _language: str) -> Briefing:
    """Brief on the example once in a process: it never changes, and kernels share what their parent found."""
    return briefing.brief(of.trial, of.state, reader, of.trial.day_of(of.state.entries[-1]), invented=True)


def _words(event: Event) -> list[str]:
    replacement = getattr(event, "replacement", None)
    return [getattr(event, name) for name in event.free] + (_words(replacement) if replacement else [])


def shared_account(actor: str) -> str:
    """Warn that the log cannot tell apart who records."""
    return _(
        "Everybody who has the address of this dashboard records as {actor}: the log cannot tell them apart. "
        "For a log of several persons, give each an account of their own (JupyterHub, or protocol-workbook lab)."
    ).format(actor=actor)


def how_to_start() -> str:
    """Say how to start a log that can be recorded in."""
    return _("a log of your own: protocol-workbook log start trial.sqlite makes an empty one and says how to open it")


def open_desk(trial: Trial, environment: Mapping[str, str], today: Callable[[], date]) -> Desk | None:
    """Open the log that the environment names, as the person it names; the example when it names none.

    ``PROTOCOL_LOG`` is the log. A viewer reads it from ``PROTOCOL_LOG_READ`` when that is given, and never through a
    connection that can write. ``PROTOCOL_SHARED`` says that several persons may use the page under one account.

    Returns
    -------
    Desk or None
        None when no log is named and no example lies beside the trial.

    Raises
    ------
    ProtocolError
        For an identity or a log that cannot be used. The example never takes the place of a log that was named.
    """
    reader = reader_of(environment)
    address = environment.get("PROTOCOL_LOG", "")
    if not reader.records:
        address = environment.get("PROTOCOL_LOG_READ", "") or address
    if not address:
        return Desk(trial, reader, None, today) if trial.examples else None
    from protocol.conduct import open_log

    files = trial.folder.glob("*.toml") if trial.folder else ()
    log = open_log(
        address,
        protocol=protocol_version(files),
        known=known(trial),
        rules=log_rules(trial),
        names=[site.name for site in trial.sites],
        read_only=not reader.records,
        zone=trial.zone,
    )
    desk = Desk(trial, reader, log, today)
    desk.shared = bool(environment.get("PROTOCOL_SHARED"))
    return desk


def known(trial: Trial) -> dict[str, tuple[str, ...]]:
    """Return what events may name: the visits, the regimens and the phases that this trial has."""
    regimens = trial.escalation.grid.labels
    visits = tuple(visit.id for visit in trial.followup.all_visits)
    named = dict.fromkeys(("regimen", "chosen", "recommended", "advised"), regimens)
    return named | {"visit": visits, "phase": trial.eligibility.phases}


def keep_watching(desk: Desk) -> None:
    """Look at the log regularly from now on. Without a running event loop, as in a script, nothing is done."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    task = loop.create_task(_watch(desk))
    _WATCHING.add(task)
    task.add_done_callback(_WATCHING.discard)


async def _watch(desk: Desk) -> None:
    give_back()
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        with suppress(ProtocolError):  # the log may be out of reach for a moment; recording says so
            if desk.refresh():
                give_back()


def give_back() -> None:
    """Return freed memory to the system; the C library of Linux keeps it otherwise."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
