"""OMOP CDM folders become facts per person, from Parquet or CSV, with what could not be used."""

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.clinical_records import DAY, setting
from support.trial import ELIGIBILITY

from protocol.exchange.clinical.findings import Imported, Imports
from protocol.exchange.clinical.omop import (
    LARGEST_BYTES,
    MOST_FILES,
    MOST_PERSONS,
    OmopImport,
    read_omop,
    read_omop_files_stepwise,
    unread,
)
from protocol.records import ProtocolError

CONCEPTS = [
    (3016723, "LOINC", "2160-0"),
    (3020564, "LOINC", "14682-9"),
    (3006923, "LOINC", "1742-6"),
    (40758583, "LOINC", "89247-1"),
    (3013752, "LOINC", "5195-3"),
    (140352, "SNOMED", "91861009"),
    (45600000, "ICD10CM", "C92.40"),
    (8840, "UCUM", "mg/dL"),
    (8749, "UCUM", "umol/L"),
    (8645, "UCUM", "[U]/L"),
    (9191, "SNOMED", "10828004"),
]
CREATININE = {"measurement_concept_id": 3016723, "value_as_number": 1.0, "unit_concept_id": 8840}


def folder(path: Path, suffix: str = ".parquet", **tables: list[dict[str, Any]]) -> Path:
    tables.setdefault("person", [person(1)])
    concepts = [
        {"concept_id": number, "vocabulary_id": name, "concept_code": code} for number, name, code in CONCEPTS
    ]
    tables.setdefault("concept", concepts)
    for name, rows in tables.items():
        frame = pd.DataFrame(rows)
        if suffix == ".csv":
            frame.to_csv(path / f"{name}.csv", index=False)
        else:
            frame.to_parquet(path / f"{name.upper()}.parquet")
    return path


def person(own: int, year: Any = 1980, month: Any = 5, day: Any = 6, gender: int = 8532) -> dict[str, Any]:
    return {
        "person_id": own,
        "year_of_birth": year,
        "month_of_birth": month,
        "day_of_birth": day,
        "gender_concept_id": gender,
    }


def measurement(own: int = 1, day: str | None = "2026-03-08", **more: Any) -> dict[str, Any]:
    return {"measurement_id": own, "person_id": 1, "measurement_date": day, **CREATININE, **more}


def read(path: Path, **more: Any) -> Imports:
    return read_omop(path, setting(**more), lambda key: f"S-{key}")


def one(path: Path, **tables: list[dict[str, Any]]) -> Imported:
    return read(folder(path, **tables)).participants[0]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_folder_of_either_kind_gives_facts_with_their_row(tmp_path: Path, suffix: str) -> None:
    found = read(folder(tmp_path, suffix, measurement=[measurement(7)])).participants[0]
    assert found.participant == "S-1"
    assert found.facts["sex"] == "female"
    assert found.facts["birth_date"] == date(1980, 5, 6)
    assert found.facts["creatinine_umol_l"] == pytest.approx(88.4017)
    evidence = found.provenance["creatinine_umol_l"]
    assert (evidence.origin, evidence.original) == ("measurement 7", "1 mg/dL")
    assert evidence.code == "OMOP 3016723 (LOINC 2160-0)"


def test_the_newest_day_across_concepts_counts_and_nothing_from_the_future(tmp_path: Path) -> None:
    rows = [
        measurement(1, "2026-03-05"),
        measurement(2, "2026-03-08", measurement_concept_id=3020564, value_as_number=95.0, unit_concept_id=8749),
        measurement(3, "2026-03-11", value_as_number=9.0),
    ]
    assert one(tmp_path, measurement=rows).facts["creatinine_umol_l"] == 95


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"unit_concept_id": 0}, "unit unknown"),
        ({"unit_concept_id": 0, "unit_source_value": "mg of dL"}, "unit unknown"),
        ({"unit_concept_id": 0, "unit_source_value": "mg per dL"}, 88.4017),
        ({"unit_concept_id": 0, "unit_source_value": "mg/dL"}, 88.4017),
        ({"unit_concept_id": 8645}, "unit unknown"),
        ({"operator_concept_id": 4171756}, "missing"),
        ({"operator_concept_id": 4172703}, 88.4017),
        ({"value_as_number": 900.0}, "missing"),
    ],
)
def test_a_unit_must_be_known_and_a_bound_is_no_value(tmp_path: Path, changed: dict[str, Any], expected: Any) -> None:
    found = one(tmp_path, measurement=[measurement(**changed)])
    if isinstance(expected, str):
        assert found.unusable == {"creatinine_umol_l": expected}
    else:
        assert found.facts["creatinine_umol_l"] == pytest.approx(expected)


