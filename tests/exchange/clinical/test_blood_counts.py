"""Blood counts in from tables, FHIR and OMOP: numbers and units as reported, nothing guessed."""

import json
from datetime import date

import pytest
from support.hospital_files import excel_file

from protocol.exchange.clinical import count_template, read_count_fhir, read_count_omop, read_count_table
from protocol.records import ProtocolError

AS_OF = date(2026, 11, 1)


def table(text, name="counts.csv", encoding="utf-8"):
    return read_count_table(name, text.encode(encoding))


def rows(found):
    return [tuple(row)[:5] for row in found.counts.itertuples(index=False)]


def test_the_template_is_read_as_one_draw():
    found = read_count_table("counts.csv", count_template())
    assert [found.problems, len(found.events())] == [(), 1]
    assert found.events()[0].counts["platelets"].normal_limit == 125


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("comma", [",", ";", "\t"])
def test_a_table_with_a_row_for_each_draw_names_analyte_and_unit_in_its_columns(encoding, comma):
    text = "participant,on,Platelets [10^9/L],White cells [/µL]\nW-001,2026-03-02,12,450\nW-001,2026-03-01,9,\n"
    found = table(text.replace(",", comma), encoding=encoding)
    assert rows(found) == [
        ("W-001", date(2026, 3, 1), "platelets", 9.0, "10^9/L"),
        ("W-001", date(2026, 3, 2), "platelets", 12.0, "10^9/L"),
        ("W-001", date(2026, 3, 2), "white_cells", 450.0, "/µL"),
    ]


def test_an_excel_file_says_the_same_as_the_table_and_its_error_values_are_told():
    header = ["participant", "on", "platelets [10^9/L]", "neutrophils [10^9/L]"]
    content = excel_file([header, ["W-001", date(2026, 3, 2), 12, "#N/A"], ["W-001", "2026/3/1", "9", 0.45]])
    found = read_count_table("counts.xlsx", content)
    assert rows(found) == [
        ("W-001", date(2026, 3, 1), "platelets", 9.0, "10^9/L"),
        ("W-001", date(2026, 3, 1), "neutrophils", 0.45, "10^9/L"),
        ("W-001", date(2026, 3, 2), "platelets", 12.0, "10^9/L"),
    ]
    assert [one.where.split(",")[1] for one in found.problems] == [" row 2"]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("W-001,2026-03-02,platelets,12000000,10^9/L", "12,000,000 10^9/L"),
        ("W-001,2026-03-02,platelets,12000,", "12,000 without a unit"),
        ("W-001,2026-03-02,platelets,12,g/L", "'g/L'"),
        ('W-001,2026-03-02,platelets,"12,000",/uL', "'12,000'"),
        ("W-001,2026-03-02,platelets,<10,10^9/L", "'<10'"),
        ("W-001,2026-03-02,platelets,-3,10^9/L", "'-3'"),
        ("W-001,2026-03-02,platelets,,10^9/L", "nothing"),
        ("W-001,2026-03-02,bananas,12,10^9/L", "'bananas'"),
        ("W-001,02/03/2026,platelets,12,10^9/L", "99/99/9999"),
        ("张三丰,2026-03-02,platelets,12,10^9/L", "文文文"),
        ('=HYPERLINK("x"),2026-03-02,platelets,12,10^9/L', "="),
    ],
)
def test_a_row_that_cannot_be_used_is_told_with_its_number_and_the_others_stay(row, found):
    read = table(f"participant,on,analyte,value,unit\n{row}\nW-001,2026-03-03,platelets,12,10^9/L\n")
    assert len(read.counts) == 1
    (problem,) = read.problems
    assert problem.where.startswith("counts.csv, row 2")
    assert found in problem.found
    assert "张三丰" not in str(problem)


def test_a_table_without_its_columns_is_refused_as_a_whole():
    with pytest.raises(ProtocolError, match="no column on; write participant, on, analyte"):
        table("participant,day,analyte,value,unit\n")
    with pytest.raises(ProtocolError, match="no column participant"):
        table("")


