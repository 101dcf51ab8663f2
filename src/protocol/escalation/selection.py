"""The recommended phase II regimen: isotonic regression, then the tried regimen nearest the target.

Sources: Lin & Yin 2017 (Stat Methods Med Res 26:2155-2167) for the rule; Robertson, Wright & Dykstra, *Order
Restricted Statistical Inference* (1988), chapter 1, for the minimum lower sets algorithm, which is exact.

For any rate t, the regimens whose estimate lies below t are the lower set with the largest
``t * weight - total``. So the estimates can be read upwards or downwards from any rate, one pooled group at a
time: from 0 upwards for all of them, from the target both ways for the few that can be selected.
"""

from typing import Annotated, Any

import numpy as np
from pydantic import AllowInfNan, Field

from protocol.escalation.checks import checked, marks
from protocol.escalation.design import Share
from protocol.escalation.grid import STOP, Booleans, Floats, Integers
from protocol.escalation.outcomes import Outcomes
from protocol.translation import _

ROBERTSON_1988 = "Robertson T, Wright FT, Dykstra RL. Order Restricted Statistical Inference. Wiley, 1988."

# (y + 0.05) / (n + 0.1) everywhere: Lin & Yin 2017. It leaves untried regimens at 0.5, with a weight of 0.1.
# Twentieths of a participant, in whole numbers: their sums are exact, so equal means are equal.
PART, PSEUDO_DLT, PSEUDO_PARTICIPANTS = 20, 1, 2

RANK_STEP = 1e-5  # breaks ties between pooled regimens: the higher one below the target, the lower one above it

ROUNDING = 0.01  # what rounding two rates to two decimals can add to their difference

NOISE = 1e-10  # differences smaller than this are rounding, not evidence

UPWARDS, DOWNWARDS = 1, -1

Limit = Annotated[float, Field(ge=0), AllowInfNan(True)]
"""A DLT rate that may be beyond all rates."""

# Two fractions with denominators up to this differ by more than a short number's rounding: their order is exact.
LARGEST_SHORT = 2000


def selection_rule() -> str:
    """Describe :func:`select` for a protocol."""
    return _(
        "At the end DLT rates are estimated by isotonic regression along dose and frequency; the tried regimen that "
        "is not eliminated and whose estimate is nearest the target is recommended, or none when the lowest is "
        "eliminated."
    )


@checked
def isotonic_rates(outcomes: Outcomes) -> Floats:
    """Estimate all DLT rates under the order of the grid, with pseudo-counts (y + 0.05) / (n + 0.1).

    Parameters
    ----------
    outcomes : Outcomes
        T trials.

    Returns
    -------
    ndarray of float, shape (T, D, F)
        Weighted least squares estimates, 0 to 1, never falling as dose or frequency rises. Untried regimens
        are among them; they say more about the prior weight than about the regimen.
    """
    return _rates_near(outcomes, 0.0, np.zeros(outcomes.treated.shape, dtype=bool), np.inf)


def _rates_near(outcomes: Outcomes, target: float, allowed: Booleans, margin: float) -> Floats:
    """Estimate the rates around the target; the others are infinite.

    Reading stops, on each side, beyond ``margin`` more than the distance of the nearest allowed regimen.
    """
    trials, sets, size = len(outcomes.treated), outcomes.grid.lower_sets, outcomes.grid.size
    treated, dlt = outcomes.treated.reshape(trials, size), outcomes.dlt.reshape(trials, size)
    whole = PART * int(treated.sum(axis=1).max(initial=0)) + PSEUDO_PARTICIPANTS * sets.shape[1]
    kind: type[np.floating[Any]] = np.float32 if whole <= LARGEST_SHORT else np.float64
    table: Floats = sets.T.astype(kind)
    allowed = allowed.reshape(trials, size)
    sums: Floats = (PART * dlt + PSEUDO_DLT).astype(kind) @ table
    weights: Floats = (PART * treated + PSEUDO_PARTICIPANTS).astype(kind) @ table
    below: Integers = np.argmax(np.multiply(weights, target, dtype=float) - sums, axis=1)
    fitted, nearest = np.full(allowed.shape, np.inf), np.full(trials, np.inf)
    for way in (DOWNWARDS, UPWARDS):
        rows, taken, level = np.arange(trials), below, np.full(trials, target)
        last = int(np.argmax(way * sets.sum(axis=1)))
        while (going := taken != last).any():
            rows, taken, level = rows[going], taken[going], level[going]
            reached, level = _next_group(sums[rows], weights[rows], taken, level, way)
            group, distance = sets[reached] ^ sets[taken], np.abs(level - target)
            fitted[rows] = np.where(group, level[:, None], fitted[rows])
            held = (group & allowed[rows]).any(axis=1)
            nearest[rows] = np.minimum(nearest[rows], np.where(held, distance, np.inf))
            taken = np.where(distance > nearest[rows] + margin, last, reached)
    return fitted.reshape(outcomes.treated.shape)


