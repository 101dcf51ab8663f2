"""Dose transition pathways, and the smallest changes in the DLTs that change the recommendation.

Both ask the design that advises. Source: dose transition pathways (Yap, Billingham,
Cheung, Craddock & O'Quigley 2017, Clin Cancer Res 23:7440-7447).
"""

from dataclasses import replace
from math import comb
from typing import Annotated

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from pydantic import Field

from protocol.escalation.checks import checked
from protocol.escalation.design import Design, current_regimens
from protocol.escalation.grid import STOP, Floats, Integers, true_rates
from protocol.escalation.outcomes import Outcomes
from protocol.records import ProtocolError
from protocol.translation import _

MOST_OUTCOMES = 1000  # paths that a table can still show

UP, DOWN = 1, -1  # rows of Grid.neighbours

_End = tuple[tuple[int, ...], Outcomes, int, float]  # DLTs so far, counts, next regimen, chance

COLUMNS = ("path", "cohort", "treated_at", "participants", "dlt", "leads_to", "move", "enrolled", "chance")


@checked
def deciding_regimens(design: Design, outcomes: Outcomes, current: int) -> Integers:
    """Return the regimen whose counts decide, for trials that treated the same participants.

    It is the current one. If no participant was treated there yet, it is a treated regimen one step below that
    no longer allows the step up, if there is one: a toxicity may become known late.

    Returns
    -------
    ndarray of int, shape (T,)
    """
    trials = len(outcomes.treated)
    deciding = current_regimens(design.grid, outcomes, np.full(trials, current))
    if not trials:
        return deciding
    treated = outcomes.treated[0].ravel()
    if treated[current]:
        return deciding
    for below in reversed([step for step in design.grid.neighbours[DOWN, current].tolist() if step >= 0]):
        if treated[below]:
            following = design.next(outcomes, np.full(trials, below), np.zeros(trials))
            higher = design.grid.neighbours[UP, below]
            refuses = ~np.isin(following, higher[higher >= 0])
            deciding = np.where(refuses, below, deciding)
    return deciding


@checked
def recommended(design: Design, outcomes: Outcomes, current: int) -> Integers:
    """Return the regimen of the next cohort, or STOP, for trials that treated the same participants.

    A coin, where the design tosses one, falls on the dose. Shape ``(T,)``.
    """
    deciding = deciding_regimens(design, outcomes, current)
    return design.next(outcomes, deciding, np.zeros(len(deciding)))


@checked
def pathways(
    design: Design,
    outcomes: Outcomes,
    first: int,
    cohorts: Annotated[int, Field(ge=1, le=20)] = 2,
    truth: ArrayLike | None = None,
    *,
    first_size: Annotated[int, Field(ge=1)] | None = None,
) -> pd.DataFrame:
    """Tabulate every outcome of the next cohorts and the regimen it leads to.

    Parameters
    ----------
    design : Design
        A coin, where it tosses one, falls on the dose.
    outcomes : Outcomes
        One trial so far. Where responses are counted, the coming participants have none.
    first : int
        Index of the regimen the next cohort is treated at.
    cohorts : int
        Cohorts to look ahead.
    truth : array_like, shape (D, F), optional
        Assumed true DLT rates, 0 to 1, that give each outcome its chance.
    first_size : int, optional
        Participants of the first cohort: those of an open cohort whose outcome is still to come. The design's cohort
        size when left out.

    Returns
    -------
    DataFrame
        One row per outcome, a path after those it continues: path (DLTs of the cohorts so far, ``(1, 0)``),
        cohort (1, 2, ...), treated_at (regimen), participants and dlt of that cohort, leads_to (regimen, "" when
        the trial ends), move ("up", "stay", "down", "across": one factor up and the other down, "complete": the trial
        ends with all its participants or with a regimen for phase II, or "stop": it ends without), enrolled
        (participants in the whole trial by then), chance (of the whole path, 0 to 1; missing without `truth`).

    Raises
    ------
    ProtocolError
        When there is not one trial, there would be more than 1,000 paths, or the true rates cannot be used.
    """
    outcomes.check_single()
    current_regimens(design.grid, outcomes, [first])
    rates = np.full(design.grid.size, np.nan) if truth is None else true_rates(design.grid, truth).ravel()
    if ((first_size or design.cohort_size) + 1) * (design.cohort_size + 1) ** (cohorts - 1) > MOST_OUTCOMES:
        found = _("{} cohorts of {}").format(cohorts, design.cohort_size)
        raise ProtocolError(_("pathways"), found, _("fewer cohorts, or smaller ones"))
    rows: list[dict[str, object]] = []
    ends: list[_End] = [((), outcomes, first, 1.0)]
    for cohort in range(1, cohorts + 1):
        size = first_size if first_size and cohort == 1 else design.cohort_size
        going = [end for end in ends if end[2] != STOP]
        ends = [end for start in going for end in _followed(design, *start, size, rates, cohort, rows)]
    order = sorted(rows, key=lambda row: row["path"])  # type: ignore[arg-type, return-value]
    return pd.DataFrame(order, columns=[*COLUMNS])


