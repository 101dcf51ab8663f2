"""Processes that write a log at the same time, or are killed while they do."""

import contextlib
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from support.log_events import DAY, SITE

from protocol.conduct import Log, Note, open_log
from protocol.records import ProtocolError

WAIT_SECONDS = 60
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["protocol.conduct.log", "protocol.conduct.store", "alembic.command", "support.log_events"]
)


def note(text: str) -> Note:
    return Note(on=DAY, text=text)


def write(url: str, name: str, keys: list[str], told: Connection) -> None:
    """Record one note for each key and tell which key was confirmed, and under which number."""
    log = open_log(url)
    for key in keys:
        told.send((key, log.append(note(key), actor=name, site=SITE, key=key).sequence))
    told.close()


def write_until_killed(url: str, name: str, told: Connection) -> None:
    """Record notes of many lengths without an end; a server that went away ends it."""
    with contextlib.suppress(ProtocolError):
        told.send(None)
        log = open_log(url)
        for number in range(1_000_000):
            key = f"{name}-{number}"
            log.append(note("x" * (1 + 37 * number % 900)), actor="writer", site=SITE, key=key)
            told.send(key)


def everything(told: Connection) -> Iterator[object]:
    """What a process told before it ended."""
    with contextlib.suppress(EOFError):
        while True:
            yield told.recv()


def together(
    url: str, writers: list[list[str]], meanwhile: Callable[[], object] = lambda: None
) -> list[dict[str, int]]:
    """Let processes write at once, and do something while they do; return what each was told of its keys."""
    pipes = [PROCESSES.Pipe(duplex=False) for _ in writers]
    running = [
        PROCESSES.Process(target=write, args=(url, f"writer-{number}", keys, pipe[1]))
        for number, (keys, pipe) in enumerate(zip(writers, pipes, strict=True))
    ]
    for process, (_, telling) in zip(running, pipes, strict=True):
        process.start()
        telling.close()
    while any(process.is_alive() for process in running):
        meanwhile()
        time.sleep(0.01)
    told = [dict(everything(hearing)) for hearing, _ in pipes]
    for process in running:
        process.join(WAIT_SECONDS)
        assert process.exitcode == 0
    return told


def start_writer(url: str, name: str) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    """Start a process that writes until it is killed; return when it runs."""
    hearing, telling = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=write_until_killed, args=(url, name, telling))
    process.start()
    telling.close()
    hearing.recv()
    return process, hearing


def kill_while_writing(url: str, name: str, chance: random.Random) -> list[str]:
    """Start a writer, SIGKILL it at a random moment, and return the keys it was told are recorded."""
    process, hearing = start_writer(url, name)
    if chance.random() < 0.7:  # else while it opens the log
        hearing.poll(WAIT_SECONDS)
    time.sleep(chance.uniform(0, 0.08))
    os.kill(process.pid, signal.SIGKILL)
    process.join(WAIT_SECONDS)
    confirmed = list(everything(hearing))
    hearing.close()
    process.close()
    return confirmed


def survives(url: str, confirmed: set[str], name: str) -> Log:
    """Open a log after a crash: the confirmed are there, the chain is whole, the next write works."""
    log = open_log(url)
    assert confirmed <= {entry.key for entry in log.entries()}
    assert log.verify().problems == ()
    log.append(note("after the crash"), actor="next", site=SITE, key=f"{name}-next")
    assert log.verify().head.count == log.head().count
    return log


def kill_many(path: Path, times: int, seed: int) -> tuple[int, int]:
    """Kill writers of one SQLite log; return confirmed events and those recorded but not yet confirmed."""
    chance, confirmed = random.Random(seed), set()
    for number in range(times):
        confirmed |= set(kill_while_writing(str(path), f"run-{number}", chance))
        survives(str(path), confirmed, f"run-{number}").close()
    log = open_log(path)
    unconfirmed = log.head().count - len(confirmed) - times
    log.close()
    return len(confirmed), unconfirmed


def crash_many(server, times: int, seed: int) -> int:
    """Kill a PostgreSQL server under two writers; return how many events were confirmed."""
    chance, confirmed, url = random.Random(seed), set(), server.database()
    for number in range(times):
        writers = [start_writer(url, f"crash-{number}-{side}") for side in "ab"]
        if chance.random() < 0.7:
            writers[0][1].poll(WAIT_SECONDS)
        time.sleep(chance.uniform(0, 0.3))
        server.crash()
        for process, hearing in writers:
            confirmed |= set(everything(hearing))
            process.join(WAIT_SECONDS)
            hearing.close()
        server.start()
        survives(url, confirmed, f"crash-{number}").close()
    return len(confirmed)


def try_as_nobody(path: str, told: Connection) -> None:
    """Try to write a file as somebody who may only read it (root may write everything), then read it."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        open_log(path).append(note("x"), actor="nobody")
    except ProtocolError as error:
        told.send(error.found)
    reader = open_log(path, read_only=True)
    told.send((reader.head().count, reader.verify().ok))
    told.close()
