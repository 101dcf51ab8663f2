"""Rules of the trial, the same for every design: accrual, pending outcomes that are waited for, and backfill."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from protocol.escalation.checks import check_fields, checked
from protocol.escalation.design import Design, Participants, Rate, Share, current_regimens
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
    backfill_responders : bool
        Backfill only regimens at which a participant had a response: the rule of BF-BOIN (Zhao, Yuan, Korn & Freidlin
        2024, Clin Cancer Res 30:673-679). Without responses no regimen is backfilled, and a simulation needs their
        rates.

    Raises
    ------
    ProtocolError
        When a value lies outside its range, backfill is asked for without an accrual, or responders without backfill.
    """

    accrual_per_month: Annotated[float, Field(gt=0)] | None = None
    window_days: Annotated[int, Field(ge=1)] = 28
    late_share: Rate = 0.5
    most_pending: Share = 0.0
    backfill: bool = False
    backfill_most: Participants = 12
    backfill_responders: bool = False

    def __post_init__(self) -> None:
        where = _("rules of the trial")
        check_fields(self, where)
        if self.backfill and self.accrual_per_month is None:
            write = _("an accrual: backfill is for those who come while a cohort is waited for")
            raise ProtocolError(where, _("backfill without an accrual"), write)

    @checked
    def check(self, design: Design, *, responses: bool = True) -> None:
        """Refuse rules that the design cannot follow.

        Parameters
        ----------
        design : Design
        responses : bool
            Whether the trial counts responses.

        Raises
        ------
        ProtocolError
            When backfill is asked for and the design waits for all outcomes, or backfill asks for responses and there
            are none.
        """
        if self.backfill and self.backfill_responders and not responses:
            found, write = (
                _("backfill after a response, without response rates"),
                _("response rates, or backfill_responders=False"),
            )
            raise ProtocolError(_("rules of the trial"), found, write)
        if self.backfill and not design.reads_pending:
            write = _("no backfill, or a design that counts pending participants by their follow-up")
            raise ProtocolError(
                _("rules of the trial"), _("backfill under a design that waits for all participants"), write
            )

    @checked
    def waits(self, design: Design, outcomes: Outcomes, current: ArrayLike) -> Booleans:
        """Say which trials wait for pending outcomes before the next cohort; shape ``(T,)``.

        A design that needs complete outcomes waits for all pending ones. A design that counts them in part waits for
        those at the current regimen beyond `most_pending`, unless the step is down with any of their outcomes.
        """
        at, rows = current_regimens(design.grid, outcomes, current), np.arange(len(outcomes.treated))
        if outcomes.pending is None:
            return np.zeros(len(rows), dtype=bool)
        if not design.reads_pending:
            return np.asarray(outcomes.pending.any(axis=(1, 2)))
        pending = outcomes.pending.reshape(-1, design.grid.size)[rows, at]
        most = self.most_pending * outcomes.enrolled.reshape(-1, design.grid.size)[rows, at]
        waits = pending > most + 1e-9
        if self.most_pending:
            waits &= ~design.descends(outcomes, at)
        return np.asarray(waits)

    @checked
    def waited_for(self, design: Design, outcomes: Outcomes, current: int) -> Integers:
        """Count the participants one trial waits for before the next cohort, at each regimen; shape ``(D * F,)``.

        If the current regimen is untried, the treated regimens one step below decide: their participants are counted.
        """
        current_regimens(design.grid, outcomes, [current])
        if outcomes.pending is None:
            return np.zeros(design.grid.size, int)
        pending, enrolled = outcomes.pending.reshape(-1), outcomes.enrolled.reshape(-1)
        below = [cell for cell in design.grid.neighbours[-1, current].tolist() if cell >= 0 and enrolled[cell]]
        asked = below if below and not enrolled[current] else [current]
        waiting = [cell for cell in asked if self.waits(design, outcomes, [cell])[0]]
        counted = np.isin(np.arange(design.grid.size), waiting) | (not design.reads_pending)
        return np.where(counted, pending, 0)

    @checked
    def backfilled(
        self, design: Design, outcomes: Outcomes, current: ArrayLike, cohort_size: Participants
    ) -> Integers:
        """Return the index of the regimen to backfill, NOWHERE for none; shape ``(T,)``.

        Cleared are regimens below the current one (neither dose nor frequency higher) where a whole cohort has
        complete outcomes, not eliminated, with an observed DLT rate at or below the target; with
        `backfill_responders`, also with a response. Of those with a free place the highest is filled, dose before
        frequency.
        """
        size, at = design.grid.size, current_regimens(design.grid, outcomes, current)
        counts = (outcomes.treated, outcomes.dlt, outcomes.enrolled, design.eliminated(outcomes))
        treated, dlt, enrolled, closed = (count.reshape(-1, size) for count in counts)
        dose, frequency = np.divmod(np.arange(size), design.grid.shape[1])
        below = (dose <= dose[at][:, None]) & (frequency <= frequency[at][:, None])
        below &= np.arange(size) != at[:, None]
        cleared = below & ~closed & (treated >= cohort_size) & (dlt <= design.target * treated)
        cleared &= enrolled < self.backfill_most
        if self.backfill_responders:
            responded = np.zeros_like(treated) if outcomes.responded is None else outcomes.responded.reshape(-1, size)
            cleared &= responded > 0
        highest = size - 1 - np.argmax(cleared[:, ::-1], axis=1)
        return np.where(cleared.any(axis=1), highest, NOWHERE)
