"""The linter of criteria: no finding on the trial's record, and one small wrong record for each finding."""

from typing import Any

import pytest
from support.small_protocols import FACTS, ORIGIN, PARAMETERS, criterion
from support.trial import ELIGIBILITY

from protocol.eligibility import EligibilityRecord, Fact, FactRoles, Issue, Parameter, lint

UNUSED = {"unused"}  # the small facts are more than a small record uses


def findings(*rules: Any, facts: tuple[Fact, ...] = (), parameters: tuple[Parameter, ...] = ()) -> list[Issue]:
    """Lint a small record put together without the checks of reading, as a draft would be."""
    record = EligibilityRecord.model_construct(
        phases=("Ib", "II"),
        roles=FactRoles(enrolment_day="enrolment_date"),
        facts=(*FACTS, *facts),
        parameters=(*PARAMETERS, *parameters),
        criteria=rules,
    )
    return [finding for finding in lint(record) if finding.kind not in UNUSED]


def number(name: str, unit: str, low: float = 0, high: float = 500, **more: Any) -> Fact:
    """Return a number measured in a unit."""
    return Fact(
        id=name, label=name, group="All", type="number", unit=unit, minimum=low, maximum=high, **more, **ORIGIN
    )


@pytest.mark.slow
def test_the_trials_record_is_clean() -> None:
    assert lint(ELIGIBILITY) == ()


def test_a_small_record_without_faults_is_clean() -> None:
    assert findings(criterion(1, "p"), criterion(2, "x > limit", "inclusion"), criterion(3, "colour == 'red'")) == []


def test_an_unknown_name_is_found_and_the_rest_still_looked_at() -> None:
    found = findings(criterion(1, "fever and p"), criterion(2, "x > 200"))
    assert [(one.kind, one.where) for one in found][:2] == [("unknown name", "E1"), ("threshold", "E2")]
    assert "fever" in found[0].found


def test_a_criterion_counted_with_none_or_with_one_that_does_not_count_is_found() -> None:
    assert findings(criterion(1, "p", mirrors="I9"))[0].where == "E1"
    assert findings(criterion(1, "p", mirrors="E1"))[0].where == "E1"
    both = findings(criterion(1, "p", mirrors="E2"), criterion(2, "p", mirrors="E1"))
    assert [one.where for one in both] == ["E1", "E2"]


def test_a_fact_and_a_parameter_that_nothing_looks_at_are_found() -> None:
    record = EligibilityRecord.model_construct(
        phases=("Ib", "II"),
        roles=FactRoles(enrolment_day="enrolment_date"),
        facts=FACTS,
        parameters=PARAMETERS,
        criteria=(criterion(1, "y > limit"),),
    )
    unused = {finding.where for finding in lint(record) if finding.kind == "unused"}
    assert {"p", "colour", "reading"} <= unused
    assert not {"y", "d", "enrolment_date", "limit", "window_days"} & unused


@pytest.mark.parametrize(
    ("one", "two", "condition", "says"),
    [
        ("mg/dL", "umol/L", "{} > {}", "cannot be compared"),
        ("mmol/L", "umol/L", "{} > {}", "different units"),
        ("kg", "g", "{} > {} + {}", "different units"),
        ("kg", "cm", "2 * {} > {}", "cannot be compared"),
    ],
)
def test_two_units_that_do_not_fit_are_found(one: str, two: str, condition: str, says: str) -> None:
    facts = (number("first", one), number("second", two))
    found = findings(criterion(1, condition.format("first", "second", "second")), facts=facts)
    assert [(f.kind, f.where) for f in found] == [("unit", "E1")]
    assert says in found[0].found


def test_units_that_fit_are_not_found() -> None:
    facts = (number("first", "umol/L"), number("second", "umol/L"), number("third", "mmol/L"))
    rules = [criterion(1, "first > 2.5 * second"), criterion(2, "first > 1000 * third")]  # 1000 may be the conversion
    assert [f for f in findings(*rules, facts=facts) if f.kind == "unit"] == []


