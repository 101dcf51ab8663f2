"""Why: a condition in words, the statements that decided a verdict, what is missing, and the tree of parts.

Words and tree follow the parts of a condition and ask the same logic that decided the verdict for the value of each.
"""

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, NamedTuple

from protocol.eligibility.conditions import names_in, parse
from protocol.eligibility.criteria import Criterion, Fact, Part
from protocol.eligibility.logic import OPERATIONS, Known, Logic, holds, is_number
from protocol.eligibility.verdicts import condition_of
from protocol.records import Phase
from protocol.translation import _, labelled, list_of


class Gap(NamedTuple):
    """Why something is unknown: one of the reasons, the fact it hangs on ("" for none), and what it is about."""

    reason: str
    fact: str
    about: str


def in_words(gaps: Iterable[Gap]) -> str:
    """Say why something is unknown in one line, gaps of the same kind together."""
    kinds = {
        "missing": _("not known: {about}"),
        "unit unknown": _("given without a unit that can be used: {about}"),
        "no upper limit of normal": _("no upper limit of normal: {about}"),
        "stale": _("too old, or dated after enrolment: {about}"),
        "conflicting sources": _("does not fit what else is known: {about}"),
        "judgement pending": _("not judged yet by the investigator: {about}"),
        "not yet evaluable": _("cannot be judged yet: {about}"),
        "protocol ambiguous": _("the protocol leaves this open: {about}"),
    }
    found = {kind: dict.fromkeys(gap.about for gap in gaps if gap.reason == kind) for kind in kinds}
    return list_of((kinds[kind].format(about=list_of(about)) for kind, about in found.items() if about), "; ")


_DIGITS = 2
"""Digits behind the point of a number that is shown, unless more are needed to see which side of a limit it is on."""

_MOST_DIGITS = 12


