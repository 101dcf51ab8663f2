"""Verification of the hash chain: a changed, removed, moved, added or truncated entry is found, with its place."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import log_events
from support.log_events import DAY, NOON

from protocol.conduct import Head, Note, fold, open_log, read_entries, sealed, write_entries
from protocol.conduct.entries import canonical, digest
from protocol.conduct.verification import Row, checked, row_of, verified
from protocol.records import ProtocolError

ENTRIES = log_events.chain(
    [*log_events.beginning(), Note(on=DAY, text="复查血常规, 38.5 °C"), log_events.screened("W-002", rules=[1.5])]
)
ROWS = [row_of(entry) for entry in ENTRIES]
HEAD = Head(len(ROWS), ENTRIES[-1].hash)
ONE_BYTE = st.tuples(
    st.integers(0, len(ROWS) - 1), st.sampled_from(["key", "hash", "body"]), st.integers(0), st.integers(1, 255)
)


def located(rows: list[Row], head: Head = HEAD, expected: Head | None = None) -> list[int]:
    """The entries at which something is wrong."""
    return sorted({problem.sequence for problem in verified(rows, head, expected).problems})


def test_a_whole_log_is_whole():
    assert verified(ROWS, HEAD).ok
    assert list(checked(ROWS, Head())) == ENTRIES
    assert verified([], Head()).ok


@pytest.mark.requirement("R-LOG-03")
@pytest.mark.slow
@settings(max_examples=200)
@given(ONE_BYTE)
def test_altering_any_byte_of_any_stored_event_is_found_and_located(change):
    position, field, at, difference = change
    stored = bytearray(getattr(ROWS[position], field))
    stored[at % len(stored)] ^= difference
    rows = [*ROWS]
    rows[position] = ROWS[position]._replace(**{field: bytes(stored)})
    assert position + 1 in located(rows)
    assert set(located(rows)) <= {position + 1, len(ROWS) + 1}  # the last hash is also the head's
    with pytest.raises(ProtocolError, match=f"entry {position + 1}: found an entry that was changed"):
        list(checked(rows, Head()))


@pytest.fixture(scope="module")
def whole_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("log") / "trial.sqlite"
    log = open_log(path)
    log.restore(ENTRIES)
    log.close()
    return path


@pytest.mark.slow
@settings(max_examples=100)
@given(st.integers(0), st.integers(1, 255))
def test_a_byte_altered_anywhere_in_the_file_is_said_or_touches_no_entry(tmp_path_factory, whole_file, at, change):
    raw = bytearray(whole_file.read_bytes())
    raw[at % len(raw)] ^= change
    path = tmp_path_factory.mktemp("log") / "trial.sqlite"
    path.write_bytes(raw)
    with contextlib.suppress(ProtocolError), contextlib.closing(open_log(path, read_only=True)) as reader:
        assert not reader.verify().ok or list(reader.entries()) == ENTRIES


@pytest.mark.slow
@given(st.integers(0, len(ROWS) - 1), st.data())
def test_altering_any_byte_in_the_file_itself_is_found_and_located(tmp_path_factory, position, data):
    path = tmp_path_factory.mktemp("log") / "trial.sqlite"
    log = open_log(path)
    log.restore(ENTRIES)
    log.close()
    raw, body = bytearray(path.read_bytes()), ROWS[position].body
    place = raw.index(body) + data.draw(st.integers(0, len(body) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    reader = open_log(path, read_only=True)
    assert [problem.sequence for problem in reader.verify().problems] == [position + 1]
    with pytest.raises(ProtocolError, match=f"trial log, entry {position + 1}"):
        reader.state()
    reader.close()


@pytest.mark.slow
@pytest.mark.requirement("R-LOG-03")
@given(st.sets(st.integers(1, len(ROWS)), min_size=1))
def test_missing_entries_are_found_where_they_were(gone):
    rows = [row for row in ROWS if row.sequence not in gone]
    firsts = {number for number in gone if number - 1 not in gone}
    assert set(located(rows)) == firsts


@pytest.mark.requirement("R-LOG-03")
@given(st.permutations(ROWS))
def test_entries_in_another_order_are_found(rows):
    assert (located(rows) == []) == (rows == ROWS)


def test_an_entry_moved_to_another_number_is_found():
    rows = [*ROWS]
    rows[1], rows[2] = rows[2]._replace(sequence=2), rows[1]._replace(sequence=3)
    assert {2, 3} <= set(located(rows))


def test_an_entry_written_anew_with_its_own_hash_is_found_beside_its_successor():
    entry = ENTRIES[2]._replace(actor="somebody else")
    body = entry.body.encode()
    rows = [*ROWS]
    rows[2] = rows[2]._replace(body=body, hash=digest(body).encode())
    assert located(rows) == [4]
    assert "one of the two was written anew" in verified(rows, HEAD).problems[0].what


@pytest.mark.requirement("R-LOG-03")
def test_an_added_entry_or_an_early_row_is_found():
    more = sealed(Note(on=DAY, text="added"), HEAD, NOON, actor="somebody")
    row = row_of(more)
    assert located([*ROWS, row]) == [len(ROWS) + 1]
    assert located([ROWS[0]._replace(sequence=0), *ROWS])[0] <= 1
    for body in (b"no JSON", b"{}", b"[]"):
        rows = [*ROWS[:2], Row(3, b"k", digest(body).encode(), body), *ROWS[3:]]
        assert located(rows) == [3, 4]
        with pytest.raises(ProtocolError, match="entry 3"):
            list(checked(rows, Head()))


@pytest.mark.requirement("R-LOG-09")
def test_an_end_cut_off_with_its_head_shows_only_against_a_head_kept_elsewhere():
    shorter = ROWS[:-2]
    own = Head(len(shorter), ENTRIES[len(shorter) - 1].hash)
    assert located(shorter) == [len(shorter) + 1]  # the head still says how many there were
    assert located(shorter, own) == []
    assert located(shorter, own, expected=HEAD) == [HEAD.count]
    assert located(ROWS, HEAD, expected=own) == []


def test_a_log_written_anew_shows_only_against_a_head_kept_elsewhere():
    other = log_events.chain([entry.event for entry in ENTRIES], actor="somebody else")
    rows = [row_of(entry) for entry in other]
    own = Head(len(rows), other[-1].hash)
    assert located(rows, own) == []
    assert located(rows, own, expected=Head(2, ENTRIES[1].hash)) == [2]


def test_what_the_database_cannot_read_is_said(tmp_path):
    path = tmp_path / "trial.sqlite"
    log = open_log(path)
    log.restore(ENTRIES)
    log.close()
    raw = sqlite3.connect(path)
    raw.execute("DROP TRIGGER head_forward")
    raw.execute("UPDATE head SET count = 3")
    raw.commit()
    raw.close()
    log = open_log(path)
    assert [problem.sequence for problem in log.verify().problems] == [0, 4]  # the trigger, and the head
    with pytest.raises(ProtocolError, match="7 entries were seen here before, and the log has 3"):
        log.append(Note(on=DAY, text="more"), actor="a")
    with pytest.raises(ProtocolError, match="another end than its head says"):
        log.state()
    log.close()


@pytest.mark.parametrize(
    ("statements", "what"),
    [
        (["DROP TRIGGER head_forward"], "trigger head_forward: missing"),
        (["CREATE TRIGGER more AFTER INSERT ON entries BEGIN SELECT 1; END"], "trigger more: not as it was made"),
        (
            ["PRAGMA writable_schema = ON", "UPDATE sqlite_master SET sql = replace(sql, '= 1)', '< 9)')"],
            "table head",
        ),
        (["CREATE INDEX more ON entries (hash)"], "index more"),
        (["PRAGMA user_version = 5"], "user_version"),
    ],
)
def test_a_schema_that_is_not_as_it_was_made_is_a_problem_of_the_database(tmp_path, statements, what):
    path = tmp_path / "trial.sqlite"
    log = open_log(path)
    log.restore(ENTRIES)
    log.close()
    raw = sqlite3.connect(path)
    for statement in statements:
        raw.execute(statement)
    raw.commit()
    raw.close()
    reader = open_log(path, read_only=True)
    problems = reader.verify().problems
    assert {problem.sequence for problem in problems} == {0}
    assert what in " ".join(map(str, problems))
    reader.close()


@pytest.mark.slow
def test_every_byte_of_a_key_in_the_index_of_keys_counts(tmp_path, whole_file):
    raw = whole_file.read_bytes()
    for entry in ENTRIES:
        key = entry.key.encode()
        places = [at for at in range(len(raw)) if raw.startswith(key, at)]
        assert len(places) >= 3  # the entry, its body, and the index
        for place in places:
            changed = bytearray(raw)
            changed[place + 5] ^= 1
            path = tmp_path / "trial.sqlite"
            path.write_bytes(changed)
            reader = open_log(path, read_only=True)
            assert not reader.verify().ok
            reader.close()


def test_a_key_that_two_entries_have_is_found():
    rows = [*ROWS]
    rows[4] = rows[4]._replace(key=rows[2].key)
    assert located(rows) == [5]
    assert "a key that an earlier entry has" in [problem.what for problem in verified(rows, HEAD).problems]


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcé", max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@pytest.mark.slow
@given(st.dictionaries(st.text("abc", max_size=3), PLAIN, max_size=4))
def test_a_file_of_json_lines_is_the_log_again_whatever_a_screening_holds(tmp_path_factory, result):
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    entries = tuple(log_events.chain([log_events.screened(**result)]))
    write_entries(path, entries)
    assert read_entries(path) == entries
    assert canonical(entries[0].content) == canonical(read_entries(path)[0].content)


def test_a_file_that_was_changed_or_cut_short_is_refused(tmp_path):
    path = tmp_path / "log.jsonl"
    write_entries(path, ENTRIES)
    assert fold(read_entries(path)).head == HEAD
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for wrong, found in {
        "".join(lines[:-1]): "a log that ends early",
        "".join([*lines[:-2], lines[-1]]): "a log that ends early",
        "".join([*lines[:3], *lines[4:]]): "line 4: found an entry that was changed or moved",
        "".join(lines).replace("W-001", "W-003"): "line 1: found an entry that was changed or moved",
        "{}\n": "line 1: found no entry of a log",
        "": "ends early",
    }.items():
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(ProtocolError, match=found):
            read_entries(path)
    with pytest.raises(ProtocolError, match="no file that can be read"):
        read_entries(tmp_path / "none.jsonl")


def test_a_copy_is_restored_into_an_empty_log_only(log_url):
    log = open_log(log_url)
    log.restore(ENTRIES)
    assert log.entries() == tuple(ENTRIES)
    assert log.verify(HEAD).ok
    with pytest.raises(ProtocolError, match="a log that has entries"):
        log.restore(ENTRIES)
    log.close()
