"""Contradictions, repetitions, unit errors and rules that never apply, found in a readable eligibility record."""

import ast
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date, timedelta
from functools import cache
from itertools import combinations, pairwise
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.conditions import check, names_in, parse
from protocol.eligibility.criteria import Catalogue, Criterion, Fact, Parameter
from protocol.eligibility.fact_sources import Choices, Columns, Participant
from protocol.eligibility.logic import Logic, Value, either
from protocol.eligibility.verdicts import facts_behind, in_phase, logic_of, names_of, outcome
from protocol.records import Phase

_FUNCTION_UNITS = {"days_between": "d", "months_between": "mo", "completed_years": "a"}

_SPOKEN = {"years": "a", "months": "mo", "days": "d", "hours": "h", "%": "%"}
"""Unit labels of thresholds, which have no UCUM code of their own."""

_COUNTS = {"1", "{score}"}


class Unit(NamedTuple):
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


_ANY = Unit(None, None)


@cache
def _ucum(code: str) -> Unit:
    """Return the dimension and scale of a UCUM unit; counts and scores fit everything."""
    if code in _COUNTS:
        return _ANY
    quantity = _registry().from_ucum(code)
    base = (1 * quantity).to_base_units() if not hasattr(quantity, "to_base_units") else quantity.to_base_units()
    return Unit(
        " ".join(f"{name}^{float(power):g}" for name, power in sorted(quantity.dimensionality.items())),
        float(base.magnitude),
    )


@cache
def _registry() -> Any:
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()


def _mismatch(catalogue: Catalogue, left: ast.expr, right: ast.expr) -> str | None:
    """Say how the units of two sides differ: "dimension", "scale", or not at all."""
    one, two = _unit(catalogue, left), _unit(catalogue, right)
    if one.dimension is None or two.dimension is None:
        return None
    if one.dimension != two.dimension:
        return "dimension"
    if one.scale is None or two.scale is None or abs(one.scale - two.scale) <= 1e-9 * abs(two.scale):
        return None
    return "scale"


def _unit(catalogue: Catalogue, node: ast.expr) -> Unit:
    match node:
        case ast.Name(id=name):
            return _named(catalogue, name)
        case ast.UnaryOp(operand=operand):
            return _unit(catalogue, operand)
        case ast.Call(func=ast.Name(id="ever"), args=[argument]):
            return _unit(catalogue, argument)
        case ast.Call(func=ast.Name(id=function)) if function in _FUNCTION_UNITS:
            return _ucum(_FUNCTION_UNITS[function])
        case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=right):
            return max(_unit(catalogue, left), _unit(catalogue, right), key=lambda found: found.dimension or "")
        case ast.BinOp(op=ast.Mult() | ast.Div(), left=left, right=right):
            return _product(_unit(catalogue, left), _unit(catalogue, right))
    return _ANY


def _product(one: Unit, two: Unit) -> Unit:
    """A number with a unit times a plain one keeps its dimension; two with units are not followed further."""
    if one.dimension is None or two.dimension is None:
        return Unit(one.dimension or two.dimension, None)
    return _ANY


def _named(catalogue: Catalogue, name: str) -> Unit:
    facts = {fact.id: fact for fact in catalogue.facts if fact.is_number}
    if name in facts:
        return _ucum(facts[name].unit or "1")
    label = next((p.unit_label for p in catalogue.parameters if p.id == name), "")
    codes = {fact.unit_label: fact.unit for fact in facts.values() if fact.unit_label and fact.unit} | _SPOKEN
    return _ucum(codes[label] or "1") if label in codes else _ANY


_MOST = 20_000
"""Beyond this many combinations some are drawn instead of all tried."""

_DAY = date(2026, 3, 1)

_DAYS_IN = {"days_between": 1.0, "months_between": 30.44, "completed_years": 365.25}

_MISSING = None


