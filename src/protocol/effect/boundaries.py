"""Boundaries of a trial that is watched at looks, and what they do under assumed truths.

Every probability is exact: the distribution of the counts is carried from look to look, and at each look the part
outside the region of continuation is taken out. Nothing is simulated.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd
import scipy  # its parts are loaded when they are used
from numpy.typing import ArrayLike

from protocol.effect.checks import Floats, floats, integers, number_inside, whole
from protocol.records import ProtocolError
from protocol.translation import _, list_of

MOST_PARTICIPANTS = 1_000

Advice = Literal["stop low", "stop high", "go on", "no look"]


def read_looks(looks: ArrayLike) -> tuple[int, ...]:
    """Read the numbers of participants at which a trial is looked at, rising.

    Raises
    ------
    ProtocolError
        When there is none, one is below 1 or above 1,000, or they do not rise.
    """
    where = _("looks")
    write = _("rising whole numbers of participants from 1 to {:,}").format(MOST_PARTICIPANTS)
    found = integers(looks, where, write)
    if found.ndim != 1 or not found.size:
        raise ProtocolError(where, _("no look"), write)
    if found.min() < 1 or found.max() > MOST_PARTICIPANTS or (np.diff(found) <= 0).any():
        raise ProtocolError(where, list_of(map(str, found[:20])), write)
    return tuple(map(int, found))


@dataclass(frozen=True)
class Boundary:
    """Boundaries of one count at the looks.

    Parameters
    ----------
    looks : tuple of int, length K
        Participants whose outcome is complete at each look, rising.
    low : tuple of int, length K
        Stop at this count or below; -1 is never.
    high : tuple of int, length K
        Stop at this count or above; more than the participants of the look is never.

    Raises
    ------
    ProtocolError
        When looks do not rise from 1, or a boundary is missing, or low and high meet.
    """

    looks: tuple[int, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "looks", read_looks(self.looks))
        for name, where in (("low", _("boundary, low")), ("high", _("boundary, high"))):
            listed = tuple(map(int, integers(getattr(self, name), where, _("one whole number for each look"))))
            if len(listed) != len(self.looks):
                raise ProtocolError(where, _("{} of them").format(len(listed)), _("one for each look"))
            object.__setattr__(self, name, listed)
        if any(low >= high for low, high in zip(self.low, self.high, strict=True)):
            raise ProtocolError(
                _("boundary"), _("a low boundary that is not below the high one"), _("a region between them")
            )

    def table(self) -> pd.DataFrame:
        """Tabulate: participants, stop_at_or_below, stop_at_or_above; missing where no count stops."""
        frame = pd.DataFrame(
            {"participants": self.looks, "stop_at_or_below": self.low, "stop_at_or_above": self.high}
        )
        frame = frame.astype("Int64")
        frame.loc[frame["stop_at_or_below"] < 0, "stop_at_or_below"] = pd.NA
        frame.loc[frame["stop_at_or_above"] > frame["participants"], "stop_at_or_above"] = pd.NA
        return frame

    def decide(self, participants: int, count: int) -> Advice:
        """Return what the boundary says of a count; between looks it says nothing.

        Raises
        ------
        ProtocolError
            When more have the outcome than participants were treated, or a number is negative.
        """
        whole(participants, _("number of participants"), 0, self.looks[-1])
        check_count(count, participants, _("number with the outcome"))
        if participants not in self.looks:
            return "no look"
        look = self.looks.index(participants)
        return "stop low" if count <= self.low[look] else "stop high" if count >= self.high[look] else "go on"

    def operating(self, rates: ArrayLike) -> "Operating":
        """Compute what the boundary does under true rates.

        Parameters
        ----------
        rates : array_like of float, shape (R,)
            True probabilities of the outcome, 0 to 1.

        Raises
        ------
        ProtocolError
            When a rate is no probability.
        """
        truth = _probabilities(np.atleast_1d(np.asarray(rates)), _("true rates"))
        size = self.looks[-1]
        state = np.zeros((truth.size, size + 1))
        state[:, 0] = 1.0
        lows, highs, before = [], [], 0
        counts = np.arange(size + 1)
        for n, low, high in zip(self.looks, self.low, self.high, strict=True):
            more = scipy.stats.binom.pmf(np.arange(n - before + 1), n - before, truth[:, None])
            after = np.zeros_like(state)
            for added in range(n - before + 1):
                after[:, added : n + 1] += state[:, : n + 1 - added] * more[:, added, None]
            lows.append(after[:, counts <= low].sum(axis=1))
            highs.append(after[:, counts >= high].sum(axis=1))
            after[:, (counts <= low) | (counts >= high)] = 0.0
            state, before = after, n
        return Operating(self.looks, truth, np.stack(lows, axis=1), np.stack(highs, axis=1))


@dataclass(frozen=True, eq=False)
class Operating:
    """What boundaries do under assumed truths.

    Parameters
    ----------
    looks : tuple of int, length K
    truth : ndarray, shape (R,) or (R, 4)
        True rates, or true probabilities of the four cells.
    low, high : ndarray of float, shape (R, K)
        Probability to stop at each look on either side.
    """

    looks: tuple[int, ...]
    truth: Floats
    low: Floats
    high: Floats

    @property
    def passed(self) -> Floats:
        """Probability to pass every look, shape (R,)."""
        return np.asarray(np.maximum(1 - (self.low + self.high).sum(axis=1), 0.0))

    @property
    def not_low(self) -> Floats:
        """Probability never to stop on the low side, shape (R,): with a low boundary of futility, to go."""
        return np.asarray(np.maximum(1 - self.low.sum(axis=1), 0.0))

    @property
    def expected_participants(self) -> Floats:
        """Expected number of participants, shape (R,)."""
        stops = self.low + self.high
        saved = self.looks[-1] - np.array(self.looks)
        return self.looks[-1] - np.asarray(stops @ saved)

    def table(self) -> pd.DataFrame:
        """Tabulate, one row a truth: stop_low, stop_high, stop_before_last, passed, expected_participants."""
        stops = self.low + self.high
        return pd.DataFrame(
            {
                "stop_low": self.low.sum(axis=1),
                "stop_high": self.high.sum(axis=1),
                "stop_before_last": stops[:, :-1].sum(axis=1),
                "passed": self.passed,
                "expected_participants": self.expected_participants,
            }
        )


@dataclass(frozen=True)
class JointBoundary:
    """Boundaries of responses and toxicities at the looks.

    Parameters
    ----------
    looks : tuple of int, length K
    futility : tuple of int, length K
        Stop at so many responses or fewer; -1 is never.
    toxicity : tuple of int, length K
        Stop at so many toxicities or more; more than the participants of the look is never.
    success_responses, success_toxicities : tuple of int, length K, optional
        Stop for success at so many responses or more, and so many toxicities or fewer.

    Raises
    ------
    ProtocolError
        When looks do not rise from 1, or a boundary is missing.
    """

    looks: tuple[int, ...]
    futility: tuple[int, ...]
    toxicity: tuple[int, ...]
    success_responses: tuple[int, ...] | None = None
    success_toxicities: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "looks", read_looks(self.looks))
        if (self.success_responses is None) != (self.success_toxicities is None):
            raise ProtocolError(_("boundary of success"), _("one of its two boundaries"), _("both, or none"))
        for name in ("futility", "toxicity", "success_responses", "success_toxicities"):
            if getattr(self, name) is None:
                continue
            listed = tuple(map(int, integers(getattr(self, name), name, _("one whole number for each look"))))
            if len(listed) != len(self.looks):
                raise ProtocolError(name, _("{} of them").format(len(listed)), _("one for each look"))
            object.__setattr__(self, name, listed)

    def table(self) -> pd.DataFrame:
        """Tabulate: participants and each boundary; missing where no count stops."""
        names = ["futility", "toxicity", "success_responses", "success_toxicities"]
        kept = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        frame = pd.DataFrame({"participants": self.looks} | kept).astype("Int64")
        for name in kept:
            above = name in {"toxicity", "success_responses"}
            frame.loc[frame[name] > frame["participants"] if above else frame[name] < 0, name] = pd.NA
        return frame

    def decide(self, participants: int, responses: int, toxicities: int) -> tuple[str, ...]:
        """Return every reason to stop at this look: futility, toxicity, success; none between looks.

        Raises
        ------
        ProtocolError
            When more have an outcome than participants were treated, or a number is negative.
        """
        whole(participants, _("number of participants"), 0, self.looks[-1])
        check_count(responses, participants, _("responses"))
        check_count(toxicities, participants, _("toxicities"))
        if participants not in self.looks:
            return ()
        look = self.looks.index(participants)
        found = {"futility": responses <= self.futility[look], "toxicity": toxicities >= self.toxicity[look]}
        if self.success_responses is not None and self.success_toxicities is not None:
            enough = responses >= self.success_responses[look] and toxicities <= self.success_toxicities[look]
            found["success"] = enough and not any(found.values())
        return tuple(name for name, holds in found.items() if holds)

    def operating(self, cells: ArrayLike) -> Operating:
        """Compute what the boundaries do under true probabilities.

        Parameters
        ----------
        cells : array_like of float, shape (R, 4) or (4,)
            Probabilities of response and toxicity, response only, toxicity only, and neither; each row sums to 1.

        Returns
        -------
        Operating
            ``low`` is the stop for futility or toxicity, ``high`` the stop for success; ``not_low`` is a go.

        Raises
        ------
        ProtocolError
            When a row is no four probabilities that sum to 1.
        """
        truth = read_cells(cells)
        stops = np.stack([self._stops(row) for row in truth])
        return Operating(self.looks, truth, stops[:, 0], stops[:, 1])

    def _stops(self, cells: Floats) -> Floats:
        state, before = np.ones((1, 1)), 0
        found = np.zeros((2, len(self.looks)))
        for look, n in enumerate(self.looks):
            state = scipy.signal.convolve2d(state, _counts_of(tuple(map(float, cells)), n - before))
            responses, toxicities = np.arange(n + 1)[:, None], np.arange(n + 1)
            bad = (responses <= self.futility[look]) | (toxicities >= self.toxicity[look])
            found[0, look] = state[bad].sum()
            if self.success_responses is not None and self.success_toxicities is not None:
                good = (responses >= self.success_responses[look]) & (toxicities <= self.success_toxicities[look])
                found[1, look] = state[good & ~bad].sum()
                bad |= good
            state[bad] = 0.0
            before = n
        return found


@lru_cache(maxsize=256)
def _counts_of(cells: tuple[float, ...], participants: int) -> Floats:
    """Return the joint distribution of responses (rows) and toxicities (columns) of some participants."""
    both, response, toxicity, neither = cells
    one = np.array([[neither, toxicity], [response, both]])
    state = np.ones((1, 1))
    for _participant in range(participants):
        state = scipy.signal.convolve2d(state, one)
    return np.asarray(state)


def cells_of(response: float, toxicity: float, correlation: float = 0.0) -> tuple[float, float, float, float]:
    """Return the probabilities of the four cells from the two rates and the correlation of the two outcomes.

    Returns
    -------
    tuple of float
        Response and toxicity, response only, toxicity only, neither.

    Raises
    ------
    ProtocolError
        When a rate is no probability, or no four cells have that correlation.
    """
    e = number_inside(response, _("response rate"), 0, 1, ends=True)
    t = number_inside(toxicity, _("toxicity rate"), 0, 1, ends=True)
    number_inside(correlation, _("correlation"), -1, 1, ends=True)
    both = e * t + correlation * (e * (1 - e) * t * (1 - t)) ** 0.5
    if not max(0.0, e + t - 1) - 1e-12 <= both <= min(e, t) + 1e-12:
        raise ProtocolError(_("correlation"), f"{correlation:g}", _("a correlation that these two rates can have"))
    return both, e - both, t - both, 1 - e - t + both


def read_cells(cells: ArrayLike) -> Floats:
    """Read rows of four probabilities that sum to 1.

    Raises
    ------
    ProtocolError
        When a row is something else.
    """
    where = _("probabilities of the four cells")
    found = _probabilities(np.atleast_2d(np.asarray(cells)), where)
    if found.ndim != 2 or found.shape[1] != 4 or (np.abs(found.sum(axis=1) - 1) > 1e-9).any():
        write = _("response and toxicity, response only, toxicity only, neither, which sum to 1")
        raise ProtocolError(where, _("rows of shape {}, or another sum").format(found.shape), write)
    return found


def _probabilities(values: ArrayLike, where: str) -> Floats:
    found = floats(values, where, _("numbers from 0 to 1"))
    if not ((found >= 0) & (found <= 1)).all():
        raise ProtocolError(where, _("a number outside 0 to 1, or a missing one"), _("numbers from 0 to 1"))
    return found


def check_count(count: int, participants: int, where: str) -> None:
    """Check that no more have an outcome than participants were treated.

    Raises
    ------
    ProtocolError
        When they are more, or the count is no whole number of 0 or more.
    """
    whole(count, where, 0)
    if count > participants:
        found = _("{} of {} participants treated").format(count, participants)
        raise ProtocolError(where, found, _("at most {}").format(participants))
