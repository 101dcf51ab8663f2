"""Operating characteristics: the advising design itself, run on many trials with assumed true DLT rates.

In reading order: :func:`simulate`; the random draws; a trial as a sequence of cohorts; a trial by the calendar; how
the trials are cut into chunks and computed in this process, on several processes or on a cluster.

Without an accrual a trial is a sequence of cohorts. With one, participants come one after the other, DLTs need their
time, and the design is asked when it would be asked in the trial: when the next participant is there.
"""

from collections.abc import Callable, Generator, Iterator
from functools import partial
from itertools import takewhile
from threading import Event
from time import monotonic
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from protocol.escalation.checks import checked, floats
from protocol.escalation.design import Design
from protocol.escalation.grid import STOP, Booleans, Floats, Integers, true_rates
from protocol.escalation.outcomes import Outcomes
from protocol.escalation.results import Simulation
from protocol.escalation.trial_rules import NOWHERE, TrialRules
from protocol.records import ProtocolError
from protocol.translation import _

DAYS_PER_MONTH = 365.25 / 12

MOST_TRIALS, MOST_WORKERS = 1_000_000, 1024

Trials = Annotated[int, Field(ge=1, le=MOST_TRIALS)]

Place = Annotated[int, Field(ge=0, le=2**63)]
"""A seed, or the number of a trial in its stream."""

KEPT = np.int16  # counts of finished trials, at most 1000 at a regimen: a million trials stay small in memory

Chunk = dict[str, NDArray[Any]]  # the results of some trials by name, the trials along the first axis

Compute = Callable[[int, int], Chunk]  # simulates so many trials from that number on; can be pickled

Ranges = list[tuple[int, int]]  # first trial and number of trials of each chunk


@checked
def simulate(
    design: Design,
    truth: ArrayLike,
    trials: Trials,
    seed: Place,
    *,
    start: int = 0,
    first_trial: Place = 0,
    chunk: Trials | None = None,
    workers: Annotated[int, Field(ge=-1, le=MOST_WORKERS)] = 1,
    client: Any = None,
    progress: Callable[[Simulation], object] | None = None,
    stop: Callable[[], bool] | None = None,
    rules: TrialRules | None = None,
    response: ArrayLike | None = None,
) -> Simulation:
    """Simulate trials run by `design`.

    Every trial has its own place in the stream of draws of the seed, and a participant of it the same draw
    whatever the design. So two designs with the same seed meet the same participants, and the figures do not
    depend on `chunk`, `workers` or `client`. Ctrl+C ends the simulation as `stop` does.

    Parameters
    ----------
    design : Design
    truth : array_like, shape (D, F)
        True DLT rates, 0 to 1, not falling along dose or frequency.
    trials, seed : int
        Number of trials (1 to 1,000,000) and seed (0 or more).
    start : int
        Index of the first cohort's regimen.
    first_trial : int
        Number of the first trial; trials 100 to 199 are the same in whichever call they are simulated.
    chunk : int, optional
        Trials between two calls of `progress` and `stop`; follows the pace when left out.
    workers : int
        Processes of this machine that share the work (joblib), -1 for one per core. Inside
        ``joblib.parallel_config("dask")`` they are those of the Dask cluster.
    client : distributed.Client, optional
        An existing Dask cluster that shares the work; what a lost worker had computed is computed again.
    progress : callable, optional
        Called with the :class:`Simulation` so far, such as ``print``.
    stop : callable, optional
        Ends the simulation after the current chunk when it returns True; what is finished is returned.
    rules : TrialRules, optional
        Options of the trial; every outcome is complete before the next cohort when left out.
    response : array_like, shape (D, F), optional
        True response rates, 0 to 1, in any order; those of the design, if it has any, when left out.

    Raises
    ------
    ProtocolError
        When the true rates, a number of trials, the seed or the first regimen cannot be used.
    """
    rates = true_rates(design.grid, truth)
    if not 0 <= start < design.grid.size:
        write = _("a whole number from 0 to {}").format(design.grid.size - 1)
        raise ProtocolError(_("first regimen"), str(start), write)
    if workers == 0:
        raise ProtocolError(_("workers"), "0", _("1 or more, or -1 for one per core"))
    rules, responses = rules or TrialRules(), _response_rates(design, response)
    compute = partial(_simulate_chunk, design, rates.ravel(), responses, rules, seed, start, first_trial)
    began, stopped, done = monotonic(), Event(), 0
    whole: Chunk = {}
    first = LARGEST_CHUNK if design.looks_up else FIRST_CHUNK
    finished = _in_chunks(compute, trials, chunk, first, workers, client, stopped)
    try:
        for results in finished:
            whole = whole or {name: np.zeros((trials, *part.shape[1:]), part.dtype) for name, part in results.items()}
            begin, done = done, done + len(results["selected"])
            for name, part in results.items():
                whole[name][begin:done] = part
            so_far = {name: every[:done] for name, every in whole.items()}
            result = Simulation(design, rates, seed, trials, rules=rules, seconds=monotonic() - began, **so_far)
            if progress:
                progress(result)
            if stop and stop():
                stopped.set()
    except KeyboardInterrupt:
        if not done:
            raise
    finally:
        finished.close()
    return result


