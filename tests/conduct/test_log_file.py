"""A log in a file: one that was replaced, cut short, changed or lost is said so by writers, readers and pages."""

import gc
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest
from support import log_events
from support.log_events import DAY, NOON, WHO

from protocol.conduct import Head, Note, ReasonNeeded, open_log, sealed, sqlite_file
from protocol.conduct.copies import backup
from protocol.conduct.entries import digest
from protocol.pages.trial_log.desk import open_desk
from protocol.records import ProtocolError


def notes(log, count, **about):
    return [log.append(Note(on=DAY, text=f"note {number}"), **(WHO | about)) for number in range(count)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trial.sqlite"


@pytest.fixture
def log(path):
    log = open_log(path)
    notes(log, 3)
    yield log
    log.close()


def elsewhere(path, count=3):
    """Another log, which can be moved over this one."""
    other = path.with_name("other.sqlite")
    with closing(open_log(other)) as made:
        notes(made, count)
    return other


def moved_over(path):
    os.replace(elsewhere(path), path)


def cut(path):
    os.truncate(path, 4096)


def overwritten(path):
    """Copied over in place, as `cp` does: the file keeps its inode."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # else its pages still stand in the write-ahead log, unharmed
    subprocess.run(["cp", str(elsewhere(path)), str(path)], check=True)


HARM = {
    "moved over": (moved_over, "replaced while it was open"),
    "moved away": (lambda path: path.rename(path.with_name("moved.sqlite")), "moved or deleted"),
    "deleted": (lambda path: path.unlink(), "moved or deleted"),
    "its write-ahead log deleted": (lambda path: path.with_name("trial.sqlite-wal").unlink(), "trial.sqlite-wal"),
    "its index deleted": (lambda path: path.with_name("trial.sqlite-shm").unlink(), "trial.sqlite-shm"),
    "overwritten in place": (overwritten, "seen here before|damaged|changed|does not follow|another end|replaced"),
}


@pytest.mark.parametrize(("harm", "said"), HARM.values(), ids=HARM)
def test_a_writer_refuses_after_its_file_was(log, path, harm, said):
    harm(path)
    with pytest.raises(ProtocolError, match=said):
        log.append(Note(on=DAY, text="lost"), **WHO)
    with pytest.raises(ProtocolError, match=said):  # and it stays so
        log.append(Note(on=DAY, text="lost too"), **WHO)


def test_a_file_cut_short_under_a_writer_is_said(path):
    with closing(open_log(path)) as log:
        notes(log, 3)
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        log.head()
        cut(path)
        with pytest.raises(ProtocolError, match=r"cut short|damaged"):
            log.append(Note(on=DAY, text="lost"), **WHO)


@pytest.mark.parametrize("name", ["moved over", "moved away", "deleted"])
def test_a_reader_says_what_happened_to_its_file(log, path, name):
    harm, said = HARM[name]
    with closing(open_log(path, read_only=True)) as reader:
        assert reader.state().head.count == 3
        harm(path)
        with pytest.raises(ProtocolError, match=said):
            reader.look_over()


def test_a_file_replaced_during_a_write_is_not_confirmed(log, path, monkeypatch):
    add = log._store.add

    def replaced(connection, entry):
        add(connection, entry)
        moved_over(path)

    monkeypatch.setattr(log._store, "add", replaced)
    with pytest.raises(ProtocolError, match="replaced while it was open"):
        log.append(Note(on=DAY, text="lost"), **WHO)


@pytest.mark.requirement("R-LOG-09")
def test_an_older_copy_in_the_place_of_a_log_is_said_at_once_and_nothing_is_recorded(log, path):
    backup(str(path), path.with_name("copy.sqlite"))
    notes(log, 2)
    log.close()
    os.replace(path.with_name("copy.sqlite"), path)
    for ending in ("-wal", "-shm"):
        path.with_name(f"trial.sqlite{ending}").unlink(missing_ok=True)
    with closing(open_log(path)) as again:
        with pytest.raises(ProtocolError, match="5 entries were seen here before, and the log has 3"):
            again.look_over()
        with pytest.raises(ProtocolError, match="5 entries were seen here before"):
            again.append(Note(on=DAY, text="on a fork"), **WHO)
        assert [problem.sequence for problem in again.verify().problems] == [5]
        assert again.accept().count == 3
        assert again.append(Note(on=DAY, text="accepted"), **WHO).sequence == 4


@pytest.mark.requirement("R-LOG-09")
def test_no_empty_log_is_made_where_entries_were_seen(log, path):
    log.close()
    path.unlink()
    for read_only in (False, True):
        with pytest.raises(ProtocolError, match="no entries, where 3 were seen here before"):
            open_log(path, read_only=read_only)
    assert not path.exists()


def test_a_running_writer_verifies_what_it_appends_to(log, path):
    raw = sqlite3.connect(path)
    raw.execute("DROP TRIGGER entries_keep_update")
    raw.execute("UPDATE entries SET body = replace(body, 'note 0', 'note 9') WHERE sequence = 1")
    raw.commit()
    raw.close()
    with pytest.raises(ProtocolError, match="trigger entries_keep_update: missing or changed"):
        log.append(Note(on=DAY, text="on top"), **WHO)
    assert [problem.sequence for problem in log.verify().problems] == [0, 1]


def test_only_the_owner_may_read_the_files_of_a_log(log, path):
    backup(str(path), path.with_name("copy.sqlite"))
    backup(str(path), path.with_name("copy.jsonl"))
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    assert {"trial.sqlite", "trial.sqlite-wal", "trial.sqlite.head", "copy.sqlite", "copy.jsonl"} <= modes.keys()
    assert set(modes.values()) == {0o600}


# --- Clocks and places ---


@pytest.mark.requirement("R-LOG-10")
@pytest.mark.parametrize(
    ("moment", "said"), [(NOON - timedelta(hours=1), "before the last"), (NOON + timedelta(days=4000), "long after")]
)
def test_a_clock_that_is_behind_or_far_ahead_is_asked_about(path, moment, said):
    clock = [NOON]
    with closing(open_log(path, clock=lambda: clock[0])) as log:
        notes(log, 1)
        clock[0] = moment
        with pytest.raises(ReasonNeeded, match=said):
            log.append(Note(on=DAY, text="when?"), **WHO)
        assert log.append(Note(on=DAY, text="when?"), reason="the clock was set", **WHO).sequence == 2


def test_a_pause_of_the_trial_is_asked_about_and_a_small_difference_of_clocks_is_not(path):
    clock = [NOON]
    with closing(open_log(path, clock=lambda: clock[0])) as log:
        notes(log, 1)
        clock[0] = NOON - timedelta(seconds=3)
        assert notes(log, 1)[0].sequence == 2


def test_a_folder_whose_locks_do_nothing_is_refused_with_the_cause(path, monkeypatch):
    monkeypatch.setattr(sqlite_file, "_probed", set())
    monkeypatch.setattr(sqlite_file, "_locks_do_nothing", lambda _folder: True)
    with pytest.raises(ProtocolError, match=r"locks have no effect.*a local disk"):
        open_log(path)
    assert not path.exists()


@pytest.mark.parametrize(
    ("kind", "options"), [("nfs4", {"rw"}), ("cifs", {"rw", "nobrl"}), ("fuse.sshfs", set()), ("ext9", {"nolock"})]
)
def test_a_network_drive_is_named_and_refused_for_recording(path, monkeypatch, kind, options):
    open_log(path).close()
    monkeypatch.setattr(sqlite_file, "_probed", set())
    monkeypatch.setattr(sqlite_file, "mount_of", lambda _folder: (kind, options))
    with pytest.raises(ProtocolError, match=f"{kind}, a network drive"):
        open_log(path)
    open_log(path, read_only=True).close()


def test_the_probe_of_locks_asks_a_second_process_and_leaves_nothing(tmp_path, monkeypatch):
    assert not sqlite_file._locks_do_nothing(tmp_path)
    monkeypatch.setattr(sqlite_file, "_PROBE", "print('allowed')")
    assert sqlite_file._locks_do_nothing(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert sqlite_file.mount_of(tmp_path)[0] != ""


NO_LOCKS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
static int answer(int fd, int what, void *with, const char *name) {
  if (what == F_SETLK || what == F_SETLKW) return 0;
  if (what == F_GETLK) { ((struct flock *)with)->l_type = F_UNLCK; return 0; }
  int (*real)(int, int, ...) = dlsym(RTLD_NEXT, name);
  return real(fd, what, with);
}
#define STANDS_FOR(name) int name(int fd, int what, ...) { \\
  va_list more; va_start(more, what); void *with = va_arg(more, void *); va_end(more); \\
  return answer(fd, what, with, #name); }
STANDS_FOR(fcntl)
STANDS_FOR(fcntl64)
"""


@pytest.mark.slow
def test_a_system_whose_locks_do_nothing_is_refused(tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs a C compiler on Linux")
    (tmp_path / "none.c").write_text(NO_LOCKS, encoding="utf-8")
    command = [compiler, "-shared", "-fPIC", "-o", tmp_path / "none.so", tmp_path / "none.c", "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    answer = subprocess.run(
        [sys.executable, "-m", "protocol", "log", "start", str(tmp_path / "trial.sqlite")],
        env=os.environ | {"LD_PRELOAD": str(tmp_path / "none.so")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 2
    assert "where locks have no effect" in answer.stderr
    assert "local disk" in answer.stderr


# --- Who and where ---


@pytest.mark.parametrize(
    "about", [{"actor": "Zhang Wei"}, {"actor": "王小明"}, {"actor": "13800138000"}, {"site": "Dr. Li, ward 3"},
              {"site": "ward of wang"}, {"site": "x" * 201}, {"site": "two\nlines"}, {"actor": "a@b.cn"}]
)  # fmt: skip
def test_an_account_or_site_that_looks_like_a_person_is_refused(log, about):
    with pytest.raises(ProtocolError, match=next(iter(about))) as refused:
        log.append(log_events.screened(), **(WHO | about))
    assert next(iter(about.values()))[:9] not in str(refused.value) or len(str(about)) > 200 or "\n" in str(about)


@pytest.mark.parametrize(
    "site", ["Wuhan Tongji Hospital", "华中科技大学同济医学院附属协和医院", "Wuhan Union Hospital"]
)
def test_a_hospital_is_a_site(log, site):
    assert log.append(log_events.screened(), **(WHO | {"site": site})).site == site


# --- An open page ---


def opened_page(trial, path, role):
    names = {"PROTOCOL_LOG": str(path), "PROTOCOL_ROLE": role, "PROTOCOL_ACTOR": "coordinator-1"}
    return open_desk(trial, names, lambda: date(2026, 11, 20))


@pytest.mark.parametrize("role", ["viewer", "coordinator"])
@pytest.mark.parametrize("name", ["moved over", "deleted"])
def test_an_open_page_says_that_its_log_is_gone_or_another_and_since_when(trial, log, path, role, name):
    harm, _said = HARM[name]
    desk, told = opened_page(trial, path, role), []
    desk.on_change(lambda: told.append(desk.trouble), every_entry=True)
    assert desk.trouble is None
    harm(path)
    assert desk.refresh()
    assert desk.trouble is told[-1] is not None
    found = desk.trouble.found
    assert f"noticed {datetime.now(UTC).year}" in found
    assert not desk.refresh()
    assert desk.trouble.found == found  # since when stays
    assert desk.briefing.head.count == 3  # and what was read
    desk._log.close()


def test_an_open_page_says_that_an_entry_was_changed(trial, log, path):
    desk = opened_page(trial, path, "viewer")
    raw = sqlite3.connect(path)
    statement = raw.execute("SELECT sql FROM sqlite_master WHERE name = 'entries_keep_update'").fetchone()[0]
    raw.execute("DROP TRIGGER entries_keep_update")
    raw.execute("UPDATE entries SET body = replace(body, 'note 0', 'note 9') WHERE sequence = 1")
    raw.execute(statement)
    raw.commit()
    raw.close()
    desk.refresh()
    assert "Entry 1: changed after it was recorded" in desk.trouble.found
    desk._log.close()


def test_an_event_that_this_version_cannot_use_is_told_and_blocks_nothing(trial, log, path):
    odd = sealed(Note(on=DAY, text="x"), log.head(), datetime.now(UTC), actor="somebody")
    odd = odd._replace(content={"kind": "no such kind", "participant": "W-001"})
    odd = odd._replace(hash=digest(odd.body.encode()))
    raw = sqlite3.connect(path)
    raw.execute("INSERT INTO entries VALUES (?, ?, ?, ?)", (odd.sequence, odd.key, odd.hash, odd.body))
    raw.commit()
    raw.close()
    assert log.state().head == Head(4, odd.hash)
    with pytest.raises(ProtocolError, match="entry 4: found an event that this version cannot use"):
        log.look_over()
    assert notes(log, 1)[0].sequence == 5


def test_a_log_that_nobody_closed_leaves_no_connection_open(tmp_path):
    def descriptors():
        return sum(
            os.path.exists(place) and os.readlink(place).startswith(str(tmp_path))
            for place in (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
        )

    log = open_log(tmp_path / "trial.sqlite")
    log.state()
    assert descriptors()
    del log
    gc.collect()
    assert not descriptors()
