"""ClinicalTrials.gov records: read without loss, written unchanged, with a list of what is missing."""

import csv
import json
import re
from datetime import date
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import paths
from support.trial import TRIAL

from protocol.exchange.registry import ctgov
from protocol.exchange.registry.criteria_text import plain_text
from protocol.exchange.registry.ctgov import code, words
from protocol.pages import PAGES
from protocol.records import ProtocolError
from protocol.sites import Contact, phone_problem
from protocol.trial import load_trial

VECTORS = paths.VECTORS / "ctgov"
RECORDS = sorted(VECTORS.glob("NCT*.json"))
each_record = pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60)


def section(path):
    return json.loads(path.read_text(encoding="utf-8"))["protocolSection"]


def criteria_text(path):
    return section(path)["eligibilityModule"]["eligibilityCriteria"]


def changed(path=RECORDS[-1], **modules):
    content = json.loads(path.read_text(encoding="utf-8"))
    for module, update in modules.items():
        content["protocolSection"][module].update(update)
    return json.dumps(content).encode()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("trials")
    for path in RECORDS:
        ctgov.write_folder(ctgov.draft(path.read_bytes(), path.name), root / path.stem)
    return root


def test_the_records_are_the_four_that_are_meant():
    assert [path.stem for path in RECORDS] == ["NCT02210780", "NCT03418623", "NCT05594173", "NCT06171568"]


@each_record
def test_no_contact_location_outcome_or_word_of_the_criteria_is_lost(path, folders):
    out = ctgov.export(load_trial(folders / path.stem))["protocolSection"]
    real = section(path)
    for module in ("contactsLocationsModule", "descriptionModule", "conditionsModule", "outcomesModule"):
        assert out[module] == real[module]
    assert out["eligibilityModule"] == {k: v for k, v in real["eligibilityModule"].items() if k != "stdAges"}
    assert out["designModule"].get("phases") == real["designModule"].get("phases")
    assert out["statusModule"]["overallStatus"] == real["statusModule"]["overallStatus"]


@pytest.mark.slow
@each_record
def test_every_page_opens_on_a_drafted_folder(path, folders):
    trial = load_trial(folders / path.stem)
    for name, page in PAGES.items():
        opened = getattr(import_module(f"protocol.pages.{name}"), f"{page.__name__}Page")
        assert opened(trial, today=date(2026, 11, 22)).view.children


@each_record
def test_the_record_itself_stays_beside_the_draft_byte_for_byte(path, folders):
    assert (folders / path.stem / "registry.json").read_bytes() == path.read_bytes()


@each_record
def test_every_criterion_is_a_piece_of_the_text_and_nothing_but_headings_is_left_over(path):
    text = section(path)["eligibilityModule"]["eligibilityCriteria"]
    rest = plain_text(text)
    for item in ctgov.split_criteria(text):
        before, found, rest_after = rest.partition(item.wording)
        assert found
        assert re.fullmatch(r"(?:\s|\d+\.|\*|(?:Key )?(?:Inclusion|Exclusion) Criteria:)*", before)
        rest = rest_after
    assert not rest.strip()


def test_real_criteria_are_counted_as_a_person_counts_them():
    found = {path.stem: [item.id for item in ctgov.split_criteria(criteria_text(path))]
             for path in RECORDS}  # fmt: skip
    assert found["NCT02210780"] == ["I1", "I2", "I3", "I4", "I5", "E1", "E2", "E3", "E4", "E5", "E6", "E7"]
    assert found["NCT05594173"] == ["I1", *(f"E{number}" for number in range(1, 8))]


@given(TEXTS | st.lists(st.sampled_from(["Inclusion Criteria:", "1. a", "   * b", "", "Exclusion:", "c", "* d"]))
       .map("\n".join))  # fmt: skip
def test_no_text_loses_a_word_when_it_is_cut(text):
    found = ctgov.split_criteria(text)
    kept = " ".join(f"{item.heading} {item.wording}" for item in found).split()
    lost = [word for word in plain_text(text).split() if word not in kept]
    assert not [
        word for word in lost if not re.fullmatch(r"(?i)\W*|\d{1,2}[.)]|\W*(inclusion|exclusion|criteria)\W*", word)
    ]


