"""The language of conditions: short strings, parsed with Python's own parser against a white list.

``bmi_kg_m2 > bmi_max_kg_m2`` names a fact and a parameter. Allowed are names, numbers, quoted text, ``True`` and
``False``; ``and``, ``or``, ``not``; comparisons and ``in``; ``+ - * /``, squares and cubes (``** 2``, ``** 3``); and
the functions of the table below. Nothing is ever executed as Python.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from typing import Any

from protocol.records import RecordError
from protocol.translation import _, alternatives, list_of

FUNCTIONS = {
    "days_between": ("date", "date"),
    "months_between": ("date", "date"),
    "completed_years": ("date", "date"),
    "given": ("any",),
    "ever": ("any",),
    "unclear": ("condition",),
    "too_early": ("condition",),
}
"""Each function with the kinds of its arguments."""

_CONDITION_FUNCTIONS = ("given", "unclear", "too_early")
"""Functions that are conditions; ``ever(fact)`` is the fact's value however old it is, the others count."""

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)

_LARGEST_NUMBER = 1e9

_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.In, ast.NotIn)

_ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)

_COMPARED, _LISTED = "< <= > >= == != in", "in ('a', 'b')"
"""Comparisons and a list as they are written, for messages."""


@lru_cache(maxsize=1024)
def parse(condition: str) -> ast.expr:
    """Parse one condition; RecordError when it is not an expression."""
    try:
        if not condition.strip():
            raise ValueError
        return ast.parse(f"({condition.strip()})", mode="eval").body  # brackets let it run over lines
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise RecordError(
            _("condition {text!r}, which cannot be read").format(text=condition),
            _("one like {examples}").format(examples="bmi_kg_m2 > 30"),
        ) from None


def text_of(node: ast.expr) -> str:
    """Return a part of a condition as text; the same text is the same condition."""
    try:
        return node.text  # type: ignore[attr-defined, no-any-return]
    except AttributeError:
        node.text = ast.unparse(node)  # type: ignore[attr-defined]  # kept where it will be asked for again
        return node.text  # type: ignore[attr-defined, no-any-return]


def names_in(condition: str | ast.expr) -> tuple[str, ...]:
    """Return the names a condition uses, in order of appearance, without its functions."""
    return _names_in(condition if isinstance(condition, str) else text_of(condition))


@lru_cache(maxsize=4096)
def _names_in(condition: str) -> tuple[str, ...]:
    tree = parse(condition)
    found = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id not in FUNCTIONS]
    return tuple(dict.fromkeys(found))


