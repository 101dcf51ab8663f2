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
        assert getattr(import_module(f"protocol.pages.{name}"), page)(trial, today=date(2026, 11, 22)).view.children


@each_record
def test_the_record_itself_stays_beside_the_draft_byte_for_byte(path, folders):
    assert (folders / path.stem / "registry.json").read_bytes() == path.read_bytes()


@each_record
def test_every_criterion_is_a_piece_of_the_text_and_nothing_but_headings_is_left_over(path):
    text = rest = section(path)["eligibilityModule"]["eligibilityCriteria"]
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
    kept = " ".join(item.wording for item in ctgov.split_criteria(text)).split()
    lost = [word for word in text.split() if word not in kept]
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
    assert fine == [
        "+98 51 3882 8574", "+88 01711014806", "+447791871699", "0039 3396610282", "+910172256344", "+91101722756500",
        "+4745242974",
        "+355 699672570", "+66-2-253-0996", "+201223844103", "0055 62 999052309", "+201090784895", "+86 571 56097873",
        "+8613787821797", "+8619192126559", "+558531011398", "+852-21169283", "+390281843045", "+390281843045-6",
        "+4793882763",
    ]  # fmt: skip


@pytest.mark.parametrize("phone", ["512) 807-3150", "int + 44 (0)20 3315 3519", "", "\x00", "1-513-585-1777", "+"])
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
