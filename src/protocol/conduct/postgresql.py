"""What a log in PostgreSQL needs beyond SQL that SQLite knows too: its address, its rights, and its definitions."""

import ssl
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import URL

from protocol.conduct.migrations import tables
from protocol.records import ProtocolError
from protocol.translation import _, list_of

MODES = ("disable", "require", "verify-ca", "verify-full")
"""Of libpq's `sslmode`. The other two, allow and prefer, send a password without TLS to a server that asks for it."""

OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "application_name", "host")


def connection_options(url: URL) -> dict[str, Any]:
    """Return how pg8000 connects to an address.

    Without `sslmode` the certificate and the host name of a server are verified (``verify-full``), except on this
    machine. `sslrootcert` names the file of the authority; without it, or with ``system``, those of the system count.

    Raises
    ------
    ProtocolError
        If the address has an option that is not known, given twice, or has no such value. No value is repeated.
    """
    for name, value in url.query.items():
        if name not in OPTIONS:
            found = _("an option that is not known: {name}").format(name=repr(name)[:40])
            raise ProtocolError(_ADDRESS, found, list_of(OPTIONS))
        if not isinstance(value, str):
            raise ProtocolError(_ADDRESS, _("{name} more than once").format(name=name), _("it once"))
    options = {name: str(value) for name, value in url.query.items()}
    host = options.get("host") or url.host or "localhost"
    way: dict[str, Any] = (
        {"unix_sock": f"{host}/.s.PGSQL.{url.port or 5432}"} if host.startswith("/") else {"host": host}
    )
    called = {"application_name": options["application_name"]} if options.get("application_name") else {}
    return way | called | {"ssl_context": _tls(options, host)}


_ADDRESS = _("address of the trial log")


def _tls(options: dict[str, str], host: str) -> ssl.SSLContext | bool:
    local = is_this_machine(host)
    mode = options.get("sslmode") or ("disable" if local and "sslrootcert" not in options else "verify-full")
    if mode not in MODES:
        raise ProtocolError("sslmode", _("a value that is not one of those allowed"), list_of(MODES))
    if mode == "disable" or host.startswith("/"):
        return False
    root = options.get("sslrootcert", "system")
    try:
        context = ssl.create_default_context(cafile=None if root == "system" else root)
        if "sslcert" in options:
            context.load_cert_chain(options["sslcert"], options.get("sslkey"))
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        write = _("the path of a file with certificates in PEM format")
        raise ProtocolError("sslrootcert, sslcert, sslkey", _("no file with certificates"), write) from None
    context.check_hostname = mode == "verify-full"
    if mode == "require" and "sslrootcert" not in options:  # as in libpq: with a root, require verifies it
        context.verify_mode = ssl.CERT_NONE
    return context


def is_this_machine(host: str | None) -> bool:
    """Return whether a host is this machine: its loopback, or the folder of a socket."""
    if not host or host == "localhost" or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def faults(connection: Connection) -> Iterator[str]:
    """Return in words what is not as the revision made it: functions, triggers, constraints, indices, rules."""
    for what, query, expected in _DEFINITIONS:
        found = {tuple(str(value) for value in row) for row in connection.exec_driver_sql(query)}
        for row in sorted(found ^ expected):
            words = _("{what} {name}: not as it was made") if row in found else _("{what} {name}: missing or changed")
            yield words.format(what=what, name=row[0])


_OURS = "({0}.oid = 'entries'::regclass OR {0}.oid = 'head'::regclass)"

