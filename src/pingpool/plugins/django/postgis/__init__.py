"""The `ENGINE` for PostgreSQL with PostGIS, by psycopg or psycopg2."""
