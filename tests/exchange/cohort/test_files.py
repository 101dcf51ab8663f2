"""Cohort files: an error is named with its place, valid rows are screened, nothing is guessed."""

import io
from datetime import date
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from support.paths import EXAMPLES
from support.trial import ELIGIBILITY

from protocol.exchange.cohort import files
from protocol.exchange.cohort.files import CohortFile, read_cohort, template
from protocol.records import ProtocolError

EXAMPLE = (EXAMPLES / "cohort.csv").read_bytes()


def read(text: str, name: str = "mine.csv") -> CohortFile:
    return read_cohort(name, text.encode(), ELIGIBILITY)


def as_cells(column: pd.Series) -> list[object]:
    """A column as plain Python, missing values as None."""
    return [None if pd.isna(v) else v.date() if isinstance(v, pd.Timestamp) else v for v in column.astype(object)]


def spoken(cohort: CohortFile, place: str) -> tuple[str, str]:
    """What was found at a place and what to write instead."""
    return next((problem.found, problem.write) for problem in cohort.problems if problem.where == place)


def test_the_shipped_example_has_500_invented_participants_and_every_cell_is_used() -> None:
    cohort = read_cohort("cohort.csv", EXAMPLE, ELIGIBILITY)
    assert len(cohort.frame) == 500
    assert cohort.frame["participant_id"].str.startswith("INV-").all()
    assert cohort.problems == ()


def test_an_empty_file_is_named() -> None:
    with pytest.raises(ProtocolError, match=r"mine\.csv: found an empty file; write a header line"):
        read("  \n\n")


def test_a_header_alone_is_named() -> None:
    with pytest.raises(ProtocolError, match="a header but no participants"):
        read_cohort("cohort.csv", template(ELIGIBILITY), ELIGIBILITY)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\x00\x00\x00", bytes(range(256)), b"PK\x03\x04\x00\x00"])
def test_a_file_that_is_not_a_table_is_named(content: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"mine\.csv"):
        read_cohort("mine.csv", content, ELIGIBILITY)


def test_a_parquet_name_on_other_bytes_is_named() -> None:
    with pytest.raises(ProtocolError, match="bytes that are not Parquet"):
        read("a,b\n1,2\n", "mine.parquet")


def test_a_table_about_something_else_is_named_with_what_it_holds() -> None:
    with pytest.raises(ProtocolError, match=r"no known column \(fruit, price\)"):
        read("fruit,price\napple,3\n")


def test_a_missing_column_is_unknown_for_everybody_and_said() -> None:
    cohort = read("participant_id,ecog\nX1,0\n")
    assert spoken(cohort, "column lvef_pct")[0] == "no such column: unknown for all participants"
    counts = ELIGIBILITY.screen_cohort(cohort.frame).counts().set_index("criterion")
    assert counts.loc["I5", "passes"] == 1
    assert counts.loc["I7", "unknown"] == 1


def test_a_column_in_another_unit_is_not_used_and_the_right_name_is_given() -> None:
    cohort = read("participant_id,ecog,creatinine_mg_dl\nX1,0,1.4\n")
    found, write = spoken(cohort, "column creatinine_mg_dl")
    assert "another unit" in found
    assert write == "creatinine_umol_l (μmol/L)"
    assert "creatinine_umol_l" not in cohort.frame.columns


def test_a_value_that_can_only_be_in_another_unit_becomes_unknown() -> None:
    cohort = read("participant_id,creatinine_umol_l\nX1,1.4\n")
    assert spoken(cohort, "row 2, column creatinine_umol_l")[0] == "'1.4'"
    assert cohort.frame["creatinine_umol_l"].isna().all()


def test_the_30th_of_february_is_named_by_row_and_column() -> None:
    cohort = read("participant_id,enrolment_date\nX1,2026-02-28\nX2,2026-02-30\n")
    assert spoken(cohort, "row 3, column enrolment_date") == (
        "'2026-02-30'",
        "a date like 2026-03-01, from 1900 to 2100",
    )
    assert cohort.frame["enrolment_date"].isna().tolist() == [False, True]
    assert cohort.frame["enrolment_date"][0].date() == date(2026, 2, 28)


