"""Properties of the criteria engine, checked against a second implementation on random participants."""

import math
from datetime import date
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.frames import COLUMNS, SMALL_COLUMNS, everywhere, frame, row_of, statuses
from support.participants import PHASES, participants, records
from support.random_examples import random_examples
from support.small_protocols import FACTS as SMALL_FACTS
from support.small_protocols import PARAMETERS, PEOPLE, criteria, record_of, truths
from support.trial import ELIGIBILITY, FACTS
from twins.eligibility import completed_years, months_between, verdicts

from protocol.eligibility import Cases, EligibilityRecord
from protocol.eligibility.conditions import check
from protocol.records import Phase


@pytest.mark.requirement("R-ELI-01")
@pytest.mark.slow
@random_examples(400)
@given(st.data(), records(), PHASES)
def test_the_engine_agrees_with_its_twin_for_every_criterion_and_part(
    data: st.DataObject, record: EligibilityRecord, phase: Phase
) -> None:
    facts = data.draw(participants(record))
    assert statuses(record.screen(facts, phase)) == verdicts(record, facts, phase)


@pytest.mark.requirement("R-ELI-01")
@pytest.mark.slow
@pytest.mark.parametrize("criterion_", ELIGIBILITY.criteria, ids=lambda criterion_: criterion_.id)
def test_the_twin_gives_every_case_of_the_record_its_verdict(criterion_: Any) -> None:
    for rule in criterion_.rules():
        for case in ELIGIBILITY.cases.get(rule.id, ()):
            assert verdicts(ELIGIBILITY, case.facts, case.phase)[rule.id] == case.expect, case.says


@pytest.mark.slow
@random_examples(250)
@given(st.tuples(*(criteria(number) for number in (1, 2, 3))), st.lists(PEOPLE, min_size=3, max_size=3), PHASES)
def test_engine_and_twin_agree_on_random_protocols(
    drawn: tuple[Any, ...], people: list[dict[str, Any]], phase: Phase
) -> None:
    for text in (text for one in drawn for text in one.conditions()):
        check(text, {fact.id: fact for fact in SMALL_FACTS}, {p.id: p for p in PARAMETERS})
    record = record_of(drawn)
    cohort = record.screen_cohort(frame(people, SMALL_COLUMNS), phase)
    for row, facts in enumerate(people):
        expected = verdicts(record, facts, phase)
        found = statuses(record.screen(facts, phase))
        assert {rule: found.get(rule, "not applicable") for rule in expected} == expected
        assert row_of(cohort, row) == {one.id: expected[one.id] for one in drawn}


# --- One participant and many ------------------------------------------------------------------------------------


def pandas_flavours(people: list[dict[str, Any]]) -> list[pd.DataFrame]:
    """Return the kinds of pandas frames people have: Python's own values, time stamps, nullable types."""
    plain = pd.DataFrame([{name: one.get(name) for name in COLUMNS} for one in people])
    stamped = plain.assign(
        **{name: pd.to_datetime(plain[name]) for name, fact in FACTS.items() if fact.type == "date"}
    )
    return [plain, stamped, stamped.convert_dtypes()]


@pytest.mark.requirement("R-ELI-03")
@pytest.mark.slow
@random_examples(20)
@given(st.data(), records(), PHASES)
def test_a_cohort_gets_bit_by_bit_what_its_participants_get_alone(
    data: st.DataObject, record: EligibilityRecord, phase: Phase
) -> None:
    people = data.draw(st.lists(participants(record), min_size=1, max_size=4))
    alone = [record.screen(facts, phase) for facts in people]
    ids = [one.id for one in record.criteria]
    wanted = [[screening[rule].status for rule in ids] for screening in alone]
    for many in (frame(people, COLUMNS), *pandas_flavours(people)):
        cohort = record.screen_cohort(many, phase)
        assert [list(row_of(cohort, row).values()) for row in range(len(people))] == wanted
        assert cohort.overall().tolist() == [screening.overall for screening in alone]
        counts = cohort.counts().set_index("criterion")
        for position, rule in enumerate(ids):
            column = [row[position] for row in wanted]
            for status in ("passes", "excludes", "unknown", "not applicable"):
                assert counts.loc[rule, status] == column.count(status)


