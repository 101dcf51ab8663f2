"""Calendar files (iCalendar, RFC 5545 and 5546): a participant's visits, and the days on which eligibility changes.

A file is one revision of a calendar. Its events have UIDs that stay the same over all revisions and a SEQUENCE that
rises. An event of an earlier revision that no longer applies is written again with STATUS:CANCELLED: a calendar keeps
what a newer file only leaves out.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pandas as pd

from protocol.eligibility import Lane, Timeline
from protocol.records import STUDY_ID, ProtocolError, is_study_id
from protocol.translation import _, list_of, paragraph_of

_TRIAL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def calendar_file(
    trial: str,
    participant: str,
    ledger: pd.DataFrame,
    revision: int,
    stamp: date,
    planned: Mapping[str, date] | None = None,
    previous: bytes | None = None,
) -> bytes:
    """Write a ledger as a calendar file; the same input gives the same bytes.

    Each visit is one all-day event on its day (done, planned, or else the target day). As long as it is to come, the
    title has its window, if that is longer than a day. The participant stands only in the UIDs, which stay the same
    over all revisions, so that a calendar replaces what it has. Days have no time zone.

    Parameters
    ----------
    trial, participant : str
        Registry id, and study id as :data:`protocol.records.STUDY_ID` describes it, never a name.
    ledger : pandas.DataFrame
        What :func:`protocol.followup.timeline` returns.
    revision : int
        0 or more, raised with every change of the schedule (SEQUENCE).
    stamp : date
        The day of this revision.
    planned : mapping of str to date, optional
        Visit id to the agreed day.
    previous : bytes, optional
        The file of an earlier revision. What it has and the ledger has not is cancelled. Without it, and from
        revision 1 on, every visit of the ledger that does not apply or has no day is cancelled.

    Raises
    ------
    ProtocolError
        If an id has another form, for a negative revision, and for an earlier file that is none or is not earlier.
    """
    _check_revision(revision)
    is_shown = ~ledger["status"].isin(("not applicable", "not yet known"))
    events = {
        row["id"]: _visit_event(row, (planned or {}).get(row["id"])) for row in ledger[is_shown].to_dict("records")
    }
    visits = {row["id"]: row["name"] for row in ledger.to_dict("records")}
    return _calendar("follow-up", trial, participant, stamp, revision, events, visits if revision else {}, previous)


def _visit_event(row: Mapping[Any, Any], planned: date | None) -> dict[str, Any]:
    opens, target, closes = (row[name].date() for name in ("opens", "target", "closes"))
    is_done = pd.notna(row["done"])
    day = row["done"].date() if is_done else planned or target
    title = row["name"]
    if not is_done and opens != closes:
        title = _("{visit} (window {opens} to {closes})").format(visit=title, opens=opens, closes=closes)
    words = [
        _("Window {opens} to {closes}, target {target}.").format(opens=opens, closes=closes, target=target),
        _("What is done: {what}.").format(what=row["procedures"]),
        *([_("The target day is an assumption of the workbook.")] if row["is_assumption"] else []),
    ]
    return {
        "description": paragraph_of(words),
        "status": "CANCELLED" if row["status"] == "cancelled" else "CONFIRMED",
        **_days(day, day, title, is_busy=True),
    }


def eligibility_calendar(
    trial: str,
    participant: str,
    when: Timeline,
    stamp: date,
    revision: int | None = None,
    previous: bytes | None = None,
) -> bytes:
    """Write the days on which eligibility changes as all-day events; the same input gives the same bytes.

    Parameters
    ----------
    trial, participant : str
        Registry id and study id, never a name; they stand only in the UIDs.
    when : Timeline
        What :meth:`protocol.eligibility.EligibilityRecord.timeline` returns.
    stamp : date
        The day of writing.
    revision : int, optional
        0 or more, raised with every change (SEQUENCE). Without it, the number of days from the year 2000 to `stamp`,
        or one more than that of the earlier file, so that a later file replaces an earlier one.
    previous : bytes, optional
        The file of an earlier revision: what it has and `when` has not is cancelled. Without it, and from revision 1
        on, the first and the last day of enrolment are cancelled if there are none.

    Raises
    ------
    ProtocolError
        As :func:`calendar_file`.
    """
    if revision is None:
        earlier = [sequence for _fields, sequence in _read_events(previous).values()] if previous else []
        revision = max([(stamp - date(2000, 1, 1)).days, *(sequence + 1 for sequence in earlier)])
    _check_revision(revision)
    about = _("As far as time decides. Decision support; the investigator decides.")
    shown = {"description": about, "status": "CONFIRMED"}
    events = {key: _days(day, day, summary) | shown for key, day, summary in _changes(when)}
    possible = {"opens": _("First day of enrolment"), "closes": _("Last day of enrolment")} if revision else {}
    return _calendar("eligibility", trial, participant, stamp, revision, events, possible, previous)


def _changes(when: Timeline) -> Iterator[tuple[str, date, str]]:
    """Yield a key, a day and a sentence: enrolment opens or closes, or the verdict of one rule changes."""
    if when.earliest:
        yield "opens", when.earliest, _("First day of enrolment on which all criteria that depend on the day pass")
    if when.latest:
        yield "closes", when.latest, _("Last day of enrolment on which all criteria that depend on the day pass")
    if when.possibly_from:
        says = _("Possible: first day on which all criteria that depend on the day pass; still to be known: {facts}")
        yield "opens", when.possibly_from, says.format(facts=list_of(when.awaited))
    if when.possibly_until:
        yield (
            "closes",
            when.possibly_until,
            _("Possible: last day on which all criteria that depend on the day pass"),
        )
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


_LAST_REVISION = 2**31 - 1
"""The largest integer of RFC 5545, 3.3.8."""


def _check_revision(revision: int) -> None:
    if type(revision) is not int or not 0 <= revision <= _LAST_REVISION:
        raise ProtocolError(_("Revision"), str(revision)[:40], _("a whole number, 0 or more"))


def _calendar(
    topic: str,
    trial: str,
    participant: str,
    stamp: date,
    revision: int,
    events: Mapping[str, Mapping[str, Any]],
    possible: Mapping[str, str],
    previous: bytes | None,
) -> bytes:
    """Write one revision.

    Parameters
    ----------
    topic, trial, participant, stamp, revision, previous
        As for the two public functions.
    events : mapping of str to mapping
        The key in its UID to the properties of each event.
    possible : mapping of str to str
        The keys, with a summary, that earlier revisions may have had.
    """
    from icalendar import Calendar, Event, vCalAddress

    if not _TRIAL_ID.fullmatch(trial):
        raise ProtocolError(_("Trial ID"), repr(trial)[:60], _("letters, digits, hyphens; no space"))
    if not is_study_id(participant):
        raise ProtocolError(_("Study id"), repr(participant)[:60], STUDY_ID)
    suffix = "" if topic == "follow-up" else f"-{topic}"
    own = f"{participant}{suffix}@{trial}"
    uids = {f"{participant}-{key}@{trial}": fields for key, fields in events.items()}
    if previous is None:
        gone = {f"{participant}-{key}@{trial}": _days(stamp, stamp, summary) for key, summary in possible.items()}
    else:
        gone = _earlier_events(previous, own, f"{participant}-", f"@{trial}", revision)
    cancelled = {"description": _("This no longer applies."), "status": "CANCELLED"}
    uids |= {uid: fields | cancelled for uid, fields in gone.items() if uid not in uids}
    calendar = Calendar()
    head = {"prodid": f"-//protocol workbook//{topic}//EN", "version": "2.0", "uid": own}
    for name, text in (head | {"method": "PUBLISH"}).items():
        calendar.add(name, text)
    organizer = vCalAddress("invalid:nomail")  # RFC 5546, 3.2.1 asks for one; no person stands here
    organizer.params["CN"] = trial
    for uid, fields in uids.items():
        event = Event()
        event.add("uid", uid)
        event.add("dtstamp", datetime.combine(stamp, time(), UTC))
        event.add("sequence", revision)
        event.add("organizer", organizer)
        for name, value in fields.items():
            event.add(name, value)
        calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def _earlier_events(previous: bytes, own: str, start: str, end: str, revision: int) -> dict[str, dict[str, Any]]:
    """Return the days and the summary of the events of an earlier file of the same calendar, by UID."""
    events = _read_events(previous)
    if _uid_of(previous) not in ("", own):
        found = _("another calendar: of another participant, or of other events")
        raise ProtocolError(_("Earlier calendar file"), found, _("the file of this participant"))
    if any(not (uid.startswith(start) and uid.endswith(end)) for uid in events):
        found = _("events of another participant or trial")
        raise ProtocolError(_("Earlier calendar file"), found, _("the file of this participant"))
    if any(sequence >= revision for _fields, sequence in events.values()):
        raise ProtocolError(_("Revision"), str(revision), _("a number above that of the earlier file"))
    return {uid: fields for uid, (fields, _sequence) in events.items()}


def _uid_of(content: bytes) -> str:
    """Return the UID of a calendar (RFC 7986); empty where a program that saved the file left it out."""
    from icalendar import Calendar

    return str(Calendar.from_ical(content).get("UID", ""))


def _read_events(content: bytes) -> dict[str, tuple[dict[str, Any], int]]:
    """Read days, summary and SEQUENCE of each event of a file, by UID."""
    from icalendar import Calendar

    events = {}
    try:
        for event in Calendar.from_ical(content).walk("VEVENT"):
            last = event.decoded("DTEND") - timedelta(days=1)
            fields = _days(event.decoded("DTSTART"), last, str(event["SUMMARY"]))
            events[str(event["UID"])] = fields, int(event.get("SEQUENCE", 0))
    except (ValueError, KeyError, TypeError, IndexError):
        found, write = _("no calendar file of this workbook"), _("the file as it was saved")
        raise ProtocolError(_("Earlier calendar file"), found, write) from None
    return events