def test_two_values_of_one_day_conflict(tmp_path: Path) -> None:
    found = one(tmp_path, measurement=[measurement(1), measurement(2, value_as_number=1.5)])
    assert found.unusable["creatinine_umol_l"] == "conflicting sources"


def test_a_row_without_a_date_may_be_the_newest(tmp_path: Path) -> None:
    found = one(tmp_path, measurement=[measurement(1), measurement(2, day=None, value_as_number=9.0)])
    assert found.unusable["creatinine_umol_l"] == "conflicting sources"
    assert "measurement 2): no date" in found.unused["creatinine_umol_l"].note


def test_a_newer_row_without_a_value_hides_nothing_and_one_that_cannot_be_read_does(tmp_path: Path) -> None:
    older, empty = measurement(1, "2026-03-05"), measurement(2, value_as_number=None)
    (tmp_path / "a").mkdir()
    assert "creatinine_umol_l" in one(tmp_path / "a", measurement=[older, empty]).facts
    found = read(folder(tmp_path, ".csv", measurement=[older, measurement(2, value_as_number="high")]))
    assert found.participants[0].unusable == {"creatinine_umol_l": "missing"}


def test_the_upper_end_of_the_range_is_the_limit_of_normal(tmp_path: Path) -> None:
    assert one(tmp_path, measurement=[measurement(range_high=1.2)]).facts["creatinine_uln_umol_l"] == pytest.approx(
        106.082
    )


def test_scores_and_coded_answers_are_read(tmp_path: Path) -> None:
    score = measurement(
        1, measurement_concept_id=40758583, value_as_number=0.0, unit_source_value="{score}", unit_concept_id=0
    )
    answer = measurement(2, measurement_concept_id=3013752, value_as_number=None, value_as_concept_id=9191)
    found = one(tmp_path, measurement=[score, answer])
    assert (found.facts["ecog"], found.facts["hbsag"]) == (0, "positive")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "aml"),
        ({"condition_status_concept_id": 32899}, None),
        ({"condition_end_date": "2026-02-01"}, None),
        ({"condition_end_date": "2026-12-01"}, "aml"),
        ({"condition_start_date": "2026-12-01"}, None),
        ({"condition_concept_id": 0, "condition_source_concept_id": 45600000}, "apl"),
    ],
)
def test_a_condition_is_a_diagnosis_while_it_lasts_and_is_confirmed(
    tmp_path: Path, changed: dict[str, Any], expected: str | None
) -> None:
    row = {
        "condition_occurrence_id": 1,
        "person_id": 1,
        "condition_concept_id": 140352,
        "condition_start_date": "2026-01-05",
        **changed,
    }
    assert one(tmp_path, condition_occurrence=[row]).facts.get("diagnosis") == expected


def test_the_dead_are_not_expected_to_survive(tmp_path: Path) -> None:
    dead = [{"person_id": 1, "death_date": "2026-03-01"}]
    assert ELIGIBILITY.screen(one(tmp_path, death=dead).facts)["I6"].status == "excludes"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("born", "age", "verdict"),
    [
        ((1980, None, None), 45, "passes"),
        ((2008, None, None), None, "unknown"),
        ((2008, 3, None), None, "unknown"),
        ((2008, 2, None), 18, "passes"),
        ((1949, 12, None), 76, "excludes"),
        ((1980, 2, 31), None, "unknown"),
        ((None, None, None), None, "unknown"),
    ],
)
def test_a_year_of_birth_alone_says_only_what_it_says(
    tmp_path: Path, born: tuple[int | None, ...], age: int | None, verdict: str
) -> None:
    found = read(folder(tmp_path, person=[person(1, *born), person(2)]))
    facts = found.participants[0].facts
    assert facts.get("age_years") == age
    assert ELIGIBILITY.screen(facts)["I1"].status == verdict
    assert any("table person, row 2" in p.where for p in found.problems) == (born == (1980, 2, 31))


def test_missing_tables_bad_cells_and_strangers_are_reported(tmp_path: Path) -> None:
    rows = [measurement(1), measurement(2, value_as_number="high"), measurement(3, person_id=9)]
    found = read(folder(tmp_path, ".csv", measurement=rows))
    said = [" ".join(problem) for problem in found.problems]
    assert any("row 3, column value_as_number" in line and "1 cells" in line for line in said)
    assert any("table death" in line for line in said)
    assert any("1 persons" in line for line in said)
    assert found.participants[0].facts["creatinine_umol_l"] == pytest.approx(88.4017)