def test_nested_lines_stay_with_their_criterion_and_too_many_criteria_become_two():
    assert [item.wording for item in ctgov.split_criteria("1. a\n   1. b\n\n2. c")] == ["a\n   1. b", "c"]
    many = "Inclusion Criteria:\n" + "\n".join(f"{n}. x" for n in range(40))
    found = ctgov.split_criteria(many + "\nExclusion Criteria:\n" + "\n".join(f"{n}. y" for n in range(40)))
    assert [item.id for item in found] == ["I1", "E1"]


def test_this_trial_goes_out_and_comes_back_the_same(tmp_path):
    out = ctgov.export(TRIAL)
    ctgov.write_folder(ctgov.draft(json.dumps(out).encode()), tmp_path / "again")
    again = load_trial(tmp_path / "again")
    assert ctgov.export(again) == out
    assert [site.name for site in again.sites] == [site.name for site in TRIAL.sites]
    assert len(again.eligibility.criteria) == len(TRIAL.eligibility.criteria)
    assert again.identity["enrolment"].value == TRIAL.identity["enrolment"].value
    assert again.examples is None  # the invented participants belong to another trial's folder


def test_an_exported_record_has_only_fields_the_registry_knows_with_their_types():
    with (VECTORS / "fields.csv").open(encoding="utf-8") as file:
        fields = {row["path"]: row["type"] for row in csv.DictReader(file)}
    kinds = {"text": str, "markup": str, "boolean": bool, "integer": int, "number": float}

    def check(value, path):
        if path.endswith(".geoPoint"):  # the list of fields does not look into it
            assert {key: type(number) for key, number in value.items()} == {"lat": float, "lon": float}
            return
        assert path in fields, path
        assert isinstance(value, list) == fields[path].endswith("[]"), path
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                for key, below in item.items():
                    check(below, f"{path}.{key}")
            else:
                assert isinstance(item, kinds.get(fields[path].removesuffix("[]"), str)), path

    for path in [None, *RECORDS]:
        check(section(path) if path else ctgov.export(TRIAL)["protocolSection"], "protocolSection")


def test_no_assumption_leaves_as_if_it_were_registered():
    out = json.dumps(ctgov.export(TRIAL), ensure_ascii=False)
    for site in TRIAL.sites:
        assert site.name_local.value not in out
        assert str(site.position.latitude) not in out
    assert "P7D" not in out
    assert "500000" not in out


@each_record
def test_what_a_record_lacks_is_asked(path, folders):
    trial = load_trial(folders / path.stem)
    asked = " ".join(ambiguity.problem for ambiguity in trial.ambiguities)
    assert "visit days, windows and procedures" in asked
    assert "escalation rule" in asked
    assert all(value.is_assumption for value in (trial.followup.course, trial.escalation.dlt_window_days))
    labels = " ".join(unknown.label for unknown in trial.identity.unknowns)
    assert "waiting times before enrolment" in labels


def test_a_country_code_in_the_extension_gets_a_note_that_names_the_place(folders):
    asked = [ambiguity.problem for ambiguity in load_trial(folders / "NCT06171568").ambiguities]
    assert [problem.partition(":")[0].partition("Module.")[2] for problem in asked if "+33" in problem] == [
        "centralContacts[1].phoneExt", "centralContacts[2].phoneExt", "locations[1].contacts[1].phoneExt",
        "locations[1].contacts[2].phoneExt",
    ]  # fmt: skip


def test_every_registered_telephone_string_is_imported_with_a_number_or_a_note():
    with (VECTORS / "contact_phones_a.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    people = [{"name": f"P{n}", "phone": row["phone_as_registered"], "phoneExt": row["phone_ext"]}
              for n, row in enumerate(rows)]  # fmt: skip
    content = changed(contactsLocationsModule={"centralContacts": people})
    text = ctgov.draft(content)["sites.toml"]
    for row in rows:
        assert row["phone_as_registered"] in text
    fine = [row["phone_as_registered"] for row in rows
            if not phone_problem(Contact(name="x", phone=row["phone_as_registered"],
                                         phone_extension=row["phone_ext"]), row["country"])]  # fmt: skip
    unclear = [row["phone_as_registered"] for row in rows if row["phone_as_registered"] not in fine]
    assert unclear == [
        "int + 44 (0) 202 3315 3519", "0320445962", "+910172256344", "+91101722756500", "416-946-7885",
        "+01117433794", "0638275008", "+390281843045-6",
    ]  # fmt: skip