def show(fact: Fact, value: Any, digits: int = _DIGITS) -> str:
    """Show a fact's value as people write it: ``112 U/L``, ``yes``, ``2026-03-01``."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, date):
        return value.isoformat()
    if fact.options:
        return fact.options.get(str(value), str(value))
    return f"{round(value, digits):.15g} {fact.unit_label}".rstrip()


_OPERATORS: dict[type[ast.AST], str] = {
    ast.Lt: _("{left} below {right}"),
    ast.LtE: _("{left} at most {right}"),
    ast.Gt: _("{left} above {right}"),
    ast.GtE: _("{left} at least {right}"),
    ast.Eq: _("{left} is {right}"),
    ast.NotEq: _("{left} is not {right}"),
    ast.In: _("{left} is one of {right}"),
    ast.NotIn: _("{left} is none of {right}"),
    ast.Add: "{left} + {right}",
    ast.Sub: "{left} - {right}",
    ast.Mult: "{left} × {right}",
    ast.Div: "{left} / {right}",
    ast.Pow: "{left} ^ {right}",
}

_COUNTS = {
    "days_between": (_("days from {first} to {second}"), _("{n} days from {first} to {second}")),
    "months_between": (_("months from {first} to {second}"), _("{n} months from {first} to {second}")),
    "years_between": (_("years from {first} to {second}"), _("{n} years from {first} to {second}")),
}
"""How a time between two days is said: while it is not known, and when it is."""


_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
}
"""Of comparisons with an order."""


class Wording:
    """Says in words what a condition means and why it came out as it did."""

    def __init__(self, logic: Logic) -> None:
        self.logic = logic

    def because(self, node: ast.expr | str) -> list[str]:
        """Return the statements that decided a condition whose value is known, each as a sentence that is true."""
        tree = parse(node) if isinstance(node, str) else node
        return self._decided(tree, bool(self.logic.condition(tree).true))

    def _decided(self, tree: ast.expr, holds: bool) -> list[str]:
        """Return the statements that made a condition hold, or not."""
        if isinstance(tree, (ast.Compare, ast.Name)):  # most are
            return self._statement(tree, holds=holds)
        match tree:
            case ast.BoolOp(op=op, values=values):
                chosen = values
                if isinstance(op, ast.And) != holds:  # one decides, and the first is told
                    chosen = [next(value for value in values if self.logic.condition(value)[not holds])]
                return [sentence for value in chosen for sentence in self._decided(value, holds)]
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._decided(operand, not holds)
            case ast.Call(args=[operand]) if not isinstance(operand, ast.Name):
                return self._decided(operand, holds)
        return self._statement(tree, holds=holds)

    def _statement(self, node: ast.expr, *, holds: bool) -> list[str]:
        if self.logic.facts.keys().isdisjoint(names_in(node)):
            return []  # a comparison of parameters only: a choice, not a finding
        match node:
            case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() | ast.In() | ast.NotIn()]):
                return [self.finding(left)]
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                says, digits = _OPERATORS[type(op) if holds else _OPPOSITE[type(op)]], self.digits(op, left, right)
                return [says.format(left=self.side(left, digits), right=self.side(right, digits))]
            case ast.Call(func=ast.Name(id="given"), args=[argument]):
                return [self.finding(argument)] if holds else []
        return [self.finding(node)]

    def finding(self, node: ast.expr) -> str:
        """Say a fact and what was found."""
        match node:
            case ast.Name(id=name) | ast.Call(func=ast.Name(id="ever"), args=[ast.Name(id=name)]) if (
                name in self.logic.facts
            ):
                fact = self.logic.facts[name]
                return labelled(fact.label, show(fact, self.logic.value(node).data))
        return self.side(node)

    def digits(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> int:
        """Return how many digits to show of both sides, so that what is shown compares as the values do."""
        if isinstance(right, ast.Tuple):  # one of a list: nothing is ordered
            return _DIGITS
        sides = [self.logic.value(side) for side in (left, right)]
        if not all(side.known is True and is_number(side.data) for side in sides):
            return _DIGITS
        outcome = holds(op, *(side.data for side in sides))
        shown = (n for n in range(_DIGITS, _MOST_DIGITS) if self._as_shown(op, left, right, n) == outcome)
        return next(shown, _MOST_DIGITS)

    def _as_shown(self, op: ast.cmpop, left: ast.expr, right: ast.expr, digits: int) -> bool:
        one, two = self._rounded(left, digits), self._rounded(right, digits)
        return bool(holds(op, one, two))

    def _rounded(self, node: ast.expr, digits: int) -> float:
        """Return the value of a side, computed from the facts as they are shown."""
        match node:
            case ast.BinOp(left=left, op=op, right=right):
                return float(OPERATIONS[type(op)](self._rounded(left, digits), self._rounded(right, digits)))
            case ast.Name(id=name) if name in self.logic.facts:
                return round(float(self.logic.value(node).data), digits)
        return float(self.logic.value(node).data)

    def side(self, node: ast.expr, digits: int = _DIGITS) -> str:
        """Write one side of a comparison with its values: ``2.5 × upper limit of ALT 40 U/L``."""
        match node:
            case ast.Constant(value=value):
                return str(value)
            case ast.Name(id=name) if name in self.logic.parameters:
                parameter = self.logic.parameters[name]
                return f"{parameter.value} {parameter.unit_label}".replace(".0 ", " ").rstrip()
            case ast.Name(id=name):
                fact, given = self.logic.facts[name], self.logic.value(node)
                return f"{fact.label} {show(fact, given.data, digits) if given.known else ''}".rstrip()
            case ast.BinOp(left=left, op=op, right=right):
                return _OPERATORS[type(op)].format(left=self._factor(left, digits), right=self._factor(right, digits))
            case ast.Call(func=ast.Name(id="ever"), args=[ast.Name(id=name)]):
                return _("{fact}, on any day").format(fact=self.logic.facts[name].label)
            case ast.Call(func=ast.Name(id=function), args=[first, second]):
                count = self.logic.value(node)
                says = _COUNTS.get(function, _COUNTS["years_between"])[count.known is True]
                return says.format(n=count.data, first=self.side(first), second=self.side(second))
        return ast.unparse(node)

    def _factor(self, node: ast.expr, digits: int) -> str:
        """Write a multiplier without its unit, which already says what it multiplies."""
        if isinstance(node, ast.Name) and node.id in self.logic.parameters:
            return f"{self.logic.parameters[node.id].value:g}"
        return self.side(node, digits)

    def gaps(self, node: ast.expr | str) -> list[Gap]:
        """Return why a condition is unknown; empty when it is known."""
        tree = parse(node) if isinstance(node, str) else node
        found = self.logic.condition(tree)
        if found.true or found.false:
            return []
        match tree:
            case ast.BoolOp(values=values):
                return [gap for value in values for gap in self.gaps(value)]
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.gaps(operand)
            case ast.Call(func=ast.Name(id=function), args=[operand]):
                reason = "not yet evaluable" if function == "too_early" else "protocol ambiguous"
                return self.gaps(operand) or [Gap(reason, "", list_of(self.because(operand)))]
        return [gap for name in names_in(tree) if name in self.logic.facts for gap in self.missing(name)]

    def missing(self, name: str) -> list[Gap]:
        """Return why a fact has no value that can be used; empty when it has one."""
        fact = self.logic.facts[name]
        if self.logic.fact(fact).known:
            return []
        if name in self.logic.leaves.unusable:
            return [Gap(self.logic.leaves.unusable[name], name, fact.label)]
        given = self.logic.leaves.fact(fact)
        if given.known:
            reason = "conflicting sources" if self.logic.is_in_conflict(fact) else "stale"
            return [Gap(reason, name, f"{fact.label} {show(fact, given.data)}")]
        if fact.judgement:
            return [Gap("judgement pending", name, fact.label)]
        return [Gap("no upper limit of normal" if fact.limit_of_normal else "missing", name, fact.label)]


State = Literal["true", "false", "unknown"]

Join = Literal["", "and", "or", "not", "unclear", "too early"]


@dataclass(frozen=True)
class Node:
    """One statement of a criterion.

    Attributes
    ----------
    state : str
        true, false or unknown: of the statement, not of the participant's eligibility.
    says : str
        The statement in words, "" for a mere joint.
    join : str
        How the children are joined; "" for a leaf. Below "unclear" and "too early" what is true counts as unknown.
    children : tuple of Node
        The statements it is made of.
    facts : tuple of str
        The facts a leaf is about.
    """

    state: State
    says: str = ""
    join: Join = ""
    children: tuple["Node", ...] = ()
    facts: tuple[str, ...] = ()

    def leaves(self) -> Iterator["Node"]:
        """Yield the statements without children, from left to right."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


