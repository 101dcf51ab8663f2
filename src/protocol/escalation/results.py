"""Results of a simulation: operating characteristics with their Monte Carlo errors."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from protocol.display import Displayed
from protocol.escalation.checks import checked
from protocol.escalation.design import Design, Share
from protocol.escalation.grid import STOP, Booleans, Floats, Integers
from protocol.escalation.trial_rules import TrialRules
from protocol.translation import _

NEAR = 1e-9  # two rates this close are the same rate

PER_TRIAL = "treated", "dlt", "selected", "days", "responded"


@dataclass(frozen=True, eq=False, repr=False)
class Simulation(Displayed):
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
    seconds : float
        Time the simulation took.
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
    seconds: float = 0.0

    def __str__(self) -> str:
        return so_far(self.trials, self.requested, self.seconds)

    def __repr__(self) -> str:
        return f"<Simulation of {type(self.design).__name__}, seed {self.seed}: {self}>"

    def table(self) -> pd.DataFrame:
        """Tabulate every regimen, one row each; the same as :meth:`regimens`."""
        return self.regimens()

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
        columns: dict[str, Any] = {
            "regimen": [*grid.labels, "none"],
            "dose": [*(r.dose for r in grid.regimens), ""],
            "frequency": [*(r.frequency for r in grid.regimens), ""],
            "truth": [*self.truth.ravel(), np.nan],
            "correct": [*self.correct.ravel(), not self.correct.any()],
        }
        columns["selected"], columns["selected_se"] = _mean(picks)
        for name, counts in {"participants": self.treated, "dlts": self.dlt}.items():
            mean, error = _mean(counts.reshape(self.trials, -1))
            columns[name], columns[f"{name}_se"] = [*mean, np.nan], [*error, np.nan]
        return pd.DataFrame(columns)

    @checked
    def acceptable(self, margin: Share) -> Booleans:
        """Mark regimens whose true rate is at most `margin` away from the target, shape ``(D, F)``."""
        return np.asarray(np.abs(self.truth - self.design.target) <= margin + NEAR)

    @checked
    def measures(self, margin: Share = 0.0) -> dict[str, tuple[NDArray[np.generic], str]]:
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
        if self.days is not None:
            measures["duration"] = self.days, "days"
        if self.responded is not None:
            measures["responses"] = self.responded.sum(axis=(1, 2)), "participants"
        if not margin:
            del measures["acceptable_selection"]
        return measures

    @checked
    def summary(self, margin: Share = 0.0) -> pd.DataFrame:
        """Tabulate whole trials: measure, value, its Monte Carlo standard error, unit.

        Shares are 0 to 1. ``overdosed`` counts participants treated where the true rate is above the target;
        `margin` as in :meth:`measures`.
        """
        rows = [(name, *map(float, _mean(values)), unit) for name, (values, unit) in self.measures(margin).items()]
        return pd.DataFrame(rows, columns=["measure", "value", "se", "unit"])

    @checked
    def followed_by(self, other: "Simulation") -> "Simulation":
        """Join the trials of `other`, which continue these."""
        both = {name: (getattr(self, name), getattr(other, name)) for name in PER_TRIAL}
        joined: dict[str, Any] = {name: np.concatenate(parts) for name, parts in both.items() if parts[0] is not None}
        return replace(self, **joined, seconds=self.seconds + other.seconds)


def so_far(done: int, requested: int, seconds: float) -> str:
    """Say how many trials are done and, at the same pace, the time the others will take."""
    words = _("{:,} of {:,} trials").format(done, requested)
    left = seconds * (requested - done) / done
    return words + (_(", about {:.0f} s left").format(left) if done < requested else "")


@checked
def figure_words(value: float, error: float, unit: str, trials: Annotated[int, Field(ge=1)]) -> tuple[str, str]:
    """Write a figure and its Monte Carlo error in words."""
    if unit != "share":
        return f"{value:.2f}", f"{error:.2f}"
    # Never or always seen in n trials: the 95 % bound is 3 / n (Hanley & Lippman-Hand 1983), not no error at all.
    return f"{value:.1%}", f"{error:.1%}" if error else _("up to {:.1%}").format(3 / trials)


def _mean(values: NDArray[np.generic]) -> tuple[Floats, Floats]:
    numbers = values.astype(float)
    return numbers.mean(axis=0), numbers.std(axis=0) / np.sqrt(len(numbers))


class Together(ABC, Displayed):
    """Simulations that grow together: each has the same number of trials."""

    simulations: Mapping[Any, Simulation]

    @abstractmethod
    def table(self) -> pd.DataFrame:
        """Tabulate the figures of every simulation."""

    def __str__(self) -> str:
        return so_far(self.trials, self.requested, sum(one.seconds for one in self.simulations.values()))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.simulations)} simulations: {self}>"

    @property
    def trials(self) -> int:
        """Trials finished of each."""
        return next(iter(self.simulations.values())).trials

    @property
    def requested(self) -> int:
        """Trials asked for."""
        return next(iter(self.simulations.values())).requested
