"""How a log of an older version becomes one of today's (Alembic)."""
