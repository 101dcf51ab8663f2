"""The steps that a newcomer tries first work, or the message says the next one."""

from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from support.paths import EXAMPLES, ROOT
from support.trial import ELIGIBILITY, TRIAL

from protocol import load_trial
from protocol.exchange import read_cohort
from protocol.records import ProtocolError

CSV = EXAMPLES / "cohort.csv"


def test_the_record_is_found_from_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "notebooks")
    assert load_trial("data/NCT05672420").identity.trial_id == TRIAL.identity.trial_id


def test_a_folder_that_is_nowhere_is_named_as_it_was_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProtocolError, match=r"^data/NCT00000000/"):
        load_trial("data/NCT00000000")


@pytest.mark.slow
def test_the_shipped_cohort_is_screened_alike_through_every_reader_of_csv() -> None:
    read = read_cohort("cohort.csv", CSV, ELIGIBILITY)
    wanted = ELIGIBILITY.cohort(read.frame).screen("Ib").counts()
    for frame in (read, pd.read_csv(CSV), pd.read_csv(CSV, dtype="string"), pl.read_csv(CSV)):
        pd.testing.assert_frame_equal(ELIGIBILITY.cohort(frame).screen("Ib").counts(), wanted)


def test_a_path_may_be_a_text() -> None:
    assert len(read_cohort("cohort.csv", str(CSV), ELIGIBILITY).frame) == 500


@pytest.mark.parametrize("text", ["participant_id,ecog\nZhang San,1\n", "cohort.csv", "a\0b", "x" * 5000])
def test_a_text_that_is_no_path_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        read_cohort("mine.csv", text, ELIGIBILITY)
    assert str(caught.value) == "mine.csv: found no file at this path; write the path of a file, or its bytes"


def test_a_csv_file_is_no_frame_and_the_message_names_its_reader(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=r"a file that is not Parquet; write .*read_cohort reads a CSV"):
        ELIGIBILITY.cohort(str(CSV))
    with pytest.raises(ProtocolError, match="no file at this path"):
        ELIGIBILITY.cohort(tmp_path / "x.csv")


def test_a_design_is_found_by_the_beginning_of_its_name_and_an_unknown_one_is_refused_with_all_names() -> None:
    record = TRIAL.escalation
    assert record.designed("keyboard") == record.designed("Keyboard (2-D)")
    with pytest.raises(ProtocolError, match=r"found 'nope'; write one of BOIN \(2-D\), "):
        record.designed("nope")
    with pytest.raises(ProtocolError, match="found 'p'; write one of"):  # PIPE or POCRM
        record.designed("p")


def test_a_record_is_displayed_in_a_few_lines() -> None:
    assert TRIAL.examples is not None
    for part in (TRIAL, TRIAL.eligibility, TRIAL.identity, TRIAL.followup, TRIAL.examples, TRIAL.so_far):
        assert len(repr(part)) < 6_000
    assert f"entries=<{len(TRIAL.examples.entries)} items>" in repr(TRIAL.examples)