@pytest.mark.requirement("R-ELI-02")
def test_a_column_nobody_has_means_unknown_for_everybody() -> None:
    cohort = ELIGIBILITY.screen_cohort(pl.DataFrame({"participant_id": ["1", "2"], "ecog": [0, None]}))
    alone = [statuses(ELIGIBILITY.screen(facts)) for facts in ({"ecog": 0}, {})]
    assert [row_of(cohort, row) for row in (0, 1)] == [
        {one.id: expected[one.id] for one in ELIGIBILITY.criteria} for expected in alone
    ]


# --- Learning a fact -------------------------------------------------------------------------------------------

DATES_OF_STALENESS = {fact.dated_by for fact in ELIGIBILITY.facts if fact.dated_by} | {"enrolment_date"}
DERIVED = {fact.id for fact in ELIGIBILITY.facts if fact.derived}
LEARNABLE = sorted(set(FACTS) - DATES_OF_STALENESS - DERIVED)
BLOCKS = {"passes": False, "not applicable": False, "excludes": True, "unknown": None}
SAYS_MORE = {
    "a day, that what was denied has happened": {
        ("E12", "last_immunosuppressant_date"), ("E12", "organ_transplant_date"), ("E13", "last_trial_drug_date"),
        ("E22", "last_other_malignancy_date"), ("I8", "last_anticancer_therapy_date"),
    },
    "virus was found where no antigen or antibody was": {("E10", "hbv_dna"), ("E10", "hcv_rna")},
    "a state that follows treatment, that there was one": {("I8", "disease_state")},
    "a pregnancy, that a woman is not past it": {("E18", "breastfeeding"), ("E18", "pregnancy_test")},
    "a rating from after the start of therapy does not count": {("I5", "therapy_start_date")},
    "treatment that has just begun cannot have worked yet": {("E6", "anti_infective_start_date")},
    "what is computed from it does not fit what was given": {
        ("E3", "weight_kg"), ("E3", "height_cm"), ("I1", "birth_date"), ("I1", "consent_date"),
    },
}  # fmt: skip
"""Which fact may take back which known answer, since it says that the answer rested on something wrong."""


@pytest.mark.slow
@random_examples(200)
@given(st.data(), records(), PHASES)
def test_learning_a_fact_never_flips_a_verdict_that_was_known_unless_it_contradicts(
    data: st.DataObject, record: EligibilityRecord, phase: Phase
) -> None:
    more = data.draw(participants(record))
    forgotten = data.draw(st.lists(st.sampled_from(LEARNABLE), min_size=1, max_size=6))
    less = {name: value for name, value in more.items() if name not in forgotten}
    after, before = (
        {rule: BLOCKS[status] for rule, status in statuses(record.screen(facts, phase)).items()}
        for facts in (more, less)
    )
    changed = {rule for rule, blocks in before.items() if blocks is not None and after[rule] != blocks}
    contradicted = {rule for pairs in SAYS_MORE.values() for rule, fact in pairs if fact in forgotten}
    assert {rule.partition(".")[0].rstrip("ab") for rule in changed} <= contradicted


COMPLETE: dict[str, Any] = {
    name: value for one in ELIGIBILITY.criteria for name, value in ELIGIBILITY.cases[one.id][0].facts.items()
}


@pytest.mark.requirement("R-ELI-02")
@pytest.mark.slow
@pytest.mark.parametrize("name", [fact.id for fact in ELIGIBILITY.facts if fact.is_number])
def test_not_a_number_is_unknown_and_never_passes(name: str) -> None:
    facts = {**COMPLETE, name: math.nan}
    absent = {key: value for key, value in COMPLETE.items() if key != name}
    assert statuses(ELIGIBILITY.screen(facts, "II")) == statuses(ELIGIBILITY.screen(absent, "II"))
    together = ELIGIBILITY.screen_cohort(frame([facts, absent], COLUMNS), "II")
    assert row_of(together, 0) == row_of(together, 1)


