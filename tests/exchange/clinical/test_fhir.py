"""FHIR R4 records become facts with their evidence, or a reason why not; names are never read."""

import json
from dataclasses import asdict
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clinical_records import (
    DAY,
    LOINC,
    PATIENT,
    SNOMED,
    bundle,
    concept,
    condition,
    everybody,
    observation,
    quantity,
    read,
    state,
)
from support.trial import ELIGIBILITY

from protocol.exchange.clinical.findings import Imports, keyed
from protocol.exchange.clinical.reference_ranges import Limit
from protocol.exchange.cohort.fhir_group import group
from protocol.exchange.cohort.results import stamp
from protocol.records import ProtocolError


def alt(value: float, own: str = "o1", **more: Any) -> dict[str, Any]:
    return observation("1742-6", own, valueQuantity=quantity(value, "U/L"), **more)


@pytest.mark.requirement("R-IMP-01")
@pytest.mark.slow
def test_a_value_comes_with_where_it_stood() -> None:
    person = read(observation("2160-0", "k7", valueQuantity=quantity(1.65, "mg/dL")))
    assert person.facts["creatinine_umol_l"] == pytest.approx(145.862801)
    found = person.provenance["creatinine_umol_l"]
    assert (found.origin, found.code, found.original) == ("Observation k7", "LOINC 2160-0", "1.65 mg/dL")
    assert person.facts["labs_date"] == found.day == date(2026, 3, 8)


@pytest.mark.slow
def test_a_code_counts_only_with_its_system_and_never_by_its_display() -> None:
    ethnicity = {"coding": [{"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3", "display": "White"}]}
    other = observation("x", code=ethnicity, valueCodeableConcept=concept("260385009", "http://snomed.info/sct"))
    named = observation("99999-9", "o2", code=concept("99999-9", LOINC, "Alanine aminotransferase"))
    named["valueQuantity"] = quantity(40, "U/L")
    spaced = observation("1742-6", "o3", code=concept("1742-6", LOINC, "ALT [#/\u200bvolume]"))
    spaced["valueQuantity"] = quantity(41, "U/L")
    person = read(other, named, spaced)
    assert "pregnancy_test" not in person.facts
    assert person.facts["alt_u_l"] == 41


def test_the_newest_value_across_all_codes_of_a_variable_counts_and_nothing_from_the_future() -> None:
    person = read(
        observation("2160-0", "a", "2026-03-01", valueQuantity=quantity(1.0, "mg/dL")),
        observation("14682-9", "b", "2026-03-09", valueQuantity=quantity(90, "umol/L")),
        observation("38483-4", "c", "2026-03-05", valueQuantity=quantity(2.0, "mg/dL")),
        observation("14682-9", "d", "2026-03-11", valueQuantity=quantity(300, "umol/L")),
    )
    assert person.facts["creatinine_umol_l"] == 90
    assert person.provenance["creatinine_umol_l"].origin == "Observation b"


def test_two_sources_that_disagree_on_one_day_conflict_and_agreement_in_two_units_does_not() -> None:
    first = observation("2160-0", "a", valueQuantity=quantity(1.65, "mg/dL"))
    same = observation("14682-9", "b", valueQuantity=quantity(145.9, "umol/L"))
    other = observation("14682-9", "c", valueQuantity=quantity(160, "umol/L"))
    assert "creatinine_umol_l" in read(first, same).facts
    person = read(first, other)
    assert person.unusable["creatinine_umol_l"] == "conflicting sources"
    assert "creatinine_umol_l" not in person.facts
    assert "160 umol/L (Observation c)" in person.unused["creatinine_umol_l"].note


def test_a_repeat_later_on_the_same_day_is_no_conflict() -> None:
    morning, evening = alt(40, "a", day="2026-03-08T07:00:00Z"), alt(60, "b", day="2026-03-08T19:00:00Z")
    assert read(evening, morning).facts["alt_u_l"] == 60


def test_the_latest_moment_of_a_day_counts_across_the_codes_of_a_fact() -> None:
    first = observation("2160-0", "a", "2026-03-08T07:00:00Z", valueQuantity=quantity(1.65, "mg/dL"))
    later = observation("14682-9", "b", "2026-03-08T19:00:00Z", valueQuantity=quantity(90, "umol/L"))
    assert read(later, first).facts["creatinine_umol_l"] == 90
    twin = observation("2160-0", "c", "2026-03-08T19:00:00Z", valueQuantity=quantity(1.018, "mg/dL"))
    assert "creatinine_umol_l" in read(later, first, twin).facts
    undated = observation("14682-9", "b", valueQuantity=quantity(90, "umol/L"), day="2026-03-08")
    assert read(undated, first).unusable["creatinine_umol_l"] == "conflicting sources"


def test_moments_are_ordered_across_time_zones_and_only_when_all_have_one() -> None:
    first = alt(40, "a", day="2026-03-08T23:00:00+08:00")  # 15:00 in universal time
    second = alt(60, "b", day="2026-03-08T16:00:00Z")
    assert read(first, second).facts["alt_u_l"] == 60
    assert read(first, alt(60, "b")).unusable["alt_u_l"] == "conflicting sources"


MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-cancer-related-medication-statement"


@pytest.mark.parametrize(
    ("given_", "last"),
    [
        ({"status": "completed", "effectiveDateTime": "2026-02-01"}, "2026-02-01"),
        ({"status": "completed", "effectiveDateTime": "2026-02"}, "2026-02-28"),  # at the latest
        ({"status": "completed", "effectiveDateTime": "2025"}, "2025-12-31"),
        ({"status": "completed", "effectiveDateTime": "2026"}, "2026-03-10"),
        ({"status": "completed", "effectivePeriod": {"start": "2026-01-01", "end": "2026-04-01"}}, "2026-03-10"),
        ({"status": "active", "effectiveDateTime": "2026-01-01"}, "2026-03-10"),  # still taken
        ({"status": "active", "effectivePeriod": {"start": "2026-01-01"}}, "2026-03-10"),
        ({"status": "completed"}, None),
        ({"status": "completed", "effectivePeriod": {"start": "2026-01-01"}}, None),  # over, nobody knows when
        ({"status": "on-hold", "effectivePeriod": {"start": "2026-01-01"}}, None),
        ({"status": "not-taken", "effectiveDateTime": "2026-02-01"}, ""),
        ({"status": "active", "effectiveDateTime": "2026-04-01"}, ""),
    ],
)
def test_therapy_lasts_to_its_latest_possible_day(given_: dict[str, Any], last: str | None) -> None:
    statement = {"resourceType": "MedicationStatement", "id": "m", "meta": {"profile": [MCODE]}, **given_}
    facts = read({**statement, "subject": {"reference": "Patient/1"}}).facts
    assert facts.get("ever_anticancer_therapy") == (None if last == "" else True)
    assert facts.get("last_anticancer_therapy_date") == (date.fromisoformat(last) if last else None)


