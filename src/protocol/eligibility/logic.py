"""Three-valued logic: each condition is evaluated to (known true, known false), for one participant or for a column.

A condition becomes two booleans that are never missing themselves: *known to be true* and *known to be false*; if
neither holds, it is unknown. The missing values of a data frame are never consulted, so NaN, null and an absent
column all mean the same. Values are plain Python for one participant and NumPy arrays for many; Python's operators
serve both. The source of the facts decides how flags (whether something is known, whether something is true) are
kept.

Source of the logic: Kleene, Introduction to Metamathematics, 1952, section 64 (strong three-valued connectives).
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache, reduce
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np

from protocol.eligibility.conditions import parse, text_of
from protocol.eligibility.criteria import Fact, Parameter


class Known(NamedTuple):
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


TOLERANCE = 1e-9
"""Relative; 1.5 x 1.2 is 1.7999999999999998 in binary and must still admit 1.8."""


def _finite(function: Callable[..., Any], values: list[Any], known: Any, flags: Callable[[Any], Any]) -> Value:
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
        return opposite(holds(_CONTRARY[type(op)], left, right))
    if isinstance(op, ast.Eq):
        return _near(left, right) if is_number(left) else left == right
    if not is_number(right):
        return left <= right if isinstance(op, ast.LtE) else left >= right
    slack = TOLERANCE * abs(right)
    if isinstance(left, np.ndarray) and left.dtype.kind == "i" and isinstance(right, (int, float)):
        return left <= math.floor(right + slack) if isinstance(op, ast.LtE) else left >= math.ceil(right - slack)
    return left <= right + slack if isinstance(op, ast.LtE) else left >= right - slack


_CONTRARY = {ast.NotEq: ast.Eq(), ast.Gt: ast.LtE(), ast.Lt: ast.GtE()}


def _near(left: Any, right: Any) -> Any:
    return abs(left - right) <= TOLERANCE * abs(right)


def is_number(value: Any) -> bool:
    """Whether a value is a number, or a column of numbers."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "if"
    return isinstance(value, (int, float)) and not isinstance(value, bool)


OPERATIONS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}

_UNKNOWN = Known(False, False)

_CERTAIN = {True: Known(True, False), False: Known(False, True)}


class Leaves(Protocol):
    """Where facts come from and how dates are counted: the only difference between one participant and many.

    :mod:`protocol.eligibility.fact_sources` has both: ``Participant`` and ``Columns``.
    """

    unusable: Mapping[str, str]

    def fact(self, fact: Fact) -> Value:
        """Look up one fact."""

    def flags(self, outcome: Any) -> Any:
        """Return the outcome of a comparison as it keeps flags."""

    def unpacked(self, flags: Any) -> Any:
        """Return flags as plain booleans."""

    def days(self, earlier: Any, later: Any) -> Any:
        """Count the days from one date to another."""

    def months(self, earlier: Any, later: Any) -> Any:
        """Count complete calendar months; month ends clip."""

    def years(self, born: Any, on: Any) -> Any:
        """Count completed years; a birthday on 29 February falls on 1 March in other years."""


def all_of(conditions: list[Known]) -> Known:
    """Kleene's and."""
    true, false = True, False
    for one in conditions:
        true, false = both(true, one.true), either(false, one.false)
    return Known(true, false)


def any_of(conditions: list[Known]) -> Known:
    """Kleene's or."""
    true, false = False, True
    for one in conditions:
        true, false = either(true, one.true), both(false, one.false)
    return Known(true, false)


def negated(condition: Known) -> Known:
    """Kleene's not."""
    return Known(condition.false, condition.true)