CONDITION = {"condition_occurrence_id": 1, "person_id": 1, "condition_concept_id": 140352}
CONDITION |= {"condition_start_date": "2026-01-05", "condition_end_date": ""}
PROCEDURE = {"procedure_occurrence_id": 1, "person_id": 1, "procedure_concept_id": 4273629}
PROCEDURE |= {"procedure_date": "2025-01-01"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "row", "column", "kind"),
    [
        ("condition_occurrence", {**CONDITION, "condition_start_date": "2027/13/01"}, "condition_start_date", "date"),
        ("condition_occurrence", {**CONDITION, "condition_end_date": "bad"}, "condition_end_date", "date"),
        ("procedure_occurrence", {**PROCEDURE, "procedure_date": "05.03.2026"}, "procedure_date", "date"),
        (
            "procedure_occurrence",
            {**PROCEDURE, "procedure_concept_id": "4273629x"},
            "procedure_concept_id",
            "whole number",
        ),
        ("death", {"person_id": 1, "death_date": "bad"}, "death_date", "date"),
        ("person", person(1, "19x0"), "year_of_birth", "whole number"),
        ("measurement", measurement(operator_concept_id="<"), "operator_concept_id", "whole number"),
        ("measurement", measurement(range_high="40 U/L"), "range_high", "number"),
    ],
)
def test_a_bad_cell_of_any_table_is_reported_by_table_row_and_column(
    tmp_path: Path, table: str, row: dict[str, Any], column: str, kind: str
) -> None:
    found = read(folder(tmp_path, ".csv", **{table: [row]}))
    told = [problem for problem in found.problems if "row" in problem.where]
    assert [problem.where for problem in told] == [f"table {table}, row 2, column {column}"]
    assert told[0].found == f"1 cells that are no {kind}"


@pytest.mark.parametrize("year", [3000, 10**12])
def test_a_birth_after_today_is_reported(tmp_path: Path, year: int) -> None:
    found = read(folder(tmp_path, person=[person(1, year)]))
    [told] = [problem for problem in found.problems if problem.where == "table person, row 2"]
    assert told.found == ("a date of birth after the as-of date" if year == 3000 else "no date of birth")
    assert "age_years" not in found.participants[0].facts


def test_a_day_that_cannot_be_read_is_nobodys_day_and_an_end_that_cannot_is_unknown(tmp_path: Path) -> None:
    procedures = [PROCEDURE, {**PROCEDURE, "procedure_occurrence_id": 2, "procedure_date": "05.03.2026"}]
    over = {**CONDITION, "condition_end_date": "bad"}
    found = read(folder(tmp_path, ".csv", procedure_occurrence=procedures, condition_occurrence=[over]))
    facts = found.participants[0].facts
    assert facts["ever_anticancer_therapy"] is True
    assert {"last_anticancer_therapy_date", "diagnosis"}.isdisjoint(facts)


@pytest.mark.parametrize("content", [None, b"", b"PAR1 no"])
def test_a_folder_without_persons_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "person.parquet").write_bytes(content)
    with pytest.raises(ProtocolError):
        read(tmp_path)
    with pytest.raises(ProtocolError):
        read(tmp_path / "nowhere")


def test_rows_come_out_as_a_frame_that_can_be_screened(tmp_path: Path) -> None:
    found = read(folder(tmp_path, measurement=[measurement(range_high=0.5)], person=[person(1), person(2)]))
    screening = ELIGIBILITY.screen_cohort(found.frame(ELIGIBILITY))
    assert screening.participants == ("S-1", "S-2")
    assert [*screening.overall()] == ["ineligible", "possibly eligible"]  # 1.0 mg/dL of creatinine is twice 0.5
    assert found.frame(ELIGIBILITY)["enrolment_date"].dt.date.tolist() == [DAY, DAY]


def test_a_number_of_an_antigen_decides_nothing_and_the_answer_beside_it_does(tmp_path: Path) -> None:
    antigen = {"measurement_concept_id": 3013752, "value_as_number": 0.01, "unit_source_value": "[IU]/mL"}
    imported = one(tmp_path, measurement=[{**measurement(), "unit_concept_id": 0, **antigen}])
    assert "hbsag" not in imported.facts
    assert imported.unused["hbsag"].note == "a number without the assay's cut-off"
    said = {**measurement(), "unit_concept_id": 0, **antigen, "value_as_concept_id": 9191}
    assert one(tmp_path, measurement=[said]).facts["hbsag"] == "positive"


