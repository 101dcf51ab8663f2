"""Visit windows as an ADaM-style table, for statisticians to join their records on."""

import pandas as pd

from protocol.followup import FollowupRecord, Visit, duration
from protocol.records import Provenance
from protocol.translation import _, labelled

__all__ = ["nominal_days", "relative_day", "visit_windows"]

_DAYS_PER_MONTH = 365.25 / 12


def visit_windows(record: FollowupRecord) -> pd.DataFrame:
    """List the analysis window of every visit at every frequency level, in days relative to its own anchor.

    Day 1 is the day of the anchor and the day before it is day -1: there is no day 0. A month has no fixed number
    of days; it counts as 365.25 / 12 days, rounded, and its row says so.

    Parameters
    ----------
    record : FollowupRecord

    Returns
    -------
    pandas.DataFrame
        ``FREQ`` (level), ``AVISITN`` (number in order of the record), ``AVISIT``, ``ANCHOR`` (the day that is day 1),
        ``AWTARGET``, ``AWLO``, ``AWHI`` (relative days, both ends inside the window), ``AWU`` (DAYS), ``BASIS``
        (source or assumption of the day), ``AWBASIS`` (of the window), ``NOTE``.
    """
    anchors = {anchor.id: anchor.name for anchor in record.anchors}
    numbers = {visit.id: number for number, visit in enumerate(record.all_visits, 1)}
    rows = []
    for level in (item.level for item in record.frequencies):
        roots = record.roots(level)
        for visit in record.visits_at(level):
            target = _elapsed(record, visit, level)
            row = {
                "FREQ": level,
                "AVISITN": numbers[visit.id],
                "AVISIT": visit.name,
                "ANCHOR": anchors[roots[visit.id]],
                "AWTARGET": relative_day(target),
                "AWLO": relative_day(target - nominal_days(visit.window.before)),
                "AWHI": relative_day(target + nominal_days(visit.window.after)),
                "AWU": "DAYS",
                "BASIS": _basis(visit),
                "AWBASIS": _basis(visit.window),
                "NOTE": _note(visit),
            }
            rows.append(row)
    return pd.DataFrame(rows)


def relative_day(elapsed_days: int) -> int:
    """Count an anchor's own day as 1 and the day before it as -1."""
    return elapsed_days + 1 if elapsed_days >= 0 else elapsed_days


def nominal_days(text: str) -> int:
    """Return an ISO 8601 duration in whole days, months at their mean length."""
    length = duration(text)
    months: int = length.years * 12 + length.months
    return round(months * _DAYS_PER_MONTH) + int(length.days)


def _elapsed(record: FollowupRecord, visit: Visit, level: int) -> int:
    above = {item.id: item for item in record.visits_at(level)}.get(record.parent(visit, level))
    return nominal_days(visit.offset) + (_elapsed(record, above, level) if above else 0)


def _basis(value: Provenance) -> str:
    return labelled(_("assumption"), value.origin) if value.is_assumption else value.origin


def _note(visit: Visit) -> str:
    if not set("YM") & set(visit.offset + visit.window.before + visit.window.after):
        return ""
    return _("{offset} at the mean length of a month; the schedule itself counts calendar months").format(
        offset=visit.offset
    )
