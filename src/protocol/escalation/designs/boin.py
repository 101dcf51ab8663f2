"""The Bayesian optimal interval design on a grid.

Source: Lin & Yin 2017 (Stat Methods Med Res 26:2155-2167), with the boundaries of
:mod:`protocol.escalation.intervals`.
"""

from dataclasses import dataclass

import numpy as np

from protocol.escalation.grid import Floats, Integers
from protocol.escalation.intervals import DOWN, UP, Tables, boin_tables
from protocol.escalation.late import Seen, imputed_rate
from protocol.escalation.stepping import IntervalDesign
from protocol.records import ProtocolError
from protocol.translation import _


@dataclass(frozen=True)
class Boin(IntervalDesign):
    """BOIN for a grid of regimens.

    Parameters
    ----------
    grid : Grid
    target : float
        Target DLT rate, 0 to 1.
    safe, toxic : float
        Highest DLT rate that calls for escalation and lowest that calls for de-escalation;
        ``0 < safe < target < toxic < 1``. Usually 0.6 and 1.4 times the target.
    elimination : float
        A regimen is eliminated, with all above it, when the posterior probability that its rate is above the
        target exceeds this (uniform prior).
    lowest_margin : float
        The lowest regimen stops the trial already at ``elimination - lowest_margin``.
    cohort_size, maximum : int
        Participants per cohort and in the whole trial.
    enough : int
        The trial stops when the current regimen has this many participants.
    bar : bool
        Also refuse a higher dose (frequency) at which a lower or equal frequency (dose) showed a rate of at
        least lambda_d. BOIN's ``next.comb`` does so since 2.6.8; the paper and BOIN's own simulations do not.
    preference : {"dose", "frequency", "coin"}
        Which step to take when both score the same; "coin" needs draws.
    rounded : bool
        Round the estimates to two decimals before the final selection.
    bounded : bool
        Select only regimens whose estimate is at most lambda_d.

    Raises
    ------
    ProtocolError
        When a parameter lies outside its range.
    """

    safe: float = 0.18
    toxic: float = 0.42

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.safe < self.target < self.toxic < 1:
            found = _("{:g}, target {:g}, {:g}").format(self.safe, self.target, self.toxic)
            raise ProtocolError(
                _("design"), found, _("a safe rate below the target and a toxic rate above it, inside 0 to 1")
            )

    @property
    def tables(self) -> Tables:
        """The look-up tables for up to ``maximum`` participants at one regimen."""
        return boin_tables(self.target, self.safe, self.toxic, self.elimination, self.lowest_margin, self.maximum)

    def late_rate(self, seen: Seen) -> Floats:
        """Estimate the DLT rate where participants are pending (TITE-BOIN, Yuan and others 2018)."""
        return imputed_rate(seen, self.target)

    def late_move(self, seen: Seen) -> Integers:
        """Say where that estimate leads; down only when the DLTs seen reach the target already."""
        rate = self.late_rate(seen)
        down = (rate >= self.tables.lambda_d) & (seen.y >= self.target * seen.n)
        return np.where(down, DOWN, np.where(rate <= self.tables.lambda_e, UP, 0))
