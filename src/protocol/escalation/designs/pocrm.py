"""POCRM: a continual reassessment that does not know in which order the regimens become toxic.

Sources: Wages, Conaway & O'Quigley 2011 (Biometrics 67:1555-1563; Clin Trials 8:380-389) for the design in two
stages; Wages & Conaway 2013 (Pharm Stat 12:217-224) for its specification; Lee & Cheung 2009 (Clin Trials)
for the working model, whose rates equal those of the published software. Chen & Mozgunov 2024 (arXiv 2410.21989) show
that few orderings can miss a target in mid-grid.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from protocol.escalation.design import (
    Description,
    ModelDesign,
    drawn_of,
    preferred,
    steps_up,
)
from protocol.escalation.grid import STOP, Booleans, Floats, Integers, upwards
from protocol.escalation.interval_designs import too_toxic
from protocol.escalation.outcomes import Outcomes
from protocol.records import ProtocolError, Record, Sourced
from protocol.translation import _, paragraph_of

# The power of the working model, at most 500 as in the published software: a fixed grid, then Newton's steps.
POWERS = np.geomspace(1e-3, 500, 60)

NEWTON_STEPS = 4

FAINT = 1e-12  # a working model that spans more than this cannot be computed with

TIE = 1e-9  # two weights or distances this close are equal


Halfwidth = Annotated[float, Field(gt=0, lt=0.5)]


class PocrmParameters(Record):
    """Orderings and working model of POCRM."""

    orderings: Sourced[tuple[tuple[str, ...], ...]]
    sequence: Sourced[tuple[str, ...]]
    halfwidth: Sourced[Halfwidth]
    guess: Sourced[Annotated[int, Field(ge=1)]]


class Fit(NamedTuple):
    """The working model fitted to T trials under each of M orderings."""

    power: Floats  # (T, M)
    weight: Floats  # (T, M) posterior probability of the ordering
    rates: Floats  # (T, D * F) under the likeliest ordering
    ordering: Integers  # (T,) the likeliest


@dataclass(frozen=True, kw_only=True)
class Pocrm(ModelDesign):
    """Partial order continual reassessment method, in two stages.

    Parameters
    ----------
    grid : Grid
    target, toxic : float
        Target DLT rate, and the lowest rate that counts as too toxic when a simulation is judged; 0 to 1.
    orderings : tuple of tuple of str
        Names of all regimens from least to most toxic, one row for each possible ordering, all as likely before
        the trial. Empty: along the doses, along the frequencies, and along the diagonals both ways.
    sequence : tuple of str
        The first stage climbs these regimens while no DLT was seen. Empty: along the diagonals, dose first.
    halfwidth : float
        Half the width of the indifference interval that spaces the rates of the working model.
    guess : int
        Place of the target among the rates of the working model, from 1; 0 for the middle.
    elimination : float
        A regimen is closed, with all above it, when the posterior probability that its rate is above the
        target exceeds this (uniform prior, three participants or more); 1 closes none.
    held : bool
        Never give a regimen more than one step above a treated one, nor select an untreated one. The published
        simulations do.
    preference : {"dose", "frequency", "coin"}
        Of equally likely orderings the first, or one by draws; of equally near regimens the highest dose, the
        highest frequency, or one by draws.
    cohort_size, maximum, enough : int
        Participants per cohort, in the whole trial, and at the current regimen to end the trial.

    Raises
    ------
    ProtocolError
        When a parameter lies outside its range or an ordering does not fit the grid.
    """

    parameters = PocrmParameters

    orderings: tuple[tuple[str, ...], ...] = ()
    sequence: tuple[str, ...] = ()
    halfwidth: Halfwidth = 0.03
    guess: Annotated[int, Field(ge=0)] = 0
    elimination: Annotated[float, Field(ge=0.5, le=1)] = 0.95
    held: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        where = _("design")
        if not self.halfwidth < min(self.target, 1 - self.target):
            found = _("an indifference interval of half width {:g} around {:g}").format(self.halfwidth, self.target)
            raise ProtocolError(where, found, _("half a width above 0 that stays inside 0 to 1"))
        if self.guess > self.grid.size:
            write = _("a place in the ordering, 1 to {}, or 0 for the middle").format(self.grid.size)
            raise ProtocolError(where, _("place {}").format(self.guess), write)
        lowest, highest = self.skeleton[[0, -1]]
        if not (lowest > FAINT and highest < 1 - FAINT**0.5):
            found = _("a working model from {:.1g} to {:.6g}").format(lowest, highest)
            raise ProtocolError(where, found, _("a narrower indifference interval for so many regimens"))
        for order in (*self.orders, self.stages):
            place = np.argsort(order)
            climbs = steps_up(self.grid).T == 0
            if sorted(order) != [*range(self.grid.size)] or (climbs & (place[:, None] > place)).any():
                found = " ".join(self.grid.labels[index] for index in order)[:80]
                raise ProtocolError(_("ordering"), found, _("every regimen once, none before a lower one"))

    @classmethod
    def description(cls) -> Description:
        """Describe the design for a protocol."""
        return Description(
            _(
                "Several orderings of the regimens by toxicity are possible. A one-parameter model is fitted under "
                "each; under the most likely ordering the regimen whose rate is nearest the target is given."
            ),
            _("At the end the regimen that would be given next, among those treated and open, is recommended."),
            (
                (
                    "Wages NA, Conaway MR, O'Quigley J. Continual reassessment method for partial ordering. "
                    "Biometrics 2011;67:1555-1563."
                ),
                (
                    "Wages NA, Conaway MR. Specifications of a continual reassessment method design for phase I "
                    "trials of combined drugs. Pharm Stat 2013;12:217-224."
                ),
            ),
            {
                "orderings": _("Possible orderings of the regimens"),
                "sequence": _("First stage, until participants with and without a DLT were seen"),
                "halfwidth": _("Working model: half the width of the indifference interval"),
                "guess": _("Working model: place of the target in an ordering"),
            },
        )

    @cached_property
    def orders(self) -> Integers:
        """Indices of the regimens from least to most toxic, shape ``(M, D * F)``."""
        if self.orderings:
            rows = [[self.grid.index(label) for label in row] for row in self.orderings]
            return np.array(rows if len({*map(len, rows)}) == 1 else [[0]])
        dose, frequency = np.divmod(np.arange(self.grid.size), self.grid.shape[1])
        keys = ((dose, frequency), (frequency, dose), (dose, dose + frequency))
        return np.array([self._diagonals(), *(np.lexsort(key) for key in keys)])

    @cached_property
    def stages(self) -> Integers:
        """Indices of the first stage's regimens, in their order."""
        return np.array([self.grid.index(label) for label in self.sequence]) if self.sequence else self._diagonals()

    @property
    def skeleton(self) -> Floats:
        """The rates of the working model, rising; shape ``(D * F,)``."""
        return _skeleton(self.target, self.halfwidth, self.guess or (self.grid.size + 1) // 2, self.grid.size)

    def next(self, outcomes: Outcomes, current: ArrayLike, draws: ArrayLike | None = None) -> Integers:
        """Return the regimen of the next cohort; see :meth:`protocol.escalation.Design.next`."""
        at, drawn, closed = self._indices(outcomes, current), self._draws(outcomes, draws), self._closed(outcomes)
        treated = outcomes.treated.reshape(closed.shape)
        chosen = self._recommended(outcomes, ~closed & self._reachable(treated), at, drawn)
        return self._followed(outcomes, at, chosen, closed)

    def eliminated(self, outcomes: Outcomes) -> Booleans:
        """Mark regimens that are too toxic, and all at or above them; shape ``(T, D, F)``."""
        return self._closed(outcomes).reshape(outcomes.treated.shape)

    def selected(self, outcomes: Outcomes) -> Integers:
        """Select what would be recommended next, among the treated regimens that are open."""
        closed = self._closed(outcomes)
        treated = outcomes.treated.reshape(closed.shape) > 0
        allowed = ~closed & ~closed[:, :1] & (treated | (not self.held))
        # The last treated regimen of the sequence stands for the current one while there is no model.
        last = self.stages[self.grid.size - 1 - np.argmax(treated[:, self.stages[::-1]], axis=1)]
        side = np.full(len(closed), 0.5) if self.preference == "coin" else None
        chosen = self._recommended(outcomes, allowed, last, side, climbing=False)
        return np.where(allowed.any(axis=1), chosen, STOP)

    def why(self, outcomes: Outcomes, current: int) -> str:
        """Say, with the numbers, what leads to the recommendation for one trial."""
        current = self._single(outcomes, current)
        labels, chosen = self.grid.labels, int(self.next(outcomes, [current], [0.0])[0])
        n, y = (int(counts.reshape(-1)[current]) for counts in (outcomes.treated, outcomes.dlt))
        sentences = [_("At {}, {} of {} participants had a DLT.").format(labels[current], y, n)]
        if chosen == STOP:
            stop = _("The lowest regimen, {}, is too toxic: the trial stops.").format(labels[0])
            done = self._end_words(outcomes, current)
            return paragraph_of([*sentences, done or stop])
        if not _both(outcomes)[0]:
            words = _("First stage, until participants with and without a DLT were seen: {}.")
            return paragraph_of([*sentences, words.format(labels[chosen])])
        fit = self.fit(outcomes)
        words = _(
            "Ordering {} of {} is the likeliest (probability {:.2f}). Under it the estimated DLT rate at {} "
            "is {:.2f}: of the regimens that may be given, it is the nearest to {:g}."
        )
        which = int(fit.ordering[0])
        numbers = which + 1, len(self.orders), fit.weight[0, which], labels[chosen], fit.rates[0, chosen], self.target
        return paragraph_of([*sentences, words.format(*numbers)])

    def fit(self, outcomes: Outcomes, draws: ArrayLike | None = None) -> Fit:
        """Fit the working model under every ordering; meaningless before both outcomes were seen."""
        self._check_counts(outcomes)
        drawn = None if draws is None else self._draws(outcomes, draws)
        n, y = (counts.reshape(-1, self.grid.size)[:, self.orders] for counts in (outcomes.treated, outcomes.dlt))
        logs = np.log(self.skeleton)
        power, value = _likeliest(y.astype(float), (n - y).astype(float), logs)
        weight = np.exp(value - value.max(axis=1, initial=-np.inf)[:, None])
        weight /= weight.sum(axis=1)[:, None]
        tied = weight >= weight.max(axis=1, initial=0)[:, None] * (1 - TIE)
        ordering = np.argmax(tied, axis=1)
        if self.preference == "coin" and drawn is not None:
            # A part of the draw chooses the ordering, what is left of it the regimen.
            ordering = np.argmax(drawn_of(tied, drawn), axis=1)
        place = np.argsort(self.orders, axis=1)[ordering]
        rates = np.exp(power[np.arange(len(power)), ordering][:, None] * logs[place])
        return Fit(power, weight, rates, ordering)

    def _diagonals(self) -> Integers:
        dose, frequency = np.divmod(np.arange(self.grid.size), self.grid.shape[1])
        return np.lexsort((-dose, dose + frequency))

    def _recommended(
        self, outcomes: Outcomes, allowed: Booleans, at: Integers, draws: Floats | None, *, climbing: bool = True
    ) -> Integers:
        fit, model = self.fit(outcomes, draws), _both(outcomes)
        distance = np.where(allowed, np.abs(fit.rates - self.target), np.inf)
        nearest = distance <= distance.min(axis=1, initial=np.inf)[:, None] + TIE
        left = None if draws is None else draws * 1009 % 1
        chosen = preferred(self.grid, nearest & allowed, self.preference, left)
        step = np.minimum(np.argsort(self.stages)[at] + climbing, self.grid.size - 1)
        first = np.where(outcomes.dlt.any(axis=(1, 2)), 0, self.stages[step])
        return np.where(model, chosen, first)

    def _reachable(self, treated: Integers) -> Booleans:
        if not self.held:
            return np.ones(treated.shape, dtype=bool)
        near = (steps_up(self.grid) <= 1).astype(float)
        return np.asarray((treated > 0) @ near > 0)

    def _closed(self, outcomes: Outcomes) -> Booleans:
        self._check_counts(outcomes)
        table = too_toxic(self.target, self.elimination, self.maximum)
        return upwards(table[outcomes.treated, outcomes.dlt]).reshape(-1, self.grid.size)


def _both(outcomes: Outcomes) -> Booleans:
    """Whether participants with and without a DLT were seen; shape ``(T,)``."""
    return np.asarray(outcomes.dlt.any(axis=(1, 2)) & (outcomes.treated > outcomes.dlt).any(axis=(1, 2)))


def _likeliest(toxic: Floats, safe: Floats, logs: Floats) -> tuple[Floats, Floats]:
    """Maximise the likelihood over the power: on a fixed grid, then by Newton's steps (it is concave).

    Parameters
    ----------
    toxic, safe : ndarray of float, shape (T, M, D * F)
        Participants with and without a DLT, in the order of the working model.
    logs : ndarray of float, shape (D * F,)
        Logarithms of the working model's rates.
    """
    surface = toxic @ (logs[:, None] * POWERS) + safe @ np.log(-np.expm1(logs[:, None] * POWERS))
    best = POWERS[np.argmax(surface, axis=2)]
    lean = toxic @ logs
    for _step in range(NEWTON_STEPS):
        rates = np.exp(best[..., None] * logs)
        pull = safe * logs * rates / (1 - rates)
        slope, bend = lean - pull.sum(axis=2), -(pull * logs / (1 - rates)).sum(axis=2)
        best = np.clip(best - slope / np.minimum(bend, -1e-300), best / 2, np.minimum(best * 2, POWERS[-1]))
    value = lean * best + (safe * np.log(-np.expm1(best[..., None] * logs))).sum(axis=2)
    return best, value


@lru_cache(maxsize=16)
def _skeleton(target: float, halfwidth: float, guess: int, size: int) -> Floats:
    """Space the working model's rates by indifference intervals (Lee & Cheung 2009, power model)."""
    low, high = np.log(target - halfwidth), np.log(target + halfwidth)
    rates = [np.log(target)]
    for _place in range(guess, size):
        rates.append(rates[-1] * high / low)
    for _place in range(1, guess):
        rates.insert(0, rates[0] * low / high)
    return np.exp(rates)
