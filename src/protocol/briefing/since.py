"""What was recorded after a day: the figures then and now, and what a committee wants to know one by one.

A day is one of the trial's calendar. After the day of a decision comes what was recorded later than that decision,
on the same day too: the committee did not know it. After any other day comes what was recorded from the following day
on.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from protocol.briefing.standing import COUNTS, Briefing, brief, everybody
from protocol.conduct import Entry, fold
from protocol.translation import _
from protocol.trial import Trial, day_of


def changes(trial: Trial, entries: Sequence[Entry], since: date, now: Briefing) -> pd.DataFrame:
    """Compare the figures of a day with the present ones.

    Returns
    -------
    pandas.DataFrame
        One row for each of :data:`COUNTS`: ``what``, ``before`` (as known on that day), ``now``.
    """
    later = _later(entries, since)
    known = fold(entry for entry in entries if not later(entry))
    before = brief(trial, known, now.identity, since, now.invented, overdue=False).counts
    return pd.DataFrame(
        [(name, before[name], now.counts[name]) for name in COUNTS], columns=["what", "before", "now"]
    )


def _later(entries: Iterable[Entry], since: date) -> Callable[[Entry], bool]:
    """Return whether an entry was recorded after a day, or on it after the decision of that day."""
    decisions = fold(entry for entry in entries if entry.kind in ("decision", "correction")).decisions
    met = [entry for entry in decisions if entry.content["on"] == since.isoformat() == str(day_of(entry))]
    last = met[-1].sequence if met else sys.maxsize
    return lambda entry: (day := day_of(entry)) > since or (day == since and entry.sequence > last)


def news(entries: Iterable[Entry], since: date, now: Briefing) -> pd.DataFrame:
    """List what was recorded after a day that a committee wants to know one by one.

    Returns
    -------
    pandas.DataFrame
        ``day`` (of the event), ``kind`` (dlt_assessed with a DLT, withdrawn, correction, decision, or enrolled with a
        reason), ``regimen`` (empty when there is none), ``participant`` (empty when not to be seen), ``words``
        (cause, code or reason; a participant's reason only for those who see the participant), ``corrected`` (the
        entry that corrected it later, 0 for none), ``change`` (of a correction: what was recorded and what holds).
    """
    sees = everybody if now.invented or now.identity.sees_all else now.identity.sees
    entries = tuple(entries)
    state = fold(entries)
    later, regimens = _later(entries, since), dict[str, str]()
    corrected = {old.sequence: correction.sequence for correction, old in state.corrections}
    changed = {correction.sequence: _change(correction, old) for correction, old in state.corrections}
    rows = []
    for entry in entries:
        content = entry.content
        person = entry.participant or ""
        if entry.kind == "enrolled":
            regimens[person] = content["regimen"]
        if not later(entry) or not _notable(entry):
            continue
        visible = not person or sees(entry.site)
        words = content.get("code") or content.get("cause") or (_free_words(entry) if visible else "")
        on = content.get("on") or entry.time[:10]
        more = corrected.get(entry.sequence, 0), changed.get(entry.sequence, "")
        rows.append((on, entry.kind, regimens.get(person, ""), person if visible else "", words or "", *more))
    names = ["day", "kind", "regimen", "participant", "words", "corrected", "change"]
    return pd.DataFrame(rows, columns=names, dtype=object)


def _change(correction: Entry, old: Entry) -> str:
    """Say what was recorded and what holds instead, without anybody's words."""
    new = correction.content["replacement"]
    return f"{_what(old.content)} → {_what(new) if new else _('removed')}"


def _what(content: Mapping[str, Any]) -> str:
    if content["kind"] == "dlt_assessed":
        what = _("DLT") if content["dlt"] else _("no DLT")
    else:
        what = str(content["kind"]).replace("_", " ")
    return f"{what} ({content['on']})"


def _notable(entry: Entry) -> bool:
    return (
        entry.kind in ("withdrawn", "correction", "decision")
        or (entry.kind == "dlt_assessed" and entry.content["dlt"])
        or (entry.kind == "enrolled" and bool(entry.reason))
    )


def _free_words(entry: Entry) -> str:
    return str(entry.content.get("why") or entry.reason)
