"""Rules of the trial, the same for every design: accrual, pending outcomes that are waited for, and backfill."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from protocol.escalation.design import Design
from protocol.escalation.grid import Booleans, Integers
from protocol.escalation.outcomes import Outcomes
from protocol.records import ProtocolError
from protocol.translation import _

NOWHERE = -1  # in place of a regimen to fill: there is none


@dataclass(frozen=True)
class TrialRules:
    """Rules of the trial; with the defaults every outcome is complete before the next cohort starts.

    Parameters
    ----------
    accrual_per_month : float, optional
        Participants who can start in a month (they come as a Poisson process). Without it no time is simulated.
    window_days : int
        Length of the DLT window from the first infusion, 1 or more.
    late_share : float
        Share of the DLTs that come in the second half of the window, inside 0 to 1: the time to a DLT is the
        window times ``u ** (1 / a)`` with ``a = -log2(1 - late_share)``, so that 0.5 spreads them evenly.
    most_pending : float
        The next cohort may start while at most this share of the participants at the current regimen are in their
        window: 0 waits for all of them; 0.5 is the usual suspension rule with late outcomes (Yuan and others 2018).
        Designs that need complete outcomes wait for all participants, at every regimen.
    backfill : bool
        Participants who come while a cohort is waited for start at a cleared regimen below the current one. Designs
        that need complete outcomes refuse it: each backfilled participant would prolong the wait.
    backfill_most : int
        No regimen is filled beyond this number of participants, 1 or more.

    Raises
    ------
    ProtocolError
        When a value lies outside its range, or backfill is asked for without an accrual.
    """

    accrual_per_month: float | None = None
    window_days: int = 28
    late_share: float = 0.5
    most_pending: float = 0.0
    backfill: bool = False
    backfill_most: int = 12

    def __post_init__(self) -> None:
        where, accrual = _("rules of the trial"), self.accrual_per_month
        if accrual is not None and not 0 < accrual < np.inf:
            raise ProtocolError(where, _("an accrual of {:g} a month").format(accrual), _("an accrual above 0"))
        if not (0 < self.late_share < 1 and 0 <= self.most_pending <= 1):
            found = _("shares of {:g} late and {:g} pending").format(self.late_share, self.most_pending)
            raise ProtocolError(where, found, _("a late share inside 0 to 1, a pending share from 0 to 1"))
        if not (self.window_days >= 1 and self.backfill_most >= 1):
            found = _("a window of {} days, backfill to {}").format(self.window_days, self.backfill_most)
            raise ProtocolError(where, found, _("1 or more"))
        if self.backfill and accrual is None:
            write = _("an accrual: backfill is for those who come while a cohort is waited for")
            raise ProtocolError(where, _("backfill without an accrual"), write)

    def check(self, design: Design) -> None:
        """Refuse rules that the design cannot follow.

        Raises
        ------
        ProtocolError
            When backfill is asked for and the design waits for all outcomes.
        """
        if self.backfill and not design.reads_pending:
            write = _("no backfill, or a design that counts pending participants by their follow-up")
            raise ProtocolError(
                _("rules of the trial"), _("backfill under a design that waits for all participants"), write
            )

    def waits(self, design: Design, outcomes: Outcomes, current: ArrayLike) -> Booleans:
        """Say which trials wait for pending outcomes before the next cohort; shape ``(T,)``.

        A design that needs complete outcomes waits for all pending ones. A design that counts them in part waits for
        those at the current regimen beyond `most_pending`, unless the step is down with any of their outcomes.
        """
        at, rows = np.asarray(current), np.arange(len(outcomes.treated))
        if outcomes.pending is None:
            return np.zeros(len(rows), dtype=bool)
        if not design.reads_pending:
            return np.asarray(outcomes.pending.any(axis=(1, 2)))
        pending = outcomes.pending.reshape(len(rows), -1)[rows, at]
        most = self.most_pending * outcomes.enrolled.reshape(len(rows), -1)[rows, at]
        waits = pending > most + 1e-9
        if self.most_pending:
            waits &= ~design.descends(outcomes, at)
        return np.asarray(waits)

    def waited_for(self, design: Design, outcomes: Outcomes, current: int) -> Integers:
        """Count the participants one trial waits for before the next cohort, at each regimen; shape ``(D * F,)``.

        If the current regimen is untried, the treated regimens one step below decide: their participants are counted.
        """
        if outcomes.pending is None:
            return np.zeros(design.grid.size, int)
        pending, enrolled = outcomes.pending.reshape(-1), outcomes.enrolled.reshape(-1)
        below = [cell for cell in design.grid.neighbours[-1, current].tolist() if cell >= 0 and enrolled[cell]]
        asked = below if below and not enrolled[current] else [current]
        waiting = [cell for cell in asked if self.waits(design, outcomes, [cell])[0]]
        counted = np.isin(np.arange(design.grid.size), waiting) | (not design.reads_pending)
        return np.where(counted, pending, 0)

    def backfilled(self, design: Design, outcomes: Outcomes, current: ArrayLike, cohort_size: int) -> Integers:
        """Return the index of the regimen to backfill, NOWHERE for none; shape ``(T,)``.

        Cleared are regimens below the current one (neither dose nor frequency higher) where a whole cohort has
        complete outcomes, not eliminated, with an observed DLT rate at or below the target. Of those with a free
        place the highest is filled, dose before frequency.
        """
        size, at = design.grid.size, np.asarray(current)
        counts = (outcomes.treated, outcomes.dlt, outcomes.enrolled, design.eliminated(outcomes))
        treated, dlt, enrolled, closed = (count.reshape(-1, size) for count in counts)
        dose, frequency = np.divmod(np.arange(size), design.grid.shape[1])
        below = (dose <= dose[at][:, None]) & (frequency <= frequency[at][:, None])
        below &= np.arange(size) != at[:, None]
        cleared = below & ~closed & (treated >= cohort_size) & (dlt <= design.target * treated)
        cleared &= enrolled < self.backfill_most
        highest = size - 1 - np.argmax(cleared[:, ::-1], axis=1)
        return np.where(cleared.any(axis=1), highest, NOWHERE)
