"""Checks of the operation: a log from its first entry to its restored copy, in a folder that is removed again."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from protocol.conduct import (
    Consented,
    Correction,
    Enrolled,
    Event,
    Infused,
    Log,
    Note,
    Screened,
    TherapyStarted,
    open_log,
    reader_of,
)
from protocol.conduct.copies import backup, restore
from protocol.exchange import inspection
from protocol.qualification.checks import Check
from protocol.records import ProtocolError
from protocol.translation import _

DAY = date(2026, 3, 2)

ACTOR, SITE, PERSON = "coordinator-1", "Site 1", "INV-001"

EVENTS: tuple[Event, ...] = (
    Screened(on=DAY, participant=PERSON, phase="I", overall="eligible so far"),
    Consented(on=DAY, participant=PERSON),
    Enrolled(on=DAY, participant=PERSON, regimen="L1"),
    TherapyStarted(on=DAY, participant=PERSON),
    Infused(on=date(2026, 3, 9), participant=PERSON, number=1),
)
"""An invented participant."""

RULES = "rules-1"
"""Stands for the hash of a record."""


def log_life() -> Iterator[Check]:
    """Yield the checks of a log in SQLite: recorded, corrected, refused, copied, restored, changed and cut short."""
    with TemporaryDirectory(prefix="protocol-qualify-") as folder:
        yield from _lived(Path(folder) / "trial.sqlite")


def _lived(path: Path) -> Iterator[Check]:
    yes, refused = _("yes"), _("refused")
    with closing(open_log(path, protocol=RULES, clock=lambda: datetime(2026, 4, 1, 12, tzinfo=UTC))) as log:
        assert isinstance(log, Log)  # noqa: S101 - for the types
        written = [log.append(event, actor=ACTOR, site=SITE) for event in EVENTS]
        first = log.entries()[0]
        about = (first.time, first.actor, first.site, first.protocol)
        expected = ("2026-04-01T12:00:00.000000Z", ACTOR, SITE, RULES)
        yield Check(
            ("R-LOG-01",), _("time, account, site and rules of an entry"), " ".join(expected), " ".join(about)
        )
        twice = Infused(on=date(2026, 3, 8), participant=PERSON, number=3)
        yield Check(("R-LOG-05",), _("an infusion that cannot have happened"), refused, _tried(log, twice))
        named = Note(on=DAY, text="patient Zhang Wei, 13800138000")
        yield Check(("R-PRI-01",), _("a note that may name a person"), refused, _tried(log, named))
        right = Enrolled(on=DAY, participant=PERSON, regimen="L2")
        log.append(
            Correction(of=3, hash=written[2].hash, participant=PERSON, replacement=right, why="typed wrongly"),
            actor=ACTOR,
            site=SITE,
        )
        both = (log.state().histories[PERSON].regimen, log.entries()[2].content["regimen"])
        yield Check(("R-LOG-04",), _("a corrected value and the one before it"), "L2 L1", " ".join(map(str, both)))
        copy, lines = path.with_name("copy.sqlite"), path.with_name("copy.jsonl")
        whole = all(backup(str(path), one).ok for one in (copy, lines))  # while the log is open
        yield Check(("R-LOG-08",), _("copies of a log that is open are whole"), yes, _said(whole))
        archive = ZipFile(BytesIO(inspection(log.entries(), log.verify(), datetime(2026, 4, 1, 12, tzinfo=UTC))))
        rows = len(archive.read("log.csv").splitlines()) - 1
        yield Check(("R-LOG-11",), _("rows of the export for an inspection"), str(log.head().count), str(rows))
        entries, head = log.entries(), log.head()
    for one in (copy, lines):
        again = path.with_name(f"restored-from-{one.suffix[1:]}.sqlite")
        restore(one, str(again))
        with closing(open_log(again, read_only=True)) as reader:
            same = reader.entries() == entries and reader.verify(head).ok
        yield Check(("R-LOG-08",), _("{copy} gives the log back").format(copy=one.name), yes, _said(same))
    with closing(open_log(path, read_only=True)) as reader:
        yield Check(("R-LOG-03",), _("the log is whole"), yes, _said(reader.verify(head).ok))
    raw = sqlite3.connect(path)
    with closing(raw):
        try:
            raw.execute("DELETE FROM entries")
            found = _("done")
        except sqlite3.DatabaseError:
            found = refused
    yield Check(("R-LOG-02",), _("an entry is deleted in the database itself"), refused, found)
    yield from _harmed(path, written[1].body.encode())
    viewer = reader_of({"PROTOCOL_ACTOR": "somebody"})
    yield Check(("R-ACC-01",), _("an account without a role"), "viewer", viewer.role)


def _harmed(path: Path, body: bytes) -> Iterator[Check]:
    """Yield the checks of a log in which one byte was changed, and of one that lost its end."""
    copy = path.with_name("copy.sqlite")
    changed = path.with_name("changed.sqlite")
    restore(copy, str(changed))
    content = bytearray(changed.read_bytes())
    content[content.index(body) + len(body) // 2] ^= 1
    changed.write_bytes(content)
    with closing(open_log(changed, read_only=True)) as reader:
        places = " ".join(str(one.sequence) for one in reader.verify().problems)
    yield Check(("R-LOG-03",), _("entry that is found when one byte of entry 2 is changed"), "2", places)
    short = path.with_name("short.sqlite")
    with closing(open_log(short)) as log:
        assert isinstance(log, Log)  # noqa: S101 - for the types
        for event in EVENTS:
            log.append(event, actor=ACTOR, site=SITE)
    for ending in ("", "-wal", "-shm"):
        short.with_name(short.name + ending).unlink(missing_ok=True)
    try:
        open_log(short).close()
        found = _("opened as an empty log")
    except ProtocolError:
        found = _("refused")
    yield Check(("R-LOG-09",), _("a log whose entries are gone"), _("refused"), found)


def _tried(log: Log, event: Event) -> str:
    try:
        log.append(event, actor=ACTOR, site=SITE)
    except ProtocolError:
        return _("refused")
    return _("recorded")


def _said(whether: bool) -> str:
    return _("yes") if whether else _("no")
