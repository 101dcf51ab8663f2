"""A BOIN12-type utility on the grid: safety bounds the choice, the trade between response and toxicity makes it.

Source: Lin, Zhou, Yan, Li & Yuan 2020 (JCO Precis Oncol 4:1393-1402), for one line of doses. The rules for two
directions are ours: they are not published in one place. The steps to lower and higher doses become those to all
neighbours on the grid, and the highest dose thought safe becomes the regimens whose isotonic DLT rate is no higher
than that of the regimen nearest the target.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from pydantic import Field

from protocol.escalation.checks import checked
from protocol.escalation.design import (
    Description,
    EnoughRule,
    Participants,
    Preference,
    Rate,
    check_rows,
    preferred,
    steps_up,
)
from protocol.escalation.grid import STOP, Booleans, Floats, Integers
from protocol.escalation.interval_designs import (
    DOWN,
    FEWEST_TO_ELIMINATE,
    LIN_YIN_2017,
    LIU_YUAN_2015,
    UP,
    DecisionTables,
    IntervalDesign,
    boin_tables,
    check_rates,
)
from protocol.escalation.outcomes import Outcomes
from protocol.escalation.selection import isotonic_rates, select
from protocol.records import Record, Sourced
from protocol.translation import _, list_of, paragraph_of

TIE = 1e-9  # two desirabilities this close are equal

LARGEST_TABLE = 150  # participants up to which the desirabilities are tabulated; the table grows with the square

BEST = 100  # utility of a response without a DLT; that of a DLT without a response is 0


Worth = Annotated[int, Field(ge=0, le=BEST)]

Futility = Annotated[float, Field(ge=0.5, lt=1)]


class UtilityParameters(Record):
    """What response and toxicity are worth, and the response rates to simulate with."""

    value_neither: Sourced[Worth]
    value_both: Sourced[Worth]
    least_response: Sourced[Rate]
    futility: Sourced[Futility]
    explored: Sourced[Participants]
    response_rates: Sourced[tuple[tuple[Rate, ...], ...]]


@dataclass(frozen=True, kw_only=True)
class Utility(IntervalDesign):
    """Utility of response and toxicity for a grid of regimens; what is not listed is as for BOIN.

    The desirability of a regimen is the posterior probability that its mean utility exceeds a benchmark. At a rate of
    DLTs from lambda_d on, the choice is among the lower neighbours; between the boundaries with enough participants,
    among these and the current regimen; otherwise among these and the higher neighbours. Regimens that are too toxic
    or too rarely followed by a response are closed. Where a choice is empty, it is made among all regimens within one
    step of a treated one; where that is empty too, the trial stops.

    Parameters
    ----------
    value_neither, value_both : int
        Utility of no response without a DLT, and of a response with a DLT, between 0 (a DLT, no response) and 100
        (a response, no DLT).
    least_response : float
        Lowest response rate of interest, 0 to 1.
    futility : float
        A regimen is closed when its response rate is below that with more than this posterior probability (uniform
        prior, three participants or more).
    explored : int
        Participants from which on a rate between the boundaries no longer allows a step up.
    response_rates : tuple of tuple of float
        True response rates to simulate with when none are given, one row a dose. Empty: rising evenly from 0.2 at
        the lowest regimen to 0.6 at the highest.
    preference : {"dose", "frequency", "coin"}
        Which of equally desirable regimens is given: highest dose, highest frequency, or by draws.
    enough_rule : {"staying", "reached"}
        As for every design, but by default enough participants end the trial at once: so do the simulations of
        BOIN12 on trialdesign.org.

    Raises
    ------
    ProtocolError
        When a parameter lies outside its range.
    """

    parameters = UtilityParameters

    safe: Rate = 0.18
    value_neither: Worth = 40
    value_both: Worth = 60
    least_response: Rate = 0.25
    futility: Futility = 0.90
    explored: Participants = 6
    response_rates: tuple[tuple[Annotated[float, Field(ge=0, le=1)], ...], ...] = ()
    preference: Preference = "dose"
    enough_rule: EnoughRule = "reached"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_rates(self.target, self.safe, self.toxic)
        check_rows(self.grid, self.response_rates, _("design, response_rates"))

    @classmethod
    def description(cls) -> Description:
        """Describe the design for a protocol."""
        return Description(
            _(
                "As BOIN for safety; of the admissible neighbours the one with the most desirable trade of response "
                "against toxicity is given. The rules for a grid are not published in one place."
            ),
            _("At the end the open regimen with the highest mean utility is recommended, among those thought safe."),
            (
                (
                    "Lin R, Zhou Y, Yan F, Li D, Yuan Y. BOIN12: Bayesian optimal interval phase I/II trial design "
                    "for utility-based dose finding. JCO Precis Oncol 2020;4:1393-1402."
                ),
                LIU_YUAN_2015,
                LIN_YIN_2017,
            ),
            {
                "value_neither": _("Utility of neither a response nor a DLT, 0 to 100"),
                "value_both": _("Utility of a response with a DLT, 0 to 100"),
                "least_response": _("Lowest response rate of interest"),
                "futility": _("Cutoff: a higher probability of a lower response rate closes a regimen"),
                "explored": _("Participants from which a rate between the boundaries allows no step up"),
                "response_rates": _("Assumed true response rates, to simulate with"),
            },
        )

    @property
    def tables(self) -> DecisionTables:
        """The look-up tables of BOIN for up to ``maximum`` participants at one regimen."""
        return boin_tables(self.target, self.safe, self.toxic, self.elimination, self.lowest_margin, self.maximum)

    @property
    def assumed_responses(self) -> Floats:
        """True response rates to simulate with when none are given, shape ``(D, F)``."""
        rank = np.add.outer(*map(np.arange, self.grid.shape))
        return np.array(self.response_rates) if self.response_rates else 0.2 + 0.4 * rank / max(rank[-1, -1], 1)

    @property
    def benchmark(self) -> float:
        """Mean utility, 0 to 1, half way from that at the target and least response, independent, to the best."""
        toxic, useful = self.target, self.least_response
        mean = BEST * useful * (1 - toxic) + self.value_neither * (1 - useful) * (1 - toxic)
        mean += self.value_both * useful * toxic
        return float((mean + BEST) / 2 / BEST)

    def next(self, outcomes: Outcomes, current: ArrayLike, draws: ArrayLike | None = None) -> Integers:
        """Return the regimen of the next cohort; see :meth:`protocol.escalation.Design.next`."""
        at, drawn = self._indices(outcomes, current), self._draws(outcomes, draws)
        among = self._among(outcomes, current)
        value = np.where(among, self.desirability(outcomes), -1.0)
        tied = among & (value >= value.max(axis=1, initial=-1.0)[:, None] - TIE)
        chosen = preferred(self.grid, tied, self.preference, drawn)
        return np.where(self._ends(outcomes, at, chosen) | ~among.any(axis=1), STOP, chosen)

    def eliminated(self, outcomes: Outcomes) -> Booleans:
        """Mark regimens that are too toxic, with all above them, or too rarely followed by a response."""
        return super().eliminated(outcomes) | self._futile(outcomes)

    def selected(self, outcomes: Outcomes) -> Integers:
        """Select the open regimen of highest mean utility among those thought safe; STOP means none."""
        shape = outcomes.treated.shape
        nearest = select(outcomes, self.target, super().eliminated(outcomes))
        rates = isotonic_rates(outcomes).reshape(-1, self.grid.size)
        highest = np.where(nearest == STOP, -1.0, rates[np.arange(len(nearest)), nearest])
        allowed = (
            (outcomes.treated > 0) & ~self.eliminated(outcomes) & (rates <= highest[:, None] + TIE).reshape(shape)
        )
        points, n = self._points(outcomes), outcomes.treated.reshape(-1, self.grid.size)
        mean = np.where(allowed.reshape(n.shape), (points / BEST + 1) / (n + 2), -1.0)
        return np.where(mean.max(axis=1) >= 0, mean.argmax(axis=1), STOP)

    def desirability(self, outcomes: Outcomes) -> Floats:
        """Return the posterior probability of a mean utility above the benchmark, shape ``(T, D * F)``."""
        self._check_counts(outcomes)
        n, points = outcomes.treated.reshape(-1, self.grid.size), self._points(outcomes)
        if self.maximum > LARGEST_TABLE:
            return _desirable(n, points / BEST, self.benchmark)
        return _desirabilities(self.maximum, self.benchmark)[n, points]

    @checked
    def ranks(self, largest: Participants = 9) -> pd.DataFrame:
        """Tabulate the desirability for cohorts up to `largest` participants: the rank decides, 1 is the least.

        Returns
        -------
        DataFrame
            treated, dlt, responses, desirability (0 to 1), rank. Where response and DLT meet in one participant makes
            no difference when both utilities add up to 100; otherwise as few as possible do.
        """
        cohorts = range(0, largest + 1, self.cohort_size)
        rows = [(n, y, r) for n in cohorts for y in range(n + 1) for r in range(n + 1)]
        frame = pd.DataFrame(rows, columns=["treated", "dlt", "responses"])
        n, y, r = frame.to_numpy().T
        both, neither, every = np.maximum(y + r - n, 0), self.value_neither, self.value_both + self.value_neither
        points = n * neither + r * (BEST - neither) - y * neither + both * (every - BEST)
        frame["desirability"] = _desirable(n, points / BEST, self.benchmark).round(9)
        return frame.assign(rank=frame["desirability"].rank(method="dense").astype(int))

    def decisions(self) -> None:
        """Return None: a decision depends on responses and on the neighbours. See :meth:`ranks`."""

    def why(self, outcomes: Outcomes, current: int) -> str:
        """Say, with the numbers, what leads to the recommendation for one trial."""
        current = self._single(outcomes, current)
        labels, chosen = self.grid.labels, int(self.next(outcomes, [current], [0.0])[0])
        n, responded = outcomes.treated.reshape(-1), self._efficacy(outcomes)[0].reshape(-1)
        sentences = [self._count_words(outcomes, current)]
        if n[current]:
            sentences.append(_("{} of {} had a response.").format(responded[current], n[current]))
        if chosen == STOP:
            return paragraph_of([*sentences, self._end(outcomes, current)])
        value = self.desirability(outcomes)[0]
        compared = list_of(f"{labels[i]} {value[i]:.2f}" for i in np.flatnonzero(self._among(outcomes, [current])[0]))
        words = _("Chance of a mean utility above {:.2f} among the open choices: {}. Next: {}.")
        return paragraph_of([*sentences, words.format(self.benchmark, compared, labels[chosen])])

    def _end(self, outcomes: Outcomes, current: int) -> str:
        if super().eliminated(outcomes)[0, 0, 0]:
            return _("The lowest regimen, {}, is too toxic: the trial stops.").format(self.grid.labels[0])
        if outcomes.enrolled.sum() < self.maximum and not self._among(outcomes, [current]).any():
            return _("No regimen in reach is both safe and useful enough: the trial stops.")
        return self._end_words(outcomes, current)

    def _among(self, outcomes: Outcomes, current: ArrayLike) -> Booleans:
        """Mark the regimens to choose from, shape ``(T, D * F)``."""
        at, size = self._indices(outcomes, current), self.grid.size
        rows, n = np.arange(len(at)), outcomes.treated.reshape(-1, size)
        open_ones, toxic = ~self.eliminated(outcomes).reshape(n.shape), super().eliminated(outcomes).reshape(n.shape)
        move = np.where(toxic[rows, at], DOWN, self.tables.move.take(self._codes(outcomes)[rows, at]))
        up = (move == UP) | ((move == 0) & (n[rows, at] < self.explored))
        above, below = steps_up(self.grid)[at], steps_up(self.grid).T[at]
        lowest = at == 0
        among = (above == 0) & (below == 1) | (below == 0) & (above == 1) & up[:, None]
        among |= (np.arange(size) == at[:, None]) & ((move != DOWN) | lowest)[:, None]
        among &= open_ones
        in_reach = (n > 0).astype(float) @ (steps_up(self.grid) <= 1) > 0
        rest = in_reach & open_ones & ~((below == 0) & (move == DOWN)[:, None])
        among = np.where(among.any(axis=1, keepdims=True), among, rest) & ~toxic[:, :1]
        fresh = (n[rows, at] == 0) & open_ones[rows, at]
        return np.asarray(np.where(fresh[:, None], np.arange(size) == at[:, None], among))

    def _efficacy(self, outcomes: Outcomes) -> tuple[Integers, Integers]:
        if outcomes.responded is None or outcomes.both is None:
            return np.zeros_like(outcomes.treated), np.zeros_like(outcomes.treated)
        return outcomes.responded, outcomes.both

    def _points(self, outcomes: Outcomes) -> Integers:
        """Add up the utilities of all participants at each regimen, in hundredths; shape ``(T, D * F)``."""
        responded, both = self._efficacy(outcomes)
        neither = outcomes.treated - outcomes.dlt - responded + both
        points = BEST * (responded - both).astype(int) + self.value_neither * neither + self.value_both * both
        return np.asarray(points.reshape(-1, self.grid.size))

    def _futile(self, outcomes: Outcomes) -> Booleans:
        table = _too_few(self.least_response, self.futility, self.maximum)
        return table[outcomes.treated, self._efficacy(outcomes)[0]]


@lru_cache(maxsize=8)
def _desirabilities(largest: int, benchmark: float) -> Floats:
    """Tabulate the chance that the mean utility exceeds the benchmark, indexed ``[n, points]``."""
    return _desirable(np.arange(largest + 1)[:, None], np.arange(largest * BEST + 1) / BEST, benchmark)


def _desirable(n: Integers, x: Floats, benchmark: float) -> Floats:
    """Return the chance of a mean utility above the benchmark after `x` of `n` quasi-events (uniform prior)."""
    from scipy.special import betainc

    return np.asarray(1 - betainc(1 + x, 1 + np.maximum(n - x, 0), benchmark))


@lru_cache(maxsize=8)
def _too_few(least: float, cutoff: float, largest: int) -> Booleans:
    """Tabulate which counts close a regimen for want of responses, indexed ``[n, responses]``."""
    from scipy.special import betainc

    n, r = np.arange(largest + 1)[:, None], np.arange(largest + 1)
    below = betainc(1 + r, 1 + np.maximum(n - r, 0), least)
    return np.asarray((r <= n) & (n >= FEWEST_TO_ELIMINATE) & (below > cutoff))