def test_a_row_with_too_few_or_too_many_cells_is_named_and_kept() -> None:
    cohort = read("participant_id,ecog\nX1\nX2,1,extra\n")
    assert spoken(cohort, "row 2")[0] == "1 cells where the header has 2"
    assert spoken(cohort, "row 3")[0] == "3 cells where the header has 2"
    assert cohort.frame["participant_id"].to_list() == ["X1", "X2"]
    assert cohort.frame["ecog"].isna().all()


@pytest.mark.parametrize("large", [False, True], ids=["line by line", "in blocks"])
@pytest.mark.parametrize(
    ("row", "header"),
    [
        ("P1,86,1,3,0", "participant_id,weight_kg,ecog,prior_reinductions"),
        ("P1,1,3", "participant_id,ecog,prior_reinductions,weight_kg"),
        ("P1,86,1,3,", "participant_id,weight_kg,ecog,prior_reinductions"),
    ],
)
def test_no_cell_of_a_row_is_used_if_some_may_stand_in_another_column(
    row: str, header: str, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(files, "LARGE_BYTES", 0)
    cohort = read(f"{header}\n{row}\n")
    assert cohort.frame.drop(columns="participant_id").isna().all(axis=None)
    assert cohort.frame["participant_id"].to_list() == ["P1"]
    moved = read("ecog,weight_kg,participant_id\n1,86,1,P1\n")
    assert moved.frame["participant_id"].to_list() == ["row 2"]


@pytest.mark.parametrize("on_disk", [False, True])
def test_ids_that_differ_by_blanks_width_or_case_are_named(tmp_path: Path, on_disk: bool) -> None:
    content = "participant_id,ecog\nP1,1\nP1 ,2\n\u00a0P1,2\nＰ１,0\np1,0\nP 1,0\nP2,0\n".encode()
    cohort = read_cohort("c.csv", content, ELIGIBILITY, into=tmp_path / "c.parquet" if on_disk else None)
    assert [problem.found for problem in cohort.problems if problem.where.startswith("participant")] == [
        "6 rows with this id, also written “Ｐ１”; each is screened"
    ]


@pytest.mark.parametrize("on_disk", [False, True])
def test_ids_that_differ_by_zeros_that_a_spreadsheet_drops_or_by_the_hyphen_are_named(
    tmp_path: Path, on_disk: bool
) -> None:
    content = "participant_id,ecog\n007,1\n7,2\n7.0,2\n70,0\nP-1,0\nP\u20101,0\n000,0\nP007,1\nP7,1\n".encode()
    cohort = read_cohort("c.csv", content, ELIGIBILITY, into=tmp_path / "c.parquet" if on_disk else None)
    assert [problem[:2] for problem in cohort.problems if problem.where.startswith("participant")] == [
        ("participant 007", "3 rows with this id, also written “7.0”; each is screened"),
        ("participant P-1", "2 rows with this id, also written “P\u20101”; each is screened"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 200_000])
def test_a_row_that_reaches_into_a_column_without_a_name_is_not_used(rows: int) -> None:
    text = "participant_id,weight_kg,height_cm,,\nP1,86,1,172,\n" + "P2,80,170,,\n" * rows
    cohort = read(text)
    assert as_cells(cohort.frame["weight_kg"][:2]) == [None, 80]
    assert spoken(cohort, "row 2")[0] == "4 cells where the header has 3"
    assert not any(problem.where == "row 3" for problem in cohort.problems)


def test_marks_of_byte_order_and_unseen_spaces_in_a_header_cost_nothing() -> None:
    cohort = read("\ufeff\ufeffparticipant_id,\u200bweight_kg\nP1,60\n")
    assert cohort.frame.to_dict("list") == {"participant_id": ["P1"], "weight_kg": [60.0]}


def test_an_id_that_stands_twice_is_named_and_both_rows_are_screened() -> None:
    cohort = read("participant_id,ecog\nX1,0\nX1,3\n")
    assert spoken(cohort, "participant X1")[0] == "2 rows with this id; each is screened"
    assert ELIGIBILITY.screen_cohort(cohort.frame).counts().set_index("criterion").loc[
        "I5", ["passes", "excludes"]
    ].tolist() == [1, 1]


def test_a_column_that_stands_twice_is_refused() -> None:
    with pytest.raises(ProtocolError, match="column ecog twice"):
        read("participant_id,ecog,ecog\nX1,0,1\n")


@pytest.mark.parametrize(
    "content",
    [
        "participant_id,sex\r\n甲,Female\r\n".encode("gb18030"),
        "\ufeffparticipant_id,sex\n甲,female\n".encode(),
        "participant_id,sex\r\n甲, FEMALE \r\n".encode(),
    ],
    ids=["GB18030 with CRLF", "UTF-8 with a mark", "a label in capitals"],
)
def test_spreadsheets_of_the_hospitals_are_read(content: bytes) -> None:
    cohort = read_cohort("mine.csv", content, ELIGIBILITY)
    assert cohort.frame.to_numpy().tolist() == [["甲", "female"]]


def test_none_is_an_answer_where_it_is_an_option() -> None:
    assert read("participant_id,allergy\nX1,none\n").frame["allergy"].to_list() == ["none"]


def test_parquet_gives_what_csv_gives() -> None:
    buffer = io.BytesIO()
    frame = read_cohort("cohort.csv", EXAMPLE, ELIGIBILITY).frame
    pl.DataFrame({str(name): as_cells(frame[name]) for name in frame}).write_parquet(buffer)
    assert_frame_equal(read_cohort("cohort.parquet", buffer.getvalue(), ELIGIBILITY).frame, frame)


def test_markup_in_an_id_stays_text_all_the_way() -> None:
    cohort = read('participant_id,ecog\n"<img src=x onerror=alert(1)>",0\n')
    assert ELIGIBILITY.screen_cohort(cohort.frame).participants == ("<img src=x onerror=alert(1)>",)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_words(content: bytes) -> None:
    try:
        answer: ProtocolError | CohortFile = read_cohort("any.csv", content, ELIGIBILITY)
    except ProtocolError as error:
        answer = error
    assert isinstance(answer, CohortFile) or (answer.where and answer.write)


@pytest.mark.slow
@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12))
def test_any_cell_is_a_value_or_a_named_problem(cell: str) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    cohort = read(f"participant_id,lvef_pct\nX1,{quoted}\n")
    value = cohort.frame["lvef_pct"][0]
    assert pd.isna(value) or 0 <= value <= 100


