"""The facts of some participants of a cohort, a batch at a time."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.cohort import Cohort, Progress
from protocol.eligibility.leaves import Choices
from protocol.eligibility.logic import Value

Rows = NDArray[np.intp]
Read = Callable[[Collection[str], Rows], Iterator[tuple[Rows, Mapping[str, Value]]]]
"""Reads some facts of some rows in ascending order; gives the rows of a batch and their facts."""


def reader(cohort: Cohort, progress: Progress | None = None) -> Read:
    """Return what reads facts of a cohort.

    Parameters
    ----------
    cohort : Cohort
    progress : callable, optional
        Called after each batch with the participants passed and all of them; an exception raised in it stops.
    """

    def read(names: Collection[str], rows: Rows) -> Iterator[tuple[Rows, Mapping[str, Value]]]:
        first = 0
        for batch in cohort.values(names):
            size = max((_length(value) for value in batch.values()), default=len(cohort))
            begin, end = np.searchsorted(rows, [first, first + size])
            these = rows[begin:end]
            if len(these):
                yield these, {name: taken(value, these - first) for name, value in batch.items()}
            first += size
            if progress is not None:
                progress(first, len(cohort))

    return read


def _length(value: Value) -> int:
    return len(value.known)


def taken(column: Value, rows: NDArray[Any]) -> Value:
    """Return a column for some rows only."""
    data = column.data
    some = Choices(data.positions[rows], data.options) if isinstance(data, Choices) else data[rows]
    return Value(some, column.known[rows])
