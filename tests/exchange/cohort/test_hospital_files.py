"""The same participants as a hospital's Excel file, its GB18030 CSV and the workbook's own CSV: the same verdicts."""

from functools import cache

import numpy as np
import pytest
from pandas.testing import assert_frame_equal
from support.hospital_files import HEADINGS, NAMES, UNITS, csv_file, excel_file, hospital_rows
from support.paths import EXAMPLES
from support.trial import ELIGIBILITY, FACTS

from protocol.exchange.cohort import CohortFile, ColumnMapping, load_mapping, propose_mapping, read_cohort

pytestmark = pytest.mark.slow

FILES = {
    "excel": lambda: excel_file(hospital_rows(excel=True)),
    "excel of 1904": lambda: excel_file(hospital_rows(excel=True), mac=True),
    "gb18030": lambda: csv_file(hospital_rows(excel=False)),
    "unicode text": lambda: csv_file(hospital_rows(excel=False), "utf-16", "\t"),
}


def name_of(kind: str) -> str:
    return "筛选表.xlsx" if kind.startswith("excel") else "筛选表.csv"


@cache
def content(kind: str) -> bytes:
    return FILES[kind]()


@cache
def own() -> CohortFile:
    return read_cohort("cohort.csv", EXAMPLES / "cohort.csv", ELIGIBILITY)


@cache
def read(kind: str) -> CohortFile:
    return read_cohort(name_of(kind), content(kind), ELIGIBILITY, mapping=mapping())


def answered(mapping: ColumnMapping) -> ColumnMapping:
    """Answer what the record cannot know of this hospital."""
    for name in UNITS:
        mapping = mapping.choose(HEADINGS[name], unit=FACTS[name].unit)
    return mapping.choose("临床诊断", words={"急性髓系白血病": "aml"})


@cache
def mapping() -> ColumnMapping:
    return answered(propose_mapping(name_of("excel"), content("excel"), ELIGIBILITY))


def test_the_units_and_the_words_that_the_record_cannot_know_are_asked_and_nothing_else() -> None:
    asked = {
        (one.column, one.kind, one.word)
        for one in propose_mapping("a.csv", content("gb18030"), ELIGIBILITY).questions
    }
    units = {(HEADINGS[name], "unit", "") for name in UNITS}
    assert asked == units | {("临床诊断", "word", "急性髓系白血病")}
    assert mapping().questions == ()


@pytest.mark.parametrize("kind", FILES)
def test_every_cell_of_500_participants_is_read_as_the_workbooks_own_file_has_it(kind: str) -> None:
    found = read(kind)
    assert_frame_equal(found.frame, own().frame[found.frame.columns])
    assert set(found.frame.columns) == set(own().frame.columns)
    told = [one for one in found.problems if one.where.startswith(("row", "cell", "participant"))]
    assert told == []


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("phase", ELIGIBILITY.phases)
def test_the_verdicts_are_the_same(kind: str, phase: str) -> None:
    found = read(kind)
    here, there = (ELIGIBILITY.cohort(one.frame).screen(phase) for one in (found, own()))
    assert np.array_equal(here.fail, there.fail)
    assert np.array_equal(here.unknown, there.unknown)
    assert np.array_equal(here.not_applicable, there.not_applicable)


def test_columns_that_name_a_person_are_said_and_not_read() -> None:
    found = read("excel")
    said = {one.where for one in found.problems if "names a person" in one.found}
    assert said == {f"column {name}" for name in NAMES}
    assert not set(NAMES) & set(mapping().samples)


def test_a_mapping_saved_for_the_excel_file_reads_the_csv_file_of_that_hospital(tmp_path) -> None:
    mapping().save(tmp_path / "hospital.toml")
    saved = (tmp_path / "hospital.toml").read_text(encoding="utf-8")
    assert "某1" not in saved
    assert "INV-" not in saved
    again = load_mapping(tmp_path / "hospital.toml", ELIGIBILITY)
    found = read_cohort("next.csv", content("gb18030"), ELIGIBILITY, mapping=again)
    assert_frame_equal(found.frame, own().frame[found.frame.columns])
