"""Questions to ask before an event is recorded: what is possible, and contradicts what is known or is grave."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date

from protocol.conduct.events import (
    AdverseEvent,
    AdverseEventFollowed,
    BloodCount,
    DltAssessed,
    Enrolled,
    Event,
    Infused,
    OfParticipant,
    Withdrawn,
    content,
)
from protocol.conduct.labels import COUNTS
from protocol.conduct.participant_history import Assessment, is_paperwork
from protocol.conduct.participant_history import ParticipantHistory as History
from protocol.conduct.participant_path import last_day_of_dlt_window
from protocol.translation import _, list_of


def is_grave(event: Event) -> bool:
    """Whether an event is confirmed in a second step: a DLT, a death, and the end of participation."""
    if isinstance(event, AdverseEvent | AdverseEventFollowed):
        return bool(event.dlt) or event.grade == FATAL
    return (isinstance(event, DltAssessed) and event.dlt) or isinstance(event, Withdrawn)


FATAL = 5  # the grade of CTCAE


def questions(
    history: History,
    event: Event,
    dlt_window_days: int,
    window: tuple[date, date] | None = None,
) -> tuple[str, ...]:
    """Return what to ask before an event is recorded; empty if nothing contradicts it.

    What cannot have happened is refused elsewhere, see :meth:`protocol.conduct.State.check`. Here stands what may
    have happened and is more often a slip.

    Parameters
    ----------
    history : ParticipantHistory
        What is known of the participant.
    event : Event
    dlt_window_days : int
        Length of the DLT window, counted from the first infusion.
    window : tuple of date, optional
        The first and the last day on which this visit or infusion is planned.

    Returns
    -------
    tuple of str
        A sentence each, without the study id.
    """
    if not isinstance(event, OfParticipant):
        return ()
    asked = [*_after_the_end(history, event)]
    if window is not None and getattr(event, "done", True):
        asked += _outside(event, *window)
    if event.kind in _ASK:
        asked += _ASK[event.kind](history, event, dlt_window_days)
    return tuple(asked)


def _after_the_end(history: History, event: OfParticipant) -> Iterator[str]:
    if isinstance(event, AdverseEventFollowed) and is_paperwork(content(event)):
        return  # a death is reported after it
    if history.withdrawn is not None and event.on > history.withdrawn:
        text = _("The participant left the trial on {day}, before this day.")
        yield text.format(day=history.withdrawn)


def _outside(event: OfParticipant, opens: date, closes: date) -> Iterator[str]:
    if event.on < opens:
        yield _("{day} is before the planned window, which opens on {opens}.").format(day=event.on, opens=opens)
    if event.on > closes:
        text = _("{day} is after the planned window, which closed on {closes}.")
        yield text.format(day=event.on, closes=closes)


def _enrol(history: History, event: Enrolled, _days: int) -> Iterator[str]:
    days = [date.fromisoformat(entry.content["on"]) for entry in history.screenings]
    if days and min(days) > event.on:
        text = _("The screening is recorded for {day}, after this enrolment.")
        yield text.format(day=min(days))


def _infuse(history: History, event: Infused, _days: int) -> Iterator[str]:
    if event.on in history.infusions.values():
        yield _("An infusion is already recorded for {day}.").format(day=event.on)
    if history.dlt_on is not None and event.on >= history.dlt_on:
        yield _("A DLT is recorded for {day}, before this infusion.").format(day=history.dlt_on)


def _draw(history: History, event: BloodCount, _days: int) -> Iterator[str]:
    again = sorted(history.draws.get(event.on, {}).keys() & event.counts.keys())
    if again:
        names = list_of(COUNTS.get(name, name) for name in again)
        yield _("A count of that day is already recorded: {names}.").format(names=names)


def _adverse_event(history: History, event: AdverseEvent, _days: int) -> Iterator[str]:
    for number, seen in history.adverse_events.items():
        if seen.term == event.term and event.on <= (seen.end or date.max) and seen.onset <= (event.end or date.max):
            text = _("The same term is already recorded as adverse event {number}, from {onset} on.")
            yield text.format(number=number, onset=seen.onset)
    if event.dlt and event.on != history.dlt_on:
        yield _("No DLT of {day} is recorded for the escalation; record it as a DLT assessment too.").format(
            day=event.on
        )


def _assess(history: History, event: DltAssessed, dlt_window_days: int) -> Iterator[str]:
    for found in history.assessments:
        if found.on == event.on:
            text = _("An assessment of the same day is already recorded: {found}.")
            yield text.format(found=_found(found))
        elif found.dlt and not event.dlt:
            yield _("A DLT is already recorded for {day}.").format(day=found.on)
        elif event.dlt and found.on > event.on:
            text = _("A later assessment, of {day}, is already recorded: {found}.")
            yield text.format(day=found.on, found=_found(found))
    last = last_day_of_dlt_window(history, dlt_window_days)
    if last is None:
        return
    if event.dlt and event.on > last:
        yield _("The DLT window ended on {day}; a later toxicity does not count as a DLT.").format(day=last)
    if not event.dlt and event.on < last:
        text = _("The DLT window lasts until {day}; another assessment is needed on that day or later.")
        yield text.format(day=last)


def _found(assessment: Assessment) -> str:
    return _("DLT") if assessment.dlt else _("no DLT")


_ASK: Mapping[str, Callable[..., Iterator[str]]] = {
    "enrolled": _enrol,
    "infused": _infuse,
    "dlt_assessed": _assess,
    "blood_count": _draw,
    "adverse_event": _adverse_event,
}
