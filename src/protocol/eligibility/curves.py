"""How many participants a threshold leaves, over its whole range at once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.bits import membership, union
from protocol.eligibility.criteria import Catalogue, Criterion, Parameter
from protocol.eligibility.crossings import (
    Comparison,
    Crossing,
    Evaluation,
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
"""Where a threshold has to be screened value by value."""


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


def curve(
    catalogue: Catalogue,
    screening: CohortScreening,
    read: Read,
    parameter: str,
    points: Numbers,
    phase: Phase,
    off: Collection[str] = (),
) -> Curve:
    """Count who is left at every value of a threshold, in one pass over those no other criterion excludes.

    Parameters
    ----------
    catalogue : Catalogue
        With the parameters of the screening.
    screening : CohortScreening
    read : callable
        Gives the facts of some rows.
    parameter : str
        A threshold.
    points : array of float, shape (points,)
        Its values, ascending.
    phase : {"Ib", "II"}
        The phase of the screening.
    off : collection of str
        Criteria switched off.
    """
    own, rows, others_open = _concerned(catalogue, screening, parameter, off)
    compared = comparisons(catalogue, own, parameter)
    linear = all(is_linear(comparison, parameter) for comparison in compared)
    names = facts_of(catalogue, own)
    counts = np.zeros((2, len(points) + 1), dtype=np.int64)
    for these, columns in read(names, rows):
        evaluation = Evaluation(catalogue, own, phase, columns, len(these))
        places = _places(evaluation, compared, parameter, points) if linear else None
        if places is None:
            return _one_by_one(catalogue, own, read, parameter, points, phase, (rows, others_open))
        _add(counts, evaluation, parameter, points, places, others_open[these])
    confirmed, possible = np.cumsum(counts, axis=1)[:, :-1]
    return Curve(parameter, points, confirmed, possible)


def _concerned(
    catalogue: Catalogue, screening: CohortScreening, parameter: str, off: Collection[str]
) -> tuple[tuple[Criterion, ...], Rows, NDArray[np.bool_]]:
    """The criteria a threshold can move; the rows no other criterion excludes; for which rows another is unknown."""
    on = {c.id for c in screening.criteria if c.id not in off and c.mirrors not in off}
    own = tuple(criterion for criterion in concerned(catalogue, parameter) if criterion.id in on)
    moved = {criterion.id for criterion in own}
    rest = [i for i, c in enumerate(screening.criteria) if c.id in on and c.id not in moved]
    failed, unclear = (
        membership(union(bits[rest]), len(screening.participants))
        for bits in (screening.fail_bits, screening.unknown_bits)
    )
    return own, np.flatnonzero(~failed), unclear


def _places(
    evaluation: Evaluation, compared: Sequence[Comparison], parameter: str, points: Numbers
) -> list[NDArray[np.intp]] | None:
    """Between which points each participant's verdict can change, ascending; None when points lie too close."""
    places: list[NDArray[np.intp]] = []
    for comparison in compared:
        found = evaluation.crossing(comparison, parameter, points[0], points[-1])
        if found is None:
            continue
        before, after = _around(found, points)
        if (after - before > 1).any():
            return None
        places += [before, after]
    return list(np.sort(np.array(places), axis=0)) if places else []


def _around(crossing: Crossing, points: Numbers) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    slack = crossing.slack + 1e-6 * np.diff(points).min(initial=1.0)
    return (
        np.searchsorted(points, crossing.value - slack, "left"),
        np.searchsorted(points, crossing.value + slack, "right"),
    )


def _add(
    counts: NDArray[np.int64],
    evaluation: Evaluation,
    parameter: str,
    points: Numbers,
    places: list[NDArray[np.intp]],
    others_open: NDArray[np.bool_],
) -> None:
    """Ask once in every stretch without a change, and note where it begins and ends."""
    first, last = np.zeros(evaluation.size, dtype=np.intp), np.full(evaluation.size, len(points), dtype=np.intp)
    for begins, ends in pairwise([first, *places, last]):
        fails, open_ = evaluation.at(parameter, points[np.minimum(begins, len(points) - 1)])
        open_ = (open_ | others_open) & ~fails
        for row, these in zip(counts, (~fails & ~open_, open_), strict=True):
            row += np.bincount(begins[these], minlength=len(row)) - np.bincount(ends[these], minlength=len(row))


def _one_by_one(
    catalogue: Catalogue,
    own: tuple[Criterion, ...],
    read: Read,
    parameter: str,
    points: Numbers,
    phase: Phase,
    others: tuple[Rows, NDArray[np.bool_]],
) -> Curve:
    """Screen the threshold's own criteria at some of the points."""
    rows, others_open = others
    some = points[np.unique(np.linspace(0, len(points) - 1, min(FEWER_POINTS, len(points))).round().astype(int))]
    counts = np.zeros((2, len(some)), dtype=np.int64)
    for these, columns in read(facts_of(catalogue, own), rows):
        evaluation = Evaluation(catalogue, own, phase, columns, len(these))
        for place, point in enumerate(some):
            fails, open_ = evaluation.at(parameter, float(point))
            open_ = (open_ | others_open[these]) & ~fails
            counts[:, place] += (int((~fails & ~open_).sum()), int(open_.sum()))
    return Curve(parameter, some, counts[0], counts[1], every_point=False)