def comparisons(condition: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield both sides of each comparison in a condition; after ``in`` each member of the list is a side."""
    for node in ast.walk(condition):
        if isinstance(node, ast.Compare):
            for left, right in pairwise([node.left, *node.comparators]):
                for member in right.elts if isinstance(right, ast.Tuple) else [right]:
                    yield left, member


def nearest(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return the known name that is most like a wrong one, in quotes; `otherwise` if none is like it."""
    close = get_close_matches(name, known, n=1)
    return repr(close[0]) if close else otherwise


def check(condition: str, facts: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
    """Raise RecordError when a condition uses an unknown name, a wrong kind of value or a forbidden construct.

    Parameters
    ----------
    condition : str
        The condition as it stands in the record.
    facts, parameters : mapping of str to Fact or Parameter
        What the condition may name.
    """
    for name in names_in(condition):
        if name not in facts and name not in parameters:
            hint = nearest(name, [*facts, *parameters], _("the id of a fact or parameter"))
            raise RecordError(_("a condition that names the unknown {name!r}").format(name=name), hint)
    _check_condition(parse(condition), facts, parameters)


def check_number(expression: str, facts: Mapping[str, Any]) -> None:
    """Raise RecordError unless an expression (a derivation) computes a number from `facts`."""
    for name in names_in(expression):
        if name not in facts:
            raise RecordError(
                _("a derivation that names {name!r}").format(name=name),
                _("the id of a fact that is not derived itself"),
            )
    _number(parse(expression), facts, {})


def _check_condition(node: ast.expr, facts: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
    def inner(child: ast.expr) -> None:
        _check_condition(child, facts, parameters)

    match node:
        case ast.BoolOp(values=values):
            for value in values:
                inner(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner(operand)
        case ast.Compare():
            _check_comparison(node, facts, parameters)
        case ast.Call(func=ast.Name(id="given"), args=[ast.Name(id=name)], keywords=[]) if name in facts:
            pass
        case ast.Call(func=ast.Name(id="unclear" | "too_early"), args=[operand], keywords=[]):
            inner(operand)
        case ast.Constant(value=bool()):
            pass
        case ast.Name(id=name) if _kind(node, facts, parameters) == "yes_no":
            pass
        case _:
            raise RecordError(
                _("{text!r} is not a condition").format(text=ast.unparse(node)), _("a comparison or a yes/no fact")
            )


def _check_comparison(node: ast.Compare, facts: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
    sides = [node.left, *node.comparators]
    for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
        if not isinstance(operator, _COMPARISONS):
            raise RecordError(
                _("{text!r} uses a comparison that is not allowed").format(text=ast.unparse(node)),
                _COMPARED,
            )
        members = right.elts if isinstance(right, ast.Tuple) else [right]
        if isinstance(operator, (ast.In, ast.NotIn)) != isinstance(right, ast.Tuple) or not members:
            raise RecordError(
                _("{text!r} needs a list in brackets after {word}").format(text=ast.unparse(node), word="in"),
                _LISTED,
            )
        for member in members:
            _check_pair(operator, left, member, facts, parameters)


def _check_pair(
    operator: ast.cmpop,
    left: ast.expr,
    right: ast.expr,
    facts: Mapping[str, Any],
    parameters: Mapping[str, Any],
) -> None:
    kinds = _kind(left, facts, parameters), _kind(right, facts, parameters)
    texts = {"left": ast.unparse(left), "right": ast.unparse(right)}
    if kinds[0] != kinds[1]:
        raise RecordError(
            _("{left} and {right} cannot be compared ({one} with {other})").format(
                **texts, one=kinds[0], other=kinds[1]
            ),
            _("two of the same kind"),
        )
    if isinstance(operator, _ORDERED) and kinds[0] not in ("number", "date"):
        raise RecordError(_("{left} and {right} have no order").format(**texts), alternatives(("==", "!=")))
    for one, two in ((left, right), (right, left)):
        name = one.id if isinstance(one, ast.Name) else ""
        options = getattr(facts.get(name) or parameters.get(name), "options", None)
        if options and isinstance(two, ast.Constant) and two.value not in options:
            raise RecordError(
                _("{option!r} is no option of {name}").format(option=two.value, name=name),
                _("one of {words}").format(words=list_of(options)),
            )


def _kind(node: ast.expr, facts: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    match node:
        case ast.Constant(value=bool()):
            return "yes_no"
        case ast.Constant(value=int() | float() as number) if abs(number) <= _LARGEST_NUMBER:
            return "number"
        case ast.Constant(value=str()):
            return "choice"
        case ast.Call(func=ast.Name(id="ever"), args=[ast.Name(id=name) as fact], keywords=[]) if name in facts:
            return _kind(fact, facts, parameters)
        case ast.Name(id=name) if name in facts:
            return "number" if facts[name].is_number else str(facts[name].type)
        case ast.Name(id=name) if name in parameters:
            value = parameters[name].value
            return "choice" if isinstance(value, str) else "yes_no" if isinstance(value, bool) else "number"
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _number(operand, facts, parameters)
        case ast.BinOp(op=ast.Pow(), left=left, right=ast.Constant(value=2 | 3)):
            return _number(left, facts, parameters)
        case ast.BinOp(op=operator, left=left, right=right) if isinstance(operator, _ARITHMETIC):
            _number(left, facts, parameters)
            return _number(right, facts, parameters)
        case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]) if (
            function not in _CONDITION_FUNCTIONS
            and [_kind(argument, facts, parameters) for argument in arguments] == list(FUNCTIONS.get(function, ()))
            and function in FUNCTIONS
        ):
            return "number"
    raise RecordError(
        _("{text!r} is not allowed in a condition").format(text=ast.unparse(node)),
        _("facts, parameters and numbers"),
    )


def _number(node: ast.expr, facts: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    if _kind(node, facts, parameters) != "number":
        raise RecordError(
            _("{text!r} is not a number").format(text=ast.unparse(node)),
            _("a number, or a fact or parameter that is one"),
        )
    return "number"
