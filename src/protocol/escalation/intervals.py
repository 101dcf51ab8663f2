"""Look-up tables of interval designs: what (participants, DLTs) at one regimen imply.

Sources: Liu & Yuan 2015 (J R Stat Soc C 64:507-523) for BOIN's boundaries and the elimination rule; Yan, Mandrekar
& Yuan 2017 (Clin Cancer Res 23:3994-4003) for the keys; Lin & Yin 2017 (Stat Methods Med Res 26:2155-2167) for the
score.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protocol.escalation.grid import Booleans, Floats, Integers

UP, DOWN = 1, -1
FEWEST_TO_ELIMINATE = 3  # Liu & Yuan 2015: no elimination on fewer than three participants
TINY = 1e-9  # a key narrower than this is rounding
EXPERIENCE_BONUS = 0.0005  # Lin & Yin 2017: what a participant adds to the score


class Tables(NamedTuple):
    """What (participants, DLTs) at one regimen imply; every array is indexed ``[n, y]`` or ``[n]``."""

    lambda_e: float  # ends of the interval that calls for staying (Keyboard: of the target key)
    lambda_d: float
    escalate: Integers  # most DLTs that escalate, [n]
    deescalate: Integers  # fewest DLTs that de-escalate, [n]
    eliminate: Integers  # fewest DLTs that eliminate, n + 1 when none do, [n]
    move: Integers  # 1 up, 0 stay, -1 down
    score: Floats  # probability that the true rate lies between the boundaries, plus the bonus
    eliminated: Booleans
    stops: Booleans  # at the lowest regimen
    toxic: Booleans  # observed rate at or above lambda_d


def boundaries(target: float, safe: float, toxic: float) -> tuple[float, float]:
    """Return lambda_e and lambda_d: observed rates up to the first escalate, from the second on de-escalate.

    Parameters
    ----------
    target, safe, toxic : float
        DLT rates, ``0 < safe < target < toxic < 1``.
    """
    lambda_e = np.log((1 - safe) / (1 - target)) / np.log(target * (1 - safe) / (safe * (1 - target)))
    lambda_d = np.log((1 - target) / (1 - toxic)) / np.log(toxic * (1 - target) / (target * (1 - toxic)))
    return float(lambda_e), float(lambda_d)


@lru_cache(maxsize=32)
def boin_tables(target: float, safe: float, toxic: float, cutoff: float, margin: float, largest: int) -> Tables:
    """Tabulate BOIN for up to `largest` participants at one regimen.

    Parameters
    ----------
    target, safe, toxic : float
        DLT rates, ``0 < safe < target < toxic < 1``.
    cutoff, margin : float
        Posterior probability of a rate above the target that eliminates, and how much less at the lowest.
    largest : int
        Participants at one regimen at most.
    """
    lambda_e, lambda_d = boundaries(target, safe, toxic)
    n = np.arange(largest + 1)
    escalate, deescalate = np.floor(lambda_e * n).astype(int), _first_at_or_above(lambda_d * n)
    return _tabulated(target, lambda_e, lambda_d, escalate, deescalate, cutoff, margin, fewest_dlt=1)


@lru_cache(maxsize=32)
def keyboard_tables(target: float, low: float, high: float, cutoff: float, margin: float, largest: int) -> Tables:
    """Tabulate Keyboard for up to `largest` participants at one regimen.

    Parameters
    ----------
    target, low, high : float
        Target DLT rate and the ends of the target key, ``0 < low < target < high < 1``.
    cutoff, margin : float
        Posterior probability of a rate above the target that eliminates, and how much less at the lowest.
    largest : int
        Participants at one regimen at most.
    """
    n, y = np.arange(largest + 1)[:, None], np.arange(largest + 1)[None]
    real, move = y <= n, key_moves(n, y, target, low, high)
    escalate = (real & (move == UP)).sum(axis=1) - 1
    deescalate = (real & (move != DOWN)).sum(axis=1)
    return _tabulated(target, low, high, escalate, deescalate, cutoff, margin, fewest_dlt=3)


def key_moves(n: ArrayLike, y: ArrayLike, target: float, low: float, high: float) -> Integers:
    """Say where the key with the highest posterior probability leads: 1 up, 0 stay, -1 down.

    Parameters
    ----------
    n, y : array_like
        Participants, whole or in part, and DLTs; of shapes that fit each other.
    target, low, high : float
        Target DLT rate and the ends of the target key, ``0 < low < target < high < 1``.
    """
    from scipy.special import betainc

    width = high - low
    below, above = np.arange(low, 0, -width)[::-1], np.arange(high, 1, width)
    edges = np.concatenate([[0.0], below[below > TINY], above[above < 1 - TINY], [1.0]])
    n, y = np.asarray(n)[..., None], np.asarray(y)[..., None]
    inside = np.diff(betainc(y + 1, np.maximum(n - y, 0) + 1, edges), axis=-1)
    strength = inside * (width / np.diff(edges))  # the shorter keys at the ends are made as wide as the others
    strongest = len(edges) - 2 - np.argmax(strength[..., ::-1], axis=-1)  # of equals the rightmost
    return np.asarray(np.sign(int(np.searchsorted(edges, target)) - 1 - strongest))


def _tabulated(
    target: float, low: float, high: float, escalate: Integers, deescalate: Integers,
    cutoff: float, margin: float, fewest_dlt: int,
) -> Tables:  # fmt: skip
    from scipy.special import betainc

    n, y = np.arange(len(escalate))[:, None], np.arange(len(escalate))[None]
    real = y <= n
    eliminated = too_toxic(target, cutoff, len(escalate) - 1, fewest_dlt)
    eliminate = np.where(eliminated.any(axis=1), eliminated.argmax(axis=1), n[:, 0] + 1)
    deescalate = np.minimum(deescalate, eliminate)
    move = np.where(y >= deescalate[:, None], DOWN, np.where(y <= escalate[:, None], UP, 0))
    move[0] = 0  # a regimen nobody was treated at: treat the first cohort there
    shape = y + 0.5, np.maximum(n - y, 0) + 0.5
    score = betainc(*shape, high) - betainc(*shape, low) + EXPERIENCE_BONUS * n
    toxic_seen = real & (n > 0) & (y >= high * n)
    return Tables(
        low, high, escalate, deescalate, eliminate, move, score, eliminated,
        too_toxic(target, cutoff - margin, len(escalate) - 1, fewest_dlt), toxic_seen,
    )  # fmt: skip


@lru_cache(maxsize=32)
def too_toxic(target: float, cutoff: float, largest: int, fewest_dlt: int = 1) -> Booleans:
    """Tabulate which counts eliminate: on three or more participants, a rate above the target is too probable.

    Parameters
    ----------
    target : float
        Target DLT rate, 0 to 1.
    cutoff : float
        Posterior probability (uniform prior) that has to be exceeded; 1 eliminates nothing.
    largest, fewest_dlt : int
        Participants at one regimen at most, and DLTs below which nothing is eliminated.

    Returns
    -------
    ndarray of bool, shape (largest + 1, largest + 1)
        Indexed ``[n, y]``.
    """
    from scipy.special import betainc

    n, y = np.arange(largest + 1)[:, None], np.arange(largest + 1)[None]
    above = 1 - betainc(y + 1, np.maximum(n - y, 0) + 1, target)
    return np.asarray((y <= n) & (n >= FEWEST_TO_ELIMINATE) & (y >= fewest_dlt) & (above > cutoff))


def _first_at_or_above(limit: NDArray[np.floating[Any]]) -> Integers:
    """Round up; a limit that is whole to 1e-12 is passed by one, as BOIN does since 2.7.2."""
    whole = np.round(limit)
    return np.where(np.abs(limit - whole) < 1e-12, whole + 1, np.ceil(limit)).astype(int)
