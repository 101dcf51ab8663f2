"""Blood counts in from tables, FHIR and OMOP: numbers and units as reported, nothing guessed."""

import json
import tomllib
from datetime import date
from pathlib import Path

import pytest
from support.hospital_files import csv_file, excel_file

from protocol.effect import analytes, units
from protocol.exchange.clinical import (
    UnnamedParticipantError,
    UnsaidUnitError,
    count_template,
    read_count_fhir,
    read_count_omop,
    read_count_table,
)
from protocol.exchange.clinical.count_columns import analyte_of
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
        ("W-001", date(2026, 3, 2), "white_cells", 450.0, "/uL"),
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


OF_NOBODY = "日期,床号,PLT(10^9/L)\n2026-03-01,12,9\n"


def test_a_table_without_study_ids_is_of_the_participant_who_is_given():
    with pytest.raises(UnnamedParticipantError, match="no column participant") as asked:
        table(OF_NOBODY)
    assert asked.value.columns == ("床号",)
    found = read_count_table("a.csv", OF_NOBODY.encode(), participant="W-001")
    assert rows(found) == [("W-001", date(2026, 3, 1), "platelets", 9.0, "10^9/L")]
    assert (found.of, found.others) == ("W-001", ("床号",))
    named = read_count_table(
        "a.csv", OF_NOBODY.replace("12", "W-002").encode(), participant="W-001", participants="床号"
    )
    assert (rows(named)[0][0], named.of) == ("W-002", "")


def test_a_table_of_several_persons_without_study_ids_is_of_nobody():
    text = "日期,病历号,姓名,PLT(10^9/L)\n2026-03-01,90001,张三丰,9\n2026-03-02,{number},张三丰,9\n"
    same = read_count_table("a.csv", text.format(number=90001).encode(), participant="W-001")
    assert (len(rows(same)), same.others) == (2, ())
    with pytest.raises(ProtocolError, match="several values in column 病历号, and no study ids") as refused:
        read_count_table("a.csv", text.format(number=90002).encode(), participant="W-001")
    assert "9000" not in str(refused.value)
    assert "张三丰" not in str(refused.value)


def test_two_counts_of_an_analyte_on_a_day_are_two_draws():
    found = table("participant,on,platelets [10^9/L]\nW-001,2026-03-02,12\nW-001,2026-03-02,14\n")
    assert [one.counts["platelets"].value for one in found.events()] == [12, 14]


DRAWS = [
    ("W-001", date(2026, 3, 1), {"neutrophils": 0.45, "platelets": 12.0, "haemoglobin": 74.0, "white_cells": 1.2}),
    ("W-001", date(2026, 3, 11), {"neutrophils": 1.5, "platelets": 85.0, "haemoglobin": 98.0, "white_cells": 3.1}),
    ("W-002", date(2026, 3, 1), {"neutrophils": 0.08, "platelets": 9.0, "haemoglobin": 66.5}),
]
UNITS = {name: units(name)[0] for name in analytes()}
IN_CHINESE = {
    "neutrophils": ("中性粒细胞绝对值(ANC)（×10^9/L）", "中性粒细胞绝对值", "10*9/L"),
    "platelets": ("血小板/PLT [10⁹/L]", "PLT", "×10^9/L"),
    "haemoglobin": ("血红蛋白HGB（g／L）", "血红蛋白（HGB）", "g/L"),
    "white_cells": ("WBC（X10E9/L）", "白细胞计数", "10^9/L"),
}
"""Heading of a column of counts; name and unit in a table with one row for each count."""


def written(day, place):
    return (f"{day.year}/{day.month}/{day.day}", f"{day.year}年{day.month}月{day.day}日", f"{day} 08:30")[place % 3]


def hospital_draws():
    """One row for each draw; the last column counts nothing that is read."""
    heads = [heading for heading, _name, _unit in IN_CHINESE.values()]
    yield ["姓名", "受试者编号", "采样日期", *heads, "中性粒细胞百分比"]
    for place, (who, day, counts) in enumerate(DRAWS):
        yield ["某某", who, written(day, place), *(counts.get(name, "") for name in IN_CHINESE), "37.5"]


