"""What the functions of this topic accept; anything else is refused in words."""

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from protocol.arrays import array_of, doubles
from protocol.records import ProtocolError
from protocol.translation import _, list_of

Floats = NDArray[np.float64]

Integers = NDArray[np.int64]

LARGEST = 2**53  # whole numbers above are not exact in double precision


def floats(values: ArrayLike, where: str, write: str) -> Floats:
    """Read numbers in double precision, by :func:`protocol.arrays.doubles`; None and pandas' NA become NaN, missing.

    Raises
    ------
    ProtocolError
        When something is no real number, or is infinite.
    """
    array = array_of(values, where, write)
    if array.dtype.kind == "O":
        filled = [np.nan if each is None or each is pd.NA else each for each in array.flat]
        array = np.array(filled, dtype=object).reshape(array.shape)
    found = doubles(array)
    if found is None:
        raise ProtocolError(where, _("something that is no number"), write)
    if np.isinf(found).any():
        raise ProtocolError(where, _("an infinite number"), write)
    return found


def integers(values: ArrayLike, where: str, write: str) -> Integers:
    """Read whole numbers; 3.0 is one, True is not.

    Raises
    ------
    ProtocolError
        When something is no whole number, is missing, or is larger than 2^53.
    """
    found = floats(values, where, write)
    rounded = np.rint(found)
    if np.isnan(found).any() or (rounded != found).any():
        raise ProtocolError(where, _("a number that is missing or not whole"), write)
    if found.size and np.abs(found).max() > LARGEST:
        raise ProtocolError(where, f"{np.abs(found).max():g}", write)
    return rounded.astype(np.int64)


def whole(value: Any, where: str, lowest: int, highest: int = LARGEST) -> int:
    """Return a whole number from `lowest` to `highest`.

    Raises
    ------
    ProtocolError
        When it is something else.
    """
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_whole or not lowest <= int(value) <= highest:
        is_open = highest >= LARGEST
        write = _("a whole number of {:,} or more") if is_open else _("a whole number of {:,} or more and up to {:,}")
        raise ProtocolError(where, _shown(value), write.format(lowest, highest))
    return int(value)


def number_inside(value: Any, where: str, lowest: float, highest: float, *, ends: bool = False) -> float:
    """Return a number inside `lowest` to `highest`; with `ends`, the two ends do as well.

    Raises
    ------
    ProtocolError
        When it is something else.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    inside = is_number and (lowest <= float(value) <= highest if ends else lowest < float(value) < highest)
    if not inside:
        words = _("a number from {:g} to {:g}") if ends else _("a number inside {:g} to {:g}")
        raise ProtocolError(where, _shown(value), words.format(lowest, highest))
    return float(value)


def one_of(value: Any, known: Iterable[str], where: str) -> str:
    """Return `value` when it is one of the `known` words.

    Raises
    ------
    ProtocolError
        When it is something else.
    """
    listed = list(known)
    if not isinstance(value, str) or value not in listed:
        raise ProtocolError(where, _shown(value), _("one of {}").format(list_of(map(repr, listed))))
    return value


def _shown(value: object) -> str:
    return repr(value)[:80]
