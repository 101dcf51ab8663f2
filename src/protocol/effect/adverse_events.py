"""Tables of adverse events: term by highest grade by group, exposure-adjusted rates, an overview.

A participant counts once for a term, at the highest grade. Everybody treated is in the denominator, with an event or
without; rows of zeros stay.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy.special import chdtri

from protocol.effect.checks import Floats, floats, integers, number_inside
from protocol.records import ProtocolError
from protocol.translation import _, list_of

GRADES = range(1, 6)

ANY, TOTAL = "Any adverse event", "Total"

PER_DAYS = 100  # rates are of so many participant-days

RELATED = ("possible", "probable", "definite", "not assessable")


def rate_interval(events: float, time: float, level: float = 0.95) -> tuple[float, float]:
    """Return the exact (Garwood) interval of a Poisson rate, events per unit of `time`.

    Raises
    ------
    ProtocolError
        When events are negative, the time is not above 0, or the level is no probability.

    Notes
    -----
    Garwood 1936, Biometrika 28:437.
    """
    count = number_inside(events, _("events"), 0, np.inf, ends=True)
    total = number_inside(time, _("time"), 0, np.inf)
    tail = (1 - number_inside(level, _("level"), 0, 1)) / 2
    low = chdtri(2 * count, 1 - tail) / 2 if count else 0.0
    return float(low / total), float(chdtri(2 * count + 2, tail) / 2 / total)


def _read(participants: pd.DataFrame, events: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    for frame, name, wanted in (
        (participants, _("participants"), ["participant", "group", "exposure_days"]),
        (events, _("adverse events"), ["participant", "term", "grade", "onset_day"]),
    ):
        missing = [column for column in wanted if column not in frame.columns]
        if missing:
            raise ProtocolError(name, _("no column {}").format(missing[0]), list_of(wanted))
    people, listed = participants.reset_index(drop=True).copy(), events.reset_index(drop=True).copy()
    if people["participant"].duplicated().any() or people[["participant", "group"]].isna().any(axis=None):
        found = _("a participant listed twice, or without a group")
        raise ProtocolError(_("participants"), found, _("one row for each participant"))
    people["exposure_days"] = floats(people["exposure_days"].tolist(), _("exposure_days"), _("days above 0"))
    if not (people["exposure_days"] > 0).all():
        raise ProtocolError(_("exposure_days"), _("a number that is missing, or not above 0"), _("days above 0"))
    write = _("a grade from 1 to 5")
    listed["grade"] = integers(listed["grade"].tolist(), _("grade"), write)
    wrong = listed.loc[~listed["grade"].isin(GRADES), "grade"]
    if len(wrong):
        found = _("grade {}").format(wrong.iloc[0])
        raise ProtocolError(_("adverse events, row {}").format(wrong.index[0] + 1), found, write)
    listed["onset_day"] = floats(listed["onset_day"].tolist(), _("onset_day"), _("days of 0 or more"))
    if listed["term"].isna().any() or listed["term"].isin([ANY]).any():
        raise ProtocolError(_("adverse events"), _("an event without a term of its own"), _("a term for each event"))
    unknown = ~listed["participant"].isin(people["participant"])
    if unknown.any():
        where = _("adverse events, row {}").format(int(np.flatnonzero(unknown)[0]) + 1)
        raise ProtocolError(where, _("a participant who is not listed as treated"), _("a participant of the list"))
    listed = listed.merge(people, on="participant", how="left", validate="many_to_one", suffixes=("_of_event", ""))
    late = ~((listed["onset_day"] >= 0) & (listed["onset_day"] <= listed["exposure_days"]))
    if late.any():
        where = _("adverse events, row {}").format(int(np.flatnonzero(late)[0]) + 1)
        found = _("an onset that is missing, before day 0, or after the exposure")
        raise ProtocolError(where, found, _("a day from 0 to the exposure"))
    if "end_day" in listed.columns:
        ends = floats(listed["end_day"].tolist(), _("end_day"), _("a day, or nothing while it lasts"))
        before = ends < listed["onset_day"].to_numpy()
        if before.any():
            where = _("adverse events, row {}").format(int(np.flatnonzero(before)[0]) + 1)
            raise ProtocolError(where, _("an end before the onset"), _("a day from the onset on"))
    return people, listed


def tabulate_events(
    participants: pd.DataFrame,
    events: pd.DataFrame,
    *,
    terms: Iterable[str] | None = None,
    groups: Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Tabulate adverse events: term by highest grade by group, with exposure-adjusted rates.

    Parameters
    ----------
    participants : DataFrame
        Everybody treated, one row each: participant, group, exposure_days (above 0).
    events : DataFrame
        One row an event: participant, term, grade (1 to 5), onset_day (0 to the exposure) and, optional, end_day.
    terms : iterable of str, optional
        Rows of the table, those without an event included; without it, all terms that occurred, by name.
    groups : sequence of str, optional
        Groups in order; without it, by name.
    level : float
        Coverage of the exact interval, inside 0 to 1.

    Returns
    -------
    DataFrame
        One row for each term and each group, then the total of all groups; the last term is any event. Columns: term,
        group, participants (treated), grade_1 to grade_5 (participants by highest grade), any_grade, grade_3_or_more,
        events, days_at_risk (to the first event, or the whole exposure), exposure_days, rate (participants with the
        event per 100 participant-days at risk), low, high (its interval), event_rate (events per 100 participant-days
        of exposure). Rates are missing where there is no time at risk.

    Raises
    ------
    ProtocolError
        For a missing column, a grade 6, a participant who was not treated, an onset outside the exposure, an end
        before the onset, or an event whose term or group is not listed.
    """
    number_inside(level, _("level"), 0, 1)
    people, listed = _read(participants, events)
    rows_of = sorted(listed["term"].unique()) if terms is None else list(terms)
    columns = sorted(people["group"].unique()) if groups is None else list(groups)
    if not set(listed["term"]) <= set(rows_of) or not set(people["group"]) <= set(columns):
        raise ProtocolError(_("table"), _("an event or a participant of no row or column"), _("every term and group"))
    rows = []
    for term in [*rows_of, ANY]:
        of_term = listed if term == ANY else listed[listed["term"] == term]
        for group in [*columns, TOTAL]:
            mine = people if group == TOTAL else people[people["group"] == group]
            own = of_term if group == TOTAL else of_term[of_term["group"] == group]
            rows.append({"term": term, "group": group, **_row(mine, own, level)})
    return pd.DataFrame(rows)


