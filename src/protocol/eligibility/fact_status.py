"""What each fact means to the answer so far: whether it is still asked, its outcomes, and their limits."""

import ast
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from protocol.eligibility.conditions import names_in, parse
from protocol.eligibility.criteria import Catalogue, Criterion, Fact, FactValue, Status
from protocol.eligibility.gates import rules
from protocol.eligibility.screening import Verdict
from protocol.records import Phase
from protocol.translation import _, list_of

_FLIPPED = {ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Lt: ast.GtE}
"""What must hold instead where a comparison excludes."""

_SIGNS = {ast.LtE: "≤", ast.Lt: "<", ast.GtE: "≥", ast.Gt: ">"}


@dataclass(frozen=True)
class FactStatus:
    """One fact in the light of an answer.

    Attributes
    ----------
    asked : bool
        Whether an undecided criterion waits for it.
    outcomes : tuple of (str, str, str)
        The criteria and parts that read it: id, title and verdict. A criterion whose parts are all needed is
        represented by those parts.
    """

    asked: bool
    outcomes: tuple[tuple[str, str, Status], ...]


def fact_statuses(catalogue: Catalogue, verdicts: Iterable[Verdict], phase: Phase) -> dict[str, FactStatus]:
    """Return the status of every fact of a record, by id.

    Parameters
    ----------
    catalogue : Catalogue
        Its criteria are those of the gate that was answered.
    verdicts : iterable of Verdict
        The answer so far.
    phase : str
        The phase that was answered for.
    """
    known = {one.id: one for verdict in verdicts for one in (verdict, *verdict.parts)}
    asked = asked_facts(known.values())
    outcomes: dict[str, list[tuple[str, str, Status]]] = {fact.id: [] for fact in catalogue.facts}
    for rule in rules(catalogue, phase):
        verdict = known[rule.id]
        for name in _read_by(catalogue, rule):
            outcomes[name].append((rule.id, verdict.title, verdict.status))
    return {name: FactStatus(name in asked, tuple(found)) for name, found in outcomes.items()}


def asked_facts(verdicts: Iterable[Verdict]) -> dict[str, None]:
    """Return the facts that undecided criteria wait for, by id, in the order of the criteria."""
    return {gap.fact: None for one in verdicts if one.status == "unknown" for gap in one.gaps if gap.fact}


def open_statements(
    catalogue: Catalogue, statuses: Mapping[str, FactStatus], answered: Container[str]
) -> dict[str, str]:
    """Return the judgements that wait for an answer and may be confirmed together, with the answer that is stated.

    Parameters
    ----------
    catalogue : Catalogue
    statuses : mapping of str to FactStatus
    answered : container of str
        Facts that have an answer, and facts about which something was found that must be looked at first.
    """
    return {
        fact.id: fact.stated
        for fact in catalogue.facts
        if fact.stated and fact.id in statuses and statuses[fact.id].asked and fact.id not in answered
    }


def _read_by(catalogue: Catalogue, rule: Criterion) -> list[str]:
    """Return the facts that a rule reads, and those that they are computed from or dated by."""
    facts = {fact.id: fact for fact in catalogue.facts}
    found = dict[str, None]()
    for text in rule.conditions():
        for name in _names(text):
            if name in facts:
                behind = [name, *_names(facts[name].derived or "0"), facts[name].dated_by or ""]
                found |= dict.fromkeys(one for one in behind if one in facts)
    return list(found)


@lru_cache(maxsize=512)
def _names(text: str) -> tuple[str, ...]:
    return tuple(names_in(text))


def limits(catalogue: Catalogue, phase: Phase, facts: Mapping[str, FactValue | None]) -> dict[str, str]:
    """Return what criteria ask of each number, in words such as "≥ 95 %" or "≤ 2.5 × limit = 100 U/L", by fact.

    Parameters
    ----------
    catalogue : Catalogue
        With the present thresholds.
    phase : str
    facts : mapping of str to value
        What is known: a limit that is a multiple of a limit of normal is then computed.
    """
    known = {fact.id: fact for fact in catalogue.facts}
    values = {parameter.id: parameter for parameter in catalogue.parameters}
    found: dict[str, dict[str, None]] = {}
    for rule in rules(catalogue, phase):
        if rule.kind == "undecided" or rule.condition is None:
            continue
        for name, op, bound in _bounds(parse(rule.condition), rule.kind == "exclusion"):
            if (fact := known.get(name)) is None or not fact.is_number:
                continue
            match bound:
                case ast.Name(id=limit) if limit in values:
                    says = f"{float(values[limit].value):g} {fact.unit_label}".rstrip()
                case ast.BinOp(left=ast.Name(id=times), op=ast.Mult(), right=ast.Name(id=normal)) if (
                    times in values and normal in known
                ):
                    says = _multiple(float(values[times].value), known[normal], facts.get(normal))
                case _:
                    continue
            found.setdefault(name, {})[f"{_SIGNS[op]} {says}"] = None
    return {name: list_of(texts) for name, texts in found.items()}


def _multiple(times: float, normal: Fact, value: FactValue | None) -> str:
    if not isinstance(value, (int, float)):
        return _("{times:g} × upper limit of normal").format(times=times)
    return f"{times * value:g} {normal.unit_label} ({times:g} × {value:g})"


def _bounds(node: ast.expr, excludes: bool) -> Iterator[tuple[str, type[ast.cmpop], ast.expr]]:
    """Yield the comparisons of a fact with something: the fact, what must hold, and the other side.

    What only makes a criterion unclear, and what is asked by a function, is no limit.
    """
    match node:
        case ast.BoolOp(values=values):
            for value in values:
                yield from _bounds(value, excludes)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _bounds(operand, not excludes)
        case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[bound]) if type(op) in _SIGNS:
            yield name, _FLIPPED[type(op)] if excludes else type(op), bound
