"""Operating characteristics: the advising design itself, run on many trials with assumed true DLT rates."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from protocol.escalation.designs import Design
from protocol.escalation.grid import STOP, Booleans, Floats, Integers, true_rates
from protocol.escalation.rules import TrialRules
from protocol.escalation.running import Stream, run
from protocol.records import ProtocolError
from protocol.translation import _

NEAR = 1e-9  # two rates this close are the same rate
MOST_TRIALS = 1_000_000
FIRST_CHUNK, LARGEST_CHUNK, BLINK_SECONDS = 1250, 2500, 0.05


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
    rules : TrialRules
        Options of the trial.
    days : ndarray of float, shape (T,), optional
        From the first start to the last complete outcome, when the rules have an accrual.
    responded : ndarray of int, shape (T, D, F), optional
        Participants with a response, when response rates were given.
    """

    design: Design
    truth: Floats
    seed: int
    requested: int
    treated: Integers
    dlt: Integers
    selected: Integers
    rules: TrialRules = field(default_factory=TrialRules)
    days: Floats | None = None
    responded: Integers | None = None

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

    def summary(self) -> pd.DataFrame:
        """Tabulate whole trials: measure, value, its Monte Carlo standard error, unit.

        Shares are 0 to 1. ``overdosed`` counts participants treated where the true rate is above the target.
        """
        total = self.treated.sum(axis=(1, 2))
        right = np.append(self.correct.ravel(), not self.correct.any())  # STOP is -1: the last entry
        over = np.append(self.above_target.ravel(), False)
        measures: dict[str, tuple[NDArray[np.generic], str]] = {
            "correct_selection": (right[self.selected], "share"),
            "toxic_selection": (over[self.selected], "share"),
            "none_selected": (self.selected == STOP, "share"),
            "stopped_early": (total < self.design.maximum, "share"),
            "participants": (total, "participants"),
            "dlts": (self.dlt.sum(axis=(1, 2)), "participants"),
            "overdosed": ((self.treated * self.above_target).sum(axis=(1, 2)), "participants"),
        }
        if self.days is not None:
            measures["duration"] = self.days, "days"
        if self.responded is not None:
            measures["responses"] = self.responded.sum(axis=(1, 2)), "participants"
        rows = [(name, *map(float, _mean(values)), unit) for name, (values, unit) in measures.items()]
        return pd.DataFrame(rows, columns=["measure", "value", "se", "unit"])


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
    chunk: int | None = None,
    progress: Callable[[Simulation], object] | None = None,
    stop: Callable[[], bool] | None = None,
    rules: TrialRules | None = None,
    response: ArrayLike | None = None,
) -> Simulation:
    """Simulate trials run by `design`.

    Draws are made per participant up front, so that two designs with the same seed meet the same
    participants, and the figures do not depend on `chunk`.

    Parameters
    ----------
    design : Design
    truth : array_like, shape (D, F)
        True DLT rates, 0 to 1, not falling along dose or frequency.
    trials, seed : int
        Number of trials (1 to 1,000,000) and seed (0 or more).
    start : int
        Index of the first cohort's regimen.
    chunk : int, optional
        Trials between two calls of `progress` and `stop`; grows while they take less than a blink when left out.
    progress : callable, optional
        Called with the :class:`Simulation` so far.
    stop : callable, optional
        Ends the simulation after the current chunk when it returns True.
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
    _check(_("trials"), trials, 1, MOST_TRIALS)
    _check(_("seed"), seed, 0, 2**63)
    _check(_("first regimen"), start, 0, design.grid.size - 1)
    _check(_("trials in a chunk"), size := FIRST_CHUNK if chunk is None else chunk, 1, MOST_TRIALS)
    rules, responses = rules or TrialRules(), response_rates(design, response)
    more = responses is not None or rules.accrual_per_month is not None
    shape, stream = (trials, *design.grid.shape), Stream(design, seed)
    treated, dlt, responded = np.zeros((3, *shape), np.int16)
    selected, days = np.zeros(trials, int), np.zeros(trials)
    done = 0
    while done < trials and not (done and stop and stop()):
        part, began = slice(done, min(done + size, trials)), monotonic()
        draws = stream.take(part.stop - done, more=more)
        outcomes, taken = run(design, rates.ravel(), draws, start, rules, responses)
        treated[part], dlt[part], selected[part] = outcomes.treated, outcomes.dlt, design.selected(outcomes)
        if taken is not None:
            days[part] = taken
        if outcomes.responded is not None:
            responded[part] = outcomes.responded
        done = part.stop
        if chunk is None and monotonic() - began < BLINK_SECONDS:
            size = min(2 * size, LARGEST_CHUNK)
        result = Simulation(
            design, rates, seed, trials, treated[:done], dlt[:done], selected[:done], rules,
            None if rules.accrual_per_month is None else days[:done], None if responses is None else responded[:done],
        )  # fmt: skip
        if progress:
            progress(result)
    return result


def response_rates(design: Design, response: ArrayLike | None) -> Floats | None:
    """Check assumed true response rates, or take the design's own; shape ``(D * F,)``, None without any."""
    own = design.assumed_responses if response is None else response
    if own is None:
        return None
    try:
        rates = np.asarray(own, dtype=float)
    except (TypeError, ValueError):
        rates = np.array(np.nan)
    if rates.shape != design.grid.shape or not ((rates >= 0) & (rates <= 1)).all():
        write = _("{} rows (doses) of {} rates from 0 to 1").format(*design.grid.shape)
        raise ProtocolError(_("true response rates"), repr(own)[:80], write)
    return rates.ravel()


def _check(what: str, value: object, least: int, most: int) -> None:
    if not (isinstance(value, int | np.integer) and least <= value <= most):
        raise ProtocolError(what, repr(value), _("a whole number from {} to {}").format(least, most))
