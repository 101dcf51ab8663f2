"""The facts of some participants of a cohort, whatever frame they come in."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.cohort import column_of
from protocol.eligibility.criteria import Catalogue
from protocol.eligibility.leaves import Choices
from protocol.eligibility.logic import Value

Rows = NDArray[np.intp]
Read = Callable[[Collection[str], Rows], Iterator[tuple[Rows, Mapping[str, Value]]]]
"""Reads some facts of some rows, a batch at a time; gives the rows of the batch and their facts."""
BATCH = 1 << 17


def reader(catalogue: Catalogue, frame: Any) -> Read:
    """Return what reads facts from a frame, each column turned into its array once."""
    table = nw.from_native(frame, eager_only=True)
    facts, columns = {fact.id: fact for fact in catalogue.facts}, dict[str, Value]()

    def read(names: Collection[str], rows: Rows) -> Iterator[tuple[Rows, Mapping[str, Value]]]:
        for name in set(names) & set(table.columns) - set(columns):
            columns[name] = column_of(table[name], facts[name])
        for first in range(0, len(rows), BATCH):
            these = rows[first : first + BATCH]
            yield these, {name: taken(columns[name], these) for name in names if name in columns}

    return read


def taken(column: Value, rows: Rows) -> Value:
    """Return a column for some rows only."""
    data = column.data
    some = Choices(data.positions[rows], data.options) if isinstance(data, Choices) else data[rows]
    return Value(some, column.known[rows])
