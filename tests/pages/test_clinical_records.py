"""Clinical records on the eligibility page: files become a participant in the form, or a cohort, without names."""

import base64
import gzip
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event
from typing import Any

import ipywidgets as widgets
import pytest
from support import paths
from support.clinical_records import PATIENT, bundle, condition, observation, quantity
from support.trial import ELIGIBILITY, TRIAL

from protocol.exchange.clinical.reference_ranges import limit_template
from protocol.exchange.registry import ctgov
from protocol.pages.eligibility.export import frame_of
from protocol.pages.eligibility.hospital_records import RecordsPanel
from protocol.pages.eligibility.page import EligibilityPage
from protocol.trial import load_trial

pytestmark = pytest.mark.slow  # every test builds a page

VECTORS = paths.VECTORS / "eligibility"
NAMED = {**PATIENT, "name": [{"family": "Zhang", "given": ["Wei"]}], "address": [{"city": "Hanyang"}]}


@pytest.fixture
def page() -> Iterator[EligibilityPage]:
    shown = EligibilityPage(TRIAL, date(2026, 3, 10))
    yield shown
    shown.view.close()


@pytest.fixture
def panel() -> Iterator[RecordsPanel]:
    shown = RecordsPanel(TRIAL, date(2026, 3, 10), lambda _person: None, lambda _imports: None)
    yield shown
    shown.view.close()


def upload(control: widgets.FileUpload, *, wait: bool = True, **files: bytes) -> None:
    control.set_trait(
        "value",
        tuple(
            {
                "name": ".".join(name.rsplit("_", 1)),
                "type": "",
                "size": len(content),
                "content": memoryview(content),
                "last_modified": datetime.now(UTC),
            }
            for name, content in files.items()
        ),
    )
    for thread in threading.enumerate() if wait else ():
        if thread is not threading.current_thread() and "_go" in thread.name:
            thread.join(30)


def creatinine(**more: Any) -> dict[str, Any]:
    return observation("2160-0", "k1", valueQuantity=quantity(1.65, "mg/dL"), **more)


def test_a_person_goes_into_the_form_with_evidence_under_the_id_that_was_typed(page: EligibilityPage) -> None:
    page.records.study_id.value = "S-014"
    upload(page.records.files, a_json=bundle(NAMED, creatinine(), condition("91861009")))
    assert page.records.person.options == ("S-014",)
    assert "145.86 μmol/L" in page.records.found.value
    assert "Observation k1 · LOINC 2160-0 · 1.65 mg/dL" in page.records.found.value
    assert "&lt;span" not in page.records.found.value
    page.records.to_form.click()
    assert page.tabs.value == "patient"
    assert "S-014" in page.person.who.value
    assert page.person.form.fields["diagnosis"].value == "aml"
    assert float(page.person.form.fields["creatinine_umol_l"].value) == pytest.approx(145.8628, abs=1e-3)
    assert "no upper limit of normal" in page.person.verdicts.value.lower()
    assert "LOINC 2160-0" in page.person.verdicts.value


def test_the_units_of_a_record_are_shown_as_people_write_them(page: EligibilityPage) -> None:
    ecog = observation("89247-1", "k2", valueQuantity=quantity(1, "{score}"))
    alt = observation("1742-6", "k3", valueQuantity=quantity(0.5, "ukat/L"))
    upload(page.records.files, a_json=bundle(PATIENT, ecog, alt))
    found = page.records.found.value
    assert "LOINC 89247-1 · 1 score" in found
    assert "LOINC 1742-6 · 0.5 μkat/L" in found
    assert "{" not in found


def test_a_reason_stays_until_somebody_enters_the_fact(page: EligibilityPage) -> None:
    upload(page.records.files, a_json=bundle(NAMED, observation("2160-0", valueQuantity=quantity(1.4))))
    assert "unit unknown" in page.records.found.value
    page.records.to_form.click()
    assert page.person.form.unusable == {"creatinine_umol_l": "unit unknown"}
    page.person.form.fields["creatinine_umol_l"].value = "90"
    assert page.person.form.unusable == {}
    page.person.form._handle_custom_msg({"clear": True}, [])
    assert page.person.form.unusable == {}


