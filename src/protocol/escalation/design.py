"""A dose-finding design: what every design answers, and what the designs have in common.

Every method works on T trials at once; one trial is the batch of length one. Regimens are named by their index on the
:class:`~protocol.escalation.grid.Grid`.
"""

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from pydantic import Field

from protocol.display import Displayed
from protocol.escalation.grid import Booleans, Floats, Grid, Integers
from protocol.escalation.outcomes import Outcomes
from protocol.records import ProtocolError, Record
from protocol.translation import _

Rate = Annotated[float, Field(gt=0, lt=1)]
"""A rate or probability of the record, inside 0 to 1."""

Preference = Literal["dose", "frequency", "coin"]
"""Which of equally good regimens is given: of the highest dose, of the highest frequency, or one by a draw."""


class Description(NamedTuple):
    """What a protocol says about a design, in words."""

    rule: str
    """How the next regimen is found."""

    selection: str
    """How the recommended phase II regimen is found."""

    references: tuple[str, ...]
    """Publications, as a protocol cites them."""

    parameters: dict[str, str] = {}  # noqa: RUF012
    """Label of each parameter that only this design has, by the name of its field."""


@dataclass(frozen=True)
class Design(ABC, Displayed):
    """A dose-finding design.

    Parameters
    ----------
    grid : Grid
        The regimens to choose from.
    target : float
        Target DLT rate, inside 0 to 1.
    toxic : float
        Lowest DLT rate that counts as too toxic when a simulation is judged, 0 to 1.
    cohort_size : int
        Participants treated before the next decision, 1 or more.
    maximum : int
        Participants in the whole trial at most, 1 to 1000.

    Raises
    ------
    ProtocolError
        When a parameter lies outside its range.
    """

    parameters: ClassVar[type[Record] | None] = None
    """Model of the record's table with the parameters that only this design has; None for a design without any."""

    reads_pending: ClassVar[bool] = False
    """Whether pending participants count by their follow-up; otherwise all are waited for, without backfill."""

    looks_up: ClassVar[bool] = False
    """Whether a decision is looked up in tables, so that thousands of trials at once take no noticeable time."""

    uses_target: ClassVar[bool] = True
    """Whether the rule uses the target DLT rate; otherwise the target only judges the simulation."""

    grid: Grid
    target: float = 0.30
    _: KW_ONLY
    toxic: float = 0.42
    cohort_size: int = 3
    maximum: int = 60

    def __post_init__(self) -> None:
        where, enough = _("design"), getattr(self, "enough", 1)
        if not 0 < self.target < 1:
            found = _("a target DLT rate of {:g}").format(self.target)
            raise ProtocolError(where, found, _("a rate inside 0 to 1"))
        if not 1 <= self.cohort_size <= self.maximum <= 1000 or enough < 1:
            found = _("cohorts of {}, {} in all, {} enough").format(self.cohort_size, self.maximum, enough)
            raise ProtocolError(where, found, _("a cohort of 1 or more and a maximum from that to 1000"))

    @classmethod
    @abstractmethod
    def description(cls) -> Description:
        """Describe the design for a protocol."""

    @abstractmethod
    def next(self, outcomes: Outcomes, current: ArrayLike, draws: ArrayLike | None = None) -> Integers:
        """Return the regimen of the next cohort.

        Parameters
        ----------
        outcomes : Outcomes
            T trials. Unless the design :attr:`reads_pending`, every participant counted has completed the DLT window.
        current : array_like of int, shape (T,)
            Index of the regimen each trial is at.
        draws : array_like of float, shape (T,), optional
            Uniform draws from 0 to 1 that decide ties when the design prefers the coin.

        Returns
        -------
        ndarray of int, shape (T,)
            Index of a regimen, or :data:`~protocol.escalation.grid.STOP`.

        Raises
        ------
        ProtocolError
            When a regimen has more participants than ``maximum``, a current regimen is not on the grid, or the coin
            has no draws.
        """

    @abstractmethod
    def why(self, outcomes: Outcomes, current: int) -> str:
        """Say, with the numbers, what leads to the recommendation for one trial."""

    @abstractmethod
    def eliminated(self, outcomes: Outcomes) -> Booleans:
        """Mark regimens that may no longer be given; shape ``(T, D, F)``."""

    @abstractmethod
    def selected(self, outcomes: Outcomes) -> Integers:
        """Select the recommended phase II regimen of T finished trials, or STOP for none; shape ``(T,)``."""

    def decisions(self) -> pd.DataFrame | None:
        """Tabulate what follows from DLTs at the current regimen.

        Returns
        -------
        DataFrame or None
            treated, escalate (most DLTs that do), deescalate and eliminate (fewest that do, missing when none do).
            None from a design that reads more than the counts at the current regimen.
        """
        return None

    def contour(self, outcomes: Outcomes) -> Integers | None:  # noqa: ARG002
        """Select one regimen a frequency, shape ``(T, F)``; None from a design that answers with one regimen."""
        return None

    def descends(self, outcomes: Outcomes, current: ArrayLike) -> Booleans:  # noqa: ARG002
        """Mark trials that go down or end with any outcome of the pending participants; shape ``(T,)``."""
        return np.zeros(len(outcomes.treated), dtype=bool)

    @property
    def assumed_responses(self) -> Floats | None:
        """True response rates to simulate with when none are given, shape ``(D, F)``; None without responses."""
        return None

    def table(self) -> pd.DataFrame:
        """Tabulate the parameters of the design as it is set: parameter, value."""
        values = {name: value for name, value in vars(self).items() if name in type(self).__dataclass_fields__}
        values["grid"] = f"{self.grid.labels[0]} to {self.grid.labels[-1]}"
        return pd.DataFrame({"parameter": [*values], "value": pd.Series([*values.values()], dtype=object)})

    def _check_counts(self, outcomes: Outcomes, most: int | None = None) -> None:
        """Refuse more participants at one regimen than the trial may have."""
        most = self.maximum if most is None else most
        if (found := int(outcomes.enrolled.max(initial=0))) > most:
            words = _("{} participants at one regimen").format(found)
            raise ProtocolError(_("outcomes"), words, _("at most the trial's maximum, {}").format(most))

    def _indices(self, outcomes: Outcomes, current: ArrayLike) -> Integers:
        """Return the current regimens as an array of indices on the grid, shape ``(T,)``."""
        at = np.asarray(current)
        if at.shape != outcomes.treated.shape[:1] or at.min(initial=0) < 0 or at.max(initial=0) >= self.grid.size:
            write = _("one number from 0 to {} for each trial").format(self.grid.size - 1)
            raise ProtocolError(_("current regimen"), repr(current)[:80], write)
        return at


