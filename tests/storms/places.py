"""Where storms blow: servers and a file, and what can be seen there beside the sessions of a pool."""

import sqlite3
import tempfile
from collections.abc import Collection
from contextlib import AbstractContextManager, closing, nullcontext
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pingpool.testing.servers import MariaDBServer, PostgresServer, ValkeyServer

TABLE = "CREATE TABLE storm (tag varchar(40))"
ALL_TAGS = "SELECT tag FROM storm"


class Place:
    """A server, or a file, that sessions are opened on; and what can be seen there beside them."""

    question = "SELECT '{}'"
    """A statement that answers with the tag, after a while in which it may be cut off."""

    server: AbstractContextManager[Any]

    def prepare(self) -> None:
        """Make the table."""

    def written(self) -> Collection[str]:
        """Return all tags in the table."""
        return ()

    def sessions(self) -> int | None:
        """How many sessions does the server see? None if nobody can tell."""
        return None

    def running(self) -> int:
        """How many statements run there?"""
        return 0


class OnPostgres(Place):
    """PostgreSQL."""

    question = "SELECT '{}' FROM pg_sleep(0.001)"
    SEEN = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"

    def __init__(self) -> None:
        self.server: Any = PostgresServer()

    @cached_property
    def connection(self) -> Any:
        """One's own connection: the only one, as one that was just closed may still be counted by the next."""
        return import_module("psycopg").connect(self.server.url, autocommit=True)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask by one's own connection."""
        cursor = self.connection.execute(statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        return rows

    def prepare(self) -> None:
        self.ask(TABLE)

    def written(self) -> Collection[str]:
        return [tag for (tag,) in self.ask(ALL_TAGS)]

    def sessions(self) -> int:
        return int(self.ask(self.SEEN)[0][0])

    def running(self) -> int:
        # What asyncpg has prepared, and was cut off before it ran, is "active" too: it waits for its client.
        is_prepared = "state = 'active' AND wait_event = 'ClientRead'"
        return int(self.ask(f"{self.SEEN} AND state <> 'idle' AND NOT ({is_prepared})")[0][0])


class OnMariaDB(Place):
    """MariaDB."""

    question = "SELECT '{}', SLEEP(0.001)"

    def __init__(self) -> None:
        self.server: Any = MariaDBServer()

    def where(self) -> dict[str, Any]:
        """Return how to connect, in the words of the drivers."""
        url = urlsplit(self.server.url)
        where = {"host": url.hostname, "port": url.port, "user": url.username, "database": url.path[1:]}
        return {**where, "password": url.password or ""}

    @cached_property
    def connection(self) -> Any:
        """One's own connection: the only one, as one that was just closed may still be counted by the next."""
        return import_module("pymysql").connect(**self.where(), autocommit=True, ssl_disabled=True)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask by one's own connection."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def prepare(self) -> None:
        self.ask(TABLE)

    def written(self) -> Collection[str]:
        return [tag for (tag,) in self.ask(ALL_TAGS)]

    def others(self) -> list[tuple[Any, ...]]:
        """Return what the server lists of others: who, and what they do."""
        listed = self.ask("SELECT command, info FROM information_schema.processlist WHERE id <> CONNECTION_ID()")
        return [each for each in listed if each[0] != "Daemon"]

    def sessions(self) -> int:
        return len(self.others())

    def running(self) -> int:
        return sum(command != "Sleep" for command, _ in self.others())


class OnSQLite(Place):
    """A file."""

    question = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT '{}' FROM n ORDER BY -i"
    )

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.server = nullcontext()
        self.file = Path(self.folder.name) / "storm.db"

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask by a connection of one's own."""
        with closing(sqlite3.connect(self.file, timeout=60)) as connection, connection:
            return connection.execute(statement).fetchall()

    def prepare(self) -> None:
        self.ask(TABLE)

    def written(self) -> Collection[str]:
        return [tag for (tag,) in self.ask(ALL_TAGS)]


class OnValkey(Place):
    """Valkey, whose keys are the tags."""

    def __init__(self) -> None:
        self.server: Any = ValkeyServer()

    def written(self) -> Collection[str]:
        return list(self.server.execute("KEYS", "*"))

    def sessions(self) -> int:
        return str(self.server.execute("CLIENT", "LIST")).count("id=") - 1