def _row(people: pd.DataFrame, events: pd.DataFrame, level: float) -> dict[str, float]:
    by_participant = events.groupby("participant")
    highest = by_participant["grade"].max()
    first = by_participant["onset_day"].min()
    at_risk: Floats = people["participant"].map(first).fillna(people["exposure_days"]).to_numpy(float)
    exposure, days, having = float(people["exposure_days"].sum()), float(at_risk.sum()), len(highest)
    low, high = rate_interval(having, days, level) if days > 0 else (np.nan, np.nan)
    return {
        "participants": len(people),
        **{f"grade_{grade}": int((highest == grade).sum()) for grade in GRADES},
        "any_grade": having,
        "grade_3_or_more": int((highest >= 3).sum()),
        "events": len(events),
        "days_at_risk": days,
        "exposure_days": exposure,
        "rate": PER_DAYS * having / days if days > 0 else np.nan,
        "low": PER_DAYS * low,
        "high": PER_DAYS * high,
        "event_rate": PER_DAYS * len(events) / exposure if exposure > 0 else np.nan,
    }


def overview(participants: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Return the overview of adverse events by group and in total: participants with one, and events.

    Parameters
    ----------
    participants, events : DataFrame
        As in :func:`tabulate_events`; events also with serious (True or False) and related (relatedness: possible,
        probable, definite and not assessable count as related).

    Returns
    -------
    DataFrame
        One row for each kind (any, related, grade 3 or more, serious, serious and related, fatal) and group: kind,
        group, treated, participants, events.

    Raises
    ------
    ProtocolError
        As in :func:`tabulate_events`.
    """
    for column in ("serious", "related"):
        if column not in events.columns:
            raise ProtocolError(
                _("adverse events"), _("no column {}").format(column), _("the columns serious and related")
            )
    people, listed = _read(participants, events)
    related, serious = listed["related"].isin(RELATED), listed["serious"].astype(bool)
    kinds = {
        "any": pd.Series(True, index=listed.index),
        "related": related,
        "grade 3 or more": listed["grade"] >= 3,
        "serious": serious,
        "serious and related": serious & related,
        "fatal": listed["grade"] == 5,
    }
    rows = []
    for kind, marked in kinds.items():
        for group in [*sorted(people["group"].unique()), TOTAL]:
            own = listed[marked & ((listed["group"] == group) | (group == TOTAL))]
            treated = len(people) if group == TOTAL else int((people["group"] == group).sum())
            rows.append((kind, group, treated, own["participant"].nunique(), len(own)))
    return pd.DataFrame(rows, columns=["kind", "group", "treated", "participants", "events"])
