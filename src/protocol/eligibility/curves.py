"""How many participants a threshold leaves, over its whole range at once."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.bits import membership, union
from protocol.eligibility.criteria import Catalogue, Criterion, Parameter
from protocol.eligibility.crossings import (
    Comparison,
    Evaluation,
    Flags,
    Numbers,
    comparisons,
    concerned,
    facts_of,
    is_linear,
)
from protocol.eligibility.masks import CohortScreening
from protocol.eligibility.rows import Read, Rows
from protocol.records import Phase, ProtocolError

FEWER_POINTS = 25
MARGIN = 1e-6
"""How far beyond its ends a range is followed, so that an end, too, lies inside a stretch."""
"""Where a threshold has to be screened value by value."""
Concerned = tuple[tuple[Criterion, ...], Rows, Flags]
"""The criteria a threshold can move; the rows no other criterion excludes; for which rows another is unknown."""


@dataclass(frozen=True)
class Curve:
    """Participants by the value of one threshold.

    Attributes
    ----------
    parameter : str
    points : array of float, shape (points,)
        Ascending, in the parameter's unit.
    confirmed, possible : array of int, shape (points,)
        All known and met; nothing failed and something unknown.
    every_point : bool
        Whether these are the points asked for. False when the threshold has to be screened value by value: then
        there are at most :data:`FEWER_POINTS`.
    """

    parameter: str
    points: Numbers
    confirmed: NDArray[np.int64]
    possible: NDArray[np.int64]
    every_point: bool = True


def steps(parameter: Parameter, at_most: int = 400) -> Numbers:
    """Return the values of a threshold's slider, and its present value among them."""
    if parameter.minimum is None or parameter.maximum is None or isinstance(parameter.value, str):
        raise ProtocolError(
            parameter.label, "a reading and not a threshold", "the id of a parameter that is a number"
        )
    count = round((parameter.maximum - parameter.minimum) / (parameter.step or 0.1)) + 1
    points = np.linspace(parameter.minimum, parameter.maximum, int(min(max(count, 2), at_most)))
    return np.unique(np.round(np.append(points, float(parameter.value)), 9))


@dataclass(frozen=True)
class Sweep:
    """All that a threshold's range holds: at which values how many participants become something else.

    Attributes
    ----------
    parameter : str
    first : tuple of int
        Confirmed and possible at the lower end of the range.
    more, fewer : tuple of arrays of float
        For confirmed and possible the values, ascending, at which there is one more, one fewer.
    """

    parameter: str
    first: tuple[int, int]
    more: tuple[Numbers, Numbers]
    fewer: tuple[Numbers, Numbers]

    def at(self, points: Numbers) -> Curve:
        """Count who is left at some values of the range; no participant is looked at again."""
        confirmed, possible = (
            first + np.searchsorted(more, points, "right") - np.searchsorted(fewer, points, "right")
            for first, more, fewer in zip(self.first, self.more, self.fewer, strict=True)
        )
        return Curve(self.parameter, points, confirmed, possible)


def sweep(
    catalogue: Catalogue,
    screening: CohortScreening,
    read: Read,
    parameter: str,
    ends: tuple[float, float],
    phase: Phase,
    off: Collection[str] = (),
) -> Sweep | None:
    """Follow a threshold over a range, in one pass over those no other criterion excludes.

    Parameters
    ----------
    catalogue : Catalogue
        With the parameters of the screening.
    screening : CohortScreening
    read : callable
        Gives the facts of some rows.
    parameter : str
        A threshold.
    ends : tuple of float
        Where the range begins and ends, in the parameter's unit.
    phase : {"Ib", "II"}
        The phase of the screening.
    off : collection of str
        Criteria switched off.

    Returns
    -------
    Sweep or None
        None when a comparison is not linear in the threshold.
    """
    own, rows, others_open = _concerned(catalogue, screening, parameter, off)
    compared = comparisons(catalogue, own, parameter)
    if not all(is_linear(comparison, parameter) for comparison in compared):
        return None
    first, changes = np.zeros(2, dtype=np.int64), _Changes()
    for these, columns in read(facts_of(catalogue, own), rows):
        evaluation = Evaluation(catalogue, own, phase, columns, len(these))
        before = None
        for begin, middle in _stretches(evaluation, compared, parameter, ends):
            fails, open_ = evaluation.at(parameter, middle)
            open_ = (open_ | others_open[these]) & ~fails
            now = (~fails & ~open_, open_)
            if before is None:
                first += [int(kind.sum()) for kind in now]
            else:
                changes.note(begin, before, now)
            before = now
    return Sweep(parameter, (int(first[0]), int(first[1])), changes.of("more"), changes.of("fewer"))


