"""Keyboard on a grid: the strongest key decides.

Sources: Pan, Lin, Zhou & Yuan 2020 (Contemp Clin Trials 92:105972) for combinations; Yan, Mandrekar & Yuan 2017 (Clin
Cancer Res 23:3994-4003) for the keys; Lin & Yuan 2020 (Biostatistics 21:807-824) for late outcomes. The steps stand
in :class:`~protocol.escalation.interval_designs.SteppingDesign`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from protocol.escalation.design import Description, Rate
from protocol.escalation.grid import Floats, Integers
from protocol.escalation.interval_designs import (
    DOWN,
    LIN_YIN_2017,
    UP,
    DecisionTables,
    LateCounts,
    SteppingDesign,
    stepping_rule,
    tabulated,
)
from protocol.escalation.selection import ROBERTSON_1988, selection_rule
from protocol.records import ProtocolError, Record, Sourced
from protocol.translation import _

TINY = 1e-9  # a key narrower than this is rounding

FEWEST_DLT = 3  # a regimen is eliminated on at least three DLTs only


class KeyboardParameters(Record):
    """How far the target key reaches on both sides of the target."""

    margin_below: Sourced[Rate]
    margin_above: Sourced[Rate]


@dataclass(frozen=True, kw_only=True)
class Keyboard(SteppingDesign):
    """Keyboard for a grid of regimens; what is not listed is as for BOIN.

    Rates from 0 to 1 are divided into keys as wide as the target key. The key with the highest posterior
    probability (uniform prior) decides: left of the target key escalates, right of it de-escalates. A regimen
    is eliminated on at least three DLTs only.

    Parameters
    ----------
    toxic : float
        Lowest DLT rate that counts as too toxic when a simulation is judged, above `target`.
    margin_below, margin_above : float
        The target key reaches from ``target - margin_below`` to ``target + margin_above``.

    Raises
    ------
    ProtocolError
        When a parameter lies outside its range.
    """

    parameters = KeyboardParameters

    margin_below: Rate = 0.05
    margin_above: Rate = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self.key
        if not 0 < low < self.target < high < 1:
            write = _("a target key around the target, inside 0 to 1")
            raise ProtocolError(_("design"), _("a target key from {:g} to {:g}").format(low, high), write)

    @classmethod
    def description(cls) -> Description:
        """Describe the design for a protocol."""
        keys = _(
            "The boundaries are those of the strongest key: the interval of rates, as wide as the target interval, "
            "that has the highest posterior probability."
        )
        return Description(
            f"{stepping_rule()} {keys}",
            selection_rule(),
            (
                (
                    "Yan F, Mandrekar SJ, Yuan Y. Keyboard: a novel Bayesian toxicity probability interval design "
                    "for phase I clinical trials. Clin Cancer Res 2017;23:3994-4003."
                ),
                (
                    "Pan H, Lin R, Zhou Y, Yuan Y. Keyboard design for phase I drug-combination trials. Contemp Clin "
                    "Trials 2020;92:105972."
                ),
                LIN_YIN_2017,
                ROBERTSON_1988,
            ),
            {
                "margin_below": _("Target interval reaches below the target by"),
                "margin_above": _("Target interval reaches above the target by"),
            },
        )

    @property
    def key(self) -> tuple[float, float]:
        """Ends of the target key, DLT rates."""
        return self.target - self.margin_below, self.target + self.margin_above

    @property
    def tables(self) -> DecisionTables:
        """The look-up tables for up to ``maximum`` participants at one regimen."""
        return _tables(self.target, self.key, self.elimination, self.lowest_margin, self.maximum)

    def late_rate(self, seen: LateCounts) -> Floats:
        """Estimate the DLT rate where participants are pending, on the effective number (Lin & Yuan 2020)."""
        return np.asarray(seen.y / np.maximum(seen.effective, seen.y + 1e-9))

    def late_move(self, seen: LateCounts) -> Integers:
        """Say where the strongest key on the effective number leads."""
        return _moves(seen.effective, seen.y, self.target, self.key)

    def _interval_words(self) -> str:
        return _("(target key: DLT rates from {:.2f} to {:.2f})").format(*self.key)


@lru_cache(maxsize=32)
def _tables(target: float, key: tuple[float, float], cutoff: float, margin: float, largest: int) -> DecisionTables:
    n, y = np.arange(largest + 1)[:, None], np.arange(largest + 1)[None]
    real, move = y <= n, _moves(n, y, target, key)
    escalate = (real & (move == UP)).sum(axis=1) - 1
    deescalate = (real & (move != DOWN)).sum(axis=1)
    return tabulated(target, key, escalate, deescalate, cutoff, margin, FEWEST_DLT)


def _moves(n: ArrayLike, y: ArrayLike, target: float, key: tuple[float, float]) -> Integers:
    """Say where the key with the highest posterior probability leads: 1 up, 0 stay, -1 down.

    Parameters
    ----------
    n, y : array_like
        Participants, whole or in part, and DLTs; of shapes that fit each other.
    target : float
        Target DLT rate.
    key : tuple of float
        Ends of the target key, ``0 < low < target < high < 1``.
    """
    from scipy.special import betainc

    low, high = key
    width = high - low
    below, above = np.arange(low, 0, -width)[::-1], np.arange(high, 1, width)
    edges = np.concatenate([[0.0], below[below > TINY], above[above < 1 - TINY], [1.0]])
    n, y = np.asarray(n)[..., None], np.asarray(y)[..., None]
    inside = np.diff(betainc(y + 1, np.maximum(n - y, 0) + 1, edges), axis=-1)
    strength = inside * (width / np.diff(edges))  # the shorter keys at the ends are made as wide as the others
    strongest = len(edges) - 2 - np.argmax(strength[..., ::-1], axis=-1)  # of equals the rightmost
    return np.asarray(np.sign(int(np.searchsorted(edges, target)) - 1 - strongest))
