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

from protocol.escalation.design import Description, ModelDesign, Rate, check_rows, higher, preferred
from protocol.escalation.grid import STOP, Booleans, Floats, Grid, Integers
from protocol.escalation.outcomes import Outcomes
from protocol.escalation.selection import select
from protocol.records import Record, Sourced
from protocol.translation import _, list_of, paragraph_of

TIE = 1e-9  # two logarithms of weights this close are equal

NEVER = 1e-300  # keeps the logarithm of a probability of zero finite


PriorSize = Annotated[float, Field(gt=0)]

Ceiling = Annotated[float, Field(gt=0, le=1)]


class PipeParameters(Record):
    """Prior and limits of PIPE."""

    prior_rates: Sourced[tuple[tuple[Rate, ...], ...]]
    prior_size: Sourced[PriorSize]
    ceiling: Sourced[Ceiling]


class Posterior(NamedTuple):
    """What T trials say about the contour."""

    above: Booleans  # (T, D * F) above the most likely contour
    chance: Floats  # (T, D * F) probability of lying above the contour, over all contours
    adjacent: Booleans  # (T, D * F) touches the most likely contour


@dataclass(frozen=True, kw_only=True)
class Pipe(ModelDesign):
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
    reach : {"neighbours", "tried", "levels"}
        Choose among the regimens around the current one; among all at most one step above a tried regimen, which is
        our rule against skipping; or among all whose dose is at most one above the highest dose tried and whose
        frequency is at most one above the highest frequency tried, each at any level of the other: the published
        rule against skipping.
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

    prior_rates: tuple[tuple[Rate, ...], ...] = ()
    prior_size: PriorSize = 1 / 15
    ceiling: Ceiling = 0.8
    admissible: Literal["closest", "adjacent"] = "closest"
    reach: Literal["neighbours", "tried", "levels"] = "neighbours"
    diagonal: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_rows(self.grid, self.prior_rates, _("design, prior_rates"))

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
                "ceiling": _("Cutoff: a higher probability of lying above the contour bars a regimen"),
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
        at, drawn = self._indices(outcomes, current), self._draws(outcomes, draws)
        open_ones = self._admissible(outcomes, at)
        treated = outcomes.treated.reshape(-1, self.grid.size)
        fewest = np.where(open_ones, treated, np.iinfo(treated.dtype).max)
        tied = open_ones & (fewest == fewest.min(axis=1, initial=np.iinfo(treated.dtype).max)[:, None])
        chosen = preferred(self.grid, tied, self.preference, drawn)
        return self._followed(outcomes, at, chosen, self.eliminated(outcomes).reshape(treated.shape))

    def eliminated(self, outcomes: Outcomes) -> Booleans:
        """Mark regimens that probably lie above the contour; shape ``(T, D, F)``."""
        return (self.posterior(outcomes).chance >= self.ceiling).reshape(outcomes.treated.shape)

    def selected(self, outcomes: Outcomes) -> Integers:
        """Select one of the highest tried regimens below the contour: the one nearest the target.

        PIPE itself names them all; the isotonic estimates of the other designs choose among them.
        """
        posterior = self.posterior(outcomes)
        below = (outcomes.treated.reshape(-1, self.grid.size) > 0) & ~posterior.above
        highest = below & ~_any_of(below, higher(self.grid).T)
        shape = outcomes.treated.shape
        return select(outcomes, self.target, self.eliminated(outcomes), among=highest.reshape(shape))

    def why(self, outcomes: Outcomes, current: int) -> str:
        """Say, with the numbers, what leads to the recommendation for one trial."""
        current = self._single(outcomes, current)
        posterior, labels = self.posterior(outcomes), self.grid.labels
        chosen = int(self.next(outcomes, [current], [0.0])[0])
        n, y = (int(counts.reshape(-1)[current]) for counts in (outcomes.treated, outcomes.dlt))
        seen = _("At {}, {} of {} participants had a DLT.").format(labels[current], y, n)
        if chosen == STOP and (done := self._end_words(outcomes, current)):
            return paragraph_of([seen, done])
        if chosen == STOP:
            words = _("The lowest regimen, {}, lies above the contour with probability {:.2f} (limit {:g}): stop.")
            return paragraph_of([seen, words.format(labels[0], posterior.chance[0, 0], self.ceiling)])
        if n == 0:
            return _("No participant was treated at {} yet.").format(labels[current])
        among = np.flatnonzero(self._admissible(outcomes, np.array([current]))[0])
        nearest = list_of(
            _("{} ({} treated, {:.2f})").format(labels[i], outcomes.treated.reshape(-1)[i], posterior.chance[0, i])
            for i in among
        )
        words = _(
            "In reach and nearest the contour, with the probability of lying above it (limit {:g}): {}. "
            "{} has the fewest participants; ties go to: {}."
        )
        sides = {"dose": _("the dose"), "frequency": _("the frequency"), "coin": _("a coin")}
        return paragraph_of([seen, words.format(self.ceiling, nearest, labels[chosen], sides[self.preference])])

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

    def _admissible(self, outcomes: Outcomes, at: Integers) -> Booleans:
        posterior, over = self.posterior(outcomes), higher(self.grid)
        safe = posterior.chance < self.ceiling
        inside = safe & self._in_reach(outcomes, at)
        # No regimen around is safe any more: take a safe one below.
        inside = np.where(inside.any(axis=1, keepdims=True), inside, safe & over.T[at])
        below, above = inside & ~posterior.above, inside & posterior.above
        closest = (below & ~_any_of(below, over.T)) | (above & ~_any_of(above, over))
        touching = inside & posterior.adjacent
        use_touching = touching.any(axis=1, keepdims=True) & (self.admissible == "adjacent")
        return np.where(use_touching, touching, closest)

    def _in_reach(self, outcomes: Outcomes, at: Integers) -> Booleans:
        steps = _steps_up(self.grid)
        if self.reach == "levels":
            return self._one_level_up(outcomes, at)
        climbs = steps.max(axis=0) <= 1 if self.diagonal else steps.sum(axis=0) <= 1
        if self.reach == "tried":
            return _any_of(outcomes.treated.reshape(-1, self.grid.size) > 0, climbs)
        near = (steps.max(axis=0) <= 1) & (steps.max(axis=0).T <= 1)
        return np.asarray((climbs & near)[at])

    def _one_level_up(self, outcomes: Outcomes, at: Integers) -> Booleans:
        """Mark the regimens that skip no level of dose and none of frequency, each by itself; ``(T, D * F)``."""
        place = np.array(np.divmod(np.arange(self.grid.size), self.grid.shape[1]))
        tried = outcomes.treated.reshape(-1, self.grid.size) > 0
        highest = np.where(tried, place[:, None, :], 0).max(axis=2, initial=0)
        reach: Booleans = (place[:, None, :] <= np.maximum(highest, place[:, at])[:, :, None] + 1).all(axis=0)
        return reach if self.diagonal else reach & ~(place[:, None, :] > place[:, at, None]).all(axis=0)


def _any_of(cells: Booleans, relation: Booleans) -> Booleans:
    """Mark the regimens that some marked one is related to; ``relation[i, j]`` holds from i to j."""
    return np.asarray(cells.astype(float) @ relation.astype(float) > 0)


@lru_cache(maxsize=8)
def _steps_up(grid: Grid) -> Integers:
    """Steps up from regimen i to j in dose and in frequency, shape ``(2, D * F, D * F)``; down counts as 0."""
    place = np.array(np.divmod(np.arange(grid.size), grid.shape[1]))
    return np.asarray(np.maximum(place[:, None, :] - place[:, :, None], 0))


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