def test_the_start_of_a_procedure_is_not_its_last_day() -> None:
    over = {"resourceType": "Procedure", "id": "p", "status": "completed", "subject": {"reference": "Patient/1"}}
    over |= {"code": concept("367336001", SNOMED), "performedPeriod": {"start": "2025-01-01"}}
    person = read(over)
    assert person.facts["ever_anticancer_therapy"] is True
    assert "last_anticancer_therapy_date" not in person.facts


@pytest.mark.requirement("R-IMP-01")
@pytest.mark.parametrize(
    ("given_", "reason"),
    [
        ({"valueQuantity": quantity(1.4)}, "unit unknown"),
        ({"valueQuantity": {"value": 1.4, "unit": "K/uL"}}, "unit unknown"),
        ({"valueQuantity": quantity(1.4, "U/L")}, "unit unknown"),
        ({"valueQuantity": quantity(5, "umol/L", comparator=">")}, "missing"),
        ({"valueQuantity": quantity(90000, "umol/L")}, "missing"),
        ({"valueString": "normal"}, "missing"),
        ({"valueInteger": 90}, "unit unknown"),
        ({"valueInteger": "90"}, "missing"),
        ({"valueInteger": True}, "missing"),
        ({"valueBoolean": True}, "missing"),
        ({"valueQuantity": quantity("90", "umol/L")}, "missing"),
        ({"valueQuantity": {"unit": "umol/L"}}, "missing"),
        ({"valueRange": {"low": quantity(200, "umol/L"), "high": quantity(300, "umol/L")}}, "missing"),
        ({"valueRatio": {"numerator": quantity(300)}}, "missing"),
        ({"valueSampledData": {"data": "300"}}, "missing"),
        ({"valueTime": "12:00"}, "missing"),
        ({"valueQuantity": quantity(90, "umol/L"), "effectiveDateTime": None}, "missing"),
    ],
)
def test_what_cannot_be_used_is_unknown_with_its_reason_and_not_replaced_by_an_older_value(
    given_: dict[str, Any], reason: str
) -> None:
    older = observation("14682-9", "old", "2026-03-01", valueQuantity=quantity(80, "umol/L"))
    rest = [] if "effectiveDateTime" in given_ else [older]
    person = read(observation("14682-9", "new", **given_), *rest)
    assert person.unusable == {"creatinine_umol_l": reason}
    told = ELIGIBILITY.screen(person.facts, unusable=person.unusable)["I7.4"]
    assert reason in {gap.reason for gap in told.gaps}
    screening = ELIGIBILITY.screen(person.facts)
    assert screening["I7.4"].status == "unknown"


def test_a_unit_written_as_text_counts_when_it_is_ucum() -> None:
    assert (
        read(observation("14682-9", valueQuantity={"value": 90, "unit": "umol/L"})).facts["creatinine_umol_l"] == 90
    )


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "registered"])
def test_an_observation_without_a_valid_result_is_ignored(status: str | None) -> None:
    person = read(alt(500, "new", status=status), alt(40, "old", day="2026-03-05"))
    assert person.facts["alt_u_l"] == 40


def test_a_preliminary_result_is_used_and_flagged() -> None:
    person = read(alt(40, status="preliminary"))
    assert person.provenance["alt_u_l"].note == "preliminary result"


def test_an_absent_value_does_not_hide_an_older_one() -> None:
    empty = observation("1742-6", "new", dataAbsentReason=state("not-performed"))
    assert read(empty, alt(40, "old", day="2026-03-05")).facts["alt_u_l"] == 40
    unit_only = {**empty, "valueQuantity": {"unit": "U/L"}}
    assert read(unit_only, alt(40, "old", day="2026-03-05")).facts["alt_u_l"] == 40


@pytest.mark.parametrize("score", range(6))
def test_ecog_is_read_as_a_number_or_as_a_coded_answer(score: int) -> None:
    answers = ["LA9622-7", "LA9623-5", "LA9624-3", "LA9625-0", "LA9626-8", "LA9627-6"]
    findings = ["425389002", "422512005", "422894000", "423053003", "423237006", "423409001"]
    for value in (
        {"valueInteger": score},
        {"valueQuantity": quantity(score, "{score}")},
        {"valueCodeableConcept": concept(answers[score])},
        {"valueCodeableConcept": concept(findings[score], "http://snomed.info/sct")},
    ):
        person = read(observation("89247-1", **value))
        assert person.facts["ecog"] == score
        assert person.facts["ecog_date"] == date(2026, 3, 8)


def test_components_are_read_and_no_flow_of_oxygen_is_room_air() -> None:
    flow = {"code": concept("3151-8"), "valueQuantity": quantity(0, "L/min")}
    person = read(observation("59408-5", valueQuantity=quantity(96, "%"), component=[flow]))
    assert (person.facts["spo2_pct"], person.facts["on_room_air"]) == (96, True)
    assert ELIGIBILITY.screen(person.facts)["I7.1"].status == "passes"
    flow["valueQuantity"] = quantity(2, "L/min")
    assert (
        read(observation("59408-5", valueQuantity=quantity(96, "%"), component=[flow])).facts["on_room_air"] is False
    )


def test_a_flow_of_more_than_nothing_is_not_room_air() -> None:
    flow = observation("3151-8", "f", valueQuantity=quantity(0, "L/min", comparator=">"))
    assert "on_room_air" not in read(flow, observation("59408-5", valueQuantity=quantity(96, "%"))).facts


def test_the_oxygen_of_another_day_says_nothing_about_todays_saturation() -> None:
    today = observation("59408-5", "s", "2026-03-08", valueQuantity=quantity(96, "%"))
    before = observation("3151-8", "f", "2026-03-07", valueQuantity=quantity(0, "L/min"))
    person = read(today, before)
    assert "on_room_air" not in person.facts
    assert ELIGIBILITY.screen(person.facts)["I7.1"].status == "unknown"
    assert "on_room_air" not in read(before).facts


