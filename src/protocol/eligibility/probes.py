"""Invented participants at, just below and just above every limit of a record; its linter tries rules on them."""

import ast
from collections.abc import Collection, Iterable, Iterator
from datetime import date, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.conditions import names_in, parse
from protocol.eligibility.criteria import Catalogue, Fact, Parameter
from protocol.eligibility.leaves import Choices, Columns, Participant
from protocol.eligibility.logic import Logic, Value

MOST = 20_000
"""Beyond this many combinations some are drawn instead of all tried."""
DAY = date(2026, 3, 1)
DAYS_IN = {"days_between": 1.0, "months_between": 30.44, "completed_years": 365.25}
MISSING = None


class Probes(NamedTuple):
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


def probes(catalogue: Catalogue, names: Collection[str]) -> Probes:
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
    return Probes(Logic(facts, parameters, Columns(columns)), size, complete)


def _combined(lengths: list[int]) -> tuple[list[NDArray[np.intp]], bool]:
    total = int(np.prod(lengths, dtype=np.float64)) if lengths else 1
    if total <= MOST:
        return [place.ravel() for place in np.indices(lengths)], True
    random = np.random.default_rng(0)
    return [random.integers(0, length, MOST) for length in lengths], False


def _is_reading(parameter: Parameter) -> bool:
    return bool(parameter.options) or isinstance(parameter.value, bool)


def _options(parameter: Parameter) -> list[Any]:
    return list(parameter.options) or [False, True]


def _column(fact: Fact, values: list[Any], places: NDArray[np.intp]) -> Value:
    known = np.array([value is not MISSING for value in values])[places]
    if fact.type == "choice":
        options = list(fact.options)
        return Value(Choices(np.array([options.index(v) if v else 0 for v in values])[places], options), known)
    kinds: dict[str, Any] = {"date": "datetime64[D]", "yes_no": bool}
    stand_in = {"date": DAY, "yes_no": False}.get(fact.type, np.nan)
    kind = kinds.get(fact.type, np.float64)
    return Value(np.array([stand_in if value is MISSING else value for value in values], dtype=kind)[places], known)


def _values(catalogue: Catalogue, fact: Fact) -> list[Any]:
    """The values of a fact worth trying; missing where a rule asks whether it is given."""
    found: list[Any] = list(dict.fromkeys(_known_values(catalogue, fact)))
    asked = any(fact.id in names_in(node) for node in _nodes(catalogue, ast.Call) if _function(node) == "given")
    return [*found, MISSING] if asked else found


def _known_values(catalogue: Catalogue, fact: Fact) -> Iterator[Any]:
    if fact.type == "yes_no":
        yield from (False, True)
    elif fact.type == "choice":
        yield from fact.options
    elif fact.type == "date":
        yield DAY
        for days in sorted(set(_offsets(catalogue, fact))):
            yield DAY - timedelta(days=days)
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
        for call in (part for part in ast.walk(node) if isinstance(part, ast.Call) and _function(part) in DAYS_IN):
            first = call.args[0]
            if not isinstance(first, ast.Name) or first.id != fact.id:
                continue
            for number in numbers_in(catalogue, node):
                days = round(number * DAYS_IN[_function(call)])
                width = 1 if _function(call) == "days_between" else 32
                yield from (days - width, days, days + width)


def numbers_in(catalogue: Catalogue, node: ast.AST) -> Iterator[float]:
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
