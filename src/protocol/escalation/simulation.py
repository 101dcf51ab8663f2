"""Operating characteristics: the advising design itself, run on many trials with assumed true DLT rates."""

from collections.abc import Callable
from functools import partial
from threading import Event
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protocol.escalation.designs import Design
from protocol.escalation.grid import Floats, true_rates
from protocol.escalation.results import Simulation
from protocol.escalation.rules import TrialRules
from protocol.escalation.running import Stream, run
from protocol.escalation.spreading import FIRST_CHUNK, LARGEST_CHUNK, Piece, pieces
from protocol.escalation.stepping import IntervalDesign
from protocol.records import ProtocolError
from protocol.translation import _

__all__ = ["Simulation", "response_rates", "simulate"]

MOST_TRIALS, MOST_WORKERS = 1_000_000, 1024


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
    _check(_("trials"), trials, 1, MOST_TRIALS)
    _check(_("first trial"), first_trial, 0, 2**63)
    _check(_("seed"), seed, 0, 2**63)
    _check(_("first regimen"), start, 0, design.grid.size - 1)
    _check(_("trials in a chunk"), 1 if chunk is None else chunk, 1, MOST_TRIALS)
    if workers != -1:
        _check(_("workers"), workers, 1, MOST_WORKERS)
    rules, responses = rules or TrialRules(), response_rates(design, response)
    work = partial(_piece, design, rates.ravel(), responses, rules, seed, start, first_trial)
    began, halt, whole, done = monotonic(), Event(), dict[str, NDArray[Any]](), 0
    first = LARGEST_CHUNK if isinstance(design, IntervalDesign) else FIRST_CHUNK  # tables take no time
    finished = pieces(work, trials, chunk, first, workers, client, halt)
    try:
        for piece in finished:
            whole = whole or {name: np.zeros((trials, *part.shape[1:]), part.dtype) for name, part in piece.items()}
            begin, done = done, done + len(piece["selected"])
            for name, part in piece.items():
                whole[name][begin:done] = part
            so_far = {name: every[:done] for name, every in whole.items()}
            result = Simulation(design, rates, seed, trials, rules=rules, seconds=monotonic() - began, **so_far)
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


def _piece(
    design: Design, rates: Floats, responses: Floats | None, rules: TrialRules, seed: int, start: int,
    first_trial: int, first: int, trials: int,
) -> Piece:  # fmt: skip
    """Simulate `trials` trials from number `first` on; runs in any process."""
    more = responses is not None or rules.accrual_per_month is not None
    draws = Stream(design, seed, first_trial + first).take(trials, more=more)
    outcomes, days = run(design, rates, draws, start, rules, responses)
    piece = {"treated": outcomes.treated, "dlt": outcomes.dlt, "selected": design.selected(outcomes)}
    more_of_it = {"days": days, "responded": outcomes.responded}
    return piece | {name: part for name, part in more_of_it.items() if part is not None}


def _check(what: str, value: object, least: int, most: int) -> None:
    if not (isinstance(value, int | np.integer) and least <= value <= most):
        raise ProtocolError(what, repr(value), _("a whole number from {} to {}").format(least, most))