class Logic:
    """Evaluates conditions on one source of facts with one set of parameters; each condition once.

    Parameters
    ----------
    facts : mapping of str to Fact
    parameters : mapping of str to Parameter
    leaves : Leaves
        Where the facts come from.
    enrolment_day : str, optional
        The fact with the day on which measurements must be recent; without it none is out of date.
    contradictions : mapping of str to str
        By fact, the condition under which its value cannot be right; it is unknown then.
    """

    def __init__(
        self,
        facts: Mapping[str, Fact],
        parameters: Mapping[str, Parameter],
        leaves: Leaves,
        enrolment_day: str | None = None,
        contradictions: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.facts, self.parameters, self.leaves, self.enrolment_day = facts, parameters, leaves, enrolment_day
        self.contradictions = contradictions
        self._facts: dict[str, Value] = {}
        self._conditions: dict[str, Known] = {}
        self._values: dict[str, Value] = {}

    def condition(self, node: ast.expr | str) -> Known:
        """Evaluate a condition."""
        text = node if isinstance(node, str) else text_of(node)
        found = self._conditions.get(text)
        if found is None:
            tree = parse(node) if isinstance(node, str) else node
            found = self._conditions[text] = _CONDITIONS[type(tree)](self, tree)
        return found

    def _combination(self, node: ast.BoolOp) -> Known:
        """Kleene's and, or. It stops at the first operand that decides: a false one for and, a true one for or."""
        needs_all = isinstance(node.op, ast.And)
        found = []
        for value in node.values:
            one = self.condition(value)
            if one[needs_all] is True:  # known false ends an and, known true an or
                return one
            found.append(one)
        return all_of(found) if needs_all else any_of(found)

    def _opposite(self, node: ast.UnaryOp) -> Known:
        return negated(self.condition(node.operand))

    def _comparison(self, node: ast.Compare) -> Known:
        if len(node.ops) == 1:
            return self._compare(node.ops[0], node.left, node.comparators[0])
        pairs = zip(node.ops, [node.left, *node.comparators], node.comparators, strict=False)
        return all_of([self._compare(op, one, two) for op, one, two in pairs])

    def _function(self, node: ast.Call) -> Known:
        argument, name = node.args[0], getattr(node.func, "id", "")
        if name == "ever":
            return self._flag(node)
        if name != "given":
            return Known(False, self.condition(argument).false)  # unclear, too_early: a grey zone is never true
        known = self.value(argument).known
        if known is False and isinstance(argument, ast.Name) and argument.id in self.leaves.unusable:
            return _UNKNOWN  # something was found, but nothing that can be used
        absent = opposite(known)
        if isinstance(argument, ast.Name):
            absent = both(absent, opposite(self.is_contradicted(argument.id)))
        return Known(known, absent)

    def _flag(self, node: ast.expr) -> Known:
        data, known = self.value(node)
        return _UNKNOWN if known is False else self._where(known, data)

    def _where(self, known: Any, outcome: Any) -> Known:
        """Take the outcome of a comparison where both of its sides are known."""
        if known is True and isinstance(outcome, bool):
            return _CERTAIN[outcome]
        flags = self.leaves.flags(outcome)
        return Known(both(known, flags), both(known, opposite(flags)))

    def value(self, node: ast.expr) -> Value:
        """Evaluate the side of a comparison."""
        text = node.id if isinstance(node, ast.Name) else text_of(node)
        found = self._values.get(text)
        if found is None:
            found = self._values[text] = self._computed(node)
        return found

    def _computed(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Name):  # most are
            limit = self.parameters.get(node.id)
            return self.fact(self.facts[node.id]) if limit is None else Value(limit.value, True)
        match node:
            case ast.Constant(value=value):
                return Value(value, True)
            case ast.UnaryOp(operand=operand):
                return self._apply(operator.neg, operand)
            case ast.BinOp(op=op, left=left, right=right):
                return self._apply(OPERATIONS[type(op)], left, right)
            case ast.Call(func=ast.Name(id="ever"), args=[ast.Name(id=name)]):
                return self.leaves.fact(self.facts[name])
            case ast.Call(func=ast.Name(id=function), args=arguments):
                count = {"days_between": self.leaves.days, "months_between": self.leaves.months}
                return self._apply(count.get(function, self.leaves.years), *arguments)
        raise TypeError(ast.dump(node))  # conditions.check has refused it before

    def fact(self, fact: Fact) -> Value:
        """Look up a fact; derive it when it is not given; drop it when its date is not valid or sources conflict."""
        if fact.id not in self._facts:
            self._facts[fact.id] = self._look_up(fact)
        return self._facts[fact.id]

    def _look_up(self, fact: Fact) -> Value:
        given = self.leaves.fact(fact)
        if fact.derived is not None:
            derived = self.value(parse(fact.derived))
            conflict = self._conflict(fact, given, derived)
            given = self._fill(given, self._plausible(fact, derived), conflict)
        if given.known is False:
            return given
        doubtful = either(self.is_out_of_date(fact), self.is_contradicted(fact.id))
        return Value(given.data, both(given.known, opposite(doubtful)))

    def is_out_of_date(self, fact: Fact) -> Any:
        """Whether the date of a measurement is known and too old at enrolment, or after it where it may not be."""
        if fact.dated_by is None or self.enrolment_day is None:
            return False
        condition = _out_of_date(fact.dated_by, self.enrolment_day, fact.valid_days, fact.may_follow_enrolment)
        return self.condition(condition).true

    def is_contradicted(self, name: str) -> Any:
        """Whether the value of a fact cannot be right beside what else is given."""
        if name not in self.contradictions:
            return False
        return self._as_given.condition(self.contradictions[name]).true

    @cached_property
    def _as_given(self) -> "Logic":
        """The same facts without any doubt about them: contradictions are looked for among these."""
        return Logic(self.facts, {}, self.leaves, None)

    def is_in_conflict(self, fact: Fact) -> Any:
        """Whether a fact does not fit what it can be derived from, or what else is given."""
        if fact.derived is None:
            return self.is_contradicted(fact.id)
        return self._conflict(fact, self.leaves.fact(fact), self.value(parse(fact.derived)))

    def _conflict(self, fact: Fact, given: Value, derived: Value) -> Any:
        known = both(given.known, derived.known)
        if known is False:
            return False
        rounding = fact.step or 0.0 if fact.type == "number" else 0.0
        apart = abs(given.data - derived.data) > rounding + TOLERANCE * abs(derived.data)
        return both(known, self.leaves.flags(apart))

    def _plausible(self, fact: Fact, derived: Value) -> Value:
        """Drop a derived number outside the fact's plausible range."""
        if derived.known is False or fact.minimum is None or fact.maximum is None:
            return derived
        within = both(derived.data >= fact.minimum, derived.data <= fact.maximum)
        return Value(derived.data, both(derived.known, self.leaves.flags(within)))

    def _fill(self, given: Value, derived: Value, conflict: Any) -> Value:
        """Take what is derived, which is not rounded, and else what is given; neither where they disagree."""
        agreed = Value(given.data, both(given.known, opposite(conflict)))
        wanted = both(derived.known, opposite(conflict))
        if wanted is False or agreed.known is False:
            return agreed if wanted is False else Value(derived.data, wanted)
        if wanted is True:
            return derived
        data = np.where(self.leaves.unpacked(wanted), derived.data, agreed.data)
        return Value(data, either(agreed.known, wanted))

    def _apply(self, function: Callable[..., Any], *nodes: ast.expr) -> Value:
        values, known = [], True
        for node in nodes:
            value = self.value(node)
            if value.known is False:
                return value
            values.append(value.data)
            known = both(known, value.known)
        return _finite(function, values, known, self.leaves.flags)

    def _compare(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Known:
        if isinstance(op, (ast.In, ast.NotIn)):
            found = self._membership(left, right.elts if isinstance(right, ast.Tuple) else [right])
            return found if isinstance(op, ast.In) else negated(found)
        one, two = self.value(left), self.value(right)
        known = both(one.known, two.known)
        if known is False:
            return _UNKNOWN
        return self._where(known, holds(op, one.data, two.data))

    def _membership(self, left: ast.expr, members: list[ast.expr]) -> Known:
        if not all(isinstance(member, ast.Constant) and isinstance(member.value, str) for member in members):
            return any_of([self._compare(ast.Eq(), left, member) for member in members])
        data, known = self.value(left)
        if known is False:
            return _UNKNOWN
        options = [member.value for member in members if isinstance(member, ast.Constant)]
        found = data in options if isinstance(data, str) else reduce(either, (data == option for option in options))
        return self._where(known, found)


@lru_cache(maxsize=1024)
def _out_of_date(dated_by: str, enrolment_day: str, valid_days: str | None, may_follow: bool) -> str:
    """Write when a measurement is too old; once, since a text made anew is looked up more slowly."""
    age = f"days_between({dated_by}, {enrolment_day})"
    return f"{age} > {valid_days}" + ("" if may_follow else f" or {age} < 0")


_CONDITIONS: dict[type[ast.expr], Callable[[Logic, Any], Known]] = {
    ast.BoolOp: Logic._combination,
    ast.UnaryOp: Logic._opposite,
    ast.Compare: Logic._comparison,
    ast.Call: Logic._function,
    ast.Constant: lambda _logic, node: Known(node.value, not node.value),
    ast.Name: Logic._flag,
}
