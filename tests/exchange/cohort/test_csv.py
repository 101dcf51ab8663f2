"""Large CSV files are read in blocks, with the same findings as when they are read cell by cell."""

import codecs
import csv
import io
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from support.paths import EXAMPLES, ROOT
from support.trial import ELIGIBILITY

from protocol.exchange.cohort.files import CohortFile, read_cohort
from protocol.records import ProtocolError

EXAMPLE = (EXAMPLES / "cohort.csv").read_bytes()
FILES = "protocol.exchange.cohort.files"


def read(content: bytes, large: int, block: int = 1 << 23, name: str = "mine.csv") -> CohortFile | tuple[str, ...]:
    """Read with files from `large` bytes on in blocks; a refusal as its words."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{FILES}.LARGE_BYTES", large)
        patch.setattr(f"{FILES}.BLOCK_BYTES", block)
        try:
            return read_cohort(name, content, ELIGIBILITY)
        except ProtocolError as error:
            return error.where, error.found, error.write


def agree(content: bytes, block: int = 1 << 23) -> None:
    careful, quick = read(content, 1 << 40), read(content, 0, block)
    if isinstance(careful, CohortFile) and isinstance(quick, CohortFile):
        assert quick.problems == careful.problems
        assert_frame_equal(quick.frame, careful.frame)
    else:
        assert quick == careful


COLUMNS = ["participant_id", "lvef_pct", "ecog", "birth_date", "sex", "consent_signed", "allergy", "remarks"]
USUAL = {
    "participant_id": ["X1", "X2", "X3", "甲", "", "INV-00000001"],
    "lvef_pct": ["55", "60.5", "0", "100", "1e1", "+5", "05", ".5"],
    "ecog": ["0", "1", "2", "3.0", "4"],
    "birth_date": ["1970-10-08", "2000-02-29", "1900-01-01", "2100-12-31"],
    "sex": ["female", "male", "other", "Female", "MALE"],
    "consent_signed": ["yes", "no", "1", "0", "TRUE", "是", "否"],
    "allergy": ["none", "severe", "product", "None"],
    "remarks": ["", "a", "好"],
}
STRANGE = [
    "", " ", "NA", "N/A", "NaN", "null", "?", "未知", "unknown", "inf", "-inf", "1_0", "0x1", "１２", "1e400", "-1",
    "101", "high", "5 ", " 5", "2026-02-30", "2026-2-3", "+2026-03-1", "2026- 3-01", "20260301",
    "2026-03-01 00:00:00", "2026-03-01T00:00:00", "2026-03-01x", "1899-12-31", "2101-01-01", "9999-12-31",
    "1.5", "1.0", "yes ", "Ja",
    "\u3000", "\xa0", "\ufeff1", "\x1c", "a,b", 'a"b', '"', '""', "a\nb", "a\r\nb", "a\rb", "x" * 50, "\ufffd",
    "1\x85", "\u2028",
]  # fmt: skip

MARKS = [
    '"X1"a,male,1', 'X"1",male,1', 'X""1,male,1', '"X1" ,male,1', ' "X1",male,1', '"X1,male",1', '"X1,male,1"',
    'X1","male,1',
    '"X1"",male,1"', '""X1,male,1', '""X1"",male,1', '"","",""', 'X1,"male",1"', 'X1,""male"",1',
    'X"1,m"ale,1', '"X1""",male,1',
    '"X1\n2","male",1', 'X1,male,1"\nX2,"male,1', '"X1"a"b",male,1', 'X1,male,"1"\r', 'X1,"male"\r,1',
    '"X1","male",1,""',
]  # fmt: skip


def cells(column: str) -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(USUAL[column]), st.sampled_from(USUAL[column]), st.sampled_from(STRANGE))


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


@st.composite
def lines(draw: st.DrawFn, columns: list[str]) -> bytes:
    """One row as it may stand in a broken file: too short, too long, blank, quoted well or badly, of any encoding."""
    row = [draw(cells(column)) for column in columns]
    match draw(st.sampled_from(["usual"] * 6 + ["short", "long", "blank", "raw"])):
        case "short":
            row = row[: draw(st.integers(0, len(row)))]
        case "long":
            row += draw(st.lists(st.sampled_from(STRANGE), min_size=1, max_size=3))
        case "blank":
            row = [draw(st.sampled_from(["", "", " ", "\u3000"])) for _cell in row]
        case "raw":
            return draw(st.binary(max_size=20).filter(lambda raw: b"\0" not in raw)) + b"\n"
    write: Callable[[str], str] = draw(
        st.sampled_from([str, quoted, lambda cell: quoted(cell) if set(cell) & set(',"\r\n') else cell])
    )
    return (",".join(map(write, row)) + draw(st.sampled_from(["\n", "\r\n"]))).encode(
        draw(st.sampled_from(["utf-8"] * 8 + ["gb18030"])), errors="replace"
    )