def test_a_blank_line_does_not_shift_the_numbers_of_the_rows_below_it() -> None:
    cohort = read("participant_id,ecog\nX1,0\n\n,\nX2,nine\n")
    assert cohort.frame["participant_id"].to_list() == ["X1", "X2"]
    assert spoken(cohort, "row 5, column ecog")[0] == "'nine'"


# --- Bad files, whole and in part --------------------------------------------------------------------------------


def test_a_file_of_two_encodings_is_read_line_by_line_and_says_so() -> None:
    lines = [b"participant_id,sex\r\n", "王甲,female\r\n".encode("gb18030"), "李乙乙,male\r\n".encode()]
    cohort = read_cohort("mixed.csv", b"".join(lines), ELIGIBILITY)
    assert cohort.frame.to_numpy().tolist() == [["王甲", "female"], ["李乙乙", "male"]]
    assert spoken(cohort, "line 3")[0].startswith("text in UTF-8")


def test_bytes_that_are_no_text_cost_their_own_cell_and_nothing_else() -> None:
    cohort = read_cohort("mine.csv", b"participant_id,sex,ecog\nX1,\xff\xff,1\nX2,male,2\n", ELIGIBILITY)
    assert spoken(cohort, "line 2")[0].startswith("bytes that are no text")
    assert spoken(cohort, "row 2, column sex")[1] == "one of female, male, other"
    assert cohort.frame["ecog"].tolist() == [1, 2]


