"""What was recorded after a day: the figures then and now, and what a committee wants to know one by one."""

from collections.abc import Iterable, Sequence
from datetime import date

import pandas as pd

from protocol.briefing.standing import COUNTS, Briefing, brief, everybody
from protocol.conduct import Entry, fold
from protocol.trial import Trial, day_of


def changes(trial: Trial, entries: Sequence[Entry], since: date, now: Briefing) -> pd.DataFrame:
    """Compare the figures of a day with the present ones.

    Returns
    -------
    pandas.DataFrame
        One row for each of :data:`COUNTS`: ``what``, ``before`` (as recorded up to and including `since`, on that
        day), ``now``.
    """
    known = fold(entry for entry in entries if day_of(entry) <= since)
    before = brief(trial, known, now.identity, since, now.invented, overdue=False).counts
    return pd.DataFrame(
        [(name, before[name], now.counts[name]) for name in COUNTS], columns=["what", "before", "now"]
    )


def news(entries: Iterable[Entry], since: date, now: Briefing) -> pd.DataFrame:
    """List what was recorded after a day that a committee wants to know one by one.

    Returns
    -------
    pandas.DataFrame
        ``day`` (of the event), ``kind`` (dlt_assessed with a DLT, withdrawn, correction, decision, or enrolled with a
        reason), ``regimen`` (empty when there is none), ``participant`` (empty when not to be seen), ``words``
        (cause, code or reason; a participant's reason only for those who see the participant).
    """
    sees = everybody if now.invented or now.identity.sees_all else now.identity.sees
    regimens: dict[str, str] = {}
    rows = []
    for entry in entries:
        content = entry.content
        person = entry.participant or ""
        if entry.kind == "enrolled":
            regimens[person] = content["regimen"]
        if day_of(entry) <= since or not _notable(entry):
            continue
        visible = not person or sees(entry.site)
        words = content.get("code") or content.get("cause") or (_free_words(entry) if visible else "")
        on = content.get("on") or entry.time[:10]
        rows.append((on, entry.kind, regimens.get(person, ""), person if visible else "", words or ""))
    return pd.DataFrame(rows, columns=["day", "kind", "regimen", "participant", "words"], dtype=object)


def _notable(entry: Entry) -> bool:
    return (
        entry.kind in ("withdrawn", "correction", "decision")
        or (entry.kind == "dlt_assessed" and entry.content["dlt"])
        or (entry.kind == "enrolled" and bool(entry.reason))
    )


def _free_words(entry: Entry) -> str:
    return str(entry.content.get("why") or entry.reason)
