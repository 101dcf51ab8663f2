"""A logistic model with two agents, dose and repetition, and escalation with overdose control.

Sources: Neuenschwander and others 2015 (in Zhao & Yang, *Statistical Methods in Drug Combination Studies*) for the
model; Babb, Rogatko & Zacks 1998 (Stat Med 17:1103-1120) for overdose control; Neuenschwander, Branson & Gsponer 2008
(Stat Med 27:2420-2439) for the intervals. That repetition of the infusion stands for the second agent is ours.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from protocol.escalation.design import (
    Description,
    ModelDesign,
    Rate,
    higher,
    preferred,
    steps_up,
)
from protocol.escalation.grid import STOP, Booleans, Floats, Integers, upwards
from protocol.escalation.interval_designs import boundaries
from protocol.escalation.outcomes import Outcomes
from protocol.records import ProtocolError, Record, Sourced
from protocol.translation import _, paragraph_of

TIE = 1e-9  # two chances this close are equal

BLOCK = 256  # trials weighed at once: bounds the memory

FEW = 100  # fewer effective draws than this are too few to rely on


Positive = Annotated[float, Field(gt=0)]

AgentPrior = tuple[Rate, Positive, Positive, Positive]

Interaction = Annotated[float, Field(ge=0)]

DrawCount = Annotated[int, Field(ge=50, le=100_000)]

# Neuenschwander, Branson & Gsponer 2008: vague enough that three participants outweigh it.
SPREADS = 1.5, 1.0, 0.7
"""Deviation of the log odds at the reference, median slope and deviation of its logarithm, when none are stated."""


class LogisticParameters(Record):
    """Amounts, priors and limits of the two-agent logistic model."""

    doses: Sourced[tuple[Positive, ...]]
    frequencies: Sourced[tuple[Positive, ...]]
    dose_prior: Sourced[AgentPrior]
    frequency_prior: Sourced[AgentPrior]
    interaction: Sourced[Interaction]
    margin_below: Sourced[Rate]
    margin_above: Sourced[Rate]
    overdose: Sourced[Rate]
    draws: Sourced[DrawCount]


class Posterior(NamedTuple):
    """What T trials say about every regimen."""

    inside: Floats  # (T, D * F) chance of a true rate in the target interval
    over: Floats  # (T, D * F) chance of a true rate above it
    size: Floats  # (T,) effective number of draws behind these chances


@dataclass(frozen=True, kw_only=True)
class Logistic(ModelDesign):
    """Two-agent logistic regression with overdose control.

    The log odds of a DLT by the dose alone are ``log a + b log(dose / reference)``, likewise for repetition; the odds
    of both, as if independent, are multiplied by ``exp(eta * dose / reference * repetition / reference)``. A regimen
    is open when a rate above the target interval has at most the chance `overdose`; of the open ones in reach the
    one most likely inside the interval is given. The posterior is the prior's draws, weighed by the likelihood.

    Parameters
    ----------
    grid : Grid
    target, toxic : float
        Target DLT rate, and the lowest rate that counts as too toxic when a simulation is judged; 0 to 1.
    doses, frequencies : tuple of float
        Amount of each level over that of the reference level, rising, above 0. Empty: in even steps up to 1.
    dose_prior, frequency_prior : tuple of float
        Median DLT rate at the reference amount by this agent alone (0 to 1), standard deviation of its log odds,
        median slope, standard deviation of the slope's logarithm.
    interaction : float
        Standard deviation of `eta`, whose mean is 0.
    margin_below, margin_above : float
        The target interval reaches from ``target - margin_below`` to ``target + margin_above``.
    overdose : float
        Limit of the chance of a rate above the interval, 0 to 1.
    draws : int
        Draws of the prior, evenly scattered and always the same, 50 to 100,000.
    preference : {"dose", "frequency", "coin"}
        Which of equally good regimens is given: highest dose, highest frequency, or by draws.
    cohort_size, maximum, enough : int
        Participants per cohort, in the whole trial, and at the current regimen to end the trial.

    Raises
    ------
    ProtocolError
        When a parameter lies outside its range.
    """

    parameters = LogisticParameters

    doses: tuple[Positive, ...] = ()
    frequencies: tuple[Positive, ...] = ()
    dose_prior: AgentPrior | None = None
    frequency_prior: AgentPrior | None = None
    interaction: Interaction = 0.5
    margin_below: Rate = 0.14
    margin_above: Rate = 0.03
    overdose: Rate = 0.25
    draws: DrawCount = 8000

    def __post_init__(self) -> None:
        super().__post_init__()
        where, (low, high) = _("design"), self.interval
        for given, levels in ((self.doses, self.grid.shape[0]), (self.frequencies, self.grid.shape[1])):
            amounts = np.array(given or np.ones(levels) * np.arange(1, levels + 1))
            if amounts.shape != (levels,) or not (amounts[0] > 0 and (np.diff(amounts) > 0).all()):
                write = _("{} amounts above 0, each more than the one before").format(levels)
                raise ProtocolError(where, repr(given)[:80], write)
        if not 0 < low < self.target < high < 1:
            found = _("a target interval from {:g} to {:g}").format(low, high)
            write = _("margin_below and margin_above with which it stays inside 0 to 1")
            raise ProtocolError(where, found, write)

    @classmethod
    def description(cls) -> Description:
        """Describe the design for a protocol."""
        return Description(
            _(
                "A logistic model for dose and frequency with an interaction gives every regimen a posterior "
                "distribution of its DLT rate. Of the regimens that are too toxic with a low enough probability the "
                "one is given whose rate is in the target interval with the highest probability."
            ),
            _("At the end the tried and open regimen most likely inside the target interval is recommended."),
            (
                (
                    "Neuenschwander B and others. A Bayesian industry approach to phase I combination trials in "
                    "oncology. In: Zhao W, Yang H (eds), Statistical Methods in Drug Combination Studies, 2015, "
                    "95-135."
                ),
                (
                    "Babb J, Rogatko A, Zacks S. Cancer phase I clinical trials: efficient dose escalation with "
                    "overdose control. Stat Med 1998;17:1103-1120."
                ),
            ),
            {
                "doses": _("Amount of each dose over the reference"),
                "frequencies": _("Amount of each frequency over the reference"),
                "dose_prior": _(
                    "Prior of the dose: rate at the reference, deviation of its log odds, median slope, deviation of "
                    "its logarithm"
                ),
                "frequency_prior": _("Prior of the frequency, in the same order"),
                "interaction": _("Deviation of the interaction of dose and frequency"),
                "margin_below": _("Target interval reaches below the target by"),
                "margin_above": _("Target interval reaches above the target by"),
                "overdose": _("Most probable that a rate above the target interval may be"),
                "draws": _("Draws of the prior"),
            },
        )

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the target interval."""
        return self.target - self.margin_below, self.target + self.margin_above

    @property
    def priors(self) -> tuple[AgentPrior, AgentPrior]:
        """The priors of dose and frequency, as stated or as they follow from the target."""
        usual = self.target / 2, *SPREADS
        return self.dose_prior or usual, self.frequency_prior or usual

    @property
    def highest_observed(self) -> float:
        """Observed DLT rate at the current regimen from which no regimen above it is given."""
        toxic = min(1.4 * self.target, (1 + self.target) / 2)
        return boundaries(self.target, 0.6 * self.target, toxic)[1]

    def next(self, outcomes: Outcomes, current: ArrayLike, draws: ArrayLike | None = None) -> Integers:
        """Return the regimen of the next cohort; see :meth:`protocol.escalation.Design.next`."""
        at, drawn = self._indices(outcomes, current), self._draws(outcomes, draws)
        posterior = self.posterior(outcomes)
        closed = self._closed(posterior)
        treated = outcomes.treated.reshape(closed.shape)
        near = (steps_up(self.grid) <= 1).astype(float)
        in_reach = np.asarray((treated > 0) @ near > 0) | (np.arange(self.grid.size) == at[:, None])
        allowed = in_reach & ~closed & ~(self._too_many(outcomes, at)[:, None] & higher(self.grid)[at])
        chosen = self._likeliest(posterior, allowed, drawn)
        return self._followed(outcomes, at, chosen, closed)

    def eliminated(self, outcomes: Outcomes) -> Booleans:
        """Mark regimens whose rate is too probably above the interval, and all above them; ``(T, D, F)``."""
        return self._closed(self.posterior(outcomes)).reshape(outcomes.treated.shape)

    def selected(self, outcomes: Outcomes) -> Integers:
        """Select the tried, open regimen most likely inside the target interval; STOP means none."""
        posterior = self.posterior(outcomes)
        closed = self._closed(posterior)
        allowed = (outcomes.treated.reshape(closed.shape) > 0) & ~closed
        side = np.full(len(closed), 0.5) if self.preference == "coin" else None
        chosen = self._likeliest(posterior, allowed, side)
        return np.where(allowed.any(axis=1), chosen, STOP)

    def why(self, outcomes: Outcomes, current: int) -> str:
        """Say, with the numbers, what leads to the recommendation for one trial."""
        current = self._single(outcomes, current)
        labels, chosen = self.grid.labels, int(self.next(outcomes, [current], [0.0])[0])
        n, y = (int(counts.reshape(-1)[current]) for counts in (outcomes.treated, outcomes.dlt))
        posterior, (low, high) = self.posterior(outcomes), self.interval
        sentences = [_("At {}, {} of {} participants had a DLT.").format(labels[current], y, n)]
        if chosen == STOP and (done := self._end_words(outcomes, current)):
            sentences.append(done)
        elif chosen == STOP:
            words = _("At the lowest regimen, {}, a rate above {:.2f} has a chance of {:.2f} (limit {:g}): stop.")
            sentences.append(words.format(labels[0], high, posterior.over[0, 0], self.overdose))
        else:
            words = _(
                "At {} the chance of a DLT rate from {:.2f} to {:.2f} is {:.2f}, that of a higher one {:.2f} (limit "
                "{:g}): the best of the regimens in reach and within the limit."
            )
            numbers = posterior.inside[0, chosen], posterior.over[0, chosen], self.overdose
            sentences.append(words.format(labels[chosen], low, high, *numbers))
        return paragraph_of([*sentences, self._reliance(posterior.size[0])])

    def posterior(self, outcomes: Outcomes) -> Posterior:
        """Weigh the draws of the prior by the likelihood of T trials."""
        self._check_counts(outcomes)
        toxic, safe, kinds = _prior(self)
        n, y = (counts.reshape(-1, self.grid.size).astype(float) for counts in (outcomes.treated, outcomes.dlt))
        chances, size = np.empty((len(n), kinds.shape[1])), np.empty(len(n))
        for start in range(0, len(n), BLOCK):
            part = slice(start, start + BLOCK)
            weight = y[part] @ toxic + (n[part] - y[part]) @ safe
            weight -= weight.max(axis=1)[:, None]
            np.exp(weight, out=weight)
            total = weight.sum(axis=1)
            chances[part] = weight @ kinds / total[:, None]
            size[part] = total**2 / np.einsum("ts,ts->t", weight, weight)
        return Posterior(chances[:, : self.grid.size], chances[:, self.grid.size :], size)

    def _likeliest(self, posterior: Posterior, allowed: Booleans, draws: Floats | None) -> Integers:
        inside = np.where(allowed, posterior.inside, -1.0)
        tied = allowed & (inside >= inside.max(axis=1, initial=-1.0)[:, None] - TIE)
        return preferred(self.grid, tied, self.preference, draws)

    def _too_many(self, outcomes: Outcomes, at: Integers) -> Booleans:
        """Mark trials whose observed DLT rate at the current regimen lies above the target interval."""
        rows = np.arange(len(at))
        n, y = (counts.reshape(-1, self.grid.size)[rows, at] for counts in (outcomes.treated, outcomes.dlt))
        return np.asarray((n > 0) & (y >= self.highest_observed * n))

    def _closed(self, posterior: Posterior) -> Booleans:
        over = (posterior.over > self.overdose).reshape(-1, *self.grid.shape)
        return upwards(over).reshape(-1, self.grid.size)

    def _reliance(self, size: float) -> str:
        words = _("The posterior rests on {:.0f} effective draws of {:,}.").format(size, self.draws)
        return paragraph_of([words, _("These are too few to rely on.")]) if size < FEW else words


