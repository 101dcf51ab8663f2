"""The Bayesian optimal interval design on a grid.

Sources: Lin & Yin 2017 (Stat Methods Med Res 26:2155-2167) for the steps, with the boundaries of
:mod:`protocol.escalation.interval_designs`; Yan and others 2020 (J Stat Softw 94(13)) for the published software,
whose bar on escalation is the option ``bar``.
"""

from dataclasses import dataclass

from protocol.escalation.interval_designs import OptimalInterval, TwoWays


@dataclass(frozen=True)
class Boin(OptimalInterval, TwoWays):
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


PAPER, SOFTWARE = "as published", "as the R package BOIN advises"

# The two rules by name. The package simulates with the first and advises with the second (2.6.8 to 2.7.2).
RULES: dict[str, dict[str, bool]] = {
    PAPER: {"bar": False, "rounded": False},
    SOFTWARE: {"bar": True, "rounded": True},
}
