"""Calendar files (iCalendar, RFC 5545): a participant's visits, and the days on which eligibility changes."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pandas as pd

from protocol.eligibility import Lane, Timeline
from protocol.eligibility.screening_record import is_study_id
from protocol.records import ProtocolError
from protocol.translation import _

_TRIAL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def calendar_file(
    trial: str,
    participant: str,
    ledger: pd.DataFrame,
    revision: int,
    stamp: date,
    planned: Mapping[str, date] | None = None,
) -> bytes:
    """Write a ledger as a calendar file; the same input gives the same bytes.

    Each visit is an all-day event on its day (done, planned, or else the target day). If its window is longer than a
    day, a second, transparent event shows the window. The participant stands only in the UIDs, which stay the same
    over all revisions, so that a calendar replaces what it has. Days have no time zone.

    Parameters
    ----------
    trial, participant : str
        Registry id and study id, never a name.
    ledger : pandas.DataFrame
        What :func:`protocol.followup.timeline` returns.
    revision : int
        0 or more, raised with every change of the schedule (SEQUENCE).
    stamp : date
        The day of this revision.
    planned : mapping of str to date, optional
        Visit id to the agreed day.

    Raises
    ------
    ProtocolError
        If an id has another form, or for a negative revision.
    """
    if revision < 0:
        raise ProtocolError(_("Revision"), str(revision), _("0 or more"))
    shown = ledger[~ledger["status"].isin(("not applicable", "not yet known"))]
    events = [
        (key, fields | {"sequence": revision})
        for row in shown.to_dict("records")
        for key, fields in _visit_events(row, (planned or {}).get(row["id"]))
    ]
    return _calendar("follow-up", trial, participant, stamp, events, uid=f"{participant}@{trial}", method="PUBLISH")


def _visit_events(row: Mapping[Any, Any], planned: date | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Describe a visit's day, and its window if that is longer than a day."""
    opens, target, closes = (row[name].date() for name in ("opens", "target", "closes"))
    day = row["done"].date() if pd.notna(row["done"]) else planned or target
    words = [
        _("Window {opens} to {closes}, target {target}.").format(opens=opens, closes=closes, target=target),
        _("What is done: {what}.").format(what=row["procedures"]),
        *([_("The target day is an assumption of the workbook.")] if row["is_assumption"] else []),
    ]
    visit = {
        "description": " ".join(words),
        "status": "CANCELLED" if row["status"] == "cancelled" else "CONFIRMED",
    }
    yield row["id"], visit | _days(day, day, row["name"], is_busy=True)
    if closes > opens:
        yield f"{row['id']}-window", visit | _days(opens, closes, _("Window: {visit}").format(visit=row["name"]))


def eligibility_calendar(trial: str, participant: str, when: Timeline, stamp: date) -> bytes:
    """Write the days on which eligibility changes as all-day events; the same input gives the same bytes.

    Parameters
    ----------
    trial, participant : str
        Registry id and study id, never a name; they stand only in the UIDs.
    when : Timeline
        What :meth:`protocol.eligibility.EligibilityRecord.timeline` returns.
    stamp : date
        The day of writing.

    Raises
    ------
    ProtocolError
        If an id has another form than a study id.
    """
    about = _("As far as time decides. Decision support; the investigator decides.")
    events = [(key, _days(day, day, summary) | {"description": about}) for key, day, summary in _changes(when)]
    return _calendar("eligibility", trial, participant, stamp, events)


def _changes(when: Timeline) -> Iterator[tuple[str, date, str]]:
    """Yield a key, a day and a sentence: enrolment opens or closes, or the verdict of one rule changes."""
    if when.earliest:
        yield "opens", when.earliest, _("First day on which every clock allows enrolment")
    if when.latest:
        yield "closes", when.latest, _("Last day on which every clock allows enrolment")
    if when.possibly_from:
        says = _("Possible: first day on which no clock forbids enrolment; still to be known: {facts}")
        yield "opens", when.possibly_from, says.format(facts=", ".join(when.awaited))
    if when.possibly_until:
        yield "closes", when.possibly_until, _("Possible: last day on which no clock forbids enrolment")
    for lane in when.lanes:
        yield from _changes_of(lane)


def _changes_of(lane: Lane) -> Iterator[tuple[str, date, str]]:
    says = _("{rule} {title}: {status} from this day on")
    for number, (_before, after) in enumerate(pairwise(lane.spans), start=1):
        words = says.format(rule=lane.rule.id, title=lane.title, status=_(after.status))
        yield f"{lane.rule.id}-{number}", after.first, words


def _days(first: date, last: date, summary: str, is_busy: bool = False) -> dict[str, Any]:
    return {
        "dtstart": first,
        "dtend": last + timedelta(days=1),  # RFC 5545, 3.6.1: not part of the event
        "summary": summary,
        "transp": "OPAQUE" if is_busy else "TRANSPARENT",
    }


def _calendar(
    topic: str,
    trial: str,
    participant: str,
    stamp: date,
    events: Iterable[tuple[str, Mapping[str, Any]]],
    **properties: str,
) -> bytes:
    """Write events, each given as a key for its UID and its properties."""
    from icalendar import Calendar, Event

    if not _TRIAL_ID.fullmatch(trial):
        raise ProtocolError(_("Trial ID"), repr(trial)[:60], _("letters, digits, hyphens; no space"))
    if not is_study_id(participant):
        raise ProtocolError(
            _("Study id"), repr(participant)[:60], _("letters, digits, hyphens; no name and no space")
        )
    calendar = Calendar()
    for name, text in {"prodid": f"-//protocol workbook//{topic}//EN", "version": "2.0", **properties}.items():
        calendar.add(name, text)
    for key, fields in events:
        event = Event()
        event.add("uid", f"{participant}-{key}@{trial}")
        event.add("dtstamp", datetime.combine(stamp, time(), UTC))
        for name, value in fields.items():
            event.add(name, value)
        calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content
