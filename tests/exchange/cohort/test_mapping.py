"""Columns of other systems: proposed by exact names, everything unsure asked, nothing guessed."""

from datetime import date

import pytest
from support.hospital_files import excel_file
from support.trial import ELIGIBILITY, FACTS

from protocol.eligibility.criteria import plain_heading
from protocol.exchange.cohort import (
    CohortFile,
    ColumnMapping,
    is_as_template,
    load_mapping,
    propose_mapping,
    read_cohort,
)
from protocol.exchange.cohort.mapping import CellReader, is_identifying
from protocol.records import ProtocolError


def proposed(text: str) -> ColumnMapping:
    return propose_mapping("a.csv", text.encode(), ELIGIBILITY)


def read(text: str, mapping: ColumnMapping) -> CohortFile:
    return read_cohort("a.csv", text.encode(), ELIGIBILITY, mapping=mapping)


def asked(mapping: ColumnMapping) -> list[tuple[str, str, str]]:
    return [(one.column, one.kind, one.word) for one in mapping.questions]


@pytest.mark.parametrize(
    ("heading", "fact", "unit"),
    [
        ("谷丙转氨酶", "alt_u_l", ""),
        ("丙氨酸氨基转移酶（ALT）", "alt_u_l", ""),
        ("GPT(U/L)", "alt_u_l", "U/L"),
        ("ＡＬＴ", "alt_u_l", ""),
        ("TBIL", "bilirubin_umol_l", ""),
        ("总胆红素[μmol/L]", "bilirubin_umol_l", "μmol/L"),
        ("bili", "bilirubin_umol_l", ""),
        ("Scr", "creatinine_umol_l", ""),
        ("CREA (mg/dL)", "creatinine_umol_l", "mg/dL"),
        ("ph.ecog", "ecog", "{score}"),
        ("Participant_ID", "participant_id", ""),
        ("筛选号", "participant_id", ""),
        ("性别", "sex", ""),
        ("年龄（岁）", "age_years", "岁"),
        ("Total bilirubin", "bilirubin_umol_l", ""),
        ("身高m", "height_cm", "m"),
        ("alt_u_l", "alt_u_l", "U/L"),
        ("谷丙转氨酶(ALT)(U/L)", "alt_u_l", "U/L"),
    ],
)
def test_a_heading_that_the_record_names_is_proposed_with_the_unit_that_it_says(
    heading: str, fact: str, unit: str
) -> None:
    [column] = proposed(f'"{heading}"\n""\n').columns
    assert (column.fact, column.unit) == (fact, unit)


@pytest.mark.parametrize(
    "heading", ["肌酐清除率", "GPT上限2", "ALT/AST", "谷丙转氨酶(mmHg)", "尿肌酐", "age group", "诊断依据"]
)
def test_a_heading_in_which_a_name_only_stands_is_asked(heading: str) -> None:
    mapping = proposed(f"ecog,{heading}\n1,2\n")
    assert asked(mapping) == [(heading, "fact", "")]
    assert asked(mapping.choose(heading, "")) == []


@pytest.mark.parametrize("heading", ["血小板 PLT", "中性粒细胞绝对值", "确诊日期", "NEUT#", "ward"])
def test_a_column_that_the_record_does_not_ask_for_is_not_used_and_shown_so(heading: str) -> None:
    mapping = proposed(f"ecog,{heading}\n1,2\n")
    assert asked(mapping) == []
    assert mapping.table().set_index("column").loc[heading, "note"] == "not used"


@pytest.mark.parametrize(
    "heading",
    [
        "姓名",
        "患者姓名",
        "身份证号",
        "联系电话",
        "手机号码",
        "家庭住址",
        "住院号",
        "Patient Name",
        "first_name",
        "phone",
        "MRN",
        "ID card",
        "E-mail address",
        "PatientName",
    ],
)
def test_a_column_that_names_a_person_is_never_read(heading: str) -> None:
    text = f"ecog,{heading}\n1,secret\n"
    mapping = proposed(text)
    assert heading not in mapping.samples
    with pytest.raises(ProtocolError, match="a column that names a person"):
        mapping.choose(heading, "participant_id")
    said = [one.found for one in read(text, mapping).problems if one.where == f"column {heading}"]
    assert said == ["a column that names a person; it is not read"]
    assert "secret" not in repr(mapping.table()) + repr(mapping.preview())