@pytest.mark.parametrize(
    ("code", "value", "fact", "expected"),
    [
        ("5195-3", {"valueCodeableConcept": concept("LA6577-6")}, "hbsag", "negative"),
        ("5195-3", {"valueCodeableConcept": concept("10828004", "http://snomed.info/sct")}, "hbsag", "positive"),
        ("42595-9", {"valueQuantity": quantity(20, "[IU]/mL", comparator="<")}, "hbv_dna", "not_detectable"),
        ("42595-9", {"valueQuantity": quantity(2000, "[IU]/mL")}, "hbv_dna", "up_to_2000"),
        ("42595-9", {"valueQuantity": quantity(2000.5, "[IU]/mL")}, "hbv_dna", "above_2000"),
        ("42595-9", {"valueQuantity": quantity(1e8, "[IU]/mL", comparator=">")}, "hbv_dna", "above_2000"),
        ("42595-9", {"valueQuantity": quantity(3000, "{copies}/mL")}, "hbv_dna", None),
        ("42595-9", {"valueCodeableConcept": concept("LA11882-0")}, "hbv_dna", None),
        ("11011-4", {"valueQuantity": quantity(15, "[IU]/mL", comparator="<")}, "hcv_rna", "not_detectable"),
        ("11011-4", {"valueQuantity": quantity(4000, "{copies}/mL")}, "hcv_rna", "detectable"),
        ("16128-1", {"valueCodeableConcept": concept("LA6576-8")}, "anti_hcv", "positive"),
        ("56888-1", {"valueCodeableConcept": concept("LA15255-5")}, "hiv_test", "reactive"),
        ("20447-9", {"valueQuantity": quantity(5000, "{copies}/mL")}, "hiv_test", "confirmed"),
        (
            "2106-3",
            {"valueCodeableConcept": concept("260385009", "http://snomed.info/sct")},
            "pregnancy_test",
            "negative",
        ),
        ("2106-3", {"valueCodeableConcept": concept("LA99999-9")}, "pregnancy_test", None),
        ("63895-7", {"valueBoolean": True}, "breastfeeding", True),
    ],
)
def test_coded_answers_and_amounts_become_options(code: str, value: dict[str, Any], fact: str, expected: Any) -> None:
    person = read(observation(code, **value))
    assert person.facts.get(fact) == expected
    assert (fact in person.unusable) == (expected is None)


@pytest.mark.parametrize(
    ("code", "codes", "fact"),
    [
        ("5195-3", ("260385009", "10828004"), "hbsag"),
        ("20447-9", ("10828004", "260415000"), "hiv_test"),
        ("89247-1", ("425389002", "423053003"), "ecog"),
    ],
)
def test_codings_of_one_answer_that_contradict_each_other_conflict(
    code: str, codes: tuple[str, str], fact: str
) -> None:
    said = {"coding": [{"system": SNOMED, "code": one} for one in codes]}
    torn, clear = observation(code, "a", valueCodeableConcept=said), concept(codes[0], SNOMED)
    assert read(torn).unusable[fact] == "conflicting sources"
    beside = read(torn, observation(code, "b", valueCodeableConcept=clear))
    assert beside.unusable[fact] == "conflicting sources"


OWN = {"system": "urn:local", "code": "X9"}
REFUTED = {
    "coding": [OWN, {"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "refuted"}]
}


def test_a_state_is_found_behind_a_coding_of_the_hospitals_own() -> None:
    assert "diagnosis" not in read(condition("91861009", verificationStatus=REFUTED)).facts
    over = {"coding": [OWN, *state("resolved")["coding"]]}
    assert "diagnosis" not in read(condition("91861009", clinicalStatus=over)).facts


@pytest.mark.parametrize("element", ["verificationStatus", "clinicalStatus"])
@pytest.mark.parametrize("unclear", [{"text": "Refuted"}, {"coding": [OWN]}, {"coding": []}])
def test_a_state_without_a_known_code_is_reported_and_the_condition_not_used(element: str, unclear: Any) -> None:
    one = condition("91861009", **{element: unclear})
    found = everybody({"a.json": bundle(PATIENT, one)})
    assert "diagnosis" not in found.participants[0].facts
    assert [element in problem.found for problem in found.problems] == [True]


def test_states_that_contradict_each_other_are_reported() -> None:
    both = {"coding": [*state("active")["coding"], *state("resolved")["coding"]]}
    found = everybody({"a.json": bundle(PATIENT, condition("91861009", clinicalStatus=both))})
    assert "diagnosis" not in found.participants[0].facts
    assert len(found.problems) == 1


SEROLOGY = [("5195-3", 0.01, "[IU]/mL", "hbsag"), ("5196-1", 0.3, "{index}", "hbsag")]
SEROLOGY += [("16128-1", 0.05, "{s_co_ratio}", "anti_hcv"), ("56888-1", 0.12, "{s_co_ratio}", "hiv_test")]
SEROLOGY += [("2118-8", 0.5, "m[IU]/mL", "pregnancy_test"), ("2110-5", 0, "m[IU]/mL", "pregnancy_test")]
FLAGS = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


@pytest.mark.parametrize(("code", "value", "unit", "fact"), SEROLOGY)
def test_a_number_without_the_assays_cut_off_decides_nothing_unless_the_laboratory_says_what_it_means(
    code: str, value: float, unit: str, fact: str
) -> None:
    number = observation(code, valueQuantity=quantity(value, unit))
    person = read(number)
    assert fact not in person.facts
    assert person.unused[fact].note == "a number without the assay's cut-off"
    for flag, expected in (("NEG", "negative"), ("POS", "reactive" if fact == "hiv_test" else "positive")):
        assert read({**number, "interpretation": [concept(flag, FLAGS)]}).facts[fact] == expected
    for said in ([concept("POS", FLAGS), concept("NEG", FLAGS)], [concept("H", FLAGS)], [concept("NEG", "urn:own")]):
        assert fact not in read({**number, "interpretation": said}).facts


@pytest.mark.parametrize(
    ("code", "value", "unit", "fact", "note"),
    [
        ("42595-9", 100000, "[IU]/mL", "hbv_dna", "below 100000 is no limit of quantification"),
        ("11011-4", 101, "[IU]/mL", "hcv_rna", "below 101 is no limit of quantification"),
        ("42595-9", 2, "{Log_IU}/mL", "hbv_dna", "an amount of virus in neither IU/mL nor copies/mL"),
        ("11011-4", 20, "", "hcv_rna", "an amount of virus in neither IU/mL nor copies/mL"),
    ],
)
def test_only_a_bound_that_can_be_a_limit_of_quantification_means_not_detectable(
    code: str, value: float, unit: str, fact: str, note: str
) -> None:
    person = read(observation(code, valueQuantity=quantity(value, unit, comparator="<")))
    assert fact not in person.facts
    assert person.unused[fact].note == note


def test_a_hundred_units_or_copies_can_still_be_a_limit_of_quantification() -> None:
    for unit in ("[IU]/mL", "{copies}/mL"):
        low = observation("11011-4", valueQuantity=quantity(100, unit, comparator="<"))
        assert read(low).facts["hcv_rna"] == "not_detectable"


@pytest.mark.parametrize(
    ("code", "comparator", "value", "fact", "expected"),
    [
        ("11011-4", ">", 0, "hcv_rna", "detectable"),
        ("11011-4", ">=", 0, "hcv_rna", None),
        ("11011-4", "<=", 0, "hcv_rna", "not_detectable"),
        ("11011-4", "<", 0, "hcv_rna", None),
        ("11011-4", "<", -20, "hcv_rna", None),
        ("11011-4", "", float("nan"), "hcv_rna", None),
        ("20447-9", ">", 0, "hiv_test", "confirmed"),
        ("42595-9", ">", 0, "hbv_dna", None),
        ("42595-9", ">=", 0, "hbv_dna", None),
        ("42595-9", ">", 1999, "hbv_dna", None),
        ("42595-9", ">=", 2000, "hbv_dna", None),  # 2000 itself or above it
        ("42595-9", ">", 2000, "hbv_dna", "above_2000"),
        ("42595-9", "", -1, "hbv_dna", None),
    ],
)
def test_more_than_nothing_is_some_and_a_bound_decides_only_what_it_bounds(
    code: str, comparator: str, value: float, fact: str, expected: str | None
) -> None:
    person = read(observation(code, valueQuantity=quantity(value, "[IU]/mL", comparator=comparator)))
    assert person.facts.get(fact) == expected


def test_an_undetectable_hiv_load_does_not_deny_a_reactive_test() -> None:
    load = observation("20447-9", "b", "2026-03-09", valueQuantity=quantity(20, "{copies}/mL", comparator="<"))
    test = observation("56888-1", "a", "2026-03-05", valueCodeableConcept=concept("LA15255-5"))
    assert read(load, test).facts["hiv_test"] == "reactive"


@pytest.mark.parametrize("state_", ["refuted", "entered-in-error", "unconfirmed", "provisional", "differential"])
def test_a_condition_that_is_not_confirmed_is_no_diagnosis(state_: str) -> None:
    assert "diagnosis" not in read(condition("91861009", verificationStatus=state(state_))).facts


def test_a_suspected_situation_is_no_diagnosis() -> None:
    assert "other_malignancy" not in read(condition("162573006")).facts


@pytest.mark.parametrize(
    ("clinical", "expected"),
    [
        ("active", "aml"),
        ("remission", "aml"),
        ("relapse", "aml"),
        (None, "aml"),
        ("resolved", None),
        ("inactive", None),
    ],
)
def test_a_diagnosis_holds_until_it_is_over(clinical: str | None, expected: str | None) -> None:
    given_ = {} if clinical is None else {"clinicalStatus": state(clinical)}
    assert read(condition("91861009", **given_)).facts.get("diagnosis") == expected


def test_a_diagnosis_of_tomorrow_is_none_today_and_one_resolved_tomorrow_still_holds() -> None:
    assert "diagnosis" not in read(condition("91861009", onsetDateTime="2026-03-11")).facts
    later = condition("91861009", clinicalStatus=state("resolved"), abatementDateTime="2026-03-11")
    assert read(later).facts["diagnosis"] == "aml"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("C92.0", "aml"),
        ("C92.00", "aml"),
        ("C92.5", "aml"),
        ("C93.0", "aml"),
        ("C94.2", "aml"),
        ("C92.4", "apl"),
        ("C92.40", "apl"),
        ("C91.0", "all"),
        ("C95.0", "acute_unspecified"),
        ("C83.5", "lbl"),
        ("C83.3", "lymphoma"),
        ("C90.0", "myeloma"),
        ("C91.1", "other_hematologic"),
        ("C92.9", None),  # myeloid leukemia, unspecified: could be any
        ("C18.7", None),
    ],
)
def test_icd_codes_are_read_as_a_tree(code: str, expected: str | None) -> None:
    for system in ("http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-10-cm"):
        assert read(condition(code, system)).facts.get("diagnosis") == expected