def _next_group(sums: Floats, weights: Floats, taken: Integers, level: Floats, way: int) -> tuple[Integers, Floats]:
    """Return the lower set that the next group of equal estimates leads to, and that estimate; T trials."""
    rows = np.arange(len(taken))
    added = weights - weights[rows, taken][:, None]
    gained = sums - sums[rows, taken][:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        means = gained / added
    if way == UPWARDS:
        reached = np.where(added > 0, means, np.inf).argmin(axis=1)
    else:
        reached = np.where(added < 0, means, -np.inf).argmax(axis=1)
    found = gained[rows, reached] / added[rows, reached].astype(float)
    return reached, np.maximum(level, found) if way == UPWARDS else np.minimum(level, found)


@checked
def select(
    outcomes: Outcomes,
    target: Share,
    eliminated: Booleans,
    *,
    rounded: bool = False,
    highest: Limit = np.inf,
    among: Booleans | None = None,
) -> Integers:
    """Select the tried, not eliminated regimen whose isotonic estimate is nearest the target.

    Parameters
    ----------
    outcomes : Outcomes
        T finished trials.
    target : float
        Target DLT rate, between 0 and 1.
    eliminated : ndarray of bool, shape (T, D, F)
    rounded : bool
        Round estimates to two decimals before choosing, as ``select.mtd.comb`` of BOIN 2.7 does.
    highest : float
        Estimates above this rate are never selected.
    among : ndarray of bool, shape (T, D, F), optional
        The regimens to choose from.

    Returns
    -------
    ndarray of int, shape (T,)
        Indices of regimens; :data:`~protocol.escalation.grid.STOP` where none can be recommended, as when the
        lowest regimen is eliminated.

    Raises
    ------
    ProtocolError
        When the target is no rate, or the marks are not true or false for each trial and regimen.
    """
    distance = _distances(outcomes, target, eliminated, rounded, highest, among).reshape(-1, outcomes.grid.size)
    nearest = distance.min(axis=1)
    first = np.argmax(distance <= nearest[:, None] + NOISE, axis=1)  # of equals: lowest dose, then lowest frequency
    return np.where(np.isfinite(nearest), first, STOP)


@checked
def select_contour(
    outcomes: Outcomes,
    target: Share,
    eliminated: Booleans,
    *,
    rounded: bool = False,
    highest: Limit = np.inf,
    edge: bool = False,
) -> Integers:
    """Select one regimen a frequency: the tried, not eliminated one whose estimate is nearest the target.

    Parameters
    ----------
    outcomes, target, eliminated, rounded, highest
        As for :func:`select`.
    edge : bool
        Select none below a frequency at which the highest dose is selected: it lies beside the contour.

    Returns
    -------
    ndarray of int, shape (T, F)
        Indices of regimens; STOP where a frequency has none.
    """
    doses, frequencies = outcomes.grid.shape
    distance = _distances(outcomes, target, eliminated, rounded, highest, None, every=True)
    nearest = distance.min(axis=1)
    dose = np.argmax(distance <= nearest[:, None] + NOISE, axis=1)
    found = np.isfinite(nearest)
    highest_dose = found & (dose == doses - 1)
    if edge:
        found[:, :-1] &= ~np.maximum.accumulate(highest_dose[:, :0:-1], axis=1)[:, ::-1]
    return np.where(found, dose * frequencies + np.arange(frequencies), STOP)


def _distances(
    outcomes: Outcomes,
    target: float,
    eliminated: Booleans,
    rounded: bool,
    highest: float,
    among: Booleans | None,
    *,
    every: bool = False,
) -> Floats:
    """Return how far from the target the estimates are, infinite where nothing may be selected; ``(T, D, F)``."""
    shape = outcomes.treated.shape
    eliminated = marks(eliminated, shape, _("eliminated regimens"))
    rank = RANK_STEP * np.add.outer(*map(np.arange, outcomes.grid.shape))
    allowed = (outcomes.treated > 0) & ~eliminated & ~eliminated[:, :1, :1]
    if among is not None:
        allowed &= marks(among, shape, _("regimens to choose from"))
    if every or np.isfinite(highest):
        rates = isotonic_rates(outcomes)
    else:
        rates = _rates_near(outcomes, target, allowed, 2 * rank[-1, -1] + (ROUNDING if rounded else 0))
    ranked = (rates.round(2) if rounded else rates) + rank
    return np.where(allowed & (ranked <= highest), np.abs(ranked - target), np.inf)
