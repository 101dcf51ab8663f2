"""From escalation to phase II: a randomised comparison of two or three regimens, and how often it chooses rightly.

The participants are drawn as the escalation draws them: each simulated trial has its own place in the stream of the
seed, and a participant of it the same draw whatever the size of the arms. So curves over the size do not differ by
chance alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from protocol.effect.checks import Floats, Integers, floats, integers, number_inside, whole
from protocol.effect.monitoring import posterior
from protocol.records import ProtocolError
from protocol.translation import _

NOBODY = -1
"""In place of a regimen: none is compared, or none is chosen."""

MOST_ARMS, MOST_TRIALS, LARGEST_ARM = 3, 100_000, 200


@dataclass(frozen=True)
class OptimisationRule:
    """How the regimen of phase II is chosen from those compared.

    A regimen is tolerable unless the posterior probability of a toxicity rate above `limit` reaches `certainty`,
    under a prior that weighs as one participant. Of the tolerable ones the first is chosen whose observed response
    rate is at most `margin` below the highest of them.

    Parameters
    ----------
    limit : float
        Highest acceptable toxicity rate, inside 0 to 1.
    margin : float
        Difference of response rates that does not matter, 0 or more and below 1.
    certainty : float
        Inside 0 to 1.

    Raises
    ------
    ProtocolError
        When a number cannot be.

    Notes
    -----
    The preference for the lower of two regimens alike is that of Wang and others 2025, arXiv 2505.03898 (ROSE).
    """

    limit: float
    margin: float
    certainty: float = 0.8

    def __post_init__(self) -> None:
        number_inside(self.limit, _("highest acceptable toxicity rate"), 0, 1)
        number_inside(self.margin, _("difference that does not matter"), -1e-12, 1)
        number_inside(self.certainty, _("certainty"), 0, 1)

    def choose(self, toxicities: Integers, responses: Integers, participants: int) -> Integers:
        """Return the place of the chosen regimen in each trial, :data:`NOBODY` if none is tolerable.

        Parameters
        ----------
        toxicities, responses : ndarray of int, shape (T, K)
            Of so many `participants` at each regimen, the lowest regimen first; -1 where none is compared.
        participants : int
        """
        counts = np.arange(participants + 1)
        chance = posterior(counts, participants, self.limit, (self.limit, 1 - self.limit))
        tolerable = (toxicities >= 0) & (chance[np.maximum(toxicities, 0)] < self.certainty)
        best = np.where(tolerable, responses, -1).max(axis=1, keepdims=True)
        good = tolerable & (responses >= best - self.margin * participants - 1e-9)
        return np.where(good.any(axis=1), good.argmax(axis=1), NOBODY)

    def right(self, toxicity: ArrayLike, response: ArrayLike) -> NDArray[np.bool_]:
        """Mark the regimens right under true rates: tolerable, and at most `margin` below the best of them."""
        tolerable = np.asarray(toxicity) <= self.limit + 1e-12
        rates = np.asarray(response)
        best = rates[tolerable].max() if tolerable.any() else np.inf
        return np.asarray(tolerable & (rates >= best - self.margin - 1e-12))


def optimise(
    rule: OptimisationRule,
    candidates: ArrayLike,
    toxicity: ArrayLike,
    response: ArrayLike,
    sizes: Sequence[int],
    seed: int,
) -> pd.DataFrame:
    """Simulate a randomised comparison after each of many trials, for several sizes of the arms.

    Parameters
    ----------
    rule : OptimisationRule
    candidates : array_like of int, shape (T, K)
        Regimens that each trial compares, as places in the rates, the lowest first; :data:`NOBODY` for none. K is at
        most 3.
    toxicity, response : array_like of float, shape (R,)
        True rates of all regimens, 0 to 1.
    sizes : sequence of int
        Participants in each arm, 1 to 200.
    seed : int
        0 or more.

    Returns
    -------
    DataFrame
        One row for each size: participants, right, too_toxic, none (shares of the trials that chose a right regimen,
        one that is too toxic, or none), se (standard error of `right`).

    Raises
    ------
    ProtocolError
        When a candidate is no regimen, a rate is no probability, or a number is out of range.
    """
    rates = [_rates(each, name) for each, name in ((toxicity, _("toxicity rate")), (response, _("response rate")))]
    compared = _candidates(candidates, rates)
    sizes = [whole(n, _("participants in each arm"), 1, LARGEST_ARM) for n in sizes]
    generator = np.random.default_rng([whole(seed, _("seed"), 0), 2])
    trials, arms = compared.shape
    absent, at = compared < 0, np.maximum(compared, 0)
    counts = []
    for each in rates:
        draws = generator.random((trials, arms, max(sizes)))
        counts.append(np.cumsum(draws < each[at][:, :, None], axis=2))
    right, toxic, everyone = rule.right(*rates), rates[0] > rule.limit + 1e-12, np.arange(trials)
    rows = []
    for n in sizes:
        toxicities, responses = (np.where(absent, -1, each[:, :, n - 1]) for each in counts)
        place = rule.choose(toxicities, responses, n)
        chosen = np.where(place < 0, NOBODY, compared[everyone, np.maximum(place, 0)])
        rows.append((n, *_shares(chosen, right, toxic)))
    return pd.DataFrame(rows, columns=["participants", "right", "too_toxic", "none", "se"])


def without_comparison(rule: OptimisationRule, selected: ArrayLike, toxicity: ArrayLike, response: ArrayLike) -> Any:
    """Return how often the regimens that escalations selected are right by themselves.

    Parameters
    ----------
    rule : OptimisationRule
    selected : array_like of int, shape (T,)
        :data:`NOBODY` for none.
    toxicity, response : array_like of float, shape (R,)
        True rates of all regimens, 0 to 1.

    Returns
    -------
    Series
        right, too_toxic, none, se, as the columns of :func:`optimise`.

    Raises
    ------
    ProtocolError
        When a rate is no probability, or a selected regimen has none.
    """
    rates = [_rates(each, name) for each, name in ((toxicity, _("toxicity rate")), (response, _("response rate")))]
    chosen = _candidates(np.asarray(selected)[:, None], rates)[:, 0]
    found = _shares(chosen, rule.right(*rates), rates[0] > rule.limit + 1e-12)
    return pd.Series(found, index=["right", "too_toxic", "none", "se"])


def _shares(
    chosen: Integers, right: NDArray[np.bool_], toxic: NDArray[np.bool_]
) -> tuple[float, float, float, float]:
    """Return the shares of right choices, of too toxic ones and of none, and the standard error of the first."""
    none = chosen < 0
    share = float(np.where(none, ~right.any(), right[chosen]).mean())
    wrong = float((~none & toxic[chosen]).mean())
    return share, wrong, float(none.mean()), (share * (1 - share) / chosen.size) ** 0.5


def plateau_responses(doses: int, frequencies: int, lowest: float, plateau: float, reached: float) -> Floats:
    """Return response rates that rise with dose and frequency up to a plateau; an assumption to simulate with.

    Parameters
    ----------
    doses, frequencies : int
        Of the grid.
    lowest, plateau : float
        Rates at the lowest regimen and on the plateau, 0 to 1; the second is not the lower one.
    reached : float
        Where the plateau begins, as a share of the steps of dose and frequency from the lowest regimen to the
        highest, above 0 to 1. A step of dose raises the rate as much as a step of frequency.

    Returns
    -------
    ndarray of float, shape (D, F)

    Raises
    ------
    ProtocolError
        When a number cannot be.
    """
    low = number_inside(lowest, _("response rate of the lowest regimen"), 0, 1, ends=True)
    high = number_inside(plateau, _("response rate on the plateau"), 0, 1, ends=True)
    if high < low:
        found = _("{high:g}, below {low:g} of the lowest regimen").format(high=high, low=low)
        raise ProtocolError(_("response rate on the plateau"), found, _("a rate that is not lower"))
    share = number_inside(reached, _("where the plateau begins"), 0, 1 + 1e-12)
    steps = np.add.outer(np.arange(doses), np.arange(frequencies))
    return np.asarray(low + (high - low) * np.minimum(steps / max(share * steps.max(), 1e-9), 1.0))


OFFERS = ((1, -1), (-1, 1), (-1, 0), (0, -1))
"""Steps of dose and of frequency from the selected regimen to those compared with it, the first one preferred.