def test_two_diagnoses_conflict_unless_one_only_says_more() -> None:
    assert read(condition("91861009"), condition("91857003", own="c2")).unusable["diagnosis"] == "conflicting sources"
    exact = condition("C92.4", "http://hl7.org/fhir/sid/icd-10", "c2")
    assert read(condition("91861009"), exact).facts["diagnosis"] == "apl"


def test_a_tumour_counts_to_its_end_or_to_today_when_it_has_none() -> None:
    active = read(condition("93761005", onsetDateTime="2019-01-01", clinicalStatus=state("active")))
    assert active.facts["last_other_malignancy_date"] == DAY
    over = condition("93761005", clinicalStatus=state("resolved"), abatementDateTime="2023-03-10")
    person = read(over)
    assert person.facts["last_other_malignancy_date"] == date(2023, 3, 10)
    assert ELIGIBILITY.screen(person.facts)["E22"].status == "passes"  # three years to the day
    undated = read(condition("93761005", clinicalStatus=state("resolved")))
    assert ELIGIBILITY.screen(undated.facts)["E22"].status == "unknown"


def test_an_end_that_nobody_dated_is_not_hidden_by_another_tumour() -> None:
    first = condition("93761005", own="c1", clinicalStatus=state("resolved"))
    second = condition("93761005", own="c2", clinicalStatus=state("resolved"), abatementDateTime="2015-01-01")
    assert "last_other_malignancy_date" not in read(first, second).facts


def test_a_pregnancy_noted_long_ago_is_not_todays() -> None:
    recent = read(condition("72892002", onsetDateTime="2026-01-05", clinicalStatus=state("active")))
    assert ELIGIBILITY.screen(recent.facts)["E18"].status == "excludes"
    forgotten = read(condition("72892002", onsetDateTime="2024-01-05", clinicalStatus=state("active")))
    assert ELIGIBILITY.screen(forgotten.facts)["E18"].status == "unknown"


def test_a_test_after_a_pregnancy_was_noted_says_more_than_the_note() -> None:
    noted = condition("72892002", onsetDateTime="2026-01-05", clinicalStatus=state("active"))
    negative = {"valueCodeableConcept": concept("LA6577-6")}
    assert read(noted, observation("2106-3", day="2026-03-08", **negative)).facts["pregnancy_test"] == "negative"
    assert read(noted, observation("2106-3", day="2026-01-04", **negative)).facts["pregnancy_test"] == "positive"
    both = read(noted, observation("2106-3", day="2026-01-05", **negative))
    assert "pregnancy_test" not in both.facts
    assert both.unusable["pregnancy_test"] == "conflicting sources"


def test_a_pregnancy_of_no_known_day_may_be_after_the_negative_test() -> None:
    noted = condition("72892002", clinicalStatus=state("active"))
    del noted["onsetDateTime"]
    tested = observation("2106-3", day="2026-03-08", valueCodeableConcept=concept("LA6577-6"))
    assert read(noted, tested).unusable["pregnancy_test"] == "conflicting sources"
    assert read(noted).unusable["pregnancy_test"] == "missing"


@pytest.mark.parametrize("day", [None, "09/03/2026"])
def test_a_result_without_a_date_may_be_the_newest(day: str | None) -> None:
    person = read(alt(30, "a"), alt(300, "b", day=day))
    assert person.unusable["alt_u_l"] == "conflicting sources"
    assert person.unused["alt_u_l"].note == "30 U/L (Observation a); 300 U/L (Observation b): no date"
    unread = observation("1742-6", "b", day=day, valueString="300")
    assert read(alt(30, "a"), unread).unusable["alt_u_l"] == "conflicting sources"
    same = read(alt(30, "a"), alt(30, "b", day=day))
    assert (same.facts["alt_u_l"], same.facts["labs_date"]) == (30, date(2026, 3, 8))


