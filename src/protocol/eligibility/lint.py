"""Contradictions, repetitions, unit errors and rules that never apply, found in a readable eligibility record.

Two methods find them. Rules are tried on invented participants, who lie at, below and above every limit and are
judged under every reading. Comparisons are also read as text: their units and thresholds have to fit the facts.
"""

import ast
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from functools import cache
from itertools import combinations
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.conditions import check, comparisons, names_in, parse
from protocol.eligibility.criteria import Catalogue, Criterion, Fact, Parameter
from protocol.eligibility.fact_sources import Choices, Columns, ParticipantFacts
from protocol.eligibility.logic import Logic, Value, either
from protocol.eligibility.verdicts import facts_behind, in_phase, logic_of, names_of, outcome
from protocol.records import Phase

Kind = Literal[
    "contradiction",
    "duplicate",
    "implied",
    "declaration",
    "unreadable",
    "unknown name",
    "unused",
    "unit",
    "threshold",
    "unreachable",
]


class Issue(NamedTuple):
    """One thing to look at.

    Attributes
    ----------
    kind : str
        contradiction, duplicate, implied (and not declared), declaration (that does not hold), unreadable (no
        condition in the record's language), unknown name, unused, unit, threshold (outside the plausible range),
        unreachable.
    where : str
        The criteria, fact or parameter, by id.
    found : str
        What is wrong, as a sentence.
    """

    kind: Kind
    where: str
    found: str


def lint(record: Catalogue) -> tuple[Issue, ...]:
    """Look for what a reader of the record would want to know before using it.

    A rule on facts with more combinations than can be tried is passed over rather than judged on a sample, so what is
    found is certain for the values tried, and what is not found may still be there.

    Parameters
    ----------
    record : Catalogue
        Also one put together without the checks of reading, for example a draft.
    """
    unknown = (*_unreadable(record), *_unknown_names(record))
    broken = {issue.where for issue in unknown}
    gates = {"criteria": record.criteria, "infusion_criteria": record.infusion_criteria}
    sound = record.model_copy(
        update={name: tuple(c for c in rules if c.id not in broken) for name, rules in gates.items()}
    )
    checks = (_unused, _units, _thresholds, _unreachable, _alone, _in_pairs)
    return tuple(dict.fromkeys([*unknown, *(issue for check in checks for issue in check(sound))]))


def _rules(record: Catalogue) -> tuple[Criterion, ...]:
    """The criteria of both gates: enrolment, and each infusion."""
    return (*record.criteria, *record.infusion_criteria)


def _conditions(record: Catalogue) -> Iterator[tuple[Criterion, ast.expr]]:
    for criterion in _rules(record):
        for text in criterion.conditions():
            yield criterion, parse(text)


def _comparisons(record: Catalogue) -> Iterator[tuple[Criterion, ast.expr, ast.expr]]:
    for criterion, condition in _conditions(record):
        for left, right in comparisons(condition):
            yield criterion, left, right


# --- Names ---


def _unreadable(record: Catalogue) -> Iterator[Issue]:
    facts, parameters = ({one.id: one for one in kind} for kind in (record.facts, record.parameters))
    for criterion in _rules(record):
        for text in criterion.conditions():
            try:
                if set(names_in(text)) <= {*facts, *parameters}:  # otherwise an unknown name
                    check(text, facts, parameters)
            except ValueError as error:
                yield Issue("unreadable", criterion.id, str(error))


def _unknown_names(record: Catalogue) -> Iterator[Issue]:
    known = {fact.id for fact in record.facts} | {parameter.id for parameter in record.parameters}
    for criterion in _rules(record):
        names = dict.fromkeys(name for text in criterion.conditions() for name in _names_if_readable(text))
        if wrong := [name for name in names if name not in known]:
            yield Issue("unknown name", criterion.id, f"names {', '.join(wrong)}, which is no fact or parameter")
        if criterion.counted_with and criterion.counted_with not in record.counting:
            found = f"counts with {criterion.counted_with}, which is no criterion that counts by itself"
            yield Issue("unknown name", criterion.id, found)


def _names_if_readable(text: str) -> tuple[str, ...]:
    try:
        return names_in(text)
    except ValueError:
        return ()


def _unused(record: Catalogue) -> Iterator[Issue]:
    facts = facts_behind(record, *_rules(record))
    named = names_of(*_rules(record)).keys() | {fact.valid_days for fact in facts.values() if fact.valid_days}
    roles = {name for _role, name in record.roles}
    for fact in record.facts:
        if fact.id not in facts and fact.id not in roles:
            yield Issue("unused", fact.id, "is asked for and no criterion looks at it")
    for parameter in record.parameters:
        if parameter.id not in named:
            yield Issue("unused", parameter.id, "can be changed and no criterion looks at it")


