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
    assert ELIGIBILITY.screen(one(tmp_path, death=dead).facts)["I6"].status == "not met"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("born", "age", "verdict"),
    [
        ((1980, None, None), 45, "met"),
        ((2008, None, None), None, "unknown"),
        ((2008, 3, None), None, "unknown"),
        ((2008, 2, None), 18, "met"),
        ((1949, 12, None), 76, "not met"),
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
        ("about nothing that the criteria ask", 2),
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
    more = {"visit_occurrence.parquet": b"not read", "../../person.txt": b"nor this"}
    assert unread({**contents, **more}) == ("../../person.txt", "visit_occurrence.parquet")
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
        ("measurement.csv", HEAD + "1,男\n".encode("gb18030"), "measurement.csv", "no table"),
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