@pytest.mark.parametrize(
    ("element", "given_"),
    [
        ("effectiveDateTime", {"effectiveDateTime": "09/03/2026"}),
        ("effectivePeriod.end", {"effectivePeriod": {"end": "2026-13-45"}}),
        ("issued", {"effectiveDateTime": None, "issued": "today"}),
    ],
)
def test_a_date_that_is_none_is_reported_where_it_stands(element: str, given_: dict[str, Any]) -> None:
    other = observation("99999-9", "o2", day="yesterday")  # not about a fact of the criteria
    found = everybody({"a.json": bundle(PATIENT, alt(300, **given_), other)})
    said = "a date like 1960-03-01, or its year, or year and month; from 1900 to 2100"
    assert found.problems == ((f"a.json, entry 2, {element}", "no date", said),)
    assert found.participants[0].unusable["alt_u_l"] == "missing"


def test_a_later_result_of_the_same_day_that_cannot_be_used_is_not_replaced_by_an_earlier_one() -> None:
    late = observation("1742-6", "b", day="2026-03-08T19:00:00Z", valueString="300")
    assert read(alt(30, "a", day="2026-03-08T07:00:00Z"), late).unusable["alt_u_l"] == "missing"


def test_a_confirmed_hiv_test_of_any_age_is_a_history() -> None:
    load = observation("20447-9", "a", "2019-03-09", valueQuantity=quantity(900, "{copies}/mL"))
    antigen = observation("5195-3", "b", valueCodeableConcept=concept("LA6577-6"))
    screen = observation("56888-1", "c", "2020-01-01", valueCodeableConcept=concept("LA15256-3"))
    person = read(load, antigen, screen)
    assert person.facts["hiv_history"] is True
    assert ELIGIBILITY.screen(person.facts)["E11"].status == "excludes"


@pytest.mark.parametrize(
    ("value", "comparator", "limit_", "status"),
    [
        (1000, ">", 40, "excludes"),
        (1000, ">=", 40, "excludes"),
        (5, "<", 40, "passes"),
        (5, "<=", 40, "passes"),
        (90, ">", 40, "unknown"),  # the limit is 100
        (110, "<", 40, "unknown"),
        (1000, ">", None, "unknown"),
        (5, "~", 40, "unknown"),
    ],
)
def test_a_bound_decides_if_all_values_beyond_it_decide_alike(
    value: float, comparator: str, limit_: float | None, status: str
) -> None:
    own = quantity(value, "U/L") | {"comparator": comparator}
    ranged = {"referenceRange": [{"high": quantity(limit_, "U/L")}]} if limit_ else {}
    person = read(observation("1742-6", valueQuantity=own, **ranged))
    rest = {"ast_u_l": 20.0, "ast_uln_u_l": 40.0, "bilirubin_umol_l": 10.0, "bilirubin_uln_umol_l": 20.0}
    assert ELIGIBILITY.screen(person.facts | rest)["I7.3"].status == status
    assert ("alt_u_l" in person.facts) == (status != "unknown")
    if status == "unknown":
        assert person.unusable["alt_u_l"] == "missing"
        assert person.unused["alt_u_l"].note == "only a bound, not a value"
    else:
        assert person.provenance["alt_u_l"].original == f"{comparator}{value} U/L"


@pytest.mark.parametrize(
    ("values", "status"), [((300, 400), "excludes"), ((20, 30), "passes"), ((90, 110), "unknown")]
)
def test_values_that_disagree_decide_if_all_between_them_decide_alike(values: tuple[int, int], status: str) -> None:
    range_ = {"referenceRange": [{"high": quantity(40, "U/L")}]}
    person = read(*(alt(value, f"o{value}", **range_) for value in values))
    rest = {"ast_u_l": 20.0, "ast_uln_u_l": 40.0, "bilirubin_umol_l": 10.0, "bilirubin_uln_umol_l": 20.0}
    assert ELIGIBILITY.screen(person.facts | rest)["I7.3"].status == status
    assert person.unusable.get("alt_u_l") == ("conflicting sources" if status == "unknown" else None)
    found = person.unused if status == "unknown" else person.provenance
    assert all(f"{value} U/L (Observation o{value})" in found["alt_u_l"].note for value in values)


def test_what_intensive_care_measures_is_plausible() -> None:
    bilirubin = observation("1975-2", "b", valueQuantity=quantity(63, "mg/dL"))
    creatinine = observation("2160-0", "c", valueQuantity=quantity(0.1, "mg/dL"))
    facts = read(bilirubin, creatinine, alt(12_500)).facts
    assert facts["bilirubin_umol_l"] == pytest.approx(1077.55, rel=1e-4)
    assert facts["creatinine_umol_l"] == pytest.approx(8.84, rel=1e-3)
    assert facts["alt_u_l"] == 12_500
    assert "creatinine_umol_l" in read(observation("2160-0", valueQuantity=quantity(1.1, "umol/L"))).unusable


def limit(value: float, sex: str = "", start: str = "2026-01-01", site: str = "Union") -> Limit:
    return Limit(site, "alt", sex, value, date.fromisoformat(start), "laboratory handbook", f"{value} U/L")


def test_the_upper_limit_of_normal_comes_with_the_value_or_from_the_sites_table_or_is_unknown() -> None:
    ranged = alt(90, referenceRange=[{"high": quantity(35, "U/L")}])
    assert read(ranged, limits=(limit(40),), site="Union").facts["alt_uln_u_l"] == 35
    person = read(alt(90), limits=(limit(40), limit(33, "female"), limit(55, "male")), site="Union")
    assert person.facts["alt_uln_u_l"] == 33
    assert person.provenance["alt_uln_u_l"].origin == "table of Union: laboratory handbook"
    for none in ((limit(40, site="Tongji"),), (limit(40, "male"),), (limit(40, start="2026-03-09"),), ()):
        assert read(alt(90), limits=none, site="Union").unusable["alt_uln_u_l"] == "no upper limit of normal"


def test_a_reference_range_is_converted_and_must_be_the_only_normal_one() -> None:
    value = quantity(1.0, "mg/dL")
    one = observation("1975-2", valueQuantity=value, referenceRange=[{"high": quantity(1.2, "mg/dL")}])
    assert read(one).facts["bilirubin_uln_umol_l"] == pytest.approx(20.52475)
    two = alt(90, referenceRange=[{"high": quantity(35, "U/L")}, {"high": quantity(50, "U/L")}])
    assert read(two).unusable["alt_uln_u_l"] == "no upper limit of normal"
    typed = [
        {"high": quantity(35, "U/L"), "type": state("normal")},
        {"high": quantity(9, "U/L"), "type": state("treatment")},
    ]
    assert read(alt(90, referenceRange=typed)).facts["alt_uln_u_l"] == 35
    assert "alt_uln_u_l" in read(alt(90, referenceRange=[{"high": {"value": 35}}])).unusable


@pytest.mark.parametrize("kind", [{"text": "critical"}, {"coding": [{"display": "critical"}]}, {}])
def test_a_range_whose_kind_only_a_text_tells_is_no_limit_of_normal(kind: dict[str, Any]) -> None:
    given_ = [{"high": quantity(200, "U/L"), "type": kind}]
    assert read(alt(90, referenceRange=given_)).unusable["alt_uln_u_l"] == "no upper limit of normal"


