"""What the designs with BOIN's boundaries share: the tables and, with late outcomes, the imputed rate.

Sources: Liu & Yuan 2015 (J R Stat Soc C 64:507-523; erratum 2022, 71:491-492); Yuan, Lin, Li, Nie & Warren 2018 (Clin
Cancer Res 24:4921-4930) for late outcomes.
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
class OptimalInterval(IntervalDesign):
    """An interval design with the boundaries of BOIN; see :class:`protocol.escalation.designs.boin.Boin`."""

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
