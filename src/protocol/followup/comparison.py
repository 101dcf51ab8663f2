"""Differences between two schedules, and the burden of each frequency level."""

from datetime import date, timedelta

import pandas as pd

from protocol.followup.ledger import Dates, timeline
from protocol.followup.schedule import FollowupRecord, Visit, shifted
from protocol.records import ProtocolError
from protocol.translation import _


def differences(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return the differences of two ledgers of one participant, visit by visit.

    Parameters
    ----------
    before, after : pandas.DataFrame
        What :func:`protocol.followup.timeline` returns.

    Returns
    -------
    pandas.DataFrame
        One row a visit that either has: ``id``, ``name``, ``target_before``, ``target_after`` (datetime64[s]),
        ``moved_days`` (Int64), ``status_before``, ``status_after``, ``change`` (added, removed, moved, status or
        same).
    """
    columns = ["name", "target", "status"]
    one, other = (frame.set_index("id")[columns] for frame in (before, after))
    both = one.add_suffix("_before").join(other.add_suffix("_after"))
    both["moved_days"] = (both["target_after"] - both["target_before"]).dt.days.astype("Int64")
    gone, new = (both[f"status_{side}"] == "not applicable" for side in ("after", "before"))
    both["change"] = "same"
    both.loc[both["status_before"] != both["status_after"], "change"] = "status"
    both.loc[both["moved_days"].fillna(0) != 0, "change"] = "moved"
    both.loc[gone, "change"], both.loc[new, "change"] = "removed", "added"
    both = both.rename(columns={"name_before": "name"}).drop(columns="name_after")
    order = both["target_after"].fillna(both["target_before"]).sort_values(kind="stable").index
    return both[~(gone & new)].reindex([name for name in order if not (gone & new)[name]]).reset_index()


def slipped(record: FollowupRecord, dates: Dates, days: int) -> dict[str, date | None]:
    """Return the dates of the anchors if the first infusion is some days later; the end of treatment moves with it.

    Raises
    ------
    ProtocolError
        If the first infusion has no date.
    """
    if dates.get(record.first_infusion) is None:
        name = next(item.name for item in record.anchors if item.id == record.first_infusion)
        raise ProtocolError(name, _("no date"), _("the planned date"))
    moving = (record.first_infusion, record.anchor("end_of_treatment"))
    return {name: day + timedelta(days=days) if day and name in moving else day for name, day in dates.items()}


def activities(record: FollowupRecord, frequency: int) -> pd.DataFrame:
    """Return the schedule of activities of one frequency level.

    Returns
    -------
    pandas.DataFrame
        One row a procedure (index: its id), one column a visit (by its id, in the order of a usual course), True
        where it is done. Visits that hang on the withdrawal are left out.
    """
    visits = _course(record, frequency)
    return pd.DataFrame(
        {visit.id: [item.id in visit.procedures for item in record.procedures] for visit in visits},
        index=[item.id for item in record.procedures],
    )


def _course(record: FollowupRecord, frequency: int) -> list[Visit]:
    """The visits of a usual course in the order of their days."""
    start = date(2001, 1, 1)
    first = start + timedelta(days=14)
    days: dict[str | None, date] = {"enrolment": start, "start_of_therapy": start + timedelta(days=3)}
    days |= {"first_infusion": first, "end_of_treatment": shifted(first, record.course.value)}
    dates = {anchor.id: days[anchor.role] for anchor in record.anchors if anchor.role in days}
    ledger = timeline(record, dates, frequency, start)
    expected = ledger[ledger["status"] != "not applicable"]
    visits = {visit.id: visit for visit in record.visits_at(frequency)}
    return [visits[name] for name in expected["id"]]


def burden(record: FollowupRecord) -> pd.DataFrame:
    """Return the burden of each frequency level for a participant who completes the course.

    Returns
    -------
    pandas.DataFrame
        One row a frequency level (index): ``visits`` (infusions included), ``infusions``, ``procedures``,
        ``hours``, ``blood_ml``. Hours and blood rest on assumptions only.
    """
    rows = {}
    for item in record.frequencies:
        matrix = activities(record, item.level)
        times = matrix.sum(axis=1)
        minutes = sum(times[p.id] * p.minutes.value for p in record.procedures)
        blood = sum(times[p.id] * p.blood_ml.value for p in record.procedures)
        rows[item.level] = (matrix.shape[1], len(item.infusion_days), int(times.sum()), minutes / 60, blood)
    columns = ["visits", "infusions", "procedures", "hours", "blood_ml"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("frequency")
