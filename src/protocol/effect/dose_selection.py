"""From escalation to phase II: the choice between two doses, and the acceptance of doses by two boundaries; exact."""

from dataclasses import dataclass
from math import ceil

import numpy as np
import scipy  # its parts are loaded when they are used
from scipy.special import ndtri

from protocol.effect.checks import Floats, number_inside, whole
from protocol.records import ProtocolError
from protocol.translation import _

MOST_PER_ARM = 500


@dataclass(frozen=True)
class Choice:
    """A randomised choice of one of two doses: the high one if it has more than `margin` more responses.

    Parameters
    ----------
    participants : int
        In each arm.
    margin : int
    low_is_right, high_is_right : float
        Exact probability of the right choice, where both doses respond alike, and where the high one is better.
    by_formula : int
        Participants in each arm by the normal formula, which may be too few.
    """

    participants: int
    margin: int
    low_is_right: float
    high_is_right: float
    by_formula: int


def choose_dose(rate: float, difference: float, low_right: float, high_right: float) -> Choice:
    """Find the smallest number of participants in each arm, and its margin, that choose rightly often enough.

    The exact requirement is a saw-tooth: a larger number can fail again.

    Parameters
    ----------
    rate : float
        Response rate of the low dose, inside 0 to 1.
    difference : float
        By which the high dose responds better, above 0; the sum is below 1.
    low_right, high_right : float
        Least probability of the right choice if both respond alike, and if the high dose is better; 0.5 to 1.

    Raises
    ------
    ProtocolError
        When a number cannot be, or it takes more than 500 participants in each arm.

    Notes
    -----
    Wang and others 2025, arXiv 2505.03898 (ROSE), from the definition.
    """
    p = number_inside(rate, _("response rate"), 0, 1)
    delta = number_inside(difference, _("difference"), 0, 1 - p)
    for share, where in (
        (low_right, _("right choice of the low dose")),
        (high_right, _("right choice of the high dose")),
    ):
        number_inside(share, where, 0.5, 1)
    high = p + delta
    spread = (2 * p * (1 - p)) ** 0.5, (p * (1 - p) + high * (1 - high)) ** 0.5
    by_formula = ceil(((ndtri(low_right) * spread[0] + ndtri(high_right) * spread[1]) / delta) ** 2)
    for n in range(1, MOST_PER_ARM + 1):
        alike, better = _more_than(n, p, p), _more_than(n, p, high)
        good = np.flatnonzero((1 - alike >= low_right) & (better >= high_right))
        if good.size:
            margin = int(good[0])
            return Choice(n, margin - n, float(1 - alike[margin]), float(better[margin]), by_formula)
    found = _("more than {} participants in each arm").format(MOST_PER_ARM)
    raise ProtocolError(_("choice of a dose"), found, _("a larger difference, or smaller probabilities"))


def _more_than(n: int, low: float, high: float) -> Floats:
    """Return the probability that the high dose has over -n, ..., n more responses, by the margin."""
    first, second = (scipy.stats.binom.pmf(np.arange(n + 1), n, rate) for rate in (low, high))
    differences = np.convolve(second, first[::-1])  # -n, ..., n
    return np.asarray(1 - np.cumsum(differences))


@dataclass(frozen=True)
class Acceptance:
    """What two boundaries accept, for arms of one size with independent outcomes.

    Parameters
    ----------
    toxic_futile, toxic_effective, safe_futile, safe_effective : float
        Probability that an arm is accepted under each truth.
    arms : int
    """

    toxic_futile: float
    toxic_effective: float
    safe_futile: float
    safe_effective: float
    arms: int

    @property
    def worst_null(self) -> float:
        """The largest probability that an arm is accepted which should not be."""
        return max(self.toxic_futile, self.toxic_effective, self.safe_futile)

    @property
    def type_one(self) -> float:
        """Probability that an arm is accepted, if all are at the worst null truth."""
        return 1 - (1 - self.worst_null) ** self.arms

    def one_good_arm(self, others: float) -> tuple[float, float]:
        """Return the probabilities to accept at least one arm, and the good arm alone, if one arm is good.

        Parameters
        ----------
        others : float
            Probability that another arm is accepted.

        Raises
        ------
        ProtocolError
            When it is no probability.
        """
        number_inside(others, _("acceptance of the others"), 0, 1, ends=True)
        none = (1 - others) ** (self.arms - 1)
        return 1 - (1 - self.safe_effective) * none, self.safe_effective * none


def acceptance(
    participants: int,
    arms: int,
    most_toxicities: int,
    least_responses: int,
    toxicity: tuple[float, float],
    response: tuple[float, float],
) -> Acceptance:
    """Compute how often arms are accepted that have at most some toxicities and at least some responses.

    Parameters
    ----------
    participants, arms : int
        In each arm, and the number of arms.
    most_toxicities, least_responses : int
        Boundaries, 0 to `participants`.
    toxicity, response : (float, float)
        Unacceptable and acceptable rate, each inside 0 to 1.

    Raises
    ------
    ProtocolError
        When a boundary is above the participants treated, or a rate is no probability.

    Notes
    -----
    Yang and others 2024, Stat Med 43:2972 (MERIT), from the rule.
    """
    n = whole(participants, _("number of participants"), 1, MOST_PER_ARM)
    whole(arms, _("arms"), 1, 100)
    whole(most_toxicities, _("most toxicities"), 0, n)
    whole(least_responses, _("least responses"), 0, n)
    toxic, safe = (
        scipy.stats.binom.cdf(most_toxicities, n, number_inside(p, _("toxicity rate"), 0, 1)) for p in toxicity
    )
    futile, good = (
        scipy.stats.binom.sf(least_responses - 1, n, number_inside(p, _("response rate"), 0, 1)) for p in response
    )
    return Acceptance(float(toxic * futile), float(toxic * good), float(safe * futile), float(safe * good), arms)
