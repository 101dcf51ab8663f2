"""The Bayesian optimal interval design on a grid.

Sources: Liu & Yuan 2015 (J R Stat Soc C 64:507-523; erratum 2022, 71:491-492) for the boundaries; Lin & Yin 2017
(Stat Methods Med Res 26:2155-2167) for the steps; Yuan, Lin, Li, Nie & Warren 2018 (Clin Cancer Res 24:4921-4930) for
late outcomes; Yan and others 2020 (J Stat Softw 94(13)) for the published software, whose bar on escalation is the
option ``bar``. The steps stand in :class:`~protocol.escalation.interval_designs.SteppingDesign`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from protocol.escalation.design import Description, Rate
from protocol.escalation.grid import Floats, Integers
from protocol.escalation.interval_designs import (
    DOWN,
    LIN_YIN_2017,
    LIU_YUAN_2015,
    UP,
    DecisionTables,
    LateCounts,
    SteppingDesign,
    boin_tables,
    check_rates,
    stepping_rule,
)
from protocol.escalation.selection import ROBERTSON_1988, selection_rule


@dataclass(frozen=True, kw_only=True)
class Boin(SteppingDesign):
    """BOIN for a grid of regimens.

    Parameters
    ----------
    grid : Grid
    target : float
        Target DLT rate, 0 to 1.
    safe, toxic : float
        Highest DLT rate that calls for escalation and lowest that calls for de-escalation;
        ``0 < safe < target < toxic < 1``. Usually 0.6 and 1.4 times the target.
    elimination, lowest_margin, enough, enough_rule, rounded, bounded
        As for :class:`~protocol.escalation.interval_designs.IntervalDesign`.
    bar, preference
        As for :class:`~protocol.escalation.interval_designs.SteppingDesign`.
    cohort_size, maximum : int
        Participants per cohort and in the whole trial.

    Raises
    ------
    ProtocolError
        When a parameter lies outside its range.
    """

    safe: Rate = 0.18

    def __post_init__(self) -> None:
        super().__post_init__()
        check_rates(self.target, self.safe, self.toxic)

    @classmethod
    def description(cls) -> Description:
        """Describe the design for a protocol."""
        return Description(stepping_rule(), selection_rule(), (LIU_YUAN_2015, LIN_YIN_2017, ROBERTSON_1988))

    @property
    def tables(self) -> DecisionTables:
        """The look-up tables for up to ``maximum`` participants at one regimen."""
        return boin_tables(self.target, self.safe, self.toxic, self.elimination, self.lowest_margin, self.maximum)

    def late_rate(self, seen: LateCounts) -> Floats:
        """Estimate the DLT rate, each pending participant having a DLT yet with what is left of its odds.

        Yuan and others 2018: the rate among the complete outcomes has a Beta(target / 2, 1 - target / 2) prior.
        """
        rate = (seen.y + self.target / 2) / (seen.n - seen.pending + 1)
        left = rate / (1 - rate) * (seen.pending - seen.followed)
        return np.asarray((seen.y + left) / np.maximum(seen.n, 1))

    def late_move(self, seen: LateCounts) -> Integers:
        """Say where that estimate leads; down only when the DLTs seen reach the target already."""
        rate = self.late_rate(seen)
        down = (rate >= self.tables.lambda_d) & (seen.y >= self.target * seen.n)
        return np.where(down, DOWN, np.where(rate <= self.tables.lambda_e, UP, 0))


PAPER, SOFTWARE = "as published", "as the R package BOIN advises"

# The two rules by name. The package simulates with the first and advises with the second (2.6.8 to 2.7.2).
RULES: dict[str, dict[str, Any]] = {
    PAPER: {"bar": False, "rounded": False, "enough_rule": "staying"},
    SOFTWARE: {"bar": True, "rounded": True, "enough_rule": "reached"},
}