def test_several_persons_get_ids_from_the_key_and_become_the_cohort(page: EligibilityPage) -> None:
    files = {path.name.split("_")[0] + "_json": gzip.decompress(path.read_bytes()) for path in VECTORS.rglob("*.gz")}
    page.records.key.value = "a secret of the site"
    page.records.as_of.value = date(2020, 9, 1)
    upload(page.records.files, **files)
    ids = page.records.person.options
    assert len(ids) == 6
    assert all(one.startswith("P-") for one in ids)
    page.records.to_cohort.click()
    assert page.tabs.value == "cohort"
    assert ">3</span>" in page.cohort.totals.value
    own = next(one for one in page.records.imports.participants if one.unusable.get("lvef_pct"))
    page.cohort.chosen.value = own.participant
    assert page.person.form.unusable["lvef_pct"] == "conflicting sources"
    assert page.person.as_of.value == date(2020, 9, 1)
    upload(page.records.files, **files)
    assert page.records.person.options == ids


def test_a_record_without_an_importable_fact_says_so_in_place(tmp_path: Path) -> None:
    study = next((paths.VECTORS / "ctgov").glob("NCT*.json"))
    ctgov.write_folder(ctgov.draft(study.read_bytes(), study.name), tmp_path / study.stem)
    shown = EligibilityPage(load_trial(tmp_path / study.stem), date(2026, 3, 10))
    upload(shown.records.files, a_json=bundle(NAMED, observation("2160-0", valueQuantity=quantity(1.4))))
    shown.records.to_cohort.click()
    assert "no column of the record" in shown.records.message.value
    assert "What was read before stays." in shown.records.message.value
    assert shown.records.imports is not None
    assert shown.tabs.value != "cohort"
    shown.records.to_form.click()
    assert shown.tabs.value == "patient"
    shown.view.close()


def test_limits_of_the_site_settle_what_the_record_leaves_open(page: EligibilityPage) -> None:
    site = TRIAL.sites[0].name
    lines = limit_template(ELIGIBILITY, (site,)).decode("utf-8-sig").splitlines()
    filled = [
        line.replace("creatinine,female,,umol/L,,", "creatinine,female,73,umol/L,2026-01-01,handbook")
        for line in lines
    ]
    upload(page.records.limits, limits_csv="\n".join(filled).encode())
    assert "1 limit of normal read" in page.records.status.value
    page.records.site.value = site
    upload(page.records.files, a_json=bundle(NAMED, creatinine()))
    assert f"table of {site}: handbook" in page.records.found.value
    page.records.to_form.click()
    assert "above 1.5 × Upper limit of normal of creatinine 73" in page.person.verdicts.value


@pytest.mark.parametrize("content", [b"", b"<Bundle/>", b"{", b'{"resourceType": "Bundle", "type": "history"}'])
def test_a_bad_file_is_named_and_the_last_good_records_stay(panel: RecordsPanel, content: bytes) -> None:
    upload(panel.files, a_json=bundle(NAMED, creatinine()))
    before = (panel.person.options, panel.found.value)
    upload(panel.files, bad_json=content)
    assert "bad.json" in panel.message.value
    assert "What was read before stays" in panel.message.value
    assert (panel.person.options, panel.found.value) == before


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        ("study_id", "Zhang Wei", "such as W-017"),
        ("as_of", None, "a date like"),
        ("study_id", "zw-1", "such as W-017"),
    ],
)
def test_an_id_or_day_that_is_none_is_refused(panel: RecordsPanel, field: str, text: str, says: str) -> None:
    getattr(panel, field).value = text
    upload(panel.files, a_json=bundle(NAMED, creatinine()))
    assert says in panel.message.value
    assert panel.imports is None


def test_one_id_is_not_given_to_two_persons(panel: RecordsPanel) -> None:
    panel.study_id.value = "S-014"
    upload(panel.files, a_json=bundle(NAMED, {**NAMED, "id": "2"}))
    assert "one id and 2 persons" in panel.message.value


def test_names_and_addresses_reach_neither_the_page_nor_its_memory(page: EligibilityPage) -> None:
    noted = creatinine(note=[{"text": "Zhang Wei"}], performer=[{"display": "Dr Hanyang"}])
    upload(page.records.files, a_json=bundle(NAMED, noted))
    page.records.to_form.click()
    page.records.to_cohort.click()
    assert page.records.files.value == ()
    everything = json.dumps(_texts(page.view)) + repr(page.records.imports) + frame_of(page.cohort.screened).to_csv()
    assert "Zhang" not in everything
    assert "Hanyang" not in everything