@pytest.mark.slow
@pytest.mark.parametrize("write", [str, quoted], ids=["plain", "quoted"])
def test_every_strange_cell_is_read_in_every_column_as_it_is_cell_by_cell(write: Callable[[str], str]) -> None:
    found = [cell for cell in [*STRANGE, *(cell for some in USUAL.values() for cell in some)] if cell != '"']
    apart = [cell for cell in found if write is quoted or not set(cell) & set(',"\r\n')]
    rows = [
        ",".join(["Y" if column != COLUMNS[-1] else "", *[write(cell)] * len(COLUMNS)])
        for cell in apart
        for column in COLUMNS
    ]
    agree("\n".join([",".join(["site", *COLUMNS]), *rows, ""]).encode(), 500)


@pytest.mark.slow
@pytest.mark.parametrize("row", MARKS)
def test_quotation_marks_in_wrong_places_are_read_as_python_reads_them(row: str) -> None:
    agree(f'participant_id,sex,ecog\nX0,male,1\n{row}\nX9,female,"2"\n"X10",male,0\n'.encode())


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_broken_file_read_in_blocks_gives_what_reading_it_cell_by_cell_gives(data: st.DataObject) -> None:
    columns = data.draw(st.lists(st.sampled_from(COLUMNS), min_size=1, unique=True))
    rows = data.draw(st.lists(lines(columns), max_size=25))
    mark = data.draw(st.sampled_from([b"", codecs.BOM_UTF8]))
    content = mark + ",".join(columns).encode() + b"\n" + b"".join(rows)
    if data.draw(st.booleans()):
        content = content.rstrip(b"\r\n")
    agree(content, data.draw(st.sampled_from([1, 30, 200, 1 << 23])))


# --- Files large enough for blocks, and what must hold of them ---------------------------------------------------


def spoken(cohort: object, place: str) -> str:
    """What was found at a place."""
    assert isinstance(cohort, CohortFile)
    return next(problem.found for problem in cohort.problems if problem.where == place)


def many(rows: int) -> list[bytes]:
    """A header and the rows of the shipped example again and again, each with an id of its own."""
    header, *people = EXAMPLE.splitlines()
    numbered = (people[row % len(people)].partition(b",")[2] for row in range(rows))
    return [header, *(b"INV-%05d,%s" % (row, rest) for row, rest in enumerate(numbered))]


def as_file(lines: list[bytes], end: bytes = b"\n") -> bytes:
    return end.join([*lines, b""])


@pytest.mark.slow
def test_the_shipped_example_is_read_in_blocks_as_it_is_read_cell_by_cell() -> None:
    for block in (20_000, 1 << 23):
        agree(EXAMPLE, block)


@pytest.mark.slow
def test_every_sprinkled_bad_row_is_named_and_the_rest_is_read() -> None:
    content = many(9000)
    header = content[0].decode().split(",")

    def put(row: int, column: str, cell: bytes) -> None:
        cells = content[row - 1].split(b",")
        cells[header.index(column)] = cell
        content[row - 1] = b",".join(cells)

    put(1000, "height_cm", b"tall")
    put(2000, "birth_date", b"1970-02-30")
    put(3000, "participant_id", b"INV-00000")
    put(4000, "sex", "男性".encode("gb18030"))
    put(5000, "participant_id", b'"X, the\r\nsecond"')
    content[5999] += b",more"
    content[6999] = b"short"
    content[7999] = b""
    found = read(codecs.BOM_UTF8 + as_file(content, b"\r\n"), 0)
    assert spoken(found, "row 1000, column height_cm") == "'tall'"
    assert spoken(found, "row 2000, column birth_date") == "'1970-02-30'"
    assert spoken(found, "participant INV-00000") == "2 rows with this id; each is screened"
    assert spoken(found, "row 4000, column sex") == "'文文'"
    assert spoken(found, "row 6000") == f"{len(header) + 1} cells where the header has {len(header)}"
    assert spoken(found, "row 7000") == f"1 cells where the header has {len(header)}"
    assert isinstance(found, CohortFile)
    assert spoken(found, "row 5000") == "a text in quotation marks over 2 lines, all read as this row"
    assert len(found.problems) == 7
    assert len(found.frame) == 8999
    assert found.frame["participant_id"][4998] == "X, the\r\nsecond"
    healthy = read_cohort(
        "mine.csv", as_file([line for row, line in enumerate(many(9000)) if row != 7999]), ELIGIBILITY
    )
    lost = found.frame["height_cm"].isna() & healthy.frame["height_cm"].notna()
    assert lost[lost].index.to_list() == [1000 - 2, 6000 - 2, 7000 - 2]


