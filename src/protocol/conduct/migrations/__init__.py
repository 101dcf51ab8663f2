"""Makes the tables of a log (Alembic)."""
