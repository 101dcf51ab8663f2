"""One participant in many variants: some facts vary over the rows of a table, all others stay as they are."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.conditions import names_in
from protocol.eligibility.criteria import RECENCY_ANCHOR, Catalogue, Criterion, Fact, FactValue, Status
from protocol.eligibility.leaves import Choices, Columns
from protocol.eligibility.logic import Logic, Value, both, opposite
from protocol.eligibility.screening import blocked, rails_of
from protocol.records import Phase

CODES: tuple[Status, ...] = ("met", "not met", "unknown", "not applicable")
"""A verdict as a number is its place here."""
Codes = NDArray[np.int8]


def variants(
    catalogue: Catalogue,
    given: Mapping[str, FactValue],
    varied: Mapping[str, NDArray[Any]],
    rows: int,
    unusable: Mapping[str, str] = MappingProxyType({}),
) -> Logic:
    """Return the logic of one participant in many variants.

    Parameters
    ----------
    catalogue : Catalogue
    given : mapping of str to value
        What is known, checked.
    varied : mapping of str to array, shape (variants,)
        Values by fact id, known in every variant: numbers, booleans, datetime64[D], or the places of options.
    rows : int
        How many variants.
    unusable : mapping of str to str, optional
        Facts that cannot be used, with the reason.
    """
    known = np.ones(rows, dtype=bool)
    facts = {fact.id: fact for fact in catalogue.facts}
    columns = {
        name: Value(_column(facts[name], np.full(rows, _plain(facts[name], value))), known)
        for name, value in given.items()
        if name not in varied and name not in unusable
    }
    columns |= {name: Value(_column(facts[name], values), known) for name, values in varied.items()}
    parameters = {parameter.id: parameter for parameter in catalogue.parameters}
    return Logic(facts, parameters, Columns(columns, unusable))


def facts_behind(facts: Mapping[str, Fact], rule: Criterion) -> set[str]:
    """Return the facts a rule hangs on, by id: those it names, what they are computed from and dated by."""
    found: set[str] = set()
    wanted = [name for text in rule.conditions() for name in names_in(text) if name in facts]
    while wanted:
        fact = facts[wanted.pop()]
        if fact.id not in found:
            found.add(fact.id)
            wanted += names_in(fact.derived) if fact.derived else ()
            wanted += (fact.dated_by, RECENCY_ANCHOR) if fact.dated_by else ()
    return found


def _plain(fact: Fact, value: FactValue) -> Any:
    if fact.options:
        return list(fact.options).index(str(value))
    if isinstance(value, date):
        return np.datetime64(value, "D")
    return value if isinstance(value, bool) else float(value)


def _column(fact: Fact, values: NDArray[Any]) -> Any:
    return Choices(values, list(fact.options)) if fact.options else values


def codes_of(logic: Logic, rule: Criterion, phase: Phase, rows: int) -> Codes:
    """Return the verdict of each variant, as its place in :data:`CODES`."""
    blocks = blocked(rule, rails_of(logic, rule, phase))
    applies = logic.condition(rule.applies_if) if rule.applies_if else None
    fails = blocks.true if applies is None else both(applies.true, blocks.true)
    clear = blocks.false if applies is None else both(opposite(applies.false), blocks.false)
    absent = False if applies is None else applies.false
    codes = np.full(rows, CODES.index("unknown"), dtype=np.int8)
    for status, flag in (("met", clear), ("not met", fails), ("not applicable", absent)):
        codes[np.broadcast_to(np.asarray(flag, dtype=bool), rows)] = CODES.index(status)
    return codes
