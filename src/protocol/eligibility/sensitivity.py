"""Sensitivity of a cohort: to a threshold over its range, to other readings, and participants close to a threshold.

A threshold moves a verdict only where one of the comparisons it stands in changes its outcome. When these are linear
in the threshold, two evaluations give the value at which their sides are equal, for each participant. Between these
values nothing changes, and the criteria engine itself is asked once in every stretch between them.
"""

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.eligibility.cohort import Read
from protocol.eligibility.cohort_counts import CohortScreening, Flags, Places, Tally
from protocol.eligibility.conditions import comparisons, names_in, parse
from protocol.eligibility.criteria import Catalogue, Criterion, Parameter
from protocol.eligibility.fact_sources import Columns
from protocol.eligibility.logic import TOLERANCE, Logic, Value
from protocol.eligibility.verdicts import facts_behind, logic_of, names_behind, names_of, outcome
from protocol.records import Phase, ProtocolError
from protocol.translation import _

_Numbers = NDArray[np.float64]

# --- A threshold over its range ---


def concerned(catalogue: Catalogue, parameter: str) -> tuple[Criterion, ...]:
    """Return the criteria whose verdict a parameter can change."""
    return tuple(
        criterion for criterion in catalogue.criteria if parameter in names_behind(catalogue, names_of(criterion))
    )


def steps(parameter: Parameter, at_most: int = 400) -> _Numbers:
    """Return the values of a threshold's slider, and its present value among them."""
    if parameter.minimum is None or parameter.maximum is None or isinstance(parameter.value, str):
        raise ProtocolError(
            parameter.label, _("a reading and not a threshold"), _("the id of a parameter that is a number")
        )
    count = round((parameter.maximum - parameter.minimum) / (parameter.step or 0.1)) + 1
    points = np.linspace(parameter.minimum, parameter.maximum, int(min(max(count, 2), at_most)))
    return np.unique(np.round(np.append(points, float(parameter.value)), 9))


FEWER_POINTS = 25
"""At most so many points of a threshold that has to be screened value by value."""


@dataclass(frozen=True)
class Curve:
    """Participants by the value of one threshold.

    Attributes
    ----------
    parameter : str
    points : array of float, shape (points,)
        Ascending, in the parameter's unit.
    confirmed, possible : array of int, shape (points,)
        All known and passed; nothing failed and something unknown.
    every_point : bool
        Whether these are the points asked for. False when the threshold has to be screened value by value: then
        there are at most :data:`FEWER_POINTS`.
    """

    parameter: str
    points: _Numbers
    confirmed: NDArray[np.int64]
    possible: NDArray[np.int64]
    every_point: bool = True


