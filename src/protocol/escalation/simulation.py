"""Operating characteristics: the advising design itself, run on many trials with assumed true DLT rates."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from protocol.escalation.designs import Design
from protocol.escalation.grid import STOP, Booleans, Floats, Integers, true_rates
from protocol.escalation.outcomes import Outcomes
from protocol.escalation.spreading import FIRST_CHUNK, Piece, pieces
from protocol.records import ProtocolError
from protocol.translation import _

NEAR = 1e-9  # two rates this close are the same rate
MOST_TRIALS, MOST_WORKERS = 1_000_000, 1024


@dataclass(frozen=True, eq=False)
class Simulation:
    """The trials simulated so far.

    Parameters
    ----------
    design : Design
    truth : ndarray of float, shape (D, F)
        Assumed true DLT rates, 0 to 1.
    seed, requested : int
        Seed of the draws, and trials asked for.
    treated, dlt : ndarray of int, shape (T, D, F)
        Outcomes of every finished trial.
    selected : ndarray of int, shape (T,)
        Index of the recommended regimen, STOP for none.
    seconds : float
        Time they took.
    """

    design: Design
    truth: Floats
    seed: int
    requested: int
    treated: Integers
    dlt: Integers
    selected: Integers
    seconds: float = 0.0

    def __str__(self) -> str:
        return so_far(self.trials, self.requested, self.seconds)

    @property
    def trials(self) -> int:
        """Trials finished."""
        return len(self.selected)

    @property
    def above_target(self) -> Booleans:
        """Regimens whose true rate is above the target, shape ``(D, F)``."""
        return self.truth > self.design.target + NEAR

    @property
    def correct(self) -> Booleans:
        """Regimens whose true rate is nearest the target; none when the lowest is too toxic already."""
        distance = np.abs(self.truth - self.design.target)
        return np.asarray((distance <= distance.min() + NEAR) & (self.truth[0, 0] < self.design.toxic - NEAR))

    def regimens(self) -> pd.DataFrame:
        """Tabulate every regimen, one row each, and a last row for "none".

        Returns
        -------
        DataFrame
            regimen, dose, frequency, truth (0 to 1), correct; selected (share of trials, 0 to 1),
            participants and dlts (means per trial), each with its Monte Carlo standard error in a column
            ending in ``_se``.
        """
        grid = self.design.grid
        picks = self.selected[:, None] == [*range(grid.size), STOP]
        columns = {"regimen": [*grid.labels, "none"]}
        columns |= {"dose": [*(r.dose for r in grid.regimens), ""]}
        columns |= {"frequency": [*(r.frequency for r in grid.regimens), ""]}
        frame = pd.DataFrame(columns)
        frame["truth"] = [*self.truth.ravel(), np.nan]
        frame["correct"] = [*self.correct.ravel(), not self.correct.any()]
        frame["selected"], frame["selected_se"] = _mean(picks)
        for name, counts in {"participants": self.treated, "dlts": self.dlt}.items():
            mean, error = _mean(counts.reshape(self.trials, -1))
            frame[name], frame[f"{name}_se"] = [*mean, np.nan], [*error, np.nan]
        return frame

    def acceptable(self, margin: float) -> Booleans:
        """Mark regimens whose true rate is at most `margin` away from the target, shape ``(D, F)``."""
        return np.asarray(np.abs(self.truth - self.design.target) <= margin + NEAR)

    def measures(self, margin: float = 0.0) -> dict[str, tuple[NDArray[np.generic], str]]:
        """Judge every trial: measure, its value in each trial (shape ``(T,)``), unit.

        Parameters
        ----------
        margin : float
            A selection is acceptable when it is correct, or the true rate of the regimen is at most so far from
            the target. 0 leaves the measure out.
        """
        total = self.treated.sum(axis=(1, 2))
        right = np.append(self.correct.ravel(), not self.correct.any())  # STOP is -1: the last entry
        over = np.append(self.above_target.ravel(), False)
        fine = right | np.append(self.acceptable(margin).ravel(), False)
        measures: dict[str, tuple[NDArray[np.generic], str]] = {
            "correct_selection": (right[self.selected], "share"),
            "acceptable_selection": (fine[self.selected], "share"),
            "toxic_selection": (over[self.selected], "share"),
            "none_selected": (self.selected == STOP, "share"),
            "stopped_early": (total < self.design.maximum, "share"),
            "participants": (total, "participants"),
            "dlts": (self.dlt.sum(axis=(1, 2)), "participants"),
            "overdosed": ((self.treated * self.above_target).sum(axis=(1, 2)), "participants"),
        }
        if not margin:
            del measures["acceptable_selection"]
        return measures

    def summary(self, margin: float = 0.0) -> pd.DataFrame:
        """Tabulate whole trials: measure, value, its Monte Carlo standard error, unit.

        Shares are 0 to 1. ``overdosed`` counts participants treated where the true rate is above the target;
        `margin` as in :meth:`measures`.
        """
        rows = [(name, *map(float, _mean(values)), unit) for name, (values, unit) in self.measures(margin).items()]
        return pd.DataFrame(rows, columns=["measure", "value", "se", "unit"])

    def followed_by(self, other: "Simulation") -> "Simulation":
        """Join the trials of `other`, which continue these."""
        arrays = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in _PER_TRIAL
                  if getattr(self, name) is not None}  # fmt: skip
        return replace(self, **arrays, seconds=self.seconds + other.seconds)


_PER_TRIAL = "treated", "dlt", "selected"


def so_far(done: int, requested: int, seconds: float) -> str:
    """Say how many trials are done and, at the same pace, the time the others will take."""
    words = _("{:,} of {:,} trials").format(done, requested)
    left = seconds * (requested - done) / done
    return words + (_(", about {:.0f} s left").format(left) if done < requested else "")


def _mean(values: NDArray[np.generic]) -> tuple[Floats, Floats]:
    numbers = values.astype(float)
    return numbers.mean(axis=0), numbers.std(axis=0) / np.sqrt(len(numbers))


def simulate(
    design: Design,
    truth: ArrayLike,
    trials: int,
    seed: int,
    *,
    start: int = 0,
    first_trial: int = 0,
    chunk: int | None = None,
    workers: int = 1,
    client: Any = None,
    progress: Callable[[Simulation], object] | None = None,
    stop: Callable[[], bool] | None = None,
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

    Raises
    ------
    ProtocolError
        When the true rates, a number of trials, the seed or the first regimen cannot be used.
    """
    rates = true_rates(design.grid, truth)
    _check(_("trials"), trials, 1, MOST_TRIALS)
    _check(_("first trial"), first_trial, 0, 2**63)
    _check(_("seed"), seed, 0, 2**63)
    _check(_("first regimen"), start, 0, design.grid.size - 1)
    _check(_("trials in a chunk"), FIRST_CHUNK if chunk is None else chunk, 1, MOST_TRIALS)
    if workers != -1:
        _check(_("workers"), workers, 1, MOST_WORKERS)
    shape, began, done = (trials, *design.grid.shape), monotonic(), 0
    treated, dlt, selected = np.zeros(shape, np.int16), np.zeros(shape, np.int16), np.zeros(trials, int)
    work = partial(_piece, design, rates.ravel(), seed, start, first_trial)
    halt = Event()
    finished = pieces(work, trials, chunk, FIRST_CHUNK, workers, client, halt)
    try:
        for piece in finished:
            part = slice(done, done := done + len(piece[-1]))
            treated[part], dlt[part], selected[part] = piece
            so_far = treated[:done], dlt[:done], selected[:done]
            result = Simulation(design, rates, seed, trials, *so_far, monotonic() - began)
            if progress:
                progress(result)
            if stop and stop():
                halt.set()
    except KeyboardInterrupt:
        if not done:
            raise
    finally:
        finished.close()
    return result


