"""The regimen that a committee chooses: checked by rules that are the same for every design."""

from typing import NamedTuple

import numpy as np

from protocol.escalation.checks import checked
from protocol.escalation.design import Design, steps_up
from protocol.escalation.grid import STOP
from protocol.escalation.outcomes import Outcomes
from protocol.escalation.pathways import recommended
from protocol.records import ProtocolError
from protocol.translation import _


class Choice(NamedTuple):
    """What the design recommends and what the committee chose; indices of regimens, STOP to end the trial."""

    recommended: int
    chosen: int

    @property
    def is_override(self) -> bool:
        """Whether the committee departs from the recommendation, so that its reason has to be recorded."""
        return self.recommended != self.chosen


@checked
def choose(design: Design, outcomes: Outcomes, current: int, chosen: str | None) -> Choice:
    """Check the regimen that a committee chose for the next cohort of one trial.

    The end of the trial is always allowed. After the last participant it is the only choice. Before, a step down
    (neither dose nor frequency higher than now) is allowed; any other regimen must be at most one step above a
    treated one, in dose or in frequency, and must not be eliminated.

    Parameters
    ----------
    design : Design
    outcomes : Outcomes
        One trial.
    current : int
        Index of the regimen the trial is at.
    chosen : str, optional
        Name of the regimen; None ends the trial.

    Raises
    ------
    ProtocolError
        When the grid has no such regimen or the choice breaks a rule; the message names the rule.
    """
    outcomes.check_single()
    grid, advised = design.grid, int(recommended(design, outcomes, current)[0])
    if chosen is None:
        return Choice(advised, STOP)
    index, steps = grid.index(chosen), steps_up(grid)
    where, treated = _("committee's choice, {}").format(grid.labels[index]), outcomes.enrolled.reshape(-1) > 0
    if outcomes.enrolled.sum() >= design.maximum:
        found = _("a regimen after the last of {} participants").format(design.maximum)
        raise ProtocolError(where, found, _("no regimen: the end of the trial"))
    if steps[current, index] == 0 and index != current:
        return Choice(advised, index)
    if not (index == current or (treated & (steps[:, index] <= 1)).any()):
        write = _("a regimen one step above a treated one, in dose or in frequency")
        raise ProtocolError(where, _("more than one step above every treated regimen"), write)
    if np.ravel(design.eliminated(outcomes))[index]:
        raise ProtocolError(where, _("an eliminated regimen"), _("a regimen that is not eliminated, or a lower one"))
    return Choice(advised, index)
