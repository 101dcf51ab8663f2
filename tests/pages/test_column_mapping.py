"""The step before a cohort file is read whose columns are not named as the workbook's own; without a browser."""

import re
from base64 import b64decode
from datetime import UTC, date, datetime

import pytest
from support.hospital_files import HEADINGS, UNITS, excel_file, hospital_rows
from support.paths import EXAMPLES
from support.trial import FACTS

from protocol.pages.eligibility import EligibilityPage
from protocol.pages.eligibility.cohort import CohortPanel
from protocol.pages.kit import PageState

pytestmark = pytest.mark.slow

TODAY = date(2026, 11, 20)
TEXT = "受试者编号,姓名,性别,ALT,bed,HIV抗体,ward\nP-1,某甲,男,30,1,阳性,7\nP-2,某乙,女,<5,2,阴性,7\n".encode(
    "gb18030"
)


def chosen(name: str, content: bytes) -> tuple[dict[str, object]]:
    size, now = len(content), datetime.now(UTC)
    return ({"name": name, "type": "", "size": size, "content": memoryview(content), "last_modified": now},)


def upload(cohort: CohortPanel, name: str, content: bytes) -> None:
    cohort.upload.set_trait("value", chosen(name, content))
    cohort.reading.join()


def is_open(cohort: CohortPanel) -> bool:
    return cohort.mapping.view.layout.display == "flex"


def answer(cohort: CohortPanel, column: str, kind: str, value: str, word: str = "") -> None:
    cohort.mapping.answers[column, kind, word].value = value


def answer_all(cohort: CohortPanel) -> None:
    answer(cohort, "ALT", "unit", "U/L")
    answer(cohort, "HIV抗体", "word", "reactive", "阳性")


def test_the_workbooks_own_file_goes_through_without_the_step(cohort: CohortPanel) -> None:
    upload(cohort, "cohort.csv", (EXAMPLES / "cohort.csv").read_bytes())
    assert not is_open(cohort)
    assert cohort.file_name == "cohort.csv"


def test_a_file_of_another_system_waits_until_every_question_is_answered(cohort: CohortPanel) -> None:
    upload(cohort, "list.csv", TEXT.replace(b"bed", b"GPT x"))
    assert is_open(cohort)
    assert cohort.file_name == ""
    assert set(cohort.mapping.answers) == {
        ("ALT", "unit", ""), ("GPT x", "fact", ""), ("HIV抗体", "word", "阳性"),
    }  # fmt: skip
    assert "3 questions are open." in cohort.mapping.asked.value
    assert cohort.mapping.go.disabled
    answer(cohort, "GPT x", "fact", "")
    answer(cohort, "ALT", "unit", "U/L")
    assert cohort.mapping.go.disabled
    answer(cohort, "HIV抗体", "word", "reactive", "阳性")
    assert "No question is open." in cohort.mapping.asked.value
    cohort.mapping.go.click()
    cohort.reading.join()
    assert not is_open(cohort)
    assert cohort.file_name == "list.csv"
    facts = cohort.facts("P-1")
    assert facts is not None
    assert (facts["alt_u_l"], facts["sex"], facts["hiv_test"]) == (30, "male", "reactive")
    assert "a column that names a person; it is not read" in cohort.message.value
    assert "&lt;5" in cohort.message.value


def test_the_first_rows_are_shown_with_what_they_become_and_no_name_of_a_person(cohort: CohortPanel) -> None:
    upload(cohort, "list.csv", TEXT)
    shown = cohort.mapping.shown.value
    assert "男 → Male; 女 → Female" in shown
    assert "names a person: not read" in shown
    assert "某甲" not in shown
    answer(cohort, "ALT", "unit", "U/L")
    assert "30 → 30 U/L; &lt;5 → not usable" in cohort.mapping.shown.value
    assert "姓名" not in cohort.mapping.column.options


def test_the_step_names_facts_and_units_in_words(cohort: CohortPanel) -> None:
    upload(cohort, "list.csv", "受试者编号,年龄,CD34,GPT x\nP-1,40,5,6\n".encode())
    mapping = cohort.mapping
    mapping.column.value = "CD34"
    mapping.fact.value = "cd34_pb_per_ul"
    shown = [label for control in (mapping.unit, *mapping.answers.values()) for label, _value in control.options]
    text = " ".join([*shown, mapping.shown.value, mapping.asked.value, cohort.message.value])
    assert "10⁶/L" in text
    assert "years" in text
    ids = [name for name in FACTS if "_" in name]
    assert [name for name in (*ids, "{score}", "10*6/L", "umol/L", ">a<") if name in text] == []


def test_an_answer_can_be_changed_as_long_as_the_file_waits(cohort: CohortPanel) -> None:
    upload(cohort, "list.csv", TEXT)
    answer_all(cohort)
    answer(cohort, "ALT", "unit", "ukat/L")
    assert cohort.mapping.mapping is not None
    assert cohort.mapping.mapping.column("ALT").unit == "ukat/L"