def full(outcomes: Outcomes, current: ArrayLike, maximum: int, enough: int) -> Booleans:
    """Mark trials with all their participants, or enough at the current regimen; shape ``(T,)``."""
    enrolled = outcomes.enrolled.reshape(-1, outcomes.grid.size)
    total = enrolled @ np.ones(outcomes.grid.size, np.int16)  # faster than a sum along so short an axis
    here = enrolled[np.arange(len(enrolled)), np.asarray(current)]
    return np.asarray((total >= maximum) | (here >= enough))


def full_words(outcomes: Outcomes, current: int, maximum: int, enough: int) -> str:
    """Say for one trial that it is :func:`full`; empty when it is not."""
    if outcomes.enrolled.sum() >= maximum:
        return _("The maximum of {} participants is reached.").format(maximum)
    if (n := int(outcomes.enrolled.reshape(-1)[current])) >= enough:
        return _("{} participants at {} are enough.").format(n, outcomes.grid.labels[current])
    return ""


def check_coin(preference: Preference, draws: ArrayLike | None) -> None:
    """Refuse a coin without draws: chance is always an argument."""
    if preference == "coin" and draws is None:
        raise ProtocolError(_("ties"), _("a coin without draws"), _("draws, or prefer dose or frequency"))


def preferred(grid: Grid, tied: Booleans, preference: Preference, draws: ArrayLike | None) -> Integers:
    """Choose one marked regimen a trial.

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

    Raises
    ------
    ProtocolError
        When the coin has no draws.
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