def _followed(
    design: Design,
    path: tuple[int, ...],
    so_far: Outcomes,
    at: int,
    chance: float,
    size: int,
    rates: Floats,
    cohort: int,
    rows: list[dict[str, object]],
) -> list[_End]:
    """Give one more cohort every number of DLTs it can have."""
    size = min(size, design.maximum - int(so_far.enrolled.sum()))
    dlts = np.arange(size + 1)
    outcomes = _with_cohort(so_far, at, size, dlts)
    following = design.next(outcomes, np.full(size + 1, at), np.zeros(size + 1))
    labels, ends, ended = design.grid.labels, [], _ended(design, outcomes)
    for dlt, then in enumerate(following.tolist()):
        likely = chance * comb(size, dlt) * rates[at] ** dlt * (1 - rates[at]) ** (size - dlt)
        leads_to, move = ("", ended[dlt]) if then == STOP else (labels[then], _move(design, at, then))
        enrolled = int(outcomes.enrolled[dlt].sum())
        values = (*path, dlt), cohort, labels[at], size, dlt, leads_to, move, enrolled, likely
        rows.append(dict(zip(COLUMNS, values, strict=True)))
        ends.append(((*path, dlt), outcomes.of(np.array([dlt])), then, likely))
    return ends


def _ended(design: Design, outcomes: Outcomes) -> list[str]:
    """Return how each trial ends if it ends: "complete" or "stop"."""
    full = outcomes.enrolled.sum(axis=(1, 2)) >= design.maximum
    return ["complete" if one else "stop" for one in full | (design.selected(outcomes) != STOP)]


def _with_cohort(so_far: Outcomes, at: int, size: int, dlts: Integers) -> Outcomes:
    many = so_far.of(np.zeros(len(dlts), int))
    treated, dlt = many.treated.copy(), many.dlt.copy()
    treated.reshape(len(dlts), -1)[:, at] += size
    dlt.reshape(len(dlts), -1)[:, at] += dlts
    return replace(many, treated=treated, dlt=dlt)


def _move(design: Design, at: int, then: int) -> str:
    here, there = (divmod(index, design.grid.shape[1]) for index in (at, then))
    if at == then:
        return "stay"
    return {1: "up", 0: "across", -1: "down"}[int(np.sign(sum(there) - sum(here)))]


def _with_dlts(outcomes: Outcomes, dlt: Integers) -> Outcomes:
    """Return the trials with other DLTs; as many responders have one as can and must."""
    if outcomes.responded is None or outcomes.both is None:
        return replace(outcomes, dlt=dlt)
    least, most = outcomes.responded + dlt - outcomes.treated, np.minimum(outcomes.responded, dlt)
    return replace(outcomes, dlt=dlt, both=np.clip(outcomes.both, least, most))


@checked
def turning_points(design: Design, outcomes: Outcomes, current: int) -> pd.DataFrame:
    """Find the smallest changes in the DLTs at one regimen that change the recommendation.

    Parameters
    ----------
    design : Design
    outcomes : Outcomes
        One trial.
    current : int
        Index of the regimen the trial is at.

    Returns
    -------
    DataFrame
        One row for each treated regimen and direction in which there is such a change, the smallest change
        first: regimen, treated, dlt (as counted), change (DLTs more, or fewer when negative), leads_to (regimen,
        "" when the trial stops).
    """
    outcomes.check_single()
    treated, dlt = outcomes.treated.ravel(), outcomes.dlt.ravel()
    cases = [(index, other) for index in np.flatnonzero(treated) for other in range(treated[index] + 1)]
    if not cases:
        return pd.DataFrame(columns=["regimen", "treated", "dlt", "change", "leads_to"])
    where, counts = np.array(cases).T
    many = outcomes.of(np.zeros(len(cases), int))
    varied = many.dlt.copy()
    varied.reshape(len(cases), -1)[np.arange(len(cases)), where] = counts
    answers = recommended(design, _with_dlts(many, varied), current)
    labels = (*design.grid.labels, "")  # STOP is -1: the last entry
    columns = {
        "regimen": [labels[index] for index in where],
        "treated": treated[where],
        "dlt": dlt[where],
        "change": counts - dlt[where],
        "leads_to": [labels[answer] for answer in answers],
    }
    frame = pd.DataFrame(columns)
    now = frame.loc[frame["change"].eq(0), "leads_to"].iloc[0]
    other = frame[frame["leads_to"] != now].assign(size=lambda rows: rows["change"].abs())
    other = other.assign(direction=np.sign(other["change"])).sort_values("size", kind="stable")
    nearest = other.drop_duplicates(["regimen", "direction"])
    return pd.DataFrame(nearest.drop(columns=["size", "direction"]).reset_index(drop=True))
