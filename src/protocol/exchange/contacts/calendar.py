"""Calendar files (iCalendar, RFC 5545): a participant's visits, and the days on which eligibility changes."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pandas as pd

from protocol.eligibility import Lane, Timeline
from protocol.records import STUDY_ID, ProtocolError, is_study_id
from protocol.translation import _

_TRIAL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_LEFT_OUT = ("not applicable", "not yet known")


def calendar_file(
    trial: str, participant: str, ledger: pd.DataFrame, revision: int, stamp: date,
    planned: Mapping[str, date] | None = None,
) -> bytes:  # fmt: skip
    """Write a ledger as a calendar file; the same input gives the same bytes.

    Each visit is an all-day event on its day (done, planned, or else the target day), and a second, transparent event
    for its window. Neither names the participant: the study id stands only in the UID, which stays the same over all
    revisions, so that a calendar replaces what it has. Days have no time zone.

    Parameters
    ----------
    trial, participant : str
        Registry id and study id, never a name: see :data:`protocol.records.STUDY_ID`.
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
        For an id that is none, or a negative revision.
    """
    from icalendar import Calendar

    if not _TRIAL_ID.fullmatch(trial):
        raise ProtocolError(_("Trial ID"), repr(trial), _("letters, digits, hyphens; no space"))
    _check_study_id(participant)
    if revision < 0:
        raise ProtocolError(_("Revision"), str(revision), _("0 or more"))
    calendar = Calendar()
    calendar.add("prodid", "-//protocol workbook//follow-up//EN")
    calendar.add("version", "2.0")
    calendar.add("uid", f"{participant}@{trial}")
    calendar.add("method", "PUBLISH")
    shown = ledger[~ledger["status"].isin(_LEFT_OUT)]
    for row in shown.to_dict("records"):
        for name, event in _events(row, (planned or {}).get(row["id"])).items():
            event |= {"uid": f"{participant}-{name}@{trial}", "sequence": revision, "dtstamp": _midnight(stamp)}
            calendar.add_component(_event(event))
    content: bytes = calendar.to_ical()
    return content


def _check_study_id(text: str) -> None:
    if not is_study_id(text):
        raise ProtocolError(_("Study id"), repr(text)[:60], STUDY_ID)


def _events(row: Mapping[Any, Any], planned: date | None) -> dict[str, dict[str, Any]]:
    """Describe a visit's day, and its window when that is longer than a day."""
    opens, target, closes = (row[name].date() for name in ("opens", "target", "closes"))
    day = row["done"].date() if pd.notna(row["done"]) else planned or target
    window = _("Window {opens} to {closes}, target {target}.").format(opens=opens, closes=closes, target=target)
    words = [window, _("What is done: {what}.").format(what=row["procedures"])]
    words += [_("The target day is an assumption of the workbook.")] if row["is_assumption"] else []
    status = "CANCELLED" if row["status"] == "cancelled" else "CONFIRMED"
    visit = {"summary": row["name"], "description": " ".join(words), "status": status}
    events = {row["id"]: visit | {"dtstart": day, "dtend": day + timedelta(days=1), "transp": "OPAQUE"}}
    if closes > opens:
        span = {"dtstart": opens, "dtend": closes + timedelta(days=1), "transp": "TRANSPARENT"}
        summary = _("Window: {visit}").format(visit=row["name"])
        events[f"{row['id']}-window"] = visit | span | {"summary": summary}
    return events


def _event(fields: Mapping[str, Any]) -> Any:
    from icalendar import Event

    event = Event()
    for name in ("uid", "dtstamp", "sequence", "dtstart", "dtend", "summary", "description", "status", "transp"):
        event.add(name, fields[name])
    return event


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


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

    _check_study_id(participant)
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