_TYPES = {  # bits of pg_trigger.tgtype: 1 for each row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate
    "entries_keep": ("entries", "log_is_append_only", 2 + 8 + 16 + 32),
    "entries_in_order": ("entries", "log_is_in_order", 1 + 2 + 4),
    "head_follows": ("entries", "log_head_follows", 1 + 4),
    "head_keep": ("head", "log_is_append_only", 2 + 8 + 32),
    "head_forward": ("head", "log_head_is_last", 1 + 2 + 16),
}
_DEFINITIONS: Sequence[tuple[str, str, set[tuple[str, ...]]]] = (
    (
        _("trigger"),
        (
            "SELECT tgname, relname, proname, tgtype, tgenabled, tgqual IS NULL FROM pg_trigger "
            "JOIN pg_class AS c ON c.oid = tgrelid JOIN pg_proc AS p ON p.oid = tgfoid "
            f"WHERE NOT tgisinternal AND {_OURS.format('c')}"
        ),
        {(name, of, calls, str(bits), "O", "True") for name, (of, calls, bits) in _TYPES.items()},
    ),
    (
        _("function"),
        (
            "SELECT proname, prosrc, prosecdef, "
            "proconfig = ARRAY['search_path=' || quote_ident(current_schema()) || ', pg_temp'], "
            "proowner = (SELECT relowner FROM pg_class WHERE oid = 'entries'::regclass) "
            "FROM pg_proc WHERE proname LIKE 'log\\_%%' AND pronamespace = current_schema()::regnamespace"
        ),
        {(name, body, "True", "True", "True") for name, body in tables.FUNCTIONS.items()},
    ),
    (
        _("constraint"),
        (
            "SELECT conname, relname, contype, convalidated, pg_get_constraintdef(k.oid) FROM pg_constraint AS k "
            f"JOIN pg_class AS c ON c.oid = conrelid WHERE contype <> 'n' AND {_OURS.format('c')}"
        ),
        {
            ("entries_pkey", "entries", "p", "True", "PRIMARY KEY (sequence)"),
            ("entries_key_key", "entries", "u", "True", "UNIQUE (key)"),
            ("head_pkey", "head", "p", "True", 'PRIMARY KEY ("row")'),
            ("head_row_check", "head", "c", "True", 'CHECK (("row" = 1))'),
        },
    ),
    (
        _("index"),
        (
            "SELECT i.relname, indisunique, indisvalid, indisready, indkey::text, indpred IS NULL FROM pg_index "
            "JOIN pg_class AS i ON i.oid = indexrelid JOIN pg_class AS c ON c.oid = indrelid "
            f"WHERE {_OURS.format('c')}"
        ),
        {
            ("entries_pkey", "True", "True", "True", "1", "True"),
            ("entries_key_key", "True", "True", "True", "2", "True"),
            ("head_pkey", "True", "True", "True", "1", "True"),
        },
    ),
    (
        _("column"),
        (
            "SELECT c.relname || '.' || attname, format_type(atttypid, atttypmod), attnotnull, atthasdef "
            "FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid "
            f"WHERE attnum > 0 AND NOT attisdropped AND {_OURS.format('c')}"
        ),
        {
            ("entries.sequence", "integer", "True", "False"),
            ("entries.key", "character varying(64)", "True", "False"),
            ("entries.hash", "character varying(64)", "True", "False"),
            ("entries.body", "text", "True", "False"),
            ("head.row", "integer", "True", "False"),
            ("head.count", "integer", "True", "False"),
            ("head.hash", "character varying(64)", "True", "False"),
        },
    ),
    (
        _("rule or policy"),
        (
            "SELECT rulename FROM pg_rewrite JOIN pg_class AS c ON c.oid = ev_class "
            f"WHERE {_OURS.format('c')} UNION ALL SELECT relname FROM pg_class AS c "
            f"WHERE (relrowsecurity OR relkind <> 'r' OR relpersistence <> 'p') AND {_OURS.format('c')}"
        ),
        set(),
    ),
)
"""What it is, how the database tells it, and what it tells of a log as it was made."""


def grants(readers: Sequence[str], writers: Sequence[str], database: str) -> str:
    """Return a script for psql that gives accounts the rights they need and no others.

    A reader may only read. A writer may also add entries, under the name of the account alone. Nobody of them may
    change or remove an entry, move the head, or make anything in the schema.

    Parameters
    ----------
    readers, writers : sequence of str
        Names of accounts; those that do not exist are made, without a password.
    database : str

    Raises
    ------
    ProtocolError
        If a name is empty or too long for PostgreSQL, or if one is a reader and a writer.
    """
    for name in (*readers, *writers):
        if not 0 < len(name.encode()) < 64 or not name.isprintable():
            raise ProtocolError(_("account"), repr(name)[:80], _("a name of 1 to 63 bytes"))
    if twice := sorted({*readers} & {*writers}):
        raise ProtocolError(_("account"), twice[0], _("it once: a writer may read too"))
    lines = [
        "-- Run by the owner of the tables: psql --single-transaction --set ON_ERROR_STOP=1 --file THIS",
        f"REVOKE ALL ON DATABASE {_quoted(database)} FROM PUBLIC;",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC;",
        "REVOKE ALL ON entries, head, alembic_version FROM PUBLIC;",
        *(f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC;" for name in tables.FUNCTIONS),
    ]
    for name in (*readers, *writers):
        account, text = _quoted(name), "'" + name.replace("'", "''") + "'"
        lines += [
            f"-- {'reads' if name in readers else 'reads and records'}; a password: \\password {account}",
            (
                f"SELECT format('CREATE ROLE %I LOGIN NOINHERIT', {text}) "
                f"WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = {text}) \\gexec"
            ),
            f"ALTER ROLE {account} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;",
            f"REVOKE ALL ON entries, head, alembic_version FROM {account};",
            f"GRANT CONNECT ON DATABASE {_quoted(database)} TO {account};",
            f"GRANT USAGE ON SCHEMA public TO {account};",
            f"GRANT SELECT ON entries, head, alembic_version TO {account};",
            f"ALTER ROLE {account} SET idle_in_transaction_session_timeout = '60s';",
        ]
        if name in writers:
            lines += [
                f"GRANT INSERT ON entries TO {account};",
                f"GRANT EXECUTE ON FUNCTION log_lock() TO {account};",
            ]
    return "\n".join(lines) + "\n"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