def files(path: Path, suffix: str = ".parquet", **tables: list[dict[str, Any]]) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder(path, suffix, **tables).iterdir()}


def imported(contents: dict[str, bytes]) -> OmopImport:
    *_before, (last, done) = read_omop_files_stepwise(contents, setting(), lambda key: f"S-{key}")
    assert done == 1
    assert last is not None
    return last


def test_every_row_of_a_table_is_either_read_or_left_out_for_a_reason(tmp_path: Path) -> None:
    rows = [
        measurement(1, "2026-03-05"),
        measurement(2, "2026-03-08"),
        measurement(3, "2026-03-11"),
        measurement(4, value_as_number=None),
        measurement(5, measurement_concept_id=99),
        measurement(6, measurement_concept_id=99, value_as_number=None, measurement_date="2027-01-01"),
    ]
    state = {"condition_occurrence_id": 1, "person_id": 1, "condition_start_date": "2026-01-05"}
    conditions = [
        {**state, "condition_concept_id": 140352, "condition_status_concept_id": status} for status in (0, 32899)
    ]
    accounts = {
        one.table: one
        for one in imported(files(tmp_path, measurement=rows, condition_occurrence=conditions)).accounts
    }
    assert accounts["measurement"].left_out == (
        ("not about a fact of the criteria", 2),
        ("without a value", 1),
        ("after the as-of day", 1),
        ("older than the newest of the same person", 1),
    )
    assert (accounts["measurement"].rows, accounts["measurement"].read) == (6, 1)
    assert accounts["condition_occurrence"].left_out == (("preliminary, no diagnosis yet", 1),)
    assert accounts["concept"].read == 3  # creatinine, its unit and the diagnosis
    assert accounts["concept"].left_out == (("used by no other table", len(CONCEPTS) - 3),)
    assert (accounts["death"].file, accounts["death"].rows) == ("", 0)


@pytest.mark.slow
def test_files_that_were_handed_over_say_the_same_as_a_folder_and_are_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "laid").mkdir()
    (tmp_path / "given").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "laid"))
    given = folder(tmp_path / "given", measurement=[measurement(7)])
    contents = {path.name: path.read_bytes() for path in given.iterdir()}
    assert imported(contents).imports == read(given)
    steps = read_omop_files_stepwise(contents, setting(), str)
    next(steps)
    assert len([*(tmp_path / "laid").iterdir()]) == 1
    del steps  # as when somebody stops
    assert [*(tmp_path / "laid").iterdir()] == []
    with pytest.raises(ProtocolError):
        imported({**contents, "DEATH.csv": b""})
    assert [*(tmp_path / "laid").iterdir()] == []


def test_what_no_criterion_asks_for_is_not_laid_down_and_is_named(tmp_path: Path) -> None:
    contents = files(tmp_path, measurement=[measurement(7)])
    more = {"note.parquet": b"not read", "../../person.txt": b"nor this"}
    assert unread({**contents, **more}) == ("../../person.txt", "note.parquet")
    assert imported({**contents, **more}) == imported(contents)


def test_too_much_at_once_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = files(tmp_path, ".csv")
    with pytest.raises(ProtocolError, match=f"at most {MOST_FILES} files"):
        imported(contents | {f"{number}.csv": b"" for number in range(MOST_FILES)})
    lines = "person_id\n" + "1\n" * (MOST_PERSONS + 1)
    with pytest.raises(ProtocolError, match="20,001 persons"):
        imported({"person.csv": lines.encode()})
    monkeypatch.setattr("protocol.exchange.clinical.omop.LARGEST_BYTES", 10)
    with pytest.raises(ProtocolError, match="MB together"):
        imported(contents)
    assert LARGEST_BYTES * 4 / 3 < 512 * 2**20  # in base64 still smaller than the largest message of the dashboard


