"""Look-backs that must be over before enrolment, and agents that must not be given together with an infusion."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from protocol.followup.schedule import FollowupRecord, LookBack, shifted
from protocol.records import ProtocolError
from protocol.translation import _, list_of


def lookbacks(
    record: FollowupRecord,
    exposures: Mapping[str, date | None],
    today: date,
    boundary_day_allowed: bool | None = None,
) -> pd.DataFrame:
    """Return the first day on which each look-back allows enrolment, and which look-back binds.

    Parameters
    ----------
    record : FollowupRecord
        What the protocol says about time.
    exposures : mapping of str to date or None
        Look-back id to the last day of the exposure; None or absent means there was none.
    today : date
        The reader's day; an exposure after it is refused.
    boundary_day_allowed : bool, optional
        Whether the day on which the look-back has just run out is allowed (day 14 of 2 weeks). The
        record's own reading if left out.

    Returns
    -------
    pandas.DataFrame
        One row a look-back with an exposure, the binding one first: ``id``, ``name``, ``lasts``, ``exposure``,
        ``allowed_from`` (datetime64[s]), ``binding`` (bool), ``origin``. Empty when there was no exposure.

    Raises
    ------
    ProtocolError
        For an unknown look-back or an exposure after today.
    """
    known = {item.id: item for item in record.lookbacks}
    for name in exposures:
        if name not in known:
            raise ProtocolError(_("look-backs"), f"{name!r}", _("one of {options}").format(options=list_of(known)))
    allowed = record.boundary_day_allowed.value if boundary_day_allowed is None else boundary_day_allowed
    rows = [_row(item, day, today, allowed) for item in record.lookbacks if (day := exposures.get(item.id))]
    columns = ["id", "name", "lasts", "exposure", "allowed_from", "origin"]
    frame = pd.DataFrame(rows, columns=columns)
    for column in ("exposure", "allowed_from"):
        frame[column] = pd.Series(pd.array(frame[column].to_list(), dtype="datetime64[s]"), index=frame.index)
    frame["binding"] = frame["allowed_from"] == frame["allowed_from"].max()
    return frame.sort_values("allowed_from", ascending=False, kind="stable", ignore_index=True)


def _row(item: LookBack, exposure: date, today: date, boundary_day_allowed: bool) -> tuple[object, ...]:
    if exposure > today:
        raise ProtocolError(
            item.name,
            _("{exposure}, which is after today ({today})").format(exposure=exposure, today=today),
            _("a date up to {today}").format(today=today),
        )
    first = shifted(exposure, item.lasts)
    if not boundary_day_allowed:
        first += timedelta(days=1)
    return item.id, item.name, item.lasts, exposure, first, item.origin


def earliest_enrolment(clocks: pd.DataFrame) -> date | None:
    """Return the first day on which every look-back allows enrolment; None if there was no exposure."""
    day = clocks["allowed_from"].max()
    return None if pd.isna(day) else day.date()


Interval = tuple[date | None, date | None]


def conflicts(record: FollowupRecord, ledger: pd.DataFrame, courses: Mapping[str, Interval]) -> pd.DataFrame:
    """Compare the courses of agents that must not be given together with an infusion with the infusions.

    "Together" means on the same day. A course without a last day goes on.

    Parameters
    ----------
    record : FollowupRecord
    ledger : pandas.DataFrame
        What :func:`protocol.followup.timeline` returns.
    courses : mapping of str to (date or None, date or None)
        Agent id to its first and last day; without a first day it was not given.

    Returns
    -------
    pandas.DataFrame
        One row a course and infusion: ``agent``, ``starts``, ``ends`` (NaT when it goes on), ``infusion``,
        ``day`` (done, or else the target; datetime64[s]), ``verdict``: ``conflict``, ``in window`` (another day of
        the infusion's window would conflict) or ``none``.

    Raises
    ------
    ProtocolError
        For an unknown agent, or a course that ends before it starts or has no start.
    """
    known = {item.id: item.name for item in record.concurrent_agents}
    rows = []
    infusions = ledger[(ledger["kind"] == "infusion") & ledger["target"].notna() & (ledger["status"] != "cancelled")]
    for agent, (starts, ends) in courses.items():
        if agent not in known:
            raise ProtocolError(_("agents"), f"{agent!r}", _("one of {options}").format(options=list_of(known)))
        if starts is None and ends is None:
            continue
        if starts is None or (ends and ends < starts):
            no_start = _("an end on {ends} without a start")
            found = no_start if starts is None else _("an end on {ends} before the start on {starts}")
            found = found.format(ends=ends, starts=starts)
            raise ProtocolError(known[agent], found, _("its first and its last day in this order"))
        rows += [_conflict_row(known[agent], starts, ends, infusion) for infusion in infusions.to_dict("records")]
    frame = pd.DataFrame(rows, columns=["agent", "starts", "ends", "infusion", "day", "verdict"])
    for column in ("starts", "ends", "day"):
        frame[column] = np.array(frame[column].to_list(), "datetime64[s]")
    return frame


def _conflict_row(agent: str, starts: date, ends: date | None, infusion: Mapping[Any, Any]) -> tuple[object, ...]:
    first, last = pd.Timestamp(starts), pd.Timestamp(ends or date.max)
    done, target = infusion["done"], infusion["target"]
    day = target if pd.isna(done) else done
    if first <= day <= last:
        verdict = "conflict"
    else:
        movable = pd.isna(done) and first <= infusion["closes"] and infusion["opens"] <= last
        verdict = "in window" if movable else "none"
    return agent, starts, ends, infusion["name"], day.date(), verdict
