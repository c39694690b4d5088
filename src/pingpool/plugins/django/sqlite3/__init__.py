"""The `ENGINE` for SQLite."""
