"""Recent therapies and other tumours in FHIR: what is understood counts, and what is not leaves its fact open."""

from typing import Any

import pytest
from support.clinical_records import PATIENT, SNOMED, bundle, concept, condition, everybody
from support.trial import ELIGIBILITY

from protocol.exchange.clinical.findings import Imports

ATC, RXNORM = "http://www.whocc.no/atc", "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD = "http://hl7.org/fhir/sid/icd-10"
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-"
RECOVERED = {"residual_toxicity_grade": 0, "hematologic_toxicity_grade": 0}


def entry(kind: str, own: str = "new", status: str = "completed", **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": own, "status": status, "subject": {"reference": "Patient/1"}, **more}


def procedure(code: str = "", system: str = SNOMED, day: str = "2026-03-01", **more: Any) -> dict[str, Any]:
    named = {"code": concept(code, system)} if code else {}
    return entry("Procedure", **{"performedDateTime": day, **named, **more})


def given(code: str, system: str = ATC, day: str = "2026-03-01", **more: Any) -> dict[str, Any]:
    named = {"medicationCodeableConcept": concept(code, system)}
    return entry("MedicationAdministration", **{"effectiveDateTime": day, **named, **more})


LONG_AGO = given("L01BC01", day="2025-12-01", own="old")
"""Cytarabine more than three months before: by itself, the washout is over."""


def found(*resources: dict[str, Any]) -> Imports:
    return everybody({"records.json": bundle(PATIENT, *resources)})


def verdict(criterion: str, *resources: dict[str, Any]) -> str:
    facts = found(*resources).participants[0].facts
    return ELIGIBILITY.screen({**facts, **RECOVERED}, "Ib")[criterion].status


def told(*resources: dict[str, Any]) -> list[str]:
    return [problem.found for problem in found(*resources).problems]


def test_a_washout_that_is_over_is_met() -> None:
    assert verdict("I8", LONG_AGO) == "passes"


@pytest.mark.parametrize(
    "recent",
    [
        procedure("53438000"),
        procedure("445232009"),
        procedure("1217123003", performedPeriod={"start": "2026-01-20", "end": "2026-03-01"}, performedDateTime=None),
        procedure("999", category=concept("108290001", SNOMED)),
        procedure("999", status="stopped", category=concept("53438000", SNOMED)),
        procedure("92.24", "urn:oid:2.16.156.10011.2.3.3.12"),
        procedure("99.2500", "http://hl7.org/fhir/sid/icd-9-cm-3"),
        procedure("77412", "http://www.ama-assn.org/go/cpt"),
        given("L01BC01"),
        given("3041", RXNORM),
        given("L02BG04"),
        given("L04AX03"),
        given("L01BC01", status="stopped"),
        entry("MedicationStatement", status="active", effectivePeriod={"start": "2026-01-01"})
        | {"medicationCodeableConcept": concept("L01EA01", ATC)},
    ],
)
def test_a_recent_therapy_is_seen_without_any_profile(recent: dict[str, Any]) -> None:
    recent = {key: value for key, value in recent.items() if value is not None}
    assert verdict("I8", LONG_AGO, recent) == "excludes"


ORDER = {"intent": "order", "authoredOn": "2026-03-01"}


@pytest.mark.parametrize(
    "recent",
    [
        procedure() | {"code": {"text": "直线加速器放射治疗"}},
        procedure("71388002"),
        procedure("999", "http://hospital.example/codes"),
        procedure(),
        procedure("53438000", status="unknown"),
        procedure("999", meta={"profile": [f"{MCODE}radiotherapy-course-summary"]}),
        procedure("999", meta={"profile": [f"{MCODE}cancer-related-surgical-procedure"]}),
        given("1", "http://hospital.example/drugs"),
        given("H02AB06"),
        given("L01BC01", status="unknown"),
        given("", medicationCodeableConcept={"text": "阿糖胞苷注射液 100mg"}),
        given("", medicationCodeableConcept=None),
        given("1", medicationCodeableConcept=None, medicationReference={"reference": "Medication/not-here"}),
        entry("MedicationRequest", **ORDER, medicationCodeableConcept=concept("L01BC01", ATC)),
        entry("MedicationRequest", **ORDER, medicationCodeableConcept=concept("1", ATC), status="active")
        | {"meta": {"profile": [f"{MCODE}cancer-related-medication-request"]}},
        entry("MedicationDispense", whenHandedOver="2026-01-01", medicationCodeableConcept=concept("L01EA01", ATC)),
        entry("MedicationStatement", status="unknown", medicationCodeableConcept=concept("L01EA01", ATC)),
        condition("Z51.1", ICD, own="new", onsetDateTime="2026-03-01"),
        condition("Z92.3", ICD, own="new", onsetDateTime="2026-03-01"),
    ],
)
def test_a_therapy_that_is_not_understood_or_not_surely_given_leaves_the_washout_open_and_is_listed(
    recent: dict[str, Any],
) -> None:
    recent = {key: value for key, value in recent.items() if value is not None}
    assert verdict("I8", LONG_AGO, recent) == "unknown"
    assert f"1 entries not decided: {recent['resourceType']} new" in told(LONG_AGO, recent)
    one = found(LONG_AGO, recent).participants[0]
    assert one.facts["ever_anticancer_therapy"] is True
    assert one.unusable["last_anticancer_therapy_date"] == "missing"


@pytest.mark.parametrize(
    "recent",
    [
        given("J01CA04"),
        given("L03AA02"),
        given("L04AD01"),
        given("L01BC01", status="not-done"),
        given("L01BC01", day="2026-03-20"),
        procedure("53438000", status="not-done"),
        procedure("53438000", status="preparation"),
        procedure("71388002", category=concept("103693007", SNOMED)),
        procedure("88.72", "http://hl7.org/fhir/sid/icd-9-cm-3"),
        procedure("40701008"),
        procedure("71388002", day="2026-01-15"),
        given("1", "http://hospital.example/drugs", day="2026-01-15"),
        entry("MedicationRequest", **ORDER, doNotPerform=True, medicationCodeableConcept=concept("L01BC01", ATC)),
        entry("MedicationRequest", intent="plan", medicationCodeableConcept=concept("L01BC01", ATC)),
        entry("MedicationRequest", intent="order", medicationCodeableConcept=concept("L01BC01", ATC))
        | {"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"start": "2026-03-20"}}}}]},
        entry("MedicationStatement", status="not-taken", medicationCodeableConcept=concept("L01EA01", ATC)),
    ],
)
def test_what_is_no_therapy_against_cancer_or_was_not_given_changes_nothing(recent: dict[str, Any]) -> None:
    assert verdict("I8", LONG_AGO, recent) == "passes"
    assert told(LONG_AGO, recent) == []


@pytest.mark.parametrize("inside", [True, False])
def test_a_medication_is_found_where_its_reference_leads_and_among_its_ingredients(inside: bool) -> None:
    drug = {
        "resourceType": "Medication",
        "id": "drug",
        "ingredient": [{"itemCodeableConcept": concept("L01BC01", ATC)}],
    }
    dose = entry("MedicationAdministration", effectiveDateTime="2026-03-01")
    if inside:
        dose |= {"medicationReference": {"reference": "#drug"}, "contained": [drug]}
        assert verdict("I8", LONG_AGO, dose) == "excludes"
    else:
        dose |= {"medicationReference": {"reference": "Medication/drug"}}
        assert verdict("I8", LONG_AGO, drug, dose) == "excludes"


BRAND = {"medicationCodeableConcept": {"text": "格列卫"}}


def days(count: float, code: str = "d") -> dict[str, Any]:
    return {"value": count, "system": "http://unitsofmeasure.org", "code": code}


def bounds(**repeat: Any) -> dict[str, Any]:
    return {"dosageInstruction": [{"timing": {"repeat": repeat}}]}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, "passes"),
        ({"dispenseRequest": {"expectedSupplyDuration": days(7)}}, "passes"),
        ({"dispenseRequest": {"expectedSupplyDuration": days(90)}}, "unknown"),
        ({"dispenseRequest": {"expectedSupplyDuration": days(30), "numberOfRepeatsAllowed": 2}}, "unknown"),
        ({"dispenseRequest": {"expectedSupplyDuration": days(90, "unknown")}}, "unknown"),
        ({"dispenseRequest": {"validityPeriod": {"end": "2026-03-05"}}}, "unknown"),
        (bounds(boundsDuration=days(3, "mo")), "unknown"),
        (bounds(boundsPeriod={"start": "2026-01-01", "end": "2026-03-05"}), "unknown"),
        (bounds(boundsPeriod={"start": "2026-01-01", "end": "2026-01-05"}), "passes"),
    ],
)
def test_an_order_of_an_unknown_drug_counts_as_long_as_its_supply_lasts(more: dict[str, Any], status: str) -> None:
    order = entry("MedicationRequest", intent="order", authoredOn="2026-01-01", **BRAND)
    assert verdict("I8", LONG_AGO, order | more) == status


