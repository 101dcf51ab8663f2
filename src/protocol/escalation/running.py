"""One chunk of simulated trials, from the first participant to the stop, under the design that advises.

Without an accrual a trial is a sequence of cohorts. With one, participants come one after the other, DLTs need their
time, and the design is asked when it would be asked in the trial: when the next participant is there.
"""

from typing import Any, NamedTuple

import numpy as np

from protocol.escalation.designs import Design
from protocol.escalation.grid import STOP, Booleans, Floats, Integers
from protocol.escalation.outcomes import Outcomes
from protocol.escalation.rules import NOWHERE, TrialRules

DAYS_PER_MONTH = 365.25 / 12


class Draws(NamedTuple):
    """Uniform draws of T trials, participants in the order of their start."""

    latent: Floats  # (maximum, T) a DLT where below the true rate
    ties: Floats  # (cohorts, T)
    gaps: Floats  # (maximum, T) time to the next participant; as the two below, only drawn when asked for
    times: Floats  # (maximum, T) time to a DLT
    responses: Floats  # (maximum, T) a response where below the true rate


class Stream:
    """The draws of simulated participants, trial after trial.

    A trial's draws depend on the seed and its number only: not on the chunk it is in, not on the process.

    Parameters
    ----------
    design : Design
        Sizes alone matter: designs with the same cohort size and maximum meet the same participants.
    seed : int
    first : int
        Number of the first trial to draw; trials before it are passed over without drawing them.
    """

    def __init__(self, design: Design, seed: int, first: int = 0) -> None:
        self.maximum, self.cohorts = design.maximum, -(-design.maximum // design.cohort_size)
        self._plain, self._more = np.random.default_rng(seed), np.random.default_rng([seed, 1])
        for generator, width in ((self._plain, self.maximum + self.cohorts), (self._more, 3 * self.maximum)):
            if first:
                generator.bit_generator.advance(first * width)  # type: ignore[attr-defined]

    def take(self, trials: int, *, more: bool = False) -> Draws:
        """Draw the next trials; with `more`, gaps, times and responses too."""
        draws = np.ascontiguousarray(self._plain.random((trials, self.maximum + self.cohorts)).T)
        rest = np.ascontiguousarray(self._more.random((trials, 3 * self.maximum)).T) if more else draws[:0]
        gaps, times, responses = rest[: self.maximum], rest[self.maximum : 2 * self.maximum], rest[2 * self.maximum :]
        return Draws(draws[: self.maximum], draws[self.maximum :], gaps, times, responses)


class Run(NamedTuple):
    """T finished trials."""

    outcomes: Outcomes
    days: Floats | None  # (T,) from the first start to the last complete outcome


def run(
    design: Design, rates: Floats, draws: Draws, start: int, rules: TrialRules, response: Floats | None = None
) -> Run:
    """Run trials from the first cohort to the stop.

    Parameters
    ----------
    design : Design
    rates : ndarray of float, shape (D * F,)
        True DLT rates, 0 to 1.
    draws : Draws
        Of T trials; with gaps, times and responses when `rules` have an accrual or `response` is given.
    start : int
        Index of the first cohort's regimen.
    rules : TrialRules
    response : ndarray of float, shape (D * F,), optional
        True response rates, 0 to 1, independent of DLTs. Responses are known when the DLT window is over.
    """
    rules.check(design)
    if rules.accrual_per_month is None:
        return Run(_by_cohorts(design, rates, draws, start, response), None)
    return _Arrivals(design, rates, draws, rules, response).run(start)


def _by_cohorts(design: Design, rates: Floats, draws: Draws, start: int, response: Floats | None) -> Outcomes:
    trials, size, cohort = draws.latent.shape[1], design.grid.size, design.cohort_size
    counts = np.zeros((2 if response is None else 4, trials, *design.grid.shape), np.int16)
    treated, dlt, *efficacy = (count.reshape(-1) for count in counts)
    rest = (None, None, *counts[2:]) if efficacy else ()
    whole = part = Outcomes(design.grid, *counts[:2], *rest)  # the arrays below are written in place
    going, at = np.arange(trials), np.full(trials, start)
    for step, ties in enumerate(draws.ties):
        cells, rate = going * size + at, rates.take(at)
        for place in range(step * cohort, min((step + 1) * cohort, len(draws.latent))):
            toxic = draws.latent[place].take(going) < rate
            treated[cells] += 1
            dlt[cells] += toxic
            if response is not None:
                responds = draws.responses[place].take(going) < response.take(at)
                efficacy[0][cells] += responds
                efficacy[1][cells] += responds & toxic
        if going.size < trials:
            part = whole.of(going)
        following = design.next(part, at, ties.take(going))
        going, at = going[following != STOP], following[following != STOP]
        if not going.size:
            break
    return whole


class _Arrivals:
    """Trials in which participants come one after the other."""

    def __init__(
        self, design: Design, rates: Floats, draws: Draws, rules: TrialRules, response: Floats | None
    ) -> None:
        self.design, self.rates, self.rules, self.draws, self.response = design, rates, rules, draws, response
        maximum, trials = draws.latent.shape
        self.gaps = -np.log1p(-draws.gaps) * DAYS_PER_MONTH / (rules.accrual_per_month or 1.0)
        shape = -np.log2(1 - rules.late_share)
        self.delays = rules.window_days * draws.times ** (1 / shape)
        self.cell = np.full((trials, maximum), design.grid.size)  # the size stands for nobody yet
        self.began, self.known = np.zeros((trials, maximum)), np.full((trials, maximum), np.inf)
        self.toxic, self.responds = np.zeros((2, trials, maximum), bool)
        self.decisions = np.zeros(trials, int)

    def run(self, start: int) -> Run:
        maximum, trials = self.draws.latent.shape
        now, at, filled = np.zeros(trials), np.full(trials, start), np.zeros(trials, int)
        going = np.arange(trials)
        for number in range(maximum):
            now[going] += self.gaps[number, going] if number else 0
            self.place = at.copy()
            self._decide(going[filled[going] >= self.design.cohort_size], now, at, filled, number)
            going = going[at[going] != STOP]
            if not going.size:
                break
            self._enrol(going, number, now)
            filled[going] += self.place[going] == at[going]
        everybody = self._seen(np.arange(trials), np.full(trials, np.inf), maximum)
        return Run(everybody, np.where(self.cell < self.design.grid.size, self.known, 0.0).max(axis=1))

    def _decide(self, due: Integers, now: Floats, at: Integers, filled: Integers, number: int) -> None:
        """Move the due trials on; those that wait, wait for the next outcome or fill up a lower regimen."""
        while due.size:
            seen = self._seen(due, now[due], number)
            waits = self.rules.waits(self.design, seen, at[due])
            rows = due[~waits]
            if rows.size:
                ties = self.draws.ties[self.decisions[rows], rows]
                at[rows] = self.place[rows] = self.design.next(seen.of(~waits), at[rows], ties)
                self.decisions[rows] += 1
                filled[rows] = 0
            due, seen = due[waits], seen.of(waits)
            if self.rules.backfill and due.size:
                below = self.rules.backfilled(self.design, seen, at[due], self.design.cohort_size)
                self.place[due] = below
                due = due[below == NOWHERE]
                self.place[due] = at[due]
            ahead = np.where(self.known[due, :number] > now[due][:, None], self.known[due, :number], np.inf)
            now[due] = ahead.min(axis=1, initial=np.inf)

    def _enrol(self, rows: Integers, number: int, now: Floats) -> None:
        cell = self.place[rows]
        toxic = self.draws.latent[number, rows] < self.rates[cell]
        self.cell[rows, number], self.began[rows, number], self.toxic[rows, number] = cell, now[rows], toxic
        self.known[rows, number] = now[rows] + np.where(toxic, self.delays[number, rows], self.rules.window_days)
        if self.response is not None:
            self.responds[rows, number] = self.draws.responses[number, rows] < self.response[cell]

    def _seen(self, rows: Integers, now: Floats, number: int) -> Outcomes:
        """Return what is known of these trials at their times `now`, of the first `number` participants."""
        first, size = np.s_[rows, :number], self.design.grid.size
        cell, toxic, responds = self.cell[first], self.toxic[first], self.responds[first]
        known, passed = self.known[first] <= now[:, None], now[:, None] - self.began[first]
        bins = np.arange(len(rows))[:, None] * (size + 1) + cell

        def count(which: Booleans, weights: Floats | None = None) -> Any:
            worth = None if weights is None else weights[which]
            flat = np.bincount(bins[which], worth, len(rows) * (size + 1))
            return flat.reshape(-1, size + 1)[:, :size].reshape(-1, *self.design.grid.shape)

        waited, parts = ~known & (cell < size), [count(known), count(known & toxic)]
        late = [count(waited), count(waited, passed / self.rules.window_days)] if waited.any() else [None, None]
        if self.response is not None:
            late += [count(known & responds), count(known & responds & toxic)]
        return Outcomes(self.design.grid, *parts, *late)
