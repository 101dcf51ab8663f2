"""The state of a trial: a fold over the entries of its log, with corrections applied."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from sys import intern
from types import MappingProxyType
from typing import Any

import pandas as pd

from protocol.conduct.entries import Entry, Head
from protocol.conduct.events import (
    Correction,
    Decision,
    Enrolled,
    Event,
    Infused,
    Note,
    OfParticipant,
    RegimenDeclared,
    content,
)
from protocol.conduct.participant_history import ParticipantHistory, history_of
from protocol.conduct.protocol_rules import ProtocolRules, staggered_until
from protocol.conduct.transitions import (
    refuse_decision,
    refuse_declaration,
    refuse_haste,
    refuse_site,
    refuse_step,
    refuse_undeclared,
    refuse_unexplained,
)
from protocol.conduct.trial_status import TrialSoFar
from protocol.display import Displayed
from protocol.records import ProtocolError
from protocol.translation import _

Entries = tuple[Entry, ...]

_NO_RULES = ProtocolRules()


@dataclass(frozen=True, repr=False)
class State(Displayed):
    """The state of a trial after the last entry.

    In its entries the key and the hash of the entry before are empty: they change no figure, and take a third of the
    memory.

    Attributes
    ----------
    head : Head
        The head of the log as far as it was read.
    people : mapping of str to tuple of Entry
        Study id to the entries of the participant that hold, in the order of recording. A corrected entry has its new
        content and keeps its sequence number and hash; removed entries and notes are left out.
    decisions, declarations, notes : tuple of Entry
        Decisions of the committee and declared regimens that hold, and notes.
    corrections : tuple of (Entry, Entry)
        Each correction with the entry that it changed, as it was before.
    """

    head: Head = field(default_factory=Head)
    people: Mapping[str, Entries] = field(default_factory=dict)
    decisions: Entries = ()
    notes: Entries = ()
    corrections: tuple[tuple[Entry, Entry], ...] = ()
    declarations: Entries = ()
    _known: Mapping[str, ParticipantHistory] = field(default_factory=dict, compare=False, repr=False)
    """Histories known from the state before, of participants without new entries."""

    def __repr__(self) -> str:
        """Return the number of entries, participants and decisions."""
        return f"State({self.head.count} entries, {len(self.people)} participants, {len(self.decisions)} decisions)"

    def table(self) -> pd.DataFrame:
        """Return one row a participant, in the order of their first entries.

        Returns
        -------
        pandas.DataFrame
            ``participant``, ``site``, ``overall`` (result of the last screening), ``consented``, ``enrolled``,
            ``regimen``, ``infusions`` (number given), ``dlt_on``, ``withdrawn``; None where not recorded.
        """
        names = ["site", "overall", "consented", "enrolled", "regimen", "infusions", "dlt_on", "withdrawn"]
        rows = [
            (name, *(len(one.infusions) if column == "infusions" else getattr(one, column) for column in names))
            for name, one in self.histories.items()
        ]
        return pd.DataFrame(rows, columns=["participant", *names], dtype=object)

    @cached_property
    def histories(self) -> Mapping[str, ParticipantHistory]:
        """Study id to the history of the participant, in the order of their first entries."""
        known = self._known
        found = {name: known.get(name) or history_of(entries) for name, entries in self.people.items()}
        return MappingProxyType(found)

    @cached_property
    def entries(self) -> Entries:
        """Every entry with the content with which it was recorded, in order."""
        people = (entry for entries in self.people.values() for entry in entries)
        found = {entry.sequence: entry for entry in (*people, *self.decisions, *self.declarations, *self.notes)}
        for correction, old in reversed(self.corrections):  # an entry corrected twice: its first content is set last
            found |= {correction.sequence: correction, old.sequence: old}
        return tuple(found[sequence] for sequence in sorted(found))

    @property
    def without_notes(self) -> tuple[object, ...]:
        """What figures depend on: equal as long as only notes are recorded."""
        return self.people, self.decisions, self.declarations, self.corrections

    @property
    def screenings(self) -> Entries:
        """The screenings that hold, in the order of recording."""
        found = (entry for entries in self.people.values() for entry in entries if entry.kind == "screened")
        return tuple(sorted(found, key=lambda entry: entry.sequence))

    @property
    def open_regimen(self) -> str | None:
        """The regimen that the committee chose last; None before a decision and after it stopped enrolment."""
        return self.decisions[-1].content["chosen"] if self.decisions else None

    @property
    def declared(self) -> Mapping[str, str]:
        """Phase to the regimen that the committee declared for it last."""
        return {entry.content["phase"]: entry.content["regimen"] for entry in self.declarations}

    def so_far(
        self,
        as_of: date,
        start: str,
        invented: bool,
        infusion_visits: Callable[[ParticipantHistory], Mapping[str, date]] = lambda _course: {},
    ) -> TrialSoFar:
        """Return the status of the trial on a day.

        Parameters
        ----------
        as_of : date
            The day that counts as today.
        start : str
            The regimen that is open before the first decision.
        invented : bool
            Whether this is an example.
        infusion_visits : callable, optional
            Takes a history and returns its infusions as visits of the schedule: visit id to day. This topic does not
            know the schedule.
        """
        chosen = [entry.content["chosen"] for entry in self.decisions if entry.content["chosen"]]
        screened: dict[str, int] = {}
        for history in self.histories.values():
            if history.screenings:
                screened[history.site] = screened.get(history.site, 0) + 1
        return TrialSoFar(
            invented=invented,
            as_of=as_of,
            open_regimen=chosen[-1] if chosen else start,
            screened=screened,
            participants=tuple(
                history.as_participant(name, infusion_visits(history))
                for name, history in self.histories.items()
                if history.enrolled
            ),
        )

    def check(self, happened: Event, site: str = "", reason: str = "", rules: ProtocolRules = _NO_RULES) -> None:
        """Raise unless an event can be recorded next.

        Parameters
        ----------
        happened : Event
        site : str
            The site it concerns; needed for an event of a participant.
        reason : str
            Needed to enrol on another regimen than the open one, or a participant who is not eligible so far, or in a
            phase without a declared regimen; and for a first infusion that the rules would have later.
        rules : ProtocolRules
            What the record of the trial asks.

        Raises
        ------
        ProtocolError
            Saying what is missing or what prevents it.
        """
        if isinstance(happened, Correction):
            self._refuse_elsewhere(happened, site)
            self._check_correction(happened)
        elif isinstance(happened, Decision):
            refuse_decision(happened, self.decisions)
        elif isinstance(happened, RegimenDeclared):
            refuse_declaration(happened, next(iter(rules.phases), None), self.declarations)
        elif isinstance(happened, Note):
            if happened.participant is not None and happened.participant not in self.people:
                raise ProtocolError(happened.participant, _("no such participant"), _("a study id of the log"))
            self._refuse_elsewhere(happened, site)
        else:
            history = history_of(self.people.get(happened.participant, ()))
            refuse_site(history, happened, site)
            refuse_step(history, happened)
            self._refuse_unexplained(history, happened, reason, rules)

    def _refuse_unexplained(
        self, history: ParticipantHistory, happened: OfParticipant, reason: str, rules: ProtocolRules
    ) -> None:
        open_regimen = self.open_regimen
        if isinstance(happened, Enrolled) and happened.phase is not None:
            open_regimen = self.declared.get(happened.phase, open_regimen)
            if rules.phases and not rules.is_first(happened.phase) and happened.phase not in self.declared:
                refuse_undeclared(happened, reason)
        refuse_unexplained(history, happened, open_regimen, reason)
        if isinstance(happened, Infused) and happened.number == 1 and rules.is_first(history.phase):
            own = str(history.regimen), history.enrolled or happened.on, happened.participant
            refuse_haste(happened, staggered_until(self.histories, self.decisions, rules, *own), reason)

    def _refuse_elsewhere(self, happened: Correction | Note, site: str) -> None:
        if happened.participant is not None:
            refuse_site(history_of(self.people.get(happened.participant, ())), happened, site)

    def target(self, correction: Correction) -> Entry:
        """Return the entry that a correction names, as it holds now.

        Raises
        ------
        ProtocolError
            If there is none, or if it has another hash than the correction names.
        """
        for entry in (*self.people.get(correction.participant or "", ()), *self._of_nobody):
            named = (entry.sequence, entry.hash, entry.participant)
            if named == (correction.of, correction.hash, correction.participant):
                return entry
        where = _("entry {number}").format(number=correction.of)
        found = _("no event of this participant that holds")
        raise ProtocolError(where, found, _("number and hash of an event that was neither removed nor a correction"))

    @property
    def _of_nobody(self) -> Entries:
        return *self.decisions, *self.declarations, *self.notes

    def _check_correction(self, correction: Correction) -> None:
        old, new = self.target(correction), correction.replacement
        if new is not None and (new.kind, getattr(new, "participant", None)) != (old.kind, old.participant):
            where = _("entry {number}").format(number=correction.of)
            found = _("a replacement of another kind or of another participant")
            raise ProtocolError(where, found, _("a removal, then the right event on its own"))
        if old.kind == "decision" and isinstance(new, Decision):
            place = self.decisions.index(old)
            refuse_decision(new, self.decisions[:place], self.decisions[place + 1 :])
        elif old.kind == "regimen_declared" and isinstance(new, RegimenDeclared):
            place = self.declarations.index(old)
            refuse_decision(new, self.declarations[:place], self.declarations[place + 1 :])
        elif isinstance(old.event, OfParticipant):
            self._replay(self.people[old.event.participant], old, new)

    def _replay(self, entries: Entries, old: Entry, new: Event | None) -> None:
        """Check the events of a participant in order, with one of them replaced or left out."""
        before: list[Entry] = []
        for entry in entries:
            if entry is old and new is None:
                continue
            held = entry._replace(content=content(new)) if entry is old and new else entry
            refuse_step(history_of(before), held.event)  # type: ignore[arg-type]
            before.append(held)


def fold(entries: Iterable[Entry], state: State | None = None, hashes: bool = True) -> State:
    """Return the state after entries are applied, in their order, to a state (an empty one if left out).

    Entries are not checked: :meth:`State.check` is called before an event is recorded. With ``hashes=False`` the
    hashes of the entries are left out too; they are needed only for corrections.
    """
    state = state or State()
    people: dict[str, Any] = dict(state.people)
    touched: dict[str, list[Entry]] = {}
    decisions, notes, corrections = list(state.decisions), list(state.notes), list(state.corrections)
    declarations = list(state.declarations)
    others = {"decision": decisions, "regimen_declared": declarations, "note": notes}
    entry = None
    for entry in entries:
        last = _kept(entry, hashes)
        values = last.content
        kind: str = values["kind"]
        name: str | None = values.get("participant")
        if kind in others:
            others[kind].append(last)
            continue
        if name is not None and name not in touched:
            touched[name] = people[name] = list(people.get(name, ()))
        if kind == "correction":
            corrections += _corrected(last, [*([touched[name]] if name else []), *others.values()])
        else:
            touched[str(name)].append(last)
    if entry is None:
        return state
    known = {
        name: history for name, history in vars(state).get("histories", state._known).items() if name not in touched
    }
    people.update((name, tuple(mine)) for name, mine in touched.items())
    held = MappingProxyType({name: mine for name, mine in people.items() if mine}) if touched else state.people
    head = Head(entry.sequence, entry.hash)
    return State(head, held, tuple(decisions), tuple(notes), tuple(corrections), tuple(declarations), known)


def _kept(entry: Entry, hashes: bool) -> Entry:
    if not entry.key:
        return entry
    sequence, time, actor, site, reason, protocol, software, _key, values, _previous, own = entry
    kept = own if hashes else ""
    return Entry(sequence, time, actor, site, reason, intern(protocol), software, "", values, "", kept)


def _corrected(correction: Entry, places: list[list[Entry]]) -> list[tuple[Entry, Entry]]:
    """Replace or remove the entry that a correction names; return the pair, or nothing if there is no such entry."""
    named, new = correction.content["of"], correction.content["replacement"]
    for place in places:
        for position, entry in enumerate(place):
            if entry.sequence == named:
                place[position : position + 1] = [] if new is None else [entry._replace(content=new)]
                return [(correction, entry)]
    return []