def test_what_was_dispensed_lasts_for_the_days_of_its_supply() -> None:
    dispensed = entry("MedicationDispense", whenHandedOver="2026-01-01", **BRAND)
    assert verdict("I8", LONG_AGO, dispensed | {"daysSupply": days(7)}) == "passes"
    assert verdict("I8", LONG_AGO, dispensed | {"daysSupply": days(90)}) == "unknown"


VISIT = entry("Encounter", status="finished", period={"start": "2026-03-01", "end": "2026-03-03"})
REQUEST = entry("ServiceRequest", intent="order", authoredOn="2026-03-01", code={"text": "盆腔放疗"})


@pytest.mark.parametrize(
    ("mention", "status"),
    [
        (VISIT | {"reasonCode": [concept("Z51.1", ICD)]}, "unknown"),
        (VISIT | {"type": [{"text": "化疗"}]}, "unknown"),
        (VISIT | {"type": [{"text": "化疗"}], "status": "planned"}, "passes"),
        (VISIT | {"type": [{"text": "化疗"}], "period": {"start": "2025-12-01", "end": "2025-12-02"}}, "passes"),
        (VISIT | {"reasonCode": [concept("J18.9", ICD)]}, "passes"),
        (REQUEST, "unknown"),
        (REQUEST | {"status": "revoked"}, "passes"),
        (REQUEST | {"occurrenceDateTime": "2025-12-01"}, "passes"),
        (REQUEST | {"code": {"text": "胸部CT"}}, "passes"),
    ],
)
def test_a_visit_or_an_order_that_mentions_a_therapy_leaves_the_washout_open(
    mention: dict[str, Any], status: str
) -> None:
    assert verdict("I8", LONG_AGO, mention) == status