def _piece(design: Design, rates: Floats, seed: int, start: int, first_trial: int, first: int, trials: int) -> Piece:
    """Simulate `trials` trials from number `first` on; runs in any process."""
    steps = -(-design.maximum // design.cohort_size)
    stream = np.random.PCG64(seed).advance((first_trial + first) * (design.maximum + steps))
    outcomes = _run(design, rates, np.random.Generator(stream), trials, start)
    return outcomes.treated, outcomes.dlt, design.selected(outcomes)


def _check(what: str, value: object, least: int, most: int) -> None:
    if not (isinstance(value, int | np.integer) and least <= value <= most):
        raise ProtocolError(what, repr(value), _("a whole number from {} to {}").format(least, most))


def _run(design: Design, rates: Floats, draw: np.random.Generator, trials: int, start: int) -> Outcomes:
    """Run one chunk of trials from the first cohort to the stop."""
    steps = -(-design.maximum // design.cohort_size)
    draws = np.ascontiguousarray(draw.random((trials, design.maximum + steps)).T)
    latent, ties = draws[: design.maximum], draws[design.maximum :]
    treated, dlt = np.zeros((2, trials, *design.grid.shape), np.int16)
    whole = part = Outcomes(design.grid, treated, dlt)  # the arrays below are written in place
    going, at = np.arange(trials), np.full(trials, start)
    for step in range(steps):
        cells, rate = going * design.grid.size + at, rates.take(at)
        for participant in latent[step * design.cohort_size : (step + 1) * design.cohort_size]:
            treated.reshape(-1)[cells] += 1
            dlt.reshape(-1)[cells] += participant.take(going) < rate
        if going.size < trials:
            part = Outcomes(design.grid, treated[going], dlt[going])
        following = design.next(part, at, ties[step].take(going))
        going, at = going[following != STOP], following[following != STOP]
        if not going.size:
            break
    return whole