def test_days_compared_with_a_threshold_in_months_are_found() -> None:
    wait = Parameter(
        id="wait", label="wait", value=6, unit_label="months", minimum=0, maximum=24, concerns=("E1",), **ORIGIN
    )
    found = findings(criterion(1, "days_between(d, e) < wait"), parameters=(wait,))
    assert [f.kind for f in found] == ["unit"]
    assert findings(criterion(1, "months_between(d, e) < wait"), parameters=(wait,)) == []


def test_a_threshold_outside_the_plausible_range_is_found() -> None:
    assert {f.kind for f in findings(criterion(1, "x > 120"))} == {"threshold", "unreachable"}
    assert [f.kind for f in findings(criterion(1, "-5 < n and p"))] == []  # not a plain number


def test_a_branch_nobody_reaches_is_found_under_every_reading() -> None:
    found = findings(criterion(1, "p or (colour == 'red' and colour == 'green')"))
    assert [(f.kind, f.where) for f in found] == [("unreachable", "E1")]
    assert findings(criterion(1, "p or (reading == 'wide' and q)")) == []
    assert findings(criterion(1, "p or unclear(q)")) == []


def test_a_criterion_nobody_can_meet_is_a_contradiction() -> None:
    found = findings(criterion(1, "x > 20 and x < 10", "inclusion"))
    assert [(f.kind, f.where) for f in found] == [("contradiction", "I1")]


def test_a_criterion_nobody_can_fail_is_found_unless_it_says_so() -> None:
    assert [f.kind for f in findings(criterion(1, "p and not p"))] == ["unreachable"]
    assert findings(criterion(1, "p and not p", cannot_fail="said")) == []


def test_two_criteria_nobody_can_meet_together_contradict_each_other() -> None:
    found = findings(criterion(1, "x >= 18", "inclusion"), criterion(2, "x > 10"))
    assert [(f.kind, f.where) for f in found] == [("contradiction", "I1, E2")]


def test_a_duplicate_in_other_words_is_found_until_it_is_declared() -> None:
    found = findings(criterion(1, "x <= 10 and not p", "inclusion"), criterion(2, "p or x > 10"))
    assert [(f.kind, f.where) for f in found] == [("duplicate", "I1, E2")]
    declared = criterion(2, "p or x > 10", mirrors="I1")
    assert findings(criterion(1, "x <= 10 and not p", "inclusion"), declared) == []


def test_an_implication_is_found_until_it_is_declared() -> None:
    found = findings(criterion(1, "x >= 10", "inclusion"), criterion(2, "x < 5"))
    assert [(f.kind, f.where) for f in found] == [("implied", "I1, E2")]
    assert "all who fail E2 fail I1" in found[0].found
    assert findings(criterion(1, "x >= 10", "inclusion"), criterion(2, "x < 5", implied_by="I1")) == []


def test_a_declaration_that_does_not_hold_is_found() -> None:
    mirror = findings(criterion(1, "p", "inclusion"), criterion(2, "not p and q", mirrors="I1"))
    assert [(f.kind, f.where) for f in mirror] == [("declaration", "E2")]
    implied = findings(criterion(1, "x >= 10", "inclusion"), criterion(2, "x < 15", implied_by="I1"))
    assert [(f.kind, f.where) for f in implied] == [("declaration", "E2")]


@pytest.mark.slow
def test_the_trials_implication_fails_once_the_thresholds_cross() -> None:
    crossed = ELIGIBILITY.with_parameters(survival_min_months=0.0)
    assert "E9" in {finding.where for finding in lint(crossed) if finding.kind == "declaration"}


def test_rules_on_dates_and_missing_facts_are_tried() -> None:
    same = findings(criterion(1, "days_between(d, e) >= 14"), criterion(2, "days_between(d, e) > 28"))
    assert [f.kind for f in same] == ["implied"]
    assert findings(criterion(1, "not given(p) or p")) == []


@pytest.mark.parametrize("condition", ["colour > 3", "x >", "d > 5", "x", "x >> 30", ""])
def test_a_condition_that_cannot_be_read_is_found_and_the_rest_still_looked_at(condition: str) -> None:
    broken = criterion(1, "p").model_copy(update={"condition": condition})
    found = findings(broken, criterion(2, "x > 200"))
    assert [(one.kind, one.where) for one in found][:2] == [("unreadable", "E1"), ("threshold", "E2")]
