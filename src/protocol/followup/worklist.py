"""The worklist: visits that are overdue, due or to come in the whole trial."""

from collections.abc import Mapping
from datetime import date

import pandas as pd

ORDER = ("overdue", "due", "open", "not yet")


def agenda(ledger: pd.DataFrame, sites: Mapping[str, str], today: date, ahead_days: int) -> pd.DataFrame:
    """Return the visits that need action, by urgency.

    Parameters
    ----------
    ledger : pandas.DataFrame
        What :func:`protocol.followup.timelines` returns.
    sites : mapping of str to str
        Participant to site.
    today : date
    ahead_days : int
        Visits not yet open are listed when their target is at most this many days ahead.

    Returns
    -------
    pandas.DataFrame
        ``site``, ``participant``, ``id``, ``name``, ``status``, ``opens``, ``target``, ``closes``, ``week`` (the
        Monday of the target's week; of today's week for what is overdue; datetime64[s]).
    """
    horizon, now = pd.Timestamp(today) + pd.Timedelta(days=ahead_days), pd.Timestamp(today)
    near = (ledger["status"] == "not yet") & (ledger["target"] <= horizon)
    rows = ledger[ledger["status"].isin(ORDER[:3]) | near]
    columns = ["participant", "id", "name", "status", "opens", "target", "closes"]
    rows = rows[columns].astype(dict.fromkeys(("participant", "id", "name", "status"), object))
    rows.insert(0, "site", rows["participant"].map(sites))
    when = rows["target"].where(rows["target"] > now, now)
    rows["week"] = (when - pd.to_timedelta(when.dt.day_of_week, unit="D")).astype("datetime64[s]")
    rank = rows["status"].map({status: place for place, status in enumerate(ORDER)})
    order = rows.assign(rank=rank).sort_values(["rank", "closes", "participant"], kind="stable").index
    return rows.loc[order].reset_index(drop=True)


def full_days(agenda: pd.DataFrame, site: str, visits_per_day: int) -> set[date]:
    """Return the days on which a site has as many targets as it takes visits."""
    counts = agenda.loc[agenda["site"] == site, "target"].dt.date.value_counts()
    return set(counts.index[counts >= visits_per_day])
