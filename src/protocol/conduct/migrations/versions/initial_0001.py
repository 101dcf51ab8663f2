"""The tables of a log. Triggers refuse to change or remove rows, and PostgreSQL checks each new one."""

from alembic import op

from protocol.conduct.migrations import tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make both tables, the head of an empty log, the functions and the triggers."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        statements = tables.SQLITE
    else:
        schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
        statements = tables.postgresql(schema)
    for statement in statements:
        connection.exec_driver_sql(statement)