# --- Units and thresholds ---


class _Unit(NamedTuple):
    """What a number is measured in.

    Attributes
    ----------
    dimension : str or None
        None fits everything: a plain number, or a threshold without a unit.
    scale : float or None
        In the dimension's base unit; None after multiplication with a plain number, which may be a conversion.
    """

    dimension: str | None
    scale: float | None


_ANY = _Unit(None, None)


def _units(record: Catalogue) -> Iterator[Issue]:
    for criterion, left, right in _comparisons(record):
        one, two = _unit(record, left), _unit(record, right)
        if one.dimension is None or two.dimension is None:
            continue
        if one.dimension != two.dimension:
            wrong = "compares what cannot be compared"
        elif one.scale is None or two.scale is None or abs(one.scale - two.scale) <= 1e-9 * abs(two.scale):
            continue
        else:
            wrong = "compares different units of the same quantity"
        yield Issue("unit", criterion.id, f"{wrong}: {ast.unparse(left)} and {ast.unparse(right)}")


_FUNCTION_UNITS = {"days_between": "d", "months_between": "mo", "completed_years": "a"}


def _unit(record: Catalogue, node: ast.expr) -> _Unit:
    match node:
        case ast.Name(id=name):
            return _unit_of_name(record, name)
        case ast.UnaryOp(operand=operand):
            return _unit(record, operand)
        case ast.Call(func=ast.Name(id="ever"), args=[argument]):
            return _unit(record, argument)
        case ast.Call(func=ast.Name(id=function)) if function in _FUNCTION_UNITS:
            return _ucum(_FUNCTION_UNITS[function])
        case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=right):
            return max(_unit(record, left), _unit(record, right), key=lambda found: found.dimension or "")
        case ast.BinOp(op=ast.Mult() | ast.Div(), left=left, right=right):
            dimensions = _unit(record, left).dimension, _unit(record, right).dimension
            # A number with a unit times a plain one keeps its dimension; two with units are not followed further.
            return _ANY if all(dimensions) else _Unit(dimensions[0] or dimensions[1], None)
    return _ANY


_SPOKEN = {"years": "a", "months": "mo", "days": "d", "hours": "h", "%": "%"}
"""Unit labels of thresholds, which have no UCUM code of their own."""


def _unit_of_name(record: Catalogue, name: str) -> _Unit:
    facts = {fact.id: fact for fact in record.facts if fact.is_number}
    if name in facts:
        return _ucum(facts[name].unit or "1")
    label = next((p.unit_label for p in record.parameters if p.id == name), "")
    codes = {fact.unit_label: fact.unit for fact in facts.values() if fact.unit_label and fact.unit} | _SPOKEN
    return _ucum(codes.get(label) or "1")


@cache
def _ucum(code: str) -> _Unit:
    """Return the dimension and scale of a UCUM unit; counts and scores fit everything."""
    if code in ("1", "{score}"):
        return _ANY
    quantity = _registry().from_ucum(code)
    powers = sorted(quantity.dimensionality.items())
    dimension = " ".join(f"{name}^{float(power):g}" for name, power in powers)
    return _Unit(dimension, float(quantity.to_base_units().magnitude))


@cache
def _registry() -> Any:
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()


def _thresholds(record: Catalogue) -> Iterator[Issue]:
    facts = {fact.id: fact for fact in record.facts if fact.is_number}
    for criterion, *sides in _comparisons(record):
        for one, two in (sides, sides[::-1]):
            if not (isinstance(one, ast.Name) and one.id in facts and isinstance(two, (ast.Name, ast.Constant))):
                continue
            fact = facts[one.id]
            for number in _numbers_in(record, two):
                if not fact.is_plausible(number):
                    span = f"{fact.minimum:g} to {fact.maximum:g}"
                    yield Issue("threshold", criterion.id, f"{number:g} lies outside {span}, the range of {fact.id}")


def _numbers_in(record: Catalogue, node: ast.expr) -> Iterator[float]:
    """The numbers of an expression, written there or standing behind a threshold's name."""
    thresholds = {p.id: p.value for p in record.parameters if not _is_reading(p)}
    for part in ast.walk(node):
        match part:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                yield float(number)
            case ast.Name(id=name) if name in thresholds:
                yield float(thresholds[name])


# --- Rules tried on invented participants ---