class _Changes:
    """Collects at which values participants become, or cease to be, confirmed and possible."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, int], list[Numbers]] = defaultdict(list)

    def note(self, begin: Numbers, before: tuple[Flags, Flags], now: tuple[Flags, Flags]) -> None:
        """Note who is another from a value on than before it."""
        for kind, (was, is_) in enumerate(zip(before, now, strict=True)):
            self.found["more", kind].append(begin[is_ & ~was])
            self.found["fewer", kind].append(begin[was & ~is_])

    def of(self, direction: str) -> tuple[Numbers, Numbers]:
        """Return the values in ascending order, of confirmed and of possible."""
        confirmed, possible = (
            np.sort(np.concatenate([np.empty(0), *self.found[direction, kind]])) for kind in (0, 1)
        )
        return confirmed, possible


def _stretches(
    evaluation: Evaluation, compared: Sequence[Comparison], parameter: str, ends: tuple[float, float]
) -> Iterator[tuple[Numbers, Numbers]]:
    """Cut each participant's range where a comparison can change: the beginning and the middle of each stretch.

    Where both sides count as equal is a stretch of its own.
    """
    low_end, high_end = ends[0] - MARGIN, ends[1] + MARGIN
    crossings = [
        found for one in compared if (found := evaluation.crossing(one, parameter, low_end, high_end)) is not None
    ]
    edges = [found.value + side * found.slack for found in crossings for side in (-1, 1)]
    inner = np.sort(np.clip(np.array(edges).reshape(len(edges), evaluation.size), low_end, high_end), axis=0)
    low, high = (np.full((1, evaluation.size), end) for end in (low_end, high_end))
    for begin, end in pairwise(np.vstack([low, inner, high])):
        yield begin, (begin + end) / 2


def curve(
    catalogue: Catalogue,
    screening: CohortScreening,
    read: Read,
    parameter: str,
    points: Numbers,
    phase: Phase,
    off: Collection[str] = (),
) -> Curve:
    """Count who is left at some values of a threshold, ascending; the other parameters are those of :func:`sweep`."""
    found = sweep(catalogue, screening, read, parameter, (points[0], points[-1]), phase, off)
    if found is not None:
        return found.at(points)
    return _one_by_one(catalogue, _concerned(catalogue, screening, parameter, off), read, parameter, points, phase)


def _concerned(catalogue: Catalogue, screening: CohortScreening, parameter: str, off: Collection[str]) -> Concerned:
    on = {c.id for c in screening.criteria if c.id not in off and c.mirrors not in off}
    own = tuple(criterion for criterion in concerned(catalogue, parameter) if criterion.id in on)
    moved = {criterion.id for criterion in own}
    rest = [i for i, c in enumerate(screening.criteria) if c.id in on and c.id not in moved]
    failed, unclear = (
        membership(union(bits[rest]), len(screening.participants))
        for bits in (screening.fail_bits, screening.unknown_bits)
    )
    return own, np.flatnonzero(~failed), unclear


def _one_by_one(
    catalogue: Catalogue, asked: Concerned, read: Read, parameter: str, points: Numbers, phase: Phase
) -> Curve:
    """Screen the threshold's own criteria at some of the points."""
    own, rows, others_open = asked
    some = points[np.unique(np.linspace(0, len(points) - 1, min(FEWER_POINTS, len(points))).round().astype(int))]
    counts = np.zeros((2, len(some)), dtype=np.int64)
    for these, columns in read(facts_of(catalogue, own), rows):
        evaluation = Evaluation(catalogue, own, phase, columns, len(these))
        for place, point in enumerate(some):
            fails, open_ = evaluation.at(parameter, float(point))
            open_ = (open_ | others_open[these]) & ~fails
            counts[:, place] += (int((~fails & ~open_).sum()), int(open_.sum()))
    return Curve(parameter, some, counts[0], counts[1], every_point=False)
