"""What was seen so far: participants treated and DLTs, for many trials at once."""

import re
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from protocol.escalation.grid import Grid, Integers
from protocol.records import ProtocolError
from protocol.translation import _

ENTRY = re.compile(r"(?P<regimen>\S+?):(?P<letters>[NT]+)", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Participants with a complete DLT window, and those of them with a DLT.

    Parameters
    ----------
    grid : Grid
    treated, dlt : array_like of int, shape (T, D, F) or (D, F)
        Participants, and those with a DLT, per trial and regimen; one trial may leave out the first axis.

    Raises
    ------
    ProtocolError
        When a count is not a whole number, is negative, or a regimen has more DLTs than participants.
    """

    grid: Grid
    treated: Integers
    dlt: Integers

    def __post_init__(self) -> None:
        object.__setattr__(self, "treated", self._counts(self.treated, _("participants treated")))
        object.__setattr__(self, "dlt", self._counts(self.dlt, _("participants with a DLT")))
        if self.treated.shape != self.dlt.shape:
            raise ProtocolError(_("outcomes"), _("different numbers of trials"), _("the same number twice"))
        excess = self.dlt > self.treated
        if excess.any():
            trial, dose, frequency = np.argwhere(excess)[0]
            name = self.grid.doses[dose] + self.grid.frequencies[frequency]
            dlt, treated = self.dlt[trial, dose, frequency], self.treated[trial, dose, frequency]
            found = _("{} with a DLT of {} treated").format(dlt, treated)
            raise ProtocolError(_("outcomes at {}").format(name), found, _("at most {}").format(treated))

    def _counts(self, values: ArrayLike, what: str) -> Integers:
        try:
            counts = np.asarray(values)
        except ValueError:
            raise ProtocolError(what, _("rows of different lengths"), _("one row per dose, all as long")) from None
        if counts.ndim == 2:
            counts = counts[None]
        if counts.shape[1:] != self.grid.shape:
            write = _("{} doses by {} frequencies").format(*self.grid.shape)
            raise ProtocolError(what, _("an array of shape {}").format(counts.shape), write)
        if not np.issubdtype(counts.dtype, np.integer):
            raise ProtocolError(what, _("numbers that are not whole"), _("whole numbers of participants"))
        if counts.min(initial=0) < 0:
            raise ProtocolError(what, str(counts.min()), _("0 or more"))
        return counts

    @classmethod
    def none(cls, grid: Grid, trials: int = 1) -> Self:
        """Return `trials` trials in which nobody was treated yet."""
        return cls(grid, np.zeros((trials, *grid.shape), int), np.zeros((trials, *grid.shape), int))

    @classmethod
    def parse(cls, grid: Grid, text: str) -> Self:
        """Read one trial from the usual notation, such as ``A1:NNN B1:NTN``.

        One letter a participant: N for no DLT, T for a DLT (toxicity). A regimen may be named more than once.

        Raises
        ------
        ProtocolError
            Naming the word that cannot be read or the regimen that is not on the grid.
        """
        counts = np.zeros((2, grid.size), int)
        for index, letters in _entries(grid, text):
            counts[:, index] += len(letters), letters.upper().count("T")
        return cls(grid, *counts.reshape(2, *grid.shape))

    def __str__(self) -> str:
        return self.notation()

    def notation(self, last: int | None = None) -> str:
        """Write the first trial in the notation that :meth:`parse` reads, regimen `last` at the end."""
        treated, dlt = self.treated[0].ravel(), self.dlt[0].ravel()
        order = sorted(np.flatnonzero(treated), key=lambda index: (index == last, index))
        words = (f"{self.grid.labels[i]}:{'N' * (treated[i] - dlt[i])}{'T' * dlt[i]}" for i in order)
        return " ".join(words)

    def with_regimen(self, index: int, treated: int, dlt: int) -> Self:
        """Return a copy of one trial with other counts at one regimen."""
        counts = np.stack([self.treated, self.dlt]).reshape(2, -1)
        counts[:, index] = treated, dlt
        return type(self)(self.grid, *counts.reshape(2, *self.grid.shape))


def last_named(grid: Grid, text: str) -> int:
    """Return the index of the regimen named last in the notation; 0, the lowest, when nothing is named."""
    return next((index for index, _letters in reversed(_entries(grid, text))), 0)


def _entries(grid: Grid, text: str) -> list[tuple[int, str]]:
    entries = []
    for word in text.replace(",", " ").split():
        match = ENTRY.fullmatch(word)
        if match is None:
            raise ProtocolError(
                _("outcome notation"),
                repr(word),
                _("a regimen, a colon, and N or T for each participant: B1:NTN"),
            )
        entries.append((grid.index(match["regimen"]), match["letters"]))
    return entries
