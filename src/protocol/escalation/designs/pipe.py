"""PIPE: a product of independent Beta probabilities finds the contour at the target.

Source: Mander & Sweeting 2015 (Stat Med 34:1261-1276). Every regimen has its own Beta posterior; a contour
divides the grid into regimens below and above the target, and its weight is the product of the probabilities that
each regimen is on its side.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from protocol.escalation.design import Description, Design, Preference, Rate, full, full_words, preferred
from protocol.escalation.grid import STOP, Booleans, Floats, Grid, Integers
from protocol.escalation.outcomes import Outcomes
from protocol.escalation.selection import select
from protocol.records import ProtocolError, Record, Sourced
from protocol.translation import _

TIE = 1e-9  # two logarithms of weights this close are equal

NEVER = 1e-300  # keeps the logarithm of a probability of zero finite


class PipeParameters(Record):
    """Prior and limits of PIPE."""

    prior_rates: Sourced[tuple[tuple[Rate, ...], ...]]
    prior_size: Sourced[Annotated[float, Field(gt=0)]]
    ceiling: Sourced[Annotated[float, Field(gt=0, le=1)]]


class Posterior(NamedTuple):
    """What T trials say about the contour."""

    above: Booleans  # (T, D * F) above the most likely contour
    chance: Floats  # (T, D * F) probability of lying above the contour, over all contours
    adjacent: Booleans  # (T, D * F) touches the most likely contour


@dataclass(frozen=True, kw_only=True)
class Pipe(Design):
    """Product of independent beta probabilities escalation.

    Parameters
    ----------
    grid : Grid
    target, toxic : float
        Target DLT rate, and the lowest rate that counts as too toxic when a simulation is judged; 0 to 1.
    prior_rates : tuple of tuple of float
        Prior medians of the DLT rates, one row a dose, 0 to 1. Empty: rising evenly from half the target to one
        and a half.
    prior_size : float
        What the prior of one regimen weighs, in participants.
    ceiling : float
        A regimen whose probability of lying above the contour reaches this is not given; 1 bars none.
    admissible : {"closest", "adjacent"}
        Give the regimens nearest the contour on both sides, or all that touch it.
    reach : {"neighbours", "tried"}
        Choose among the regimens around the current one, or among all at most one step above a tried one.
    diagonal : bool
        Allow dose and frequency to rise at once, as the published software does unless told otherwise.
    preference : {"dose", "frequency", "coin"}
        Which of the regimens with fewest participants is given: highest dose, highest frequency, or by draws.
    cohort_size, maximum, enough : int
        Participants per cohort, in the whole trial, and at the current regimen to end the trial.

    Raises
    ------
    ProtocolError
        When a parameter lies outside its range.
    """

    parameters = PipeParameters

    prior_rates: tuple[tuple[float, ...], ...] = ()
    prior_size: float = 1 / 15
    ceiling: float = 0.8
    admissible: Literal["closest", "adjacent"] = "closest"
    reach: Literal["neighbours", "tried"] = "neighbours"
    diagonal: bool = False
    preference: Preference = "dose"
    enough: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        where = _("design")
        if not (0 < self.prior_size < np.inf and 0 < self.ceiling <= 1):
            found = _("{:g} participants, {:g}").format(self.prior_size, self.ceiling)
            raise ProtocolError(where, found, _("a prior weight above 0 and a probability from above 0 to 1"))
        if self.prior_rates and np.shape(self.prior_rates) != self.grid.shape:
            raise ProtocolError(
                where, _("prior rates of another grid"), _("one row per dose, one rate per frequency")
            )
        if not all(0 < rate < 1 for row in self.prior_rates for rate in row):
            raise ProtocolError(where, _("a prior rate of 0, 1 or beyond"), _("prior rates inside 0 to 1"))

    @classmethod
    def description(cls) -> Description:
        """Describe the design for a protocol."""
        return Description(
            _(
                "Every regimen has its own prior; of all ways to divide the grid into regimens below and above the "
                "target without breaking its order, the most probable one is followed, and an admissible regimen "
                "next to it with the fewest participants is given. A regimen that lies above it with high "
                "probability is barred."
            ),
            _(
                "At the end, of the highest tried regimens below the most probable division, the one whose isotonic "
                "estimate is nearest the target is recommended."
            ),
            (
                (
                    "Mander AP, Sweeting MJ. A product of independent beta probabilities dose escalation design for "
                    "dual-agent phase I trials. Stat Med 2015;34:1261-1276."
                ),
            ),
            {
                "prior_rates": _("Prior medians of the DLT rates, dose by dose"),
                "prior_size": _("Weight of the prior at one regimen, participants"),
                "ceiling": _("Probability of lying above the contour that bars"),
            },
        )

    @property
    def shapes(self) -> Floats:
        """Both parameters of every regimen's Beta prior, shape ``(2, D * F)``."""
        rank = np.add.outer(*map(np.arange, self.grid.shape)).ravel()
        usual = np.minimum(self.target * (0.5 + rank / max(rank[-1], 1)), 0.95)
        medians = np.ravel(self.prior_rates) if self.prior_rates else usual
        return _shapes(tuple(medians.tolist()), self.prior_size)

    def next(self, outcomes: Outcomes, current: ArrayLike, draws: ArrayLike | None = None) -> Integers:
        """Return the regimen of the next cohort; see :meth:`protocol.escalation.Design.next`."""
        at, open_ones = self._indices(outcomes, current), self._admissible(outcomes, current)
        treated = outcomes.treated.reshape(-1, self.grid.size)
        fewest = np.where(open_ones, treated, np.iinfo(treated.dtype).max)
        tied = open_ones & (fewest == fewest.min(axis=1, initial=np.iinfo(treated.dtype).max)[:, None])
        chosen = preferred(self.grid, tied, self.preference, draws)
        closed = self.eliminated(outcomes).reshape(treated.shape)
        rows = np.arange(len(at))
        chosen = np.where((treated[rows, at] == 0) & ~closed[rows, at], at, chosen)
        return np.where(closed[:, 0] | full(outcomes, at, self.maximum, self.enough), STOP, chosen)

    def eliminated(self, outcomes: Outcomes) -> Booleans:
        """Mark regimens that probably lie above the contour; shape ``(T, D, F)``."""
        return (self.posterior(outcomes).chance >= self.ceiling).reshape(outcomes.treated.shape)

    def selected(self, outcomes: Outcomes) -> Integers:
        """Select one of the highest tried regimens below the contour: the one nearest the target.

        PIPE itself names them all; the isotonic estimates of the other designs choose among them.
        """
        posterior = self.posterior(outcomes)
        below = (outcomes.treated.reshape(-1, self.grid.size) > 0) & ~posterior.above
        highest = below & ~_any_of(below, _higher(self.grid).T)
        shape = outcomes.treated.shape
        return select(outcomes, self.target, self.eliminated(outcomes), among=highest.reshape(shape))

    def why(self, outcomes: Outcomes, current: int) -> str:
        """Say, with the numbers, what leads to the recommendation for one trial."""
        posterior, labels = self.posterior(outcomes), self.grid.labels
        chosen = int(self.next(outcomes, [current], [0.0])[0])
        n, y = (int(counts.reshape(-1)[current]) for counts in (outcomes.treated, outcomes.dlt))
        seen = _("At {}, {} of {} participants had a DLT.").format(labels[current], y, n)
        if chosen == STOP and (done := full_words(outcomes, current, self.maximum, self.enough)):
            return f"{seen} {done}"
        if chosen == STOP:
            words = _("The lowest regimen, {}, lies above the contour with probability {:.2f} (limit {:g}): stop.")
            return f"{seen} " + words.format(labels[0], posterior.chance[0, 0], self.ceiling)
        if n == 0:
            return _("No participant was treated at {} yet.").format(labels[current])
        among = np.flatnonzero(self._admissible(outcomes, [current])[0])
        listed = ", ".join(
            _("{} ({} treated, {:.2f})").format(labels[i], outcomes.treated.reshape(-1)[i], posterior.chance[0, i])
            for i in among
        )
        words = _(
            "In reach and nearest the contour, with the probability of lying above it (limit {:g}): {}. "
            "{} has the fewest participants; ties go to: {}."
        )
        sides = {"dose": _("the dose"), "frequency": _("the frequency"), "coin": _("a coin")}
        return f"{seen} " + words.format(self.ceiling, listed, labels[chosen], sides[self.preference])

    def posterior(self, outcomes: Outcomes) -> Posterior:
        """Weigh all contours, given the outcomes of T trials."""
        self._check_counts(outcomes)
        n, y = (counts.reshape(-1, self.grid.size) for counts in (outcomes.treated, outcomes.dlt))
        tables = _log_chances(tuple(map(tuple, self.shapes.tolist())), self.target, self.maximum)
        side, cells = np.arange(2)[:, None, None], np.arange(self.grid.size)
        under, over = tables[side, cells, n, y]
        above = ~self.grid.lower_sets
        weight = under @ (~above).T.astype(float) + over @ above.T.astype(float)
        weight -= weight.max(axis=1, initial=-np.inf)[:, None]
        # Of contours that weigh the same, the one with most regimens above it: the careful one.
        best = np.where(weight > -TIE, above.sum(axis=1) + 1, 0).argmax(axis=1)
        weight = np.exp(weight)
        chance = weight @ above.astype(float) / weight.sum(axis=1)[:, None]
        return Posterior(above[best], chance, _touching(self.grid)[best])

    def _admissible(self, outcomes: Outcomes, current: ArrayLike) -> Booleans:
        posterior, higher = self.posterior(outcomes), _higher(self.grid)
        safe = posterior.chance < self.ceiling
        at = np.asarray(current)
        inside = safe & self._in_reach(outcomes, at)
        # No regimen around is safe any more: take a safe one below.
        inside = np.where(inside.any(axis=1, keepdims=True), inside, safe & higher.T[at])
        below, above = inside & ~posterior.above, inside & posterior.above
        closest = (below & ~_any_of(below, higher.T)) | (above & ~_any_of(above, higher))
        touching = inside & posterior.adjacent
        use_touching = touching.any(axis=1, keepdims=True) & (self.admissible == "adjacent")
        return np.where(use_touching, touching, closest)

    def _in_reach(self, outcomes: Outcomes, at: Integers) -> Booleans:
        steps = _steps_up(self.grid)
        climbs = steps.max(axis=0) <= 1 if self.diagonal else steps.sum(axis=0) <= 1
        if self.reach == "tried":
            return _any_of(outcomes.treated.reshape(-1, self.grid.size) > 0, climbs)
        near = (steps.max(axis=0) <= 1) & (steps.max(axis=0).T <= 1)
        return np.asarray((climbs & near)[at])


