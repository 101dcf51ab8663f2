"""The log as files: every entry, no cell that a spreadsheet executes, and the report of the verification."""

import io
from zipfile import ZipFile

import pandas as pd
import polars
import pytest
from support import log_events
from support.log_events import DAY, NOON

from protocol.conduct import Decision, Head, Note, Problem, Verification, canonical, read_entries
from protocol.exchange.documents import inspection as log_files

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)"]
DECISION = Decision(on=DAY, recommended=None, chosen="A1", why="=HYPERLINK(1)", decided_by="committee")
ENTRIES = [
    *log_events.chain(
        [*log_events.beginning(), *(Note(on=DAY, text=text) for text in FORMULAS), DECISION], reason="=cmd|' /C'!A0"
    )
]
WHOLE = Verification(Head(len(ENTRIES), ENTRIES[-1].hash))


def test_a_table_has_every_entry_and_everything_about_it():
    table = log_files.table(ENTRIES)
    assert list(table) == list(log_files.COLUMNS)
    assert list(table["sequence"]) == list(range(1, len(ENTRIES) + 1))
    assert list(table["event"]) == [canonical(entry.content) for entry in ENTRIES]
    assert table.loc[0, ["participant", "on", "kind"]].tolist() == ["W-001", "2026-03-02", "screened"]
    assert log_files.table([]).empty


def test_csv_and_parquet_say_the_same():
    read = pd.read_csv(io.BytesIO(log_files.csv(ENTRIES)), encoding="utf-8-sig", dtype=str, keep_default_na=False)
    columns = polars.read_parquet(io.BytesIO(log_files.parquet(ENTRIES)))
    for name in log_files.COLUMNS:
        expected = [str(value) for value in log_files.table(ENTRIES)[name]]
        assert [text.removeprefix("'") for text in read[name]] == expected
        assert [str(value) for value in columns[name]] == expected
    assert polars.read_parquet(io.BytesIO(log_files.parquet([]))).shape == (0, len(log_files.COLUMNS))


def test_no_cell_of_the_csv_is_run_as_a_formula():
    read = pd.read_csv(io.BytesIO(log_files.csv(ENTRIES)), encoding="utf-8-sig", dtype=str, keep_default_na=False)
    assert (read["reason"] == "'=cmd|' /C'!A0").all()
    for name in read:
        assert not read[name].str.match(r"[=+\-@\t\r]").any()


@pytest.mark.parametrize("problems", [(), (Problem(3, "changed after it was recorded"),)])
def test_the_report_says_what_was_found_and_what_it_shows(problems):
    text = log_files.report(Verification(WHOLE.head, problems), NOON)
    assert WHOLE.head.hash in text
    assert f"Entries: {len(ENTRIES)}\n" in text
    assert (
        "Result: NOT WHOLE\nEntry 3: changed after it was recorded\n" if problems else "Result: whole\n\n"
    ) in text


@pytest.mark.requirement("R-LOG-11")
def test_the_inspection_file_gives_the_log_back(tmp_path):
    with ZipFile(io.BytesIO(log_files.inspection(ENTRIES, WHOLE, NOON))) as archive:
        assert archive.namelist() == ["log.csv", "log.parquet", "log.jsonl", "report.txt"]
        archive.extract("log.jsonl", tmp_path)
    assert read_entries(tmp_path / "log.jsonl") == tuple(ENTRIES)
