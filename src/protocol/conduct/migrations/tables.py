"""The tables, functions and triggers of a log: the revision makes them, a verification compares with them.

`entries` holds one row an entry. `head` holds one row: how many entries there are and the hash of the last, so that a
log that lost its end is noticed. The head follows by a trigger, so that nobody needs the right to change it.
"""

_APPEND_ONLY = "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"

SQLITE: tuple[str, ...] = (
    """CREATE TABLE entries (
         sequence INTEGER NOT NULL PRIMARY KEY,
         key VARCHAR(64) NOT NULL UNIQUE,
         hash VARCHAR(64) NOT NULL,
         body TEXT NOT NULL)""",
    """CREATE TABLE head (
         "row" INTEGER NOT NULL PRIMARY KEY CHECK ("row" = 1),
         count INTEGER NOT NULL,
         hash VARCHAR(64) NOT NULL)""",
    f"INSERT INTO head VALUES (1, 0, '{'0' * 64}')",
    f"CREATE TRIGGER entries_keep_update BEFORE UPDATE ON entries {_APPEND_ONLY}",
    f"CREATE TRIGGER entries_keep_delete BEFORE DELETE ON entries {_APPEND_ONLY}",
    # INSERT OR REPLACE would remove a row without asking the trigger above
    f"""CREATE TRIGGER entries_in_order BEFORE INSERT ON entries
        WHEN NEW.sequence <> (SELECT count + 1 FROM head)
          OR NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM entries)
          OR EXISTS (SELECT 1 FROM entries WHERE key = NEW.key)
        {_APPEND_ONLY}""",
    """CREATE TRIGGER head_follows AFTER INSERT ON entries
       BEGIN UPDATE head SET count = NEW.sequence, hash = NEW.hash; END""",
    f"CREATE TRIGGER head_keep BEFORE DELETE ON head {_APPEND_ONLY}",
    f"CREATE TRIGGER head_single BEFORE INSERT ON head WHEN EXISTS (SELECT 1 FROM head) {_APPEND_ONLY}",
    f"""CREATE TRIGGER head_forward BEFORE UPDATE ON head
        WHEN NEW.count <> OLD.count + 1
          OR NEW.hash IS NOT (SELECT hash FROM entries WHERE sequence = NEW.count)
        {_APPEND_ONLY}""",
)

SQLITE_VERSION = """CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"""
"""What Alembic itself makes, up to white space."""

FUNCTIONS = {
    "log_is_append_only": " BEGIN RAISE EXCEPTION 'the log is append-only'; END ",
    # An entry is of the account that records it. Only who owns the tables can restore the entries of others.
    "log_is_in_order": """
DECLARE
  last head%ROWTYPE;
  told json;
BEGIN
  SELECT * INTO last FROM head FOR UPDATE;
  IF NEW.sequence IS DISTINCT FROM last.count + 1
     OR NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM entries) THEN
    RAISE EXCEPTION 'the log is append-only';
  END IF;
  BEGIN
    told := NEW.body::json;
  EXCEPTION WHEN OTHERS THEN
    RAISE EXCEPTION 'the row is no entry';
  END;
  IF json_typeof(told) <> 'object' OR NEW.hash <> encode(sha256(convert_to(NEW.body, 'UTF8')), 'hex') THEN
    RAISE EXCEPTION 'the row is no entry';
  END IF;
  IF (SELECT array_agg(name ORDER BY name COLLATE "C") FROM json_object_keys(told) AS name) IS DISTINCT FROM
     ARRAY['actor', 'event', 'key', 'previous', 'protocol', 'reason', 'sequence', 'site', 'software', 'time']
     OR EXISTS (SELECT 1 FROM json_each(told) AS part WHERE json_typeof(part.value) IS DISTINCT FROM
       CASE part.key WHEN 'sequence' THEN 'number' WHEN 'event' THEN 'object' ELSE 'string' END)
     OR told ->> 'sequence' <> NEW.sequence::text
     OR told ->> 'key' <> NEW.key
     OR told ->> 'previous' <> last.hash
     OR told ->> 'time' !~ '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z$'
     OR json_typeof(told -> 'event' -> 'kind') IS DISTINCT FROM 'string' THEN
    RAISE EXCEPTION 'the row is no entry';
  END IF;
  IF told ->> 'actor' <> session_user
     AND NOT pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER') THEN
    RAISE EXCEPTION 'the actor is not the account' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END
""",
    "log_head_follows": """
BEGIN
  UPDATE head SET count = NEW.sequence, hash = NEW.hash;
  RETURN NULL;
END
""",
    "log_head_is_last": """
BEGIN
  IF NEW."row" IS DISTINCT FROM OLD."row" OR NEW.count IS DISTINCT FROM OLD.count + 1
     OR NEW.hash IS DISTINCT FROM (SELECT hash FROM entries WHERE sequence = NEW.count) THEN
    RAISE EXCEPTION 'the log is append-only';
  END IF;
  RETURN NEW;
END
""",
    # One writer at a time. A lock by number could be taken by everybody who may connect.
    "log_lock": " BEGIN PERFORM 1 FROM head FOR UPDATE; END ",
}
"""Name to body. Each runs with the rights of the owner and finds tables only in the schema of the log."""

TRIGGERS = {
    "entries_keep": "BEFORE UPDATE OR DELETE OR TRUNCATE ON entries FOR EACH STATEMENT {log_is_append_only}",
    "entries_in_order": "BEFORE INSERT ON entries FOR EACH ROW {log_is_in_order}",
    "head_follows": "AFTER INSERT ON entries FOR EACH ROW {log_head_follows}",
    "head_keep": "BEFORE DELETE OR TRUNCATE ON head FOR EACH STATEMENT {log_is_append_only}",
    "head_forward": "BEFORE UPDATE ON head FOR EACH ROW {log_head_is_last}",
}


def postgresql(schema: str) -> tuple[str, ...]:
    """Return the statements that make a log in a schema; its name is quoted."""
    calls = {name: f"EXECUTE FUNCTION {name}()" for name in FUNCTIONS}
    return (
        """CREATE TABLE entries (
             sequence integer PRIMARY KEY,
             key varchar(64) NOT NULL UNIQUE,
             hash varchar(64) NOT NULL,
             body text NOT NULL)""",
        """CREATE TABLE head (
             "row" integer PRIMARY KEY CHECK ("row" = 1),
             count integer NOT NULL,
             hash varchar(64) NOT NULL)""",
        f"INSERT INTO head VALUES (1, 0, '{'0' * 64}')",
        *(
            f"CREATE FUNCTION {name}() RETURNS {'void' if name == 'log_lock' else 'trigger'} LANGUAGE plpgsql "
            f"SECURITY DEFINER SET search_path = {schema}, pg_temp AS $log${body}$log$"
            for name, body in FUNCTIONS.items()
        ),
        *(f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC" for name in FUNCTIONS),
        *(f"CREATE TRIGGER {name} {rest.format(**calls)}" for name, rest in TRIGGERS.items()),
    )
