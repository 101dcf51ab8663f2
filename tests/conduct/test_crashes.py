"""Robustness of the log: killed processes, killed servers, full disks, and several writers at once."""

import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pg8000.dbapi
import pytest
from support import log_events, log_writers, postgresql_server, small_disk
from support.log_events import WHO
from support.log_writers import note

from protocol.conduct import Log, open_log
from protocol.records import ProtocolError


@pytest.mark.requirement("R-LOG-07")
@pytest.mark.slow
def test_a_killed_writer_loses_nothing_that_was_confirmed(tmp_path):
    confirmed, unconfirmed = log_writers.kill_many(tmp_path / "trial.sqlite", times=20, seed=1)
    assert confirmed > 0
    assert 0 <= unconfirmed <= 20


@pytest.mark.requirement("R-LOG-07")
def test_a_killed_server_loses_nothing_that_was_confirmed(postgresql):
    assert log_writers.crash_many(postgresql, times=2, seed=1) > 0


@pytest.mark.slow
@pytest.mark.requirement("R-LOG-06")
@pytest.mark.parametrize(
    ("database", "writers"), [("sqlite", 2), pytest.param("postgresql", 4, marks=pytest.mark.server)]
)
def test_many_writers_lose_double_and_reorder_nothing(tmp_path, request, database, writers):
    url = str(tmp_path / "trial.sqlite")
    url = request.getfixturevalue("postgresql").database() if database == "postgresql" else url
    keys = [[f"{writer}-{number}" for number in range(50)] for writer in range(writers)]
    twice = [key for key in keys[0] if key.endswith("7")]  # forms that two processes send
    log = open_log(url)
    reader, seen = open_log(url, read_only=True), [0]

    def look() -> None:
        assert reader.verify().problems == ()
        seen.append(reader.state().head.count)

    told = log_writers.together(url, [keys[0], keys[1] + twice, *keys[2:]], meanwhile=look)
    reader.close()
    assert seen == sorted(seen)
    entries = log.entries()
    assert sorted(entry.key for entry in entries) == sorted(key for own in keys for key in own)
    assert log.verify().ok
    assert {entry.key: entry.sequence for entry in entries} == {key: at for own in told for key, at in own.items()}
    for own in keys:
        assert [entry.key for entry in entries if entry.key in set(own) - set(twice)] == [
            key for key in own if key not in twice
        ]
    log.close()


def fill(log: Log) -> tuple[int, str]:
    """Record until something is in the way; return how many were recorded and what was said."""
    for number in range(1000):
        try:
            log.append(note("x" * 900), key=f"k{number}", **WHO)
        except ProtocolError as error:
            return number, error.found
    raise AssertionError("nothing was in the way")


@pytest.mark.requirement("R-LOG-07")
def test_a_full_disk_is_said_so_and_nothing_is_half_written(tmp_path):
    log = open_log(tmp_path / "trial.sqlite")
    log.append(log_events.screened(), **WHO)
    with closing(sqlite3.connect(tmp_path / "trial.sqlite")) as raw:
        pages = raw.execute("PRAGMA page_count").fetchone()[0]
    connection = log._store.engine.raw_connection()
    connection.cursor().execute(f"PRAGMA max_page_count = {pages + 2}")
    connection.close()
    recorded, said = fill(log)
    assert said == "a full disk; nothing was recorded"
    assert log.head().count == recorded + 1 == len(log.entries())
    assert log.verify().ok
    connection = log._store.engine.raw_connection()
    connection.cursor().execute("PRAGMA max_page_count = 1000000")
    connection.close()
    assert log.append(note("x" * 900), key=f"k{recorded}", **WHO).sequence == recorded + 2
    log.close()


LIMITED = """
import resource, sys
from protocol.conduct import Note
from protocol.conduct import open_log
from protocol.records import ProtocolError
from datetime import date
log = open_log(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
for number in range(1000):
    try:
        log.append(Note(on=date(2026, 3, 2), text="x" * 900), actor="a", key=str(number))
    except ProtocolError as error:
        print(number, error.found)
        break
"""


