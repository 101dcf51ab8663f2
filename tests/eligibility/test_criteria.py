"""The criteria: the cases of the record, three-valued logic, and values that are refused."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.small_protocols import criterion, record_of, truths
from support.trial import ELIGIBILITY

from protocol.eligibility import Case
from protocol.records import ProtocolError

CASES = [
    (rule.id, case)
    for criterion in ELIGIBILITY.criteria
    for rule in criterion.rules()
    for case in ELIGIBILITY.cases.get(rule.id, ())
]


@pytest.mark.requirement("R-ELI-01")
@pytest.mark.parametrize(("rule", "case"), CASES, ids=[f"{rule}: {case.says}" for rule, case in CASES])
def test_every_case_of_the_record_gets_its_verdict(rule: str, case: Case) -> None:
    verdict = ELIGIBILITY.screen(case.facts, case.phase)[rule]
    assert verdict.status == case.expect, verdict.reason


def cohort_status(rule: str, **columns: list[Any]) -> list[str]:
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    counts = [ELIGIBILITY.screen_cohort(pd.DataFrame([row])) for row in rows]
    statuses = ["passes", "excludes", "unknown", "not applicable"]
    return [one.counts().set_index("criterion").loc[rule, statuses].idxmax() for one in counts]


@pytest.mark.requirement("R-ELI-04")
@pytest.mark.parametrize(
    ("column", "value", "write"),
    [
        ("ecog", -1, "a whole number from 0 to 5"),
        ("ecog", 2.7, "a whole number from 0 to 5"),
        ("bmi_kg_m2", 3.0, "a number from 5 to 210 kg/m²"),
        ("lvef_pct", float("inf"), "a number from"),
        ("allergy", "SEVERE", "one of none, severe, product"),
        ("consent_signed", "perhaps", "yes or no"),
        ("birth_date", "yesterday", "a date like 2026-03-01"),
    ],
)
def test_a_frame_with_an_impossible_value_is_refused_by_column(column: str, value: object, write: str) -> None:
    with pytest.raises(ProtocolError, match=f"column {column}") as caught:
        ELIGIBILITY.screen_cohort(pd.DataFrame({column: [None, value]}))
    assert write in caught.value.write


@pytest.mark.parametrize(
    "frame", ["cohort.csv", "no.parquet", {"ecog": [1]}, pd.DataFrame([[1, 2]], columns=["ecog"] * 2)]
)
def test_what_is_no_table_is_refused_in_words(frame: object) -> None:
    with pytest.raises(ProtocolError, match="a pandas or Polars DataFrame with each column once"):
        ELIGIBILITY.screen_cohort(frame)


def test_the_missing_values_of_every_program_mean_unknown() -> None:
    for missing in (
        pd.array([1, None], dtype="Int64"),
        [1, None],
        [1.0, float("nan")],
        pd.array([1, pd.NA], dtype=object),
    ):
        counts = ELIGIBILITY.screen_cohort(pd.DataFrame({"ecog": missing})).counts().set_index("criterion")
        assert counts.loc["I5", ["passes", "unknown"]].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("rule", "facts"),
    [
        ("E3", {"weight_kg": 20.0, "height_cm": 250.0}),
        ("E3", {"weight_kg": 300.0, "height_cm": 100.0}),
        ("I1", {"birth_date": date(2026, 1, 1), "consent_date": date(2025, 1, 1)}),
    ],
)
def test_an_impossible_derived_value_is_no_value(rule: str, facts: dict[str, Any]) -> None:
    assert ELIGIBILITY.screen(facts)[rule].status == "unknown"
    assert cohort_status(rule, **{name: [value] for name, value in facts.items()}) == ["unknown"]


def test_a_criterion_that_counts_with_another_still_excludes_when_it_alone_fails() -> None:
    record = ELIGIBILITY.with_parameters(survival_min_months=0.0)
    facts = {"expected_survival_months": 0.05}
    assert record.screen(facts).overall == "ineligible"
    assert record.screen_cohort(pd.DataFrame([facts])).overall().tolist() == ["ineligible"]


def test_the_tolerance_favours_equality_on_both_sides_of_zero() -> None:
    week = {"d": date(2026, 1, 8), "e": date(2026, 1, 1)}
    spans = [f"days_between(d, e) {operator} -7" for operator in ("<=", ">=", "==", "<", ">")]
    assert truths(spans, week) == [True, True, True, False, False]
    assert truths(["x == 1.5 * 1.2", "x != 1.5 * 1.2", "x in (1.5 * 1.2, 7)"], {"x": 1.8}) == [True, False, True]
    assert truths(["x - y <= -0.6", "x - y > -0.6"], {"x": 0.6, "y": 1.2}) == [True, False]


def test_a_division_by_zero_is_unknown_for_one_and_for_many() -> None:
    record = record_of([criterion(1, "x / n > 1")])
    assert record.screen({"x": 1.0, "n": 0}).verdicts[0].status == "unknown"
    assert record.screen_cohort(pd.DataFrame({"x": [1.0], "n": [0]})).counts()["unknown"].tolist() == [1]


PARTS = [
    {"id": "1.1", "title": "t", "wording": "w", "condition": "p", "applies_if": "q"},
    {"id": "1.2", "title": "t", "wording": "w", "condition": "r"},
]


@pytest.mark.parametrize("combine", ["any", "all"])
@pytest.mark.parametrize("kind", ["inclusion", "exclusion"])
def test_a_part_that_does_not_apply_leaves_the_rest_to_decide(kind: str, combine: str) -> None:
    record = record_of([criterion(1, None, kind, parts=PARTS, combine=combine)])
    for rest in (True, False):
        facts = {"p": True, "q": False, "r": rest}
        wanted = "passes" if rest == (kind == "inclusion") else "excludes"
        assert record.screen(facts).verdicts[0].status == wanted
        assert record.screen_cohort(pd.DataFrame([facts])).counts()[wanted].tolist() == [1]


def test_a_criterion_without_a_part_in_the_phase_does_not_apply() -> None:
    record = record_of([criterion(1, None, "inclusion", parts=[{**PARTS[1], "phases": ["II"]}], combine="any")])
    assert record.screen({"r": True}, "Ib")["1.2"].status == "not applicable"
    assert record.screen({"r": True}, "Ib").verdicts[0].status == "not applicable"
    assert record.screen_cohort(pd.DataFrame({"r": [True]}), "Ib").counts()["not applicable"].tolist() == [1]


@pytest.mark.parametrize(
    "condition",
    [
        "n ** -1 > 0",
        "10 ** (n * n) > 1",
        "9 ** 9 ** 9 > 1",
        "1e400 > x",
        "x in ()",
        "'purple' == colour",
        "(" * 5000 + "p" + ")" * 5000,
    ],
    ids=[
        "a root",
        "a power of facts",
        "a huge power",
        "a huge number",
        "an empty list",
        "a misspelt option",
        "nesting",
    ],
)
def test_a_condition_that_could_not_be_answered_is_refused_on_reading(condition: str) -> None:
    with pytest.raises(ValueError, match="write"):
        record_of([criterion(1, condition)])


def test_an_unknown_criterion_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        ELIGIBILITY.screen({})["E99"]


@pytest.mark.parametrize("phase", ["III", "1b", "IB", "", "Phase Ib"])
def test_a_phase_the_protocol_does_not_have_is_refused(phase: Any) -> None:
    with pytest.raises(ProtocolError, match="Ib or II"):
        ELIGIBILITY.screen({}, phase)
    with pytest.raises(ProtocolError, match="Ib or II"):
        ELIGIBILITY.screen_cohort(pd.DataFrame({"ecog": [0]}), phase)


@pytest.mark.parametrize(
    ("rule", "facts", "reason"),
    [
        ("I1", {"birth_date": date(1950, 1, 1), "consent_date": date(2026, 1, 1), "age_years": 30}, "does not fit"),
        ("E3", {"weight_kg": 150.0, "height_cm": 160.0, "bmi_kg_m2": 25.0}, "does not fit"),
        (
            "I7.4",
            {
                "creatinine_umol_l": 60.0,
                "creatinine_uln_umol_l": 97.0,
                "labs_date": date(2027, 1, 1),
                "enrolment_date": date(2026, 3, 1),
            },
            "dated after enrolment",
        ),
        (
            "E18",
            {
                "sex": "female",
                "breastfeeding": False,
                "pregnancy_test": "negative",
                "pregnancy_test_date": date(2027, 1, 1),
                "enrolment_date": date(2026, 3, 1),
            },
            "dated after enrolment",
        ),
        (
            "I5",
            {"ecog": 1, "ecog_date": date(2026, 3, 20), "therapy_start_date": date(2026, 3, 6)},
            "the protocol leaves this open",
        ),
    ],
)
def test_what_contradicts_itself_or_comes_too_late_admits_nobody(
    rule: str, facts: dict[str, Any], reason: str
) -> None:
    verdict = ELIGIBILITY.screen(facts)[rule]
    assert verdict.status == "unknown"
    assert reason in verdict.reason
    if not verdict.id.startswith("I7"):
        assert cohort_status(rule, **{name: [value] for name, value in facts.items()}) == ["unknown"]


def test_a_rounded_body_mass_index_fits_weight_and_height() -> None:
    assert ELIGIBILITY.screen({"weight_kg": 70.0, "height_cm": 175.0, "bmi_kg_m2": 22.9})["E3"].status == "passes"


def test_an_ecog_rating_between_enrolment_and_therapy_counts() -> None:
    days = {"enrolment_date": date(2026, 3, 1), "ecog_date": date(2026, 3, 5), "therapy_start_date": date(2026, 3, 6)}
    assert ELIGIBILITY.screen({"ecog": 1} | days)["I5"].status == "passes"


def test_a_date_no_participant_can_have_is_refused() -> None:
    for day in (date(1, 1, 1), date(9999, 12, 31)):
        with pytest.raises(ProtocolError, match="from 1900 to 2100"):
            ELIGIBILITY.screen({"birth_date": day})


def test_a_row_of_a_frame_is_a_participant() -> None:
    row = {"ecog": np.int64(1), "consent_signed": np.True_, "consent_date": np.datetime64("2026-03-01", "D")}
    plain = {"ecog": 1, "consent_signed": True, "consent_date": date(2026, 3, 1)}
    missing = {"sex": pd.NA, "weight_kg": np.float64("nan"), "birth_date": pd.NaT}
    assert ELIGIBILITY.screen(row | missing) == ELIGIBILITY.screen(plain)
