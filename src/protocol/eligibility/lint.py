"""What is wrong with an eligibility record though it can be read: rules that contradict, repeat or never apply."""

import ast
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.conditions import check, names_in, parse
from protocol.eligibility.criteria import PHASES, Catalogue, Criterion
from protocol.eligibility.crossings import facts_of, settled
from protocol.eligibility.dimensions import mismatch
from protocol.eligibility.probes import Probes, numbers_in, probes
from protocol.eligibility.screening import in_phase
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


class Finding(NamedTuple):
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


def lint(record: Catalogue) -> tuple[Finding, ...]:
    """Look for what a reader of the record would want to know before using it.

    Rules are tried on invented participants at, below and above every limit (:mod:`protocol.eligibility.probes`). A
    rule on facts with more combinations than can be tried is passed over rather than judged on a sample, so what is
    found is certain for the values tried, and what is not found may still be there.

    Parameters
    ----------
    record : Catalogue
        Also one put together without the checks of reading, for example a draft.
    """
    unknown = (*_unreadable(record), *_unknown_names(record))
    broken = {finding.where for finding in unknown}
    gates = {"criteria": record.criteria, "infusion_criteria": record.infusion_criteria}
    sound = record.model_copy(
        update={name: tuple(c for c in rules if c.id not in broken) for name, rules in gates.items()}
    )
    checks: tuple[Callable[[Catalogue], Iterator[Finding]], ...] = (
        _unused,
        _units,
        _thresholds,
        _unreachable,
        _alone,
        _in_pairs,
    )
    return tuple(dict.fromkeys([*unknown, *(finding for check in checks for finding in check(sound))]))


def _rules(record: Catalogue) -> tuple[Criterion, ...]:
    """The criteria of both gates: enrolment, and each infusion."""
    return (*record.criteria, *record.infusion_criteria)


def _unreadable(record: Catalogue) -> Iterator[Finding]:
    facts, parameters = ({one.id: one for one in kind} for kind in (record.facts, record.parameters))
    for criterion in _rules(record):
        for text in criterion.conditions():
            try:
                if set(names_in(text)) <= {*facts, *parameters}:  # otherwise an unknown name
                    check(text, facts, parameters)
            except ValueError as error:
                yield Finding("unreadable", criterion.id, str(error))


def _readable(text: str) -> bool:
    try:
        return bool(parse(text))
    except ValueError:
        return False


def _unknown_names(record: Catalogue) -> Iterator[Finding]:
    known = {fact.id for fact in record.facts} | {parameter.id for parameter in record.parameters}
    for criterion in _rules(record):
        texts = filter(_readable, criterion.conditions())
        names = dict.fromkeys(name for text in texts for name in names_in(text))
        if wrong := [name for name in names if name not in known]:
            yield Finding("unknown name", criterion.id, f"names {', '.join(wrong)}, which is no fact or parameter")
        if criterion.counted_with and criterion.counted_with not in record.counting:
            found = f"counts with {criterion.counted_with}, which is no criterion that counts by itself"
            yield Finding("unknown name", criterion.id, found)


def _unused(record: Catalogue) -> Iterator[Finding]:
    facts = facts_of(record, _rules(record))
    named = {name for c in _rules(record) for text in c.conditions() for name in names_in(text)}
    named |= {fact.valid_days for fact in facts.values() if fact.valid_days}
    for fact in record.facts:
        if fact.id not in facts:
            yield Finding("unused", fact.id, "is asked for and no criterion looks at it")
    for parameter in record.parameters:
        if parameter.id not in named:
            yield Finding("unused", parameter.id, "can be changed and no criterion looks at it")


def _comparisons(record: Catalogue) -> Iterator[tuple[Criterion, ast.expr, ast.expr]]:
    for criterion in _rules(record):
        for text in criterion.conditions():
            for node in ast.walk(parse(text)):
                if isinstance(node, ast.Compare):
                    for left, right in pairwise([node.left, *node.comparators]):
                        yield criterion, left, right


def _units(record: Catalogue) -> Iterator[Finding]:
    says = {"dimension": "compares what cannot be compared", "scale": "compares different units of the same quantity"}
    for criterion, left, right in _comparisons(record):
        wrong = mismatch(record, left, right)
        if wrong:
            yield Finding("unit", criterion.id, f"{says[wrong]}: {ast.unparse(left)} and {ast.unparse(right)}")


