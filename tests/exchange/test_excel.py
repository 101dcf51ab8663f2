"""Excel files as rows of text: what a cell shows is what is read, and what cannot be read is told."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime

import openpyxl
import pytest
from support.hospital_files import excel_file

from protocol.exchange import excel, limits
from protocol.exchange.excel import ExcelFile, is_excel, sheets
from protocol.records import ProtocolError

MOMENT = datetime(2026, 3, 1, 10, 30)  # noqa: DTZ001 - Excel knows no zones


def rows(content: bytes, sheet: str = "") -> list[list[str]]:
    return [row.cells for row in ExcelFile("a.xlsx", io.BytesIO(content), sheet).rows()]


def changed(content: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """The same file with parts of it changed."""
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return kept.getvalue()


def with_format(value: object, number_format: str, mac: bool = False) -> bytes:
    book = openpyxl.Workbook()
    if mac:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active["A1"] = value
    book.active["A1"].number_format = number_format
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def with_number(content: bytes, number: int) -> bytes:
    """The same file with the format of days, number 14, replaced by another one."""
    new = b'numFmtId="%d"' % number
    return changed(content, lambda name, part: part.replace(b'numFmtId="14"', new) if "styles" in name else part)


def test_text_numbers_days_and_truth_are_written_as_they_would_be_typed() -> None:
    cells = ["001", " 30 ", 30, 30.5, 0.1 + 0.2, date(2026, 3, 1), MOMENT, True, None, "#N/A"]
    assert rows(excel_file([cells])) == [
        ["001", "30", "30", "30.5", "0.3", "2026-03-01", "2026-03-01 10:30:00", "true", "", "#N/A"]
    ]


@pytest.mark.parametrize("mac", [False, True])
@pytest.mark.parametrize("shown_as", ["yyyy-mm-dd", 'yyyy"年"m"月"d"日"', "[$-804]yyyy/m/d;@", "d-mmm-yy"])
def test_a_day_is_that_of_the_workbooks_own_date_system(shown_as: str, mac: bool) -> None:
    assert rows(with_format(date(2026, 3, 1), shown_as, mac)) == [["2026-03-01"]]


@pytest.mark.parametrize("number", [14, 28, 30, 31, 51, 58])
def test_the_formats_for_days_of_a_chinese_excel_are_known_by_number(number: int) -> None:
    assert rows(with_number(with_format(date(2026, 3, 1), "mm-dd-yy"), number)) == [["2026-03-01"]]


@pytest.mark.parametrize("shown_as", ["yyyy-mm", 'yyyy"年"m"月"', "mmm-yy", "27", "57"])
def test_a_month_that_excel_keeps_as_its_first_day_is_no_day(shown_as: str) -> None:
    content = with_format(date(2026, 3, 1), "mm-dd-yy" if shown_as.isdigit() else shown_as)
    if shown_as.isdigit():
        content = with_number(content, int(shown_as))
    assert rows(content) == [["2026-03"]]


@pytest.mark.parametrize(
    ("value", "shown_as", "text"),
    [
        (7, "000", "007"),
        (0.97, "0%", "97%"),
        (0.975, "0.0%", "97.5%"),
        (12.5, "0.00", "12.5"),
        (1e-7, "General", "1e-07"),
    ],
)
def test_a_number_is_written_with_the_zeros_and_the_percent_that_its_format_shows(
    value: float, shown_as: str, text: str
) -> None:
    assert rows(with_format(value, shown_as)) == [[text]]


def test_a_formula_counts_by_its_stored_value_and_one_without_is_named() -> None:
    content = excel_file([["ecog"], ["=1+1"], ["=2+2"]])
    stored = changed(content, lambda _name, part: re.sub(rb"<f>1\+1</f><v ?/>", b"<f>1+1</f><v>2</v>", part))
    found = ExcelFile("a.xlsx", io.BytesIO(stored))
    assert [row.cells for row in found.rows()] == [["ecog"], ["2"]]
    assert found.not_computed == ("A3",)


def test_merged_cells_are_told_with_their_rows() -> None:
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active.append(["1", "2"])
    book.active.merge_cells("A2:B3")
    kept = io.BytesIO()
    book.save(kept)
    assert ExcelFile("a.xlsx", io.BytesIO(kept.getvalue())).merged == ((2, 3, "A2:B3"),)


def test_of_several_sheets_one_has_to_be_chosen() -> None:
    content = excel_file([["ecog"], [1]], sheets=("筛选", "说明"))
    assert sheets("a.xlsx", content) == ("筛选", "说明")
    with pytest.raises(ProtocolError, match="several sheets with cells; write the sheet: 筛选, 说明"):
        rows(content)
    with pytest.raises(ProtocolError, match="no sheet 'x'"):
        rows(content, "x")
    assert rows(content, "筛选") == [["ecog"], ["1"]]


def test_a_sheet_that_is_hidden_or_empty_is_none() -> None:
    book = openpyxl.Workbook()
    book.active.append(["ecog"])
    book.create_sheet("empty")
    hidden = book.create_sheet("hidden")
    hidden.append(["secret"])
    hidden.sheet_state = "hidden"
    kept = io.BytesIO()
    book.save(kept)
    assert sheets("a.xlsx", kept.getvalue()) == ("Sheet",)
    assert rows(kept.getvalue()) == [["ecog"]]


def test_rows_keep_their_numbers_though_blank_ones_are_passed_over() -> None:
    found = ExcelFile("a.xlsx", io.BytesIO(excel_file([["ecog"], [None], [1]]))).rows()
    assert [row.number for row in found] == [1, 3]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\xd0\xcf\x11\xe0" + bytes(600), "of before 2007, or one with a password"),
        (b"PK\x03\x04 and nothing", "bytes that are not an Excel file"),
        (changed(excel_file([[1]]), lambda name, part: b"<" if "sheet1" in name else part), "not an Excel file"),
        (
            changed(excel_file([[1]]), lambda name, part: b"<" if "workbook.xml" in name else part),
            "not an Excel file",
        ),
        (
            changed(excel_file([[1], [2]]), lambda name, part: part[:-30] if "sheet1" in name else part),
            "not an Excel",
        ),
    ],
    ids=["older", "zip", "sheet", "book", "cut"],
)
def test_what_is_no_such_file_is_refused_with_words(content: bytes, found: str) -> None:
    with pytest.raises(ProtocolError, match=found):
        rows(content)


def test_a_file_that_unpacks_to_more_than_the_limit_is_refused_before_it_is_unpacked() -> None:
    bomb = changed(
        excel_file([[1]]), lambda name, part: part + bytes(limits.LARGEST_PART) if "theme" in name else part
    )
    assert len(bomb) < 100_000
    with pytest.raises(ProtocolError, match="16 MB unpacked"):
        rows(bomb)


def test_a_file_with_too_many_cells_is_refused_by_its_list_of_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LARGEST_SHEETS", 3_000)
    with pytest.raises(ProtocolError, match="MB unpacked"):
        rows(excel_file([[n] for n in range(200)]))


@pytest.mark.slow
def test_a_cell_at_the_far_end_of_a_sheet_costs_no_memory() -> None:
    content = changed(
        excel_file([["ecog"], [1]]),
        lambda name, part: (
            part.replace(b'<row r="2"', b'<row r="1048576"').replace(b'"A2"', b'"XFD1048576"')
            if "sheet1" in name
            else part
        ),
    )
    found = list(ExcelFile("a.xlsx", io.BytesIO(content)).rows(1))
    assert [row.cells for row in found] == [["ecog"]]


def test_a_file_is_known_by_its_first_bytes_whatever_its_name() -> None:
    assert is_excel("cohort.csv", excel_file([[1]])[:4])
    assert not is_excel("cohort.csv", b"part")
    assert excel.sheets("cohort.csv", b"participant_id\n") == ()