SALINE, TEXT = concept("B05BB01", ATC), {"text": "阿糖胞苷"}


@pytest.mark.parametrize(
    ("code", "ingredients", "status"),
    [
        ({"text": "静脉输液"}, [SALINE, TEXT], "unknown"),
        (SALINE, [TEXT], "unknown"),
        ({"text": "静脉输液"}, [SALINE, concept("L01BC01", ATC)], "excludes"),
        ({"text": "静脉输液"}, [SALINE, concept("1", "http://hospital.example/drugs")], "unknown"),
        ({"text": "静脉输液"}, [SALINE, concept("J01CA04", ATC)], "passes"),
        (concept("J01CA04", ATC), [concept("1", "http://hospital.example/drugs")], "passes"),
    ],
)
def test_a_solvent_says_nothing_of_what_is_dissolved_in_it(
    code: dict[str, Any], ingredients: list[dict[str, Any]], status: str
) -> None:
    parts = [{"itemCodeableConcept": one} for one in ingredients]
    drug = {"resourceType": "Medication", "id": "drug", "code": code, "ingredient": parts}
    bag = entry(
        "MedicationAdministration", effectiveDateTime="2026-03-01", medicationReference={"reference": "#drug"}
    )
    assert verdict("I8", LONG_AGO, bag | {"contained": [drug]}) == status


def test_a_therapy_within_the_washout_fails_whatever_else_is_not_understood() -> None:
    assert verdict("I8", given("L01BC01"), procedure("71388002", day="2026-03-05")) == "excludes"


def test_a_therapy_known_to_nobody_alone_says_neither_yes_nor_no() -> None:
    one = found(procedure("71388002")).participants[0]
    assert "ever_anticancer_therapy" not in one.facts
    assert one.unusable["ever_anticancer_therapy"] == "missing"
    assert told(procedure("71388002")) == []  # nothing that was known is left open


@pytest.mark.parametrize("status", ["stopped", "on-hold", "unknown"])
def test_a_procedure_that_was_broken_off_is_not_done(status: str) -> None:
    one = found(procedure("22523008", status=status), procedure("70536003", own="p2", status=status)).participants[0]
    assert {"fertility_status", "organ_transplant"}.isdisjoint(one.facts)
    assert {one.unusable[fact] for fact in ("fertility_status", "organ_transplant")} == {"missing"}