PERSON = b"person_id,year_of_birth,month_of_birth,day_of_birth,gender_concept_id\n1,1980,5,6,8532\n"
HEAD = b"measurement_id,person_id,measurement_concept_id,measurement_date,value_as_number,unit_concept_id\n"
LINE = b"1,1,3016723,2026-03-08,1.0,8840\n"
CONCEPT = b"concept_id,vocabulary_id,concept_code\n3016723,LOINC,2160-0\n8840,UCUM,mg/dL\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "where", "found"),
    [
        ("person.csv", b"", "person.csv", "no table"),
        ("person.csv", PERSON.splitlines()[0] + b"\n", "person.csv", "no person"),
        ("person.csv", b"id,year\n1,1980\n", "person.csv", "no column person_id"),
        ("measurement.csv", HEAD + LINE * 60_000 + b"1,1,3016723\n" + LINE, "measurement.csv, line 60002", "line"),
        ("measurement.csv", HEAD + LINE * 60_000 + "1,男\n".encode("gb18030"), "measurement.csv, line 60002", "line"),
        ("person.parquet", PERSON, "person.parquet", "second time"),
        ("measurement.parquet", b"PAR1" + bytes(100) + b"PAR1", "measurement.parquet", "no table"),
    ],
)
def test_a_table_that_cannot_be_read_is_named_with_its_line(
    name: str, content: bytes, where: str, found: str
) -> None:
    with pytest.raises(ProtocolError) as refused:
        imported({"person.csv": PERSON, "concept.csv": CONCEPT, name: content})
    assert refused.value.where == where
    assert found in refused.value.found
    assert "3016723" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("person.csv", PERSON + b"x,1980,5,6,8532\n", "table person, row 3 no person_id"),
        ("person.csv", PERSON + b"1,1981,5,6,8532\n", "table person, row 3 a person_id for the second time"),
        ("measurement.csv", b"hello\nworld\n", "measurement.csv no column measurement_concept_id"),
        ("measurement.csv", HEAD + "1,男\n".encode("gb18030"), "measurement.csv no column measurement_concept_id"),
        ("concept.csv", b"hello\nworld\n", "concept.csv no column concept_id"),
        ("measurement.csv", HEAD + b"1,x,3016723,2026-03-08,1.0,8840\n", "all tables 1 persons"),
        ("measurement.csv", HEAD + b"1,1,3016723,2026-02-31,1.0,8840\n", "row 2, column measurement_date"),
    ],
)
def test_a_bad_row_of_text_is_reported_and_the_rest_is_read(name: str, content: bytes, said: str) -> None:
    found = imported({"person.csv": PERSON, "measurement.csv": HEAD + LINE, "concept.csv": CONCEPT, name: content})
    assert [one.participant for one in found.imports.participants] == ["S-1"]
    assert any(said in " ".join(problem) for problem in found.imports.problems)
    person = found.accounts[0]
    assert (person.table, person.read, person.rows - sum(n for _why, n in person.left_out)) == ("person", 1, 1)


DRUG = {"drug_exposure_id": 1, "person_id": 1, "drug_concept_id": 1311078, "drug_source_value": ""}
DRUG |= {"drug_exposure_start_date": "2025-12-01", "drug_exposure_end_date": "2025-12-05"}
"""Cytarabine more than three months before the as-of day."""

RECENT = {
    **DRUG,
    "drug_exposure_id": 2,
    "drug_exposure_start_date": "2026-03-01",
    "drug_exposure_end_date": "2026-03-01",
}
ERA = {"drug_era_id": 1, "person_id": 1, "drug_concept_id": 1311078}
ERA |= {"drug_era_start_date": "2026-02-01", "drug_era_end_date": "2026-03-01"}
EPISODE = {"episode_id": 1, "person_id": 1, "episode_concept_id": 32531, "episode_object_concept_id": 0}
EPISODE |= {"episode_start_date": "2026-02-01", "episode_end_date": "2026-03-01"}
IRRADIATED = {**PROCEDURE, "procedure_concept_id": 700, "procedure_date": "2026-03-01"}

MORE = [
    {"concept_id": 700, "vocabulary_id": "SNOMED", "concept_code": "1217123003", "concept_name": "Radiotherapy"},
    {"concept_id": 701, "vocabulary_id": "RxNorm", "concept_code": "1", "concept_name": "Cytarabine Injection"},
    {"concept_id": 702, "vocabulary_id": "RxNorm", "concept_code": "2", "concept_name": "Acetaminophen"},
    {"concept_id": 703, "vocabulary_id": "ATC", "concept_code": "N02BE01", "concept_name": "paracetamol"},
    {"concept_id": 704, "vocabulary_id": "ATC", "concept_code": "L01BC01", "concept_name": "cytarabine"},
    {"concept_id": 705, "vocabulary_id": "SNOMED", "concept_code": "3", "concept_name": "A disorder"},
    {"concept_id": 443392, "vocabulary_id": "SNOMED", "concept_code": "363346000", "concept_name": "Malignant"},
    {"concept_id": 706, "vocabulary_id": "SNOMED", "concept_code": "93143009", "concept_name": "Leukemia"},
    {"concept_id": 707, "vocabulary_id": "ICD10CN", "concept_code": "C34.900x001", "concept_name": "lung"},
    {"concept_id": 708, "vocabulary_id": "SNOMED", "concept_code": "4", "concept_name": "Diabetes mellitus"},
    {"concept_id": 709, "vocabulary_id": "ICD10CM", "concept_code": "Z92.21", "concept_name": "History of a therapy"},
    {"concept_id": 710, "vocabulary_id": "ATC", "concept_code": "D10AD01", "concept_name": "tretinoin; topical"},
]
HISTORY = {"observation_id": 1, "person_id": 1, "observation_concept_id": 0, "observation_date": "2026-03-05"}


