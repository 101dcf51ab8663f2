"""Rules that watch phase II: their boundaries at each look, their cutoffs, and Simon's two stages.

A rule is a number for every count at every look that rises with the count, and a cutoff: the boundary is the first
count that reaches the cutoff. A cutoff is tuned on the numbers themselves, which are all the cutoffs that differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy  # its parts are loaded when they are used
from numpy.typing import ArrayLike
from scipy.special import betaincc, ndtr, ndtri, xlogy

from protocol.effect.boundaries import Boundary, JointBoundary, read_looks
from protocol.effect.checks import Floats, floats, number_inside, one_of, whole
from protocol.records import ProtocolError
from protocol.translation import _

TIE = 1e-10  # two numbers of a rule that differ by less are one


def posterior(count: ArrayLike, participants: ArrayLike, limit: float, prior: Sequence[float]) -> Any:
    """Return the posterior probability that the rate is above a limit, under a beta prior.

    Parameters
    ----------
    count, participants : array_like of int
        Participants with the outcome, of so many.
    limit : float
        Inside 0 to 1.
    prior : (float, float)
        Shapes of the beta prior, above 0.

    Raises
    ------
    ProtocolError
        When more have the outcome than were treated, or limit or prior cannot be.

    Notes
    -----
    Thall and Simon 1994, Biometrics 50:337.
    """
    a, b = _prior(prior)
    p = number_inside(limit, _("limit"), 0, 1)
    x, n = (
        floats(count, _("number with the outcome"), _("whole numbers")),
        floats(participants, _("number of participants"), _("whole numbers")),
    )
    if not ((x >= 0) & (x <= n)).all():
        raise ProtocolError(
            _("number with the outcome"),
            _("more with the outcome than were treated, or fewer than none"),
            _("0 to all"),
        )
    return betaincc(a + x, b + n - x, p)


def _prior(prior: Sequence[float]) -> tuple[float, float]:
    write = _("two numbers above 0")
    found = floats(prior, _("beta prior"), write)
    if found.shape != (2,) or not (found > 0).all():
        raise ProtocolError(_("beta prior"), repr(prior)[:80], write)
    return float(found[0]), float(found[1])


# Rules of one count


@dataclass(frozen=True, eq=False)
class Rule:
    """A rule that stops when a count is high, without its cutoff.

    Parameters
    ----------
    looks : tuple of int, length K
    evidence : ndarray of float, shape (K, N + 1)
        A number for every count 0 to N at every look that rises with the count; -inf for counts that cannot be.
    """

    looks: tuple[int, ...]
    evidence: Floats

    def boundary(self, cutoff: float, *, beyond: bool = False) -> Boundary:
        """Return the boundary under a cutoff: the first count of each look that reaches it, or goes `beyond` it."""
        number_inside(cutoff, _("cutoff"), -np.inf, np.inf)
        reached = self.evidence > cutoff + TIE if beyond else self.evidence >= cutoff - TIE
        last = np.array(self.looks)
        high = np.where(reached.any(axis=1), reached.argmax(axis=1), last + 1)
        return Boundary(self.looks, (-1,) * len(self.looks), tuple(high))

    def tuned(self, rate: float, level: float) -> tuple[float, float]:
        """Return two cutoffs that are neighbours: the crossing probability is at most `level`, then above it.

        Parameters
        ----------
        rate : float
            True rate under which the crossing probability is computed, inside 0 to 1.
        level : float
            Inside 0 to 1.

        Returns
        -------
        tuple of float
            The lowest cutoff whose crossing probability is at most `level`, and the next lower one (-inf if there is
            none).

        Raises
        ------
        ProtocolError
            When rate or level are no probability.
        """
        number_inside(rate, _("rate"), 0, 1)
        number_inside(level, _("level"), 0, 1)
        values = np.unique(self.evidence[np.isfinite(self.evidence)])
        values = values[np.diff(values, prepend=-np.inf) > 2 * TIE]
        values = np.append(values, values[-1] + 1)  # never
        low, high = -1, values.size - 1
        while high - low > 1:
            middle = (low + high) // 2
            crossing = self.boundary(float(values[middle])).operating([rate]).high.sum()
            low, high = (low, middle) if crossing <= level else (middle, high)
        return float(values[high]), float(values[low]) if low >= 0 else -np.inf


def bayesian_rule(looks: ArrayLike, limit: float, prior: Sequence[float]) -> Rule:
    """Return the rule that stops when the posterior probability of a rate above `limit` reaches the cutoff.

    Parameters
    ----------
    looks : array_like of int, shape (K,)
    limit : float
        Inside 0 to 1.
    prior : (float, float)
        Shapes of the beta prior; ``(limit, 1 - limit)`` weighs as one participant.

    Raises
    ------
    ProtocolError
        When looks, limit or prior cannot be.

    Notes
    -----
    Thall and Simon 1994, Biometrics 50:337; Geller and others 2003. The cutoff is no error rate.
    """
    x, n, possible = _counts(looks)
    return Rule(read_looks(looks), _where(possible, posterior(np.minimum(x, n), n, limit, prior)))


def repeated_test_rule(looks: ArrayLike, rate: float, shape: float = 0.0) -> Rule:
    """Return the rule of repeated exact binomial tests against `rate`; its cutoff is a normal quantile.

    Parameters
    ----------
    looks : array_like of int, shape (K,)
    rate : float
        Acceptable rate, inside 0 to 1.
    shape : float
        0 is the Pocock type, with one level at every look; 0.5 is the O'Brien-Fleming type. At the share t of the
        participants the quantile is divided by t to this power; 0 to 1.

    Raises
    ------
    ProtocolError
        When looks, rate or shape cannot be.

    Notes
    -----
    Ivanova, Qaqish and Schell 2005, Biometrics 61:540. A level alpha is the cutoff ``-ndtri(alpha)``.
    """
    p = number_inside(rate, _("rate"), 0, 1)
    power = number_inside(shape, _("shape"), 0, 1, ends=True)
    x, n, possible = _counts(looks)
    quantile = -ndtri(scipy.stats.binom.sf(np.minimum(x, n) - 1, n, p)) * (n / n[-1]) ** power
    return Rule(read_looks(looks), _where(possible, quantile))


def wang_tsiatis_rule(looks: ArrayLike, rate: float, shape: float) -> Rule:
    """Return the rule of repeated score tests against `rate`, of the Wang-Tsiatis family.

    Parameters
    ----------
    looks : array_like of int, shape (K,)
    rate : float
        Acceptable rate, inside 0 to 1.
    shape : float
        0 is O'Brien and Fleming's, 0.5 Pocock's; 0 to 1.

    Raises
    ------
    ProtocolError
        When looks, rate or shape cannot be.

    Notes
    -----
    Wang and Tsiatis 1987, Biometrics 43:193.
    """
    p = number_inside(rate, _("rate"), 0, 1)
    power = number_inside(shape, _("shape"), 0, 1, ends=True)
    x, n, possible = _counts(looks)
    score = (x - n * p) / np.sqrt(n * p * (1 - p)) * (n / n[-1]) ** (0.5 - power)
    return Rule(read_looks(looks), _where(possible, score))


def chen_chaloner_rule(looks: ArrayLike, rate: float, prior: Sequence[float], high: float, share: float) -> Rule:
    """Return the rule that stops when a rate above `rate` is near certain and one above `high` is likely.

    Parameters
    ----------
    looks : array_like of int, shape (K,)
    rate, high : float
        Acceptable and unacceptable rate, inside 0 to 1.
    prior : (float, float)
        Shapes of the beta prior.
    share : float
        The posterior probability of a rate above `high` must reach it, inside 0 to 1.

    Raises
    ------
    ProtocolError
        When looks, rates, prior or share cannot be.

    Notes
    -----
    Chen and Chaloner 2006, Stat Med 25:2956.
    """
    number_inside(share, _("share"), 0, 1)
    x, n, possible = _counts(looks)
    likely = posterior(np.minimum(x, n), n, high, prior) >= share
    return Rule(read_looks(looks), _where(possible & likely, posterior(np.minimum(x, n), n, rate, prior)))


def likelihood_ratio_rule(looks: ArrayLike, rate: float, high: float | None = None) -> Rule:
    """Return the rule of the sequential likelihood ratio test against `rate`; the cutoff is its logarithm.

    Parameters
    ----------
    looks : array_like of int, shape (K,)
    rate : float
        Acceptable rate, inside 0 to 1.
    high : float, optional
        Alternative rate, above `rate` and below 1; without it, the one most likely (the maximised test).

    Raises
    ------
    ProtocolError
        When looks or rates cannot be.

    Notes
    -----
    Wald 1945; Kulldorff and others 2011, Sequential Analysis 30:58.
    """
    p = number_inside(rate, _("rate"), 0, 1)
    x, n, possible = _counts(looks)
    x = np.minimum(x, n)
    other = np.maximum(x / n, p) if high is None else number_inside(high, _("alternative rate"), p, 1)
    ratio = xlogy(x, other) - xlogy(x, p) + xlogy(n - x, 1 - other) - xlogy(n - x, 1 - p)
    return Rule(read_looks(looks), _where(possible, ratio))


def _counts(looks: ArrayLike) -> tuple[Any, Any, Any]:
    """Return counts, participants and which counts are possible, of shapes that broadcast to (K, N + 1)."""
    n = np.array(read_looks(looks))[:, None]
    x = np.arange(n[-1, 0] + 1)
    return x, n, x <= n


@lru_cache(maxsize=64)
def _chances(looks: tuple[int, ...], limit: float, first: float, second: float) -> Floats:
    """Return the posterior probability of every count at every look, shape (K, N + 1)."""
    x, n, _possible = _counts(looks)
    return np.asarray(posterior(np.minimum(x, n), n, limit, (first, second)))


def _where(possible: Any, values: Any) -> Floats:
    return np.asarray(np.where(possible, values, -np.inf))


# Predictive probability


def predictive_probability(
    count: ArrayLike, participants: int, maximum: int, limit: float, success: float, prior: Sequence[float]
) -> Any:
    """Return the probability that the trial, carried on to its last participant, ends in success.

    Success is a posterior probability of a rate above `limit` that is above `success`.

    Parameters
    ----------
    count : array_like of int
        Responses of so many `participants`.
    participants, maximum : int
        Treated so far, and at the end.
    limit, success : float
        Inside 0 to 1.
    prior : (float, float)
        Shapes of the beta prior.

    Raises
    ------
    ProtocolError
        When there are more responses than treated, or more treated than planned.

    Notes
    -----
    Lee and Liu 2008, Clinical Trials 5:93.
    """
    last = whole(maximum, _("maximum"), 1)
    n = whole(participants, _("number of participants"), 0, last)
    number_inside(success, _("probability of success"), 0, 1)
    a, b = _prior(prior)
    x = floats(count, _("number with the outcome"), _("whole numbers"))
    if not ((x >= 0) & (x <= n)).all():
        raise ProtocolError(
            _("responses"), _("more of them than the {} treated, or fewer than none").format(n), _("0 to all")
        )
    needed = _successes_needed(last, limit, success, prior)
    return (
        np.where(x >= needed, 1.0, 0.0)
        if n == last
        else scipy.stats.betabinom.sf(needed - x - 1, last - n, a + x, b + n - x)
    )


def _successes_needed(last: int, limit: float, success: float, prior: Sequence[float]) -> int:
    enough = posterior(np.arange(last + 1), last, limit, prior) > success
    return int(enough.argmax()) if enough.any() else last + 1


def predictive_boundary(
    looks: ArrayLike, limit: float, success: float, lower: float, upper: float, prior: Sequence[float]
) -> Boundary:
    """Return the boundaries of a predictive probability below `lower` (futility) and above `upper` (efficacy).

    At the last look the low boundary is the largest count that is no success, and the high one the next.

    Parameters
    ----------
    looks : array_like of int, shape (K,)
        The last one is the end of the trial.
    limit, success : float
        As in :func:`predictive_probability`.
    lower, upper : float
        0 to 1; an `upper` of 1 never stops for efficacy before the last look.
    prior : (float, float)

    Raises
    ------
    ProtocolError
        When looks, rates or prior cannot be.
    """
    numbers = read_looks(looks)
    number_inside(lower, _("lower"), 0, 1, ends=True)
    number_inside(upper, _("upper"), lower, 1, ends=True)
    low, high = [], []
    for n in numbers:
        chance = predictive_probability(np.arange(n + 1), n, numbers[-1], limit, success, prior)
        is_last = n == numbers[-1]
        low.append(int((chance < (0.5 if is_last else lower)).sum()) - 1)
        high.append(n + 1 - int((chance > (0.5 if is_last else upper)).sum()))
    return Boundary(numbers, tuple(low), tuple(high))


# BOP2


def bop2_cutoffs(looks: ArrayLike, scale: float, power: float) -> Floats:
    """Return the cutoffs ``1 - scale * (n / N) ** power`` of BOP2 at the looks.

    Parameters
    ----------
    looks : array_like of int, shape (K,)
    scale : float
        Lambda, inside 0 to 1.
    power : float
        Gamma, 0 or more.

    Raises
    ------
    ProtocolError
        When looks, scale or power cannot be.

    Notes
    -----
    Zhou, Lee and Yuan 2017, Stat Med 36:3302.
    """
    n = np.array(read_looks(looks))
    number_inside(scale, _("scale (lambda)"), 0, 1)
    number_inside(power, _("power (gamma)"), 0, 100, ends=True)
    return np.asarray(1 - scale * (n / n[-1]) ** power)


EARLY_SUCCESS = ("power", "O'Brien-Fleming")


def _early_success(looks: tuple[int, ...], scale: float, form: str, exponent: float) -> Floats:
    share = np.array(looks) / looks[-1]
    if one_of(form, EARLY_SUCCESS, _("form of early success")) == "power":
        number_inside(exponent, _("exponent (eta)"), 0, 100, ends=True)
        return np.asarray(1 - (1 - scale) * share**exponent)
    return np.asarray(2 * ndtr(ndtri((1 + scale) / 2) / np.sqrt(share)) - 1)


def _at_or_below(chance: Floats, possible: Any, limits: Floats) -> tuple[int, ...]:
    """Return the largest count of each look whose chance of a high rate lies below the limit; -1 if none does."""
    return tuple(((chance < limits[:, None] - TIE) & possible).sum(axis=1) - 1)


def _at_or_above(chance: Floats, possible: Any, limits: Floats) -> tuple[int, ...]:
    """Return the smallest count of each look whose chance reaches the limit; one more than all if none does."""
    return tuple(possible.sum(axis=1) - ((chance >= limits[:, None] - TIE) & possible).sum(axis=1))


def bop2(
    looks: ArrayLike,
    limit: float,
    scale: float,
    power: float,
    prior: Sequence[float] | None = None,
    *,
    early_success: str | None = None,
    exponent: float = 1.0,
) -> Boundary:
    """Return the BOP2 boundary of responses: stop when Pr(rate <= limit) is above the cutoff of the look.

    Parameters
    ----------
    looks : array_like of int, shape (K,)
    limit : float
        Uninteresting response rate, inside 0 to 1.
    scale, power : float
        Lambda and gamma of :func:`bop2_cutoffs`.
    prior : (float, float), optional
        Shapes of the beta prior; ``(limit, 1 - limit)`` without it.
    early_success : {"power", "O'Brien-Fleming"}, optional
        Stop for success as well (BOP2-FE).
    exponent : float
        Eta of the power form.

    Raises
    ------
    ProtocolError
        When looks, limit, lambda, gamma, eta or prior cannot be.
    """
    numbers = read_looks(looks)
    number_inside(limit, _("limit"), 0, 1)
    fails = 1 - bop2_cutoffs(numbers, scale, power)
    possible = _counts(numbers)[2]
    chance = _chances(numbers, limit, *_prior(prior or (limit, 1 - limit)))
    never = tuple(n + 1 for n in numbers)
    high = never
    if early_success is not None:
        high = _at_or_above(chance, possible, _early_success(numbers, scale, early_success, exponent))
    return Boundary(numbers, _at_or_below(chance, possible, fails), high)


def bop2_joint(
    looks: ArrayLike,
    prior: Sequence[float],
    scale: float,
    power: float,
    *,
    response_limit: float | None = None,
    toxicity_limit: float | None = None,
    early_success: str | None = None,
    exponent: float = 1.0,
) -> JointBoundary:
    """Return the BOP2 boundaries of responses and toxicities: either alone stops the trial.

    Stop when Pr(response rate <= its limit) or Pr(toxicity rate > its limit) is above the cutoff of the look.

    Parameters
    ----------
    looks : array_like of int, shape (K,)
    prior : sequence of 4 floats
        Dirichlet prior of response and toxicity, response only, toxicity only, neither; above 0.
    scale, power : float
        Lambda and gamma of :func:`bop2_cutoffs`.
    response_limit, toxicity_limit : float, optional
        Rates of the null hypothesis, inside 0 to 1; without them, those of the prior.
    early_success : {"power", "O'Brien-Fleming"}, optional
        Stop for success as well (BOP2-FE): both outcomes must pass.
    exponent : float
        Eta of the power form.

    Raises
    ------
    ProtocolError
        When looks, limits, lambda, gamma, eta or prior cannot be.
    """
    numbers = read_looks(looks)
    cells = floats(prior, _("Dirichlet prior"), _("four numbers above 0"))
    if cells.shape != (4,) or not (cells > 0).all():
        raise ProtocolError(_("Dirichlet prior"), repr(prior)[:80], _("four numbers above 0"))
    response, toxicity, total = cells[0] + cells[1], cells[0] + cells[2], cells.sum()
    fails = 1 - bop2_cutoffs(numbers, scale, power)
    possible = _counts(numbers)[2]
    e_limit = float(response / total) if response_limit is None else response_limit
    t_limit = float(toxicity / total) if toxicity_limit is None else toxicity_limit
    effective = _chances(numbers, e_limit, response, total - response)
    toxic = _chances(numbers, t_limit, toxicity, total - toxicity)
    futility = _at_or_below(effective, possible, fails)
    too_toxic = tuple(((1 - toxic >= fails[:, None] - TIE) & possible).sum(axis=1))
    if early_success is None:
        return JointBoundary(numbers, futility, too_toxic)
    passes = _early_success(numbers, scale, early_success, exponent)
    enough = _at_or_above(effective, possible, passes)
    safe = tuple(((1 - toxic >= passes[:, None] - TIE) & possible).sum(axis=1) - 1)
    return JointBoundary(numbers, futility, too_toxic, enough, safe)


LAMBDAS = tuple(round(0.5 + 0.005 * step, 3) for step in range(100))
"""Values of lambda that a calibration tries, 0.5 to 0.995."""

GAMMAS = tuple(round(0.05 * step, 2) for step in range(1, 21))
"""Values of gamma that a calibration tries, 0.05 to 1."""


@dataclass(frozen=True)
class Tuned:
    """A calibrated BOP2 design.

    Parameters
    ----------
    scale, power : float
        Lambda and gamma.
    type_one : tuple of float
        Probability of a go under each null truth.
    power_reached : float
        Probability of a go under the alternative.
    boundary : Boundary or JointBoundary
    """

    scale: float
    power: float
    type_one: tuple[float, ...]
    power_reached: float
    boundary: Boundary | JointBoundary


def calibrate_bop2(
    boundary: Callable[[float, float], Boundary | JointBoundary],
    nulls: ArrayLike,
    alternative: ArrayLike,
    level: float,
    *,
    scales: Sequence[float] = LAMBDAS,
    powers: Sequence[float] = GAMMAS,
) -> Tuned:
    """Find the lambda and gamma with most power whose type I error is at most `level` under every null truth.

    With more lambda every boundary tightens: for each gamma the smallest lambda that keeps the level has most power.

    Parameters
    ----------
    boundary : callable
        Returns the boundary of a lambda and a gamma, such as ``lambda s, g: bop2(looks, 0.2, s, g)``, without early
        success.
    nulls : array_like of float, shape (H,) or (H, 4)
        Truths under which a go is wrong: rates, or probabilities of the four cells. The null of BOP2 is futile and
        toxic alone; list futile and safe, and effective and toxic, to control these too.
    alternative : array_like of float, shape () or (4,)
    level : float
        Inside 0 to 1.
    scales, powers : sequence of float
        Values to try, the scales rising.

    Raises
    ------
    ProtocolError
        When no lambda keeps the level, or a truth is no probability.
    """
    number_inside(level, _("level"), 0, 1)
    truths = np.concatenate([np.asarray(nulls, float), np.asarray(alternative, float)[None]])
    best: Tuned | None = None
    for power in powers:
        low, high = -1, len(scales)
        while high - low > 1:
            middle = (low + high) // 2
            wrong = boundary(scales[middle], power).operating(truths[:-1]).not_low.max()
            low, high = (low, middle) if wrong <= level else (middle, high)
        if high == len(scales):
            continue
        found = boundary(scales[high], power)
        goes = found.operating(truths).not_low
        if best is None or goes[-1] > best.power_reached + TIE:
            best = Tuned(scales[high], power, tuple(map(float, goes[:-1])), float(goes[-1]), found)
    if best is None:
        raise ProtocolError(
            _("calibration"), _("no lambda that keeps a type I error of {:g}").format(level), _("a higher level")
        )
    return best


# Simon's two stages


@dataclass(frozen=True)
class TwoStage:
    """A two-stage design: stop after `n1` with `r1` responses or fewer; active with more than `r` of `n`.

    Parameters
    ----------
    r1, n1, r, n : int
    expected_participants, early_stop : float
        Under the uninteresting rate.
    type_one, power : float
        Exact.
    """

    r1: int
    n1: int
    r: int
    n: int
    expected_participants: float
    early_stop: float
    type_one: float
    power: float

    @property
    def boundary(self) -> Boundary:
        """The same as a boundary of responses at two looks."""
        return Boundary((self.n1, self.n), (self.r1, self.r), (self.n1 + 1, self.n + 1))


def simon(p0: float, p1: float, alpha: float, beta: float, most: int = 100) -> tuple[TwoStage, TwoStage]:
    """Find Simon's optimal and minimax two-stage designs.

    Parameters
    ----------
    p0, p1 : float
        Uninteresting and desirable response rate, ``0 < p0 < p1 < 1``.
    alpha, beta : float
        Largest type I and type II error, inside 0 to 1.
    most : int
        Most participants that are tried, 2 to 300.

    Returns
    -------
    tuple of TwoStage
        The optimal one has the smallest expected number under `p0`; the minimax one the smallest number, and then the
        smallest expected number.

    Raises
    ------
    ProtocolError
        When rates or errors cannot be, or no design has so few participants.

    Notes
    -----
    Simon 1989, Controlled Clinical Trials 10:1.
    """
    number_inside(p0, _("uninteresting rate"), 0, 1)
    number_inside(p1, _("desirable rate"), p0, 1)
    number_inside(alpha, _("type I error"), 0, 1)
    number_inside(beta, _("type II error"), 0, 1)
    whole(most, _("most participants"), 2, 300)
    best: list[tuple[float, int, int, int, int]] = []
    smallest: tuple[float, int, int, int, int] | None = None
    for n in range(2, most + 1):
        here = _best_of_size(n, p0, p1, alpha, beta, best[-1][0] if smallest is not None else np.inf)
        if here is not None:
            smallest = smallest or here
            best.append(here)
    if smallest is None:
        found = _("no design of {} participants or fewer").format(most)
        raise ProtocolError(_("two stages"), found, _("more participants, larger errors, or rates further apart"))
    return _two_stage(best[-1], p0, p1), _two_stage(smallest, p0, p1)


def _best_of_size(
    n: int, p0: float, p1: float, alpha: float, beta: float, to_beat: float
) -> tuple[float, int, int, int, int] | None:
    """Return (expected number, r1, n1, r, n) of the best design of `n` participants, if one is below `to_beat`."""
    if scipy.stats.binom.sf(scipy.stats.binom.isf(alpha, n, p0) - 1, n, p1) < 1 - beta:
        return None  # more power than any test of this level has, and still too little
    found = None
    for n1 in range(1, n):
        if n1 >= to_beat:
            break
        stage = np.arange(n1 + 1)
        early = scipy.stats.binom.cdf(stage, n1, p0)
        expected = n1 + (1 - early) * (n - n1)
        tried = np.flatnonzero((expected < to_beat) & (scipy.stats.binom.cdf(stage, n1, p1) <= beta) & (stage < n1))
        if not tried.size:
            continue
        wrong, right = (_reject(n, n1, p) for p in (p0, p1))
        for r1 in tried[::-1]:  # the more responses it takes, the fewer participants
            r = int(np.argmax(wrong[r1] <= alpha))
            if r > r1 and right[r1, r] >= 1 - beta:
                to_beat = float(expected[r1])
                found = (to_beat, int(r1), n1, r, n)
                break
    return found


def _reject(n: int, n1: int, rate: float) -> Floats:
    """Return the probability to find the treatment active, for every r1 (rows) and r (columns, 0 to n)."""
    first, total = np.arange(n1 + 1)[:, None], np.arange(n + 1)
    each = (
        scipy.stats.binom.pmf(first, n1, rate)
        * scipy.stats.binom.sf(np.arange(-n1, n + 1), n - n1, rate)[total - first + n1]
    )
    from_here = np.cumsum(each[::-1], axis=0)[::-1]
    return np.vstack([from_here[1:], np.zeros(n + 1)])


def _two_stage(found: tuple[float, int, int, int, int], p0: float, p1: float) -> TwoStage:
    expected, r1, n1, r, n = found
    goes = Boundary((n1, n), (r1, r), (n1 + 1, n + 1)).operating([p0, p1])
    return TwoStage(r1, n1, r, n, expected, float(goes.low[0, 0]), float(goes.passed[0]), float(goes.passed[1]))
