"""What most designs say of themselves: they need complete outcomes, count any number, know nothing of responses."""

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from protocol.escalation.grid import Booleans, Floats, Integers
from protocol.escalation.outcomes import Outcomes


class UsualDesign:
    """Answers of a design that reads complete DLT windows only; see :class:`protocol.escalation.designs.Design`."""

    reads_pending: ClassVar[bool] = False

    @property
    def assumed_responses(self) -> Floats | None:
        """True response rates to simulate with when none are given, shape ``(D, F)``; None without responses."""
        return None

    def descends(self, outcomes: Outcomes, current: ArrayLike) -> Booleans:
        """Mark trials whose next step is down or out whatever the pending outcomes will be; shape ``(T,)``."""
        return np.zeros(len(np.asarray(current)), dtype=bool) & (len(outcomes.treated) > 0)

    def contour(self, outcomes: Outcomes) -> Integers | None:  # noqa: ARG002
        """Select one regimen a frequency, shape ``(T, F)``; None from a design that answers with one regimen."""
        return None
