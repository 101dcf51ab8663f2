"""What to find out next: chances, costs and the order of procedures."""

from datetime import date
from itertools import permutations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_examples import random_examples
from support.small_protocols import criterion, record_of
from support.trial import ELIGIBILITY, FACTS

from protocol.eligibility import failure_rates, next_steps

TODAY = date(2026, 3, 1)


def expected_cost(order: list[tuple[float, float]]) -> float:
    """Return the expected cost of tests with (chance of failing, cost) done in this order until one fails."""
    reached, cost = 1.0, 0.0
    for chance, price in order:
        cost, reached = cost + reached * price, reached * (1 - chance)
    return cost


@random_examples(60)
@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0.5, 20)), min_size=2, max_size=5))
def test_no_other_order_of_independent_tests_decides_at_less_expected_cost(tests: list[tuple[float, float]]) -> None:
    best = sorted(tests, key=lambda test: -test[0] / test[1])
    assert expected_cost(best) <= min(expected_cost(list(order)) for order in permutations(tests)) * (1 + 1e-9)


def test_failure_rates_are_the_cohorts_own_smoothed() -> None:
    rates = failure_rates(ELIGIBILITY.screen_cohort(pd.DataFrame({"ecog": [0, 3, 4, None]})))
    assert rates["I5"] == (2 + 1) / (3 + 2)
    assert rates["E3"] == 0.5  # nobody known


def test_steps_come_by_chance_for_the_cost_and_costs_can_be_changed() -> None:
    rates = dict.fromkeys((c.id for c in ELIGIBILITY.criteria), 0.1) | {"I7": 0.9}
    screening = ELIGIBILITY.screen({})
    steps = next_steps(ELIGIBILITY, screening, rates)
    assert [step.worth for step in steps] == sorted((step.worth for step in steps), reverse=True)
    echo = next(step for step in steps if step.procedure.id == "echo")
    assert (echo.facts, echo.criteria) == (("lvef_pct",), ("I7",))
    assert echo.chance == pytest.approx(0.9)
    assert next_steps(ELIGIBILITY, screening, rates, {"echo": 0.01})[0].procedure.id == "echo"


def test_a_fact_with_a_cost_of_its_own_is_found_by_itself_and_the_others_stay_together() -> None:
    rates, screening = dict.fromkeys((c.id for c in ELIGIBILITY.criteria), 0.1), ELIGIBILITY.screen({})
    costs = {"blood_tests": 4.0, "pregnancy_test": 3.0}
    before = {step.procedure.id: step for step in next_steps(ELIGIBILITY, screening, rates, costs)}
    alone = {"alt_u_l": 0.05, "pregnancy_test": 0.2, "lvef_pct": 7.0}
    steps = next_steps(ELIGIBILITY, screening, rates, costs, alone=alone)
    assert [(steps[0].procedure.label, steps[0].facts, steps[0].cost)] == [
        ("Alanine aminotransferase (ALT)", ("alt_u_l",), 0.05)
    ]
    after = {step.facts: step for step in steps}
    rest = tuple(name for name in before["blood_tests"].facts if name != "alt_u_l")
    assert (after[rest].procedure.id, after[rest].cost) == ("blood_tests", 4.0)
    assert after[("pregnancy_test",)].cost == 0.2  # the fact's, though its procedure has the same name
    assert after[("lvef_pct",)].cost == 7.0
    assert [name for step in steps for name in step.facts].count("alt_u_l") == 1
    assert sorted(n for s in steps for n in s.facts) == sorted(n for s in before.values() for n in s.facts)


def test_nothing_is_left_to_find_out_once_a_criterion_fails() -> None:
    assert next_steps(ELIGIBILITY, ELIGIBILITY.screen({"ecog": 4}), {}) == ()


def test_mirrors_and_what_cannot_fail_are_no_reason_to_ask() -> None:
    asked = {name for step in next_steps(ELIGIBILITY, ELIGIBILITY.screen({}), {}) for name in step.criteria}
    assert asked.isdisjoint({"E23", "E9", "I4"})


def test_a_question_that_only_the_sponsor_can_answer_is_not_sought_in_a_test() -> None:
    facts = {"diagnosis": "lbl", "dx_classification": "who_2016", "disease_state": "untreated",
             "planned_treatment": "first_induction", "prior_reinductions": 0}  # fmt: skip
    asked = {
        name for step in next_steps(ELIGIBILITY, ELIGIBILITY.screen(facts), {}, facts=facts) for name in step.criteria
    }
    assert ELIGIBILITY.screen(facts)["I2"].status == "unknown"
    assert "I2" not in asked
    older = facts | {"dx_classification": None, "prior_reinductions": None}
    assert "I2" not in {
        name for step in next_steps(ELIGIBILITY, ELIGIBILITY.screen(older), {}, facts=older) for name in step.criteria
    }
    assert "I2" in {name for step in next_steps(ELIGIBILITY, ELIGIBILITY.screen({}), {}) for name in step.criteria}


def test_whatever_can_fail_is_found_by_the_draws() -> None:
    for phase in ("Ib", "II"):
        asked = {
            name for step in next_steps(ELIGIBILITY, ELIGIBILITY.screen({}, phase), {}) for name in step.criteria
        }
        assert asked == {c.id for c in ELIGIBILITY.criteria if not (c.counted_with or c.cannot_fail)}


def test_a_fact_that_no_procedure_finds_costs_a_look_into_the_chart() -> None:
    record = record_of([criterion(1, "p and x > 1")])
    assert {(step.procedure.id, step.cost) for step in next_steps(record, record.screen({}), {})} == {
        ("p", 1.0),
        ("x", 1.0),
    }


def test_every_fact_of_the_trial_has_its_procedure() -> None:
    assert {name for procedure in ELIGIBILITY.procedures for name in procedure.facts} == set(FACTS)


def test_an_unknown_of_the_infusion_gate_is_asked_for_as_well() -> None:
    steps = next_steps(ELIGIBILITY, ELIGIBILITY.screen_infusion({"infusion_date": TODAY}), {})
    assert "treatment_myelosuppression" in {name for step in steps for name in step.facts}
