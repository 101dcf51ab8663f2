"""Three-valued logic, checked against published truth tables."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from support.frames import everywhere
from support.paths import VECTORS
from support.random_examples import random_examples
from support.small_protocols import CONDITIONS, PEOPLE, truths

LOGICAL = VECTORS / "cql" / "CqlLogicalOperatorsTest.xml"
TRUTHS = {"true": True, "false": False, "null": None}
WRITTEN = {
    "and": "p and q",
    "or": "p or q",
    "xor": "(p and not q) or (q and not p)",
    "implies": "not p or q",
    "not": "not q",
}


def published_rows() -> list[tuple[str, str]]:
    tests = ET.parse(LOGICAL).getroot().iter("{http://hl7.org/fhirpath/tests}test")
    return [(str(test.findtext("{*}expression")), str(test.findtext("{*}output"))) for test in tests]


def test_every_published_row_is_read() -> None:
    assert len(published_rows()) == 39


@pytest.mark.requirement("R-ELI-02")
@pytest.mark.parametrize(("expression", "output"), published_rows())
def test_three_valued_logic_is_that_of_the_published_truth_tables(expression: str, output: str) -> None:
    *left, operator, right = expression.split()
    values = {"p": TRUTHS[left[0]] if left else None, "q": TRUTHS[right]}
    facts = {name: value for name, value in values.items() if value is not None}
    assert everywhere(WRITTEN[operator], facts) == {
        {"true": "excludes", "false": "passes", "null": "unknown"}[output]
    }


@pytest.mark.slow
@random_examples(120)
@given(CONDITIONS, CONDITIONS, PEOPLE)
def test_de_morgan_and_double_negation_hold(one: str, two: str, facts: dict[str, Any]) -> None:
    found = truths(
        [
            f"not (({one}) and ({two}))",
            f"not ({one}) or not ({two})",
            f"not (({one}) or ({two}))",
            f"not ({one}) and not ({two})",
            f"not not ({one})",
            one,
            f"({one}) and ({two})",
            f"({two}) and ({one})",
        ],
        facts,
    )
    assert found[::2] == found[1::2]


@pytest.mark.slow
@random_examples(120)
@given(CONDITIONS, PEOPLE)
def test_an_unclear_condition_is_never_true_and_false_only_when_false(one: str, facts: dict[str, Any]) -> None:
    plain, unclear, early = truths([one, f"unclear({one})", f"too_early({one})"], facts)
    assert unclear is early
    assert unclear is (False if plain is False else None)