@pytest.mark.parametrize("phone", ["512) 807-3150", "int + 44 (0)20 3315 351", "", "\x00", "1-513-585-1777", "+"])
def test_a_telephone_string_never_stops_an_import(phone, tmp_path):
    content = changed(contactsLocationsModule={"centralContacts": [{"name": "A B", "phone": phone}]})
    files = ctgov.draft(content)
    ctgov.write_folder(files, tmp_path / "trial")
    trial = load_trial(tmp_path / "trial")
    assert trial.central_contacts[0].phone == phone
    assert bool(phone) == any("centralContacts[1].phone" in item.problem for item in trial.ambiguities)


@pytest.mark.parametrize(
    ("content", "place", "found"),
    [
        (b"", "record, line 1, column 1", "not JSON"),
        (RECORDS[-1].read_bytes()[:5000], "record, line ", "not JSON"),
        (b"\xff\xfe", "record, byte 1", "not UTF-8"),
        (b"[1]", "record, root", "a list"),
        (b"[" * 5_000_000, "record", "levels of nesting"),
        (b'{"a":' * 800_000 + b"1" + b"}" * 800_000, "record", "levels of nesting"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "record", "levels of nesting"),
        (b'{"FullStudiesResponse": {}}', "record, FullStudiesResponse", "legacy API"),
        (b'{"studies": []}', "record, studies", "a list of studies"),
        (b"{}", "record, protocolSection.identificationModule.nctId", "None"),
        (b'{"protocolSection": []}', "protocolSection", "[]"),
        (changed(identificationModule={"nctId": "NCT1"}),
         "record, protocolSection.identificationModule.nctId", "NCT1"),
        (changed(contactsLocationsModule={"locations": []}), "protocolSection.contactsLocationsModule.locations",
         "no location"),
        (changed(contactsLocationsModule={"locations": [{"city": 1}]}),
         "protocolSection.contactsLocationsModule.locations[1].city", "1"),
        (changed(contactsLocationsModule={"locations": [{"geoPoint": {"lat": True}}]}),
         "protocolSection.contactsLocationsModule.locations[1].geoPoint.lat", "True"),
        (changed(identificationModule={"briefTitle": "\ud800"}), "protocolSection.identificationModule.briefTitle",
         "half of a character"),
        (changed(eligibilityModule={"eligibilityCriteria": ""}),
         "protocolSection.eligibilityModule.eligibilityCriteria",
         "no text"),
    ],
    ids=range(17),
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_its_place(content, place, found):
    with pytest.raises(ProtocolError) as refused:
        ctgov.draft(content)
    assert refused.value.where.startswith(place)
    assert found in refused.value.found


def test_a_folder_that_exists_is_never_overwritten(tmp_path):
    with pytest.raises(ProtocolError, match="exists already"):
        ctgov.write_folder({"a": "b"}, tmp_path)


def test_changes_name_the_place_and_a_new_site_moves_nobody():
    before = json.loads(RECORDS[-1].read_text(encoding="utf-8"))
    after = json.loads(RECORDS[-1].read_text(encoding="utf-8"))
    module = after["protocolSection"]["contactsLocationsModule"]
    module["locations"].insert(0, {"facility": "New", "city": "Lyon"})
    module["centralContacts"][0]["phone"] = "1"
    del after["protocolSection"]["designModule"]["patientRegistry"]
    read = [ctgov.study(json.dumps(item).encode()) for item in (before, after)]
    frame = ctgov.changes(*read)
    assert frame.to_numpy().tolist() == [
        ["protocolSection.designModule.patientRegistry", "removed", "false", ""],
        ["protocolSection.contactsLocationsModule.centralContacts[Camille Heslot, MD].phone", "changed",
         "01.49.95.81.69", "1"],
        ["protocolSection.contactsLocationsModule.locations[New, Lyon].facility", "added", "", "New"],
        ["protocolSection.contactsLocationsModule.locations[New, Lyon].city", "added", "", "Lyon"],
    ]  # fmt: skip
    assert ctgov.changes(read[0], read[0]).empty


@pytest.mark.parametrize("text", ["NOT_YET_RECRUITING", "PHASE1", "EARLY_PHASE1", "NA", "ALL", "OTHER_GOV"])
def test_codes_become_words_and_codes_again(text):
    assert code(words(text)) == text


PRINTED = st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60)