def test_any_column_can_be_given_another_fact(cohort: CohortPanel) -> None:
    upload(cohort, "list.csv", TEXT)
    cohort.mapping.column.value = "ward"
    cohort.mapping.fact.value = "ecog"
    assert cohort.mapping.mapping is not None
    assert cohort.mapping.mapping.column("ward").fact == "ecog"
    assert (cohort.mapping.unit.value, cohort.mapping.unit.label) == ("{score}", "score")
    assert "{score}" not in cohort.mapping.shown.value
    cohort.mapping.fact.value = "age_years"
    assert (cohort.mapping.unit.value, cohort.mapping.unit.label) == ("a", "years")
    cohort.mapping.fact.value = "sex"
    assert ("ward", "word", "7") in cohort.mapping.answers
    assert ("性别", "fact", "") in cohort.mapping.answers  # two columns for one fact
    cohort.mapping.fact.value = ""
    assert ("性别", "fact", "") not in cohort.mapping.answers


def test_a_saved_mapping_reads_the_next_file_and_one_that_does_not_fit_says_why(cohort: CohortPanel) -> None:
    upload(cohort, "list.csv", TEXT)
    answer_all(cohort)
    [saved] = re.findall(r'download="column_mapping.toml" href="[^,]*,([^"]*)"', cohort.mapping.save.value)
    kept = b64decode(saved)
    assert "某甲" not in kept.decode()
    upload(cohort, "next.csv", TEXT.replace(b"P-1", b"P-7"))
    cohort.mapping.saved.set_trait("value", chosen("column_mapping.toml", kept))
    cohort.reading.join()
    cohort.mapping.go.click()
    cohort.reading.join()
    assert cohort.file_name == "next.csv"
    upload(cohort, "other.csv", TEXT.replace(b"ALT", b"ALAT"))
    cohort.mapping.saved.set_trait("value", chosen("again.toml", kept))
    cohort.reading.join()
    assert "no column ALT, which this mapping reads" in cohort.message.value
    assert is_open(cohort)
    cohort.mapping.saved.set_trait("value", chosen("wrong.toml", b"{"))
    assert "a file that is no mapping" in cohort.mapping.problem.value


def test_the_sheet_of_an_excel_file_is_asked_before_its_columns(cohort: CohortPanel) -> None:
    rows = [["受试者编号", "性别"], ["P-1", "男"]]
    upload(cohort, "list.xlsx", excel_file(rows, sheets=("名单", "说明")))
    assert is_open(cohort)
    assert "choose the one with the participants" in cohort.mapping.asked.value
    cohort.mapping.sheet.value = "名单"
    cohort.reading.join()
    cohort.mapping.go.click()
    cohort.reading.join()
    assert cohort.facts("P-1")["sex"] == "male"


def test_a_file_can_be_left_and_the_cohort_before_stays(cohort: CohortPanel) -> None:
    upload(cohort, "list.csv", TEXT)
    cohort.mapping.leave.click()
    assert not is_open(cohort)
    assert cohort.mapping.file is None
    assert "Invented example" in cohort.source.value


def test_leaving_is_asked_about_while_a_file_waits_or_is_open_and_not_for_the_example(
    cohort_page: EligibilityPage, cohort: CohortPanel
) -> None:
    state = PageState(cohort_page.in_address, cohort_page.drafts, cohort_page.unkept)
    assert not state.unsaved
    upload(cohort, "list.csv", TEXT)
    assert state.unsaved, "what is answered about its columns would be lost"
    cohort.mapping.leave.click()
    assert not state.unsaved
    upload(cohort, "list.csv", TEXT)
    answer_all(cohort)
    cohort.mapping.go.click()
    cohort.reading.join()
    assert (cohort.file_name, state.unsaved, state.draft) == ("list.csv", True, {})
    cohort_page.take_cohort(cohort_page.example, "")
    assert not state.unsaved


def test_a_mapping_can_still_be_saved_when_its_file_is_read(cohort: CohortPanel) -> None:
    upload(cohort, "list.csv", TEXT)
    answer_all(cohort)
    offered = cohort.mapping.save.value
    cohort.mapping.go.click()
    cohort.reading.join()
    assert "A reload of the page closes it." in cohort.source.value
    assert "column_mapping.toml" in offered
    assert re.findall('base64,[^"]*', offered) == re.findall('base64,[^"]*', cohort.source.value)
    upload(cohort, "cohort.csv", (EXAMPLES / "cohort.csv").read_bytes())
    assert "column_mapping.toml" not in cohort.source.value


def test_text_of_a_file_is_escaped(cohort: CohortPanel) -> None:
    upload(cohort, "<b>a</b>.csv", b"ph.ecog,<img src=x>\n1,<i>\n")
    assert "<img" not in cohort.mapping.shown.value
    assert "<b>a" not in cohort.mapping.lead.value


def test_the_hospitals_excel_file_of_500_participants_is_read_with_seven_answers(cohort: CohortPanel) -> None:
    before = cohort.screened.tally.totals if cohort.screened else None
    upload(cohort, "筛选表.xlsx", excel_file(hospital_rows(excel=True)))
    for name in UNITS:
        answer(cohort, HEADINGS[name], "unit", FACTS[name].unit)
    answer(cohort, "临床诊断", "word", "aml", "急性髓系白血病")
    cohort.mapping.go.click()
    cohort.reading.join()
    assert cohort.file_name == "筛选表.xlsx"
    assert cohort.screened is not None
    assert cohort.screened.tally.totals == before