@pytest.mark.slow
@random_examples(40)
@given(st.data(), records())
def test_the_phases_differ_only_by_part_2_4(data: st.DataObject, record: EligibilityRecord) -> None:
    facts = data.draw(participants(record))
    first, second = (statuses(record.screen(facts, phase)) for phase in ("Ib", "II"))
    assert {rule for rule in first if first[rule] != second[rule]} <= {"I2", "I2.4"}
    assert first["I2.4"] == "not applicable"
    assert second["I2.4"] != "not applicable"


@pytest.mark.slow
@random_examples(40)
@given(records())
def test_a_changed_threshold_never_changes_the_record_itself(changed: EligibilityRecord) -> None:
    fresh = type(ELIGIBILITY).model_validate(ELIGIBILITY.model_dump()).with_cases(Cases(dict(ELIGIBILITY.cases)))
    fresh = fresh.with_zone(ELIGIBILITY.zone)
    values = {parameter.id: parameter.value for parameter in changed.parameters}
    assert ELIGIBILITY.with_parameters(**values) == changed
    assert fresh == ELIGIBILITY
    original = {parameter.id: parameter.value for parameter in ELIGIBILITY.parameters}
    assert changed.with_parameters(**original) == ELIGIBILITY


# --- Boundaries that the record's own cases do not state ---------------------------------------------------------