def test_bytes_of_another_encoding_in_a_large_file_are_named_by_line() -> None:
    content = many(9000)
    content[100] = "王甲".encode("gb18030") + content[100]
    content[200] = "李乙乙".encode() + content[200]
    content[300] = b"\xff" + content[300]
    found = read(as_file(content), 0)
    assert spoken(found, "line 201").startswith("text in UTF-8")
    assert spoken(found, "line 301").startswith("bytes that are no text")
    assert isinstance(found, CohortFile)
    assert found.frame["participant_id"][[99, 199, 299]].tolist() == [
        "王甲INV-00099",
        "李乙乙INV-00199",
        "�INV-00299",
    ]
    assert len(found.frame) == 9000


@pytest.mark.slow
def test_a_file_with_every_text_in_quotation_marks_is_read_in_blocks() -> None:
    written = io.StringIO()
    rows = csv.reader(io.StringIO(EXAMPLE.decode()))
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([[cell or "NA" for cell in row] for row in rows])
    agree(written.getvalue().encode(), 5000)
    found = read(written.getvalue().encode(), 0)
    assert isinstance(found, CohortFile)
    assert_frame_equal(found.frame, read_cohort("cohort.csv", EXAMPLE, ELIGIBILITY).frame)


def test_an_open_quotation_mark_is_refused_in_the_same_words_however_large_the_file_is() -> None:
    content = many(9000)
    content[10] = b'"' + content[10]
    assert read(as_file(content), 0, 1 << 16) == read(as_file(content), 1 << 40)
    assert read(as_file(content), 0, 1 << 16)[1] == "field larger than field limit (131072)"


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030"])
@pytest.mark.parametrize("large", [0, 1 << 40])
def test_spreadsheets_saved_as_utf_16_or_gb18030_are_read(encoding: str, large: int) -> None:
    found = read("participant_id,sex\r\n王甲,Female\r\n李乙乙,男\r\n".encode(encoding), large)
    assert isinstance(found, CohortFile)
    assert found.frame["participant_id"].to_list() == ["王甲", "李乙乙"]
    assert spoken(found, "row 3, column sex") == "'男'"


def test_a_broken_character_before_a_line_end_takes_no_character_and_no_row_with_it() -> None:
    for large in (0, 1 << 40):
        found = read(b"participant_id,ecog\nX1,1\nX2,\x800\nX3,2\n", large)
        assert isinstance(found, CohortFile)
        assert found.frame["participant_id"].to_list() == ["X1", "X2", "X3"]


@pytest.mark.slow
def test_a_file_without_line_ends_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocol.exchange.cohort.delimited_text.LONGEST_BYTES", 3 << 20)
    lines = b"participant_id,ecog\nX1,0\n"
    refused = read(lines + b"X2,1\r" * 1_000_000, 0)
    assert refused == ("mine.csv", "a line of more than 3 MB", "one line per participant")
    assert isinstance(read(lines + b"X2,1\n" * 1_000_000, 0), CohortFile)


# --- Any size: on the disk, with progress, to be stopped ----------------------------------------------------------


def broken_cohort(folder: Path) -> Path:
    """A file of some blocks in random order of ids, some of which stand twice, far apart."""
    content = many(12000)
    content[1000] = content[1].partition(b",")[0] + b"," + content[1000].partition(b",")[2]
    content[8999] = content[2].partition(b",")[0] + b"," + content[8999].partition(b",")[2]
    content[4000] = content[2].partition(b",")[0] + b"," + content[4000].partition(b",")[2]
    content[5000] += b",more"
    rows = content[1:]
    random.Random(5).shuffle(rows)
    path = folder / "cohort.csv"
    path.write_bytes(as_file([content[0], *rows]))
    return path