def test_a_file_of_another_system_is_told_in_words_what_it_lacks_and_may_hold() -> None:
    text = "HGB,hiv,姓名\n110,perhaps,x\n"
    mapping = proposed(text).choose("hiv", "hiv_test", words={"perhaps": "unknown"})
    said = read(text.replace("perhaps", "later"), mapping).problems
    spoken = {one.where: (one.found, one.write) for one in said}
    assert spoken["Left ventricular ejection fraction"] == (
        "no column holds it: unknown for all participants",
        "a column with a number from 1 to 95 %",
    )
    assert spoken["Study id of the participant"][1] == "a column with study ids, never names"
    answers = "; ".join(FACTS["hiv_test"].options.values())
    assert spoken["row 2, column hiv"] == ("'later'", f"one of {answers}")
    written = " ".join(text for one in said for text in one)
    assert [name for name in (*FACTS, "participant_id", "{score}") if "_" in name and name in written] == []


def test_two_columns_of_one_fact_are_asked_about_by_its_name() -> None:
    mapping = proposed("ALT,GPT\n1,2\n")
    assert {one.asked for one in mapping.questions} >= {"which one holds Alanine aminotransferase (ALT): ALT, GPT"}


def test_no_name_of_the_record_and_no_fact_names_a_person() -> None:
    names = [name for one in ELIGIBILITY.imports.columns for name in one.names]
    assert [name for name in (*names, *FACTS) if is_identifying(name)] == []


def test_every_name_of_the_record_means_its_fact() -> None:
    for one in ELIGIBILITY.imports.columns:
        for name in one.names:
            assert proposed(f'"{name}"\n""\n').columns[0].fact == one.fact, name