def screened(path: Path, criterion: str, suffix: str = ".parquet", **tables: list[dict[str, Any]]) -> str:
    found = read(folder(path, suffix, concept=MORE, **tables)).participants[0].facts
    recovered = {"residual_toxicity_grade": 0, "hematologic_toxicity_grade": 0}
    return ELIGIBILITY.screen({**found, **recovered}, "Ib")[criterion].status


def below(concept: int, *above: int) -> list[dict[str, int]]:
    keys = ("descendant_concept_id", "ancestor_concept_id", "min_levels_of_separation")
    return [dict(zip(keys, (concept, one, level), strict=True)) for level, one in enumerate((concept, *above))]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tables", "status"),
    [
        ({}, "passes"),
        ({"drug_exposure": [DRUG, RECENT]}, "excludes"),
        ({"drug_exposure": [DRUG, {**RECENT, "drug_concept_id": 701}]}, "unknown"),
        ({"drug_exposure": [DRUG, {**RECENT, "drug_concept_id": 702}]}, "unknown"),
        ({"drug_exposure": [DRUG, {**RECENT, "drug_concept_id": 12345}]}, "unknown"),
        ({"drug_exposure": [DRUG, {**RECENT, "drug_concept_id": 0, "drug_source_value": "阿糖胞苷"}]}, "unknown"),
        ({"drug_exposure": [DRUG, {**RECENT, "drug_exposure_start_date": "2026-04-01"}]}, "passes"),
        ({"drug_exposure": [DRUG, {**DRUG, "drug_exposure_end_date": None}]}, "unknown"),
        ({"drug_exposure": [DRUG, {**DRUG, "drug_exposure_end_date": None, "days_supply": 7}]}, "passes"),
        ({"drug_exposure": [DRUG, {**RECENT, "drug_exposure_end_date": None}]}, "excludes"),
        ({"drug_exposure": [DRUG, {**DRUG, "drug_concept_id": 702}]}, "passes"),
        ({"drug_exposure": [DRUG, {**RECENT, "drug_exposure_end_date": "2020-03-01"}]}, "excludes"),
        ({"drug_exposure": [DRUG], "observation": [{**HISTORY, "observation_source_concept_id": 709}]}, "unknown"),
        ({"drug_exposure": [DRUG], "observation": [{**HISTORY, "observation_source_value": "近期化疗"}]}, "unknown"),
        ({"drug_exposure": [DRUG], "observation": [{**HISTORY, "observation_source_value": "吸烟史"}]}, "passes"),
        ({"drug_era": [ERA]}, "excludes"),
        ({"episode": [EPISODE]}, "unknown"),
        ({"episode": [{**EPISODE, "episode_concept_id": 32533}]}, "passes"),
        ({"episode": [{**EPISODE, "episode_object_concept_id": 700}]}, "excludes"),
        ({"procedure_occurrence": [IRRADIATED]}, "excludes"),
        ({"procedure_occurrence": [{**IRRADIATED, "procedure_concept_id": 12345}]}, "unknown"),
        (
            {"procedure_occurrence": [{**IRRADIATED, "procedure_concept_id": 0, "procedure_source_value": "放疗"}]},
            "unknown",
        ),
        (
            {
                "drug_exposure": [DRUG, {**RECENT, "drug_concept_id": 702}],
                "concept_ancestor": below(702, 703),
            },
            "passes",
        ),
        (
            {
                "drug_exposure": [DRUG, {**RECENT, "drug_concept_id": 702}],
                "concept_ancestor": below(702, 704),
            },
            "excludes",
        ),
        (
            {
                "drug_exposure": [DRUG, {**RECENT, "drug_concept_id": 702}],
                "concept_ancestor": [*below(702, 710), *below(702, 704)],
            },
            "unknown",
        ),
    ],
)
def test_the_latest_therapy_of_all_tables_counts_and_one_not_understood_leaves_the_washout_open(
    tmp_path: Path, tables: dict[str, list[dict[str, Any]]], status: str
) -> None:
    assert screened(tmp_path, "I8", **{"drug_exposure": [DRUG], **tables}) == status


