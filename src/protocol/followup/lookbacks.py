"""Look-backs: the clocks that must have run out before enrolment."""

from collections.abc import Mapping
from datetime import date, timedelta

import pandas as pd

from protocol.followup.durations import shifted
from protocol.followup.record import FollowupRecord, LookBack
from protocol.records import ProtocolError


def lookbacks(
    record: FollowupRecord,
    exposures: Mapping[str, date | None],
    today: date,
    boundary_day_allowed: bool | None = None,
) -> pd.DataFrame:
    """Say from which day on each look-back allows enrolment, and which one binds.

    Parameters
    ----------
    record : FollowupRecord
        What the protocol says about time.
    exposures : mapping of str to date or None
        Look-back id to the last day of the exposure; None or absent means there was none.
    today : date
        The reader's day; an exposure after it is refused.
    boundary_day_allowed : bool, optional
        Whether the day on which the look-back has just run out is allowed (day 14 of 2 weeks; question A25). The
        record's default when not given.

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
            raise ProtocolError("look-backs", f"{name!r}", f"one of {list(known)}")
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
        raise ProtocolError(item.name, f"{exposure}, which is after today ({today})", f"a date up to {today}")
    first = shifted(exposure, item.lasts)
    if not boundary_day_allowed:
        first += timedelta(days=1)
    return item.id, item.name, item.lasts, exposure, first, item.origin


def earliest_enrolment(clocks: pd.DataFrame) -> date | None:
    """Return the first day on which every look-back allows enrolment, or None when no clock runs."""
    day = clocks["allowed_from"].max()
    return None if pd.isna(day) else day.date()
