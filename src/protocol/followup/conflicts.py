"""Exclusion 15: an agent that inhibits cell division must not be given concurrently with an infusion."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from protocol.followup.record import FollowupRecord
from protocol.records import ProtocolError

Interval = tuple[date | None, date | None]


def conflicts(record: FollowupRecord, ledger: pd.DataFrame, courses: Mapping[str, Interval]) -> pd.DataFrame:
    """Compare the courses of such agents with the infusions.

    "Concurrently" is read as on the same day. A course without a last day goes on.

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
            raise ProtocolError("agents", f"{agent!r}", f"one of {list(known)}")
        if starts is None and ends is None:
            continue
        if starts is None or (ends and ends < starts):
            found = f"an end on {ends} " + ("without a start" if starts is None else f"before the start on {starts}")
            raise ProtocolError(known[agent], found, "its first and its last day in this order")
        rows += [_row(known[agent], starts, ends, infusion) for infusion in infusions.to_dict("records")]
    frame = pd.DataFrame(rows, columns=["agent", "starts", "ends", "infusion", "day", "verdict"])
    for column in ("starts", "ends", "day"):
        frame[column] = np.array(frame[column].to_list(), "datetime64[s]")
    return frame


def _row(agent: str, starts: date, ends: date | None, infusion: Mapping[Any, Any]) -> tuple[object, ...]:
    first, last = pd.Timestamp(starts), pd.Timestamp(ends or date.max)
    done, target = infusion["done"], infusion["target"]
    day = target if pd.isna(done) else done
    if first <= day <= last:
        verdict = "conflict"
    else:
        movable = pd.isna(done) and first <= infusion["closes"] and infusion["opens"] <= last
        verdict = "in window" if movable else "none"
    return agent, starts, ends, infusion["name"], day.date(), verdict
