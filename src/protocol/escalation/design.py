"""What every dose-finding design has in common: its methods, what it refuses, and how ties are decided."""

from typing import ClassVar, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from protocol.escalation.grid import Booleans, Floats, Grid, Integers
from protocol.escalation.outcomes import Outcomes
from protocol.records import ProtocolError
from protocol.translation import _


def check_trial(target: float, cohort_size: int, maximum: int, enough: int) -> None:
    """Refuse a target outside 0 to 1 and sizes that no trial can have."""
    where = _("design")
    if not 0 < target < 1:
        raise ProtocolError(where, _("a target DLT rate of {:g}").format(target), _("a rate inside 0 to 1"))
    if not 1 <= cohort_size <= maximum <= 1000 or enough < 1:
        found = _("cohorts of {}, {} in all, {} enough").format(cohort_size, maximum, enough)
        raise ProtocolError(where, found, _("a cohort of 1 or more and a maximum from that to 1000"))


def check_counts(outcomes: Outcomes, maximum: int) -> None:
    """Refuse more participants at one regimen than the whole trial may have."""
    if (most := int(outcomes.enrolled.max(initial=0))) > maximum:
        found = _("{} participants at one regimen").format(most)
        raise ProtocolError(_("outcomes"), found, _("at most the trial's maximum, {}").format(maximum))


def finished(outcomes: Outcomes, current: ArrayLike, maximum: int, enough: int) -> Booleans:
    """Mark trials with all their participants, or enough at the current regimen; shape ``(T,)``."""
    enrolled, at = outcomes.enrolled.reshape(-1, outcomes.grid.size), np.asarray(current)
    return np.asarray((enrolled.sum(axis=1) >= maximum) | (enrolled[np.arange(len(enrolled)), at] >= enough))


def finished_words(outcomes: Outcomes, current: int, maximum: int, enough: int) -> str:
    """Say for one trial that it has its participants; empty when it has not."""
    if outcomes.enrolled.sum() >= maximum:
        return _("The maximum of {} participants is reached.").format(maximum)
    if (n := int(outcomes.enrolled.reshape(-1)[current])) >= enough:
        return _("{} participants at {} are enough.").format(n, outcomes.grid.labels[current])
    return ""


def places(grid: Grid, outcomes: Outcomes, current: ArrayLike) -> Integers:
    """Return the current regimens as an array, one index a trial."""
    at = np.asarray(current)
    if at.shape != outcomes.treated.shape[:1] or at.min(initial=0) < 0 or at.max(initial=0) >= grid.size:
        write = _("one number from 0 to {} for each trial").format(grid.size - 1)
        raise ProtocolError(_("current regimen"), repr(current)[:80], write)
    return at


def check_coin(preference: str, draws: ArrayLike | None) -> None:
    """Refuse a coin without draws: chance is always given, never made."""
    if preference == "coin" and draws is None:
        raise ProtocolError(_("ties"), _("a coin without draws"), _("draws, or prefer dose or frequency"))


def one_of(grid: Grid, tied: Booleans, preference: str, draws: ArrayLike | None) -> Integers:
    """Choose one marked regimen a trial: of the highest dose, of the highest frequency, or by its draw.

    Parameters
    ----------
    grid : Grid
    tied : ndarray of bool, shape (T, D * F)
    preference : {"dose", "frequency", "coin"}
    draws : array_like of float, shape (T,), optional
        Uniform draws from 0 to 1, needed for the coin.

    Returns
    -------
    ndarray of int, shape (T,)
        Indices of regimens.
    """
    check_coin(preference, draws)
    if preference == "coin":
        wanted = np.floor(np.asarray(draws) * tied.sum(axis=1)).astype(int)
        return np.asarray(np.argmax(tied & (tied.cumsum(axis=1) == wanted[:, None] + 1), axis=1))
    order = np.arange(grid.size).reshape(grid.shape)
    ranked = (order if preference == "dose" else order.T).ravel()[::-1]
    return np.asarray(ranked[np.argmax(tied[:, ranked], axis=1)])


def steps_up(grid: Grid) -> Integers:
    """Count the steps up from regimen i to j, doses and frequencies together; shape ``(D * F, D * F)``."""
    place = np.array(np.divmod(np.arange(grid.size), grid.shape[1]))
    return np.asarray(np.maximum(place[:, None, :] - place[:, :, None], 0).sum(axis=0))


class UsualDesign:
    """Answers of a design that reads complete DLT windows only; see :class:`protocol.escalation.design.Design`."""

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
