"""Arithmetic and comparisons of known values, for one participant and for a whole column."""

import ast
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from protocol.eligibility.knowing import Value, both, opposite

TOLERANCE = 1e-9
"""Relative; 1.5 x 1.2 is 1.7999999999999998 in binary and must still admit 1.8."""


def finite(function: Callable[..., Any], values: list[Any], known: Any, flags: Callable[[Any], Any]) -> Value:
    """Apply arithmetic; a division by zero or a number out of bounds is unknown, for one and for many."""
    if not any(isinstance(value, np.ndarray) for value in values):
        return _for_one(function, values, known)
    with np.errstate(all="ignore"):
        result = function(*values)
    return Value(result, known if result.dtype.kind == "i" else both(known, flags(np.isfinite(result))))


def _for_one(function: Callable[..., Any], values: list[Any], known: Any) -> Value:
    try:
        result = function(*values)
    except (ZeroDivisionError, OverflowError):
        return Value(None, False)
    return Value(result, known) if math.isfinite(result) else Value(None, False)


def holds(op: ast.cmpop, left: Any, right: Any) -> Any:
    """Whether a comparison of two known values holds; numbers as near as the tolerance count as equal."""
    if isinstance(op, (ast.NotEq, ast.Gt, ast.Lt)):
        return opposite(holds(CONTRARY[type(op)], left, right))
    if isinstance(op, ast.Eq):
        return _near(left, right) if _is_number(left) else left == right
    if not _is_number(right):
        return left <= right if isinstance(op, ast.LtE) else left >= right
    slack = TOLERANCE * abs(right)
    if isinstance(left, np.ndarray) and left.dtype.kind == "i" and isinstance(right, (int, float)):
        return left <= math.floor(right + slack) if isinstance(op, ast.LtE) else left >= math.ceil(right - slack)
    return left <= right + slack if isinstance(op, ast.LtE) else left >= right - slack


CONTRARY = {ast.NotEq: ast.Eq(), ast.Gt: ast.LtE(), ast.Lt: ast.GtE()}


def _near(left: Any, right: Any) -> Any:
    return abs(left - right) <= TOLERANCE * abs(right)


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "if"
    return isinstance(value, (int, float)) and not isinstance(value, bool)
