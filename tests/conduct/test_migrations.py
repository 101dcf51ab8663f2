"""Logs of other versions: an older one is migrated with all its entries, a newer one is refused and not changed."""

import sqlite3

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect
from support import log_events
from support.log_events import DAY, WHO
from support.paths import VECTORS

from protocol.conduct import Head, Note
from protocol.conduct.log import open_log
from protocol.conduct.store import ENTRIES, MIGRATIONS, REVISIONS
from protocol.records import ProtocolError

OLD = log_events.chain(log_events.beginning())
DUMP = VECTORS / "log" / "version_1.sql"


def scripts() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def make(url: str, revision: str, entries: list) -> None:
    """Make a log of an older version."""
    engine = create_engine(url if "://" in url else f"sqlite:///{url}")
    config = scripts()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for entry in entries:
            row = {"sequence": entry.sequence, "key": entry.key, "hash": entry.hash, "body": entry.body}
            connection.execute(ENTRIES.insert(), row)
    engine.dispose()


def tables(url: str) -> dict[str, list[str]]:
    engine = create_engine(url if "://" in url else f"sqlite:///{url}")
    look = inspect(engine)
    found = {name: [column["name"] for column in look.get_columns(name)] for name in sorted(look.get_table_names())}
    engine.dispose()
    return found


def test_the_versions_known_are_those_of_the_scripts():
    found = ScriptDirectory.from_config(scripts()).walk_revisions()
    assert tuple(script.revision for script in found)[::-1] == REVISIONS


@pytest.mark.parametrize("entries", [OLD, []], ids=["with entries", "empty"])
def test_an_older_log_is_moved_forward_with_all_it_has(log_url, entries):
    make(log_url, "0001", entries)
    assert "head" not in tables(log_url)
    log = open_log(log_url)
    assert log.entries() == tuple(entries)
    assert log.head() == (Head(len(entries), entries[-1].hash) if entries else Head())
    assert log.append(Note(on=DAY, text="after the move"), **WHO).sequence == len(entries) + 1
    assert log.verify().ok
    log.close()


def test_a_log_that_the_first_version_wrote_is_moved_forward(tmp_path):
    path = tmp_path / "trial.sqlite"
    old = sqlite3.connect(path)
    old.executescript(DUMP.read_text(encoding="utf-8"))
    old.close()
    log = open_log(path)
    assert log.verify(Head(5, "456cca7d5c2aa822268ae576240634aba436ee5b56b9132a3d58fcf1b8cef039")).ok
    assert log.state().courses["W-001"].regimen == "A1"
    log.close()


def test_an_older_log_is_not_moved_by_a_reader(log_url):
    make(log_url, "0001", OLD)
    with pytest.raises(ProtocolError, match="a log of an older version"):
        open_log(log_url, read_only=True)
    assert "head" not in tables(log_url)


def test_a_log_made_new_and_one_moved_forward_are_alike(log_url, tmp_path):
    make(log_url, "0001", OLD)
    open_log(log_url).close()
    open_log(tmp_path / "new.sqlite").close()
    assert tables(log_url) == tables(str(tmp_path / "new.sqlite"))


def test_a_newer_log_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "trial.sqlite"
    make(str(path), "head", [])
    raw = sqlite3.connect(path)
    raw.execute("UPDATE alembic_version SET version_num = '0099'")
    raw.commit()
    raw.close()
    before = path.read_bytes()
    for read_only in (True, False):
        with pytest.raises(
            ProtocolError, match="a log of version 0099; this software knows up to 0002; write a newer"
        ):
            open_log(path, read_only=read_only)
    assert path.read_bytes() == before