CRITICAL = "Critical Range"


@pytest.mark.parametrize(
    ("more", "is_normal"),
    [
        ({}, True),
        ({"text": "10 - 35 U/L"}, True),
        ({"text": "<=35"}, True),
        ({"text": "Normal range: 10-35 [IU]/L"}, True),
        ({"text": "参考区间：10~35 U/L"}, True),
        ({"text": "Female: 10-35"}, True),
        ({"text": "女 10-35"}, True),
        ({"text": "Male: 10-35"}, False),
        ({"text": CRITICAL}, False),
        ({"text": "危急值"}, False),
        ({"text": "Therapeutic"}, False),
        ({"text": "Abnormal"}, False),
        ({"text": "not normal"}, False),
        ({"text": "pregnant, 3rd trimester"}, False),
        ({"text": "dialysis patients"}, False),
        ({"type": {"text": "Normal Range"}}, True),
        ({"type": state("normal")}, True),
        ({"type": state("normal"), "text": CRITICAL}, False),
        ({"type": state("treatment")}, False),
        ({"type": {"coding": [{"code": "normal"}, {"code": "therapeutic"}]}}, False),
        ({"type": state("our-own-kind")}, False),
        ({"appliesTo": [{"text": "Women"}]}, True),
        ({"appliesTo": [{"text": "men"}]}, False),
        ({"appliesTo": [{"text": "athletes"}]}, False),
        ({"appliesTo": [concept("77386006")]}, False),  # pregnant
        ({"age": {"low": quantity(216, "mo")}}, True),
        ({"age": {"low": quantity(18, "years")}}, True),
        ({"age": {"high": quantity(28, "d")}}, False),
        ({"age": {"high": quantity(545, "mo")}}, False),  # 45 years and 5 months; she is 45 years and 10 months old
    ],
)
def test_a_range_known_only_by_its_words_is_the_normal_one_only_if_all_of_them_say_so(
    more: dict[str, Any], is_normal: bool
) -> None:
    person = read(alt(30, referenceRange=[{"high": quantity(35, "U/L"), **more}]))
    assert person.facts.get("alt_uln_u_l") == (35 if is_normal else None)
    assert is_normal or person.unusable["alt_uln_u_l"] == "no upper limit of normal"


def test_a_critical_range_beside_the_normal_one_is_passed_over_and_an_unclear_one_is_not() -> None:
    normal, more = {"high": quantity(35, "U/L")}, {"high": quantity(500, "U/L")}
    assert read(alt(30, referenceRange=[normal, {**more, "text": CRITICAL}])).facts["alt_uln_u_l"] == 35
    assert "alt_uln_u_l" in read(alt(30, referenceRange=[normal, {**more, "text": "note 3"}])).unusable


MALE = {"coding": [{"system": "http://snomed.info/sct", "code": "248153007"}]}
FEMALE = {"coding": [{"system": "http://hl7.org/fhir/administrative-gender", "code": "female"}]}


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([(45, {"appliesTo": [MALE]}), (34, {"appliesTo": [FEMALE]})], 34),
        ([(45, {"appliesTo": [MALE]})], 40),  # the table
        ([(45, {"appliesTo": [concept("LA46-8")]}), (34, {"appliesTo": [FEMALE]})], 40),
        ([(45, {"age": {"high": quantity(18, "a")}}), (34, {"age": {"low": quantity(18, "a")}})], 34),
        ([(45, {"age": {"high": quantity(1)}})], 40),  # one what?
        ([(34, {"appliesTo": [FEMALE], "age": {"low": quantity(46, "a")}}), (30, {})], 30),
    ],
)
def test_only_a_range_for_this_sex_and_age_is_the_limit_of_normal(ranges: list[Any], expected: float) -> None:
    given_ = [{"high": quantity(high, "U/L"), **more} for high, more in ranges]
    person = read(alt(90, referenceRange=given_), limits=(limit(40),), site="Union")
    assert person.facts["alt_uln_u_l"] == expected


def test_a_range_for_one_sex_is_not_used_while_the_sex_is_unknown() -> None:
    own = alt(90, referenceRange=[{"high": quantity(34, "U/L"), "appliesTo": [FEMALE]}])
    nobody = {"resourceType": "Patient", "id": "1"}
    assert read(own, patient=nobody).unusable["alt_uln_u_l"] == "no upper limit of normal"
    old = {"high": quantity(34, "U/L"), "age": {"low": quantity(45, "a")}}
    born_in_a_year = {**PATIENT, "birthDate": "1980"}  # 45 or 46 on the day
    assert read(alt(90, referenceRange=[old]), patient=born_in_a_year).facts["alt_uln_u_l"] == 34
    edge = {"high": quantity(34, "U/L"), "age": {"low": quantity(46, "a")}}
    assert "alt_uln_u_l" in read(alt(90, referenceRange=[edge]), patient=born_in_a_year).unusable


def test_an_old_test_does_not_borrow_the_day_of_a_new_one() -> None:
    old = observation("14682-9", "old", "2026-02-01", valueQuantity=quantity(90, "umol/L"))
    person = read(alt(40), old)
    assert person.facts["labs_date"] == date(2026, 3, 8)
    assert person.unusable["creatinine_umol_l"] == "stale"
    assert "creatinine_umol_l" not in person.facts


def test_an_old_body_mass_index_gives_way_to_a_new_weight() -> None:
    person = read(
        observation("39156-5", "b", "2025-01-01", valueQuantity=quantity(33, "kg/m2")),
        observation("29463-7", "w", "2026-03-01", valueQuantity=quantity(80, "kg")),
        observation("8302-2", "h", "2025-01-01", valueQuantity=quantity(170, "cm")),
    )
    assert "bmi_kg_m2" not in person.facts
    assert ELIGIBILITY.screen(person.facts)["E3"].status == "passes"


@pytest.mark.parametrize(
    ("birth", "age"),
    [
        ("1980-05-06", 45),
        ("1980-03-10", 46),
        ("1980", 45),  # 45 or 46: every threshold is far away
        ("1980-03", 45),
        ("2008-03", None),  # 18 on 1 to 10 March, 17 after
        ("1950-01", None),  # 76: past the limit whichever day
        ("1950", None),
        ("2008", None),
    ],
)
def test_an_incomplete_date_of_birth_says_only_what_it_says(birth: str, age: int | None) -> None:
    person = read(patient={**PATIENT, "birthDate": birth})
    if birth == "1950-01":
        assert person.facts["age_years"] == 76
    else:
        assert person.facts.get("age_years") == age
    assert ("birth_date" in person.facts) == (len(birth) == 10)
    expected = {"2008-03": "unknown", "1950": "unknown", "2008": "unknown", "1950-01": "excludes"}
    assert ELIGIBILITY.screen(person.facts)["I1"].status == expected.get(birth, "passes")