STERNUM, PELVIS, BRAIN, BREAST = "56873002", "12921003", "12738006", "76752008"


def sites(*codes: str) -> list[dict[str, Any]]:
    return [concept(code, SNOMED) for code in codes]


@pytest.mark.parametrize(
    ("courses", "field", "status"),
    [
        ([sites(STERNUM)], "sternum_or_pelvis", "excludes"),
        ([sites(BRAIN)], "elsewhere", "passes"),
        ([sites("72410000")], "mediastinal", "excludes"),
        ([sites(BRAIN, PELVIS)], "sternum_or_pelvis", "excludes"),
        ([sites(BRAIN), sites("72410000"), sites(PELVIS)], "sternum_or_pelvis", "excludes"),
        ([sites(BREAST)], None, "unknown"),
        ([sites(BRAIN), sites(BREAST)], None, "unknown"),
        ([sites(BRAIN), []], None, "unknown"),
        ([sites(STERNUM), []], "sternum_or_pelvis", "excludes"),
        ([[]], None, "unknown"),
    ],
)
def test_the_field_of_a_radiotherapy_is_its_body_site(
    courses: list[list[dict[str, Any]]], field: str | None, status: str
) -> None:
    given_ = [procedure("33195004", own=f"p{n}", bodySite=one) for n, one in enumerate(courses)]
    facts = found(*given_).participants[0].facts
    assert facts.get("radiotherapy_field") == field
    assert ELIGIBILITY.screen(facts, "Ib")["E5"].status == status


def test_the_volume_of_an_mcode_course_is_a_body_site() -> None:
    volume = {"resourceType": "BodyStructure", "id": "v", "patient": {"reference": "Patient/1"}}
    volume["location"] = concept(PELVIS, SNOMED)
    reference = {"url": "volume", "valueReference": {"reference": "BodyStructure/v"}}
    dose = {"url": f"{MCODE}radiotherapy-dose-delivered-to-volume", "extension": [reference]}
    course = procedure("1217123003", extension=[dose])
    assert found(volume, course).participants[0].facts["radiotherapy_field"] == "sternum_or_pelvis"


COLON = condition("C18.9", ICD, own="old", onsetDateTime="2010-01-01", abatementDateTime="2015-01-01")
"""A tumour that ended more than ten years before: by itself, it excludes nobody."""


def tumour(code: str | dict[str, Any], system: str = SNOMED, **more: Any) -> dict[str, Any]:
    named = {"code": concept(code, system) if isinstance(code, str) else code}
    return condition("", own="new", **{"onsetDateTime": "2025-01-05", **more}) | named


@pytest.mark.parametrize(
    ("new", "status"),
    [
        (tumour("C34.900x001", "http://hl7.org/fhir/sid/icd-10-cn"), "excludes"),
        (tumour("C34.900", "urn:oid:2.16.156.10011.2.3.3.11"), "excludes"),
        (tumour("8140/3", "http://terminology.hl7.org/CodeSystem/icd-o-3"), "excludes"),
        (tumour("372137005"), "excludes"),
        (tumour("D48.1", ICD), "unknown"),
        (tumour("D37.1", ICD), "unknown"),
        (tumour("Z85.3", ICD), "unknown"),
        (tumour("363346000"), "unknown"),
        (tumour({"text": "右肺腺癌"}), "unknown"),
        (tumour(concept("1", SNOMED, "Carcinoma of something")), "unknown"),
        (tumour("1"), "unknown"),
        (tumour("1", "http://hospital.example/codes"), "unknown"),
        (tumour(concept("1", SNOMED, "x"), meta={"profile": [f"{MCODE}primary-cancer-condition"]}), "unknown"),
        (tumour("D25.9", ICD), "passes"),
        (tumour("I10", ICD), "passes"),
        (tumour("91861009"), "passes"),
        (tumour(concept("38341003", SNOMED, "Hypertensive disorder")), "passes"),
        (tumour(concept("1", SNOMED, "Benign neoplasm of skin")), "passes"),
        (tumour("D48.1", ICD, onsetDateTime="2012-01-01", abatementDateTime="2014-01-01"), "passes"),
    ],
)
def test_a_later_tumour_counts_and_one_that_is_not_decided_leaves_the_exclusion_open(
    new: dict[str, Any], status: str
) -> None:
    assert verdict("E22", COLON) == "passes"
    assert verdict("E22", COLON, new) == status
    assert ("1 entries not decided: Condition new" in told(COLON, new)) == (status == "unknown")


