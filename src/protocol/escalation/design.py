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
from protocol.escalation.checks import check_fields, floats, integers
from protocol.escalation.grid import STOP, Booleans, Floats, Grid, Integers
from protocol.escalation.outcomes import Outcomes
from protocol.records import ProtocolError, Record
from protocol.translation import _, list_of, paragraph_of

Rate = Annotated[float, Field(gt=0, lt=1)]
"""A rate or probability of the record, inside 0 to 1."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, from nothing to all."""

Preference = Literal["dose", "frequency", "coin"]
"""Which of equally good regimens is given: of the highest dose, of the highest frequency, or one by a draw."""

EnoughRule = Literal["staying", "reached"]
"""When enough participants at the current regimen end the trial: only where the next cohort would stay there, or at
once when the number is reached."""

Participants = Annotated[int, Field(ge=1)]
"""A number of participants that is not nothing."""


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
    target: Rate = 0.30
    _: KW_ONLY
    toxic: Annotated[float, Field(ge=0)] = 0.42
    cohort_size: int = 3
    maximum: int = 60

    def __post_init__(self) -> None:
        where = _("design")
        check_fields(self, where)
        if self.toxic > 1:
            write = _("a rate up to 1: the target, or one above it")
            raise ProtocolError(where, _("a toxic rate of {:g}").format(self.toxic), write)
        if not 1 <= self.cohort_size <= self.maximum <= 1000:
            found = _("cohorts of {}, {} in all").format(self.cohort_size, self.maximum)
            write = _("a cohort of 1 or more and a maximum from that to 1000")
            raise ProtocolError(_("design, cohort_size and maximum"), found, write)

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
            Uniform draws from 0 to 1 that decide ties when the design prefers the coin; checked whenever given.

        Returns
        -------
        ndarray of int, shape (T,)
            Index of a regimen, or :data:`~protocol.escalation.grid.STOP`.

        Raises
        ------
        ProtocolError
            When the outcomes are of another grid, a regimen has more participants than ``maximum``, a current regimen
            is not on the grid, the draws are not one number from 0 to 1 for each trial, or the coin has none.
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

    def _check_outcomes(self, outcomes: Outcomes) -> None:
        """Refuse anything but outcomes on the design's own grid."""
        if not isinstance(outcomes, Outcomes):
            raise ProtocolError(_("outcomes"), type(outcomes).__name__, _("outcomes, such as Outcomes.parse(...)"))
        if outcomes.grid is not self.grid and outcomes.grid != self.grid:
            found = _("outcomes of the regimens {} to {}").format(outcomes.grid.labels[0], outcomes.grid.labels[-1])
            labels = self.grid.labels[0], self.grid.labels[-1]
            raise ProtocolError(_("outcomes"), found, _("those of the design's grid, {} to {}").format(*labels))

    def _check_counts(self, outcomes: Outcomes, most: int | None = None) -> None:
        """Refuse more participants at one regimen than the trial may have."""
        self._check_outcomes(outcomes)
        most = self.maximum if most is None else most
        if (found := int(outcomes.enrolled.max(initial=0))) > most:
            words = _("{} participants at one regimen").format(found)
            raise ProtocolError(_("outcomes"), words, _("at most the trial's maximum, {}").format(most))

    def _indices(self, outcomes: Outcomes, current: ArrayLike) -> Integers:
        """Return the current regimens as an array of indices on the grid, shape ``(T,)``."""
        self._check_outcomes(outcomes)
        return current_regimens(self.grid, outcomes, current)

    def _draws(self, outcomes: Outcomes, draws: ArrayLike | None) -> Floats | None:
        """Return the draws, one for each trial; refuse a coin without any: chance is always an argument."""
        if draws is None:
            if getattr(self, "preference", "") == "coin":
                raise ProtocolError(_("ties"), _("a coin without draws"), _("draws, or prefer dose or frequency"))
            return None
        where, write = _("draws for ties"), _("one number from 0 to 1 for each trial")
        drawn = floats(draws, where, write)
        if drawn.shape != outcomes.treated.shape[:1] or not ((drawn >= 0) & (drawn <= 1)).all():
            raise ProtocolError(where, repr(draws)[:80], write)
        return drawn

    def _single(self, outcomes: Outcomes, current: int) -> int:
        """Return the current regimen of one trial, to be explained."""
        self._check_outcomes(outcomes)
        outcomes.check_single()
        return int(self._indices(outcomes, [current])[0])


def current_regimens(grid: Grid, outcomes: Outcomes, current: ArrayLike) -> Integers:
    """Return the current regimens as an array of indices on the grid, shape ``(T,)``.

    Raises
    ------
    ProtocolError
        When they are not one index on the grid for each trial.
    """
    where, write = _("current regimen"), _("one number from 0 to {} for each trial").format(grid.size - 1)
    at = integers(current, where, write)
    if at.shape != outcomes.treated.shape[:1] or at.min(initial=0) < 0 or at.max(initial=0) >= grid.size:
        raise ProtocolError(where, repr(current)[:80], write)
    return at


