"""A log in PostgreSQL: verified TLS, what each account can and cannot do, and definitions as they were made."""

import hashlib
import json
import ssl
import subprocess
from contextlib import closing
from datetime import UTC, datetime

import pg8000.dbapi
import pytest
from sqlalchemy.engine import make_url
from support import postgresql_server
from support.log_events import DAY, SITE, WHO, beginning

from protocol.conduct import Head, Note, open_log
from protocol.conduct.commands import main
from protocol.conduct.postgresql import connection_options, is_this_machine
from protocol.records import ProtocolError

# --- Addresses ---


@pytest.mark.parametrize(
    ("address", "verifies", "names"),
    [
        ("postgresql://a@db.hospital.example/log", ssl.CERT_REQUIRED, True),
        ("postgresql://a@10.0.0.5/log?sslmode=verify-full", ssl.CERT_REQUIRED, True),
        ("postgresql://a@10.0.0.5/log?sslmode=verify-ca&sslrootcert=system", ssl.CERT_REQUIRED, False),
        ("postgresql://a@10.0.0.5/log?sslmode=require", ssl.CERT_NONE, False),
        ("postgresql://a@localhost/log?sslmode=verify-full", ssl.CERT_REQUIRED, True),
    ],
)
def test_beyond_this_machine_the_certificate_is_verified_unless_the_address_says_otherwise(address, verifies, names):
    context = connection_options(make_url(address))["ssl_context"]
    assert (context.verify_mode, context.check_hostname) == (verifies, names)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]", ""])
def test_on_this_machine_there_is_no_need_of_tls(host):
    assert connection_options(make_url(f"postgresql://a@{host}/log"))["ssl_context"] is False
    assert not is_this_machine("db.hospital.example")
    assert not is_this_machine("192.168.0.7")


