"""Designs side by side on the same simulated participants."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Annotated, Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from pydantic import Field

from protocol.escalation.checks import checked
from protocol.escalation.design import Design
from protocol.escalation.results import Simulation, Together
from protocol.escalation.simulation import Place, Trials, simulate
from protocol.records import ProtocolError
from protocol.translation import _, list_of

K = TypeVar("K", bound=Hashable)

FIRST_ROUND, GROWTH = 25, 3  # trials of each kind before anything is shown; a round adds 3 x those done ...

LONG_SECONDS = 4.0  # ... until one takes so long

LARGEST_PIECE = 2000  # trials at once in this process

Margin = Annotated[float, Field(gt=0, le=1)]
"""How far from the target the true rate of an acceptable regimen may be."""


@dataclass(frozen=True, repr=False)
class Comparison(Together):
    """Several designs on the same simulated participants.

    Parameters
    ----------
    simulations : dict of str to Simulation
        By the name of the design, all with the same true rates, seed and number of trials.
    margin : float
        A regimen is acceptable when its true rate is at most so far from the target.
    """

    simulations: dict[str, Simulation]
    margin: float

    def table(self) -> pd.DataFrame:
        """Tabulate design, measure, value, se (Monte Carlo standard error), unit; measures as in a summary."""
        parts = [one.summary(self.margin).assign(design=name) for name, one in self.simulations.items()]
        return pd.concat(parts, ignore_index=True)[["design", "measure", "value", "se", "unit"]]

    @checked
    def differences(self, reference: str) -> pd.DataFrame:
        """Tabulate how much every other design differs from one of them.

        The differences are taken trial by trial: both designs met the same participants, so what the participants
        contribute to the error cancels.

        Returns
        -------
        DataFrame
            design, measure, difference (the design less the reference), se (Monte Carlo standard error of the
            paired difference), unit.

        Raises
        ------
        ProtocolError
            When there is no design of that name.
        """
        if reference not in self.simulations:
            raise ProtocolError(_("comparison"), repr(reference), list_of(self.simulations))
        base = self.simulations[reference].measures(self.margin)
        rows = []
        for name, one in self.simulations.items():
            for measure, (values, unit) in one.measures(self.margin).items() if name != reference else ():
                if measure in base:
                    apart = values.astype(float) - base[measure][0].astype(float)
                    rows.append((name, measure, apart.mean(), apart.std() / np.sqrt(len(apart)), unit))
        return pd.DataFrame(rows, columns=["design", "measure", "difference", "se", "unit"])

    def regimens(self) -> pd.DataFrame:
        """Tabulate every design's regimens, as :meth:`Simulation.regimens` does, with its name in ``design``."""
        return pd.concat([one.regimens().assign(design=name) for name, one in self.simulations.items()])


@checked
def compare(
    designs: Mapping[str, Design],
    truth: ArrayLike,
    trials: Trials,
    seed: Place,
    *,
    margin: Margin,
    progress: Callable[[Comparison], object] | None = None,
    stop: Callable[[], bool] | None = None,
    **how: Any,
) -> Comparison:
    """Simulate all `designs` on the same participants, in rounds that grow.

    Parameters
    ----------
    designs : mapping of str to Design
        Two entries may be one rule set in two ways. All have the same cohort size and maximum, or they would not
        meet the same participants.
    truth, trials, seed
        As for :func:`~protocol.escalation.simulation.simulate`.
    margin : float
        A regimen is acceptable when its true rate is at most so far from the target, above 0.
    progress : callable, optional
        Called with the :class:`Comparison` after every round: all designs have the same trials then.
    stop : callable, optional
        Ends the comparison when it returns True; the rounds that are finished are returned.
    **how
        ``start``, ``workers``, ``client`` and further options of ``simulate``.

    Raises
    ------
    ProtocolError
        When the designs cannot meet the same participants or cannot be simulated.
    """
    return last_of(compare_in_steps(designs, truth, trials, seed, margin=margin, **how), progress, stop)


@checked
def compare_in_steps(
    designs: Mapping[str, Design], truth: ArrayLike, trials: Trials, seed: Place, *, margin: Margin, **how: Any
) -> Iterator[tuple[Comparison | None, float]]:
    """Compare as :func:`compare` does, one simulation at each step, for a page that shows the time left.

    Returns
    -------
    iterator of (Comparison or None, float)
        After each simulation: what all designs have so far, None before the first round ends, and the part of the
        work that is done, 0 to 1.
    """
    _check(designs)
    arms = {name: (one, truth) for name, one in designs.items()}
    return in_steps(lambda found: Comparison(found, margin), arms, trials, seed, **how)


R = TypeVar("R", bound=Together)


def last_of(
    steps: Iterator[tuple[R | None, float]],
    progress: Callable[[R], object] | None,
    stop: Callable[[], bool] | None,
) -> R:
    """Go through the steps and return the last result; at least one round is finished before `stop` ends it."""
    shown: R | None = None
    for found, _done in steps:
        if found is not None and found is not shown:
            shown = found
            if progress:
                progress(found)
        if shown is not None and stop and stop():
            break
    assert shown is not None  # noqa: S101 - the last step of the first round has a result
    return shown


def in_steps(
    together: Callable[[dict[K, Simulation]], R],
    arms: Mapping[K, tuple[Design, ArrayLike]],
    trials: int,
    seed: int,
    **how: Any,
) -> Iterator[tuple[R | None, float]]:
    """Simulate many designs and true rates in rounds that grow: all have the same trials after each round.

    Yields after each simulation what `together` makes of the finished rounds, and the part of the work that is done:
    by participants in the first round, by the time that each simulation takes afterwards.
    """
    found: dict[K, Simulation] = {}
    result: R | None = None
    costs: dict[K, float] = {key: design.maximum for key, (design, _truth) in arms.items()}
    done, size = 0, min(FIRST_ROUND, trials)
    while done < trials:
        parts: dict[K, Simulation] = {}
        cut: dict[str, Any] = {} if {"workers", "client"} & how.keys() else {"chunk": min(size, LARGEST_PIECE)}
        began, whole = monotonic(), trials * sum(costs.values())
        for key, (design, truth) in arms.items():
            if parts:
                worked = done * sum(costs.values()) + size * sum(costs[one] for one in parts)
                yield result, worked / whole
            parts[key] = simulate(design, truth, size, seed, first_trial=done, **cut, **how)
        joined = {key: found[key].followed_by(part) if found else part for key, part in parts.items()}
        found = {key: replace(one, requested=trials) for key, one in joined.items()}
        result = together(found)
        costs = {key: max(one.seconds, 1e-9) for key, one in found.items()}
        done += size
        size = min(size if monotonic() - began > LONG_SECONDS else GROWTH * done, trials - done)
        yield result, done / trials


def _check(designs: Any) -> None:
    if not (isinstance(designs, Mapping) and all(isinstance(one, Design) for one in designs.values())):
        raise ProtocolError(_("comparison"), type(designs).__name__, _("designs by their names"))
    sizes = {(design.cohort_size, design.maximum) for design in designs.values()}
    if len(sizes) != 1:
        found = list_of((_("cohorts of {}, at most {}").format(*size) for size in sorted(sizes)), "; ") or _(
            "no design"
        )
        raise ProtocolError(_("comparison"), found, _("designs with the same cohort size and maximum"))
