"""The forecast of the trial: ends of the dose escalation, of enrolment and of follow-up, by simulation.

Cohort after cohort: a decision opens the cohort; after the screening lead its participants come one by one (a
Poisson process); when the last one has come the trial is closed to accrual until that one's DLT window and the
committee's review are over. After the escalation the trial accrues without pauses until the planned number is
enrolled, and the last visit follows at the end of the follow-up. A DLT shortens no wait, and no participant is lost.

How long a path takes depends on how many cohorts it holds at each frequency level and not on their order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.followup.schedule import FollowupRecord, moved, shifted
from protocol.records import ProtocolError
from protocol.translation import _, list_of

DAYS_PER_MONTH = 365.25 / 12
"""The mean length of a month, in days."""

MOST_RUNS = 1_000_000


@dataclass(frozen=True)
class Assumptions:
    """The assumptions of a simulation.

    Parameters
    ----------
    screened_per_month : float
        All sites together, above 0.
    screening_failures : float
        Share of those screened who do not enter, 0 to below 1.
    dlt_window_days, review_days, screening_days, stagger_days : int
        ``stagger_days`` is the least time between two participants of a cohort.
    counted_from : {"first", "last"}
        The infusion that the DLT window is counted from.
    last_infusion_days : tuple of int, length K
        Study day of the last infusion at each frequency level (1 = the first infusion).
    cohort_size, enrolment : int
        Participants of a cohort, and of the whole trial.
    follow_up : str
        ISO 8601 duration from enrolment to the last visit.
    """

    screened_per_month: float
    screening_failures: float
    dlt_window_days: int
    review_days: int
    screening_days: int
    stagger_days: int
    counted_from: str
    last_infusion_days: tuple[int, ...]
    cohort_size: int
    enrolment: int
    follow_up: str

    def __post_init__(self) -> None:
        """Raise ProtocolError for values out of range."""
        if not self.screened_per_month * (1 - self.screening_failures) > 0:
            found = _("{screened_per_month} screened a month, {screening_failures:.0%} of them failing").format(
                screened_per_month=self.screened_per_month, screening_failures=self.screening_failures
            )
            raise ProtocolError(_("accrual"), found, _("a rate above 0 and a share below 1"))
        days = (self.dlt_window_days, self.review_days, self.screening_days, self.stagger_days)
        if min(days) < 0 or self.cohort_size < 1 or self.counted_from not in ("first", "last"):
            raise ProtocolError(
                _("trial calendar"), _("a negative length or no cohort"), _("lengths of 0 or more days")
            )

    @property
    def enrolled_per_day(self) -> float:
        """Participants a day while the trial is open."""
        return self.screened_per_month * (1 - self.screening_failures) / DAYS_PER_MONTH

    @property
    def closed_days(self) -> NDArray[np.float64]:
        """Days closed to accrual after a cohort, at each frequency level."""
        extra = np.array(self.last_infusion_days) - 1.0 if self.counted_from == "last" else 0.0
        return np.zeros(len(self.last_infusion_days)) + self.dlt_window_days + self.review_days + extra


def assumptions(record: FollowupRecord, *, dlt_window_days: int, cohort_size: int, enrolment: int) -> Assumptions:
    """Return the assumptions of the record; those of other topics are given as plain values."""
    given = record.forecast
    return Assumptions(
        screened_per_month=sum(site.screened_per_month for site in given.sites),
        screening_failures=given.screening_failures.value,
        dlt_window_days=dlt_window_days,
        review_days=given.review_days.value,
        screening_days=given.screening_days.value,
        stagger_days=given.stagger_days.value,
        counted_from=given.counted_from.value,
        last_infusion_days=tuple(item.infusion_days[-1] for item in record.frequencies),
        cohort_size=cohort_size,
        enrolment=enrolment,
        follow_up=next((item.lasts for item in record.periods if item.id == given.follow_up), "P0D"),
    )


def cohorts_at(path: Sequence[str], levels: Sequence[str]) -> NDArray[np.int64]:
    """Count the cohorts of a path of regimens (``A1 B1 B2``) at each frequency level, shape (K,)."""
    unknown = [regimen for regimen in path if regimen[1:] not in levels]
    if unknown:
        raise ProtocolError(
            _("path"),
            f"{unknown[0]!r}",
            _("a regimen at one of the frequencies {levels}").format(levels=list_of(levels)),
        )
    return np.array([sum(regimen[1:] == level for regimen in path) for level in levels])


def simulate(given: Assumptions, paths: NDArray[np.int64], runs: int, seed: int) -> pd.DataFrame:
    """Simulate the calendar of many trials.

    Parameters
    ----------
    given : Assumptions
    paths : ndarray of int, shape (P, K)
        Cohorts at each frequency level along each possible path; every run takes one path with equal chance.
    runs : int
        1 to 1,000,000.
    seed : int
        Of the draws: one seed gives the same random numbers to every set of assumptions, so that they can be
        compared run by run.

    Returns
    -------
    pandas.DataFrame
        One row a run, in days from the opening of the first cohort: ``escalation_end`` (the decision after its last
        cohort), ``last_enrolment``, ``closed_share`` (of the escalation, 0 to 1), ``participants`` (in it).

    Raises
    ------
    ProtocolError
        For runs out of range, or paths that do not fit the frequency levels.
    """
    paths = np.atleast_2d(paths)
    if not 1 <= runs <= MOST_RUNS:
        raise ProtocolError(_("runs"), f"{runs}", _("a number from 1 to {most_runs}").format(most_runs=MOST_RUNS))
    if paths.shape[1] != len(given.last_infusion_days) or paths.size == 0 or paths.min() < 0:
        raise ProtocolError(
            _("paths"), _("an array of shape {shape}").format(shape=paths.shape), _("cohorts at each frequency level")
        )
    random = np.random.default_rng(seed)
    taken = paths[random.integers(0, len(paths), runs)]
    cohorts = taken.sum(axis=1)
    people = cohorts * given.cohort_size
    waiting = random.standard_gamma(people) / given.enrolled_per_day
    waiting += cohorts * (given.screening_days + given.stagger_days * (given.cohort_size - 1))
    closed = taken @ given.closed_days
    end = waiting + closed
    later = np.maximum(given.enrolment - people, 0)
    last = end + random.standard_gamma(later) / given.enrolled_per_day
    share = np.divide(closed, end, out=np.zeros(runs), where=end > 0)
    return pd.DataFrame(
        {"escalation_end": end, "last_enrolment": last, "closed_share": share, "participants": people}
    )


def milestones(given: Assumptions, simulated: pd.DataFrame, start: date) -> pd.DataFrame:
    """Return the 10, 50 and 90 % quantiles of the days of the milestones.

    Returns
    -------
    pandas.DataFrame
        Rows ``escalation_end``, ``last_enrolment``, ``last_visit``; columns ``p10``, ``p50``, ``p90``
        (datetime64[s]) and ``p10_months``, ``p50_months``, ``p90_months`` from `start`.
    """
    first = np.datetime64(start, "D")
    rows = {}
    for name in ("escalation_end", "last_enrolment"):
        quantiles = np.quantile(simulated[name], [0.1, 0.5, 0.9])
        rows[name] = first + np.ceil(quantiles).astype("timedelta64[D]")
    rows["last_visit"] = moved(rows["last_enrolment"], given.follow_up)
    days = pd.DataFrame.from_dict(
        {name: values.astype("datetime64[s]") for name, values in rows.items()},
        orient="index",
        columns=["p10", "p50", "p90"],
    )
    months = (days - pd.Timestamp(start)).map(lambda length: length.days / DAYS_PER_MONTH)
    return days.join(months.add_suffix("_months"))


def what_if(
    given: Assumptions, paths: NDArray[np.int64], changes: Mapping[str, Mapping[str, Any]], runs: int, seed: int
) -> pd.DataFrame:
    """Return the medians after each change of assumptions, with the same random numbers for all.

    Parameters
    ----------
    changes : mapping of str to mapping
        A name for each change to the fields of :class:`Assumptions` it sets.

    Returns
    -------
    pandas.DataFrame
        One row a change: ``change``, ``escalation_end``, ``last_enrolment`` (median months), ``closed_share``
        (median, 0 to 1), and ``escalation_months_gained``, ``enrolment_months_gained`` (negative if longer).
    """
    rows = []
    every: dict[str, Mapping[str, Any]] = {"": {}, **changes}
    for name, fields in every.items():
        result = simulate(replace(given, **fields), paths, runs, seed).median()
        months = result[["escalation_end", "last_enrolment"]] / DAYS_PER_MONTH
        rows.append((name, *months, result["closed_share"]))
    frame = pd.DataFrame(rows, columns=["change", "escalation_end", "last_enrolment", "closed_share"])
    for column, gained in {"escalation_end": "escalation", "last_enrolment": "enrolment"}.items():
        frame[f"{gained}_months_gained"] = frame[column].iloc[0] - frame[column]
    return frame


@dataclass(frozen=True)
class Feasibility:
    """Whether the registered dates leave enough time for enrolment; rate in participants a month."""

    last_enrolment: date
    days: int
    per_month: float
    feasible: bool


def registered_dates(
    start: date, completion: date, enrolment: int, follow_up: str, most_per_month: float
) -> Feasibility:
    """Return whether the registered dates have room for the registered enrolment and follow-up.

    Parameters
    ----------
    start, completion : date
        As registered.
    enrolment : int
        Planned participants.
    follow_up : str
        ISO 8601 duration of the follow-up after enrolment.
    most_per_month : float
        The highest rate of enrolment that is possible, in participants a month.

    Raises
    ------
    ProtocolError
        If the completion is before the start.
    """
    if completion < start:
        raise ProtocolError(
            _("registered completion"),
            _("{completion}, before the start on {start}").format(completion=completion, start=start),
            _("a later date"),
        )
    last = shifted(completion, follow_up, -1)
    days = max((last - start + timedelta(days=1)).days, 0)
    needed = enrolment / (days / DAYS_PER_MONTH) if days else float("inf")
    return Feasibility(last, days, needed, needed <= most_per_month)