def _thresholds(record: Catalogue) -> Iterator[Finding]:
    facts = {fact.id: fact for fact in record.facts if fact.is_number}
    for criterion, *sides in _comparisons(record):
        for one, two in (sides, sides[::-1]):
            if not (isinstance(one, ast.Name) and one.id in facts and isinstance(two, (ast.Name, ast.Constant))):
                continue
            fact = facts[one.id]
            for number in numbers_in(record, two):
                if not fact.is_plausible(number):
                    span = f"{fact.minimum:g} to {fact.maximum:g}"
                    yield Finding(
                        "threshold", criterion.id, f"{number:g} lies outside {span}, the range of {fact.id}"
                    )


def _unreachable(record: Catalogue) -> Iterator[Finding]:
    """Alternatives that no participant and no reading can make true."""
    for criterion in _rules(record):
        for text in criterion.conditions():
            nodes = (node for node in ast.walk(parse(text)) if isinstance(node, ast.BoolOp))
            for branch in (value for node in nodes if isinstance(node.op, ast.Or) for value in node.values):
                tried = probes(record, names_in(branch))
                if tried.all_of_them and np.all(tried.logic.condition(branch).false):
                    yield Finding("unreachable", criterion.id, f"nobody can be {ast.unparse(branch)}")


def _names(*criteria: Criterion) -> set[str]:
    return {name for criterion in criteria for text in criterion.conditions() for name in names_in(text)}


def _outcome(tried: Probes, criterion: Criterion, phase: Phase) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    fails, clear = settled(tried.logic, criterion, phase)
    return np.broadcast_to(np.asarray(fails), tried.size), np.broadcast_to(np.asarray(clear), tried.size)


def _alone(record: Catalogue) -> Iterator[Finding]:
    """Criteria that everybody fails, or that nobody can fail without the record saying so."""
    for criterion in _rules(record):
        tried = probes(record, _names(criterion))
        for phase in (phase for phase in PHASES if tried.all_of_them and in_phase(criterion, phase)):
            fails, clear = _outcome(tried, criterion, phase)
            if fails.any() and not clear.any():
                yield Finding("contradiction", criterion.id, "nobody can meet it")
            if not fails.any() and criterion.cannot_fail is None:
                yield Finding("unreachable", criterion.id, "nobody can fail it")


def _in_pairs(record: Catalogue) -> Iterator[Finding]:
    readings = {parameter.id for parameter in record.parameters}
    pairs = [pair for gate in (record.criteria, record.infusion_criteria) for pair in combinations(gate, 2)]
    for one, two in pairs:
        shared = (_names(one) & _names(two)) - readings
        phases = [phase for phase in PHASES if in_phase(one, phase) and in_phase(two, phase)]
        if not shared or not phases:
            continue
        tried = probes(record, _names(one, two))
        for phase in phases if tried.all_of_them else []:
            yield from _compared(one, two, _outcome(tried, one, phase), _outcome(tried, two, phase))


def _compared(one: Criterion, two: Criterion, first: tuple[Any, Any], second: tuple[Any, Any]) -> Iterator[Finding]:
    (fails, clear), (fails_too, clear_too) = first, second
    where = f"{one.id}, {two.id}"
    if clear.any() and clear_too.any() and not (clear & clear_too).any():
        yield Finding("contradiction", where, "nobody can meet both")
        return
    forward, backward = not (fails & ~fails_too).any(), not (fails_too & ~fails).any()
    if one.id in (two.mirrors, two.implied_by) or two.id in (one.mirrors, one.implied_by):
        yield from _declared(one, two, forward, backward)
    elif not (fails.any() and fails_too.any()):
        return
    elif forward and backward:
        yield Finding("duplicate", where, "exclude the same participants; write mirrors in the later one")
    elif forward or backward:
        implied, by = (one, two) if forward else (two, one)
        yield Finding("implied", where, f"whoever fails {implied.id} fails {by.id}; write implied_by in {implied.id}")


def _declared(one: Criterion, two: Criterion, forward: bool, backward: bool) -> Iterator[Finding]:
    for criterion, other, holds in ((one, two, forward), (two, one, backward)):
        if criterion.mirrors == other.id and not (forward and backward):
            yield Finding("declaration", criterion.id, f"mirrors {other.id}, but they exclude different participants")
        if criterion.implied_by == other.id and not holds:
            yield Finding("declaration", criterion.id, f"is implied by {other.id}, which lets some of its cases pass")
