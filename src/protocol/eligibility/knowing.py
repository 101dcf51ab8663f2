"""What is known: of a condition, and of a value."""

from typing import Any, NamedTuple


class Rails(NamedTuple):
    """Known to be true, known to be false; both are plain bool or boolean arrays, never missing."""

    true: Any
    false: Any


class Value(NamedTuple):
    """A value and whether it is known."""

    data: Any
    known: Any


def opposite(flag: Any) -> Any:
    """Return not flag."""
    return not flag if isinstance(flag, bool) else ~flag