OMOP = {
    path.name.replace(".", "_"): path.read_bytes()
    for path in (VECTORS / "omop_synthea27nj_parquet").glob("*.parquet")
}


def test_tables_of_omop_say_what_was_read_of_them_and_become_the_cohort(page: EligibilityPage) -> None:
    page.records.as_of.value = date(2020, 9, 1)
    page.records.key.value = "a secret of the site"
    upload(page.records.tables, **OMOP, note_parquet=b"")
    assert page.records.tables.value == ()
    assert "no criterion asks about them: note.parquet." in page.records.accounts.value
    assert "28 persons read" in page.records.status.value
    assert "not about a fact of the criteria" in page.records.accounts.value
    assert "person_id" not in page.records.accounts.value
    page.records.to_form.click()
    assert page.person.form.fields["sex"].value in ("female", "male")
    page.records.to_cohort.click()
    assert page.tabs.value == "cohort"
    assert "of 28 participants" in page.cohort.totals.value
    unusable = [len(one.unusable) for one in page.records.imports.participants]
    assert "Every cell" not in page.cohort.message.value
    assert f"{sum(unusable)} facts of {sum(map(bool, unusable))} participants" in page.cohort.message.value
    upload(page.records.files, a_json=bundle(NAMED, creatinine()))
    assert page.records.accounts.value == ""


def test_many_tables_show_progress_and_a_stop_leaves_the_records_before(
    panel: RecordsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(panel.files, a_json=bundle(NAMED, creatinine()))
    before = panel.imports
    waiting, going = Event(), Event()

    def slowly(*_arguments: Any) -> Iterator[tuple[Any, float]]:
        waiting.set()
        going.wait(10)
        yield None, 0.25
        yield "not reached", 1.0

    monkeypatch.setattr("protocol.exchange.clinical.omop.read_omop_files_stepwise", slowly)
    upload(panel.tables, wait=False, **OMOP)
    assert waiting.wait(10)
    assert panel.task.view.layout.display == "flex"
    panel.task.stop.click()
    going.set()
    panel.task.wait()
    assert "Stopped after 25 %; nothing was taken over" in panel.task.words.value
    assert panel.imports is before


def test_tables_that_cannot_be_read_are_named_and_the_last_records_stay(panel: RecordsPanel) -> None:
    upload(panel.files, a_json=bundle(NAMED, creatinine()))
    before = panel.imports
    upload(panel.tables, person_csv=b"person_id\n1\n", measurement_parquet=b"PAR1")
    assert "measurement.parquet" in panel.message.value
    assert panel.imports is before
    upload(panel.tables, measurement_csv=b"x")
    assert "person.parquet or person.csv" in panel.message.value
    assert panel.imports is before
    panel.study_id.value = "S-014"
    upload(panel.tables, person_csv=b"person_id\n1\n2\n")
    assert "one id and 2 persons" in panel.message.value
    assert panel.imports is before


def test_a_cohort_is_handed_over_with_study_ids_only_and_the_example_is_not(page: EligibilityPage) -> None:
    page.handing_over.prepare.click()
    assert "invented" in page.handing_over.links.value
    upload(page.records.files, a_json=bundle(NAMED, creatinine()))
    page.records.to_cohort.click()
    page.handing_over.prepare.click()
    links = re.findall(r'download="([^"]+)" href="data:[^,]+,([^"]+)"', page.handing_over.links.value)
    files = {name: base64.b64decode(content).decode() for name, content in links}
    assert sorted(files) == ["group_eligible.json", "group_possibly.json", "redcap_import.csv"]
    own = page.records.person.options[0]
    assert json.loads(files["group_possibly.json"])["quantity"] == 1
    assert own in files["group_possibly.json"]
    assert files["redcap_import.csv"].splitlines()[1].startswith(own)
    assert not any("Zhang" in content for content in files.values())


def _texts(widget: widgets.Widget) -> list[str]:
    own = [str(getattr(widget, name)) for name in ("value", "description", "options") if hasattr(widget, name)]
    return own + [text for child in getattr(widget, "children", ()) for text in _texts(child)]
