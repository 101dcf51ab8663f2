"""What is known: of a condition, and of a value."""

from typing import Any, NamedTuple


class Rails(NamedTuple):
    """Known to be true, known to be false; both are plain bool or arrays of flags, never missing."""

    true: Any
    false: Any


class Value(NamedTuple):
    """A value and whether it is known."""

    data: Any
    known: Any


def opposite(flag: Any) -> Any:
    """Return not flag."""
    if flag is True:
        return False
    return True if flag is False else ~flag


def both(left: Any, right: Any) -> Any:
    """Return left and right, folding constants so that no array is made for them."""
    if left is True or right is False:
        return right
    return left if left is False or right is True else left & right


def either(left: Any, right: Any) -> Any:
    """Return left or right, folding constants."""
    if left is False or right is True:
        return right
    return left if left is True or right is False else left | right