def test_a_tumour_within_three_years_excludes_whatever_else_is_not_decided() -> None:
    recent = condition("C18.9", ICD, own="old", onsetDateTime="2020-01-01", abatementDateTime="2025-06-01")
    assert verdict("E22", recent, tumour("D48.1", ICD)) == "excludes"


def test_a_carcinoma_in_situ_beside_a_tumour_that_is_not_decided_is_not_only_in_situ() -> None:
    one = found(tumour("D05.1", ICD), condition("D48.1", ICD, own="c2")).participants[0]
    assert one.unusable["other_malignancy"] == "missing"
    assert found(tumour("D05.1", ICD)).participants[0].facts["other_malignancy"] == "in_situ"


def test_the_morphology_of_an_mcode_condition_says_which_malignancy_it_is() -> None:
    histology: dict[str, Any] = {"url": f"{MCODE}histology-morphology-behavior"}
    value = {"valueCodeableConcept": concept("9861/3", "urn:oid:2.16.840.1.113883.6.43.1")}
    facts = found(tumour("363346000", extension=[histology | value])).participants[0].facts
    assert facts["diagnosis"] == "aml"
    assert "other_malignancy" not in facts


MORPHOLOGY = "urn:oid:2.16.840.1.113883.6.43.1"


@pytest.mark.parametrize(
    ("codings", "fact", "value"),
    [
        ([(ICD, "C92.0"), (MORPHOLOGY, "9866/3")], "diagnosis", "apl"),
        ([(ICD, "C92.0"), (ICD, "M98660/3")], "diagnosis", "apl"),
        ([(SNOMED, "91861009"), (ICD, "C92.4")], "diagnosis", "apl"),
        ([(ICD, "C95.0"), (SNOMED, "91857003")], "diagnosis", "all"),
        ([(ICD, "C91.0"), (SNOMED, "91861009")], "diagnosis", None),
        ([(ICD, "C44.9"), (MORPHOLOGY, "8720/3")], "other_malignancy", "invasive"),
    ],
)
def test_codes_of_one_diagnosis_that_say_more_than_the_first_all_count(
    codings: list[tuple[str, str]], fact: str, value: str | None
) -> None:
    code = {"coding": [{"system": system, "code": one} for system, one in codings]}
    one = found(tumour(code)).participants[0]
    assert one.facts.get(fact) == value
    assert (fact in one.unusable) == (value is None)


@pytest.mark.parametrize(
    ("code", "fact"),
    [
        ("C95.9", "diagnosis"),
        ("D46.9", "disease_origin"),
        ("Z94.0", "organ_transplant"),
        ("R75", "hiv_history"),
        ("B18.1", "hbsag"),
        ("B18.2", "hcv_rna"),
        ("F32.1", "mental_illness"),
        ("F11.2", "substance_abuse"),
        ("T78.2", "allergy"),
    ],
)
def test_a_diagnosis_that_only_asks_is_unknown_with_its_evidence(code: str, fact: str) -> None:
    one = found(condition(code, ICD)).participants[0]
    assert fact not in one.facts
    assert one.unusable[fact] == "missing"
    assert one.unused[fact].code == f"ICD-10 {code}"


def test_a_test_after_a_hepatitis_was_noted_says_more_than_the_note() -> None:
    noted = condition("B18.1", ICD, onsetDateTime="2015-01-01")
    test = entry("Observation", status="final", code=concept("5195-3"), effectiveDateTime="2026-03-08")
    test["valueCodeableConcept"] = concept("LA6577-6")
    assert found(noted, test).participants[0].facts["hbsag"] == "negative"
    later = condition("B18.1", ICD, onsetDateTime="2026-03-09")
    assert found(later, test).participants[0].unusable["hbsag"] == "missing"


def test_no_message_repeats_the_text_of_an_entry() -> None:
    recent = given("", medicationCodeableConcept={"text": "阿糖胞苷 for Zhang San (invented)"})
    said = str(found(LONG_AGO, recent).problems) + str(found(LONG_AGO, recent).table().to_csv())
    assert "Zhang" not in said
    assert "阿糖胞苷" not in said