@pytest.mark.slow
@settings(max_examples=20)
@given(title=PRINTED, name=PRINTED, facility=PRINTED)
def test_any_text_of_a_record_survives_the_folder(title, name, facility, tmp_path_factory):
    content = changed(
        identificationModule={"briefTitle": title},
        contactsLocationsModule={"locations": [{"facility": facility, "city": "x", "contacts": [{"name": name}]}]},
    )
    folder = tmp_path_factory.mktemp("any") / "trial"
    ctgov.write_folder(ctgov.draft(content), folder)
    trial = load_trial(folder)
    assert trial.identity["title"].value == title
    assert (trial.sites[0].name, trial.sites[0].contact.name) == (facility, name)


EVERY_FIELD = {
    "identificationModule": {
        "nctIdAliases": ["NCT00000001"], "acronym": "ABC",
        "orgStudyIdInfo": {"id": "S-1", "type": "NIH", "link": "https://x"},
        "organization": {"fullName": "Another", "class": "INDUSTRY"},
    },
    "statusModule": {
        "statusVerifiedDate": "2026-05", "overallStatus": "SUSPENDED", "lastKnownStatus": "RECRUITING",
        "whyStopped": "Drug \\> budget", "delayedPosting": True,
        "expandedAccessInfo": {"hasExpandedAccess": True, "nctId": "NCT00000002", "statusForNctId": "AVAILABLE"},
        "startDateStruct": {"date": "2026-05", "type": "ESTIMATED"},
        "primaryCompletionDateStruct": {"date": "2027-05-01", "type": "ESTIMATED"},
        "completionDateStruct": {"date": "2028", "type": "ESTIMATED"},
        "lastUpdatePostDateStruct": {"date": "2026-04-01", "type": "ACTUAL"},
    },
    "sponsorCollaboratorsModule": {
        "leadSponsor": {"name": "S", "class": "NIH"},
        "responsibleParty": {
            "type": "PRINCIPAL_INVESTIGATOR", "investigatorFullName": "I", "investigatorTitle": "T",
            "investigatorAffiliation": "A",
        },
        "collaborators": [{"name": "B", "class": "INDUSTRY"}, {"name": "C", "class": "OTHER_GOV"}],
    },
    "oversightModule": {"oversightHasDmc": True, "isFdaRegulatedDrug": False, "isUsExport": True},
    "designModule": {
        "studyType": "INTERVENTIONAL", "phases": ["EARLY_PHASE1"],
        "enrollmentInfo": {"count": 60, "type": "ESTIMATED"},
        "designInfo": {
            "allocation": "NA", "interventionModel": "SINGLE_GROUP", "interventionModelDescription": "a \\[b\\]",
            "primaryPurpose": "SUPPORTIVE_CARE",
            "maskingInfo": {"masking": "SINGLE", "maskingDescription": "x", "whoMasked": ["OUTCOMES_ASSESSOR"]},
        },
    },
    "armsInterventionsModule": {
        "armGroups": [
            {"label": "A", "type": "EXPERIMENTAL", "description": "d", "interventionNames": ["Drug: X", "Other: Y"]},
            {"label": "B", "type": "NO_INTERVENTION", "description": "e"},
        ],
        "interventions": [
            {"type": "DRUG", "name": "X", "description": "f", "armGroupLabels": ["A"], "otherNames": ["X-1"]},
            {"type": "OTHER", "name": "Y", "description": "g", "armGroupLabels": ["A"]},
        ],
    },
    "eligibilityModule": {
        "sex": "FEMALE", "genderBased": True, "genderDescription": "by \\_own\\_ account", "minimumAge": "6 Months",
        "healthyVolunteers": True,
    },
    "ipdSharingStatementModule": {"ipdSharing": "YES", "infoTypes": ["STUDY_PROTOCOL", "SAP"], "timeFrame": "1 y"},
}  # fmt: skip


def as_trial(folder, content):
    ctgov.write_folder(ctgov.draft(content), folder)
    return load_trial(folder)


@pytest.mark.parametrize("module", EVERY_FIELD)
def test_what_is_read_of_a_module_is_written_again(module, tmp_path):
    content = json.loads(changed(**{module: {}} if module in section(RECORDS[-1]) else {}))
    content["protocolSection"].setdefault(module, {}).update(EVERY_FIELD[module])
    trial = as_trial(tmp_path / "t", json.dumps(content).encode())
    out = ctgov.export(trial)["protocolSection"][module]
    assert {name: out.get(name) for name in EVERY_FIELD[module]} == EVERY_FIELD[module]


