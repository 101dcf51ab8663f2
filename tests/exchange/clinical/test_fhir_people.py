"""Whom a resource is about: references of every form, several servers, linked Patients; what changes a meaning."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from support.clinical_records import (
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

from protocol.exchange.clinical.fhir_resources import read_resources

MRN = {"system": "urn:oid:1.2.3", "value": "77"}


def alt(value: float = 40, own: str = "o1", **more: Any) -> dict[str, Any]:
    return observation("1742-6", own, **{"valueQuantity": quantity(value, "U/L"), **more})


def served(server: str, *resources: dict[str, Any], kind: str = "collection") -> bytes:
    entries = [
        {"fullUrl": f"https://{server}/fhir/{one['resourceType']}/{one['id']}", "resource": one} for one in resources
    ]
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}).encode()


def lines(*resources: dict[str, Any]) -> bytes:
    return "\n".join(map(json.dumps, resources)).encode()


# --- Focus and specimen ---

OTHERS = [
    {"focus": [{"reference": "RelatedPerson/donor"}]},
    {"focus": [{"reference": "Patient/2"}]},
    {"focus": [{"reference": "Device/pump"}]},
    {"focus": [{"type": "RelatedPerson", "display": "donor"}]},
    {"focus": [{"reference": "#donor"}], "contained": [{"resourceType": "RelatedPerson", "id": "donor"}]},
    {"specimen": {"reference": "Specimen/s2"}},
    {
        "specimen": {"reference": "#s"},
        "contained": [{"resourceType": "Specimen", "id": "s", "subject": {"reference": "Patient/2"}}],
    },
]


@pytest.mark.parametrize("other", OTHERS)
def test_a_result_about_somebody_else_is_listed_and_the_patients_own_counts(other: dict[str, Any]) -> None:
    donor = {**PATIENT, "id": "2"}
    specimen = {"resourceType": "Specimen", "id": "s2", "subject": {"reference": "Patient/2"}}
    content = bundle(PATIENT, donor, specimen, alt(40, "own", day="2026-03-01"), alt(400, **other))
    found = everybody({"a.json": content})
    assert [one.facts.get("alt_u_l") for one in found.participants] == [40, None]
    assert [problem.where for problem in found.problems] == ["a.json, entry 5"]


@pytest.mark.parametrize(
    "other",
    [
        {"focus": [{"reference": "urn:uuid:unknown"}]},
        {"focus": [{"reference": "BodyStructure/graft"}]},
        {"focus": [{"display": "donor"}]},
        {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/observation-focusCode"}]},
        {"focus": [{"reference": "Patient/1"}, {"display": "donor"}]},
    ],
)
def test_a_result_that_may_be_about_somebody_else_is_unknown_and_hides_older_ones(other: dict[str, Any]) -> None:
    found = everybody({"a.json": bundle(PATIENT, alt(40, "own", day="2026-03-01"), alt(400, **other))})
    assert found.participants[0].unusable["alt_u_l"] == "missing"
    assert [problem.where for problem in found.problems] == ["a.json, entry 3"]


@pytest.mark.parametrize(
    "same",
    [
        {"focus": [{"reference": "Patient/1"}]},
        {"focus": [{"reference": "Condition/c1"}]},
        {"specimen": {"reference": "Specimen/s1"}},
        {"specimen": {"reference": "Specimen/elsewhere"}},
        {"device": {"reference": "Device/analyser"}, "method": concept("702659008", SNOMED)},
        {"bodySite": concept("368208006", SNOMED), "partOf": [{"reference": "Procedure/p"}]},
        {"hasMember": [{"reference": "Observation/x"}], "derivedFrom": [{"reference": "Observation/y"}]},
    ],
)
def test_what_leaves_the_subject_the_one_observed_changes_nothing(same: dict[str, Any]) -> None:
    specimen = {"resourceType": "Specimen", "id": "s1", "subject": {"reference": "Patient/1"}}
    found = everybody({"a.json": bundle(PATIENT, specimen, alt(40, **same))})
    assert (found.participants[0].facts["alt_u_l"], found.problems) == (40, ())


# --- References ---


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/1"},
        {"reference": "Patient/1/_history/3"},
        {"reference": "https://a.example/fhir/Patient/1"},
        {"reference": "HTTP://A.example/fhir/Patient/1"},
        {"reference": "urn:uuid:1"},
        {"identifier": MRN},
        {"reference": "Patient?identifier=urn:oid:1.2.3|77"},
        {"reference": "#p"},
        {"reference": "Patient/1", "identifier": MRN, "type": "Patient"},
        {"reference": "Patient/elsewhere", "identifier": MRN},
    ],
)
def test_every_form_of_a_reference_finds_its_patient(subject: dict[str, Any]) -> None:
    patient = {**PATIENT, "identifier": [{"system": "urn:other", "value": "0"}, MRN]}
    contained = [{"resourceType": "Patient", "id": "p", "identifier": [MRN]}]
    found = everybody({"a.json": bundle(patient, alt(40, subject=subject, contained=contained))})
    assert [(one.participant, one.facts["alt_u_l"]) for one in found.participants] == [("S-1", 40)]
    assert found.problems == ()


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Group/g"},
        {"reference": "Device/d"},
        {"reference": "Location/l"},
        {"reference": "RelatedPerson/r"},
        {"reference": "#p"},
        {"reference": "urn:uuid:9"},
        {"identifier": {"system": "urn:oid:1.2.3", "value": "78"}},
        {"identifier": {"value": "77"}},
        {"display": "Zhang Wei"},
        None,
    ],
)
def test_what_is_about_no_patient_of_the_files_is_listed_without_a_name(subject: dict[str, Any] | None) -> None:
    patient = {**PATIENT, "identifier": [MRN]}
    contained = [{"resourceType": "Patient", "id": "p", "name": [{"text": "Zhang Wei"}]}]
    found = everybody({"a.json": bundle(patient, alt(40, subject=subject, contained=contained))})
    assert [one.participant for one in found.participants] == ["S-1"]
    assert "alt_u_l" not in found.participants[0].facts
    [problem] = found.problems
    assert problem.where == "a.json, entry 2"
    assert "Zhang" not in repr(problem)


def test_a_reference_and_an_identifier_of_two_persons_decide_nothing() -> None:
    other = {**PATIENT, "id": "2", "identifier": [MRN]}
    torn = alt(40, subject={"reference": "Patient/1", "identifier": MRN})
    found = everybody({"a.json": bundle(PATIENT, other, torn)})
    assert [one.unusable.get("alt_u_l") for one in found.participants] == ["missing", "missing"]
    assert found.problems


# --- Several servers ---

MAN = {**PATIENT, "gender": "male", "birthDate": "1950-01-01"}


def test_one_id_on_two_servers_is_two_persons_and_listed() -> None:
    a = served("a.example", {**PATIENT, "meta": {"lastUpdated": "2026-03-01T00:00:00Z"}}, alt(20, "x"))
    kidneys = observation("14682-9", "y", valueQuantity=quantity(300, "umol/L"))
    b = served("b.example", {**MAN, "meta": {"lastUpdated": "2026-03-02T00:00:00Z"}}, kidneys)
    found = everybody({"a.json": a, "b.json": b})
    names = ["S-a.example/fhir/Patient/1", "S-b.example/fhir/Patient/1"]
    assert [one.participant for one in found.participants] == names
    woman, man = (one.facts for one in found.participants)
    assert (woman["sex"], woman["alt_u_l"], "creatinine_umol_l" in woman) == ("female", 20, False)
    assert (man["sex"], man["creatinine_umol_l"], "alt_u_l" in man) == ("male", 300, False)
    assert ["servers" in problem.found for problem in found.problems] == [True]


def test_a_reference_without_its_server_may_be_about_either_of_two_persons() -> None:
    files = {"a.json": served("a.example", PATIENT), "b.json": served("b.example", MAN), "c.ndjson": lines(alt(20))}
    found = everybody(files)
    assert [one.unusable["alt_u_l"] for one in found.participants] == ["missing", "missing"]
    assert "c.ndjson" in {problem.where.partition(",")[0] for problem in found.problems}


def test_two_files_that_call_two_persons_by_one_id_give_no_fact_of_either() -> None:
    new = {**MAN, "meta": {"lastUpdated": "2026-03-02T00:00:00Z"}}
    found = everybody({"a.ndjson": lines(PATIENT, alt(20)), "b.ndjson": lines(new, alt(30, "o2"))})
    [person] = found.participants
    assert not {"sex", "age_years", "birth_date", "alt_u_l"} & person.facts.keys()
    assert found.problems


def test_a_later_export_of_the_same_person_is_no_second_person() -> None:
    later = {**PATIENT, "birthDate": "1980", "meta": {"lastUpdated": "2026-03-02T00:00:00Z"}}
    found = everybody({"a.ndjson": lines(PATIENT, alt(20)), "b.ndjson": lines(later, alt(20))})
    assert (found.participants[0].facts["alt_u_l"], found.problems) == (20, ())


def test_ids_of_resources_are_the_servers_own() -> None:
    """Two linked Patients of two servers have a result of one id each; neither is a version of the other."""
    link = [{"other": {"reference": "https://a.example/fhir/Patient/1"}, "type": "seealso"}]
    new = {"lastUpdated": "2026-03-09T00:00:00Z"}
    b = served(
        "b.example", {**PATIENT, "id": "2", "link": link}, alt(30, meta=new, subject={"reference": "Patient/2"})
    )
    found = everybody({"a.json": served("a.example", PATIENT, alt(400)), "b.json": b})
    assert [one.unusable["alt_u_l"] for one in found.participants] == ["conflicting sources"]


# --- Links ---


@pytest.mark.parametrize("kind", ["replaced-by", "replaces", "refer", "seealso"])
def test_linked_patients_are_one_person(kind: str) -> None:
    other = "1" if kind == "replaces" else "2"
    link = {"link": [{"other": {"reference": f"Patient/{'2' if other == '1' else '1'}"}, "type": kind}]}
    first, second = PATIENT, {**PATIENT, "id": "2"}
    patients = [first | link, second] if other == "1" else [first, second | link]
    kidneys = observation("14682-9", "k", valueQuantity=quantity(300, "umol/L"), subject={"reference": "Patient/2"})
    found = everybody({"a.json": bundle(*patients, alt(40), kidneys)})
    [person] = found.participants
    assert (person.participant, person.facts["alt_u_l"], person.facts["creatinine_umol_l"]) == ("S-1", 40, 300)
    assert found.problems == ()


def test_a_patient_that_is_replaced_says_nothing_any_more() -> None:
    old = {**MAN, "id": "2", "active": False}
    old |= {"link": [{"other": {"reference": "Patient/1"}, "type": "replaced-by"}]}
    found = everybody({"a.json": bundle(old, PATIENT)})
    [person] = found.participants
    assert (person.participant, person.facts["sex"], person.facts["age_years"]) == ("S-1", "female", 45)
    seealso = {**old, "link": [{"other": {"reference": "Patient/1"}, "type": "seealso"}], "active": True}
    [torn] = everybody({"a.json": bundle(seealso, PATIENT)}).participants
    assert torn.unusable["sex"] == "conflicting sources"


@pytest.mark.parametrize(
    "link",
    [
        {"other": {"reference": "Patient/elsewhere"}, "type": "replaced-by"},
        {"other": {"reference": "Patient/elsewhere"}, "type": "seealso"},
        {"other": {"display": "Zhang"}, "type": "refer"},
        {"other": {"reference": "Patient/2"}, "type": "cousin"},
    ],
)
def test_a_link_that_leads_out_of_the_files_or_is_not_clear_is_listed(link: dict[str, Any]) -> None:
    found = everybody({"a.json": bundle({**PATIENT, "link": [link]}, alt(40))})
    assert any("link to" in problem.found for problem in found.problems)
    assert "Zhang" not in repr(found.problems)


def test_links_in_a_circle_end() -> None:
    one = {**PATIENT, "link": [{"other": {"reference": "Patient/2"}, "type": "replaced-by"}]}
    two = {**PATIENT, "id": "2", "link": [{"other": {"reference": "Patient/1"}, "type": "replaced-by"}]}
    assert len(everybody({"a.json": bundle(one, two)}).participants) == 1


def test_a_patient_that_is_not_in_use_is_listed() -> None:
    found = everybody({"a.json": bundle({**PATIENT, "active": False})})
    assert ["active" in problem.found for problem in found.problems] == [True]


# --- Elements that change a meaning ---

MODIFIER = [{"url": "urn:own:not", "valueBoolean": True}]
THERAPY = {"subject": {"reference": "Patient/1"}, "code": concept("367336001", SNOMED)}
PROCEDURE = {"resourceType": "Procedure", "id": "p", "performedDateTime": "2026-02-01", **THERAPY}


@pytest.mark.parametrize(
    "modifier",
    [
        {"implicitRules": "urn:own:rules"},
        {"modifierExtension": MODIFIER},
        {"referenceRange": [{"modifierExtension": MODIFIER, "high": quantity(40, "U/L")}]},
        {"status": "unknown"},
        {"status": None},
        {"status": "own"},
        {"dataAbsentReason": state("error")},
        {"valueQuantity": None, "dataAbsentReason": state("masked")},
        {"valueQuantity": None, "dataAbsentReason": state("as-text")},
    ],
)
def test_a_result_that_may_mean_something_else_is_unknown_and_hides_older_ones(modifier: dict[str, Any]) -> None:
    person = read(alt(40, "old", day="2026-03-01"), alt(400, **modifier))
    assert person.unusable["alt_u_l"] == "missing"


def test_what_is_not_understood_is_listed_once_where_it_stands() -> None:
    found = everybody({"a.json": bundle(PATIENT, alt(400, implicitRules="urn:own:rules"))})
    assert [(one.where, "implicitRules" in one.found) for one in found.problems] == [("a.json, entry 2", True)]


def test_a_component_with_a_modifier_leaves_the_others_alone() -> None:
    parts = [
        {"code": concept("1742-6"), "valueQuantity": quantity(400, "U/L"), "modifierExtension": MODIFIER},
        {"code": concept("1920-8"), "valueQuantity": quantity(30, "U/L")},
    ]
    person = read(observation("24325-3", component=parts))
    assert (person.facts.get("ast_u_l"), person.unusable["alt_u_l"]) == (30, "missing")


@pytest.mark.parametrize("where", ["bundle", "entry"])
def test_a_modifier_around_a_resource_holds_for_it(where: str) -> None:
    root = json.loads(bundle(PATIENT, alt(40)))
    if where == "bundle":
        root["implicitRules"] = "urn:own:rules"
    else:
        root["entry"][1]["modifierExtension"] = MODIFIER
    person = everybody({"a.json": json.dumps(root).encode()}).participants[0]
    assert person.unusable["alt_u_l"] == "missing"


@pytest.mark.parametrize("modifier", [{"implicitRules": "urn:own:rules"}, {"modifierExtension": MODIFIER}])
def test_a_patient_that_may_mean_something_else_has_no_sex_and_no_age(modifier: dict[str, Any]) -> None:
    found = everybody({"a.json": bundle({**PATIENT, **modifier}, alt(40))})
    assert not {"sex", "age_years", "birth_date"} & found.participants[0].facts.keys()
    assert found.problems


@pytest.mark.parametrize(
    ("status", "ever"),
    [
        ("completed", True),
        ("in-progress", True),
        ("stopped", True),
        ("on-hold", True),
        ("preparation", None),
        ("not-done", None),
        ("entered-in-error", None),
    ],
)
def test_a_procedure_counts_from_when_it_was_begun(status: str, ever: bool | None) -> None:
    person = read({**PROCEDURE, "status": status})
    assert person.facts.get("ever_anticancer_therapy") is ever
    assert "ever_anticancer_therapy" not in person.unusable


@pytest.mark.parametrize("status", ["unknown", None, "own"])
def test_a_procedure_that_may_have_been_done_leaves_the_last_therapy_open(status: str | None) -> None:
    older = {**PROCEDURE, "id": "q", "status": "completed", "performedDateTime": "2025-01-01"}
    person = read({**PROCEDURE, "status": status, "performedDateTime": "2026-03-01"}, older)
    assert person.facts["ever_anticancer_therapy"] is True
    assert "last_anticancer_therapy_date" not in person.facts
    earlier = {**PROCEDURE, "status": status, "performedDateTime": "2024-01-01"}
    assert str(read(earlier, older).facts["last_anticancer_therapy_date"]) == "2025-01-01"


def test_a_condition_with_an_unclear_state_leaves_its_fact_unknown() -> None:
    noted = condition("72892002", onsetDateTime="2026-03-08", verificationStatus={"text": "?"})
    negative = observation("2106-3", day="2026-01-04", valueCodeableConcept=concept("LA6577-6"))
    assert read(noted, negative).unusable["pregnancy_test"] == "missing"


def test_the_history_of_the_family_is_not_the_patients() -> None:
    family = {
        "resourceType": "FamilyMemberHistory",
        "id": "f",
        "status": "completed",
        "patient": {"reference": "Patient/1"},
        "relationship": concept("FTH", "http://terminology.hl7.org/CodeSystem/v3-RoleCode"),
        "condition": [{"code": concept("93761005", SNOMED)}],
        "contained": [condition("93761005")],
    }
    found = everybody({"a.json": bundle(PATIENT, family)})
    assert "other_malignancy" not in found.participants[0].facts
    assert found.problems == ()


# --- Bundles ---


def entry(resource: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {**({"resource": resource} if resource else {}), **more}


def whole(kind: str, *entries: dict[str, Any], **more: Any) -> dict[str, bytes]:
    root = {"resourceType": "Bundle", "type": kind, "entry": [entry(PATIENT), *entries], **more}
    return {"a.json": json.dumps(root).encode()}


KINDS = ["message", "history", "batch-response", "transaction-response"]


@pytest.mark.parametrize("kind", KINDS)
def test_bundles_of_every_type_of_r4_are_read(kind: str) -> None:
    assert everybody(whole(kind, entry(alt(40)))).participants[0].facts["alt_u_l"] == 40


def delete(at: str = "", own: str = "o1") -> dict[str, Any]:
    return entry(
        request={"method": "DELETE", "url": f"Observation/{own}"}, response={"lastModified": at} if at else {}
    )


def test_a_resource_that_its_history_deletes_is_gone() -> None:
    found = everybody(whole("history", delete(), entry(alt(400)), entry(alt(40, "o2", day="2026-03-01"))))
    assert (found.participants[0].facts["alt_u_l"], found.problems) == (40, ())
    again = everybody(whole("history", entry(alt(50)), delete(), entry(alt(400))))
    assert again.participants[0].facts["alt_u_l"] == 50


def test_a_deletion_counts_by_its_moment_across_files() -> None:
    result = alt(400, meta={"lastUpdated": "2026-03-08T09:00:00+08:00"})
    for at, left in (("2026-03-08T01:30:00Z", False), ("2026-03-08T00:30:00Z", True)):
        found = everybody({**whole("history", delete(at)), "b.ndjson": lines(result)})
        assert ("alt_u_l" in found.participants[0].facts) is left


def test_the_newest_entry_of_a_history_counts() -> None:
    found = everybody(whole("history", entry(alt(40)), entry(alt(400))))
    assert found.participants[0].facts["alt_u_l"] == 40


def test_a_deletion_in_a_transaction_takes_the_resource_of_another_file() -> None:
    found = everybody(
        {**whole("transaction", delete()), "b.ndjson": lines(alt(400), alt(30, "o2", day="2026-03-01"))}
    )
    assert found.participants[0].facts["alt_u_l"] == 30


def test_a_change_in_part_leaves_the_resource_unknown() -> None:
    patch = entry({"resourceType": "Binary", "id": "b"}, request={"method": "PATCH", "url": "Observation/o1"})
    found = everybody(whole("transaction", patch, entry(alt(40))))
    assert found.participants[0].unusable["alt_u_l"] == "missing"
    assert any("PATCH" in problem.found for problem in found.problems)


@pytest.mark.parametrize(
    ("entries", "more", "said"),
    [
        ([entry(response={"status": "404"})], {}, "an error in place of a resource"),
        ([entry({"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]})], {}, "a warning"),
        ([], {"link": [{"relation": "next", "url": "https://a.example/page2"}]}, "one page of several"),
        ([entry(request={"method": "DELETE", "url": "Observation?code=1"})], {}, "a deletion of what a search finds"),
        ([entry()], {}, "an entry without a resource"),
    ],
)
def test_what_a_bundle_says_to_be_missing_is_listed(
    entries: list[dict[str, Any]], more: dict[str, Any], said: str
) -> None:
    found = everybody(whole("searchset", *entries, entry(alt(40)), **more))
    assert [said in problem.found for problem in found.problems] == [True]
    assert found.participants[0].facts["alt_u_l"] == 40


def test_pages_that_are_all_here_lack_nothing() -> None:
    first = whole("searchset", link=[{"relation": "next", "url": "https://a.example/2"}])
    second = whole("searchset", entry(alt(40)), link=[{"relation": "self", "url": "https://a.example/2"}])
    assert everybody({**first, "b.json": second["a.json"]}).problems == ()


def test_a_bundle_in_the_answer_to_a_batch_is_read() -> None:
    inner = {"resourceType": "Bundle", "type": "searchset", "entry": [entry(alt(40))]}
    found = everybody(whole("batch-response", entry(inner, response={"status": "200"})))
    assert (found.participants[0].facts["alt_u_l"], found.problems) == (40, ())


# --- Reports that contain their results ---


def report(**more: Any) -> dict[str, Any]:
    inside = {**alt(40), "id": "r1"}
    del inside["subject"], inside["effectiveDateTime"]
    return {
        "resourceType": "DiagnosticReport",
        "id": "d",
        "status": "final",
        "code": concept("24325-3"),
        "subject": {"reference": "Patient/1"},
        "effectiveDateTime": "2026-03-07",
        "result": [{"reference": "#r1"}],
        "contained": [inside, {**inside, "id": "not-named", "valueQuantity": quantity(999, "U/L")}],
        **more,
    }


def test_results_that_a_report_contains_are_read_with_its_subject_and_its_day() -> None:
    person = read(report())
    found = person.provenance["alt_u_l"]
    assert (person.facts["alt_u_l"], str(found.day), found.origin) == (40, "2026-03-07", "Observation d#r1")
    panel = {**report(), "contained": [{**observation("24325-3", "p"), "hasMember": [{"reference": "#r1"}]}]}
    panel["contained"] += report()["contained"]
    panel["result"] = [{"reference": "#p"}]
    assert read(panel).facts["alt_u_l"] == 40


def test_results_that_a_panel_contains_are_read() -> None:
    inside = {**alt(40), "id": "r1"}
    panel = observation("24325-3", "p", hasMember=[{"reference": "#r1"}], contained=[inside])
    assert read(panel).facts["alt_u_l"] == 40


@pytest.mark.parametrize("status", ["registered", "cancelled", "entered-in-error"])
def test_a_report_that_is_withdrawn_has_no_results(status: str) -> None:
    assert "alt_u_l" not in read(report(status=status)).facts


@pytest.mark.parametrize("more", [{"status": "unknown"}, {"status": None}, {"modifierExtension": MODIFIER}])
def test_a_report_that_may_mean_something_else_has_results_that_may_as_well(more: dict[str, Any]) -> None:
    assert read(report(**more)).unusable["alt_u_l"] == "missing"


@pytest.mark.parametrize("unit", ["", "score", "{score}", "{Score}", "1"])
@pytest.mark.parametrize("code", ["89247-1", "89262-0"])
def test_a_performance_score_is_read_with_every_way_to_write_no_unit(unit: str, code: str) -> None:
    person = read(observation(code, valueQuantity={"value": 2, "unit": unit} if unit != "1" else quantity(2, "1")))
    assert person.facts["ecog"] == 2
    assert str(person.facts["ecog_date"]) == "2026-03-08"


def test_a_score_in_a_unit_of_something_else_is_unknown() -> None:
    assert read(observation("89262-0", valueQuantity=quantity(2, "mg"))).unusable["ecog"] == "unit unknown"


def test_nothing_of_a_person_stands_in_a_message() -> None:
    for content in (b'["Zhang Wei 4201"]', b'"Zhang Wei 4201"', b"[{}, {}]", b"{Zhang Wei 4201"):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            everybody({"a.json": content})
        assert "Zhang" not in str(caught.value)
    both = everybody({"a.json": b'["Zhang Wei"]', "b.json": bundle(PATIENT, alt(40))})
    assert both.participants[0].facts["alt_u_l"] == 40
    assert [problem.where for problem in both.problems] == ["a.json, root"]
    assert "Zhang" not in repr(both.problems)


def test_what_must_not_be_done_was_not_done() -> None:
    assert "ever_anticancer_therapy" not in read({**PROCEDURE, "status": "completed", "doNotPerform": True}).facts


@pytest.mark.parametrize(
    ("kind", "status", "ever"),
    [
        ("MedicationStatement", "stopped", True),
        ("MedicationStatement", "intended", None),
        ("MedicationStatement", "not-taken", None),
        ("MedicationStatement", "entered-in-error", None),
        ("MedicationAdministration", "on-hold", True),
        ("MedicationAdministration", "not-done", None),
        ("MedicationAdministration", "entered-in-error", None),
    ],
)
def test_a_medication_counts_if_it_was_taken(kind: str, status: str, ever: bool | None) -> None:
    profile = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-cancer-related-medication-statement"
    given = {"resourceType": kind, "id": "m", "status": status, "effectiveDateTime": "2026-02-01"}
    person = read({**given, "subject": {"reference": "Patient/1"}, "meta": {"profile": [profile]}})
    assert person.facts.get("ever_anticancer_therapy") is ever
    assert "ever_anticancer_therapy" not in person.unusable


def test_a_file_of_lines_is_read_from_a_path_and_only_what_answers_a_criterion_is_kept(tmp_path: Path) -> None:
    others = [observation("99999-9", f"x{number}", valueQuantity=quantity(1, "U/L")) for number in range(50)]
    path = tmp_path / "a.ndjson"
    path.write_bytes(lines(PATIENT, *others, alt(40)))
    assert everybody({"a.ndjson": path}).participants[0].facts["alt_u_l"] == 40
    *_before, (found, _done) = read_resources(
        {"a.ndjson": path}, lambda one: one["code"]["coding"][0]["code"] == "1742-6"
    )
    kept = found.items
    assert [item.own for item in kept] == ["1", "o1"]
    assert not everybody({"a.ndjson": path, "b.ndjson": tmp_path / "none"}).problems[0].found.startswith("/")


@pytest.mark.parametrize("turned", [False, True])
def test_a_later_version_about_something_else_takes_the_place_of_the_result(turned: bool) -> None:
    old = alt(400, meta={"versionId": "1", "lastUpdated": "2026-03-08T00:00:00Z"})
    new = observation("99999-9", meta={"versionId": "2", "lastUpdated": "2026-03-09T00:00:00Z"})
    both = (new, old) if turned else (old, new)
    assert "alt_u_l" not in read(*both).facts


@pytest.mark.slow
def test_the_memory_of_a_reading_does_not_grow_with_what_is_not_asked(tmp_path: Path) -> None:
    path, note = tmp_path / "a.ndjson", [{"text": "y" * 3000}]
    peaks = []
    for count in (200, 4000):
        with path.open("w") as file:
            for number in range(count):
                file.write(json.dumps(observation("99999-9", f"x{number}", note=note)) + "\n")
            file.write(json.dumps(PATIENT) + "\n")
        tracemalloc.start()
        everybody({"a.ndjson": path})
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 500_000
