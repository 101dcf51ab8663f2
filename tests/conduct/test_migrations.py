"""The schema of a log: an empty database is given its tables, a log of another version is refused and not changed."""

import sqlite3

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from support import log_events
from support.log_events import DAY, WHO

from protocol.conduct import Head, Note, open_log
from protocol.conduct.store import MIGRATIONS, REVISION
from protocol.records import ProtocolError

ENTRIES = log_events.chain(log_events.beginning())


def altered(path, statement):
    raw = sqlite3.connect(path)
    raw.execute(statement)
    raw.commit()
    raw.close()
    return path.read_bytes()


def refused(path, match):
    for read_only in (True, False):
        with pytest.raises(ProtocolError, match=match):
            open_log(path, read_only=read_only)


def test_the_version_known_is_that_of_the_only_script():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()] == [REVISION]


@pytest.mark.parametrize("entries", [ENTRIES, []], ids=["with entries", "empty"])
def test_an_empty_database_becomes_a_log_that_is_opened_again_with_all_it_has(log_url, entries):
    log = open_log(log_url)
    log.restore(entries)
    log.close()
    log = open_log(log_url)
    assert log.entries() == tuple(entries)
    assert log.head() == (Head(len(entries), entries[-1].hash) if entries else Head())
    assert log.append(Note(on=DAY, text="after the restart"), **WHO).sequence == len(entries) + 1
    assert log.verify().ok
    log.close()


@pytest.mark.requirement("R-LOG-12")
def test_a_log_of_another_version_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "trial.sqlite"
    open_log(path).close()
    before = altered(path, "UPDATE alembic_version SET version_num = '0099'")
    refused(path, "a log of version 0099; this software knows 0001; write the version of the workbook that made it")
    assert path.read_bytes() == before


def test_a_log_without_a_version_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "trial.sqlite"
    open_log(path).close()
    before = altered(path, "DELETE FROM alembic_version")
    refused(path, "a log of version None")
    assert path.read_bytes() == before


@pytest.mark.parametrize("table", ["alembic_version", "entries", "head"])
def test_a_database_without_one_of_the_tables_is_no_log(tmp_path, table):
    path = tmp_path / "trial.sqlite"
    open_log(path).close()
    before = altered(path, f"DROP TABLE {table}")
    refused(path, "a database that is no trial log")
    assert path.read_bytes() == before
