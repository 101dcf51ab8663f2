"""The tables of a log, which the database itself lets nobody change or shorten.

`entries` holds one row an entry. `head` holds one row: how many entries there are and the hash of the last, so that a
log that lost its end is noticed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SQLITE = (
    """CREATE TRIGGER entries_keep_update BEFORE UPDATE ON entries
       BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END""",
    """CREATE TRIGGER entries_keep_delete BEFORE DELETE ON entries
       BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END""",
    # INSERT OR REPLACE would remove a row without asking the trigger above
    """CREATE TRIGGER entries_in_order BEFORE INSERT ON entries
       WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM entries)
         OR EXISTS (SELECT 1 FROM entries WHERE key = NEW.key)
       BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END""",
    """CREATE TRIGGER head_keep BEFORE DELETE ON head
       BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END""",
    """CREATE TRIGGER head_forward BEFORE UPDATE ON head WHEN NEW.count <> OLD.count + 1
       BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END""",
)

POSTGRESQL = (
    """CREATE FUNCTION log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'the log is append-only'; END $$""",
    """CREATE TRIGGER entries_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
       FOR EACH STATEMENT EXECUTE FUNCTION log_is_append_only()""",
    """CREATE FUNCTION log_is_in_order() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN
         IF NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM entries) THEN
           RAISE EXCEPTION 'the log is append-only';
         END IF;
         RETURN NEW;
       END $$""",
    """CREATE TRIGGER entries_in_order BEFORE INSERT ON entries
       FOR EACH ROW EXECUTE FUNCTION log_is_in_order()""",
    """CREATE TRIGGER head_keep BEFORE DELETE OR TRUNCATE ON head
       FOR EACH STATEMENT EXECUTE FUNCTION log_is_append_only()""",
    """CREATE TRIGGER head_forward BEFORE UPDATE ON head
       FOR EACH ROW WHEN (NEW.count <> OLD.count + 1) EXECUTE FUNCTION log_is_append_only()""",
)


def upgrade() -> None:
    """Make both tables, the head of an empty log, and the triggers."""
    op.create_table(
        "entries",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    head = op.create_table(
        "head",
        sa.Column("row", sa.Integer, sa.CheckConstraint('"row" = 1'), primary_key=True, autoincrement=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.bulk_insert(head, [{"row": 1, "count": 0, "hash": "0" * 64}])
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)
