"""What the log says: a fold over its entries, corrections applied."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from sys import intern
from types import MappingProxyType
from typing import Any

from protocol.conduct.entries import Entry, Head
from protocol.conduct.events import Correction, Decision, Event, Note, OfParticipant, content
from protocol.conduct.participant_history import Course, course_of
from protocol.conduct.transitions import refuse_decision, refuse_site, refuse_step, refuse_unexplained
from protocol.conduct.trial_status import TrialSoFar
from protocol.records import ProtocolError
from protocol.translation import _

Entries = tuple[Entry, ...]


@dataclass(frozen=True)
class State:
    """What is known after the last entry.

    Its entries are kept without what nothing follows from and what takes a third of their room: the key and the hash
    of the entry before are empty.

    Attributes
    ----------
    head : Head
        How far the log was read.
    people : mapping of str to tuple of Entry
        Study id to what holds of that participant, in the order of recording: corrected entries have their new
        content (and keep their sequence number and hash), removed ones are gone. Notes are not among them.
    decisions, notes : tuple of Entry
        Decisions of the committee that hold, and notes.
    corrections : tuple of (Entry, Entry)
        Each correction with the entry it changed, as that stood before.
    """

    head: Head = field(default_factory=Head)
    people: Mapping[str, Entries] = field(default_factory=dict)
    decisions: Entries = ()
    notes: Entries = ()
    corrections: tuple[tuple[Entry, Entry], ...] = ()
    _known: Mapping[str, Course] = field(default_factory=dict, compare=False, repr=False)
    """Courses of those about whom nothing is new."""

    @cached_property
    def courses(self) -> Mapping[str, Course]:
        """Study id to the course of the participant, in the order in which they were first recorded."""
        known = self._known
        found = {name: known.get(name) or course_of(entries) for name, entries in self.people.items()}
        return MappingProxyType(found)

    @cached_property
    def entries(self) -> Entries:
        """Every entry with the content it was recorded with, in order: from what holds and what was corrected."""
        people = (entry for entries in self.people.values() for entry in entries)
        found = {entry.sequence: entry for entry in (*people, *self.decisions, *self.notes)}
        for correction, old in reversed(self.corrections):  # what stood there first comes last
            found |= {correction.sequence: correction, old.sequence: old}
        return tuple(found[sequence] for sequence in sorted(found))

    @property
    def without_notes(self) -> tuple[object, ...]:
        """What figures can follow from; equal, and quickly compared, as long as only notes are recorded."""
        return self.people, self.decisions, self.corrections

    @property
    def screenings(self) -> Entries:
        """Every screening that holds, in the order of recording."""
        found = (entry for entries in self.people.values() for entry in entries if entry.kind == "screened")
        return tuple(sorted(found, key=lambda entry: entry.sequence))

    @property
    def open_regimen(self) -> str | None:
        """The regimen the committee chose last; None before its first decision and when it stopped enrolment."""
        return self.decisions[-1].content["chosen"] if self.decisions else None

    def so_far(
        self,
        as_of: date,
        start: str,
        invented: bool,
        infusion_visits: Callable[[Course], Mapping[str, date]] = lambda _course: {},
    ) -> TrialSoFar:
        """Return what the pages work with.

        Parameters
        ----------
        as_of : date
            The day that counts as today.
        start : str
            The regimen that is open before the first decision.
        invented : bool
            Whether this is an example.
        infusion_visits : callable, optional
            Takes a course and returns its infusions as visits of the schedule, which this topic does not know.
        """
        chosen = [entry.content["chosen"] for entry in self.decisions if entry.content["chosen"]]
        screened: dict[str, int] = {}
        for course in self.courses.values():
            if course.screenings:
                screened[course.site] = screened.get(course.site, 0) + 1
        return TrialSoFar(
            invented=invented,
            as_of=as_of,
            open_regimen=chosen[-1] if chosen else start,
            screened=screened,
            participants=tuple(
                course.participation(name, infusion_visits(course))
                for name, course in self.courses.items()
                if course.enrolled
            ),
        )

    def admits(self, happened: Event, site: str = "", reason: str = "") -> None:
        """Return when an event can follow what is known.

        Parameters
        ----------
        happened : Event
        site : str
            The site it concerns: needed for a participant's event.
        reason : str
            Needed for an enrolment on another regimen than the open one, or of a participant not eligible so far.

        Raises
        ------
        ProtocolError
            Saying what is missing or in the way.
        """
        if isinstance(happened, Correction):
            self._refuse_elsewhere(happened, site)
            self._admits_correction(happened)
        elif isinstance(happened, Decision):
            refuse_decision(happened, self.decisions)
        elif isinstance(happened, Note):
            if happened.participant is not None and happened.participant not in self.people:
                raise ProtocolError(happened.participant, _("no such participant"), _("a study id of the log"))
            self._refuse_elsewhere(happened, site)
        else:
            course = course_of(self.people.get(happened.participant, ()))
            refuse_site(course, happened, site)
            refuse_step(course, happened)
            refuse_unexplained(course, happened, self.open_regimen, reason)

    def _refuse_elsewhere(self, happened: Correction | Note, site: str) -> None:
        if happened.participant is not None:
            refuse_site(course_of(self.people.get(happened.participant, ())), happened, site)

    def target(self, correction: Correction) -> Entry:
        """Return the entry, as it holds now, that a correction names.

        Raises
        ------
        ProtocolError
            When there is none, or it is another than its author saw.
        """
        for entry in (*self.people.get(correction.participant or "", ()), *self.decisions, *self.notes):
            named = (entry.sequence, entry.hash, entry.participant)
            if named == (correction.of, correction.hash, correction.participant):
                return entry
        where = _("entry {number}").format(number=correction.of)
        found = _("no event of this participant that holds")
        raise ProtocolError(where, found, _("number and hash of an event that was neither removed nor a correction"))

    def _admits_correction(self, correction: Correction) -> None:
        old, new = self.target(correction), correction.replacement
        if new is not None and (new.kind, getattr(new, "participant", None)) != (old.kind, old.participant):
            where = _("entry {number}").format(number=correction.of)
            found = _("a replacement of another kind or of another participant")
            raise ProtocolError(where, found, _("a removal, then the right event on its own"))
        if old.kind == "decision" and isinstance(new, Decision):
            place = self.decisions.index(old)
            refuse_decision(new, self.decisions[:place], self.decisions[place + 1 :])
        elif isinstance(old.event, OfParticipant):
            self._replay(self.people[old.event.participant], old, new)

    def _replay(self, entries: Entries, old: Entry, new: Event | None) -> None:
        """Admit the events of a participant once more, with one of them replaced or left out."""
        before: list[Entry] = []
        for entry in entries:
            if entry is old and new is None:
                continue
            held = entry._replace(content=content(new)) if entry is old and new else entry
            refuse_step(course_of(before), held.event)  # type: ignore[arg-type]
            before.append(held)


def fold(entries: Iterable[Entry], state: State | None = None, hashes: bool = True) -> State:
    """Apply entries, in their order, to a state (to an empty one when left out).

    Entries that stand in a log are taken as they are: what may be recorded is asked of :meth:`State.admits` before.
    Without `hashes` those of the entries are left out too: only who corrects an entry needs its hash.
    """
    state = state or State()
    people: dict[str, Any] = dict(state.people)
    touched: dict[str, list[Entry]] = {}
    decisions, notes, corrections = list(state.decisions), list(state.notes), list(state.corrections)
    others = {"decision": decisions, "note": notes}
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
            corrections += _corrected(last, [*([touched[name]] if name else []), decisions, notes])
        else:
            touched[str(name)].append(last)
    if entry is None:
        return state
    known = {name: course for name, course in vars(state).get("courses", state._known).items() if name not in touched}
    people.update((name, tuple(mine)) for name, mine in touched.items())
    held = MappingProxyType({name: mine for name, mine in people.items() if mine}) if touched else state.people
    head = Head(entry.sequence, entry.hash)
    return State(head, held, tuple(decisions), tuple(notes), tuple(corrections), known)


def _kept(entry: Entry, hashes: bool) -> Entry:
    if not entry.key:
        return entry
    sequence, time, actor, site, reason, protocol, software, _key, values, _previous, own = entry
    kept = own if hashes else ""
    return Entry(sequence, time, actor, site, reason, intern(protocol), software, "", values, "", kept)


def _corrected(correction: Entry, places: list[list[Entry]]) -> list[tuple[Entry, Entry]]:
    """Change the entry that a correction names where it stands; return the pair, nothing when there is none."""
    named, new = correction.content["of"], correction.content["replacement"]
    for place in places:
        for position, entry in enumerate(place):
            if entry.sequence == named:
                place[position : position + 1] = [] if new is None else [entry._replace(content=new)]
                return [(correction, entry)]
    return []
