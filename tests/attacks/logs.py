"""Attacks on a log: killed writers and servers, copies during writes, changed bytes, replaced files, TLS."""

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

from support import log_events, log_writers, postgresql_server
from support.log_events import DAY, WHO

from protocol.conduct import Note, open_log
from protocol.conduct.copies import backup
from protocol.records import ProtocolError

ENTRIES = log_events.chain(
    [
        *log_events.beginning(),
        *(Note(on=DAY, text=f"note {number} " + "x" * (37 * number % 600)) for number in range(40)),
    ]
)


def kill_writers_of_a_file(folder: Path, count: int) -> str:
    """SIGKILL writers at random moments; a confirmed entry must stay. A new log each 50 kills keeps them short."""
    confirmed = unconfirmed = 0
    for start in range(0, count, 50):
        kept, open_ones = log_writers.kill_many(folder / f"{start}.sqlite", min(50, count - start), seed=start)
        confirmed, unconfirmed = confirmed + kept, unconfirmed + open_ones
    return f"{count} kills, {confirmed} entries confirmed, 0 lost, {unconfirmed} recorded and not yet confirmed"


def _server(**more) -> postgresql_server.Server:
    found = postgresql_server.binaries()
    assert found is not None, "needs PostgreSQL"
    return postgresql_server.Server(found, **more)


def kill_servers(_folder: Path, count: int) -> str:
    """SIGKILL a PostgreSQL server under two writers."""
    server = _server()
    try:
        server.start()
        confirmed = log_writers.crash_many(server, count, seed=1)
    finally:
        server.stop()
    return f"{count} kills of the server, {confirmed} entries confirmed, 0 lost"


def copies_during_writes(folder: Path, count: int) -> str:
    """Copy a log with `backup` while a process writes: each copy is whole and has all that was confirmed before."""
    path = folder / "trial.sqlite"
    process, hearing = log_writers.start_writer(str(path), "writer")
    confirmed = 0
    try:
        hearing.recv()
        for number in range(count):
            while hearing.poll():
                hearing.recv()
                confirmed += 1
            copy = folder / f"{number}.sqlite"
            found = backup(str(path), copy)
            assert found.ok, f"copy {number}: {found.problems[:1]}"
            assert found.head.count > confirmed, f"copy {number} lacks confirmed entries"
            copy.unlink()
    finally:
        process.kill()
        process.join()
    return f"{count} copies during {confirmed} writes, all whole, 0 confirmed entries missing"


def _made(folder: Path) -> Path:
    path = folder / "whole.sqlite"
    if not path.exists():
        with closing(open_log(path)) as log:
            log.restore(ENTRIES)
    return path


def _content(path: Path) -> object:
    """All that a log says and enforces, read in every way that the software reads it."""
    with closing(sqlite3.connect(path)) as raw:
        raw.text_factory = bytes
        dump = [raw.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
                for table in ("entries", "head", "alembic_version", "sqlite_master")]  # fmt: skip
        keys = raw.execute(
            "SELECT sequence, key FROM entries INDEXED BY sqlite_autoindex_entries_1 ORDER BY key"
        ).fetchall()
        found = [
            raw.execute("SELECT sequence FROM entries WHERE key = ?", (entry.key,)).fetchall() for entry in ENTRIES
        ]
        raw.execute("UPDATE head SET count = count WHERE 0")
        return dump, keys, found


def _is_seen(path: Path) -> str:
    """Return how a change of a file is noticed; nothing if it is not."""
    try:
        with closing(open_log(path, read_only=True)) as reader:
            return "verified" if reader.verify().problems else ""
    except ProtocolError:
        return "refused"


