"""Values that cannot be right beside others are unknown and asked for; they neither admit nor are they absent."""

from datetime import date
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError
from support.trial import ELIGIBILITY

from protocol.eligibility import EligibilityRecord

NEVER = {"ever_anticancer_therapy": False, "residual_toxicity_grade": 0, "enrolment_date": date(2026, 3, 2)}


@pytest.mark.parametrize(
    "other",
    [
        {"radiotherapy_field": "total_body"},
        {"radiotherapy_field": "elsewhere"},
        {"prior_reinductions": 1},
        {"disease_origin": "therapy_related"},
        {"disease_state": "cr"},
        {"disease_state": "prephase_only"},
        {"planned_treatment": "consolidation"},
        {"residual_toxicity_grade": 2},
    ],
)
def test_no_therapy_ever_beside_a_trace_of_one_is_a_contradiction_and_asked_for(other: dict[str, Any]) -> None:
    assert ELIGIBILITY.screen(NEVER)["I8"].status == "passes"
    screening = ELIGIBILITY.screen(NEVER | other)
    assert screening["I8a"].status == "unknown"
    assert "does not fit what else is known: Ever received anti-cancer therapy no" in screening["I8a"].reason
    assert "ever_anticancer_therapy" in [question.fact for question in screening.questions]
    frame = pd.DataFrame([NEVER | other, NEVER])
    counts = ELIGIBILITY.screen_cohort(frame).counts().set_index("criterion")
    assert counts.loc["I8", ["passes", "excludes"]].tolist() == [1, 0]


@pytest.mark.parametrize(
    "name",
    [
        "last_anticancer_therapy_date",
        "last_trial_drug_date",
        "last_immunosuppressant_date",
        "organ_transplant_date",
        "last_other_malignancy_date",
    ],
)
def test_a_day_before_the_birth_is_neither_known_nor_absent(name: str) -> None:
    facts = {"birth_date": date(1980, 5, 6), name: date(1926, 3, 1), "enrolment_date": date(2026, 3, 2)}
    said = {"ever_anticancer_therapy": False, "other_trial": "past", "immunosuppressant_use": "continuous"}
    said |= {"organ_transplant": True, "other_malignancy": "invasive"}
    screening = ELIGIBILITY.screen(facts | said)
    rule = {"last_anticancer_therapy_date": "I8a", "last_trial_drug_date": "E13", "last_other_malignancy_date": "E22"}
    verdict = screening[rule.get(name, "E12")]
    assert verdict.status == "unknown"
    assert "1926-03-01" in verdict.reason


@pytest.mark.parametrize(
    "other",
    [
        {"pregnancy_test": "positive", "pregnancy_test_date": date(2026, 3, 1)},
        {"pregnancy_test": "positive", "pregnancy_test_date": date(2025, 3, 1)},
        {"breastfeeding": True},
    ],
)
def test_a_pregnant_man_is_asked_for_the_sex_and_is_not_outside_the_criterion(other: dict[str, Any]) -> None:
    screening = ELIGIBILITY.screen({"sex": "male", "enrolment_date": date(2026, 3, 2)} | other)
    assert (screening["E18"].status, screening["I4"].status) == ("unknown", "unknown")


@pytest.mark.parametrize(
    ("fact", "condition", "write"),
    [
        ("nobody", "ever_anticancer_therapy", "write the id of a fact that is not derived"),
        ("bmi_kg_m2", "weight_kg > 1", "write the id of a fact that is not derived"),
        ("sex", "weight_kg > bmi_max_kg_m2", "names the unknown 'bmi_max_kg_m2'"),
    ],
)
def test_a_contradiction_is_between_facts(fact: str, condition: str, write: str) -> None:
    one = {"fact": fact, "condition": condition, "assumption": "for the test"}
    with pytest.raises(ValidationError, match=write):
        EligibilityRecord.model_validate(ELIGIBILITY.model_dump() | {"contradictions": [one]})