First along the contour, where a step of one is traded for one of the other; then below."""


def contour_arms(
    selected: ArrayLike, treated: ArrayLike, toxicities: ArrayLike, rule: OptimisationRule, arms: int = MOST_ARMS
) -> Integers:
    """Return the regimens that are compared after each of many escalations.

    They are the selected one and its neighbours, in the order of :data:`OFFERS`, that the escalation treated
    participants at and did not find too toxic by the rule.

    Parameters
    ----------
    selected : array_like of int, shape (T,)
        Place of the regimen that each escalation selected; :data:`NOBODY` for none.
    treated, toxicities : array_like of int, shape (T, D, F)
        What each escalation saw at the regimens.
    rule : OptimisationRule
    arms : int
        At most so many, 2 or 3.

    Returns
    -------
    ndarray of int, shape (T, arms)
        As :func:`optimise` takes it: the lowest first, :data:`NOBODY` before them where there are fewer.

    Raises
    ------
    ProtocolError
        When the shapes differ, a selected regimen is none, or more had a toxicity than were treated.
    """
    arms = whole(arms, _("arms"), 2, MOST_ARMS)
    write = _("numbers of each escalation at each regimen")
    n, x = (integers(each, name, write) for each, name in ((treated, _("treated")), (toxicities, _("toxicities"))))
    chosen = integers(selected, _("selected regimen"), write)
    if n.ndim != 3 or n.shape != x.shape or chosen.shape != n.shape[:1]:
        raise ProtocolError(_("escalations"), _("tables of shapes {} and {}").format(n.shape, x.shape), write)
    trials, doses, frequencies = n.shape
    if chosen.size and not NOBODY <= chosen.min() <= chosen.max() < doses * frequencies:
        raise ProtocolError(_("selected regimen"), _("one outside the grid"), write)
    fine = (posterior(x, n, rule.limit, (rule.limit, 1 - rule.limit)) < rule.certainty) & (n > 0)
    everyone, dose, frequency = np.arange(trials), chosen // frequencies, chosen % frequencies
    found = np.full((trials, arms), NOBODY)
    found[:, 0], filled = chosen, np.ones(trials, dtype=int)
    for up, across in OFFERS:
        row, column = dose + up, frequency + across
        inside = (chosen >= 0) & (row >= 0) & (row < doses) & (column >= 0) & (column < frequencies) & (filled < arms)
        taken = everyone[inside][fine[everyone[inside], row[inside], column[inside]]]
        found[taken, filled[taken]] = row[taken] * frequencies + column[taken]
        filled[taken] += 1
    return np.sort(found, axis=1)


def _rates(values: ArrayLike, where: str) -> NDArray[np.float64]:
    found = floats(values, where, _("numbers from 0 to 1"))
    if found.ndim != 1 or not found.size or not ((found >= 0) & (found <= 1)).all():
        raise ProtocolError(where, _("no numbers, or one outside 0 to 1"), _("a number from 0 to 1 for each regimen"))
    return found


def _candidates(values: ArrayLike, rates: list[NDArray[np.float64]]) -> Integers:
    where, write = _("regimens compared"), _("one to {} regimens for each trial").format(MOST_ARMS)
    found = integers(values, where, write)
    if found.ndim != 2 or not 1 <= found.shape[1] <= MOST_ARMS or not 1 <= found.shape[0] <= MOST_TRIALS:
        raise ProtocolError(where, _("a table of shape {}").format(found.shape), write)
    if rates[0].shape != rates[1].shape or found.min() < NOBODY or found.max() >= rates[0].size:
        raise ProtocolError(where, _("a regimen without rates"), _("regimens that have both rates"))
    return found
