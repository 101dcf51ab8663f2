"""When serious adverse events are to be reported, and which report is the next one; the days are data."""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from protocol.effect.checks import one_of
from protocol.records import ProtocolError
from protocol.translation import _


@cache
def _clocks() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("reporting_clocks.toml").read_text(encoding="utf-8"))


REPORTS = {
    "sponsor": _("the sponsor is to be told"),
    "judge": _("to be judged: was it expected?"),
    "first": _("first report to the authority, the investigators and the ethics committee"),
    "completed": _("completed report to the authority, the investigators and the ethics committee"),
}
"""What is to be done next about a serious adverse event, in this order."""

LIFE_THREATENING = 4
"""Grade of CTCAE from which an event is life-threatening or fatal."""

_GRAVE = {"death", "life-threatening"}  # of the criteria of seriousness

REPORT_COLUMNS = (
    *("participant", "site", "number", "term", "grade", "known_on"),
    *("first_report", "reported_on", "follow_up", "completed_on", "task", "due", "late"),
)
"""Columns of :func:`reports_of`, one row for each serious adverse event."""


def reporting_rules() -> tuple[str, ...]:
    """Return the ids of the known rules of reporting."""
    return tuple(_clocks())


@dataclass(frozen=True)
class ReportingDays:
    """The days of a rule of reporting, with their origin.

    Parameters
    ----------
    sponsor_hours : int
        From the moment at which the site knows to the word to the sponsor.
    fatal_days, follow_up_days, other_days : int
        Calendar days to the first report of a fatal or life-threatening reaction, from its last day to the completed
        report, and to the report of another one.
    source, sponsor_assumption : str
    """

    sponsor_hours: int
    fatal_days: int
    follow_up_days: int
    other_days: int
    source: str
    sponsor_assumption: str


def reporting_days(country: str) -> ReportingDays:
    """Return the days of a rule of reporting.

    Raises
    ------
    ProtocolError
        If it is not known.
    """
    rule = _clocks()[one_of(country, _clocks(), _("country"))]
    return ReportingDays(
        sponsor_hours=rule["sponsor_hours"],
        fatal_days=rule["fatal_or_life_threatening_days"],
        follow_up_days=rule["follow_up_days"],
        other_days=rule["other_days"],
        source=rule["source"],
        sponsor_assumption=rule["sponsor_assumption"],
    )


@dataclass(frozen=True)
class Due:
    """What must be reported by when.

    Parameters
    ----------
    is_susar : bool
        Serious, unexpected, and not held to be unrelated.
    first_report, follow_up : date or None
        Last days; the follow-up is that of a fatal or life-threatening reaction.
    source : str
        Where the days come from.
    """

    is_susar: bool
    first_report: date | None
    follow_up: date | None
    source: str


def report_due(
    first_known: date,
    *,
    serious: bool,
    expected: bool,
    relatedness: str,
    fatal_or_life_threatening: bool,
    country: str = "china",
) -> Due:
    """Return the last days of the reports of an event, in calendar days; no holiday stops the clock.

    Parameters
    ----------
    first_known : date
        Day on which the sponsor first knew, day 0.
    serious, expected, fatal_or_life_threatening : bool
    relatedness : str
        The higher one of investigator and sponsor: possible, probable, likely, definite, unlikely, unrelated, and not
        assessable or unknown, which count as related.
    country : str

    Raises
    ------
    ProtocolError
        When there is no date, or a word or mark is not known.
    """
    rule = _clocks()[one_of(country, _clocks(), _("country"))]
    if type(first_known) is not date:  # a datetime is one as well, and has a time
        raise ProtocolError(_("first known"), repr(first_known)[:80], _("a date, such as 2026-03-02"))
    for name, mark in (("serious", serious), ("expected", expected), ("fatal", fatal_or_life_threatening)):
        if not isinstance(mark, bool):
            raise ProtocolError(name, repr(mark)[:80], _("True or False"))
    one_of(relatedness, [*rule["related"], *rule["unrelated"]], _("relatedness"))
    if not serious or expected or relatedness in rule["unrelated"]:
        return Due(False, None, None, rule["source"])
    if not fatal_or_life_threatening:
        return Due(True, first_known + timedelta(days=rule["other_days"]), None, rule["source"])
    first = first_known + timedelta(days=rule["fatal_or_life_threatening_days"])
    return Due(True, first, first + timedelta(days=rule["follow_up_days"]), rule["source"])


def reports_of(events: pd.DataFrame, as_of: date, country: str) -> pd.DataFrame:
    """Return what is to be reported of each serious adverse event, and what is to be done next.

    The hours to the sponsor are counted as days from the day on which the log first held the event as serious: the
    site knew then at the latest. An event counts as life-threatening by its grade or by its seriousness.

    Parameters
    ----------
    events : DataFrame
        The columns of ``Observations.events``, with site.
    as_of : date
        The day that counts as today.
    country : str
        One of :func:`reporting_rules`.

    Returns
    -------
    DataFrame
        One row for each serious event, the one that is due first on top: :data:`REPORT_COLUMNS`. first_report and
        follow_up are the last days of the reports (missing where none is due; before the judgement as if the event
        was unexpected), task is one of :data:`REPORTS` (empty if nothing is left), due is its last day (missing if it
        is not known), late whether that day has passed.
    """
    rows = [_report(one, as_of, country) for one in events[events["serious"]].to_dict("records")]
    found = pd.DataFrame(rows, columns=list(REPORT_COLUMNS), dtype=object)
    return found.sort_values("due", kind="stable", na_position="last", ignore_index=True)


def _report(one: dict[Any, Any], as_of: date, country: str) -> dict[str, Any]:
    known_on, reported_on, completed_on, noticed = (
        None if pd.isna(one[name]) else one[name].date()
        for name in ("known_on", "reported_on", "completed_on", "serious_since")
    )
    judged, first, follow_up = not pd.isna(one["expected"]), None, None
    if known_on:
        grave = one["grade"] >= LIFE_THREATENING or bool(_GRAVE & set(one["why_serious"].split(", ")))
        found = report_due(
            known_on,
            serious=True,
            expected=bool(one["expected"]) if judged else False,
            relatedness=one["relatedness"] or "unknown",
            fatal_or_life_threatening=grave,
            country=country,
        )
        first, follow_up = found.first_report, found.follow_up
    if known_on is None:
        days = timedelta(hours=reporting_days(country).sponsor_hours).days
        task, due = "sponsor", noticed and noticed + timedelta(days=days)
    elif first and not judged:
        task, due = "judge", first
    elif first and reported_on is None:
        task, due = "first", first
    elif follow_up and completed_on is None:
        task, due = "completed", follow_up
    else:
        task, due = "", None
    told = {name: one[name] for name in ("participant", "site", "number", "term", "grade")}
    days_of = {"known_on": known_on, "reported_on": reported_on, "completed_on": completed_on}
    told |= days_of | {"first_report": first, "follow_up": follow_up}
    return told | {"task": task, "due": due, "late": due is not None and due < as_of}
