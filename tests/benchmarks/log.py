"""Measure the log of a trial: its speed, its memory, and what it keeps after crashes (``make bench``).

Run ``python tests/benchmarks/log.py`` for the times; with ``crashes`` behind it also 1,000 killed writers of SQLite,
50 killed servers of PostgreSQL, and 500 events from each of 2 and 4 writers at once (about ten minutes). Times and
sizes are printed and not judged. Run it on an otherwise idle machine.
"""

import gc
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain, islice
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # the folder of `support`

import psutil
from report import Report
from support import log_writers, postgresql_server
from support.log_events import DAY, NOON, WHO, beginning, screened
from support.paths import FOLDER

from protocol.conduct import (
    Decision,
    DltAssessed,
    Entry,
    Event,
    Head,
    Note,
    Recovery,
    Response,
    VisitRecorded,
    open_log,
    sealed,
)
from protocol.pages.overview import OverviewPage
from protocol.pages.trial_log.desk import give_back, open_desk
from protocol.trial import load_trial

COUNT = 100_000
PROCESSES = multiprocessing.get_context("spawn")  # each with a memory of its own
OPENED = Decision(on=DAY, recommended="A1", chosen="A1", why="the start", decided_by="committee")
VISITS = (
    "screening", "ecog_check", "after_last_infusion", "safety_day_8", "end_of_treatment_visit", "dlt_day_22",
    "dlt_day_29", "month_3", "month_6",
)  # fmt: skip
VERDICTS = {
    "facts": {f"fact_{number}": number * 1.5 for number in range(30)},
    "verdicts": {
        f"{kind}{number}": "passes" for kind, last in (("I", 8), ("E", 26)) for number in range(1, last + 1)
    },
}


def life(number: int) -> list[Event]:
    """The twenty events of one participant."""
    name = f"W-{number:05d}"
    days = [DAY + timedelta(days=30 + number) for number in range(len(VISITS))]
    visits = [VisitRecorded(on=day, participant=name, visit=visit) for day, visit in zip(days, VISITS, strict=True)]
    return [
        screened(name, **VERDICTS),
        *beginning(name, infusions=3)[1:],
        DltAssessed(on=DAY + timedelta(days=29), participant=name, dlt=False),
        *visits,
        Recovery(on=DAY + timedelta(days=20), participant=name, lineage="neutrophils"),
        Response(on=DAY + timedelta(days=20), participant=name, category="complete"),
        Note(on=DAY, participant=name, text="infusion without event"),
    ]


def entries(count: int) -> Iterator[Entry]:
    """A long log, sealed without asking what may follow what."""
    head = Head()
    lives = (event for number in range(count) for event in life(number))
    for event in islice(chain([OPENED], lives), count):
        entry = sealed(event, head, NOON + timedelta(seconds=head.count), **WHO, protocol="0" * 64, software="0.1.0")
        head = Head(entry.sequence, entry.hash)
        yield entry


def fill(path: Path) -> None:
    log = open_log(path)
    log.restore([*entries(COUNT)])
    log.close()


def open_and_fold(path: Path) -> float:
    began = time.perf_counter()
    log = open_log(path)
    assert log.state().head.count == COUNT
    took = time.perf_counter() - began
    log.close()
    return took


def append(path: Path, times: int) -> list[float]:
    log, took = open_log(path), []
    log.state()
    for number in range(times):
        began = time.perf_counter()
        log.append(Note(on=DAY, participant="W-00007", text=f"note {number}"), **WHO)
        took.append(time.perf_counter() - began)
    log.close()
    return took


def speed(report: Report, folder: Path) -> None:
    """Print the times of one long log."""
    path = folder / "long.sqlite"
    fill(path)
    opening = [open_and_fold(path) for _ in range(5)]
    report.figure(f"open and fold {COUNT:,} events, median", statistics.median(opening), "s")
    report.figure(f"open and fold {COUNT:,} events, best", min(opening), "s")
    log = open_log(path)
    began = time.perf_counter()
    assert log.verify().ok
    report.figure("verify them", time.perf_counter() - began, "s")
    log.close()
    took = sorted(append(path, 300))
    for what, place in {"median": 150, "99 in 100 under": 297, "longest": -1}.items():
        report.figure(f"one append, {what}", 1e3 * took[place], "ms")