def test_two_counts_of_an_analyte_on_a_day_are_two_draws():
    found = table("participant,on,platelets [10^9/L]\nW-001,2026-03-02,12\nW-001,2026-03-02,14\n")
    assert [one.counts["platelets"].value for one in found.events()] == [12, 14]


def observation(code, value, unit, day="2026-03-02", **more):
    quantity = {"value": value, "unit": unit, "code": unit, "system": "http://unitsofmeasure.org"}
    coded = {"coding": [{"system": "http://loinc.org", "code": code}]}
    about = {"resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/1"}}
    return about | {"code": coded, "effectiveDateTime": day, "valueQuantity": quantity} | more


def fhir(*resources):
    numbered = [{"id": str(place), **one} for place, one in enumerate(resources)]
    person = {"resourceType": "Patient", "id": "1"}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in (person, *numbered)]}
    return read_count_fhir({"a.json": json.dumps(bundle).encode()}, lambda _id: "W-001", AS_OF)


def test_every_count_of_fhir_keeps_its_number_and_unit():
    found = fhir(
        observation("777-3", 12, "10*9/L"),
        observation("777-3", 14, "10*9/L", "2026-03-04"),
        observation("751-8", 450, "/uL"),
        observation("718-7", 7.4, "g/dL"),
        observation("2160-0", 80, "umol/L"),
    )
    assert found.problems == ()
    assert rows(found) == [
        ("W-001", date(2026, 3, 2), "platelets", 12.0, "10*9/L"),
        ("W-001", date(2026, 3, 2), "neutrophils", 450.0, "/uL"),
        ("W-001", date(2026, 3, 2), "haemoglobin", 7.4, "g/dL"),
        ("W-001", date(2026, 3, 4), "platelets", 14.0, "10*9/L"),
    ]
    assert len(found.events()) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        observation("777-3", 12000, ""),
        observation("777-3", 12, "mg"),
        observation("777-3", 12000000, "10*9/L"),
        observation("777-3", 10, "10*9/L", valueQuantity={"value": 10, "unit": "10*9/L", "comparator": "<"}),
        observation("777-3", 12, "10*9/L", day="2026-03"),
    ],
    ids=["no unit", "another unit", "too high", "a bound", "no day"],
)
def test_a_count_of_fhir_that_is_not_clear_is_told_and_not_used(wrong):
    found = fhir(wrong, observation("777-3", 14, "10*9/L", "2026-03-04"))
    assert [len(found.counts), len(found.problems)] == [1, 1]
    assert found.problems[0].where.startswith("W-001")


def test_counts_after_the_day_are_left_out():
    assert fhir(observation("777-3", 14, "10*9/L", "2026-12-01")).counts.empty


def test_omop_gives_the_counts_of_every_day(tmp_path):
    (tmp_path / "person.csv").write_text("person_id,gender_concept_id,year_of_birth\n1,8507,1970\n")
    (tmp_path / "measurement.csv").write_text(
        "measurement_id,person_id,measurement_concept_id,measurement_date,value_as_number,unit_source_value\n"
        "1,1,3024929,2026-03-02,12,10*9/L\n2,1,3024929,2026-03-04,14,10*9/L\n3,1,3000963,2026-03-04,7.4,g/dL\n"
        "4,1,3024929,2026-03-05,14000,\n"
    )
    found = read_count_omop(tmp_path, lambda _id: "W-001", AS_OF)
    assert rows(found) == [
        ("W-001", date(2026, 3, 2), "platelets", 12.0, "10*9/L"),
        ("W-001", date(2026, 3, 4), "platelets", 14.0, "10*9/L"),
        ("W-001", date(2026, 3, 4), "haemoglobin", 7.4, "g/dL"),
    ]
    assert [one.found for one in found.problems if one.where.startswith("W-001")] == ["14000 (unit unknown, no unit)"]