def _response_rates(design: Design, response: ArrayLike | None) -> Floats | None:
    """Check assumed true response rates, or take the design's own; shape ``(D * F,)``, None without any."""
    own = design.assumed_responses if response is None else response
    if own is None:
        return None
    where, write = _("true response rates"), _("{} rows (doses) of {} rates from 0 to 1").format(*design.grid.shape)
    rates = floats(own, where, write)
    if rates.shape != design.grid.shape or not ((rates >= 0) & (rates <= 1)).all():
        raise ProtocolError(where, repr(own)[:80], write)
    return rates.ravel()


def _simulate_chunk(
    design: Design,
    rates: Floats,
    responses: Floats | None,
    rules: TrialRules,
    seed: int,
    start: int,
    first_trial: int,
    first: int,
    trials: int,
) -> Chunk:
    """Simulate `trials` trials from number `first` on; runs in any process."""
    more = responses is not None or rules.accrual_per_month is not None
    draws = Stream(design, seed, first_trial + first).take(trials, more=more)
    outcomes, days = run(design, rates, draws, start, rules, responses)
    selected = design.selected(outcomes)
    results = {"treated": outcomes.treated.astype(KEPT), "dlt": outcomes.dlt.astype(KEPT), "selected": selected}
    responded = None if outcomes.responded is None else outcomes.responded.astype(KEPT)
    optional = {"days": days, "responded": responded}
    return results | {name: part for name, part in optional.items() if part is not None}


# Random draws


class Draws(NamedTuple):
    """Uniform draws of T trials, participants in the order of their start."""

    latent: Floats
    """A DLT where below the true rate, ``(maximum, T)``."""

    ties: Floats
    """For ties between regimens, ``(cohorts, T)``."""

    gaps: Floats
    """Time to the next participant, ``(maximum, T)``; as the two below, only drawn when asked for."""

    times: Floats
    """Time to a DLT, ``(maximum, T)``."""

    responses: Floats
    """A response where below the true rate, ``(maximum, T)``."""


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


# Trials


