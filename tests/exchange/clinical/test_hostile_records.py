"""Nothing that a file contains about one person stops the screening of another, whatever stands in it."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clinical_records import DAY, PATIENT, SNOMED, bundle, concept, condition, observation, quantity, state
from support.trial import ELIGIBILITY

from protocol.exchange.clinical import Imports, Setting, keyed, read_fhir, read_omop
from protocol.exchange.cohort import read_cohort

SUBJECT = {"reference": "Patient/1"}
OTHER = [{**PATIENT, "id": "2"}, observation("1742-6", "good", valueQuantity=quantity(20, "U/L"))]
OTHER[1]["subject"] = {"reference": "Patient/2"}

RESOURCES = [
    {
        **PATIENT,
        "active": True,
        "deceasedBoolean": False,
        "identifier": [{"system": "urn:a", "value": "1"}],
        "link": [{"other": {"reference": "Patient/3"}, "type": "seealso"}],
        "meta": {"lastUpdated": "2026-03-01T00:00:00Z"},
    },
    observation(
        "1742-6",
        issued="2026-03-08T00:00:00Z",
        meta={"lastUpdated": "2026-03-01T00:00:00Z", "versionId": "2"},
        valueQuantity=quantity(20, "U/L"),
        referenceRange=[{"high": quantity(40, "U/L"), "age": {"low": quantity(18, "a")}, "appliesTo": []}],
        component=[{"code": concept("1920-8"), "valueQuantity": quantity(20, "U/L")}],
        focus=[{"reference": "Patient/1"}],
        specimen={"reference": "Specimen/s"},
        interpretation=[concept("POS")],
        contained=[{"resourceType": "Observation", "id": "in", "status": "final"}],
        hasMember=[{"reference": "#in"}],
    ),
    observation("5195-3", "o2", valueCodeableConcept=concept("10828004", SNOMED)),
    condition("93761005", clinicalStatus=state("active"), verificationStatus=state("confirmed"), abatementAge={}),
    {
        "resourceType": "Procedure",
        "id": "p",
        "status": "completed",
        "code": concept("367336001", SNOMED),
        "subject": SUBJECT,
        "performedPeriod": {"start": "2026-01-01", "end": "2026-02-01"},
    },
    {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "subject": SUBJECT,
        "effectiveTiming": {"event": ["2026-03-01"]},
        "result": [{"reference": "#a"}],
        "contained": [{**observation("1742-6", "a"), "valueQuantity": quantity(20, "U/L")}],
    },
    {"resourceType": "Specimen", "id": "s", "subject": SUBJECT},
]

HOSTILE: list[Any] = [None, True, 0, -1, 10**30, 1e308, float("nan"), "", " ", "?", [], {}, [[]], [None], {"a": {}}]
HOSTILE += ["0001-01-01", "0001-01-01T00:00:00Z", "1726-03-01", "9999-12-31T23:59:59-14:00", "2026-W10", "2026-02-30"]
HOSTILE += ["\ud800", "\x00", "Patient/\ud800", "#", "urn:uuid:", "Patient/", "9" * 5000, "P" * 100_000]
DEEP: Any = []
for _number in range(80):
    DEEP = [DEEP]
HOSTILE.append(DEEP)


def screened(found: Imports) -> dict[str, Any]:
    """Return the facts by participant after everybody was screened together."""
    assert ELIGIBILITY.cohort(found.frame(ELIGIBILITY)).screen("Ib").funnel() is not None
    for one in found.participants:
        ELIGIBILITY.screen(one.facts, unusable=one.unusable)
    return {one.participant: one.facts for one in found.participants}


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return (
        [path, *(inner for key, one in below for inner in paths_in(one, (*path, key)))]
        if path
        else [inner for key, one in below for inner in paths_in(one, (key,))]
    )


def bent(resource: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    whole = json.loads(json.dumps(resource))
    at = whole
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return dict(whole)


@pytest.mark.slow
@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: f"{one['resourceType']} {one['id']}")
def test_no_value_in_any_element_stops_another_person(resource: dict[str, Any]) -> None:
    naming = keyed(b"a secret of the site")
    for path in paths_in(resource):
        odd = [bent(resource, path, value) for value in HOSTILE]
        rest = [one for one in RESOURCES if one is not resource]
        setting = Setting(ELIGIBILITY, DAY)
        for forms in ({"a.json": bundle(*rest, *odd, *OTHER)}, {"a.ndjson": lines(*rest, *odd, *OTHER)}):
            assert screened(read_fhir(forms, setting, naming))[naming("2")]["alt_u_l"] == 20, path


def lines(*resources: dict[str, Any]) -> bytes:
    return "\n".join(map(json.dumps, resources)).encode()


JSON = st.recursive(
    st.sampled_from([value for value in HOSTILE if value is not DEEP]),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.sampled_from(["id", "url"]), below, max_size=2),
    max_leaves=4,
)


@pytest.mark.slow
@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["entry", "link", "implicitRules", "total"]), JSON), JSON, JSON, JSON)
def test_nothing_around_a_resource_stops_another_person(root: Any, entry: Any, request: Any, response: Any) -> None:
    odd = {"fullUrl": entry, "resource": RESOURCES[1], "request": request, "response": response}
    whole = {"resourceType": "Bundle", "type": "history", "entry": [odd, entry], **root}
    files = {"a.json": json.dumps(whole).encode(), "b.ndjson": lines(*OTHER)}
    assert screened(read_fhir(files, Setting(ELIGIBILITY, DAY), str))["2"]["alt_u_l"] == 20


TABLES = {
    "person": "person_id year_of_birth month_of_birth day_of_birth gender_concept_id",
    "measurement": "measurement_id person_id measurement_concept_id measurement_date value_as_number unit_concept_id "
    "range_high operator_concept_id value_as_concept_id",
    "condition_occurrence": "condition_occurrence_id person_id condition_concept_id condition_start_date "
    "condition_end_date condition_status_concept_id",
    "procedure_occurrence": "procedure_occurrence_id person_id procedure_concept_id procedure_date",
    "death": "person_id death_date",
    "concept": "concept_id vocabulary_id concept_code",
}
ROWS = {
    "person": "1 1980 5 6 8532",
    "measurement": "7 1 3006923 2026-03-08 20 8645 40 0 0",
    "condition_occurrence": "3 1 4217975 2026-03-01 2026-03-02 0",
    "procedure_occurrence": "4 1 4273629 2026-03-01",
    "death": "1 2026-03-01",
    "concept": "8645 UCUM U/L",
}
CELLS = ["", "0", "-1", "NaN", "inf", "1e400", "0001-01-01", "0000-01-01", "99999-01-01", "infinity", "-infinity"]
CELLS += ["2026-W10", "2026-02-30", "1726-03-01", "2101-01-01", "5881580-07-10", "0044-03-15 (BC)", "\\N", "true"]
CELLS += ["9" * 40, "9223372036854775808", "2147483648", "'; drop table person", "1726", "0001"]


@pytest.mark.slow
@pytest.mark.parametrize("table", [name for name in TABLES if name != "concept"])
def test_no_cell_of_a_table_stops_another_person(table: str, tmp_path: Path) -> None:
    columns = TABLES[table].split()
    for column in range(len(columns)):
        for name, row in ROWS.items():
            good = row.split()
            mine = [
                "2" if held == "person_id" else cell for held, cell in zip(TABLES[name].split(), good, strict=True)
            ]
            odd = [[*good[:column], cell, *good[column + 1 :]] for cell in CELLS] if name == table else [good]
            mine = [] if name == "death" else [mine]
            with (tmp_path / f"{name}.csv").open("w", newline="") as file:
                csv.writer(file).writerows(
                    [TABLES[name].split(), *odd, *mine] if name != "concept" else [TABLES[name].split(), good]
                )
        found = read_omop(tmp_path, Setting(ELIGIBILITY, DAY), str)
        assert screened(found)["2"]["alt_u_l"] == 20, columns[column]


@pytest.mark.parametrize("cell", ["0001-01-01", "0044-03-15 (BC)", "infinity", "99999-01-01", "1899-12-30"])
def test_an_impossible_day_of_a_table_is_listed_and_leaves_the_value_open(cell: str, tmp_path: Path) -> None:
    (tmp_path / "person.csv").write_text("person_id,year_of_birth,gender_concept_id\n1,1980,8532\n")
    head = "measurement_id,person_id,measurement_concept_id,measurement_date,value_as_number,unit_source_value\n"
    (tmp_path / "measurement.csv").write_text(head + f"1,1,3006923,2026-03-01,20,U/L\n2,1,3006923,{cell},400,U/L\n")
    found = read_omop(tmp_path, Setting(ELIGIBILITY, DAY), str)
    assert found.participants[0].unusable["alt_u_l"] == "conflicting sources"
    assert any("measurement_date" in problem.where for problem in found.problems)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.sampled_from(CELLS) | st.text(max_size=12), min_size=1, max_size=6))
def test_no_cell_of_a_cohort_file_stops_another_person(cells: list[str]) -> None:
    for fact in ELIGIBILITY.facts:
        out = [["participant_id", fact.id], *([f"P{number}", cell] for number, cell in enumerate(cells)), ["W-1", ""]]
        content = "\n".join(",".join(f'"{cell.replace(chr(34), "")}"' for cell in row) for row in out)
        try:
            frame = read_cohort("c.csv", content.encode("utf-8", "surrogatepass"), ELIGIBILITY).frame
        except ValueError:
            continue  # the file as a whole is no table
        assert ELIGIBILITY.cohort(frame).screen("Ib").funnel() is not None
        break
