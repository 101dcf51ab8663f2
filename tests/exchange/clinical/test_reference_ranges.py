"""The table of the laboratories' upper limits of normal: written empty, read back filled."""

import csv
import io

import pytest
from support.trial import ELIGIBILITY

from protocol.exchange.clinical.reference_ranges import COLUMNS, limit_template, read_limits
from protocol.records import ProtocolError

HEAD = ",".join(COLUMNS) + "\n"
LINE = "Union,creatinine,female,0.83,mg/dL,2025-01-01,laboratory handbook\n"


def test_the_empty_table_has_a_line_per_site_analyte_and_sex_and_reads_as_nothing_filled() -> None:
    content = limit_template(ELIGIBILITY, ("Union", "Tongji"))
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert len(rows) == 2 * 4 * 2
    assert {row["analyte"] for row in rows} == {"alt", "ast", "bilirubin", "creatinine"}
    assert read_limits("limits.csv", content, ELIGIBILITY) == ((), ())


def test_a_filled_line_is_converted_and_keeps_its_source() -> None:
    [limit] = read_limits("limits.csv", (HEAD + LINE).encode("utf-8-sig"), ELIGIBILITY).limits
    assert limit.limit == pytest.approx(73.3734)
    assert (limit.site, limit.sex, limit.source, limit.original) == (
        "Union",
        "female",
        "laboratory handbook",
        "0.83 mg/dL",
    )
    chinese = LINE.replace("Union", "协和医院")
    assert read_limits("limits.csv", (HEAD + chinese).encode("gb18030"), ELIGIBILITY).limits[0].site == "协和医院"


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (LINE.replace("creatinine", "crea"), "analyte"),
        (LINE.replace("female", "w"), "sex"),
        (LINE.replace("0.83", "83,"), "limit"),
        (LINE.replace("0.83", "0.0083"), "limit"),
        (LINE.replace("0.83", "nan"), "limit"),
        (LINE.replace("mg/dL", ""), "unit"),
        (LINE.replace("mg/dL", "U/L"), "unit"),
        (LINE.replace("2025-01-01", "1.1.25"), "valid_from"),
        (LINE.replace("laboratory handbook", ""), "source"),
        (LINE.replace("Union", ""), "site"),
    ],
)
def test_a_wrong_cell_is_named_by_row_and_column_and_the_other_lines_are_read(line: str, column: str) -> None:
    if column == "limit" and "83," in line:
        line = line.replace("83,,", '"83,",')
    table = read_limits("limits.csv", (HEAD + line + LINE).encode(), ELIGIBILITY)
    assert len(table.limits) == 1
    assert [problem.where for problem in table.problems] == [f"limits.csv, row 2, column {column}"]


def test_a_line_that_contradicts_one_before_is_named_and_not_used() -> None:
    table = read_limits("limits.csv", (HEAD + LINE + LINE + LINE.replace("0.83", "0.99")).encode(), ELIGIBILITY)
    assert {limit.original for limit in table.limits} == {"0.83 mg/dL"}
    assert [(one.where, one.write) for one in table.problems] == [
        ("limits.csv, row 4, column limit", "one limit from a day on; 0.83 mg/dL of a line before counts")
    ]


@pytest.mark.parametrize("content", [b"", b"site,analyte\n", b"\xff\xfe\x00\xff", b"x" * 200_000])
def test_a_file_that_is_no_such_table_is_refused(content: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_limits("limits.csv", content, ELIGIBILITY)


def test_a_table_with_semicolons_is_read_like_one_with_commas() -> None:
    table = "site,analyte,sex,limit,unit,valid_from,source\nUnion,alt,male,40,U/L,2025-01-01,laboratory handbook\n"
    one, other = (read_limits("limits.csv", text.encode(), ELIGIBILITY) for text in (table, table.replace(",", ";")))
    assert other == one
    assert len(one.limits) == 1


def test_a_table_saved_as_unicode_text_is_read() -> None:
    content = (HEAD + LINE).replace(",", "\t").encode("utf-16")
    assert len(read_limits("limits.txt", content, ELIGIBILITY).limits) == 1


@pytest.mark.parametrize("row", ["Union,alt,female,40,5,U/L,2026-01-01,x", '"Union,alt,female,40,U/L,2026-01-01,x'])
def test_a_line_with_too_many_or_too_few_cells_is_listed_and_not_used(row: str) -> None:
    table = read_limits("limits.csv", f"{HEAD}{row}\n".encode(), ELIGIBILITY)
    assert table.limits == ()
    assert [problem.where for problem in table.problems] == ["limits.csv, row 2"]


def test_a_column_of_limits_that_stands_twice_is_refused() -> None:
    text = HEAD.replace("limit,", "limit,limit,") + "Union,alt,female,40,45,U/L,2026-01-01,x\n"
    with pytest.raises(ProtocolError, match="column limit twice"):
        read_limits("limits.csv", text.encode(), ELIGIBILITY)


@pytest.mark.parametrize(("written", "used"), [("1.250", 0), ("0.097", 1)])
def test_a_point_that_may_group_thousands_is_not_guessed_where_no_comma_separates_cells(
    written: str, used: int
) -> None:
    unit = "mg/dL" if used == 0 else "mmol/L"
    text = f"{HEAD}Union,creatinine,,{written},{unit},2026-01-01,x\n".replace(",", ";")
    table = read_limits("limits.csv", text.encode(), ELIGIBILITY)
    assert (len(table.limits), len(table.problems)) == (used, 1 - used)
