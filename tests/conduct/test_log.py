"""The log in SQLite and PostgreSQL: confirmed entries stay, impossible ones are refused, none is overwritten."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta

import pytest
from support import log_events
from support.log_events import DAY, NOON, WHO

from protocol.conduct import (
    Conflict,
    Correction,
    Decision,
    DltAssessed,
    Enrolled,
    Head,
    Infused,
    Log,
    LogReader,
    Note,
    VisitRecorded,
    open_log,
)
from protocol.records import ProtocolError

RAW = {  # what somebody with the database's own tools might try
    "change": "UPDATE entries SET body = '{}' WHERE sequence = 2",
    "removal": "DELETE FROM entries WHERE sequence = 2",
    "gap": "INSERT INTO entries (sequence, key, hash, body) VALUES (99, 'k', 'h', '{}')",
    "head moved back": "UPDATE head SET count = 1",
    "head removed": "DELETE FROM head",
}


def record(log: Log, events: list, **about: str) -> list:
    return [log.append(event, **(WHO | about)) for event in events]


def decision(chosen: str | None = "B1") -> Decision:
    return Decision(on=DAY, recommended="B1", chosen=chosen, why="no DLT in 3", decided_by="steering committee")


@pytest.fixture
def log(log_url):
    log = open_log(log_url, protocol="f" * 64, software="1.2.3", clock=lambda: NOON)
    yield log
    log.close()


@pytest.mark.requirement("R-LOG-01")
def test_what_is_recorded_is_read_back_with_who_when_and_under_which_rules(log, log_url):
    written = record(log, log_events.beginning(), reason="first visit")
    again = open_log(log_url, read_only=True)
    assert again.entries() == tuple(written)
    assert again.entries(since=3) == tuple(written[3:])
    assert again.entries(since=99) == ()
    assert again.head() == Head(5, written[-1].hash)
    first = written[0]
    assert (first.time, first.actor, first.site, first.reason) == (
        "2026-11-20T12:00:00.000000Z", "investigator-1", log_events.SITE, "first visit",
    )  # fmt: skip
    assert (first.protocol, first.software, first.event) == ("f" * 64, "1.2.3", log_events.screened())
    again.close()


@pytest.mark.requirement("R-LOG-06")
def test_the_same_form_sent_twice_records_once(log):
    event = log_events.screened()
    first = log.append(event, key="form-1", expected=0, **WHO)
    assert log.append(event, key="form-1", expected=0, **WHO) == first
    assert log.head().count == 1
    with pytest.raises(ProtocolError, match="another event recorded under this key"):
        log.append(log_events.screened("W-002"), key="form-1", **WHO)


@pytest.mark.requirement("R-LOG-06")
def test_the_second_of_two_people_sees_the_firsts_change_and_is_asked(log, log_url):
    record(log, log_events.beginning())
    seen = log.head().count
    other = open_log(log_url, clock=lambda: NOON)
    theirs = other.append(
        VisitRecorded(on=DAY, participant="W-001", visit="month_3"), actor="other", site=log_events.SITE
    )
    mine = VisitRecorded(on=DAY, participant="W-001", visit="month_6")
    with pytest.raises(Conflict, match="W-001: found 1 newer entry \\(visit\\)") as asked:
        log.append(mine, expected=seen, **WHO)
    assert asked.value.newer == (theirs,)
    assert log.append(mine, expected=theirs.sequence, **WHO).sequence == theirs.sequence + 1
    other.close()


def test_what_concerns_another_participant_is_no_conflict_but_an_outcome_is_one_for_a_decision(log):
    record(log, log_events.beginning())
    log.append(log_events.screened("W-002"), expected=0, **WHO)
    log.append(decision(), actor="chair", expected=6)
    with pytest.raises(Conflict):
        log.append(decision(), actor="chair", expected=6)
    log.append(DltAssessed(on=DAY + timedelta(days=9), participant="W-001", dlt=False), **WHO)
    with pytest.raises(Conflict):
        log.append(decision(), actor="chair", expected=7)


@pytest.mark.requirement("R-LOG-05")
def test_what_cannot_have_happened_is_refused_and_leaves_nothing(log):
    with pytest.raises(ProtocolError, match="W-001: found a participant who is not enrolled"):
        log.append(Infused(on=DAY, participant="W-001", number=1), **WHO)
    with pytest.raises(ProtocolError, match="day: found 2026-11-22; write a day that has come"):
        log.append(Note(on=NOON.date() + timedelta(days=2), text="soon"), **WHO)
    with pytest.raises(ProtocolError, match="actor"):
        log.append(log_events.screened(), actor="", site=log_events.SITE)
    with pytest.raises(ProtocolError, match="what looks like a telephone"):
        log.append(Note(on=DAY, text="call 13800138000"), **WHO)
    assert log.head() == Head()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), "\ud800"])
def test_a_result_that_cannot_be_kept_is_refused(tmp_path, value):
    with closing(open_log(tmp_path / "trial.sqlite")) as log:
        with pytest.raises(ProtocolError, match="values that JSON can hold"):
            log.append(log_events.screened(value=value), **WHO)
        assert log.head() == Head()


def test_a_result_with_dates_sent_twice_records_once(tmp_path):
    with closing(open_log(tmp_path / "trial.sqlite")) as log:
        happened = log_events.screened(born=DAY, readings=("a", "b"))
        assert log.append(happened, key="form", **WHO) == log.append(happened, key="form", **WHO)


def test_another_regimen_than_the_open_one_needs_a_reason(log):
    record(log, [*log_events.beginning()[:2], *log_events.beginning("W-002")[:2]])
    log.append(decision("B1"), actor="chair")
    enrolment = Enrolled(on=DAY, participant="W-001", regimen="A1")
    with pytest.raises(ProtocolError, match="A1 while B1 is open"):
        log.append(enrolment, **WHO)
    log.append(enrolment, reason="consented before the meeting", **WHO)
    log.append(Enrolled(on=DAY, participant="W-002", regimen="B1"), **WHO)


@pytest.mark.requirement("R-LOG-04")
def test_a_correction_names_the_old_event_and_both_stay(log):
    entries = record(log, log_events.beginning())
    right = Enrolled(on=DAY, participant="W-001", regimen="B1")
    fix = Correction(of=3, hash=entries[2].hash, participant="W-001", replacement=right, why="typed wrongly")
    log.append(fix, **WHO)
    assert log.state().histories["W-001"].regimen == "B1"
    assert [entry.kind for entry in log.entries()].count("enrolled") == 1
    assert log.entries()[2].event.regimen == "A1"


@pytest.mark.requirement("R-LOG-02")
@pytest.mark.parametrize("statement", RAW.values(), ids=RAW)
def test_the_database_itself_refuses_to_change_or_remove(log, log_url, postgresql, statement):
    record(log, log_events.beginning())
    raw = sqlite3.connect(log_url) if "://" not in log_url else postgresql.connect(log_url.rpartition("/")[2])
    with pytest.raises(Exception, match="append-only"):
        raw.cursor().execute(statement)
    raw.close()
    assert log.verify().ok


@pytest.mark.requirement("R-ACC-01")
def test_a_reader_has_no_way_to_write(log, log_url):
    record(log, log_events.beginning())
    reader = open_log(log_url, read_only=True)
    assert type(reader) is LogReader
    assert not hasattr(reader, "append")
    with pytest.raises(ProtocolError, match="may only be read"), reader._store.writing() as connection:
        connection.exec_driver_sql("INSERT INTO entries (sequence, key, hash, body) VALUES (6, 'k', 'h', '{}')")
    assert reader.state().head == log.head()
    reader.close()


def test_a_role_that_may_only_select_reads_and_cannot_write(postgresql):
    url = postgresql.database()
    log = open_log(url)
    record(log, log_events.beginning())
    owner = postgresql.connect(url.rpartition("/")[2])
    for statement in (
        "CREATE ROLE committee LOGIN PASSWORD 'only-reads'",
        "GRANT SELECT ON entries, head, alembic_version TO committee",
    ):
        owner.cursor().execute(statement)
    owner.commit()
    owner.close()
    theirs = url.replace(f"trial:{postgresql.password}", "committee:only-reads")
    reader = open_log(theirs, read_only=True)
    assert reader.state().head == log.head()
    assert reader.verify().ok
    reader.close()
    with closing(open_log(theirs)) as writer, pytest.raises(ProtocolError, match="may only be read"):
        writer.append(Note(on=DAY, text="x"), actor="committee")
    log.close()


def test_a_writer_that_does_not_let_go_is_said_so(log_url, postgresql, monkeypatch):
    monkeypatch.setattr("protocol.conduct.store.WAIT_SECONDS", 1)
    log, second = open_log(log_url), open_log(log_url)
    with log._store.writing(), pytest.raises(ProtocolError, match="another person recording for a long time"):
        second.append(Note(on=DAY, text="x"), actor="second")
    second.close()
    assert log.append(Note(on=DAY, text="x"), actor="first").sequence == 1
    log.close()


@pytest.mark.parametrize("url", ["mysql://host/log", "no such://", "sqlite://"])
def test_an_address_that_is_none_is_said_so(url):
    with pytest.raises(ProtocolError, match="trial log"):
        open_log(url)


def test_a_server_that_does_not_answer_is_said_so():
    with pytest.raises(ProtocolError, match="a database that does not answer"):
        open_log("postgresql+pg8000://trial@127.0.0.1:9/log")  # the discard port: nothing listens


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"a letter, and no log at all" * 50, "damaged"),
        (None, "no trial log"),
        ("table", "that is no trial log"),
    ],
)
def test_a_file_that_is_no_log_is_left_alone(tmp_path, content, found):
    path = tmp_path / "other.sqlite"
    if content == "table":
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE addresses (name)")
        other.close()
    elif content:
        path.write_bytes(content)
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(ProtocolError, match=found):
        open_log(path, read_only=content is None)
    assert (path.read_bytes() if path.exists() else None) == before


def test_a_folder_that_does_not_exist_is_said_so(tmp_path):
    with pytest.raises(ProtocolError, match="a file that cannot be opened"):
        open_log(tmp_path / "nowhere" / "trial.sqlite")


@pytest.mark.slow
def test_a_page_opens_without_the_database_library():
    loaded = "{'sqlalchemy', 'alembic'} & set(sys.modules)"
    code = f"import sys, protocol.conduct.log, protocol.trial; sys.exit(bool({loaded}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- What the protocol has ---

KNOWN = {"visit": ("screening", "month_3"), "regimen": ("A1", "B1"), "chosen": ("A1", "B1"), "recommended": ("A1",)}


@pytest.fixture
def strict(log, log_url):
    """The log of one participant, opened again with what the protocol has."""
    record(log, log_events.beginning())
    again = open_log(log_url, known=KNOWN, clock=lambda: NOON)
    yield again
    again.close()


@pytest.mark.parametrize("done", [True, False])
def test_a_visit_that_the_protocol_does_not_have_is_refused_with_those_it_has(strict, done):
    before = strict.head()
    with pytest.raises(ProtocolError) as refused:
        strict.append(VisitRecorded(on=DAY, participant="W-001", visit="month_33", done=done), **WHO)
    assert (refused.value.found, refused.value.write) == ("'month_33'", "screening, month_3")
    assert strict.head() == before
    strict.append(VisitRecorded(on=DAY, participant="W-001", visit="month_3", done=done), **WHO)


def test_a_regimen_that_the_protocol_does_not_have_is_refused(strict):
    strict.append(log_events.screened("W-002"), **WHO)
    strict.append(log_events.beginning("W-002")[1], **WHO)
    for event in (Enrolled(on=DAY, participant="W-002", regimen="Z9"), decision("Z9"), decision("B1")):
        with pytest.raises(ProtocolError, match=r"Z9|B1"):  # what was recommended is not known either
            strict.append(event, **WHO)
    strict.append(decision().model_copy(update={"recommended": None}), **WHO)  # the design stops, the committee not


def test_an_old_log_with_an_unknown_visit_opens_and_the_visit_can_be_removed(log, strict):
    odd = log.append(VisitRecorded(on=DAY, participant="W-001", visit="month_33"), **WHO)
    assert strict.state().histories["W-001"].visits == {"month_33": DAY}
    assert strict.verify().ok
    about = {"of": odd.sequence, "hash": odd.hash, "participant": "W-001", "why": "no such visit"}
    with pytest.raises(ProtocolError, match="screening, month_3"):
        strict.append(Correction(**about, replacement=odd.event.model_copy(update={"on": NOON.date()})), **WHO)
    strict.append(Correction(**about), **WHO)
    assert strict.state().histories["W-001"].visits == {}


def test_a_reader_keeps_no_hashes_and_a_writer_does_so_that_it_can_correct(log, log_url):
    record(log, log_events.beginning())
    reader = open_log(log_url, read_only=True)
    assert {entry.hash for entry in reader.state().entries} == {""}
    assert [entry.hash for entry in log.state().entries] == [entry.hash for entry in log.entries()]
    assert reader.state().histories.keys() == log.state().histories.keys()
    reader.close()
