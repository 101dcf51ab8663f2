"""What the functions of this topic accept; anything else is refused in words."""

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from protocol.records import ProtocolError
from protocol.translation import _

Floats = NDArray[np.float64]

Integers = NDArray[np.int64]

LARGEST = 2**53  # whole numbers above are not exact in double precision


def floats(values: ArrayLike, where: str, write: str) -> Floats:
    """Read numbers in double precision; None and pandas' NA become NaN, which is a missing number.

    A narrower number is read by its shortest decimal: 0.3 in single precision is 0.3, and not 0.300000012.

    Raises
    ------
    ProtocolError
        When something is no real number, or is infinite.
    """
    array = _array(values, where, write)
    if array.dtype.kind == "O":
        listed = [np.nan if each is None or each is pd.NA else each for each in array.flat]
        if all(isinstance(each, Real) and not isinstance(each, bool) for each in listed):
            array = np.array([float(each) for each in listed]).reshape(array.shape)
    if array.dtype.kind == "f" and array.dtype.itemsize < np.dtype(float).itemsize:
        array = array.astype(str).astype(float)
    if array.dtype.kind not in "fiu":
        raise ProtocolError(where, _("something that is no number"), write)
    found = array.astype(np.float64, copy=False)
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


def _array(values: ArrayLike, where: str, write: str) -> NDArray[Any]:
    if np.ma.is_masked(values):
        raise ProtocolError(where, _("missing values (masked)"), write)
    try:
        return np.asarray(values)
    except (TypeError, ValueError):
        raise ProtocolError(where, _("rows of different lengths"), write) from None


def whole(value: Any, where: str, lowest: int, highest: int = LARGEST) -> int:
    """Return a whole number from `lowest` to `highest`.

    Raises
    ------
    ProtocolError
        When it is something else.
    """
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_whole or not lowest <= int(value) <= highest:
        upper = _(" and up to {:,}").format(highest) if highest < LARGEST else ""
        raise ProtocolError(where, _shown(value), _("a whole number of {:,} or more").format(lowest) + upper)
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
        raise ProtocolError(where, _shown(value), _("one of {}").format(", ".join(map(repr, listed))))
    return value


def _shown(value: object) -> str:
    return repr(value)[:80]