def _unreachable(record: Catalogue) -> Iterator[Issue]:
    """Alternatives that no participant and no reading can make true."""
    for criterion, condition in _conditions(record):
        nodes = (node for node in ast.walk(condition) if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or))
        for branch in (value for node in nodes for value in node.values):
            tried = _probes(record, names_in(branch))
            if tried.complete and np.all(tried.logic.condition(branch).false):
                yield Issue("unreachable", criterion.id, f"nobody can be {ast.unparse(branch)}")


def _alone(record: Catalogue) -> Iterator[Issue]:
    """Criteria that every participant fails, or that no participant can fail although the record does not say so."""
    for criterion in _rules(record):
        tried = _probes(record, names_of(criterion))
        for phase in (phase for phase in record.phases if tried.complete and in_phase(criterion, phase)):
            fails, clear = tried.judged(criterion, phase)
            if fails.any() and not clear.any():
                yield Issue("contradiction", criterion.id, "nobody can meet it")
            if not fails.any() and criterion.cannot_fail is None:
                yield Issue("unreachable", criterion.id, "nobody can fail it")


def _in_pairs(record: Catalogue) -> Iterator[Issue]:
    facts = {fact.id for fact in record.facts}
    pairs = [pair for gate in (record.criteria, record.infusion_criteria) for pair in combinations(gate, 2)]
    for one, two in pairs:
        shared = names_of(one).keys() & names_of(two).keys() & facts
        phases = [phase for phase in record.phases if in_phase(one, phase) and in_phase(two, phase)]
        if not shared or not phases:
            continue
        tried = _probes(record, names_of(one, two))
        for phase in phases if tried.complete else []:
            yield from _compared(one, two, tried.judged(one, phase), tried.judged(two, phase))


def _compared(one: Criterion, two: Criterion, first: tuple[Any, Any], second: tuple[Any, Any]) -> Iterator[Issue]:
    (fails, clear), (fails_too, clear_too) = first, second
    where = f"{one.id}, {two.id}"
    if clear.any() and clear_too.any() and not (clear & clear_too).any():
        yield Issue("contradiction", where, "nobody can meet both")
        return
    forward, backward = not (fails & ~fails_too).any(), not (fails_too & ~fails).any()
    if one.id in (two.mirrors, two.implied_by) or two.id in (one.mirrors, one.implied_by):
        yield from _declared(one, two, forward, backward)
    elif not (fails.any() and fails_too.any()):
        return
    elif forward and backward:
        yield Issue("duplicate", where, "exclude the same participants; write mirrors in the later one")
    elif forward or backward:
        implied, by = (one, two) if forward else (two, one)
        yield Issue("implied", where, f"all who fail {implied.id} fail {by.id}; write implied_by in {implied.id}")


def _declared(one: Criterion, two: Criterion, forward: bool, backward: bool) -> Iterator[Issue]:
    for criterion, other, holds in ((one, two, forward), (two, one, backward)):
        if criterion.mirrors == other.id and not (forward and backward):
            yield Issue("declaration", criterion.id, f"mirrors {other.id}, but they exclude different participants")
        if criterion.implied_by == other.id and not holds:
            yield Issue("declaration", criterion.id, f"is implied by {other.id}, which lets some of its cases pass")


