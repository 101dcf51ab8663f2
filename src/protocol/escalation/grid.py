"""The grid of doses and infusion frequencies, and the order that can be taken for granted on it.

Axis 0 is the dose (low to high), axis 1 the frequency (low to high)::

              frequency 1   frequency 2   frequency 3
    dose A        A1            A2            A3          a regimen is at most as toxic as
    dose B        B1            B2            B3          every regimen below it or to its right
    ...           ...

A regimen's index is its position when the grid is read row by row: A1 is 0, A2 is 1, and so on.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement, pairwise, product
from math import comb
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from protocol.escalation.checks import check_fields, checked, floats
from protocol.records import ProtocolError
from protocol.translation import _, place_in

STOP = -1
"""In place of a regimen's index: the trial stops, or no regimen is selected."""

MOST_LOWER_SETS = 1000

Integers = NDArray[np.integer[Any]]
"""An array of whole numbers, of any size in bits."""

Floats = NDArray[np.floating[Any]]
"""An array of numbers."""

Booleans = NDArray[np.bool_]
"""An array of marks."""


@dataclass(frozen=True)
class Regimen:
    """A dose at a frequency, named like ``B2``."""

    dose: str
    frequency: str

    def __str__(self) -> str:
        return f"{self.dose}{self.frequency}"


@dataclass(frozen=True)
class Grid:
    """Any number of doses by any number of frequencies, both named from low to high.

    Parameters
    ----------
    doses, frequencies : tuple of str
        Names of the levels, lowest first; a dose's name followed by a frequency's must name one regimen only.

    Raises
    ------
    ProtocolError
        When a level is missing, is no text, or two regimens would bear the same name (capitals or not).
    """

    doses: tuple[str, ...]
    frequencies: tuple[str, ...]

    def __post_init__(self) -> None:
        check_fields(self, _("grid"))
        if not (self.doses and self.frequencies):
            raise ProtocolError(_("grid"), _("no levels"), _("at least one dose and one frequency"))
        if len({label.casefold() for label in self.labels}) < self.size:
            raise ProtocolError(_("grid"), _("two regimens of the same name"), _("different names for the levels"))

    def table(self) -> pd.DataFrame:
        """Tabulate the regimens: regimen, dose, frequency."""
        rows = [(str(one), one.dose, one.frequency) for one in self.regimens]
        return pd.DataFrame(rows, columns=["regimen", "dose", "frequency"])

    def _repr_html_(self) -> str:
        names = np.array(self.labels).reshape(self.shape)
        return pd.DataFrame(names, index=self.doses, columns=self.frequencies).to_html(escape=True)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of doses and number of frequencies."""
        return len(self.doses), len(self.frequencies)

    @property
    def size(self) -> int:
        """Number of regimens."""
        return len(self.doses) * len(self.frequencies)

    @cached_property
    def regimens(self) -> tuple[Regimen, ...]:
        """All regimens in the order of their index."""
        return tuple(Regimen(*levels) for levels in product(self.doses, self.frequencies))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The names of all regimens in the order of their index."""
        return tuple(str(regimen) for regimen in self.regimens)

    @checked
    def index(self, label: str) -> int:
        """Return the index of the regimen named `label` (capitals or not).

        Raises
        ------
        ProtocolError
            When the grid has no such regimen.
        """
        for index, known in enumerate(self.labels):
            if known.casefold() == label.strip().casefold():
                return index
        first, last = self.labels[0], self.labels[-1]
        raise ProtocolError(_("regimen"), repr(label), _("a regimen from {} to {}").format(first, last))

    @cached_property
    def neighbours(self) -> Integers:
        """Indices one step away, shape ``(3, D * F, 2)``.

        Axis 0 holds the moves stay (0), up (1) and down (-1); the last axis holds the dose step and the
        frequency step. -1 stands where there is no regimen.
        """
        index = np.arange(self.size).reshape(self.shape)
        padded = np.pad(index, 1, constant_values=-1)
        up = np.stack([padded[2:, 1:-1], padded[1:-1, 2:]], axis=-1)
        down = np.stack([padded[:-2, 1:-1], padded[1:-1, :-2]], axis=-1)
        return np.stack([np.full_like(up, -1), up, down]).reshape(3, self.size, 2)

    @cached_property
    def lower_sets(self) -> Booleans:
        """Every set that holds, with a regimen, all regimens lower in the order; shape ``(L, D * F)``.

        There are ``comb(D + F, D)`` of them, the empty one and the full one included: 56 on a grid of 5 x 3.
        """
        doses, frequencies = self.shape
        if comb(doses + frequencies, doses) > MOST_LOWER_SETS:
            raise ProtocolError(
                _("grid"),
                _("{doses} x {frequencies} levels").format(doses=doses, frequencies=frequencies),
                _("a smaller grid, such as 6 x 6"),
            )
        heights = np.array(list(combinations_with_replacement(range(frequencies, -1, -1), doses)))
        return np.asarray(np.arange(frequencies) < heights[:, :, None]).reshape(len(heights), self.size)


def upwards(cells: Booleans, axes: tuple[int, ...] = (1, 2)) -> Booleans:
    """Mark every regimen at or above a marked one, along the given axes; shape ``(T, D, F)`` in and out."""
    marked = cells.copy()
    for axis in axes:
        levels = np.moveaxis(marked, axis, 0)  # level by level: the axes are short, the trials many
        for lower, higher in pairwise(levels):
            higher |= lower
    return marked


@checked
def true_rates(grid: Grid, truth: ArrayLike) -> Floats:
    """Check assumed true DLT rates.

    Parameters
    ----------
    grid : Grid
    truth : array_like, shape (D, F)
        True DLT probabilities, 0 to 1, not falling along a row or a column.

    Returns
    -------
    ndarray of float, shape (D, F)

    Raises
    ------
    ProtocolError
        For a wrong shape, a value that is no probability, or a rate that falls where dose or frequency rises.
    """
    where = _("true DLT rates")
    rates = floats(truth, where, _("numbers from 0 to 1"))
    if rates.shape != grid.shape:
        shape = _("{} rows (doses) of {} rates (frequencies)").format(*grid.shape)
        raise ProtocolError(where, _("an array of shape {}").format(rates.shape), shape)
    for label, rate in zip(grid.labels, rates.ravel(), strict=True):
        if not 0 <= rate <= 1:
            raise ProtocolError(place_in(where, label), f"{rate:g}", _("a probability from 0 to 1"))
    _check_order(grid, rates, where)
    return rates


def _check_order(grid: Grid, rates: Floats, where: str) -> None:
    flat = rates.ravel()
    for low, steps in enumerate(grid.neighbours[1]):
        for high in steps[steps >= 0]:
            if flat[high] < flat[low]:
                found = _("{:g}, less than {:g} at {}").format(flat[high], flat[low], grid.labels[low])
                write = _("at least {:g}: the rate may not fall as dose or frequency rises").format(flat[low])
                raise ProtocolError(place_in(where, grid.labels[high]), found, write)
