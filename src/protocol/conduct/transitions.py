"""What may follow what: a sequence that cannot have happened is refused before it is recorded."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date

from protocol.conduct.entries import Entry
from protocol.conduct.events import (
    Consented,
    Correction,
    Decision,
    DltAssessed,
    Enrolled,
    Event,
    Infused,
    Note,
    OfParticipant,
    Recovery,
    Screened,
    TherapyStarted,
    TreatmentEnded,
    Visit,
    Withdrawn,
)
from protocol.conduct.participant_history import Course
from protocol.records import ProtocolError
from protocol.translation import _


class _Refusal(Exception):  # noqa: N818  caught in this module, never seen outside it
    """What was found and what to write; the place is added where it is known."""


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


def _needs_enrolment(course: Course, on: date) -> None:
    _need(course.enrolled, _("a participant who is not enrolled"), _("the enrolment first"))
    _not_before(on, course.enrolled, _("the enrolment"))


def _screen(course: Course, _event: Screened) -> None:
    _need(course.enrolled is None, _("a participant who is enrolled"), _("a note, or a correction of the enrolment"))


def _consent(course: Course, event: Consented) -> None:
    _once(course.consented, _("the consent"))
    _not_after(event.on, course.enrolled, _("the enrolment"))


def _enrol(course: Course, event: Enrolled) -> None:
    _once(course.enrolled, _("the enrolment"))
    _need(course.screenings, _("a participant who was not screened"), _("the screening first"))
    _need(course.consented, _("a participant without informed consent"), _("the consent first"))
    _not_before(event.on, course.consented, _("the consent"))
    _need(course.withdrawn is None, _("a participant who has left"), _("another participant"))


def _start(course: Course, event: TherapyStarted) -> None:
    _once(course.therapy_started, _("the start of therapy"))
    _needs_enrolment(course, event.on)
    _not_after(event.on, course.infusions.get(1), _("the first infusion"))


def _infuse(course: Course, event: Infused) -> None:
    _needs_enrolment(course, event.on)
    _once(course.infusions.get(event.number), _("this infusion"))
    given = len(course.infusions)
    found = _("infusion {number} after {given} infusions").format(number=event.number, given=given)
    _need(event.number == given + 1, found, _("infusion {number}").format(number=given + 1))
    _not_before(event.on, course.therapy_started, _("the start of therapy"))
    _not_before(event.on, course.infusions.get(given), _("the infusion before"))
    _not_after(event.on, course.treatment_ended, _("the end of treatment"))
    _not_after(event.on, course.withdrawn, _("the withdrawal"))


def _end(course: Course, event: TreatmentEnded) -> None:
    _once(course.treatment_ended, _("the end of treatment"))
    _needs_enrolment(course, event.on)
    _not_before(event.on, max(course.infusions.values(), default=None), _("the last infusion"))
    _not_after(event.on, course.withdrawn, _("the withdrawal"))


def _assess(course: Course, event: DltAssessed) -> None:
    _need(course.infusions, _("a participant without an infusion"), _("the first infusion first"))
    _not_before(event.on, course.infusions[1], _("the first infusion"))
    if course.dlt_on is None or event.on >= course.dlt_on:  # a late toxicity does not keep out what came before it
        _once(course.dlt_on, _("a DLT"))


def _recover(course: Course, event: Recovery) -> None:
    _needs_enrolment(course, event.on)
    _once(course.recoveries.get(event.lineage), _("this recovery"))


def _visit(course: Course, event: Visit) -> None:
    _need(course.site, _("a participant who is not in the log"), _("the screening or the consent first"))
    _once(course.visits.get(event.visit), _("this visit"))
    if not event.done:
        _once(course.missed.get(event.visit), _("this missed visit"))


def _withdraw(course: Course, event: Withdrawn) -> None:
    _need(course.site, _("a participant who is not in the log"), _("the screening or the consent first"))
    _once(course.withdrawn, _("the withdrawal"))
    _not_before(event.on, course.enrolled, _("the enrolment"))
    _not_before(event.on, max(course.infusions.values(), default=None), _("the last infusion"))
    _not_before(event.on, course.treatment_ended, _("the end of treatment"))


def _respond(course: Course, event: OfParticipant) -> None:
    _needs_enrolment(course, event.on)


_RULES: Mapping[str, Callable[..., None]] = {
    "screened": _screen, "consented": _consent, "enrolled": _enrol, "therapy_started": _start, "infused": _infuse,
    "treatment_ended": _end, "dlt_assessed": _assess, "response": _respond, "recovery": _recover, "visit": _visit,
    "withdrawn": _withdraw,
}  # fmt: skip


def refuse_step(course: Course, event: OfParticipant) -> None:
    """Return when an event can follow a participant's course.

    Raises
    ------
    ProtocolError
        Saying what is missing or in the way.
    """
    try:
        _RULES[event.kind](course, event)  # type: ignore[attr-defined]
    except _Refusal as refusal:
        raise ProtocolError(event.participant, *refusal.args) from None


def refuse_unexplained(course: Course, event: OfParticipant, open_regimen: str | None, reason: str) -> None:
    """Return when an enrolment is the expected one, or a reason is given for what is not.

    Raises
    ------
    ProtocolError
        For a participant who is not eligible so far, or another regimen than the open one, without a reason.
    """
    if not isinstance(event, Enrolled) or reason.strip():
        return
    write = _("a reason")
    if course.overall != "eligible so far":
        found = _("an enrolment of a participant whose last screening says {overall}").format(overall=course.overall)
        raise ProtocolError(event.participant, found, write)
    if open_regimen is not None and event.regimen != open_regimen:
        found = _("{regimen} while {open_regimen} is open").format(regimen=event.regimen, open_regimen=open_regimen)
        raise ProtocolError(event.participant, found, write)


def refuse_site(course: Course, event: OfParticipant | Correction | Note, site: str) -> None:
    """Return when a participant is known at no other site.

    Raises
    ------
    ProtocolError
        Without a site, or for a participant of another one.
    """
    if not site:
        raise ProtocolError(str(event.participant), _("no site"), _("the site of the participant"))
    if course.site and course.site != site:
        found = _("{site}, and the participant is of another site").format(site=site)
        raise ProtocolError(str(event.participant), found, course.site)


def refuse_unknown(event: Event, known: Mapping[str, Collection[str]]) -> None:
    """Return when an event names only what the protocol has.

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
            raise ProtocolError(name, repr(found), ", ".join(values))


def refuse_decision(event: Decision, before: Sequence[Entry], after: Sequence[Entry] = ()) -> None:
    """Return when a decision is not earlier than the one before, nor later than the one after.

    Raises
    ------
    ProtocolError
        When it is.
    """
    if before and event.on < date.fromisoformat(before[-1].content["on"]):
        found = _("{on}, before the decision of {earlier}").format(on=event.on, earlier=before[-1].content["on"])
        raise ProtocolError(_("decision"), found, _("the day of the meeting"))
    if after and event.on > date.fromisoformat(after[0].content["on"]):
        found = _("{on}, after the decision of {later}").format(on=event.on, later=after[0].content["on"])
        raise ProtocolError(_("decision"), found, _("the day of the meeting"))