def tree(logic: Logic, criterion: Criterion, phase: Phase, title: Callable[[Part], str]) -> Node:
    """Return the tree of a criterion; what only a chosen reading decides is settled and left out.

    Parameters
    ----------
    logic : Logic
        Of one participant.
    criterion : Criterion
        With a condition, or with parts.
    phase : str
        Parts of another phase are left out.
    title : callable
        Gives a part's title with the present thresholds.
    """
    if criterion.condition is not None:
        return _settled(_node(logic, parse(criterion.condition)))
    parts = tuple(
        _part(_settled(_node(logic, parse(part.condition))), f"{part.id} {title(part)}")
        for part in criterion.parts
        if part.holds_in(phase)
    )
    join: Join = "or" if criterion.combine == "any" else "and"
    return Node(_state_of(condition_of(logic, criterion, phase)), join=join, children=parts)


def _state_of(condition: Known) -> State:
    """Name the value of one participant's condition."""
    return "true" if condition.true else "false" if condition.false else "unknown"


def _part(node: Node, title: str) -> Node:
    if node.children and not node.says:
        return replace(node, says=title)
    return Node(node.state, title, "and", (node,))


def _settled(node: Node | bool) -> Node:
    if isinstance(node, Node):
        return node
    return Node("true" if node else "false", _("decided by the chosen reading"))


def _node(logic: Logic, node: ast.expr) -> Node | bool:
    """Return the tree of a condition, or its value when no fact is needed for it."""
    facts = tuple(name for name in names_in(node) if name in logic.facts)
    state = _state_of(logic.condition(node))
    match node:
        case ast.BoolOp(op=op, values=values):
            return _joined(state, [_node(logic, value) for value in values], isinstance(op, ast.And))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _node(logic, operand)
            if isinstance(inner, bool):
                return not inner
            if isinstance(operand, ast.Name):
                return Node(state, _("{label}: no").format(label=logic.facts[operand.id].label), facts=facts)
            return Node(state, join="not", children=(inner,))
        case ast.Call(func=ast.Name(id="unclear" | "too_early" as name), args=[operand]):
            inner = _node(logic, operand)
            join: Join = "unclear" if name == "unclear" else "too early"
            return inner is not False and Node(state, join=join, children=(_settled(inner),))
    return Node(state, _statement(logic, node), facts=facts) if facts else bool(logic.condition(node).true)


def _joined(state: State, children: list[Node | bool], is_and: bool) -> Node | bool:
    if (not is_and) in children:
        return not is_and
    kept = tuple(child for child in children if isinstance(child, Node))
    if len(kept) < 2:
        return kept[0] if kept else is_and
    return Node(state, join="and" if is_and else "or", children=kept)


def _option_labels(logic: Logic, node: ast.expr) -> dict[str, str]:
    """Return the labels of the options that the fact of one side of a comparison may have."""
    match node:
        case ast.Call(func=ast.Name(id="ever"), args=[ast.Name(id=name)]):
            return logic.facts[name].options
    return {}


def _statement(logic: Logic, node: ast.expr) -> str:
    words = Wording(logic)
    match node:
        case ast.Name(id=name):
            return _("{label}: yes").format(label=logic.facts[name].label)
        case ast.Call(func=ast.Name(id="given"), args=[ast.Name(id=name)]):
            return _("{label} is known").format(label=logic.facts[name].label)
        case ast.Compare(left=ast.Name(id=name) as left, ops=[op], comparators=[right]) if (
            name in logic.facts and logic.facts[name].options
        ):
            members = right.elts if isinstance(right, ast.Tuple) else [right]
            labels, texts = logic.facts[name].options, [words.side(member) for member in members]
            options = " / ".join(labels.get(text, text) for text in texts)
            is_not = isinstance(op, (ast.NotEq, ast.NotIn))
            says = _("{found}, asked: not {options}") if is_not else _("{found}, asked: {options}")
            found = words.finding(left) if logic.value(left).known else logic.facts[name].label
            return says.format(found=found, options=options)
        case ast.Compare(left=left, ops=ops, comparators=others):
            digits = words.digits(ops[0], left, others[0])
            pairs = zip(ops, others, strict=True)
            says, labels = words.side(left, digits), _option_labels(logic, left)
            for op, other in pairs:
                text = words.side(other, digits)
                says = _OPERATORS[type(op)].format(left=says, right=labels.get(text, text))
            return says
    return words.side(node)
