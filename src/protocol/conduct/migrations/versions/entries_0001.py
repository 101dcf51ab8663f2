"""The entries, which the database itself lets nobody change or remove."""

import sqlalchemy as sa
from alembic import op

revision = "0001"

down_revision = None

branch_labels = None

depends_on = None

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
)


def upgrade() -> None:
    """Make the table of entries."""
    op.create_table(
        "entries",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)