def view(path: Path, hearing: Connection) -> None:
    """Open the overview as a viewer; tell the memory, then after each entry the seconds of work it made."""
    trial = load_trial(FOLDER)
    desk = open_desk(trial, {"PROTOCOL_LOG": str(path)}, NOON.date)
    page = OverviewPage(trial, NOON.date(), desk)
    give_back()
    gc.collect()
    hearing.send(psutil.Process().memory_full_info().uss / 2**20)
    while hearing.recv():
        began = time.process_time()
        assert desk.refresh()
        hearing.send(time.process_time() - began)
    assert page.meeting


def viewer(path: Path, events: list[Event]) -> tuple[float, list[float]]:
    """Let another process look at a log while events are recorded; return its megabytes and seconds of work."""
    mine, theirs = PROCESSES.Pipe()
    process = PROCESSES.Process(target=view, args=(path, theirs))
    process.start()
    memory, log, took = mine.recv(), open_log(path), []
    for event in events:
        log.append(event, **WHO)
        mine.send(True)
        took.append(mine.recv())
    mine.send(False)
    process.join()
    log.close()
    return memory, took


def viewing(report: Report, folder: Path) -> None:
    """Print what a long log costs a viewer whose overview is open."""
    open_log(folder / "empty.sqlite").close()
    empty, _none = viewer(folder / "empty.sqlite", [])
    notes: list[Event] = [Note(on=DAY, text=f"note {number}") for number in range(5)]
    seen = Recovery(on=DAY + timedelta(days=22), participant="W-00011", lineage="platelets")
    memory, took = viewer(folder / "long.sqlite", [*notes, seen])
    report.figure("a viewer's overview of an empty log", empty, "MB")
    report.figure("a viewer's overview of the long log, more than of an empty one", memory - empty, "MB")
    report.figure("work for a new note, longest", max(took[:-1]), "s")
    report.figure("work for an entry about a participant", took[-1], "s")


def crashes(folder: Path) -> None:
    began = time.perf_counter()
    confirmed, unconfirmed = log_writers.kill_many(folder / "killed.sqlite", times=1000, seed=20)
    print(f"SQLite: 1,000 kills, {confirmed:,} confirmed events all there, {unconfirmed} recorded unconfirmed,",
          f"{time.perf_counter() - began:.0f} s")  # fmt: skip
    writers(str(folder / "together.sqlite"), 2)
    server = postgresql_server.Server(postgresql_server.binaries())
    try:
        server.start()
        writers(server.database(), 4)
        began = time.perf_counter()
        confirmed = log_writers.crash_many(server, times=50, seed=20)
        print(f"PostgreSQL: 50 kills of the server, {confirmed:,} confirmed events all there,",
              f"{time.perf_counter() - began:.0f} s")  # fmt: skip
    finally:
        server.stop()


def writers(url: str, count: int) -> None:
    """Let writers record 500 events each; nothing may be lost, doubled or reordered."""
    began = time.perf_counter()
    keys = [[f"{writer}-{number}" for number in range(500)] for writer in range(count)]
    told = log_writers.together(url, keys)
    took = time.perf_counter() - began
    log = open_log(url)
    found = {entry.key: entry.sequence for entry in log.entries()}
    assert found == {key: at for own in told for key, at in own.items()}
    assert sorted(found) == sorted(key for own in keys for key in own)
    assert all(
        list(own) == keys_ and list(own.values()) == sorted(own.values())
        for own, keys_ in zip(told, keys, strict=True)
    )
    assert log.verify().ok
    log.close()
    where = "PostgreSQL" if "://" in url else "SQLite"
    print(f"{where}: {count} writers, 500 events each: {took:.1f} s, none lost, doubled or reordered")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        report = Report()
        speed(report, Path(place))
        viewing(report, Path(place))
        if "crashes" in sys.argv:
            crashes(Path(place))
    sys.exit(report.exit_code())