@pytest.mark.parametrize(
    ("fact", "unit", "text", "value"),
    [
        ("alt_u_l", "U/L", "30", 30.0),
        ("alt_u_l", "", "30 U/L", 30.0),
        ("alt_u_l", "U/L", "３０．５", 30.5),
        ("alt_u_l", "U/L", "130↑", 130.0),
        ("alt_u_l", "U/L", "0.5 ukat/L", 29.999999999999996),
        ("bilirubin_umol_l", "mg/dL", "1", 17.1039577),
        ("creatinine_umol_l", "umol/L", "1 mg/dL", 88.4),
        ("height_cm", "m", "1.70", 170.0),
        ("spo2_pct", "%", "97%", 97.0),
        ("ecog", "{score}", "2级", 2),
        ("ecog", "{score}", "2 分", 2),
        ("age_years", "a", "45.6", 45),
        ("age_years", "a", "45岁", 45),
        ("birth_date", "", "1980/5/6", date(1980, 5, 6)),
        ("birth_date", "", "1980.5.6", date(1980, 5, 6)),
        ("birth_date", "", "1980年5月6日", date(1980, 5, 6)),
        ("birth_date", "", "19800506", date(1980, 5, 6)),
        ("labs_date", "", "2026-03-01 10:30:00", date(2026, 3, 1)),
        ("labs_date", "", "２０２６年３月１日", date(2026, 3, 1)),
        ("consent_signed", "", "有", True),
        ("consent_signed", "", "否", False),
        ("consent_signed", "", "不详", None),
        ("cns_disease", "", "无", "none"),
        ("hbsag", "", "未查", None),
        ("hbsag", "", "Positive", "positive"),
        ("alt_u_l", "U/L", "", None),
        ("alt_u_l", "U/L", "未做", None),
        ("labs_date", "", "未知", None),
    ],
)
def test_a_cell_is_read_as_hospital_systems_write_it(fact: str, unit: str, text: str, value: object) -> None:
    masses = {name: one.molar_mass for one in ELIGIBILITY.imports.analytes for name in (one.value, one.limit)}
    read_cell = CellReader(FACTS[fact], unit, {}, masses.get(fact), fact == "age_years")
    found = read_cell(text)
    assert found == (pytest.approx(value, rel=1e-4) if isinstance(value, float) else value)
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("fact", "unit", "text"),
    [
        ("alt_u_l", "U/L", "<5"),
        ("alt_u_l", "U/L", ">1000"),
        ("alt_u_l", "", "30"),
        ("alt_u_l", "U/L", "30 mmHg"),
        ("alt_u_l", "U/L", "1,250"),
        ("alt_u_l", "U/L", "#N/A"),
        ("alt_u_l", "U/L", "30 40"),
        ("ecog", "{score}", "2.5"),
        ("ecog", "{score}", "1-2"),
        ("birth_date", "", "5/6/1980"),
        ("birth_date", "", "1980"),
        ("birth_date", "", "1980/5"),
        ("birth_date", "", "1980/13/1"),
        ("birth_date", "", "1980-5/6"),
        ("birth_date", "", "29346"),
        ("consent_signed", "", "阴性"),
        ("hbsag", "", "有"),
        ("infection", "", "有"),
        ("age_years", "a", "6个月龄"),
    ],
)
def test_a_cell_that_may_mean_two_things_or_is_a_limit_is_no_value(fact: str, unit: str, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is made by the column
        CellReader(FACTS[fact], unit)(text)


def test_the_unit_is_asked_once_for_a_column_and_not_where_each_cell_says_it() -> None:
    assert asked(proposed("ALT\n30\n40 U/L\n")) == [("ALT", "unit", "")]
    assert asked(proposed("ALT\n30 U/L\n0.5 ukat/L\n")) == []
    mapping = proposed("bili\n1.1\n").choose("bili", unit="mg/dL")
    assert asked(mapping) == []
    assert read("bili\n1.1\n", mapping).frame["bilirubin_umol_l"][0] == pytest.approx(1.1 * 17.104, rel=1e-4)
    with pytest.raises(ProtocolError, match=r"'mmHg'; write a unit such as μmol/L, mg/dL"):
        mapping.choose("bili", unit="mmHg")


def test_a_word_is_asked_once_for_a_column() -> None:
    text = "participant_id,sex\nP-1,1\nP-2,2\nP-3,1\nP-4,男\n"
    mapping = proposed(text)
    assert asked(mapping) == [("sex", "word", "1"), ("sex", "word", "2")]
    assert mapping.questions[0].offered == ("female", "male", "other", "unknown")
    mapping = mapping.choose("sex", words={"1": "male", "2": "unknown"})
    assert [*read(text, mapping).frame["sex"].astype(object).fillna("")] == ["male", "", "male", "male"]
    with pytest.raises(ProtocolError, match="write female, male, other, unknown"):
        mapping.choose("sex", words={"1": "man"})


def test_a_column_of_free_text_is_not_asked_word_by_word() -> None:
    rows = "".join(f"text {n}\n" for n in range(60))
    [question] = proposed(f"感染\n{rows}").questions
    assert (question.kind, question.offered) == ("fact", ("",))


def test_two_columns_for_one_fact_are_asked_and_one_of_them_can_be_left_out() -> None:
    text = "ALT(U/L),谷丙转氨酶(U/L)\n30,31\n"
    mapping = proposed(text)
    assert asked(mapping) == [("ALT(U/L)", "fact", ""), ("谷丙转氨酶(U/L)", "fact", "")]
    with pytest.raises(ProtocolError, match="2 open questions"):
        read(text, mapping)
    assert read(text, mapping.choose("ALT(U/L)", "")).frame["alt_u_l"][0] == 31


def test_one_heading_for_two_facts_is_refused() -> None:
    saved = 'format = 1\n[[columns]]\ncolumn = "x"\nfact = "ecog"\n[[columns]]\ncolumn = "x"\nfact = "sex"\n'
    with pytest.raises(ProtocolError, match="column x twice; write one column for one fact"):
        load_mapping(saved.encode(), ELIGIBILITY)
    with pytest.raises(ProtocolError, match="two columns for ecog"):
        load_mapping(saved.replace("sex", "ecog").replace('"x"', '"y"', 1).encode(), ELIGIBILITY)


@pytest.mark.parametrize(
    ("saved", "found"),
    [
        ('format = 1\ncolumns = [{column = "x", fact = "no_such"}]', "no fact 'no_such'"),
        ('format = 1\ncolumns = [{column = "姓名", fact = "ecog"}]', "names a person"),
        ('format = 1\ncolumns = [{column = "x", fact = "alt_u_l", unit = "kg"}]', "'kg'"),
        ('format = 2\ncolumns = [{column = "x", fact = "ecog"}]', "format 2"),
        ("participant_id,ecog\n", "a file that is no mapping"),
    ],
)
def test_a_saved_mapping_that_does_not_fit_the_record_says_why(saved: str, found: str) -> None:
    with pytest.raises(ProtocolError, match=found):
        load_mapping(saved.encode(), ELIGIBILITY)


def test_a_mapping_that_does_not_fit_the_next_file_says_which_column_is_missing() -> None:
    mapping = proposed("ph.ecog,性别\n1,男\n")
    with pytest.raises(ProtocolError, match=r"next\.csv: found no column ph\.ecog, which this mapping reads"):
        read_cohort("next.csv", "ECOG评分,性别\n1,男\n".encode(), ELIGIBILITY, mapping=mapping)


def test_a_new_column_and_a_new_word_of_the_next_file_are_told_and_proposed_anew() -> None:
    mapping = proposed("ph.ecog,性别\n1,男\n")
    later = "ph.ecog,性别,体重(kg)\n1,男人,60\n"
    said = [one.where for one in read(later, mapping).problems]
    assert "column 体重(kg)" in said
    assert "row 2, column 性别" in said
    again = propose_mapping("next.csv", later.encode(), ELIGIBILITY, like=mapping)
    assert [one.fact for one in again.columns] == ["ecog", "sex", "weight_kg"]
    assert asked(again) == [("性别", "word", "男人")]


def test_the_first_rows_are_shown_with_what_they_become() -> None:
    shown = proposed("ph.ecog,体重(kg),ward\n2级,<5,7\n").preview()
    assert shown[["column", "cell", "value", "usable"]].to_numpy().tolist() == [
        ["ph.ecog", "2级", 2, True],
        ["体重(kg)", "<5", None, False],
    ]


def test_a_file_like_the_template_needs_no_mapping() -> None:
    assert is_as_template("a.csv", b"participant_id,ecog\nP-1,1\n", ELIGIBILITY)
    assert not is_as_template("a.csv", b"participant_id,ecog,ward\nP-1,1,7\n", ELIGIBILITY)
    own = "participant_id,ecog,sex\nP-1,1,male\n"
    assert asked(proposed(own)) == []
    assert read(own, proposed(own)).frame.equals(read_cohort("a.csv", own.encode(), ELIGIBILITY).frame)


def test_an_excel_file_like_the_template_is_read_as_it_is() -> None:
    content = excel_file([["participant_id", "ecog", "weight_kg"], ["P-1", 1, "heavy"], ["P-2", "#N/A", 61.5]])
    found = read_cohort("a.xlsx", content, ELIGIBILITY)
    assert found.frame["weight_kg"].tolist()[1] == 61.5
    said = [one[:2] for one in found.problems if one.where.startswith("row")]
    assert sorted(said) == [("row 2, column weight_kg", "'heavy'"), ("row 3, column ecog", "'#N/A'")]


def test_a_heading_in_merged_cells_is_refused_with_its_place() -> None:
    import io

    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["某医院筛选表"])
    book.active.append(["participant_id", "ecog"])
    book.active.append(["P-1", 1])
    book.active.merge_cells("A1:B1")
    kept = io.BytesIO()
    book.save(kept)
    with pytest.raises(
        ProtocolError, match=r"row 1: found a heading in merged cells \(A1:B1\); write one row of headings"
    ):
        read_cohort("a.xlsx", kept.getvalue(), ELIGIBILITY)


def test_spellings_of_a_heading_are_one() -> None:
    assert (
        len(
            {
                plain_heading(text)
                for text in ("Participant_ID", "participant id", "PARTICIPANT-ID", "Ｐarticipant．id")
            }
        )
        == 1
    )
