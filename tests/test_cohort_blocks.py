"""A large cohort file is read in blocks; what is found is what reading cell by cell finds, to the row and column."""

import codecs
import csv
import io
import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from protocol.exchange.cohort_files import CohortFile, read_cohort
from protocol.records import ProtocolError
from protocol.trial import load_trial

ROOT = Path(__file__).parents[1]
RECORD = load_trial(ROOT / "data" / "NCT05672420").eligibility
EXAMPLE = (ROOT / "data" / "examples" / "cohort.csv").read_bytes()
FILES = "protocol.exchange.cohort_files"


def read(content: bytes, large: int, block: int = 1 << 23, name: str = "mine.csv") -> CohortFile | tuple[str, ...]:
    """Read with files from `large` bytes on in blocks; a refusal as its words."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{FILES}.LARGE_BYTES", large)
        patch.setattr(f"{FILES}.BLOCK_BYTES", block)
        try:
            return read_cohort(name, content, RECORD)
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
    "", " ", "NA", "N/A", "NaN", "null", "?", "未知", "unknown", "inf", "-inf", "1_0", "0x1", "１２", "1e400", "-1", "101",
    "high", "5 ", " 5", "2026-02-30", "2026-2-3", "+2026-03-1", "2026- 3-01", "20260301", "2026-03-01 00:00:00",
    "2026-03-01T00:00:00", "2026-03-01x", "1899-12-31", "2101-01-01", "9999-12-31", "1.5", "1.0", "yes ", "Ja", "\u3000",
    "\xa0", "\ufeff1", "\x1c", "a,b", 'a"b', '"', '""', "a\nb", "a\r\nb", "a\rb", "x" * 50, "\ufffd", "1\x85", "\u2028",
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