def test_a_birth_after_today_is_reported() -> None:
    found = everybody({"a.json": bundle({**PATIENT, "birthDate": "2030-01-01"})})
    assert [problem.found for problem in found.problems] == ["a date of birth after the as-of date"]
    assert found.problems[0].where == "a.json, entry 1, birthDate"
    assert "age_years" not in found.participants[0].facts


def test_the_dead_are_not_expected_to_survive_and_those_who_die_later_are_alive_today() -> None:
    assert (
        ELIGIBILITY.screen(read(patient={**PATIENT, "deceasedDateTime": "2026-03-09"}).facts)["I6"].status
        == "excludes"
    )
    assert (
        ELIGIBILITY.screen(read(patient={**PATIENT, "deceasedDateTime": "2026-03-11"}).facts)["I6"].status
        == "unknown"
    )


def test_resources_of_one_person_come_together_from_bundles_and_lines_and_any_reference() -> None:
    lines = [
        alt(40),
        observation("1920-8", "o2", valueQuantity=quantity(30, "U/L"), subject={"reference": "urn:uuid:1"}),
    ]
    lines.append(condition("91861009", subject={"reference": "https://server.example/fhir/Patient/1/_history/2"}))
    ndjson = "\n".join(json.dumps(line) for line in lines).encode() + b"\n"
    patient = json.dumps(PATIENT).encode()
    found = everybody({"Patient.json": patient, "Mixed.ndjson": ndjson})
    assert [one.participant for one in found.participants] == ["S-1"]
    assert {"alt_u_l", "ast_u_l", "diagnosis", "sex"} <= found.participants[0].facts.keys()


@pytest.mark.parametrize("kind", ["transaction", "batch", "collection", "searchset", "document"])
def test_every_kind_of_bundle_is_read_and_what_it_takes_away_is_not(kind: str) -> None:
    outcome = {"resourceType": "OperationOutcome", "id": "x"}
    root = json.loads(bundle(PATIENT, alt(40), outcome, kind=kind))
    gone = {"fullUrl": "urn:uuid:g", "resource": alt(400, "g", day="2026-03-09"), "request": {"method": "DELETE"}}
    root["entry"].append(gone)
    found = everybody({"bundle.json": json.dumps(root).encode()})
    assert found.problems == ()
    assert found.participants[0].facts["alt_u_l"] == 40


def test_a_complete_record_meets_performance_and_organ_function() -> None:
    """ECOG 0, room-air saturation 95, ejection fraction 45, and four tests exactly at their limits."""
    flow = {"code": concept("3151-8"), "valueQuantity": quantity(0, "L/min")}
    tests = [
        ("1742-6", 100, "U/L", 40),
        ("1920-8", 87.5, "U/L", 35),
        ("1975-2", 1.8, "mg/dL", 1.2),
        ("14682-9", 145.5, "umol/L", 97),
    ]
    person = read(
        observation("89247-1", "e", valueInteger=0),
        observation("59408-5", "s", valueQuantity=quantity(95, "%"), component=[flow]),
        observation("10230-1", "v", day="2026-02-15", valueQuantity=quantity(45, "%")),
        *(
            observation(
                code, code, valueQuantity=quantity(value, unit), referenceRange=[{"high": quantity(high, unit)}]
            )
            for code, value, unit, high in tests
        ),
    )
    screening = ELIGIBILITY.screen(person.facts)
    assert {name: screening[name].status for name in ("I5", "I7")} == {"I5": "passes", "I7": "passes"}
    assert person.unusable == {}


def test_the_newest_version_of_a_resource_read_twice_counts() -> None:
    new, old = (
        alt(40, meta={"lastUpdated": "2026-03-09T00:00:00Z"}),
        alt(400, meta={"lastUpdated": "2026-03-08T00:00:00Z"}),
    )
    assert read(new, old).facts["alt_u_l"] == 40
    assert read(old, new).facts["alt_u_l"] == 40


@pytest.mark.parametrize("turned", [False, True])
def test_two_patients_of_one_id_that_differ_conflict_and_are_reported(turned: bool) -> None:
    both = [PATIENT, {**PATIENT, "gender": "male", "birthDate": "2015-01-01"}]
    found = everybody({"a.json": bundle(*(reversed(both) if turned else both))})
    person = found.participants[0]
    assert {"sex", "age_years", "birth_date"}.isdisjoint(person.facts)
    assert {person.unusable[name] for name in ("sex", "age_years", "birth_date")} == {"conflicting sources"}
    assert [problem.where for problem in found.problems] == ["a.json, entry 2"]
    newer = [{**one, "meta": {"lastUpdated": f"2026-03-0{n}T00:00:00Z"}} for n, one in enumerate(both, start=1)]
    assert everybody({"a.json": bundle(*newer)}).participants[0].facts["sex"] == "male"


def test_versions_are_ordered_across_time_zones() -> None:
    new = alt(300, meta={"lastUpdated": "2026-03-08T23:00:00-05:00"})
    old = alt(30, meta={"lastUpdated": "2026-03-09T01:00:00Z"})
    assert read(new, old).facts["alt_u_l"] == 300
    begun = alt(30, meta={"lastUpdated": "0001-01-01T00:00:00+14:00"})  # before there are moments
    assert read(new, begun).facts["alt_u_l"] == 300