def flip_bits(folder: Path, count: int) -> str:
    """Change a byte anywhere in the file, every second one in an index or the schema: seen, or without effect."""
    whole, chance, told = _made(folder), random.Random(5), Counter()
    content, expected = whole.read_bytes(), _content(whole)
    special = _special_pages(whole)
    for number in range(count):
        raw = bytearray(content)
        if number % 2:
            page, size = chance.choice(special)
            place = (page - 1) * size + chance.randrange(size)
        else:
            place = chance.randrange(len(raw))
        raw[place] ^= chance.randrange(1, 256)
        path = folder / "flipped.sqlite"
        path.write_bytes(raw)
        seen = _is_seen(path)
        if not seen:
            try:
                same = _content(path) == expected
            except sqlite3.Error:
                same = False
            assert same, f"byte {place} changed what the log says, unseen"
            with closing(open_log(path)) as log:  # and it can be recorded in
                log.append(Note(on=DAY, text="after"), **WHO)
                assert log.verify().ok
        told[seen or "without effect (unused bytes)"] += 1
        for ending in ("", "-wal", "-shm", ".head"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    return f"{count} flips, {dict(told)}, 0 unseen"


def _special_pages(path: Path) -> list[tuple[int, int]]:
    """Return the pages of indices and of the schema, with their size."""
    with closing(sqlite3.connect(path)) as raw:
        size = raw.execute("PRAGMA page_size").fetchone()[0]
        roots = [page for (page,) in raw.execute("SELECT rootpage FROM sqlite_master WHERE type = 'index'") if page]
    return [(page, size) for page in (1, *roots)]


WRITABLE = "PRAGMA writable_schema = ON"

EDITED = "UPDATE sqlite_master SET sql = replace(sql, '{}', '{}') WHERE name = '{}'"


def change_the_schema(folder: Path, count: int) -> str:
    """Drop, change or add triggers, indices and tables, or edit the schema itself: always seen."""
    whole, chance, told = _made(folder), random.Random(7), Counter()
    with closing(sqlite3.connect(whole)) as raw:
        triggers = dict(raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    path = folder / "changed.sqlite"
    for _number in range(count):
        shutil.copy(whole, path)
        name = chance.choice(sorted(triggers))
        ways = {
            "dropped": [f"DROP TRIGGER {name}"],
            "changed": [f"DROP TRIGGER {name}", triggers[name].replace("BEGIN", "BEGIN SELECT 1;")],
            "renamed": [f"DROP TRIGGER {name}", triggers[name].replace(name, f"{name}_2")],
            "added": ["CREATE TRIGGER more AFTER INSERT ON entries BEGIN UPDATE head SET hash = hash WHERE 0; END"],
            "index added": ["CREATE INDEX more ON entries (hash)"],
            "table added": ["CREATE TABLE more (x)"],
            "view added": ["CREATE VIEW more AS SELECT 1"],
            "unique edited": [WRITABLE, EDITED.format("UNIQUE", "", "entries")],
            "check edited": [WRITABLE, EDITED.format("= 1", "< 9", "head")],
            "key index edited": [WRITABLE, "DELETE FROM sqlite_master WHERE name = 'sqlite_autoindex_entries_1'"],
        }  # fmt: skip
        way = chance.choice(sorted(ways))
        with closing(sqlite3.connect(path)) as raw, raw, contextlib.suppress(sqlite3.Error):
            for statement in ways[way]:
                raw.execute(statement)
        assert _is_seen(path), f"{way} of {name} unseen"
        told[way] += 1
        for ending in ("", "-wal", "-shm", ".head"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    return f"{count} changes, {dict(told)}, 0 unseen"


LOOK = """
import sqlite3, sys
found = sqlite3.connect(sys.argv[1]).execute("SELECT 1 FROM entries WHERE hash = ?", sys.argv[2:]).fetchone()
print(found is not None)
"""


def replace_files(folder: Path, count: int) -> str:
    """Move another file over a log, or take it away, while a writer has it open: no entry is confirmed and lost."""
    chance, refused, kept = random.Random(3), 0, 0
    for number in range(count):
        own = folder / str(number)
        own.mkdir()
        path = own / "trial.sqlite"
        with closing(open_log(path)) as log:
            log.append(Note(on=DAY, text="first"), **WHO)
            backup(str(path), own / "copy.sqlite")
            for more in range(chance.randrange(3)):
                log.append(Note(on=DAY, text=f"more {more}"), **WHO)
            victim = path.with_name(f"trial.sqlite{chance.choice(['', '', '-wal', '-shm'])}")
            if chance.random() < 0.5 and victim == path:
                os.replace(own / "copy.sqlite", path)
            elif chance.random() < 0.5:
                victim.rename(own / "away")
            else:
                victim.unlink()
            try:
                entry = log.append(Note(on=DAY, text="after"), **WHO)
            except ProtocolError:
                refused += 1
                continue
            kept += 1
            told = subprocess.run([sys.executable, "-c", LOOK, path, entry.hash], capture_output=True, check=False)
            assert told.stdout == b"True\n", "a confirmed entry that no other process sees"
        shutil.rmtree(own)
    return (
        f"{count} files replaced or taken away under a writer, {refused} refused, {kept} confirmed and seen by others"
    )


def wrong_certificates(folder: Path, count: int) -> str:
    """Connect to a server whose certificate is of another authority, host or time: nothing is sent."""
    server, refused = _server(), 0
    own = postgresql_server.certificate(folder, "own", "localhost")
    postgresql_server.certificate(folder, "other", "localhost")
    server.use_tls(own)
    try:
        server.start()
        url = server.database()
        local, before = url.replace("127.0.0.1", "localhost"), _authorized(server)
        for number in range(count):
            address = (
                f"{local}?sslmode=verify-full&sslrootcert={folder}/other.crt",
                f"{local}?sslmode=verify-full",
                f"{url}?sslmode=verify-full&sslrootcert={folder}/own.crt",
                f"{local}?sslmode=verify-ca&sslrootcert={folder}/other.crt",
            )[number % 4]
            try:
                open_log(address).close()
            except ProtocolError as error:
                refused += "certificate cannot be verified" in str(error)
        assert refused == count, f"{count - refused} connections to a server that is not verified"
        assert _authorized(server) == before, "a password was sent"
        open_log(f"{local}?sslmode=verify-full&sslrootcert={folder}/own.crt").close()
        assert _authorized(server) > before
    finally:
        server.stop()
    return f"{count} connections with a wrong certificate, {refused} refused before a password was sent"


def _authorized(server: postgresql_server.Server) -> int:
    return (
        (server.folder / "server.log")
        .read_text(errors="replace")
        .count("connection authorized: user=trial database=log_")
    )
