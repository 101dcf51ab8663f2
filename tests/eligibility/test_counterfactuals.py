"""Counterfactuals: the nearest change after which a criterion passes."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.participants import PHASES, participants, records
from support.random_examples import random_examples
from support.small_protocols import PEOPLE, criteria, record_of
from support.trial import ELIGIBILITY, FACTS

from protocol.eligibility import EligibilityRecord
from protocol.records import Phase

TODAY = date(2026, 3, 1)


@pytest.mark.slow
@random_examples(15)
@given(st.data(), records(), PHASES)
def test_a_change_makes_its_criterion_met_and_changes_nothing_it_does_not_name(
    data: st.DataObject, record: EligibilityRecord, phase: Phase
) -> None:
    facts = {name: value for name, value in data.draw(participants(record)).items() if value == value}
    before = {v.id: v.status for v in record.screen(facts, phase).verdicts}
    for change in record.counterfactuals(facts, phase):
        assert before[change.criterion] == "excludes"
        for value in change.to:
            after = {v.id: v.status for v in record.screen({**facts, change.fact: value}, phase).verdicts}
            assert (after[change.criterion] == "passes") or not change.sufficient
            if value == change.to[0]:
                others = {name: status for name, status in after.items() if status != before[name]}
                assert {name: status for name, status in others.items() if name != change.criterion} == change.also


@pytest.mark.slow
@random_examples(15)
@given(st.data(), records(), PHASES)
def test_no_number_nearer_to_the_present_one_would_do(
    data: st.DataObject, record: EligibilityRecord, phase: Phase
) -> None:
    facts = {name: value for name, value in data.draw(participants(record)).items() if value == value}
    for change in record.counterfactuals(facts, phase):
        fact = FACTS[change.fact]
        if fact.is_number and change.sufficient:
            step = (fact.step or 1) * (1 if change.to[0] < change.now else -1)  # type: ignore[operator]
            nearer = round(change.to[0] + step, 9)  # type: ignore[operator, arg-type]
            nearer = int(nearer) if fact.type == "whole" else nearer
            if (nearer - change.now) * step < 0:  # type: ignore[operator]
                assert record.screen({**facts, change.fact: nearer}, phase)[change.criterion].status != "passes"


ORGANS = {
    "spo2_pct": 98.0, "on_room_air": True, "lvef_pct": 60.0, "alt_u_l": 112.0, "alt_uln_u_l": 40.0, "ast_u_l": 30.0,
    "ast_uln_u_l": 40.0, "bilirubin_umol_l": 10.0, "bilirubin_uln_umol_l": 20.5, "creatinine_umol_l": 80.0,
    "creatinine_uln_umol_l": 97.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        (ORGANS, ["Alanine aminotransferase (ALT) at most 100 U/L (now 112 U/L)"]),
        ({"ecog": 3}, ["ECOG performance status at most 2 (now 3)"]),
        ({"alt_u_l": 112.0, "alt_uln_u_l": 40.0}, ["Alanine aminotransferase (ALT) at most 100 U/L (now 112 U/L)"]),
        ({"bmi_kg_m2": 31.0}, ["Body mass index at most 30 kg/m² (now 31 kg/m²)"]),
        ({"weight_kg": 90.0, "height_cm": 170.0}, ["Weight at most 86.7 kg (now 90 kg)"]),
        ({"lvef_pct": 30.0}, ["Left ventricular ejection fraction at least 45 % (now 30 %)"]),
        ({"last_trial_drug_date": date(2026, 2, 15), "other_trial": "past", "enrolment_date": TODAY},
         ["enrolment from 2026-03-29"]),
    ],
)  # fmt: skip
def test_the_nearest_change_is_told_in_words(facts: dict[str, Any], says: list[str]) -> None:
    assert [change.says for change in ELIGIBILITY.counterfactuals(facts)] == says


def test_two_obstacles_in_one_criterion_are_told_as_such() -> None:
    changes = ELIGIBILITY.counterfactuals(ORGANS | {"bilirubin_umol_l": 57.5, "lvef_pct": 30.0})
    assert {change.fact for change in changes} == {"alt_u_l", "bilirubin_umol_l", "lvef_pct"}
    assert not any(change.sufficient for change in changes)
    together = ORGANS | {change.fact: change.to[0] for change in changes if change.fact != "lvef_pct"}
    assert ELIGIBILITY.screen(together)["I7"].status == "passes"


def test_a_change_that_moves_another_verdict_says_which() -> None:
    (change,) = ELIGIBILITY.counterfactuals({"expected_survival_months": 0.05})
    assert change.criterion == "I6"
    assert dict(change.also) == {"E9": "passes"}


@pytest.mark.slow
@random_examples(60)
@given(st.tuples(*(criteria(number) for number in (1, 2))), PEOPLE, PHASES)
def test_changes_hold_for_random_protocols(drawn: tuple[Any, ...], person: dict[str, Any], phase: Phase) -> None:
    record = record_of(drawn)
    facts = {name: value for name, value in person.items() if value == value}
    for change in record.counterfactuals(facts, phase):
        if change.sufficient:
            for value in change.to:
                assert record.screen({**facts, change.fact: value}, phase)[change.criterion].status == "passes"