class _Probes(NamedTuple):
    """Invented participants, and the readings each is judged under.

    Attributes
    ----------
    logic : Logic
        Evaluates a condition to arrays of shape (size,).
    size : int
    all_of_them : bool
        Whether every combination of the values tried is there.
    """

    logic: Logic
    size: int
    all_of_them: bool


def _probes(catalogue: Catalogue, names: Collection[str]) -> _Probes:
    """Combine the values worth trying of some facts and readings; every other reading stays as it is."""
    facts = {fact.id: fact for fact in catalogue.facts}
    parameters: dict[str, Any] = {parameter.id: parameter for parameter in catalogue.parameters}
    used = sorted(set(names) & (set(facts) | {p.id for p in catalogue.parameters if _is_reading(p)}))
    values = {name: _values(catalogue, facts[name]) if name in facts else _options(parameters[name]) for name in used}
    places, complete = _combined([len(values[name]) for name in used])
    columns = dict[str, Value]()
    for name, place in zip(used, places, strict=True):
        if name in facts:
            columns[name] = _column(facts[name], values[name], place)
        else:
            parameters[name] = SimpleNamespace(value=np.array(values[name])[place])
    size = len(places[0]) if used else 1
    return _Probes(logic_of(catalogue, Columns(columns), parameters), size, complete)


def _combined(lengths: list[int]) -> tuple[list[NDArray[np.intp]], bool]:
    total = int(np.prod(lengths, dtype=np.float64)) if lengths else 1
    if total <= _MOST:
        return [place.ravel() for place in np.indices(lengths)], True
    random = np.random.default_rng(0)
    return [random.integers(0, length, _MOST) for length in lengths], False


def _is_reading(parameter: Parameter) -> bool:
    return bool(parameter.options) or isinstance(parameter.value, bool)


def _options(parameter: Parameter) -> list[Any]:
    return list(parameter.options) or [False, True]


def _column(fact: Fact, values: list[Any], places: NDArray[np.intp]) -> Value:
    known = np.array([value is not _MISSING for value in values])[places]
    if fact.type == "choice":
        options = list(fact.options)
        return Value(Choices(np.array([options.index(v) if v else 0 for v in values])[places], options), known)
    kinds: dict[str, Any] = {"date": "datetime64[D]", "yes_no": bool}
    stand_in = {"date": _DAY, "yes_no": False}.get(fact.type, np.nan)
    kind = kinds.get(fact.type, np.float64)
    return Value(np.array([stand_in if value is _MISSING else value for value in values], dtype=kind)[places], known)


def _values(catalogue: Catalogue, fact: Fact) -> list[Any]:
    """The values of a fact worth trying; missing where a rule asks whether it is given."""
    found: list[Any] = list(dict.fromkeys(_known_values(catalogue, fact)))
    asked = any(fact.id in names_in(node) for node in _nodes(catalogue, ast.Call) if _function(node) == "given")
    return [*found, _MISSING] if asked else found


def _known_values(catalogue: Catalogue, fact: Fact) -> Iterator[Any]:
    if fact.type == "yes_no":
        yield from (False, True)
    elif fact.type == "choice":
        yield from fact.options
    elif fact.type == "date":
        yield _DAY
        for days in sorted(set(_offsets(catalogue, fact))):
            yield _DAY - timedelta(days=days)
    elif fact.minimum is not None and fact.maximum is not None:
        step = 1.0 if fact.type == "whole" else fact.step or 0.1
        limits = {round(limit) if fact.type == "whole" else limit for limit in _limits(catalogue, fact)}
        near = {limit + side * step for limit in limits for side in (-1, 0, 1)}
        yield from sorted({fact.minimum, fact.maximum} | {v for v in near if fact.minimum <= v <= fact.maximum})


def _nodes(catalogue: Catalogue, kind: type[Any]) -> Iterator[Any]:
    for criterion in (*catalogue.criteria, *catalogue.infusion_criteria):
        for text in criterion.conditions():
            yield from (node for node in ast.walk(parse(text)) if isinstance(node, kind))


