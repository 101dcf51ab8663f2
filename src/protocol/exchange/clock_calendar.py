"""The days on which a participant's eligibility changes, as a calendar file (RFC 5545) for the coordinator."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from protocol.eligibility import Lane, Timeline
from protocol.eligibility.keeping import is_study_id
from protocol.records import ProtocolError
from protocol.translation import _

WORDS = {"met": _("met"), "not met": _("not met"), "unknown": _("unknown"), "not applicable": _("not applicable")}


def clock_calendar(trial: str, participant: str, when: Timeline, stamp: date) -> bytes:
    """Write the turning points of a timeline as all-day events; the same input gives the same bytes.

    Parameters
    ----------
    trial, participant : str
        Registry id and study id, never a name; they stand only in the UID.
    when : Timeline
        What :meth:`protocol.eligibility.EligibilityRecord.timeline` returns.
    stamp : date
        The day of writing.

    Raises
    ------
    ProtocolError
        For a study id that is none.
    """
    from icalendar import Calendar, Event

    if not is_study_id(participant):
        raise ProtocolError(
            _("Study id"), repr(participant)[:60], _("letters, digits, hyphens; no name and no space")
        )
    calendar = Calendar()
    for header, text in {"prodid": "-//protocol workbook//eligibility//EN", "version": "2.0"}.items():
        calendar.add(header, text)
    for key, day, summary in _turning_points(when):
        event = Event()
        fields = {
            "uid": f"{participant}-{key}@{trial}",
            "dtstamp": datetime.combine(stamp, time(), UTC),
            "dtstart": day,
            "dtend": day + timedelta(days=1),
            "summary": summary,
            "description": _("As far as time decides. Decision support; the investigator decides."),
            "transp": "TRANSPARENT",
        }
        for name, value in fields.items():
            event.add(name, value)
        calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def _turning_points(when: Timeline) -> Iterator[tuple[str, date, str]]:
    """Yield a key, a day and a sentence: when enrolment opens and closes, and when a single clock turns."""
    if when.earliest:
        yield "opens", when.earliest, _("First day on which every clock allows enrolment")
    if when.latest:
        yield "closes", when.latest, _("Last day on which every clock allows enrolment")
    if when.possibly_from:
        awaited = ", ".join(when.awaited)
        says = _("Possible: first day on which no clock forbids enrolment; still to be known: {facts}")
        yield "opens", when.possibly_from, says.format(facts=awaited)
    if when.possibly_until:
        yield "closes", when.possibly_until, _("Possible: last day on which no clock forbids enrolment")
    for lane in when.lanes:
        yield from _turns(lane)


def _turns(lane: Lane) -> Iterator[tuple[str, date, str]]:
    says = _("{rule} {title}: {status} from this day on")
    for number, (_before, after) in enumerate(pairwise(lane.spans), start=1):
        words = says.format(rule=lane.rule.id, title=lane.title, status=WORDS[after.status])
        yield f"{lane.rule.id}-{number}", after.first, words