COLON = {"condition_occurrence_id": 1, "person_id": 1, "condition_concept_id": 197500, "condition_source_value": ""}
COLON |= {"condition_start_date": "2010-01-01", "condition_end_date": "2015-01-01"}
LATER = {**COLON, "condition_occurrence_id": 2, "condition_start_date": "2025-01-01", "condition_end_date": None}
VISIT = {"visit_occurrence_id": 1, "person_id": 1, "visit_start_date": "2010-01-01", "visit_end_date": "2015-01-01"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("concept", "more", "tables", "status"),
    [
        (None, {}, {}, "passes"),
        (705, {}, {"concept_ancestor": below(705, 443392)}, "excludes"),
        (705, {}, {"concept_ancestor": below(705, 706, 443392)}, "passes"),
        (443392, {}, {}, "unknown"),
        (0, {"condition_source_concept_id": 707}, {}, "excludes"),
        (0, {"condition_source_value": "C34.900x001"}, {}, "unknown"),
        (0, {"condition_source_value": "肺癌"}, {}, "unknown"),
        (0, {"condition_source_value": "I10;C78.0"}, {}, "unknown"),
        (0, {"condition_source_value": "8140/3"}, {}, "unknown"),
        (0, {"condition_source_value": "I10;E11.9"}, {}, "passes"),
        (705, {}, {"concept_ancestor": [*below(705, 706), *below(705, 443392)]}, "unknown"),
        (12345, {}, {}, "unknown"),
        (708, {}, {}, "passes"),
        (None, {}, {"visit_occurrence": [VISIT]}, "excludes"),
        (None, {}, {"visit_occurrence": [{**VISIT, "visit_start_date": "2014-12-20"}]}, "passes"),
        (
            None,
            {},
            {"observation": [{"observation_id": 1, "person_id": 1, "observation_concept_id": 443392}]},
            "unknown",
        ),
    ],
)
def test_a_tumour_is_known_by_what_it_stands_below_and_does_not_end_with_the_visit(
    tmp_path: Path, concept: int | None, more: dict[str, Any], tables: dict[str, Any], status: str
) -> None:
    conditions = [COLON] if concept is None else [COLON, {**LATER, "condition_concept_id": concept, **more}]
    tables = {name: [{"observation_date": "2026-01-01", **row} for row in rows] for name, rows in tables.items()}
    assert screened(tmp_path, "E22", condition_occurrence=conditions, **tables) == status


def test_the_code_of_the_source_may_say_more_than_the_standard_concept(tmp_path: Path) -> None:
    coded = {"condition_concept_id": 140352, "condition_source_concept_id": 45600000}
    assert one(tmp_path, condition_occurrence=[{**LATER, **coded}]).facts["diagnosis"] == "apl"


def test_no_flow_of_oxygen_is_room_air_for_the_saturation_of_its_day(tmp_path: Path) -> None:
    concepts = [(1, "LOINC", "59408-5"), (2, "LOINC", "3151-8"), (3, "UCUM", "%"), (4, "UCUM", "L/min")]
    named = [{"concept_id": number, "vocabulary_id": name, "concept_code": code} for number, name, code in concepts]
    saturation = measurement(1, measurement_concept_id=1, value_as_number=98, unit_concept_id=3)
    flow = measurement(2, measurement_concept_id=2, value_as_number=0, unit_concept_id=4)
    assert one(tmp_path, concept=named, measurement=[saturation, flow]).facts["on_room_air"] is True


def test_a_row_that_ends_before_it_begins_is_listed(tmp_path: Path) -> None:
    reversed_ = {**RECENT, "drug_exposure_end_date": "2020-03-01"}
    problems = read(folder(tmp_path, drug_exposure=[reversed_])).problems
    assert "1 rows that end before they begin" in [problem.found for problem in problems]


def test_the_history_of_the_family_is_not_the_persons(tmp_path: Path) -> None:
    row = {"observation_id": 1, "person_id": 1, "observation_concept_id": 4167217, "value_as_concept_id": 443392}
    observed = [{**row, "observation_date": "2026-01-01"}]
    assert screened(tmp_path, "E22", condition_occurrence=[COLON], observation=observed) == "passes"