def test_a_thousand_columns_are_all_named_and_the_known_one_is_used() -> None:
    strange = [f"strange_{number}" for number in range(1000)]
    header, row = ",".join(["participant_id", *strange, "ecog"]), ",".join(["X1", *["5"] * 1000, "0"])
    cohort = read(f"{header}\n{row}\n")
    assert cohort.frame["ecog"].tolist() == [0]
    assert set(strange) <= {problem.where.removeprefix("column ") for problem in cohort.problems}


def test_problems_beyond_those_listed_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocol.exchange.cohort.files.ROWS", 100)
    lines = "".join(f"X{number},{'high' if number % 2 else 1}\n" for number in range(1, 1001))
    cohort = read("participant_id,ecog\n" + lines)
    listed = [problem for problem in cohort.problems if problem.where.endswith("column ecog")]
    assert [problem.found for problem in listed] == ["'high'"] * 200 + ["300 more of this kind"]
    assert (listed[0].where, listed[199].where) == ("row 2, column ecog", "row 400, column ecog")
    assert cohort.frame["ecog"].isna().sum() == 500


def test_a_file_read_from_its_place_gives_what_its_bytes_give(tmp_path: Path) -> None:
    path = tmp_path / "cohort.csv"
    path.write_bytes(EXAMPLE)
    assert_frame_equal(
        read_cohort(path.name, path, ELIGIBILITY).frame, read_cohort("cohort.csv", EXAMPLE, ELIGIBILITY).frame
    )


def test_rows_read_in_many_pieces_are_the_rows_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_cohort("cohort.csv", EXAMPLE, ELIGIBILITY)
    monkeypatch.setattr("protocol.exchange.cohort.files.ROWS", 7)
    assert_frame_equal(read_cohort("cohort.csv", EXAMPLE, ELIGIBILITY).frame, whole.frame)


def test_a_parquet_column_of_lists_is_named_and_the_rest_is_read() -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"participant_id": ["P-1"], "ecog": [[1, 2]], "sex": ["male"]}).write_parquet(buffer)
    cohort = read_cohort("odd.parquet", buffer.getvalue(), ELIGIBILITY)
    assert spoken(cohort, "row 1, column ecog")[0] == "'list'"
    assert cohort.frame["sex"].tolist() == ["male"]


