"""Cumulative incidence with competing events: the Aalen-Johansen estimate, its bands, and the numbers at risk.

A Kaplan-Meier curve that censors competing events is too high and is not offered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri

from protocol.effect.checks import Floats, Integers, floats, integers, number_inside
from protocol.records import ProtocolError
from protocol.translation import _

ROUNDING = 1e-12  # of an estimate that is 1


@dataclass(frozen=True, eq=False)
class Curve:
    """Cumulative incidence of one event in one group.

    Parameters
    ----------
    group : object
    event : int
    times : ndarray of float, shape (T,)
        Times at which anything happened, rising.
    estimate, variance : ndarray of float, shape (T,)
        Cumulative incidence from each time on, and its variance.
    at_risk : ndarray of int, shape (T,)
        Participants still observed just before each time.
    participants : int
        In the group.
    """

    group: Any
    event: int
    times: Floats
    estimate: Floats
    variance: Floats
    at_risk: Integers
    participants: int

    def at(self, times: ArrayLike, level: float = 0.95) -> pd.DataFrame:
        """Return the estimate at given times, one row each.

        Parameters
        ----------
        times : array_like of float, shape (S,)
        level : float
            Coverage of the pointwise interval, on the scale of log(-log), inside 0 to 1.

        Returns
        -------
        DataFrame
            time, estimate, variance, low, high, at_risk. Estimates are missing after the last observed time.

        Raises
        ------
        ProtocolError
            When a time is no number, or the level is no probability.
        """
        wanted = np.atleast_1d(floats(times, _("times"), _("numbers")))
        z = float(ndtri((1 + number_inside(level, _("level"), 0, 1)) / 2))
        place = np.searchsorted(self.times, wanted, "right")
        estimate = np.concatenate([[0.0], self.estimate])[place]
        variance = np.concatenate([[0.0], self.variance])[place]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            width = z * np.sqrt(variance) / (estimate * np.log(estimate))
            low, high = estimate ** np.exp(-width), estimate ** np.exp(width)
        is_end = (estimate <= 0) | (estimate >= 1 - ROUNDING)
        frame = pd.DataFrame(
            {
                "time": wanted,
                "estimate": estimate,
                "variance": variance,
                "low": np.where(is_end, estimate, low),
                "high": np.where(is_end, estimate, high),
            }
        )
        frame.loc[wanted > self.times[-1], ["estimate", "variance", "low", "high"]] = np.nan
        after = np.searchsorted(self.times, wanted, "left")
        frame["at_risk"] = np.append(self.at_risk, 0)[after]
        return frame

    def table(self, level: float = 0.95) -> pd.DataFrame:
        """Tabulate the curve at every time at which anything happened; columns as in :meth:`at`."""
        return self.at(self.times, level)


def cumulative_incidence(time: ArrayLike, event: ArrayLike, group: Sequence[Any] | None = None) -> list[Curve]:
    """Estimate the cumulative incidence of every event in every group.

    A participant censored at a time is still at risk at it.

    Parameters
    ----------
    time : array_like of float, shape (N,)
        Time to the first event or to censoring, 0 or more.
    event : array_like of int, shape (N,)
        0 is censored, any other number an event; events compete.
    group : sequence of length N, optional

    Returns
    -------
    list of Curve
        One for each group and each event that happened in any group; where it did not in the group, the curve is 0.

    Raises
    ------
    ProtocolError
        When columns have different lengths, a time is missing or negative, or an event is no whole number from 0.

    Notes
    -----
    Aalen and Johansen 1978. The variance is the one of the delta method with a correction for ties, as in Gray 1988.
    """
    times = floats(time, _("times"), _("numbers of 0 or more"))
    events = integers(event, _("events"), _("0 for censored, 1 and more for events"))
    labels = np.zeros(times.size, np.int64) if group is None else np.asarray(group)
    if not times.shape == events.shape == labels.shape or times.ndim != 1 or not times.size:
        found = _("{} times, {} events and {} groups").format(times.size, events.size, labels.size)
        raise ProtocolError(_("cumulative incidence"), found, _("one of each for each participant"))
    if not (times >= 0).all():
        raise ProtocolError(_("times"), _("a time that is missing or negative"), _("numbers of 0 or more"))
    if (events < 0).any():
        raise ProtocolError(_("events"), f"{events.min()}", _("0 for censored, 1 and more for events"))
    kinds = [int(kind) for kind in np.unique(events) if kind]
    code, names = pd.factorize(labels)
    if (code < 0).any():
        raise ProtocolError(_("groups"), _("a participant without a group"), _("a group for each participant"))
    found_curves = []
    for place, name in enumerate(names):
        mine = code == place
        found_curves += [_curve(None if group is None else name, kind, times[mine], events[mine]) for kind in kinds]
    return found_curves


def _curve(group: Any, kind: int, times: Floats, events: Integers) -> Curve:
    at, place = np.unique(times, return_inverse=True)
    counts = [np.bincount(place[which], minlength=at.size) for which in (events == kind, events > 0)]
    of_interest, others = counts[0], counts[1] - counts[0]
    risk = times.size - np.searchsorted(np.sort(times), at, "left")
    alive = np.cumprod(1 - (of_interest + others) / risk)
    before = np.concatenate([[1.0], alive[:-1]])
    estimate = np.cumsum(before * of_interest / risk)
    inverse = np.divide(1.0, alive, out=np.zeros_like(alive), where=alive > 0)
    parts = np.zeros((3, at.size))
    for number, u in ((others, estimate * inverse), (of_interest, 1 + estimate * inverse)):
        ties = np.where(number > 1, 1 - (number - 1) / np.maximum(risk - 1, 1), 1.0)
        weight = before**2 * number * ties / risk**2
        if number is others:
            weight = np.where(alive > 0, weight, 0.0)
        parts += np.stack([u**2, inverse * u, inverse**2]) * weight
    a, b, c = np.cumsum(parts, axis=1)
    variance = a + estimate**2 * c - 2 * estimate * b
    changes = of_interest > 0  # constant between events of interest
    last = np.maximum.accumulate(np.where(changes, np.arange(at.size), -1))
    variance = np.where(last >= 0, variance[last], 0.0)
    return Curve(group, kind, at, estimate, np.maximum(variance, 0.0), risk, times.size)