@pytest.mark.slow
def test_a_file_kept_on_the_disk_is_screened_as_one_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{FILES}.BLOCK_BYTES", 1 << 19)
    monkeypatch.setattr("protocol.exchange.cohort.files.GROUP_ROWS", 2000)
    path, into = broken_cohort(tmp_path), tmp_path / "kept.parquet"
    kept, held = read_cohort(path.name, path, ELIGIBILITY, into=into), read_cohort(path.name, path, ELIGIBILITY)
    assert kept.frame == into
    assert kept.problems == held.problems
    assert {"participant INV-00000", "participant INV-00001"} <= {problem.where for problem in kept.problems}
    assert ELIGIBILITY.screen_cohort(into).fail.tolist() == ELIGIBILITY.screen_cohort(held.frame).fail.tolist()
    assert ELIGIBILITY.screen_cohort(into).unknown.tolist() == ELIGIBILITY.screen_cohort(held.frame).unknown.tolist()
    assert ELIGIBILITY.screen_cohort(into).participants == ELIGIBILITY.screen_cohort(held.frame).participants
    assert {file.name for file in tmp_path.iterdir()} == {"cohort.csv", "kept.parquet"}
    assert pl.scan_parquet(into).collect()["participant_id"].to_list() == held.frame["participant_id"].to_list()


@pytest.mark.slow
def test_a_small_file_is_kept_on_the_disk_too(tmp_path: Path) -> None:
    kept = read_cohort("cohort.csv", EXAMPLE, ELIGIBILITY, into=tmp_path / "kept.parquet")
    held = read_cohort("cohort.csv", EXAMPLE, ELIGIBILITY).frame
    assert ELIGIBILITY.screen_cohort(kept.frame).fail.tolist() == ELIGIBILITY.screen_cohort(held).fail.tolist()
    assert_frame_equal(read_cohort("kept.parquet", tmp_path / "kept.parquet", ELIGIBILITY).frame, held)


@pytest.mark.slow
def test_reading_tells_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{FILES}.BLOCK_BYTES", 1 << 19)
    path, told = broken_cohort(tmp_path), list[tuple[int, int]]()
    read_cohort(path.name, path, ELIGIBILITY, progress=lambda done, whole: told.append((done, whole)))
    assert len(told) > 5
    assert [done for done, _whole in told] == sorted({done for done, _whole in told})
    assert told[-1] == (path.stat().st_size, path.stat().st_size)


@pytest.mark.slow
def test_reading_can_be_stopped_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class StoppedError(Exception):
        pass

    def stop(done: int, whole: int) -> None:
        if done > whole / 3:
            raise StoppedError

    monkeypatch.setattr(f"{FILES}.BLOCK_BYTES", 1 << 19)
    monkeypatch.setattr("protocol.exchange.cohort.files.GROUP_ROWS", 1000)
    path = broken_cohort(tmp_path)
    with pytest.raises(StoppedError):
        read_cohort(path.name, path, ELIGIBILITY, into=tmp_path / "kept.parquet", progress=stop)
    assert [file.name for file in tmp_path.iterdir()] == ["cohort.csv"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    into = tmp_path / "nowhere" / "kept.parquet"
    with pytest.raises(ProtocolError, match=r"nowhere/kept\.parquet: .*write a file in a folder that exists"):
        read_cohort("cohort.csv", EXAMPLE, ELIGIBILITY, into=into)


@pytest.mark.slow
def test_a_small_file_needs_no_polars() -> None:
    """A page that shows the example stays small."""
    program = (
        "import sys; sys.path.insert(0, 'src')\n"
        "from pathlib import Path\n"
        "from protocol.exchange.cohort.files import read_cohort\n"
        "from protocol.trial import load_trial\n"
        "record = load_trial(Path('data/NCT05672420')).eligibility\n"
        "assert len(read_cohort('cohort.csv', Path('data/examples/cohort.csv'), record).frame) == 500\n"
        "assert 'polars' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


@pytest.mark.parametrize("large", [0, 1 << 22])
def test_a_quotation_mark_that_is_not_closed_is_named_with_the_lines_it_took(
    large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{FILES}.LARGE_BYTES", large)
    text = b'participant_id,ecog,comment\nP1,1,ok\nP2,1,"left arm\nP3,4,fine\nP4,3,fine\n'
    found = read_cohort("mine.csv", text, ELIGIBILITY)
    assert len(found.frame) == 2
    assert [(one.where, one.found) for one in found.problems if "quotation" in one.found] == [
        ("row 3", "a text in quotation marks over 3 lines, all read as this row")
    ]