@pytest.mark.slow
def test_a_file_that_may_not_grow_is_said_so_and_the_log_stays_whole(tmp_path):
    path = tmp_path / "trial.sqlite"
    open_log(path).close()
    answer = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), "120000"], check=True, capture_output=True, text=True
    )
    confirmed, _, found = answer.stdout.partition(" ")
    assert found.strip() == "a full disk; nothing was recorded"
    log = open_log(path)
    assert log.head().count == int(confirmed) > 0
    assert log.verify().ok
    log.append(note("there is room again"), **WHO)
    log.close()


FULL = """
import sys
from datetime import date
from pathlib import Path
from protocol.conduct import Note
from protocol.conduct import open_log
from protocol.records import ProtocolError

path, ballast = Path(sys.argv[1]) / "trial.sqlite", Path(sys.argv[1]) / "ballast"
ballast.write_bytes(bytes(100_000))

def note(log, key):
    return log.append(Note(on=date(2026, 3, 2), text="x" * 900), actor="a", key=key).sequence

def refused(do):
    try:
        do()
    except ProtocolError as error:
        return error.found

log, number, said = open_log(path), 0, None
while not said:
    said, number = refused(lambda: note(log, str(number))), number + 1
assert said == "a full disk; nothing was recorded", said
try:
    ballast.with_name("more").write_bytes(bytes(20_000))
    raise AssertionError("the disk is not full")
except OSError:
    ballast.with_name("more").unlink()
assert log.head().count == len(log.entries()) == number - 1 > 0
assert log.verify().ok
log.close()
again = open_log(path)  # as after a restart, the disk as full as it was
assert again.head().count == number - 1
assert again.verify().ok
assert refused(lambda: [note(again, f"more {k}") for k in range(100)]) == "a full disk; nothing was recorded"
before = again.head().count
ballast.unlink()
assert note(again, "there is room again") == before + 1
assert again.verify().ok
again.close()
print(number - 1)
"""


@pytest.fixture
def small_disks():
    if not small_disk.possible():
        pytest.skip("needs a system on which anybody may make a disk of one's own (user namespaces)")


@pytest.mark.slow
@pytest.mark.usefixtures("small_disks")
def test_on_a_disk_that_is_really_full_nothing_is_half_written_and_room_is_enough_to_go_on(tmp_path):
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, preexec_fn=small_disk.on(tmp_path, 500))
    assert answer.stderr == ""
    assert int(answer.stdout) > 10
    assert list(tmp_path.iterdir()) == []  # it was on the small disk


@pytest.mark.usefixtures("small_disks")
def test_on_a_full_disk_of_a_server_nothing_is_half_written_and_room_is_enough_to_go_on(postgresql):
    server = postgresql_server.Server(postgresql.bin, disk_mb=16)
    try:
        server.start()
        log = open_log(server.database(server.small))
        log.append(log_events.screened(), **WHO)
        ballast = server.connect(log.where.rpartition("/")[2])
        ballast.autocommit = True
        cursor = ballast.cursor()
        cursor.execute("CREATE TABLE ballast (text char(900))")
        with pytest.raises(pg8000.dbapi.DatabaseError, match="53100"):
            cursor.execute("DO $$ BEGIN LOOP INSERT INTO ballast VALUES ('x'); COMMIT; END LOOP; END $$")
        recorded, said = fill(log)
        assert said == "a full disk; nothing was recorded"
        assert log.head().count == len(log.entries()) == recorded + 1
        assert log.verify().ok
        cursor.execute("DROP TABLE ballast")
        cursor.execute("CHECKPOINT")  # now the file is gone
        assert log.append(note("x" * 900), key=f"k{recorded}", **WHO).sequence == recorded + 2
        assert log.verify().ok
        log.close()
        ballast.close()
    finally:
        server.stop()


@pytest.mark.slow
def test_a_file_that_may_only_be_read_is_said_so_and_can_be_read():
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder) / "trial.sqlite"
        log = open_log(path)
        log.append(log_events.screened(), **WHO)
        log.close()
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        hearing, telling = log_writers.PROCESSES.Pipe(duplex=False)
        process = log_writers.PROCESSES.Process(target=log_writers.try_as_nobody, args=(str(path), telling))
        process.start()
        telling.close()
        told = list(log_writers.everything(hearing))
        process.join(60)
        Path(folder).chmod(0o755)
    assert told == ["a log that may only be read; nothing was recorded", (1, True)]
