"""A participant's visits as a calendar file (iCalendar, RFC 5545) for any calendar program."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pandas as pd

from protocol.records import ProtocolError
from protocol.translation import _

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
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
        Registry id and study id, never a name: letters, digits, point, hyphen and underscore.
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

    for where, text in ((_("Trial ID"), trial), (_("Study id"), participant)):
        if not _ID.fullmatch(text):
            raise ProtocolError(where, repr(text), _("letters, digits, hyphens; no name and no space"))
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
