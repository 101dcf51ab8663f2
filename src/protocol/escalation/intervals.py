"""Look-up tables of interval designs: what (participants, DLTs) at one regimen imply.

Sources: Liu & Yuan 2015 (J R Stat Soc C 64:507-523) for the boundaries and the elimination rule; Lin & Yin
2017 (Stat Methods Med Res 26:2155-2167) for the score.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocol.escalation.grid import Booleans, Floats, Integers

UP, DOWN = 1, -1
FEWEST_TO_ELIMINATE = 3  # Liu & Yuan 2015: no elimination on fewer than three participants
EXPERIENCE_BONUS = 0.0005  # Lin & Yin 2017: what a participant adds to the score


class Tables(NamedTuple):
    """What (participants, DLTs) at one regimen imply; every array is indexed ``[n, y]`` or ``[n]``."""

    lambda_e: float
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
    from scipy.special import betainc

    lambda_e, lambda_d = boundaries(target, safe, toxic)
    n, y = np.arange(largest + 1)[:, None], np.arange(largest + 1)[None]
    real = y <= n
    above = np.where(real, 1 - betainc(y + 1, np.maximum(n - y, 0) + 1, target), 0)
    judged = real & (n >= FEWEST_TO_ELIMINATE) & (y >= 1)
    eliminated = judged & (above > cutoff)
    eliminate = np.where(eliminated.any(axis=1), eliminated.argmax(axis=1), n[:, 0] + 1)
    escalate = np.floor(lambda_e * n[:, 0]).astype(int)
    deescalate = np.minimum(_first_at_or_above(lambda_d * n[:, 0]), eliminate)
    move = np.where(y >= deescalate[:, None], DOWN, np.where(y <= escalate[:, None], UP, 0))
    move[0] = 0  # a regimen nobody was treated at: treat the first cohort there
    shape = y + 0.5, np.maximum(n - y, 0) + 0.5
    score = betainc(*shape, lambda_d) - betainc(*shape, lambda_e) + EXPERIENCE_BONUS * n
    toxic_seen = real & (n > 0) & (y >= lambda_d * n)
    return Tables(
        lambda_e, lambda_d, escalate, deescalate, eliminate, move, score, eliminated,
        judged & (above > cutoff - margin), toxic_seen,
    )  # fmt: skip


def _first_at_or_above(limit: NDArray[np.floating[Any]]) -> Integers:
    """Round up; a limit that is whole to 1e-12 is passed by one, as BOIN does since 2.7.2."""
    whole = np.round(limit)
    return np.where(np.abs(limit - whole) < 1e-12, whole + 1, np.ceil(limit)).astype(int)