@lru_cache(maxsize=8)
def _prior(design: Logistic) -> tuple[Floats, Floats, Floats]:
    """Return log rates and their complements, shape ``(D * F, S)``, and what lies inside and above the interval."""
    normal, (doses, frequencies) = _scattered(design.draws, 5), design.grid.shape
    alone = []
    by_dose_alone, by_frequency_alone = design.priors
    agents = (0, doses, design.doses, by_dose_alone), (2, frequencies, design.frequencies, by_frequency_alone)
    for place, levels, given, prior in agents:
        amounts = np.array(given) if given else np.arange(1, levels + 1) / levels
        middle = np.log(prior[0] / (1 - prior[0])) + prior[1] * normal[place]
        slope = prior[2] * np.exp(prior[3] * normal[place + 1])
        alone.append((amounts, middle + slope * np.log(amounts)[:, None]))
    (dose, by_dose), (often, by_frequency) = alone
    neither = -(np.logaddexp(0, by_dose)[:, None] + np.logaddexp(0, by_frequency))
    odds = np.log(-np.expm1(neither)) - neither
    odds += design.interaction * normal[4] * np.multiply.outer(dose, often)[:, :, None]
    odds = odds.reshape(design.grid.size, -1)
    low, high = (np.log(end / (1 - end)) for end in design.interval)
    kinds = np.concatenate([(odds >= low) & (odds < high), odds >= high]).T.astype(float)
    return -np.logaddexp(0, -odds), -np.logaddexp(0, odds), np.ascontiguousarray(kinds)


def _scattered(count: int, dimensions: int) -> Floats:
    """Scatter standard normal points evenly, shape ``(dimensions, count)``.

    Multiples of powers of the root of ``x ** (d + 1) = x + 1``, modulo 1: an additive recurrence (Niederreiter 1992,
    *Random Number Generation and Quasi-Monte Carlo Methods*).
    """
    from scipy.special import ndtri

    root = 1.5
    for _step in range(60):
        root = (1 + root) ** (1 / (dimensions + 1))
    steps = root ** -np.arange(1.0, dimensions + 1)
    return np.asarray(ndtri((0.5 + np.outer(steps, np.arange(1, count + 1))) % 1))
