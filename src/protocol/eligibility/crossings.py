"""At which value of a threshold a participant's verdict changes: exactly, without screening at every value.

A threshold moves a verdict only where one of the comparisons it stands in changes its outcome. When these are linear
in the threshold, two evaluations give the value at which their sides are equal, for each participant. Between these
values nothing changes, and the criteria engine itself is asked once in every stretch between them.
"""

import ast
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.conditions import names_in, parse
from protocol.eligibility.criteria import RECENCY_ANCHOR, Catalogue, Criterion, Fact
from protocol.eligibility.leaves import Columns
from protocol.eligibility.logic import TOLERANCE, Logic, Value, both, opposite
from protocol.eligibility.screening import blocked, in_phase, rails_of
from protocol.records import Phase

NEXT_TO_NOTHING = 1e-9
"""Far below the steps of any threshold: a crossing at 0 has no relative tolerance, and needs a stretch as well."""
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Comparison(NamedTuple):
    """Two sides of a comparison in which a threshold stands."""

    left: ast.expr
    right: ast.expr


class Crossing(NamedTuple):
    """The threshold at which both sides are equal (infinite: never), and how far around it they count as equal."""

    value: Numbers
    slack: Numbers


class Evaluation:
    """Some criteria for some participants, at any value of a threshold, one value for all or one for each.

    Parameters
    ----------
    catalogue : Catalogue
        With the parameters as they stand.
    criteria : sequence of Criterion
    phase : {"Ib", "II"}
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
        self.criteria, self.phase, self.columns, self.size = criteria, phase, columns, size
        self.facts = {fact.id: fact for fact in catalogue.facts}
        self.parameters: dict[str, Any] = {parameter.id: parameter for parameter in catalogue.parameters}

    def logic(self, parameter: str, value: Any) -> Logic:
        """Return the logic with one parameter at another value."""
        changed = self.parameters | {parameter: SimpleNamespace(value=value)}
        return Logic(self.facts, changed, Columns(self.columns))

    def at(self, parameter: str, value: Any) -> tuple[Flags, Flags]:
        """Return who fails one of the criteria, and for whom (without a failure) one of them is unknown."""
        logic, fails, open_ = self.logic(parameter, value), np.zeros(self.size, bool), np.zeros(self.size, bool)
        for criterion in self.criteria:
            failed, clear = settled(logic, criterion, self.phase)
            fails |= np.asarray(failed)
            open_ |= ~(np.asarray(failed) | np.asarray(clear))
        return fails, open_ & ~fails

    def crossing(self, comparison: Comparison, parameter: str, low: float, high: float) -> Crossing | None:
        """Find for each participant where a comparison changes; None when it never does."""
        sides = [
            np.broadcast_to(np.asarray(data, dtype=np.float64), self.size)
            for value in (low, high)
            for node in comparison
            if (data := self.logic(parameter, value).value(node).data) is not None
        ]
        if len(sides) < 4:
            return None  # a side that nobody's facts give
        left, right, left_high, right_high = sides
        with np.errstate(all="ignore"):
            slope = ((left_high - right_high) - (left - right)) / (high - low)
            value = low - (left - right) / slope
            there = right + (right_high - right) * (value - low) / (high - low)
            slack = TOLERANCE * abs(there) / abs(slope)
        value, slack = np.where(abs(value) < NEXT_TO_NOTHING, 0.0, value), np.maximum(slack, NEXT_TO_NOTHING)
        known = np.isfinite(value) & np.isfinite(slack)
        return Crossing(np.where(known, value, np.inf), np.where(known, slack, 0.0))


def settled(logic: Logic, criterion: Criterion, phase: Phase) -> tuple[Any, Any]:
    """Who fails a criterion, and who is clear of it or outside it."""
    if not in_phase(criterion, phase):
        return False, True
    blocks = blocked(criterion, rails_of(logic, criterion, phase))
    if criterion.applies_if is None:
        return blocks.true, blocks.false
    applies = logic.condition(criterion.applies_if)
    fails = both(applies.true, blocks.true)
    clear = both(opposite(applies.false), blocks.false)
    return fails, np.asarray(clear) | np.asarray(applies.false)


def facts_of(catalogue: Catalogue, criteria: Iterable[Criterion]) -> dict[str, Fact]:
    """Return every fact that some criteria look at: named, derived from, or dating another."""
    return closure(
        catalogue, (name for criterion in criteria for text in criterion.conditions() for name in names_in(text))
    )


def closure(catalogue: Catalogue, names: Iterable[str]) -> dict[str, Fact]:
    """Return some facts with all they are derived from or dated by."""
    facts, found = {fact.id: fact for fact in catalogue.facts}, dict[str, Fact]()
    waiting = list(names)
    while waiting:
        fact = facts.get(waiting.pop())
        if fact is None or fact.id in found:
            continue
        found[fact.id] = fact
        waiting += names_in(fact.derived) if fact.derived else ()
        waiting += [fact.dated_by, RECENCY_ANCHOR] if fact.dated_by else []
    return found


def comparisons(catalogue: Catalogue, criteria: Iterable[Criterion], parameter: str) -> list[Comparison]:
    """Return the comparisons a threshold stands in, those on the age of a measurement included."""
    criteria = tuple(criteria)
    trees = [parse(text) for criterion in criteria for text in criterion.conditions()]
    trees += [
        parse(f"days_between({fact.dated_by}, {RECENCY_ANCHOR}) > {parameter}")
        for fact in facts_of(catalogue, criteria).values()
        if fact.valid_days == parameter
    ]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Compare)]
    found = {
        (ast.unparse(left), ast.unparse(right)): Comparison(left, right)
        for node in nodes
        for left, right in _pairs(node)
        if parameter in names_in(left) or parameter in names_in(right)
    }
    return list(found.values())


def _pairs(node: ast.Compare) -> Iterable[tuple[ast.expr, ast.expr]]:
    sides = [node.left, *node.comparators]
    for left, right in pairwise(sides):
        for member in right.elts if isinstance(right, ast.Tuple) else [right]:
            yield left, member


def is_linear(comparison: Comparison, parameter: str) -> bool:
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


def concerned(catalogue: Catalogue, parameter: str) -> tuple[Criterion, ...]:
    """Return the criteria whose verdict a parameter can change."""
    return tuple(
        criterion
        for criterion in catalogue.criteria
        if any(parameter in names_in(text) for text in criterion.conditions())
        or any(fact.valid_days == parameter for fact in facts_of(catalogue, [criterion]).values())
    )
