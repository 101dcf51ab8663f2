"""Keyboard on a grid: the strongest key decides.

Sources: Pan, Lin, Zhou & Yuan 2020 (Contemp Clin Trials 92:105972) for combinations; Yan, Mandrekar & Yuan 2017 (Clin
Cancer Res 23:3994-4003) for the keys.
"""

from dataclasses import dataclass

import numpy as np

from protocol.escalation.grid import Floats, Integers
from protocol.escalation.interval_designs import Seen, Tables, TwoWays, key_moves, keyboard_tables
from protocol.records import ProtocolError
from protocol.translation import _


@dataclass(frozen=True)
class Keyboard(TwoWays):
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

    toxic: float = 0.42
    margin_below: float = 0.05
    margin_above: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self._key
        if not 0 < low < self.target < high < 1:
            write = _("a target key around the target, inside 0 to 1")
            raise ProtocolError(_("design"), _("a target key from {:g} to {:g}").format(low, high), write)

    @property
    def tables(self) -> Tables:
        """The look-up tables for up to ``maximum`` participants at one regimen."""
        return keyboard_tables(self.target, *self._key, self.elimination, self.lowest_margin, self.maximum)

    def late_rate(self, seen: Seen) -> Floats:
        """Estimate the DLT rate where participants are pending, on the effective number (Lin & Yuan 2020)."""
        return np.asarray(seen.y / np.maximum(seen.effective, seen.y + 1e-9))

    def late_move(self, seen: Seen) -> Integers:
        """Say where the strongest key on the effective number leads."""
        return key_moves(seen.effective, seen.y, self.target, *self._key)

    @property
    def _key(self) -> tuple[float, float]:
        return self.target - self.margin_below, self.target + self.margin_above

    def _limits(self) -> str:
        return _("(target key: rates from {:.2f} to {:.2f}).").format(*self._key)