def _any_of(cells: Booleans, relation: Booleans) -> Booleans:
    """Mark the regimens that some marked one is related to; ``relation[i, j]`` holds from i to j."""
    return np.asarray(cells.astype(float) @ relation.astype(float) > 0)


@lru_cache(maxsize=8)
def _steps_up(grid: Grid) -> Integers:
    """Steps up from regimen i to j in dose and in frequency, shape ``(2, D * F, D * F)``; down counts as 0."""
    place = np.array(np.divmod(np.arange(grid.size), grid.shape[1]))
    return np.asarray(np.maximum(place[:, None, :] - place[:, :, None], 0))


def _higher(grid: Grid) -> Booleans:
    """Whether regimen j is above i in the order of the grid; shape ``(D * F, D * F)``."""
    steps = _steps_up(grid).sum(axis=0)
    return np.asarray((steps > 0) & (steps.T == 0))


@lru_cache(maxsize=8)
def _touching(grid: Grid) -> Booleans:
    """Whether a regimen touches the contour above each lower set, corners and edges included; ``(L, D * F)``."""
    above = ~grid.lower_sets.reshape(-1, *grid.shape)
    padded = np.pad(above, ((0, 0), (0, 1), (0, 1)), constant_values=True)
    over = padded[:, 1:, :-1] | padded[:, :-1, 1:] | padded[:, 1:, 1:]
    padded = np.pad(~above, ((0, 0), (1, 0), (1, 0)), constant_values=True)
    under = padded[:, :-1, 1:] | padded[:, 1:, :-1] | padded[:, :-1, :-1]
    return np.asarray(((~above & over) | (above & under)).reshape(len(above), -1))


@lru_cache(maxsize=8)
def _shapes(medians: tuple[float, ...], size: float) -> Floats:
    """Solve for the Beta distributions with these medians and ``a + b = size``, by halving."""
    from scipy.special import betainc

    median, low, high = np.array(medians), np.zeros(len(medians)), np.full(len(medians), size)
    for _halving in range(60):
        middle = (low + high) / 2
        too_small = betainc(middle, size - middle, median) > 0.5
        low, high = np.where(too_small, middle, low), np.where(too_small, high, middle)
    return np.array([low, size - low])


@lru_cache(maxsize=16)
def _log_chances(shapes: tuple[tuple[float, ...], ...], target: float, largest: int) -> Floats:
    """Logarithms of the chances below and above the target, shape ``(2, D * F, largest + 1, largest + 1)``."""
    from scipy.special import betainc

    a, b = np.array(shapes)[:, :, None, None]
    n, y = np.arange(largest + 1)[:, None], np.arange(largest + 1)[None]
    below = betainc(a + y, b + np.maximum(n - y, 0), target)
    above = betainc(b + np.maximum(n - y, 0), a + y, 1 - target)
    return np.log(np.maximum([below, above], NEVER))