def test_a_socket_is_found_by_its_folder():
    options = connection_options(make_url("postgresql://a@/log?host=/run/postgresql&application_name=log"))
    assert options["unix_sock"] == "/run/postgresql/.s.PGSQL.5432"
    assert "host" not in options


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sslmod=disable", "an option that is not known"),
        ("options=-c%20role%3Dtrial", "an option that is not known"),
        ("sslmode=prefer", "verify-full"),
        ("sslmode=allow", "verify-full"),
        ("sslmode=", None),
        ("sslmode=require&sslmode=disable", "more than once"),
        ("sslrootcert=/nowhere.pem", "no file with certificates"),
        ("sslrootcert=/dev/null", "no file with certificates"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused_and_its_value_is_not_repeated(query, said, capsys):
    address = f"postgresql+pg8000://a:secret@db.invalid/log?{query}"
    if said is None:  # nothing given is as left out: verified
        assert connection_options(make_url(address))["ssl_context"].verify_mode == ssl.CERT_REQUIRED
        return
    with pytest.raises(ProtocolError, match=said) as refused:
        open_log(address)
    assert "secret" not in str(refused.value)
    assert main(["verify", address]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("address", ["postgresql://a:secret@h:x/log", "postgresql://a:secret@h:99x/log"])
def test_a_port_that_is_no_number_is_said_without_the_address(address):
    with pytest.raises(ProtocolError, match="cannot be read") as refused:
        open_log(address)
    assert "secret" not in str(refused.value)


# --- TLS ---


@pytest.fixture(scope="module")
def with_tls(postgresql, tmp_path_factory):
    """A server with a certificate for localhost, that certificate, and another one for localhost."""
    folder, server = tmp_path_factory.mktemp("tls"), postgresql_server.Server(postgresql.bin)
    own, other = (postgresql_server.certificate(folder, name, "localhost") for name in ("own", "other"))
    server.use_tls(own)
    server.start()
    yield server, own, other
    server.stop()


def test_a_server_with_the_right_certificate_is_recorded_in(with_tls):
    server, own, _other = with_tls
    address = server.database().replace("127.0.0.1", "localhost")
    with closing(open_log(f"{address}?sslmode=verify-full&sslrootcert={own}")) as log:
        log.append(Note(on=DAY, text="x"), **WHO)
        with log._store.reading() as connection:
            used = connection.exec_driver_sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").scalar()
        assert used


def test_a_server_with_a_wrong_certificate_or_name_gets_nothing(with_tls):
    server, own, other = with_tls
    address = server.database()
    localhost = address.replace("127.0.0.1", "localhost")
    for wrong in (
        f"{localhost}?sslmode=verify-full&sslrootcert={other}",
        f"{localhost}?sslmode=verify-full",  # no authority of the system vouches for it
        f"{address}?sslmode=verify-full&sslrootcert={own}",  # another name than the certificate has
        f"{localhost}?sslmode=verify-ca&sslrootcert={other}",
    ):
        with pytest.raises(ProtocolError, match="certificate cannot be verified; nothing was sent"):
            open_log(wrong)
    open_log(f"{address}?sslmode=verify-ca&sslrootcert={own}").close()


def test_a_server_without_tls_gets_no_password_where_tls_is_asked_for(postgresql):
    with pytest.raises(ProtocolError, match="a server without TLS; no password was sent"):
        open_log(f"{postgresql.database()}?sslmode=require")


# --- Accounts ---


@pytest.fixture
def accounts(postgresql, capsys, tmp_path):
    """A log with entries, and addresses of a reader and of two writers, with the rights that the script gives."""
    url = postgresql.database()
    with closing(open_log(url)) as log:
        for event in beginning():
            log.append(event, **WHO)
    name = url.rpartition("/")[2]
    letters = "".join(chr(ord("g") + int(digit, 16)) for digit in name.removeprefix("log_"))
    people = [f"{one}-{letters}" for one in ("reader", "writer-1", "writer-2")]
    main(["grants", url, "--reader", people[0], "--writer", people[1], "--writer", people[2]])
    script = tmp_path / "grants.sql"
    script.write_text(capsys.readouterr().out)
    for _twice in range(2):
        subprocess.run(
            [postgresql.bin / "psql", "--set", "ON_ERROR_STOP=1", "--single-transaction", "--no-psqlrc",
             "--file", script, "--host", "127.0.0.1", "--port", str(postgresql.port), "--username", "trial", name],
            check=True, capture_output=True, env={"PGPASSWORD": postgresql.password},
        )  # fmt: skip
    owner = postgresql.connect(name)
    owner.autocommit = True
    for one in people:
        owner.cursor().execute(f"ALTER ROLE \"{one}\" PASSWORD 'pw'")
    owner.close()
    return [url.replace(f"trial:{postgresql.password}", f"{one}:pw") for one in people]


def raw(address):
    parts = make_url(address)
    return pg8000.dbapi.connect(
        parts.username, host=parts.host, port=parts.port, password="pw", database=parts.database
    )


@pytest.mark.requirement("R-ACC-04")
def test_a_writer_records_as_itself_and_not_as_another(accounts):
    _reader, one, two = accounts
    own, other = make_url(one).username, make_url(two).username
    with closing(open_log(one)) as log:
        assert log.append(Note(on=DAY, text="mine"), actor=own).actor == own
        with pytest.raises(ProtocolError, match="an actor that is not the account"):
            log.append(Note(on=DAY, text="not mine"), actor=other)
    with closing(open_log(two)) as log:
        assert log.append(Note(on=DAY, text="theirs"), actor=other).sequence == 7
        assert log.verify().ok


@pytest.mark.requirement("R-ACC-04")
def test_a_reader_reads_and_can_do_nothing_else(accounts):
    with closing(open_log(accounts[0], read_only=True)) as reader:
        assert reader.verify().ok
        assert reader.state().head.count == 5
    with closing(open_log(accounts[0])) as log, pytest.raises(ProtocolError, match="may only be read"):
        log.append(Note(on=DAY, text="x"), actor=make_url(accounts[0]).username)
    with closing(raw(accounts[0])) as connection:
        for statement in (*CANNOT, "SELECT log_lock()", "INSERT INTO entries VALUES (6, 'k', 'h', '{}')"):
            with pytest.raises(pg8000.dbapi.DatabaseError, match="42501"):
                connection.cursor().execute(statement)
            connection.rollback()


CANNOT = (
    "UPDATE entries SET body = '{}'",
    "DELETE FROM entries",
    "TRUNCATE entries",
    "UPDATE head SET count = count + 1, hash = 'x'",
    "DELETE FROM head",
    "SELECT 1 FROM head FOR UPDATE",
    "LOCK TABLE entries IN ACCESS EXCLUSIVE MODE",
    "LOCK TABLE head IN SHARE MODE",
    "UPDATE alembic_version SET version_num = '0099'",
    "DROP TABLE entries",
    "ALTER TABLE entries DISABLE TRIGGER ALL",
    "CREATE TABLE more (x int)",
    "CREATE TEMPORARY TABLE entries (x int)",
    "CREATE SCHEMA mine",
    "CREATE OR REPLACE FUNCTION log_is_in_order() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "SET session_replication_role = replica",
    "SET ROLE trial",
)


@pytest.mark.requirement("R-ACC-04")
@pytest.mark.parametrize("statement", CANNOT)
def test_a_writer_cannot(accounts, statement):
    with closing(raw(accounts[1])) as connection, pytest.raises(pg8000.dbapi.DatabaseError, match="42501"):
        connection.cursor().execute(statement)


def row(head, actor, **other):
    body = {
        "sequence": head.count + 1, "time": "2026-11-20T12:00:00.000000Z", "actor": actor, "site": SITE, "reason": "",
        "protocol": "", "software": "", "key": "k", "event": {"kind": "note", "on": "2026-03-02", "text": "x"},
        "previous": head.hash,
    } | other  # fmt: skip
    text = json.dumps({name: value for name, value in body.items() if value is not None}, separators=(",", ":"))
    return [head.count + 1, "k", hashlib.sha256(text.encode()).hexdigest(), text]


WRONG = {
    "another hash": lambda row: [*row[:2], "0" * 64, row[3]],
    "another key": lambda row: [row[0], "other", *row[2:]],
    "another number": lambda row: [row[0] + 1, *row[1:]],
    "no JSON": lambda row: [*row[:2], hashlib.sha256(b"{").hexdigest(), "{"],
    "a list": lambda row: [*row[:2], hashlib.sha256(b"[]").hexdigest(), "[]"],
}

WRONG_BODIES = {
    "another entry before": {"previous": "0" * 64},
    "a number inside": {"sequence": 99},
    "a number as text": {"sequence": "6"},
    "no event": {"event": None},
    "an event of no kind": {"event": {"on": "2026-03-02"}},
    "an event that is a text": {"event": "note"},
    "one more part": {"more": "x"},
    "no site": {"site": None},
    "a time that is none": {"time": "soon"},
}


@pytest.mark.parametrize("name", [*WRONG, *WRONG_BODIES])
def test_an_account_cannot_block_the_log_by_a_row_that_is_no_entry(accounts, name):
    url = accounts[1]
    own = make_url(url).username
    with closing(open_log(url)) as log, closing(raw(url)) as connection:
        head = log.head()
        values = WRONG[name](row(head, own)) if name in WRONG else row(head, own, **WRONG_BODIES[name])
        with pytest.raises(pg8000.dbapi.DatabaseError, match=r"row is no entry|append-only"):
            connection.cursor().execute("INSERT INTO entries VALUES (%s, %s, %s, %s)", values)
        connection.rollback()
        assert log.append(Note(on=DAY, text="goes on"), actor=own).sequence == head.count + 1
        assert log.verify().ok


def test_a_row_that_is_an_entry_of_the_account_is_one(accounts):
    url = accounts[1]
    with closing(open_log(url)) as log, closing(raw(url)) as connection:
        values = row(log.head(), make_url(url).username)
        connection.cursor().execute("INSERT INTO entries VALUES (%s, %s, %s, %s)", values)
        connection.commit()
        assert log.head() == Head(6, values[2])
        assert log.verify().ok


# --- Definitions ---

CHANGED = {
    "a trigger dropped": ("DROP TRIGGER entries_keep ON entries", "trigger entries_keep"),
    "a trigger disabled": ("ALTER TABLE entries DISABLE TRIGGER entries_keep", "trigger entries_keep"),
    "a function changed": (
        "CREATE OR REPLACE FUNCTION log_is_in_order() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "function log_is_in_order",
    ),
    "keys no longer unique": ("ALTER TABLE entries DROP CONSTRAINT entries_key_key", "entries_key_key"),
    "a constraint dropped": ("ALTER TABLE head DROP CONSTRAINT head_row_check", "constraint head_row_check"),
    "a rule that drops rows": ("CREATE RULE none AS ON INSERT TO entries DO INSTEAD NOTHING", "rule or policy none"),
    "a trigger added": (
        "CREATE TRIGGER more BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION log_is_in_order()",
        "trigger more",
    ),
    "rows hidden": ("ALTER TABLE entries ENABLE ROW LEVEL SECURITY", "rule or policy entries"),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "said"), CHANGED.values(), ids=CHANGED)
def test_a_change_of_the_definitions_is_seen_and_nothing_is_recorded(postgresql, statement, said):
    url = postgresql.database()
    with closing(open_log(url)) as log:
        log.append(Note(on=DAY, text="x"), **WHO)
        assert log.verify().ok
        with closing(postgresql.connect(url.rpartition("/")[2])) as owner:
            owner.cursor().execute(statement)
            owner.commit()
        assert said in " ".join(map(str, log.verify().problems))
        with pytest.raises(ProtocolError, match="The database: "):
            log.append(Note(on=DAY, text="y"), **WHO)


def test_a_clock_that_differs_from_the_servers_is_asked_about(postgresql, monkeypatch):
    with closing(open_log(postgresql.database())) as log:
        monkeypatch.setattr(log._store, "clock_offset", lambda _connection: -1000.0)
        with pytest.raises(ProtocolError, match="differs by -1000 seconds from the server's"):
            log.append(Note(on=DAY, text="x"), **WHO)
        log.append(Note(on=DAY, text="x"), reason="no network time here", **WHO)
        monkeypatch.undo()
        with log._store.reading() as connection:
            assert abs(log._store.clock_offset(connection)) < 60
            assert log._store.changed(connection) <= datetime.now(UTC).replace(year=9999)