def test_a_newest_result_that_only_the_source_shows_is_not_replaced_by_an_older_one(tmp_path: Path) -> None:
    newest = measurement(2, "2026-03-05", value_as_number=None, value_source_value=">500")
    rows = [measurement(1, "2026-02-20", value_source_value="1.0"), newest]
    found = one(tmp_path, measurement=rows)
    assert found.unusable == {"creatinine_umol_l": "missing"}
    assert ">500" not in str(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second", "value"),
    [
        ("2026-03-08 08:00:00", "2026-03-08 16:00:00", 132.60255),
        ("2026-03-08 16:00:00", "2026-03-08 08:00:00", 88.4017),
        ("2026-03-08 00:00:00", "2026-03-08 16:00:00", None),  # midnight stands for an unknown time
        (None, "2026-03-08 16:00:00", None),
        ("2026-03-07 08:00:00", "2026-03-08 16:00:00", None),  # of another day than the row's own
    ],
)
def test_two_results_of_one_day_are_ordered_by_their_time(
    tmp_path: Path, first: str | None, second: str, value: float | None
) -> None:
    rows = [
        measurement(1, measurement_datetime=first),
        measurement(2, value_as_number=1.5, measurement_datetime=second),
    ]
    found = one(tmp_path, measurement=rows)
    if value is None:
        assert found.unusable == {"creatinine_umol_l": "conflicting sources"}
    else:
        assert found.facts["creatinine_umol_l"] == pytest.approx(value)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_result_with_a_time_and_no_day_is_of_the_day_of_its_time(tmp_path: Path, suffix: str) -> None:
    rows = [measurement(1, "2026-03-05"), measurement(2, None, value_as_number=1.5)]
    rows = [
        {**row, "measurement_datetime": day} for row, day in zip(rows, (None, "2026-03-08 16:00:00"), strict=True)
    ]
    found = read(folder(tmp_path, suffix, measurement=rows)).participants[0]
    assert (found.facts["creatinine_umol_l"], found.facts["labs_date"]) == (
        pytest.approx(132.60255),
        date(2026, 3, 8),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "day"),
    [
        (".csv", "20260308"),
        (".csv", "2026/03/08"),
        (".csv", "2026-03-08 00:00:00"),
        (".csv", "20260308153000"),
        (".parquet", 20260308),
        (".parquet", "20260308"),
        (".parquet", pd.Timestamp("2026-03-08 15:30")),
    ],
)
def test_a_day_that_begins_with_its_year_is_read_however_it_is_written(tmp_path: Path, suffix: str, day: Any) -> None:
    found = read(folder(tmp_path, suffix, measurement=[measurement(7, day)]))
    assert found.participants[0].facts["labs_date"] == date(2026, 3, 8)
    assert [problem for problem in found.problems if "row" in problem.where] == []


def test_what_databases_write_for_nothing_is_nothing(tmp_path: Path) -> None:
    row = measurement(7, operator_concept_id=r"\N", range_high="NULL", unit_source_value=r"\N")
    empty = measurement(8, "2026-03-09", value_as_number=r"\N", value_as_concept_id=r"\N", value_source_value=r"\N")
    found = read(folder(tmp_path, ".csv", measurement=[row, empty]))
    assert found.participants[0].facts["labs_date"] == date(2026, 3, 8)
    assert [problem for problem in found.problems if "row" in problem.where] == []


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-16", "utf-8-sig"])
def test_a_table_in_another_encoding_is_read_and_no_copy_of_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    (tmp_path / "laid").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "laid"))
    recent = pd.DataFrame([DRUG, {**RECENT, "drug_concept_id": 0, "drug_source_value": "阿糖胞苷"}])
    content = recent.to_csv(index=False).encode(encoding)
    found = imported({"person.csv": PERSON, "concept.csv": CONCEPT, "drug_exposure.csv": content}).imports
    assert any(problem.found == "1 entries not decided: drug_exposure 2" for problem in found.problems)
    assert "阿糖胞苷" not in str(found.problems) + found.table().to_csv()
    assert [*(tmp_path / "laid").iterdir()] == []


def test_every_row_of_a_table_of_drugs_is_accounted_for(tmp_path: Path) -> None:
    rows = [DRUG, {**DRUG, "drug_concept_id": 702}, {**RECENT, "drug_exposure_start_date": "2026-04-01"}]
    accounts = {one.table: one for one in imported(files(tmp_path, concept=MORE, drug_exposure=rows)).accounts}
    drugs = accounts["drug_exposure"]
    assert (drugs.rows, drugs.read) == (3, 1)
    assert drugs.left_out == (("not about a fact of the criteria", 1), ("after the as-of day", 1))
