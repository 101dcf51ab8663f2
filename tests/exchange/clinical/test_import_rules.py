"""What hospital records say of facts comes from the eligibility record; without that, the rest is imported."""

from pathlib import Path
from typing import Any

import pytest
from support import paths
from support.clinical_records import DAY, PATIENT, bundle, concept, condition, observation, quantity, read
from support.trial import ELIGIBILITY

from protocol.eligibility import EligibilityRecord, FactRoles
from protocol.exchange.clinical import Setting, limit_template, read_fhir, read_limits, read_omop
from protocol.exchange.registry import ctgov
from protocol.records import ProtocolError, read_record

BUNDLE = bundle(
    {**PATIENT, "deceasedBoolean": True},
    observation("1742-6", valueQuantity=quantity(40, "U/L")),
    observation("42595-9", "o2", valueQuantity=quantity(2500, "[IU]/mL")),
    condition("91861009"),
)


@pytest.mark.parametrize("path", sorted((paths.VECTORS / "ctgov").glob("*.json")), ids=lambda path: path.stem)
def test_a_drafted_record_reads_hospital_records_without_a_word_of_this_trial(path: Path, tmp_path: Path) -> None:
    (tmp_path / "eligibility.toml").write_text(ctgov.draft(path.read_bytes())["eligibility.toml"], encoding="utf-8")
    record = read_record(tmp_path / "eligibility.toml", EligibilityRecord)
    setting = Setting(record, DAY)
    found = read_fhir({"a.json": BUNDLE}, setting, lambda key: f"S-{key}")
    assert [(one.participant, one.facts, one.unusable) for one in found.participants] == [("S-1", {}, {})]
    assert record.screen(found.participants[0].facts).overall != "eligible so far"
    assert found.frame(record)["participant_id"].tolist() == ["S-1"]
    (tmp_path / "person.csv").write_text(
        "person_id,year_of_birth,month_of_birth,day_of_birth,gender_concept_id\n1,1980,5,6,8532\n"
    )
    (tmp_path / "death.csv").write_text("person_id,death_date\n1,2026-01-01\n")
    assert [one.facts for one in read_omop(tmp_path, setting, lambda key: f"S-{key}").participants] == [{}]
    assert limit_template(record, ("tongji",)).count(b"\n") == 1
    assert read_limits("limits.csv", limit_template(record, ()), record).limits == ()


def test_the_rules_are_the_records_own(monkeypatch: pytest.MonkeyPatch) -> None:
    none = type(ELIGIBILITY.imports)(value_sets=ELIGIBILITY.imports.value_sets)  # these belong to the facts' codes
    without = ELIGIBILITY.model_copy(update={"imports": none, "roles": FactRoles()})
    monkeypatch.setattr("support.clinical_records.ELIGIBILITY", without)
    person = read(
        observation("1742-6", valueQuantity=quantity(40, "U/L")),
        observation("14631-6", "o2", valueQuantity=quantity(1, "mg/dL")),
        observation("42595-9", "o3", valueQuantity=quantity(2500, "[IU]/mL")),
        observation("20447-9", "o4", valueCodeableConcept=concept("LA6576-8")),
        observation("3151-8", "o5", valueQuantity=quantity(0, "L/min")),
    )
    assert person.facts["alt_u_l"] == 40
    assert person.facts["hiv_test"] == "confirmed"
    assert person.unusable == {
        "bilirubin_umol_l": "unit unknown",  # no molar mass
        "hbv_dna": "missing",  # no limit between the options
        "on_room_air": "missing",
    }
    assert {"sex", "age_years", "hiv_history", "enrolment_date", "alt_uln_u_l"}.isdisjoint(person.facts)


@pytest.mark.parametrize(
    ("imports", "said"),
    [
        ({"person": {"sex": "no_such_fact", "assumption": "a"}}, "the id of a choice fact"),
        ({"person": {"birth_date": "sex", "assumption": "a"}}, "the id of a date fact"),
        ({"person": {"age": "age_years", "age_from": "age_years", "assumption": "a"}}, "the id of a threshold"),
        ({"person": {"sex": "sex"}}, "no origin; write exactly one"),
        ({"lifelong": [{"fact": "no_such_fact", "assumption": "a"}]}, "the id of a fact"),
        (
            {"lifelong": [{"fact": "diagnosis", "more_exact": [["apl", "x"]], "assumption": "a"}]},
            "one of its options",
        ),
        ({"lifelong": [{"fact": "diagnosis", "assumption": "a"}] * 2}, "duplicate lifelong fact"),
        ({"implied": [{"fact": "hiv_history", "by": "hiv_test", "option": "x", "assumption": "a"}]}, "its options"),
        ({"circumstances": [{"fact": "hbsag", "of": "spo2_pct", "assumption": "a"}]}, "the id of a yes_no fact"),
        ({"viral_loads": [{"fact": "hbv_dna", "limit_iu_per_ml": 1, "assumption": "a"}]}, "up_to and above"),
        ({"lifelong": [{"fact": "diagnosis", "strongest": "x", "assumption": "a"}]}, "one of its options"),
        ({"lifelong": [{"fact": "diagnosis", "within": "age_years", "assumption": "a"}]}, "the id of a threshold"),
        ({"value_sets": []}, "the id of a value set"),
        ({"value_sets": [{"id": "solid_tumours", "assumption": "a"}] * 2}, "duplicate value set"),
        ({"analytes": [{"id": "alt", "value": "sex", "assumption": "a"}]}, "the id of a number fact"),
        (
            {"analytes": [{"id": "alt", "value": "alt_u_l", "limit": "ast_u_l", "assumption": "a"}]},
            "a fact with limit_of_normal",
        ),
    ],
)
def test_a_rule_about_something_else_is_refused(imports: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        EligibilityRecord.model_validate({**ELIGIBILITY.model_dump(), "imports": imports})


def test_participants_are_displayed_by_study_id_and_counts_only() -> None:
    found = read_fhir({"a.json": BUNDLE}, Setting(ELIGIBILITY, DAY), lambda key: f"S-<{key}>")
    assert repr(found) == "Imports(1 participants, 0 problems)"
    shown = found._repr_html_() + found.participants[0]._repr_html_() + repr(found.participants[0])
    assert "S-&lt;1&gt;" in shown
    assert "1980" not in shown
    table = found.table().set_index("fact")
    assert table.loc["alt_u_l", "value"] == 40
    assert table.loc["alt_uln_u_l", "reason"] == "no upper limit of normal"
    assert set(table["participant"]) == {"S-<1>"}


def test_a_file_that_cannot_be_read_is_refused_in_words() -> None:
    with pytest.raises(ProtocolError, match="XML"):
        read_fhir({"a.xml": b"<Bundle/>"}, Setting(ELIGIBILITY, DAY), str)
