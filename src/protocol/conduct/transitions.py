"""Which event can follow which: a sequence that cannot have happened is refused before it is recorded."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date

from protocol.conduct.entries import Entry
from protocol.conduct.events import (
    AdverseEvent,
    AdverseEventFollowed,
    BloodCount,
    Consented,
    Correction,
    Decision,
    DltAssessed,
    Enrolled,
    Event,
    Infused,
    Note,
    OfParticipant,
    Received,
    Recovery,
    RegimenDeclared,
    Relapsed,
    Screened,
    TherapyStarted,
    TreatmentEnded,
    VisitRecorded,
    Withdrawn,
)
from protocol.conduct.labels import OVERALL
from protocol.conduct.participant_history import ParticipantHistory as History
from protocol.records import ProtocolError
from protocol.translation import _, list_of


class ReasonNeeded(ProtocolError):  # noqa: N818  not an error: a question
    """What is to be recorded is unexpected: it is recorded if a reason is given."""


def refuse_step(history: History, event: OfParticipant) -> None:
    """Raise unless an event can follow the history of the participant.

    Raises
    ------
    ProtocolError
        Saying what is missing or what prevents it.
    """
    try:
        _RULES[event.kind](history, event)  # type: ignore[attr-defined]
    except _Refusal as refusal:
        raise ProtocolError(event.participant, *refusal.args) from None


def refuse_unexplained(history: History, event: OfParticipant, open_regimen: str | None, reason: str) -> None:
    """Raise if an unexpected enrolment has no reason.

    Parameters
    ----------
    history : ParticipantHistory
    event : OfParticipant
    open_regimen : str or None
        The regimen at which the phase of the event enrols, None if any is as good.
    reason : str

    Raises
    ------
    ProtocolError
        If the participant is not eligible so far, or the regimen is not the open one, and no reason is given.
    """
    if not isinstance(event, Enrolled) or reason.strip():
        return
    write = _("a reason")
    if history.overall != "eligible so far":
        found = _("an enrolment of a participant whose last screening says {overall}").format(
            overall=OVERALL.get(history.overall or "", _("nothing"))
        )
        raise ProtocolError(event.participant, found, write)
    if open_regimen is not None and event.regimen != open_regimen:
        found = _("{regimen} while {open_regimen} is open").format(regimen=event.regimen, open_regimen=open_regimen)
        raise ProtocolError(event.participant, found, write)


def refuse_haste(event: Infused, staggered: tuple[date, date] | None, reason: str) -> None:
    """Raise if a first infusion comes before the days in which the first participant is treated alone are over.

    Raises
    ------
    ReasonNeeded
        If it does and no reason is given.
    """
    if staggered is None or reason.strip():
        return
    first, until = staggered
    if first <= event.on < until:
        found = _("an infusion on {on}; the first participant was infused on {first}")
        write = _("a day from {until} on, or a reason with which the entry is recorded")
        raise ReasonNeeded(event.participant, found.format(on=event.on, first=first), write.format(until=until))


def refuse_declaration(event: RegimenDeclared, first_phase: str | None, before: Sequence[Entry]) -> None:
    """Raise if a regimen is declared for the phase of the escalation, or before an earlier declaration.

    Raises
    ------
    ProtocolError
        If it is.
    """
    if event.phase == first_phase:
        found = _("phase {phase}, in which the regimen is still sought").format(phase=event.phase)
        raise ProtocolError(_("declared regimen"), found, _("the phase that follows"))
    refuse_decision(event, before)


def refuse_undeclared(event: Enrolled, reason: str) -> None:
    """Raise for an enrolment in a phase for which no regimen is declared.

    Raises
    ------
    ProtocolError
        If no reason is given.
    """
    if not reason.strip():
        found = _("an enrolment in phase {phase}, for which no regimen is declared").format(phase=event.phase)
        raise ProtocolError(event.participant, found, _("the declaration of the regimen first, or a reason"))


def refuse_site(history: History, event: OfParticipant | Correction | Note, site: str) -> None:
    """Raise if the site is missing or is not the site of the participant.

    Raises
    ------
    ProtocolError
        If it is.
    """
    if not site:
        raise ProtocolError(str(event.participant), _("no site"), _("the site of the participant"))
    if history.site and history.site != site:
        found = _("{site}, and the participant is of another site").format(site=site)
        raise ProtocolError(str(event.participant), found, history.site)


def refuse_unknown(event: Event, known: Mapping[str, Collection[str]]) -> None:
    """Raise if an event names something that the protocol does not have.

    Parameters
    ----------
    event : Event
    known : mapping of str to collection of str
        Name of a field, such as ``visit``, to what may stand in it. A field that is not named may hold anything.

    Raises
    ------
    ProtocolError
        Naming what was found and all that may be written instead.
    """
    for name, values in known.items():
        found = getattr(event, name, None)
        if found is not None and found not in values:
            raise ProtocolError(name, repr(found), list_of(values))


def refuse_decision(event: Decision | RegimenDeclared, before: Sequence[Entry], after: Sequence[Entry] = ()) -> None:
    """Raise if a decision is earlier than the one before or later than the one after.

    Raises
    ------
    ProtocolError
        If it is.
    """
    where = _("decision") if isinstance(event, Decision) else _("declared regimen")
    if before and event.on < date.fromisoformat(before[-1].content["on"]):
        found = _("{on}, before the decision of {earlier}").format(on=event.on, earlier=before[-1].content["on"])
        raise ProtocolError(where, found, _("the day of the meeting"))
    if after and event.on > date.fromisoformat(after[0].content["on"]):
        found = _("{on}, after the decision of {later}").format(on=event.on, later=after[0].content["on"])
        raise ProtocolError(where, found, _("the day of the meeting"))


class _Refusal(Exception):  # noqa: N818  caught in this module, never seen outside it
    """What was found and what to write; :func:`refuse_step` adds the participant."""


def _need(holds: object, found: str, write: str) -> None:
    if not holds:
        raise _Refusal(found, write)


def _not_before(on: date, earlier: date | None, what: str) -> None:
    found = _("{on}, before {what} on {earlier}").format(on=on, what=what, earlier=earlier)
    _need(earlier is None or on >= earlier, found, _("a day from {earlier} on").format(earlier=earlier))


def _not_after(on: date, later: date | None, what: str) -> None:
    found = _("{on}, after {what} on {later}").format(on=on, what=what, later=later)
    _need(later is None or on <= later, found, _("a day up to {later}").format(later=later))


def _once(known: object, what: str) -> None:
    _need(known is None, _("{what} recorded before, on {known}").format(what=what, known=known), _("a correction"))


def _needs_enrolment(history: History, on: date) -> None:
    _need(history.enrolled, _("a participant who is not enrolled"), _("the enrolment first"))
    _not_before(on, history.enrolled, _("the enrolment"))


def _screen(history: History, _event: Screened) -> None:
    _need(history.enrolled is None, _("a participant who is enrolled"), _("a note, or a correction of the enrolment"))


def _consent(history: History, event: Consented) -> None:
    _once(history.consented, _("the consent"))
    _not_after(event.on, history.enrolled, _("the enrolment"))


def _enrol(history: History, event: Enrolled) -> None:
    _once(history.enrolled, _("the enrolment"))
    _need(history.screenings, _("a participant who was not screened"), _("the screening first"))
    _need(history.consented, _("a participant without informed consent"), _("the consent first"))
    _not_before(event.on, history.consented, _("the consent"))
    _need(history.withdrawn is None, _("a participant who has left"), _("another participant"))


def _start(history: History, event: TherapyStarted) -> None:
    _once(history.therapy_started, _("the start of therapy"))
    _needs_enrolment(history, event.on)
    _not_after(event.on, history.infusions.get(1), _("the first infusion"))


def _infuse(history: History, event: Infused) -> None:
    _needs_enrolment(history, event.on)
    _once(history.infusions.get(event.number), _("this infusion"))
    given = len(history.infusions)
    found = _("infusion {number} after {given} infusions").format(number=event.number, given=given)
    _need(event.number == given + 1, found, _("infusion {number}").format(number=given + 1))
    _not_before(event.on, history.therapy_started, _("the start of therapy"))
    _not_before(event.on, history.infusions.get(given), _("the infusion before"))
    _not_after(event.on, history.treatment_ended, _("the end of treatment"))
    _not_after(event.on, history.withdrawn, _("the withdrawal"))


def _end(history: History, event: TreatmentEnded) -> None:
    _once(history.treatment_ended, _("the end of treatment"))
    _needs_enrolment(history, event.on)
    _not_before(event.on, max(history.infusions.values(), default=None), _("the last infusion"))
    _not_after(event.on, history.withdrawn, _("the withdrawal"))


def _assess(history: History, event: DltAssessed) -> None:
    _need(history.infusions, _("a participant without an infusion"), _("the first infusion first"))
    _not_before(event.on, history.infusions[1], _("the first infusion"))
    if history.dlt_on is None or event.on >= history.dlt_on:  # an assessment before a DLT may be recorded after it
        _once(history.dlt_on, _("a DLT"))


def _recover(history: History, event: Recovery) -> None:
    _needs_enrolment(history, event.on)
    _once(history.recoveries.get(event.lineage), _("this recovery"))


def _visit(history: History, event: VisitRecorded) -> None:
    _known(history)
    _once(history.visits.get(event.visit), _("this visit"))
    if not event.done:
        _once(history.missed.get(event.visit), _("this missed visit"))


def _withdraw(history: History, event: Withdrawn) -> None:
    _known(history)
    _once(history.withdrawn, _("the withdrawal"))
    _not_before(event.on, history.enrolled, _("the enrolment"))
    _not_before(event.on, max(history.infusions.values(), default=None), _("the last infusion"))
    _not_before(event.on, history.treatment_ended, _("the end of treatment"))


def _known(history: History) -> None:
    _need(history.site, _("a participant who is not in the log"), _("the screening or the consent first"))


def _draw(history: History, _event: BloodCount) -> None:
    _known(history)


def _receive(history: History, _event: Received) -> None:
    _known(history)


def _relapse(history: History, event: Relapsed) -> None:
    _needs_enrolment(history, event.on)
    _once(history.relapsed, _("the relapse"))


def _adverse_event(history: History, event: AdverseEvent) -> None:
    _need(history.consented, _("a participant without informed consent"), _("the consent first"))
    _not_before(event.on, history.consented, _("the consent"))
    told = len(history.adverse_events)
    found = _("adverse event {number} after {told} adverse events").format(number=event.number, told=told)
    _need(event.number == told + 1, found, _("adverse event {number}").format(number=told + 1))
    _of_event(history, event, event.on, event.grade, event.outcome, event.why_serious)


def _follow(history: History, event: AdverseEventFollowed) -> None:
    seen = history.adverse_events.get(event.number)
    if seen is None:
        known = len(history.adverse_events)
        found = _("adverse event {number} of {known} adverse events").format(number=event.number, known=known)
        raise _Refusal(found, _("the adverse event first"))
    _not_before(event.on, seen.onset, _("the onset"))
    told = any(value is not None for name, value in event if name not in ("kind", "on", "participant", "number"))
    _need(told, _("nothing that changed"), _("what changed"))
    _report(event, event.known_on or seen.known_on, event.reported_on or seen.reported_on)
    serious = seen.why_serious if event.why_serious is None else event.why_serious
    _of_event(history, event, seen.onset, event.grade or seen.grade, event.outcome or seen.outcome, serious)


def _report(event: AdverseEventFollowed, known_on: date | None, reported_on: date | None) -> None:
    """Refuse a report before the sponsor knew, and a completed one before the first."""
    if event.reported_on is not None:
        found = _("a report of an adverse event that the sponsor was not told of")
        _need(known_on, found, _("the day on which the sponsor knew"))
        _not_before(event.reported_on, known_on, _("the day on which the sponsor knew"))
    if event.completed_on is not None:
        _need(reported_on, _("a completed report without a first report"), _("the day of the first report"))
        _not_before(event.completed_on, reported_on, _("the first report"))


def _of_event(
    history: History,
    event: AdverseEvent | AdverseEventFollowed,
    onset: date,
    grade: int,
    outcome: str,
    why_serious: Collection[str],
) -> None:
    """Refuse what cannot be of an adverse event: days before its onset, and a death that is not one."""
    for day in (event.end, event.known_on):
        if day is not None:
            _not_before(day, onset, _("the onset"))
    fatal = {_("grade 5"): grade == 5, _("a fatal outcome"): outcome == "fatal"}
    fatal[_("death as its seriousness")] = "death" in why_serious
    given, missing = ([name for name, holds in fatal.items() if holds is said] for said in (True, False))
    together = _("grade 5, a fatal outcome and death as seriousness together; missing: {missing}")
    _need(
        not given or not missing,
        _("{said} alone").format(said=list_of(given)),
        together.format(missing=list_of(missing)),
    )
    if event.dlt:
        _need(history.infusions, _("a DLT of a participant without an infusion"), _("the first infusion first"))
        _not_before(onset, history.infusions[1], _("the first infusion"))


def _respond(history: History, event: OfParticipant) -> None:
    _needs_enrolment(history, event.on)


_RULES: Mapping[str, Callable[..., None]] = {
    "screened": _screen,
    "consented": _consent,
    "enrolled": _enrol,
    "therapy_started": _start,
    "infused": _infuse,
    "treatment_ended": _end,
    "dlt_assessed": _assess,
    "response": _respond,
    "recovery": _recover,
    "blood_count": _draw,
    "given": _receive,
    "adverse_event": _adverse_event,
    "adverse_event_followed": _follow,
    "relapsed": _relapse,
    "visit": _visit,
    "withdrawn": _withdraw,
}
