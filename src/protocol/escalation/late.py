"""Late outcomes in interval designs: pending participants count for the part of their window that has passed.

Sources: Yuan, Lin, Li, Nie & Warren 2018 (Clin Cancer Res 24:4921-4930) for the imputed rate of TITE-BOIN; Lin & Yuan
2020 (Biostatistics 21:807-824) for the effective number of participants, which suits any interval design. Both are
published for one line of doses; that the neighbours on the grid are scored by their effective numbers is ours.
"""

from typing import NamedTuple

import numpy as np

from protocol.escalation.grid import Floats, Integers
from protocol.escalation.outcomes import Outcomes

LEAST_COMPLETE = 0.5  # no step up on fewer complete outcomes than this share (Yuan and others 2018 suspend accrual)


class Seen(NamedTuple):
    """Counts at one regimen a trial, pending participants among `n`."""

    n: Integers
    y: Integers
    pending: Integers
    followed: Floats  # windows that the pending ones have passed together

    @property
    def effective(self) -> Floats:
        """Participants, pending ones in part."""
        return np.asarray(self.n - self.pending + self.followed)


def seen_at(outcomes: Outcomes, places: Integers) -> Seen:
    """Take the counts at `places` of the flattened arrays, whatever their shape."""
    pending, followed = outcomes.pending, outcomes.followed
    if pending is None or followed is None:
        none = np.zeros(places.shape, int)
        return Seen(outcomes.treated.take(places), outcomes.dlt.take(places), none, none.astype(float))
    return Seen(
        outcomes.enrolled.take(places), outcomes.dlt.take(places), pending.take(places), followed.take(places)
    )


def imputed_rate(seen: Seen, target: float) -> Floats:
    """Estimate the DLT rate, each pending participant having a DLT yet with what is left of its odds.

    Yuan and others 2018: the rate among the complete outcomes has a Beta(target / 2, 1 - target / 2) prior.
    """
    rate = (seen.y + target / 2) / (seen.n - seen.pending + 1)
    left = rate / (1 - rate) * (seen.pending - seen.followed)
    return np.asarray((seen.y + left) / np.maximum(seen.n, 1))


def chance_between(seen: Seen, low: float, high: float) -> Floats:
    """Return the probability of a true rate from `low` to `high` on the effective number (Jeffreys' prior)."""
    from scipy.special import betainc

    shape = seen.y + 0.5, seen.effective - seen.y + 0.5
    return np.asarray(betainc(*shape, high) - betainc(*shape, low))
