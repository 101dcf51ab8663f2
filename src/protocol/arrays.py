"""Numbers as the topics read them: an answer does not depend on the type in which its numbers came."""

from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protocol.records import ProtocolError
from protocol.translation import _


def array_of(values: ArrayLike, where: str, write: str) -> NDArray[Any]:
    """Return values as an array.

    Raises
    ------
    ProtocolError
        When values are masked, or rows have different lengths.
    """
    if np.ma.is_masked(values):
        raise ProtocolError(where, _("missing values (masked)"), write)
    try:
        return np.asarray(values)
    except (TypeError, ValueError):
        raise ProtocolError(where, _("rows of different lengths"), write) from None


def doubles(array: NDArray[Any]) -> NDArray[np.float64] | None:
    """Return an array in double precision; None when something in it is no real number.

    A narrower number is read by its shortest decimal: 0.3 in single precision is 0.3, and not 0.300000012.
    """
    if array.dtype.kind == "O" and all(isinstance(each, Real | Decimal) for each in array.flat):
        array = array.astype(float) if not any(isinstance(each, bool) for each in array.flat) else array
    if array.dtype.kind == "f" and array.dtype.itemsize < np.dtype(float).itemsize:
        array = array.astype(str).astype(float)
    return array.astype(np.float64, copy=False) if array.dtype.kind in "fiu" else None