@pytest.mark.parametrize("mark", [";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
@pytest.mark.parametrize("large", [0, 1 << 22])
def test_cells_may_be_separated_by_what_a_spreadsheet_writes_instead_of_commas(
    mark: str, encoding: str, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protocol.exchange.cohort.files.LARGE_BYTES", large)
    rows = [["", "", ""], ["participant_id", "weight_kg", "ecog"], ['"甲, 乙"', "70.5", "1"], ["丙", "70,5", "2"]]
    cohort = read_cohort("mine.csv", "\r\n".join(mark.join(row) for row in rows).encode(encoding), ELIGIBILITY)
    assert [as_cells(cohort.frame[name]) for name in cohort.frame] == [["甲, 乙", "丙"], [70.5, None], [1, 2]]
    assert spoken(cohort, "row 4, column weight_kg")[0] == "'70,5'"


def test_a_point_that_may_group_thousands_is_named_where_cells_have_no_commas_between_them() -> None:
    cohort = read("participant_id;alt_u_l;weight_kg\nX1;1.250;70.5\n")
    assert (as_cells(cohort.frame["alt_u_l"]), as_cells(cohort.frame["weight_kg"])) == ([None], [70.5])
    assert spoken(cohort, "row 2, column alt_u_l")[0] == "'1.250'"
    assert as_cells(read("participant_id,alt_u_l\nX1,1.250\n").frame["alt_u_l"]) == [1.25]


def test_what_stands_between_quotation_marks_separates_nothing() -> None:
    assert read('"participant_id","a;b;c;d",ecog\nX1,x,1\n').frame["ecog"].tolist() == [1]


def test_line_ends_that_are_none_are_named() -> None:
    with pytest.raises(ProtocolError, match=r"a carriage return \(CR\) alone"):
        read("participant_id,ecog\rX1,1\rX2,2\r")


def test_a_participant_without_an_id_is_screened_and_called_by_the_row() -> None:
    cohort = read("participant_id,ecog\nX1,1\n,1\n\n ,2\n")
    assert cohort.frame["participant_id"].tolist() == ["X1", "row 3", "row 5"]
    assert spoken(cohort, "row 5")[1] == "an id for each participant"


def test_numbers_as_ids_of_a_parquet_file_are_whole_also_beside_a_gap() -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"participant_id": [17.0, None], "ecog": [1, 2]}).write_parquet(buffer)
    assert read_cohort("mine.parquet", buffer.getvalue(), ELIGIBILITY).frame["participant_id"].tolist() == [
        "17",
        "row 2",
    ]


@pytest.mark.parametrize("word", ["None", "NONE"])
def test_none_as_programs_write_nothing_is_no_answer_and_is_named(word: str) -> None:
    cohort = read(f"participant_id,cns_disease,ecog\nX1,{word},{word}\nX2,none,\n")
    assert as_cells(cohort.frame["cns_disease"]) == [None, "none"]
    assert spoken(cohort, "row 2, column cns_disease")[0] == repr(word)
    assert cohort.frame["ecog"].isna().all()


def test_yes_and_no_may_be_numbers_of_a_column_with_gaps() -> None:
    assert read("participant_id,veins_ok\nX1,1.0\nX2,0.0\nX3,\n").frame["veins_ok"].tolist() == [True, False, pd.NA]


def test_commas_behind_the_last_name_cost_nothing_and_are_said() -> None:
    cohort = read("participant_id,ecog,,\nX1,1,,\n")
    assert cohort.frame["ecog"].tolist() == [1]
    assert spoken(cohort, "header")[0] == "2 columns without a name; they are not used"


def test_a_cohort_file_is_displayed_with_its_size_and_its_problems_as_a_table() -> None:
    cohort = read_cohort("a.csv", b"participant_id,ecog\n<b>1</b>,9\nP-2,1\n", ELIGIBILITY)
    assert repr(cohort) == f"CohortFile(2 participants, {len(cohort.problems)} problems)"
    assert [*cohort.table().columns] == ["where", "found", "write"]
    assert cohort.table()["where"].str.contains("row 2, column ecog").any()
    assert "<b>" not in cohort._repr_html_()


@pytest.mark.parametrize(
    "cell",
    [
        "Zhang Wei",
        "张 伟",
        "张伟",
        "13800000000",
        "4201 Jiefang Avenue",
        "wei@example.org",
        "1980-05-06",
        "6.5.1980",
        "19800506",
    ],
)
def test_a_cell_that_may_be_a_name_or_a_number_of_a_person_is_not_repeated(cell: str) -> None:
    found = read_cohort("c.csv", f"participant_id,sex,ecog\nP-1,{cell},0\n".encode(), ELIGIBILITY)
    said = spoken(found, "row 2, column sex")[0]
    assert cell not in said
    assert len(said) == len(cell) + 2
    with pytest.raises(ProtocolError) as caught:
        read_cohort("c.csv", f"{cell},1\nP-2,2\n".encode(), ELIGIBILITY)
    assert cell not in str(caught.value)


@pytest.mark.parametrize("cell", ["Zhang Wei 13800138000", "张伟", "1980-05-06"])
@pytest.mark.parametrize("fact", ["weight_kg", "sex", "consent_signed"])
def test_no_message_of_a_frame_or_a_mapping_repeats_a_cell(fact: str, cell: str) -> None:
    for frame in (
        pd.DataFrame({fact: [cell]}),
        pl.DataFrame({fact: [cell]}),
        pd.DataFrame({fact: [cell]}, dtype="category"),
    ):
        with pytest.raises(ProtocolError) as caught:
            ELIGIBILITY.screen_cohort(frame)
        assert cell not in str(caught.value)
    with pytest.raises(ProtocolError) as caught:
        ELIGIBILITY.screen({fact: cell})
    assert cell not in str(caught.value)
