"""The tree of a condition: its parts, how they are joined, and what is known of each."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from protocol.eligibility.conditions import names_in, parse
from protocol.eligibility.criteria import Criterion, Part
from protocol.eligibility.logic import Logic, Rails
from protocol.eligibility.screening import rails_of
from protocol.eligibility.wording import Wording, operator_in_words
from protocol.records import Phase
from protocol.translation import _

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
    phase : {"Ib", "II"}
        Parts of another phase are left out.
    title : callable
        Gives a part's title with the present thresholds.
    """
    if criterion.condition is not None:
        return _settled(_node(logic, parse(criterion.condition)))
    parts = tuple(
        _part(_settled(_node(logic, parse(part.condition))), f"{part.id} {title(part)}")
        for part in criterion.parts
        if phase in part.phases
    )
    join: Join = "or" if criterion.combine == "any" else "and"
    return Node(state_of(rails_of(logic, criterion, phase)), join=join, children=parts)


def state_of(rails: Rails) -> State:
    """Name what two rails say of one participant."""
    return "true" if rails.true else "false" if rails.false else "unknown"


def _part(node: Node, title: str) -> Node:
    if node.children and not node.says:
        return Node(node.state, title, node.join, node.children)
    return Node(node.state, title, "and", (node,))


def _settled(node: Node | bool) -> Node:
    if isinstance(node, Node):
        return node
    return Node("true" if node else "false", _("decided by the chosen reading"))


def _node(logic: Logic, node: ast.expr) -> Node | bool:
    """Return the tree of a condition, or its value when no fact is needed for it."""
    match node:
        case ast.BoolOp(op=op, values=values):
            return _joined(logic, node, [_node(logic, value) for value in values], isinstance(op, ast.And))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _node(logic, operand)
            return not inner if isinstance(inner, bool) else _opposite(logic, node, operand, inner)
        case ast.Call(func=ast.Name(id="unclear" | "too_early" as name), args=[operand]):
            inner = _node(logic, operand)
            if isinstance(inner, bool) and not inner:
                return False
            join: Join = "unclear" if name == "unclear" else "too early"
            return Node(state_of(logic.condition(node)), join=join, children=(_settled(inner),))
    facts = tuple(name for name in names_in(node) if name in logic.facts)
    if not facts:
        return bool(logic.condition(node).true)
    return Node(state_of(logic.condition(node)), _statement(logic, node), facts=facts)


def _joined(logic: Logic, node: ast.expr, children: list[Node | bool], is_and: bool) -> Node | bool:
    if (not is_and) in children:
        return not is_and
    kept = tuple(child for child in children if isinstance(child, Node))
    if len(kept) < 2:
        return kept[0] if kept else is_and
    return Node(state_of(logic.condition(node)), join="and" if is_and else "or", children=kept)


def _opposite(logic: Logic, node: ast.expr, operand: ast.expr, inner: Node) -> Node:
    state = state_of(logic.condition(node))
    if isinstance(operand, ast.Name):
        return Node(state, _("{label}: no").format(label=logic.facts[operand.id].label), facts=inner.facts)
    return Node(state, join="not", children=(inner,))


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
            options = " / ".join(_option(logic, name, member) for member in members)
            is_not = isinstance(op, (ast.NotEq, ast.NotIn))
            says = _("{found}, asked: not {options}") if is_not else _("{found}, asked: {options}")
            found = words.finding(left) if logic.value(left).known else logic.facts[name].label
            return says.format(found=found, options=options)
        case ast.Compare(left=left, ops=ops, comparators=others):
            pairs = zip(ops, others, strict=True)
            return " ".join([words.side(left), *(f"{operator_in_words(op)} {words.side(o)}" for op, o in pairs)])
    return words.side(node)


def _option(logic: Logic, fact: str, member: ast.expr) -> str:
    if isinstance(member, ast.Constant):
        return logic.facts[fact].options.get(str(member.value), str(member.value))
    return Wording(logic).side(member)
