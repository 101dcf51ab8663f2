"""The dose-finding designs, by the name people choose them with."""

from typing import Any, ClassVar, Protocol

import pandas as pd
from numpy.typing import ArrayLike

from protocol.escalation.designs.boin import Boin
from protocol.escalation.designs.keyboard import Keyboard
from protocol.escalation.designs.logistic import Logistic
from protocol.escalation.designs.pipe import Pipe
from protocol.escalation.designs.pocrm import Pocrm
from protocol.escalation.designs.three_plus_three import ThreePlusThree
from protocol.escalation.designs.utility import Utility
from protocol.escalation.designs.waterfall import Waterfall
from protocol.escalation.grid import Booleans, Floats, Grid, Integers
from protocol.escalation.outcomes import Outcomes


class Design(Protocol):
    """What every design offers; all of it works on T trials at once."""

    reads_pending: ClassVar[bool]
    """Whether pending participants count by their follow-up; otherwise all are waited for, without backfill."""

    @property
    def grid(self) -> Grid:
        """The regimens to choose from."""

    @property
    def target(self) -> float:
        """Target DLT rate, 0 to 1."""

    @property
    def toxic(self) -> float:
        """Lowest DLT rate that is too toxic, 0 to 1."""

    @property
    def cohort_size(self) -> int:
        """Participants treated before the next decision."""

    @property
    def maximum(self) -> int:
        """Participants in the whole trial at most."""

    @property
    def assumed_responses(self) -> Floats | None:
        """True response rates to simulate with when none are given, shape ``(D, F)``; None without responses."""

    def next(self, outcomes: Outcomes, current: ArrayLike, draws: ArrayLike | None = None) -> Integers:
        """Return the index of the next regimen, or STOP; shape ``(T,)``."""

    def why(self, outcomes: Outcomes, current: int) -> str:
        """Say what leads to the recommendation for one trial."""

    def decisions(self) -> pd.DataFrame | None:
        """Tabulate what follows from DLTs at the current regimen, one row per number treated.

        None from a design that looks at more than the current regimen.
        """

    def eliminated(self, outcomes: Outcomes) -> Booleans:
        """Mark regimens that may no longer be given; shape ``(T, D, F)``."""

    def selected(self, outcomes: Outcomes) -> Integers:
        """Select the recommended phase II regimen, or STOP for none; shape ``(T,)``."""

    def contour(self, outcomes: Outcomes) -> Integers | None:
        """Select one regimen a frequency, shape ``(T, F)``; None from a design that answers with one regimen."""

    def descends(self, outcomes: Outcomes, current: ArrayLike) -> Booleans:
        """Mark trials whose next step is down or out whatever the pending outcomes will be; shape ``(T,)``."""


DESIGNS: dict[str, type[Any]] = {
    "BOIN (2-D)": Boin,
    "Keyboard (2-D)": Keyboard,
    "Waterfall": Waterfall,
    "PIPE": Pipe,
    "POCRM": Pocrm,
    "Two-agent logistic": Logistic,
    "Utility of response and toxicity": Utility,
    "3+3 along a path": ThreePlusThree,
}
"""Every design by the name that people choose it by."""
