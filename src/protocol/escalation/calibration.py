"""Calibration: what sample size, cohort size and target do to the risk of a wrong choice."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from protocol.escalation.checks import checked
from protocol.escalation.comparison import Margin, in_steps, last_of
from protocol.escalation.design import Design
from protocol.escalation.results import Simulation, Together
from protocol.escalation.simulation import Place, Trials
from protocol.records import ProtocolError
from protocol.translation import _

RISKS = ("wrong", "unacceptable", "toxic", "none", "participants", "dlts", "overdosed")

MOST_RUNS = 1000  # settings times scenarios


class Setting(NamedTuple):
    """One way to set a design."""

    target: float  # 0 to 1
    cohort_size: int
    maximum: int  # participants in the whole trial at most


@dataclass(frozen=True, repr=False)
class Calibration(Together):
    """Simulations of every setting under every scenario.

    Parameters
    ----------
    simulations : dict of (Setting, str) to Simulation
        By the setting and the name of the scenario.
    margin : float
        A regimen is acceptable when its true rate is at most so far from the target.
    """

    simulations: dict[tuple[Setting, str], Simulation]
    margin: float

    def table(self) -> pd.DataFrame:
        """Tabulate the risks.

        Returns
        -------
        DataFrame
            target, cohort_size, maximum, scenario ("" for the mean of all scenarios, each counted alike), and
            then, each with its Monte Carlo standard error in a column ending in ``_se``: the shares of trials that
            end in a wrong, an unacceptable, a too toxic, or no selection, and the participants, those with a DLT
            and those treated above the target in a trial.
        """
        rows = []
        for setting in dict.fromkeys(setting for setting, _scenario in self.simulations):
            names = [name for other, name in self.simulations if other == setting]
            values = np.stack([self._risks(self.simulations[setting, name]) for name in names])
            rows += [(*setting, name, *_figures(each)) for name, each in zip(names, values, strict=True)]
            rows.append((*setting, "", *_figures(values.mean(axis=0))))  # trial by trial: the draws are the same
        columns = [column for risk in RISKS for column in (risk, f"{risk}_se")]
        return pd.DataFrame(rows, columns=["target", "cohort_size", "maximum", "scenario", *columns])

    def _risks(self, one: Simulation) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return every trial's risks, shape ``(risks, T)``."""
        found = {name: values.astype(float) for name, (values, _unit) in one.measures(self.margin).items()}
        risks = [1 - found["correct_selection"], 1 - found["acceptable_selection"]]
        same = "toxic_selection", "none_selected", "participants", "dlts", "overdosed"
        return np.stack([*risks, *(found[name] for name in same)])


def _figures(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[float]:
    errors = values.std(axis=1) / np.sqrt(values.shape[1])
    return [float(figure) for pair in zip(values.mean(axis=1), errors, strict=True) for figure in pair]


@checked
def calibrate(
    designed: Callable[[Setting], Design],
    scenarios: Mapping[str, ArrayLike],
    targets: Iterable[float],
    cohort_sizes: Iterable[int],
    maxima: Iterable[int],
    trials: Trials,
    seed: Place,
    *,
    margin: Margin,
    progress: Callable[[Calibration], object] | None = None,
    stop: Callable[[], bool] | None = None,
    **how: Any,
) -> Calibration:
    """Simulate every combination of target, cohort size and maximum under every scenario, in rounds that grow.

    Parameters
    ----------
    designed : callable
        Builds the design of one :class:`Setting`.
    scenarios : mapping of str to array_like of shape (D, F)
        True DLT rates, 0 to 1.
    targets, cohort_sizes, maxima : iterable
        Target DLT rates, participants in a cohort, participants in a trial at most.
    trials, seed : int
        Trials of every combination under every scenario; all are simulated from the same seed.
    margin : float
        A regimen is acceptable when its true rate is at most so far from the target, above 0.
    progress : callable, optional
        Called with the :class:`Calibration` after every round.
    stop : callable, optional
        Ends the calibration when it returns True; the rounds that are finished are returned.
    **how
        ``start``, ``workers``, ``client`` and further options of
        :func:`~protocol.escalation.simulation.simulate`.

    Raises
    ------
    ProtocolError
        When there is nothing to simulate, there are more than 1,000 combinations, or one cannot be simulated.
    """
    steps = calibrate_in_steps(designed, scenarios, targets, cohort_sizes, maxima, trials, seed, margin=margin, **how)
    return last_of(steps, progress, stop)


@checked
def calibrate_in_steps(
    designed: Callable[[Setting], Design],
    scenarios: Mapping[str, ArrayLike],
    targets: Iterable[float],
    cohort_sizes: Iterable[int],
    maxima: Iterable[int],
    trials: Trials,
    seed: Place,
    *,
    margin: Margin,
    **how: Any,
) -> Iterator[tuple[Calibration | None, float]]:
    """Calibrate as :func:`calibrate` does, one simulation at each step, for a page that shows the time left.

    Returns
    -------
    iterator of (Calibration or None, float)
        After each simulation: what all combinations have so far, None before the first round ends, and the part of
        the work that is done, 0 to 1.
    """
    levels = [_listed(*each) for each in (("targets", targets), ("cohort_sizes", cohort_sizes), ("maxima", maxima))]
    if not isinstance(scenarios, Mapping):
        raise ProtocolError(_("calibration"), type(scenarios).__name__, _("true DLT rates by the names of scenarios"))
    settings = [Setting(*each) for each in product(*levels)]
    if not 1 <= len(settings) * len(scenarios) <= MOST_RUNS:
        found = _("{} settings under {} scenarios").format(len(settings), len(scenarios))
        raise ProtocolError(_("calibration"), found, _("from 1 to {:,} combinations").format(MOST_RUNS))
    arms = {(each, name): (designed(each), truth) for each in settings for name, truth in scenarios.items()}
    return in_steps(lambda found: Calibration(found, margin), arms, trials, seed, **how)


def _listed(name: str, values: Any) -> list[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ProtocolError(_("calibration, {}").format(name), repr(values)[:80], _("a list of numbers"))
    return list(values)
