"""The head: how many entries there are and the hash of the last, so that a lost end is noticed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"

down_revision = "0001"

branch_labels = None

depends_on = None

SQLITE = (
    """CREATE TRIGGER head_keep BEFORE DELETE ON head
       BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END""",
    """CREATE TRIGGER head_forward BEFORE UPDATE ON head WHEN NEW.count <> OLD.count + 1
       BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END""",
)

POSTGRESQL = (
    """CREATE TRIGGER head_keep BEFORE DELETE OR TRUNCATE ON head
       FOR EACH STATEMENT EXECUTE FUNCTION log_is_append_only()""",
    """CREATE TRIGGER head_forward BEFORE UPDATE ON head
       FOR EACH ROW WHEN (NEW.count <> OLD.count + 1) EXECUTE FUNCTION log_is_append_only()""",
)


def upgrade() -> None:
    """Make the table of the head and fill it from the entries."""
    head = op.create_table(
        "head",
        sa.Column("row", sa.Integer, sa.CheckConstraint('"row" = 1'), primary_key=True, autoincrement=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    query = sa.text("SELECT sequence, hash FROM entries ORDER BY sequence DESC LIMIT 1")
    last = op.get_bind().execute(query).first()
    count, own = last if last else (0, "0" * 64)
    op.bulk_insert(head, [{"row": 1, "count": count, "hash": own}])
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)
