"""Copies of a log by `protocol-workbook log`: made while others record, checked, restored, compared."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from support.log_events import DAY, WHO

from protocol.conduct import Head, Note, open_log
from protocol.conduct.commands import main
from protocol.records import ProtocolError


def filled(url, count=5):
    with closing(open_log(url)) as log:
        return [log.append(Note(on=DAY, text=f"note {number}"), **WHO) for number in range(count)]


def entries(url):
    with closing(open_log(url, read_only=True)) as reader:
        assert reader.verify().ok
        return reader.entries()


@pytest.mark.requirement("R-LOG-08")
@pytest.mark.parametrize("ending", ["sqlite", "jsonl"])
def test_a_copy_gives_the_log_back_in_either_database(log_url, tmp_path, postgresql, capsys, ending):
    copy, written = tmp_path / f"copy.{ending}", filled(log_url)
    assert main(["backup", log_url, str(copy)]) == 0
    head = Head(5, written[-1].hash)
    assert str(head) in capsys.readouterr().out
    assert json.loads((tmp_path / f"copy.{ending}.head").read_text()) == {"count": 5, "hash": head.hash}
    for place in (str(tmp_path / "again.sqlite"), postgresql.database()):
        assert main(["restore", str(copy), place]) == 0
        assert str(head) in capsys.readouterr().out
        assert entries(place) == tuple(written)
        assert main(["verify", place, "--head", str(head)]) == 0
        with closing(open_log(place)) as log:
            assert log.append(Note(on=DAY, text="goes on"), **WHO).sequence == 6


@pytest.mark.requirement("R-LOG-08")
def test_a_copy_holds_what_stands_in_the_write_ahead_log_alone_and_cp_does_not(tmp_path):
    path = tmp_path / "trial.sqlite"
    with closing(open_log(path)) as log:  # open: nothing is written back into the file yet
        for number in range(5):
            log.append(Note(on=DAY, text=f"note {number}"), **WHO)
        shutil.copy(path, tmp_path / "by-cp.sqlite")
        assert main(["backup", str(path), str(tmp_path / "copy.sqlite")]) == 0
    assert len(entries(tmp_path / "copy.sqlite")) == 5
    shutil.copy(f"{path}.head", tmp_path / "by-cp.sqlite.head")
    with pytest.raises(ProtocolError, match=r"no trial log|seen here before"):
        open_log(tmp_path / "by-cp.sqlite", read_only=True)


def test_nothing_is_overwritten(tmp_path, capsys):
    path = tmp_path / "trial.sqlite"
    filled(path)
    assert main(["backup", str(path), str(tmp_path / "copy.sqlite")]) == 0
    filled(tmp_path / "other.sqlite")
    assert main(["backup", str(path), str(tmp_path / "copy.sqlite")]) == 2
    assert main(["restore", str(tmp_path / "copy.sqlite"), str(tmp_path / "other.sqlite")]) == 2
    (tmp_path / "new.sqlite-wal").write_bytes(b"of an older log")
    assert main(["restore", str(tmp_path / "copy.sqlite"), str(tmp_path / "new.sqlite")]) == 2
    assert capsys.readouterr().err.count("a file that exists") == 3


def test_a_copy_that_lacks_entries_that_were_seen_is_restored_only_if_that_is_accepted(tmp_path, capsys):
    path, copy = tmp_path / "trial.sqlite", tmp_path / "copy.sqlite"
    filled(path, 3)
    main(["backup", str(path), str(copy)])
    filled(path, 2)
    for ending in ("", "-wal", "-shm"):
        path.with_name(f"trial.sqlite{ending}").unlink(missing_ok=True)
    assert main(["start", str(path)]) == 2
    assert main(["restore", str(copy), str(path)]) == 2
    said = capsys.readouterr().err
    assert "no entries, where 5 were seen here before" in said
    assert "a copy of 3 entries that lacks some of the 5" in said
    assert not path.exists()
    assert main(["restore", str(copy), str(path), "--accept"]) == 0
    assert len(entries(path)) == 3


def test_a_log_that_is_not_whole_is_copied_and_said_so_without_a_head(tmp_path, capsys):
    path = tmp_path / "trial.sqlite"
    filled(path)
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("DROP TRIGGER entries_keep_update")
        raw.execute("UPDATE entries SET body = replace(body, 'note 1', 'note 9')")
    assert main(["verify", str(path)]) == 1
    assert main(["backup", str(path), str(tmp_path / "copy.sqlite")]) == 1
    said = capsys.readouterr().err
    assert "Entry 2: changed after it was recorded" in said
    assert "trigger entries_keep_update: missing or changed" in said
    assert (tmp_path / "copy.sqlite").exists()
    assert not (tmp_path / "copy.sqlite.head").exists()
    assert main(["restore", str(tmp_path / "copy.sqlite"), str(tmp_path / "new.sqlite")]) == 2
    assert not (tmp_path / "new.sqlite").exists()


def test_a_copy_cut_short_is_noticed_by_the_head_beside_it(tmp_path, capsys):
    path, copy = tmp_path / "trial.sqlite", tmp_path / "copy.jsonl"
    written = filled(path)
    main(["backup", str(path), str(copy)])
    from protocol.conduct import write_entries

    write_entries(copy, written[:-1])
    assert main(["restore", str(copy), str(tmp_path / "new.sqlite")]) == 2
    assert "a copy that is not the one that was made" in capsys.readouterr().err


def test_a_head_of_the_minutes_is_compared_even_if_the_end_of_its_hash_is_left_out(tmp_path, capsys):
    path = tmp_path / "trial.sqlite"
    written = filled(path)
    assert main(["verify", str(path), "--head", f"3:{written[2].hash[:16]}"]) == 0
    assert main(["verify", str(path), "--head", f"entry 3, whose hash is {written[2].hash.upper()}."]) == 0
    assert main(["verify", str(path), "--head", f"3:{written[1].hash}"]) == 1
    assert main(["verify", str(path), "--head", f"9:{written[1].hash}"]) == 1
    assert main(["verify", str(path), "--head", "3:abc"]) == 2
    assert main(["verify", str(tmp_path / "none.sqlite")]) == 2
    said = capsys.readouterr().err
    assert "3 entries ended in another hash" in said
    assert "no number with a hash" in said


@pytest.mark.requirement("R-LOG-09")
def test_verify_says_that_entries_are_gone_that_were_seen(tmp_path, capsys):
    path = tmp_path / "trial.sqlite"
    filled(path, 3)
    main(["backup", str(path), str(tmp_path / "copy.sqlite")])
    filled(path, 2)
    for ending in ("-wal", "-shm"):
        path.with_name(f"trial.sqlite{ending}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "copy.sqlite", path)
    assert main(["verify", str(path)]) == 1
    assert "5 entries were seen here before, and the log has 3" in capsys.readouterr().err
    assert main(["verify", str(path), "--accept"]) == 0
    assert main(["verify", str(path)]) == 0