def hospital_counts():
    """One row for each count, with the marks of a laboratory and full-width digits."""
    yield ["受试者编号", "日期", "检验项目", "结果", "单位"]
    for place, (who, day, counts) in enumerate(DRAWS):
        for name, value in counts.items():
            _heading, called, unit = IN_CHINESE[name]
            wide = str(value).translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789."})
            yield [who, written(day, place), called, (f"{value}↓", wide, value)[place % 3], unit]


def plain_draws():
    yield ["participant", "on", *(f"{name} [{UNITS[name]}]" for name in IN_CHINESE)]
    for who, day, counts in DRAWS:
        yield [who, day.isoformat(), *(counts.get(name, "") for name in IN_CHINESE)]


def counted(content, name="血常规.csv", **how):
    found = read_count_table(name, content, **how)
    assert found.problems == ()
    return [(one.participant, one.on, {name: c.value for name, c in one.counts.items()}) for one in found.events()]


@pytest.mark.parametrize("shape", [hospital_draws, hospital_counts])
def test_the_same_counts_of_a_hospital_in_excel_and_gb18030_are_those_of_the_plain_table(shape):
    plain = counted(csv_file(plain_draws(), "utf-8"))
    assert plain == DRAWS
    assert counted(csv_file(shape())) == plain
    assert counted(csv_file(shape(), "utf-8-sig", "\t")) == plain
    assert counted(excel_file(shape()), "血常规.xlsx") == plain
    assert counted(excel_file(shape(), sheets=("血常规", "说明")), "血常规.xlsx", sheet="血常规") == plain


def test_the_words_of_hospitals_name_each_one_thing():
    words = Path(read_count_table.__code__.co_filename).with_name("count_words.toml").read_text(encoding="utf-8")
    for name, aliases in tomllib.loads(words)["analytes"].items():
        assert {analyte_of(alias) for alias in aliases} == {name}


@pytest.mark.parametrize(
    ("heading", "found"),
    [
        ("受试者编号,日期,采样时间,PLT[10^9/L]", "several columns of on: 日期, 采样时间"),
        ("受试者编号,日期,血小板[10^9/L],PLT(10^9/L)", r"several columns of Platelets: 血小板\[10\^9/L\], PLT"),
        ("受试者编号,日期,中性粒细胞(%)", "column 中性粒细胞.*: found '%'"),
        ("受试者编号,日期,血小板(10^9/L)(旧)", "column 血小板.*a heading such as platelets"),
        ("受试者编号,日期,血小板(WBC)", "column 血小板.*a heading such as platelets"),
        ("受试者编号,报告日期,PLT[10^9/L]", "no column on"),
        ("受试者编号,日期,血小板(109/L)", "'109/L'"),
    ],
)
def test_headings_that_are_not_clear_are_refused_in_words(heading, found):
    with pytest.raises(ProtocolError, match=found):
        table(f"{heading}\nW-001,2026-03-01,12,12\n")


def test_a_column_that_is_not_clear_is_told_and_the_others_are_read():
    found = table("受试者编号,日期,中性粒细胞(%),PLT(10^9/L)\nW-001,2026-03-01,65,12\n")
    assert rows(found) == [("W-001", date(2026, 3, 1), "platelets", 12.0, "10^9/L")]
    assert [one.where for one in found.problems] == ["counts.csv, column 中性粒细胞(%)"]


def test_a_heading_without_a_unit_is_asked_and_the_answer_is_used():
    text = "受试者编号,日期,血小板,HGB,WBC\nW-001,2026-03-01,12,7.4,1\n"
    with pytest.raises(UnsaidUnitError, match="no unit of 血小板, HGB, WBC") as asked:
        table(text)
    assert asked.value.columns == {"血小板": "platelets", "HGB": "haemoglobin", "WBC": "white_cells"}
    found = read_count_table("a.csv", text.encode(), units={"血小板": "10^9/L", "HGB": "g/dL", "WBC": ""})
    assert [row[2:] for row in rows(found)] == [("platelets", 12.0, "10^9/L"), ("haemoglobin", 7.4, "g/dL")]
    one = table("受试者编号,日期,血小板,单位\nW-001,2026-03-01,12,个/μL\n")
    assert rows(one) == [("W-001", date(2026, 3, 1), "platelets", 12.0, "/uL")]


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
