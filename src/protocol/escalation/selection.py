"""The recommended phase II regimen: isotonic regression, then the tried regimen nearest the target.

Sources: Lin & Yin 2017 (Stat Methods Med Res 26:2155-2167) for the rule; Robertson, Wright & Dykstra, *Order
Restricted Statistical Inference* (1988), chapter 1, for the minimum lower sets algorithm, which is exact.
"""

import numpy as np

from protocol.escalation.grid import STOP, Booleans, Floats, Grid, Integers
from protocol.escalation.outcomes import Outcomes

# (y + 0.05) / (n + 0.1) everywhere: Lin & Yin 2017. It leaves untried regimens at 0.5, with a weight of 0.1.
PSEUDO_DLT, PSEUDO_PARTICIPANTS = 0.05, 0.1
RANK_STEP = 1e-5  # breaks ties between pooled regimens: the higher one below the target, the lower one above it
NOISE = 1e-10  # differences smaller than this are rounding, not evidence


def isotonic_rates(outcomes: Outcomes) -> Floats:
    """Estimate all DLT rates under the order of the grid.

    Returns
    -------
    ndarray of float, shape (T, D, F)
        Weighted least squares estimates, 0 to 1, never falling as dose or frequency rises. Untried regimens
        are among them; they say more about the prior weight than about the regimen.
    """
    trials = len(outcomes.treated)
    weight = outcomes.treated.reshape(trials, -1) + PSEUDO_PARTICIPANTS
    total = outcomes.dlt.reshape(trials, -1) + PSEUDO_DLT
    return minimum_lower_sets(outcomes.grid, total, weight).reshape(outcomes.treated.shape)


def minimum_lower_sets(grid: Grid, total: Floats, weight: Floats) -> Floats:
    """Bivariate isotonic regression of ``total / weight``, exactly, for many data sets at once.

    Again and again the lower set whose remaining part has the smallest weighted mean is taken off; the
    regimens taken off together share that mean.

    Parameters
    ----------
    grid : Grid
    total, weight : ndarray of float, shape (T, D * F)
        Weighted sums and positive weights.

    Returns
    -------
    ndarray of float, shape (T, D * F)
    """
    sets = grid.lower_sets
    sums, weights = total @ sets.T.astype(float), weight @ sets.T.astype(float)
    grows = _growth(sets)
    level: Floats = np.zeros(len(total))
    fitted = np.empty_like(total)
    taken, at_work = np.full(len(total), int(np.argmin(sets.sum(axis=1)))), np.arange(len(total))
    while at_work.size:
        taken, level, reached = _take_off(sums[at_work], weights[at_work], grows, taken, level)
        fresh = sets[reached] & ~sets[taken]
        fitted[at_work] = np.where(fresh, level[:, None], fitted[at_work])
        left = ~sets[reached].all(axis=1)
        at_work, taken, level = at_work[left], reached[left], level[left]
    return fitted


def _growth(sets: Booleans) -> Booleans:
    """Whether set b is larger than set a and holds it, shape (L, L)."""
    outside = sets.astype(float) @ ~sets.T
    return np.asarray((outside == 0) & ~np.eye(len(sets), dtype=bool))


def _take_off(
    sums: Floats, weights: Floats, grows: Booleans, taken: Integers, level: Floats
) -> tuple[Integers, Floats, Integers]:
    rows = np.arange(len(taken))
    added = weights - weights[rows, taken][:, None]
    gained = sums - sums[rows, taken][:, None]
    means = np.divide(gained, added, out=np.full_like(gained, np.inf), where=grows[taken])
    reached = means.argmin(axis=1)
    return taken, np.maximum(level, means[rows, reached]), reached


def select(
    outcomes: Outcomes,
    target: float,
    eliminated: Booleans,
    *,
    rounded: bool = False,
    highest: float = 1.0,
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

    Returns
    -------
    ndarray of int, shape (T,)
        Indices of regimens; :data:`~protocol.escalation.grid.STOP` where none can be recommended, as when the
        lowest regimen is eliminated.
    """
    rates = isotonic_rates(outcomes).round(2) if rounded else isotonic_rates(outcomes)
    ranked = rates + RANK_STEP * np.add.outer(*map(np.arange, outcomes.grid.shape))
    allowed = (outcomes.treated > 0) & ~eliminated & ~eliminated[:, :1, :1] & (ranked <= highest)
    distance = np.where(allowed, np.abs(ranked - target), np.inf).reshape(len(rates), -1)
    nearest = distance.min(axis=1)
    first = np.argmax(distance <= nearest[:, None] + NOISE, axis=1)  # of equals: lowest dose, then lowest frequency
    return np.where(np.isfinite(nearest), first, STOP)
