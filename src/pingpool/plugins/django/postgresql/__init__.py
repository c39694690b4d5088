"""The `ENGINE` for PostgreSQL, by psycopg or psycopg2."""
