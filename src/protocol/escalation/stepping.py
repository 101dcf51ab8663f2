"""Interval designs: what (participants, DLTs) at one regimen imply is looked up in tables.

What differs between interval designs are the tables of :mod:`protocol.escalation.intervals` and where they step.
"""

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass

import numpy as np
import pandas as pd

from protocol.escalation.checks import check_counts, check_trial
from protocol.escalation.grid import Booleans, Grid, Integers, upwards
from protocol.escalation.intervals import Tables
from protocol.escalation.outcomes import Outcomes
from protocol.escalation.selection import select
from protocol.escalation.usual import UsualDesign
from protocol.records import ProtocolError
from protocol.translation import _, ngettext


@dataclass(frozen=True)
class IntervalDesign(UsualDesign, ABC):
    """A design that looks every step up in tables; see :class:`protocol.escalation.designs.boin.Boin`."""

    grid: Grid
    target: float = 0.30
    _: KW_ONLY
    elimination: float = 0.95
    lowest_margin: float = 0.0
    cohort_size: int = 3
    maximum: int = 60
    enough: int = 60
    rounded: bool = False
    bounded: bool = False

    def __post_init__(self) -> None:
        check_trial(self.target, self.cohort_size, self.maximum, self.enough)
        if not 0.5 <= self.elimination - self.lowest_margin <= self.elimination < 1:
            found = _("{:g} less {:g}").format(self.elimination, self.lowest_margin)
            raise ProtocolError(_("design"), found, _("an elimination probability from 0.5 to below 1"))

    @property
    @abstractmethod
    def tables(self) -> Tables:
        """The look-up tables for up to ``maximum`` participants at one regimen."""

    def eliminated(self, outcomes: Outcomes) -> Booleans:
        """Mark regimens that are too toxic, and all at or above them; shape ``(T, D, F)``."""
        return self._closed(self._codes(outcomes)).reshape(outcomes.treated.shape)

    def selected(self, outcomes: Outcomes) -> Integers:
        """Select the recommended phase II regimen of T finished trials; STOP means none."""
        highest = self.tables.lambda_d if self.bounded else np.inf
        return select(outcomes, self.target, self.eliminated(outcomes), rounded=self.rounded, highest=highest)

    def decisions(self) -> pd.DataFrame | None:
        """Tabulate what follows from DLTs at the current regimen, for protocols and meetings.

        Returns
        -------
        DataFrame
            treated (1 to ``maximum``), escalate (most DLTs that do), deescalate and eliminate (fewest that
            do, missing when none do).
        """
        tables, treated = self.tables, np.arange(1, self.maximum + 1)
        columns = {
            "escalate": tables.escalate,
            "deescalate": tables.deescalate,
            "eliminate": tables.eliminate,
        }
        frame = pd.DataFrame({"treated": treated, **{name: values[1:] for name, values in columns.items()}})
        return frame.assign(eliminate=frame["eliminate"].where(frame["eliminate"] <= treated).astype("Int64"))

    def _counted(self, outcomes: Outcomes) -> Integers:
        return outcomes.enrolled if self.reads_pending else outcomes.treated

    def _codes(self, outcomes: Outcomes) -> Integers:
        """Return the place of every regimen's counts in the flat tables, shape (T, D * F)."""
        check_counts(outcomes, self.maximum)
        codes = np.multiply(self._counted(outcomes), self.maximum + 1, dtype=np.intp) + outcomes.dlt
        return codes.reshape(-1, self.grid.size)

    def _closed(self, codes: Integers) -> Booleans:
        over = self.tables.eliminated.take(codes)
        over[:, 0] |= self.tables.stops.take(codes[:, 0])
        marked = np.zeros(len(over), dtype=bool)
        marked[np.flatnonzero(over) // self.grid.size] = True
        found = np.flatnonzero(marked)  # few trials eliminate anything: the others need no look upwards
        over[found] = upwards(over[found].reshape(-1, *self.grid.shape)).reshape(-1, self.grid.size)
        return over

    def _count(self, outcomes: Outcomes, current: int) -> str:
        n, y = int(self._counted(outcomes).reshape(-1)[current]), int(outcomes.dlt.reshape(-1)[current])
        name, tables = self.grid.labels[current], self.tables
        if n == 0:
            return _("Nobody was treated at {} yet.").format(name)
        counted = ngettext(
            "At {name}, {y} of {n} participant had a DLT, a rate of {rate:.2f}.",
            "At {name}, {y} of {n} participants had a DLT, a rate of {rate:.2f}.", n,
        ).format(name=name, y=y, n=n, rate=y / n)  # fmt: skip
        limits = _("With {n} treated: escalate at {e} or fewer, de-escalate at {d} or more").format(
            n=n, e=tables.escalate[n], d=tables.deescalate[n]
        )
        over = _(", eliminate at {} or more").format(tables.eliminate[n]) if tables.eliminate[n] <= n else ""
        return f"{counted}{self._late_words(outcomes, current)} {limits}{over} {self._limits()}"

    def _late_words(self, outcomes: Outcomes, current: int) -> str:  # noqa: ARG002
        return ""

    def _limits(self) -> str:
        return _("(rates {:.3f} and {:.3f}).").format(self.tables.lambda_e, self.tables.lambda_d)