def _function(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _offsets(catalogue: Catalogue, fact: Fact) -> Iterator[int]:
    """Days before the common day at which a rule on this date can change."""
    for node in _nodes(catalogue, ast.Compare):
        for call in (part for part in ast.walk(node) if isinstance(part, ast.Call) and _function(part) in _DAYS_IN):
            first = call.args[0]
            if not isinstance(first, ast.Name) or first.id != fact.id:
                continue
            for number in _numbers_in(catalogue, node):
                days = round(number * _DAYS_IN[_function(call)])
                width = 1 if _function(call) == "days_between" else 32
                yield from (days - width, days, days + width)


def _numbers_in(catalogue: Catalogue, node: ast.AST) -> Iterator[float]:
    """The numbers of a condition, written there or standing behind a threshold's name."""
    thresholds = {p.id: p.value for p in catalogue.parameters if not _is_reading(p)}
    for part in ast.walk(node):
        if (
            isinstance(part, ast.Constant)
            and isinstance(part.value, (int, float))
            and not isinstance(part.value, bool)
        ):
            yield float(part.value)
        elif isinstance(part, ast.Name) and part.id in thresholds:
            yield float(thresholds[part.id])


def _limits(catalogue: Catalogue, fact: Fact) -> Iterator[float]:
    """Where a comparison of this number changes, everything else in it in the middle of its range."""
    others = {
        f.id: (f.minimum + f.maximum) / 2 for f in catalogue.facts if f.minimum is not None and f.maximum is not None
    }
    for left, right in _pairs(_nodes(catalogue, ast.Compare)):
        if fact.id not in names_in(left) + names_in(right):
            continue
        gaps = [_gap(catalogue, left, right, others | {fact.id: value}) for value in (1.0, 2.0)]
        if None not in gaps and gaps[0] != gaps[1]:
            yield 1.0 - gaps[0] / (gaps[1] - gaps[0])  # type: ignore[operator]


def _pairs(nodes: Iterable[ast.Compare]) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in nodes:
        for left, right in pairwise([node.left, *node.comparators]):
            for member in right.elts if isinstance(right, ast.Tuple) else [right]:
                yield left, member


def _gap(catalogue: Catalogue, left: ast.expr, right: ast.expr, facts: dict[str, float]) -> float | None:
    plain = {f.id: f.model_copy(update={"derived": None, "dated_by": None}) for f in catalogue.facts}
    logic = Logic(plain, {p.id: p for p in catalogue.parameters}, Participant(facts))
    one, two = logic.value(left), logic.value(right)
    return float(one.data) - float(two.data) if one.known and two.known else None


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
        condition in the record's language), unknown name, unused,
        unit, threshold (outside the plausible range), unreachable.
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

    Rules are tried on invented participants at, below and above every limit (:mod:`protocol.eligibility.lint`). A
    rule on facts with more combinations than can be tried is passed over rather than judged on a sample, so what is
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
    checks: tuple[Callable[[Catalogue], Iterator[Issue]], ...] = (
        _unused,
        _units,
        _thresholds,
        _unreachable,
        _alone,
        _in_pairs,
    )
    return tuple(dict.fromkeys([*unknown, *(issue for check in checks for issue in check(sound))]))


def _rules(record: Catalogue) -> tuple[Criterion, ...]:
    """The criteria of both gates: enrolment, and each infusion."""
    return (*record.criteria, *record.infusion_criteria)


def _unreadable(record: Catalogue) -> Iterator[Issue]:
    facts, parameters = ({one.id: one for one in kind} for kind in (record.facts, record.parameters))
    for criterion in _rules(record):
        for text in criterion.conditions():
            try:
                if set(names_in(text)) <= {*facts, *parameters}:  # otherwise an unknown name
                    check(text, facts, parameters)
            except ValueError as error:
                yield Issue("unreadable", criterion.id, str(error))


def _readable(text: str) -> bool:
    try:
        return bool(parse(text))
    except ValueError:
        return False


def _unknown_names(record: Catalogue) -> Iterator[Issue]:
    known = {fact.id for fact in record.facts} | {parameter.id for parameter in record.parameters}
    for criterion in _rules(record):
        texts = filter(_readable, criterion.conditions())
        names = dict.fromkeys(name for text in texts for name in names_in(text))
        if wrong := [name for name in names if name not in known]:
            yield Issue("unknown name", criterion.id, f"names {', '.join(wrong)}, which is no fact or parameter")
        if criterion.counted_with and criterion.counted_with not in record.counting:
            found = f"counts with {criterion.counted_with}, which is no criterion that counts by itself"
            yield Issue("unknown name", criterion.id, found)


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


def _comparisons(record: Catalogue) -> Iterator[tuple[Criterion, ast.expr, ast.expr]]:
    for criterion in _rules(record):
        for text in criterion.conditions():
            for node in ast.walk(parse(text)):
                if isinstance(node, ast.Compare):
                    for left, right in pairwise([node.left, *node.comparators]):
                        yield criterion, left, right


def _units(record: Catalogue) -> Iterator[Issue]:
    says = {"dimension": "compares what cannot be compared", "scale": "compares different units of the same quantity"}
    for criterion, left, right in _comparisons(record):
        wrong = _mismatch(record, left, right)
        if wrong:
            yield Issue("unit", criterion.id, f"{says[wrong]}: {ast.unparse(left)} and {ast.unparse(right)}")


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


def _unreachable(record: Catalogue) -> Iterator[Issue]:
    """Alternatives that no participant and no reading can make true."""
    for criterion in _rules(record):
        for text in criterion.conditions():
            nodes = (node for node in ast.walk(parse(text)) if isinstance(node, ast.BoolOp))
            for branch in (value for node in nodes if isinstance(node.op, ast.Or) for value in node.values):
                tried = _probes(record, names_in(branch))
                if tried.all_of_them and np.all(tried.logic.condition(branch).false):
                    yield Issue("unreachable", criterion.id, f"nobody can be {ast.unparse(branch)}")


def _outcome(tried: _Probes, criterion: Criterion, phase: Phase) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which of the invented participants fail a criterion, and which are clear of it or outside it."""
    found = outcome(tried.logic, criterion, phase)
    clear = either(found.clear, found.not_applicable)
    return np.broadcast_to(np.asarray(found.fails), tried.size), np.broadcast_to(np.asarray(clear), tried.size)


def _alone(record: Catalogue) -> Iterator[Issue]:
    """Criteria that every participant fails, or that no participant can fail although the record does not say so."""
    for criterion in _rules(record):
        tried = _probes(record, names_of(criterion))
        for phase in (phase for phase in record.phases if tried.all_of_them and in_phase(criterion, phase)):
            fails, clear = _outcome(tried, criterion, phase)
            if fails.any() and not clear.any():
                yield Issue("contradiction", criterion.id, "nobody can meet it")
            if not fails.any() and criterion.cannot_fail is None:
                yield Issue("unreachable", criterion.id, "nobody can fail it")


def _in_pairs(record: Catalogue) -> Iterator[Issue]:
    readings = {parameter.id for parameter in record.parameters}
    pairs = [pair for gate in (record.criteria, record.infusion_criteria) for pair in combinations(gate, 2)]
    for one, two in pairs:
        shared = (names_of(one).keys() & names_of(two).keys()) - readings
        phases = [phase for phase in record.phases if in_phase(one, phase) and in_phase(two, phase)]
        if not shared or not phases:
            continue
        tried = _probes(record, names_of(one, two))
        for phase in phases if tried.all_of_them else []:
            yield from _compared(one, two, _outcome(tried, one, phase), _outcome(tried, two, phase))


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