class _Probes(NamedTuple):
    """Invented participants, and the readings each is judged under.

    Attributes
    ----------
    logic : Logic
        Evaluates a condition to arrays of shape (size,).
    size : int
    complete : bool
        Whether every combination of the values tried is there.
    """

    logic: Logic
    size: int
    complete: bool

    def judged(self, criterion: Criterion, phase: Phase) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which of the invented participants fail a criterion, and which are clear of it or outside it."""
        found = outcome(self.logic, criterion, phase)
        clear = either(found.clear, found.not_applicable)
        return np.broadcast_to(np.asarray(found.fails), self.size), np.broadcast_to(np.asarray(clear), self.size)


_MOST = 20_000
"""Beyond this many combinations some are drawn instead of all tried."""


def _probes(record: Catalogue, names: Collection[str]) -> _Probes:
    """Combine the values worth trying of some facts and readings; every other reading stays as it is."""
    facts = {fact.id: fact for fact in record.facts}
    readings: dict[str, list[Any]] = {
        p.id: [*p.options] or [False, True] for p in record.parameters if _is_reading(p)
    }
    used = sorted(set(names) & {*facts, *readings})
    values = {name: _values(record, facts[name]) if name in facts else readings[name] for name in used}
    lengths = [len(values[name]) for name in used]
    size = int(np.prod(lengths, dtype=np.float64))
    complete = size <= _MOST
    if complete:
        places = [place.ravel() for place in np.indices(lengths)]
    else:
        random, size = np.random.default_rng(0), _MOST
        places = [random.integers(0, length, size) for length in lengths]
    columns, changed = dict[str, Value](), dict[str, Any]()
    for name, place in zip(used, places, strict=True):
        if name in facts:
            columns[name] = _column(facts[name], values[name], place)
        else:
            changed[name] = SimpleNamespace(value=np.array(values[name])[place])
    return _Probes(logic_of(record, Columns(columns), changed), size, complete)


def _is_reading(parameter: Parameter) -> bool:
    return bool(parameter.options) or isinstance(parameter.value, bool)


_DAY = date(2026, 3, 1)
"""The day to which every span of time is counted, whichever it is."""

_MISSING = None


def _column(fact: Fact, values: list[Any], places: NDArray[np.intp]) -> Value:
    known = np.array([value is not _MISSING for value in values])[places]
    if fact.type == "choice":
        options = list(fact.options)
        positions = np.array([0 if value is _MISSING else options.index(value) for value in values])
        return Value(Choices(positions[places], options), known)
    kinds: dict[str, tuple[Any, Any]] = {"date": (_DAY, "datetime64[D]"), "yes_no": (False, bool)}
    stand_in, kind = kinds.get(fact.type, (np.nan, np.float64))
    return Value(np.array([stand_in if value is _MISSING else value for value in values], dtype=kind)[places], known)


def _values(record: Catalogue, fact: Fact) -> list[Any]:
    """The values of a fact worth trying; missing where a rule asks whether it is given."""
    calls = (
        node
        for _criterion, condition in _conditions(record)
        for node in ast.walk(condition)
        if isinstance(node, ast.Call) and _function(node) == "given"
    )
    asked = any(fact.id in names_in(node) for node in calls)
    return [*_known_values(record, fact), *([_MISSING] if asked else [])]


def _known_values(record: Catalogue, fact: Fact) -> list[Any]:
    if fact.type == "yes_no":
        return [False, True]
    if fact.type == "choice":
        return list(fact.options)
    if fact.type == "date":
        return [_DAY - timedelta(days=days) for days in sorted({0, *_offsets(record, fact)})]
    if fact.minimum is None or fact.maximum is None:
        return []
    step = 1.0 if fact.type == "whole" else fact.step or 0.1
    limits = {round(limit) if fact.type == "whole" else limit for limit in _limits(record, fact)}
    near = {limit + side * step for limit in limits for side in (-1, 0, 1)}
    return sorted({fact.minimum, fact.maximum} | {v for v in near if fact.minimum <= v <= fact.maximum})


def _function(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


_DAYS_IN = {"days_between": 1.0, "months_between": 30.44, "completed_years": 365.25}


def _offsets(record: Catalogue, fact: Fact) -> Iterator[int]:
    """Days before the common day at which a rule on this date can change."""
    for _criterion, *sides in _comparisons(record):
        for call in (part for side in sides for part in ast.walk(side) if isinstance(part, ast.Call)):
            function, first = _function(call), call.args[0]
            if function not in _DAYS_IN or not isinstance(first, ast.Name) or first.id != fact.id:
                continue
            width = 1 if function == "days_between" else 32
            for number in (number for side in sides for number in _numbers_in(record, side)):
                days = round(number * _DAYS_IN[function])
                yield from (days - width, days, days + width)


def _limits(record: Catalogue, fact: Fact) -> Iterator[float]:
    """Where a comparison of this number changes, everything else in it in the middle of its range."""
    plain = {f.id: f.model_copy(update={"derived": None, "dated_by": None}) for f in record.facts}
    parameters = {parameter.id: parameter for parameter in record.parameters}
    others = {
        f.id: (f.minimum + f.maximum) / 2 for f in record.facts if f.minimum is not None and f.maximum is not None
    }
    at_1, at_2 = (Logic(plain, parameters, ParticipantFacts(others | {fact.id: value})) for value in (1.0, 2.0))
    for _criterion, left, right in _comparisons(record):
        if fact.id in names_in(left) + names_in(right):
            first, second = _difference(at_1, left, right), _difference(at_2, left, right)
            if first is not None and second is not None and first != second:
                yield 1.0 - first / (second - first)


def _difference(logic: Logic, left: ast.expr, right: ast.expr) -> float | None:
    one, two = logic.value(left), logic.value(right)
    return float(one.data) - float(two.data) if one.known and two.known else None