@dataclass(frozen=True, kw_only=True)
class StoppingDesign(Design):
    """A design whose trial may end with enough participants at the current regimen.

    Parameters
    ----------
    enough : int
        So many participants at the current regimen, 1 or more.
    enough_rule : {"staying", "reached"}
        End the trial with that many only where the next cohort would stay at the regimen, whether by the rule or
        because no other may be given, as the published simulations of BOIN do (Yan and others 2020, J Stat Softw
        94(13)); or as soon as the number is reached, as the same package does when it advises.
    """

    enough: Participants = 1000
    enough_rule: EnoughRule = "staying"

    def _ends(self, outcomes: Outcomes, at: Integers, chosen: Integers) -> Booleans:
        """Mark trials with all their participants, or enough at the current regimen; shape ``(T,)``.

        `chosen` is the regimen of the next cohort if the trial goes on.
        """
        enrolled = outcomes.enrolled.reshape(-1, outcomes.grid.size)
        total = enrolled @ np.ones(outcomes.grid.size, int)  # faster than a sum along so short an axis
        enough = enrolled[np.arange(len(enrolled)), at] >= self.enough
        if self.enough_rule == "staying":
            enough &= chosen == at
        return np.asarray((total >= self.maximum) | enough)

    def _end_words(self, outcomes: Outcomes, current: int) -> str:
        """Say why one trial that :meth:`_ends` ends; empty when it has neither all participants nor enough."""
        if outcomes.enrolled.sum() >= self.maximum:
            return _("The maximum of {} participants is reached.").format(self.maximum)
        n, name = int(outcomes.enrolled.reshape(-1)[current]), self.grid.labels[current]
        if n < self.enough:
            return ""
        words = _("{} participants at {} are enough.").format(n, name)
        return (
            paragraph_of([words, _("The next cohort would stay there.")]) if self.enough_rule == "staying" else words
        )


@dataclass(frozen=True, kw_only=True)
class ModelDesign(StoppingDesign):
    """A design that asks a model for the best regimen in reach.

    Parameters
    ----------
    preference : {"dose", "frequency", "coin"}
        Which of equally good regimens is given: highest dose, highest frequency, or by draws.
    """

    preference: Preference = "dose"

    def _followed(self, outcomes: Outcomes, at: Integers, chosen: Integers, closed: Booleans) -> Integers:
        """Return the next regimen: the current one while it is untried and open, else the chosen one, or STOP.

        The trial stops when the lowest regimen is closed, or when it :meth:`_ends`. `closed` has the shape
        ``(T, D * F)``.
        """
        rows, treated = np.arange(len(at)), outcomes.treated.reshape(closed.shape)
        following = np.where((treated[rows, at] == 0) & ~closed[rows, at], at, chosen)
        return np.where(closed[:, 0] | self._ends(outcomes, at, following), STOP, following)


def check_rows(grid: Grid, rates: tuple[tuple[float, ...], ...], where: str) -> None:
    """Refuse rates that are not one row per dose and one rate per frequency; no rows at all pass."""
    if rates and [len(row) for row in rates] != [grid.shape[1]] * grid.shape[0]:
        found = _("rows of {} rates").format(list_of(str(len(row)) for row in rates))
        raise ProtocolError(where, found, _("{} rows (doses) of {} rates (frequencies)").format(*grid.shape))


def preferred(grid: Grid, tied: Booleans, preference: Preference, draws: Floats | None) -> Integers:
    """Choose one marked regimen a trial.

    Parameters
    ----------
    grid : Grid
    tied : ndarray of bool, shape (T, D * F)
    preference : {"dose", "frequency", "coin"}
    draws : ndarray of float, shape (T,), optional
        Uniform draws from 0 to 1, needed for the coin.

    Returns
    -------
    ndarray of int, shape (T,)
        Indices of regimens.
    """
    if preference == "coin" and draws is not None:
        return np.asarray(np.argmax(drawn_of(tied, draws), axis=1))
    order = np.arange(grid.size).reshape(grid.shape)
    ranked = (order if preference == "dose" else order.T).ravel()[::-1]
    return np.asarray(ranked[np.argmax(tied[:, ranked], axis=1)])


def drawn_of(tied: Booleans, draws: Floats) -> Booleans:
    """Keep one mark of each row, by a draw from 0 to 1; a row without marks stays so."""
    marks = tied.sum(axis=1)
    wanted = np.minimum(np.floor(draws * marks).astype(int), marks - 1)  # a draw of exactly 1 takes the last
    return np.asarray(tied & (tied.cumsum(axis=1) == wanted[:, None] + 1))


def higher(grid: Grid) -> Booleans:
    """Whether regimen j is above i in the order of the grid; shape ``(D * F, D * F)``."""
    steps = steps_up(grid)
    return np.asarray((steps > 0) & (steps.T == 0))


def steps_up(grid: Grid) -> Integers:
    """Count the steps up from regimen i to j, doses and frequencies together; shape ``(D * F, D * F)``."""
    place = np.array(np.divmod(np.arange(grid.size), grid.shape[1]))
    return np.asarray(np.maximum(place[:, None, :] - place[:, :, None], 0).sum(axis=0))