@each_record
def test_arms_design_and_dates_of_a_real_record_come_back_whole(path, folders):
    out, real = ctgov.export(load_trial(folders / path.stem))["protocolSection"], section(path)
    for module in ("armsInterventionsModule", "designModule", "statusModule", "oversightModule"):
        kept = {name: value for name, value in real[module].items() if name not in ("stdAges",)}
        assert out[module] == kept
    assert out["identificationModule"] == {k: v for k, v in real["identificationModule"].items()
                                           if k != "secondaryIdInfos"}  # fmt: skip


@each_record
def test_what_the_draft_leaves_out_is_named(path, folders):
    said = " ".join(
        item.problem for item in load_trial(folders / path.stem).ambiguities if "leaves out" in item.problem
    )
    content = json.loads(path.read_text(encoding="utf-8"))
    for name in ("resultsSection", "documentSection", "derivedSection"):
        assert (name in said) == bool(content.get(name))
    assert ("referencesModule" in said) == ("referencesModule" in content["protocolSection"])
    assert "designModule" not in said


def test_estimated_and_actual_stand_beside_their_dates_and_codes_are_shown_as_words(tmp_path):
    content = json.loads(changed())
    content["protocolSection"] |= {
        name: content["protocolSection"].get(name, {}) | update for name, update in EVERY_FIELD.items()
    }
    facts = as_trial(tmp_path / "t", json.dumps(content).encode()).identity
    shown = {name: facts[name].value for name in (
        "start_date", "start_date_type", "enrolment_type", "phase", "allocation", "masking", "who_masked",
        "why_stopped",
        "eligible_ages", "agency_class",
    )}  # fmt: skip
    assert shown == {
        "start_date": "2026-05", "start_date_type": "Estimated", "enrolment_type": "Estimated",
        "phase": "Early Phase 1",
        "allocation": "Not applicable", "masking": "Single", "who_masked": ("Outcomes assessor",),
        "why_stopped": "Drug > budget", "eligible_ages": "6 Months - no limit", "agency_class": "NIH",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("module", "update", "place"),
    [
        ("statusModule", {"startDateStruct": {"date": "2023-02-30"}}, "startDateStruct.date is '2023-02-30'"),
        ("statusModule", {"completionDateStruct": {"date": "2023-13"}}, "completionDateStruct.date is '2023-13'"),
        ("statusModule", {"lastUpdatePostDateStruct": {"date": "soon"}}, "lastUpdatePostDateStruct.date is 'soon'"),
        ("statusModule", {"startDateStruct": {"date": "0000-00-00"}}, "'0000-00-00'"),
        ("designModule", {"enrollmentInfo": {"count": 3.5}}, "enrollmentInfo.count is 3.5"),
        ("designModule", {"enrollmentInfo": {"count": -1}}, "enrollmentInfo.count is -1"),
        ("eligibilityModule", {"minimumAge": "eighteen"}, "minimumAge is 'eighteen'"),
        ("contactsLocationsModule", {"locations": [{"facility": "H", "geoPoint": {"lat": 200, "lon": 3}}]},
         "locations[1].geoPoint is 200, 3"),
        ("contactsLocationsModule", {"centralContacts": [{"name": "A", "email": "see website"}]},
         "centralContacts[1].email: 'see website' is no mail address"),
        ("contactsLocationsModule", {"centralContacts": [{"name": "A", "email": "a@x.org; b@x.org"}]},
         "centralContacts[1].email: 'a@x.org; b@x.org' is more than one address; a@x.org is used"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_right_is_asked_and_the_draft_opens(module, update, place, tmp_path):
    trial = as_trial(tmp_path / "t", changed(**{module: update}))
    assert any(place in item.problem for item in trial.ambiguities)
    ctgov.export(trial)


def test_more_questions_than_ids_are_joined_and_none_is_dropped(tmp_path):
    people = [{"name": f"P{n}", "phone": f"x{n}", "email": f"y{n}"} for n in range(60)]
    asked = as_trial(tmp_path / "t", changed(contactsLocationsModule={"centralContacts": people})).ambiguities
    assert len(asked) <= 99
    text = " ".join(item.problem for item in asked)
    assert "leaves out" in text