def curve(
    catalogue: Catalogue,
    screening: CohortScreening,
    read: Read,
    parameter: str,
    points: _Numbers,
    phase: Phase,
    off: Collection[str] = (),
) -> Curve:
    """Count who is left at some values of a threshold, ascending; the other parameters are those of :func:`sweep`."""
    found = sweep(catalogue, screening, read, parameter, (points[0], points[-1]), phase, off)
    if found is not None:
        return found.at(points)
    some = points[np.unique(np.linspace(0, len(points) - 1, min(FEWER_POINTS, len(points))).round().astype(int))]
    counts = np.zeros((2, len(some)), dtype=np.int64)
    own, rows, others_unknown = _concerned(catalogue, screening, parameter, off)
    for these, columns in read(facts_behind(catalogue, *own), rows):
        evaluation = _Evaluation(catalogue, own, phase, columns, len(these))
        for place, point in enumerate(some):
            counts[:, place] += evaluation.left(parameter, float(point), others_unknown[these]).sum(axis=1)
    return Curve(parameter, some, counts[0], counts[1], every_point=False)


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
    more: tuple[_Numbers, _Numbers]
    fewer: tuple[_Numbers, _Numbers]

    def at(self, points: _Numbers) -> Curve:
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
    phase : str
        The phase of the screening.
    off : collection of str
        Criteria switched off.

    Returns
    -------
    Sweep or None
        None when a comparison is not linear in the threshold.
    """
    own, rows, others_unknown = _concerned(catalogue, screening, parameter, off)
    compared = _comparisons(catalogue, own, parameter)
    if not all(_is_linear(comparison, parameter) for comparison in compared):
        return None
    first = np.zeros(2, dtype=np.int64)
    more, fewer = ([[np.empty(0)], [np.empty(0)]] for _direction in range(2))
    for these, columns in read(facts_behind(catalogue, *own), rows):
        evaluation = _Evaluation(catalogue, own, phase, columns, len(these))
        before = None
        for begin, middle in _stretches(evaluation, compared, parameter, ends):
            now = evaluation.left(parameter, middle, others_unknown[these])
            if before is None:
                first += now.sum(axis=1)
            else:
                for kind in range(2):
                    more[kind].append(begin[now[kind] & ~before[kind]])
                    fewer[kind].append(begin[before[kind] & ~now[kind]])
            before = now
    return Sweep(parameter, (int(first[0]), int(first[1])), _ascending(*more), _ascending(*fewer))


def _ascending(confirmed: list[_Numbers], possible: list[_Numbers]) -> tuple[_Numbers, _Numbers]:
    return np.sort(np.concatenate(confirmed)), np.sort(np.concatenate(possible))


def _concerned(
    catalogue: Catalogue, screening: CohortScreening, parameter: str, off: Collection[str]
) -> tuple[tuple[Criterion, ...], Places, Flags]:
    """The criteria a threshold can move; the rows no other criterion excludes; for which rows another is unknown."""
    on = {c.id for c in screening.criteria if c.id not in off and c.mirrors not in off}
    own = tuple(criterion for criterion in concerned(catalogue, parameter) if criterion.id in on)
    rest = on - {criterion.id for criterion in own}
    return own, np.flatnonzero(~screening.having("excludes", rest)), screening.having("unknown", rest)


_MARGIN = 1e-6
"""How far beyond its ends a range is followed, so that an end, too, lies inside a stretch."""


def _stretches(
    evaluation: "_Evaluation", compared: Sequence["_Comparison"], parameter: str, ends: tuple[float, float]
) -> Iterator[tuple[_Numbers, _Numbers]]:
    """Cut each participant's range where a comparison can change: the beginning and the middle of each stretch.

    Where both sides count as equal is a stretch of its own.
    """
    low, high = ends[0] - _MARGIN, ends[1] + _MARGIN
    crossings = [found for one in compared if (found := evaluation.crossing(one, parameter, low, high)) is not None]
    edges = [found.value + side * found.slack for found in crossings for side in (-1, 1)]
    bounds = [np.full(evaluation.size, low), *edges, np.full(evaluation.size, high)]
    for begin, end in pairwise(np.sort(np.clip(bounds, low, high), axis=0)):
        yield begin, (begin + end) / 2


# --- Other readings ---

Screen = Callable[[dict[str, str]], CohortScreening]
"""Screens the same cohort with some readings changed, everything else as it is."""


class Reading(NamedTuple):
    """One other reading of one ambiguity."""

    parameter: Parameter
    option: str


def other_readings(parameters: Iterable[Parameter]) -> list[Reading]:
    """Return every reading that is not the present one."""
    return [Reading(p, option) for p in parameters if p.options for option in p.options if option != p.value]


def tornado(
    screen: Screen, readings: Iterable[Reading], off: Collection[str] = ()
) -> Iterator[tuple[pd.DataFrame, float]]:
    """Try the readings one at a time; yields the table so far and the part that is done, so that it can be stopped.

    Parameters
    ----------
    screen : callable
        Takes the changed readings by parameter id.
    readings : iterable of Reading
    off : collection of str
        Criteria switched off.

    Yields
    ------
    pandas.DataFrame
        ambiguity (register id or None), parameter, option; confirmed, possible (participants); confirmed_change,
        possible_change, eligible_change (against the present reading; eligible is confirmed or possible); decided
        (participants whose answer changes), by_ambiguity (participants whose answer changes under any of the
        ambiguity's readings tried so far).
    float
        0 to 1.
    """
    readings, rows = list(readings), list[dict[str, object]]()
    present = screen({}).tally(off)
    changed: dict[str, Flags] = {}
    for done, (parameter, option) in enumerate(readings, start=1):
        tally = screen({parameter.id: option}).tally(off)
        moved = present.answers != tally.answers
        key = parameter.ambiguity or parameter.id
        changed[key] = changed.get(key, moved) | moved
        confirmed, possible = (tally.totals[name] - present.totals[name] for name in ("confirmed", "possible"))
        rows.append(
            {
                "ambiguity": parameter.ambiguity,
                "parameter": parameter.id,
                "option": option,
                "key": key,
                "decided": int(moved.sum()),
                "confirmed": tally.totals["confirmed"],
                "possible": tally.totals["possible"],
                "confirmed_change": confirmed,
                "possible_change": possible,
                "eligible_change": confirmed + possible,
            }
        )
        frame = pd.DataFrame(rows)
        decided = {key: int(who.sum()) for key, who in changed.items()}
        yield frame.assign(by_ambiguity=frame["key"].map(decided)).drop(columns="key"), done / len(readings)


# --- Participants close to a threshold ---

_COLUMNS = ["participant", "criterion", "parameter", "threshold", "needed", "distance", "open"]


def near_misses(
    catalogue: Catalogue, tally: Tally, read: Read, phase: Phase, only: str | None = None
) -> pd.DataFrame:
    """List those who fail exactly one criterion, by how far its threshold would have to move.

    Parameters
    ----------
    catalogue : Catalogue
        With the parameters of the screening.
    tally : Tally
        Of the screening; says which criteria are on.
    read : callable
        Gives the facts of some rows.
    phase : str
    only : str, optional
        The criterion that excludes; every one that is on when left out.

    Returns
    -------
    pandas.DataFrame
        participant (row, from 0), criterion, parameter (id; None where no single threshold decides within its range),
        threshold (its present value), needed (at which the criterion no longer fails), distance (in units of the
        threshold: 0.1 is a tenth of it; where the threshold is 0, in its unit), open (other criteria that are
        unknown).
    """
    pieces = [
        piece.assign(open=tally.count_unknown(piece["participant"].to_numpy()))
        for criterion in catalogue.criteria
        if criterion.id in tally.on and only in (None, criterion.id)
        for piece in _near_misses_of(catalogue, criterion, tally.only_reason(criterion.id), read, phase)
    ]
    found = pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame(columns=_COLUMNS)
    found = found.sort_values(["distance", "participant"], kind="stable", na_position="last", ignore_index=True)
    return found[_COLUMNS]


def _near_misses_of(
    catalogue: Catalogue, criterion: Criterion, rows: Places, read: Read, phase: Phase
) -> Iterator[pd.DataFrame]:
    named = names_of(criterion)
    thresholds = [p for p in catalogue.parameters if p.id in named and not p.options]
    for these, columns in read(facts_behind(catalogue, criterion), rows) if len(rows) else ():
        evaluation = _Evaluation(catalogue, [criterion], phase, columns, len(these))
        frame = pd.DataFrame({"participant": these, "criterion": criterion.id, "parameter": None})
        frame = frame.assign(threshold=np.nan, needed=np.nan, distance=np.inf).astype({"parameter": object})
        for parameter in thresholds:
            needed, distance = _needed(catalogue, evaluation, criterion, parameter)
            nearer = distance < frame["distance"].to_numpy()
            frame.loc[nearer, ["parameter", "threshold"]] = parameter.id, float(parameter.value)
            frame.loc[nearer, "needed"], frame.loc[nearer, "distance"] = needed[nearer], distance[nearer]
        yield frame.replace({"distance": {np.inf: np.nan}})


def _needed(
    catalogue: Catalogue, evaluation: "_Evaluation", criterion: Criterion, parameter: Parameter
) -> tuple[_Numbers, _Numbers]:
    """The nearest value of a threshold at which a criterion no longer fails, and how far it lies from the present."""
    present, low, high = float(parameter.value), float(parameter.minimum or 0.0), float(parameter.maximum or 1.0)
    needed, distance = np.full(evaluation.size, np.nan), np.full(evaluation.size, np.inf)
    for comparison in _comparisons(catalogue, [criterion], parameter.id):
        if not _is_linear(comparison, parameter.id):
            continue
        crossing = evaluation.crossing(comparison, parameter.id, low, high)
        if crossing is None:
            continue
        value = np.where(np.isfinite(crossing.value), crossing.value, present)
        for side in (0.0, -1.0, 1.0):
            tried = value + side * (parameter.step or 0.1)
            settable = np.isclose(tried, np.clip(tried, low, high), rtol=0, atol=1e-9)
            passes = settable & ~evaluation.at(parameter.id, tried)[0]
            away = abs(tried - present) / (abs(present) or 1.0)
            nearer = passes & (away < distance)
            needed, distance = np.where(nearer, tried, needed), np.where(nearer, away, distance)
    return needed, distance


# --- Criteria at other values of a threshold ---

_Comparison = tuple[ast.expr, ast.expr]
"""Two sides of a comparison in which a threshold stands."""


class _Crossing(NamedTuple):
    """The threshold at which both sides are equal (infinite: never), and how far around it they count as equal."""

    value: _Numbers
    slack: _Numbers


_NEXT_TO_NOTHING = 1e-9
"""Far below the steps of any threshold: a crossing at 0 has no relative tolerance, and needs a stretch as well."""


class _Evaluation:
    """Some criteria for some participants, at any value of a threshold, one value for all or one for each.

    Parameters
    ----------
    catalogue : Catalogue
        With the parameters as they stand.
    criteria : sequence of Criterion
    phase : str
    columns : mapping of str to Value
        The facts, each an array of shape (participants,).
    size : int
        The number of participants.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        criteria: Sequence[Criterion],
        phase: Phase,
        columns: Mapping[str, Value],
        size: int,
    ) -> None:
        self.catalogue, self.criteria, self.phase = catalogue, criteria, phase
        self.columns, self.size = Columns(columns), size

    def _logic(self, parameter: str, value: Any) -> Logic:
        return logic_of(self.catalogue, self.columns, {parameter: SimpleNamespace(value=value)})

    def at(self, parameter: str, value: Any) -> tuple[Flags, Flags]:
        """Return who fails one of the criteria, and for whom one of them is unknown."""
        logic, fails, unknown = self._logic(parameter, value), np.zeros(self.size, bool), np.zeros(self.size, bool)
        for criterion in self.criteria:
            found = outcome(logic, criterion, self.phase)
            fails |= found.fails
            unknown |= found.unknown
        return fails, unknown

    def left(self, parameter: str, value: Any, others_unknown: Flags) -> Flags:
        """Return who is confirmed and who is possible, where other criteria may be unknown: shape (2, size)."""
        fails, unknown = self.at(parameter, value)
        unknown |= others_unknown
        return np.stack([~fails & ~unknown, ~fails & unknown])

    def crossing(self, comparison: _Comparison, parameter: str, low: float, high: float) -> _Crossing | None:
        """Find for each participant where a comparison changes; None when it never does."""
        sides = [
            np.broadcast_to(np.asarray(data, dtype=np.float64), self.size)
            for value in (low, high)
            for node in comparison
            if (data := self._logic(parameter, value).value(node).data) is not None
        ]
        if len(sides) < 4:
            return None  # a side is unknown for everybody
        left, right, left_high, right_high = sides
        with np.errstate(all="ignore"):
            slope = ((left_high - right_high) - (left - right)) / (high - low)
            value = low - (left - right) / slope
            there = right + (right_high - right) * (value - low) / (high - low)
            slack = TOLERANCE * abs(there) / abs(slope)
        value, slack = np.where(abs(value) < _NEXT_TO_NOTHING, 0.0, value), np.maximum(slack, _NEXT_TO_NOTHING)
        known = np.isfinite(value) & np.isfinite(slack)
        return _Crossing(np.where(known, value, np.inf), np.where(known, slack, 0.0))