PLANNED = {"diagnosis": "myeloma", "planned_treatment": "auto_hsct", "veins_ok": True}
BOUNDARIES: list[tuple[str, str, dict[str, Any], str]] = [
    ("ECOG 0 is a value", "I5", {"ecog": 0}, "passes"),
    ("room air is not on record", "I7.1", {"spo2_pct": 97.0}, "unknown"),
    ("too little oxygen even with extra oxygen", "I7.1", {"spo2_pct": 94.9, "on_room_air": False}, "excludes"),
    ("no oxygen saturation and no statement", "I7.1", {"spo2_pct": math.nan, "on_room_air": True}, "unknown"),
    ("ALT exactly at the limit, AST exactly at the limit", "I7.3",
     {"alt_u_l": 100.0, "alt_uln_u_l": 40.0, "ast_u_l": 87.5, "ast_uln_u_l": 35.0, "bilirubin_umol_l": 18.0,
      "bilirubin_uln_umol_l": 12.0}, "passes"),
    ("AST just above its limit", "I7.3", {"ast_u_l": 100.1, "ast_uln_u_l": 40.0}, "excludes"),
    ("creatinine just above its limit", "I7.4",
     {"creatinine_umol_l": 145.51, "creatinine_uln_umol_l": 97.0}, "excludes"),
    ("creatinine without a laboratory's limit", "I7.4", {"creatinine_umol_l": 60.0}, "unknown"),
    ("a woman, pregnancy not tested, breast feeding", "E18", {"sex": "female", "breastfeeding": True}, "excludes"),
    ("sex not recorded, breast feeding", "E18", {"breastfeeding": True}, "unknown"),
    ("sex not recorded, neither pregnant nor breast feeding", "E18",
     {"pregnancy_test": "negative", "breastfeeding": False}, "passes"),
    ("a sterilized woman with a test that is too old", "E18",
     {"sex": "female", "fertility_status": "sterile", "breastfeeding": False, "pregnancy_test": "negative",
      "pregnancy_test_date": date(2026, 1, 1), "enrolment_date": date(2026, 3, 1)}, "passes"),
    ("sex not recorded, plans a child", "E19", {"fertility_plan": True}, "excludes"),
    ("no consent, as the mirror of Inclusion 3", "E23", {"consent_signed": False}, "excludes"),
    ("a value whose date is not known is used", "I5", {"ecog": 1, "enrolment_date": date(2026, 3, 1)}, "passes"),
    ("a value whose enrolment is not known is used", "I5", {"ecog": 1, "ecog_date": date(2020, 1, 1)}, "passes"),
    ("a rating made after enrolment is not too old", "I5",
     {"ecog": 1, "ecog_date": date(2026, 3, 2), "enrolment_date": date(2026, 3, 1)}, "passes"),
    ("a virus test that is too old cannot exclude", "E10",
     {"hcv_rna": "detectable", "virology_date": date(2026, 1, 1), "enrolment_date": date(2026, 3, 1)}, "unknown"),
    ("a given body mass index that does not fit weight and height is no answer", "E3",
     {"bmi_kg_m2": 29.0, "weight_kg": 120.0, "height_cm": 170.0}, "unknown"),
    ("81.4 kg at 165 cm are 29.9", "E3", {"weight_kg": 81.4, "height_cm": 165.0}, "passes"),
    ("a leap day birthday, 76 on 1 March", "I1",
     {"birth_date": date(1948, 2, 29), "consent_date": date(2023, 12, 31)}, "passes"),
    ("three years from 29 February end on 28 February", "E22",
     {"other_malignancy": "invasive", "last_other_malignancy_date": date(2024, 2, 29),
      "enrolment_date": date(2027, 2, 28)}, "passes"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("says", "rule", "facts", "status"), BOUNDARIES, ids=[row[0] for row in BOUNDARIES])
def test_a_boundary_gets_its_verdict(says: str, rule: str, facts: dict[str, Any], status: str) -> None:
    assert ELIGIBILITY.screen(facts, "II")[rule].status == status
    assert verdicts(ELIGIBILITY, facts, "II")[rule] == status
    assert row_of(ELIGIBILITY.screen_cohort(frame([facts], COLUMNS), "II"), 0).get(rule, status) == status


@pytest.mark.parametrize(("times", "limit", "value"), [(1.5, 1.2, 1.8), (1.5, 5.1, 7.65), (2.5, 40.0, 100.0)])
def test_a_value_exactly_at_a_multiple_of_its_limit_is_admitted(times: float, limit: float, value: float) -> None:
    assert truths([f"{value} <= {times} * {limit}", f"{value} > {times} * {limit}"], {}) == [True, False]
    assert truths(["x <= 1.5 * limit", "x > 1.5 * limit", "x >= 1.5 * limit", "x < 1.5 * limit"], {"x": 1.8}) == [
        True,
        False,
        True,
        False,
    ]


def test_low_cd34_makes_inclusion_2_met_in_phase_ii_only() -> None:
    facts = {**PLANNED, "cd34_pb_per_ul": 10.9}
    assert {phase: ELIGIBILITY.screen(facts, phase)["I2"].status for phase in ("Ib", "II")} == {
        "Ib": "excludes",
        "II": "passes",
    }


def test_a_missing_signature_is_one_reason_in_the_funnel() -> None:
    funnel = ELIGIBILITY.screen_cohort(pl.DataFrame({"consent_signed": [False]})).funnel().set_index("criterion")
    assert "E23" not in funnel.index
    assert funnel.loc["I3", "only_reason"] == 1


# --- The twin's own dates, so that it cannot be wrong together with the engine -------------------------------------


@pytest.mark.parametrize(
    ("earlier", "later", "months"),
    [
        (date(2025, 8, 31), date(2026, 2, 28), 6),
        (date(2025, 8, 31), date(2026, 2, 27), 5),
        (date(2023, 8, 31), date(2024, 2, 28), 5),
        (date(2023, 8, 31), date(2024, 2, 29), 6),
        (date(2026, 2, 28), date(2026, 3, 31), 1),
        (date(2026, 3, 1), date(2026, 3, 1), 0),
    ],
)
def test_complete_months_clip_at_the_end_of_a_month(earlier: date, later: date, months: int) -> None:
    assert months_between(earlier, later) == months
    assert everywhere(f"months_between(d, e) == {months}", {"d": earlier, "e": later}) == {"excludes"}


@pytest.mark.parametrize(
    ("on", "years"),
    [(date(2026, 2, 28), 17), (date(2026, 3, 1), 18), (date(2028, 2, 28), 19), (date(2028, 2, 29), 20)],
)
def test_a_leap_day_birthday_falls_on_1_march_of_a_common_year(on: date, years: int) -> None:
    assert completed_years(date(2008, 2, 29), on) == years
    assert everywhere(f"completed_years(d, e) == {years}", {"d": date(2008, 2, 29), "e": on}) == {"excludes"}
