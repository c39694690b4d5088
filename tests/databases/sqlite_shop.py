"""The file that the tests of SQLite share."""

import sqlite3
from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with one table of three rows."""
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.executescript("CREATE TABLE t (i INTEGER PRIMARY KEY, p INTEGER REFERENCES t (i))")
        connection.executemany("INSERT INTO t (i) VALUES (?)", [(1,), (2,), (3,)])
    connection.close()
    return tmp_path / "shop.db"