def _comparisons(catalogue: Catalogue, criteria: Iterable[Criterion], parameter: str) -> list[_Comparison]:
    """Return the comparisons a threshold stands in, those on the age of a measurement included."""
    criteria = tuple(criteria)
    texts = [text for criterion in criteria for text in criterion.conditions()]
    texts += [
        f"days_between({fact.dated_by}, {catalogue.roles.enrolment_day}) > {parameter}"
        for fact in facts_behind(catalogue, *criteria).values()
        if fact.valid_days == parameter and catalogue.roles.enrolment_day
    ]
    found = {
        (ast.unparse(left), ast.unparse(right)): (left, right)
        for text in texts
        for left, right in comparisons(parse(text))
        if parameter in names_in(left) + names_in(right)
    }
    return list(found.values())


def _is_linear(comparison: _Comparison, parameter: str) -> bool:
    """Whether both sides are linear in a threshold."""
    return all(_degree(side, parameter) <= 1 for side in comparison)


def _degree(node: ast.expr, parameter: str) -> int:
    """The highest power of a threshold; 2 stands for anything beyond linear."""
    match node:
        case ast.Name(id=name):
            return int(name == parameter)
        case ast.UnaryOp(operand=operand):
            return _degree(operand, parameter)
        case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=right):
            return max(_degree(left, parameter), _degree(right, parameter))
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            return min(_degree(left, parameter) + _degree(right, parameter), 2)
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            return 2 if _degree(right, parameter) else _degree(left, parameter)
    return 2 if parameter in names_in(node) else 0