def test_one_id_on_two_servers_does_not_take_a_result_from_one_of_two_persons() -> None:
    other = {**PATIENT, "id": "2"}
    new = {"subject": {"reference": "Patient/2"}, "meta": {"lastUpdated": "2026-03-09T00:00:00Z"}}
    first = bundle(PATIENT, alt(300, meta={"lastUpdated": "2026-03-08T00:00:00Z"}))
    found = everybody({"a.json": first, "b.json": bundle(other, alt(30, **new))})
    assert [one.facts["alt_u_l"] for one in found.participants] == [300, 30]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an empty file"),
        (b"<Bundle/>", "XML"),
        (b"{", "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[]", "list"),
        (b"{}", "without resourceType"),
        (b'{"resourceType": "Bundle", "type": "history"}', "no Patient"),
        (b'{"resourceType": "Bundle", "type": "Zhang"}', "a bundle of no type of R4"),
        (b'{"resourceType": "Bundle", "type": "collection"}', "no Patient"),
        (b'{"resourceType": "Organization"}', "no Patient"),
        (b'{"a":' * 100000, "nesting"),
    ],
)
def test_a_file_that_is_no_fhir_is_named_with_what_to_give_instead(content: bytes, says: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        everybody({"file.json": content})
    assert says in str(caught.value)
    assert "file.json" in caught.value.where


def test_a_bad_line_entry_or_resource_is_reported_and_the_rest_is_read() -> None:
    lines = [json.dumps(PATIENT), "{broken", "[1]", json.dumps(alt(40)), json.dumps({"resourceType": "Observation"})]
    bent = observation("1742-6", "bent", code=7)
    lines.append(json.dumps(bent))
    found = everybody({"all.ndjson": "\n".join(lines).encode()})
    assert found.participants[0].facts["alt_u_l"] == 40
    assert [problem.where for problem in found.problems] == [f"all.ndjson, line {n}" for n in (2, 3, 5, 6)]


def test_people_without_a_patient_resource_are_read_and_reported() -> None:
    found = everybody({"labs.ndjson": (json.dumps(alt(40)) + "\n" + json.dumps(alt(41, "o2"))).encode()})
    assert found.participants[0].unusable["alt_u_l"] == "conflicting sources"
    assert "no Patient resource" in found.problems[0].found


PRIVATE = ["Zhang", "Wei", "Jiefang", "4201", "Hanyang", "13800000000", "MRN-77", "wei@"]


def private() -> bytes:
    patient = {
        **PATIENT,
        "id": "MRN-77",
        "name": [{"family": "Zhang", "given": ["Wei"]}],
        "telecom": [{"value": "13800000000"}, {"value": "wei@example.org"}],
        "address": [{"line": ["4201 Jiefang Avenue"], "city": "Hanyang"}],
        "identifier": [{"value": "MRN-77"}],
        "text": {"div": "Zhang Wei"},
    }
    subject = {"reference": "Patient/MRN-77", "display": "Zhang Wei"}
    value = alt(40, "lab-MRN-77-3", subject=subject, note=[{"text": "Zhang Wei"}], performer=[{"display": "Wei"}])
    text = observation("2160-0", "o2", subject=subject, valueString="Zhang Wei")
    return bundle(patient, value, text, condition("91861009", subject=subject, text={"text": "Zhang"}))


@pytest.mark.requirement("R-IMP-02")
def test_names_addresses_and_identifiers_are_never_kept() -> None:
    from support.clinical_records import setting

    from protocol.exchange.clinical.fhir import read_fhir

    found: Imports = read_fhir({"a.json": private()}, setting(), keyed(b"a secret of the site"))
    kept = repr([*map(asdict, found.participants)]) + repr(found.problems) + found.frame(ELIGIBILITY).to_csv()
    kept += repr(found) + found._repr_html_() + found.table().to_csv()
    assert [word for word in PRIVATE if word in kept] == []
    assert found.participants[0].provenance["alt_u_l"].origin.startswith("Observation lab-P-")


def test_a_keyed_study_id_is_the_same_for_one_key_only() -> None:
    assert keyed(b"one")("MRN-77") == keyed(b"one")("MRN-77") != keyed(b"two")("MRN-77")


def test_a_group_lists_study_ids_only() -> None:
    facts = {"participant_id": ["S-1", "S-2"], "bmi_kg_m2": [31.0, 22.0]}
    import pandas as pd

    screening = ELIGIBILITY.screen_cohort(pd.DataFrame(facts))
    under, tally = stamp(ELIGIBILITY, "Ib", DAY, "NCT05672420"), screening.tally()
    resource = json.loads(group(screening, tally, under, "possibly eligible"))
    assert (resource["resourceType"], resource["type"], resource["actual"]) == ("Group", "person", True)
    assert resource["quantity"] == 1 == len(resource["member"])
    assert resource["member"][0]["entity"]["identifier"]["value"] == "S-2"
    exclusions = [criterion for criterion in ELIGIBILITY.criteria if criterion.kind == "exclusion"]
    assert [c["exclude"] for c in resource["characteristic"]].count(True) == len(exclusions)
    nobody = json.loads(group(screening, tally, under, "eligible so far"))
    assert nobody["quantity"] == 0
    assert "member" not in nobody


def test_a_group_follows_the_criteria_that_are_switched_off_and_says_under_which_rules() -> None:
    import pandas as pd

    screening = ELIGIBILITY.screen_cohort(pd.DataFrame({"participant_id": ["S-1", "S-2"], "bmi_kg_m2": [31.0, 22.0]}))
    ids = set(screening.tally().ids)
    heavy = next(name for name in sorted(ids) if screening.tally(ids - {name}).totals["excluded"])
    for off in ({heavy}, ids - {heavy}, ids):
        tally, under = screening.tally(off), stamp(ELIGIBILITY, "Ib", DAY, "NCT05672420", sorted(off))
        sizes = {kind: json.loads(group(screening, tally, under, kind)) for kind in OVERALL}
        assert [one["quantity"] for one in sizes.values()] == [tally.totals["possible"], tally.totals["confirmed"]]
        listed = {one["code"]["coding"][0]["code"] for one in sizes["eligible so far"]["characteristic"]}
        assert listed.isdisjoint(off)
        ids = {one["system"].rpartition(":")[2]: one["value"] for one in sizes["eligible so far"]["identifier"]}
        assert (ids["interpretation"], ids["rules"]) == (under.interpretation_id, under.rule_hash)


KEYS = ["coding", "code", "system", "value", "high", "start"]
OVERALL = ("possibly eligible", "eligible so far")
FIELDS = ["status", "code", "valueQuantity", "valueCodeableConcept", "component", "effectivePeriod", "meta", "id"]
LEAVES = (
    st.none() | st.booleans() | st.integers(-9, 99) | st.sampled_from(["", "final", "1742-6", LOINC, "2026-13-99"])
)
JSON = st.recursive(
    LEAVES,
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.sampled_from(KEYS), below, max_size=3),
    max_leaves=6,
)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_no_shape_of_a_resource_stops_the_others(bent: dict[str, Any]) -> None:
    for kind in ("Observation", "Condition", "Procedure", "MedicationStatement"):
        odd = {"resourceType": kind, "subject": {"reference": "Patient/1"}, **bent}
        good = observation("14682-9", "good", valueQuantity=quantity(90, "umol/L"))
        assert read(odd, good).facts["creatinine_umol_l"] == 90


DAYS = [f"2026-03-0{day}" for day in range(1, 10)]
RESULTS = st.builds(
    lambda code, day, value, unit: observation(
        code, f"{code}-{day}-{value}", day, valueQuantity=quantity(value, unit)
    ),
    st.sampled_from(["2160-0", "38483-4", "14682-9", "1742-6", "29463-7"]),
    st.sampled_from(DAYS),
    st.sampled_from([60, 80, 90]),
    st.sampled_from(["mg/dL", "umol/L", "U/L", "kg", ""]),
)


@pytest.mark.slow
@given(st.lists(RESULTS, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_the_records_changes_nothing(results: list[dict[str, Any]], chance: Any) -> None:
    shuffled = list(results)
    chance.shuffle(shuffled)
    one, other = read(*results), read(*shuffled)
    assert (one.facts, one.unusable) == (other.facts, other.unusable)


@pytest.mark.slow
@given(st.lists(RESULTS, max_size=6), st.lists(RESULTS, max_size=6))
def test_what_happens_later_changes_nothing_today(results: list[dict[str, Any]], later: list[dict[str, Any]]) -> None:
    future = [{**one, "id": f"later-{n}", "effectiveDateTime": "2026-03-11"} for n, one in enumerate(later)]
    assert read(*results).facts == read(*results, *future).facts