class Run(NamedTuple):
    """T finished trials."""

    outcomes: Outcomes
    days: Floats | None
    """From the first start to the last complete outcome, ``(T,)``; None without an accrual."""


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

    Raises
    ------
    ProtocolError
        When the design cannot follow the rules.
    """
    rules.check(design, responses=response is not None)
    if rules.accrual_per_month is None:
        return Run(_by_cohorts(design, rates, draws, start, response), None)
    return TrialsByCalendar(design, rates, draws, rules, response).run(start)


def _by_cohorts(design: Design, rates: Floats, draws: Draws, start: int, response: Floats | None) -> Outcomes:
    trials, size, cohort = draws.latent.shape[1], design.grid.size, design.cohort_size
    counts = np.zeros((2 if response is None else 4, trials, *design.grid.shape), np.int64)
    treated, dlt, *efficacy = (count.reshape(-1) for count in counts)
    rest = (None, None, *counts[2:]) if efficacy else ()
    whole = part = Outcomes(design.grid, *counts[:2], *rest)  # the arrays below are written in place
    going, at = np.arange(trials), np.full(trials, start)
    for step, ties in enumerate(draws.ties):  # one cohort of every trial that goes on
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


class TrialsByCalendar:
    """Trials in which participants come one after the other, a Poisson process; times are in days.

    Parameters
    ----------
    design, rates, draws, rules, response
        As for :func:`run`, with an accrual in the rules.

    Attributes
    ----------
    gaps, delays : ndarray of float, shape (maximum, T)
        Time to the next participant, and from a participant's start to a DLT.
    """

    def __init__(
        self, design: Design, rates: Floats, draws: Draws, rules: TrialRules, response: Floats | None
    ) -> None:
        self.design, self.rates, self.rules, self.draws, self.response = design, rates, rules, draws, response
        maximum, trials = draws.latent.shape
        self.gaps = -np.log1p(-draws.gaps) * DAYS_PER_MONTH / (rules.accrual_per_month or 1.0)
        shape = -np.log2(1 - rules.late_share)
        self.delays = rules.window_days * draws.times ** (1 / shape)
        # Of every participant: regimen (the number of regimens stands for "not enrolled"), start, day of the outcome.
        self.cell = np.full((trials, maximum), design.grid.size)
        self.began, self.known = np.zeros((trials, maximum)), np.full((trials, maximum), np.inf)
        self.toxic, self.responds = np.zeros((2, trials, maximum), bool)
        self.decisions = np.zeros(trials, int)

    def run(self, start: int) -> Run:
        """Run the trials from the regimen of the first participant to the stop."""
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
        complete = self._seen(np.arange(trials), np.full(trials, np.inf), maximum)
        return Run(complete, np.where(self.cell < self.design.grid.size, self.known, 0.0).max(axis=1))

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


# Chunks

# The first figures are there at once with any design; of 500 to 10,000 trials, 5,000 at once were the fastest.
FIRST_CHUNK, LARGEST_CHUNK = 25, 5000

GROW_BELOW_SECONDS, LARGEST_BELOW_SECONDS = 0.05, 0.005  # a chunk that took less doubles, or becomes the largest

SENT_SECONDS, MOST_SENT = 0.5, 20_000  # work worth sending to another process, and no more trials than this


def _in_chunks(
    compute: Compute, trials: int, chunk: int | None, first: int, workers: int, client: Any, stopped: Event
) -> Generator[Chunk, None, None]:
    """Compute all trials in chunks, in the order of the trials; once `stopped` is set, no further chunk is begun.

    With several processes the first chunk is still computed in this one: its figures are there at once, and its time
    says how many trials to send to another process.
    """
    if client is None and workers == 1:
        yield from _in_this_process(compute, trials, chunk, first, stopped)
        return
    began, size = monotonic(), min(trials, chunk or first)
    yield compute(0, size)
    fitting = int(size * SENT_SECONDS / max(monotonic() - began, 1e-6))
    step = chunk or max(1, min(fitting, MOST_SENT))
    ranges = [(begin, min(step, trials - begin)) for begin in range(size, trials, step)]
    if client is None:
        yield from _on_processes(compute, ranges, workers, stopped)
    else:
        yield from _on_cluster(compute, ranges, client, stopped)


def _in_this_process(compute: Compute, trials: int, chunk: int | None, first: int, stopped: Event) -> Iterator[Chunk]:
    done, size = 0, chunk or first
    while done < trials and not stopped.is_set():
        began, count = monotonic(), min(size, trials - done)
        results, done = compute(done, count), done + count
        if chunk is None and (took := monotonic() - began) < GROW_BELOW_SECONDS:
            size = LARGEST_CHUNK if took < LARGEST_BELOW_SECONDS else min(2 * size, LARGEST_CHUNK)
        yield results


def _on_processes(compute: Compute, ranges: Ranges, workers: int, stopped: Event) -> Iterator[Chunk]:
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=workers, return_as="generator", batch_size=1, pre_dispatch="1.5*n_jobs")
    yield from parallel(delayed(compute)(*part) for part in takewhile(lambda _part: not stopped.is_set(), ranges))


def _on_cluster(compute: Compute, ranges: Ranges, client: Any, stopped: Event) -> Iterator[Chunk]:
    """Hold every task until its result is here: what a lost worker computed is computed again."""
    waiting = [client.submit(compute, *part, pure=False) for part in ranges]
    try:
        while waiting and not stopped.is_set():
            yield waiting[0].result()
            waiting.pop(0)
    finally:
        client.cancel(waiting)
