"""A database for each driver, and how its sessions are read and written; threads first, then asyncio."""

import sqlite3
import tempfile
from collections.abc import Collection
from contextlib import AbstractContextManager, closing, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pingpool.databases.dbapi import DBAPI
from pingpool.databases.mysql import AsyncMySQL, MySQL
from pingpool.databases.postgres import AsyncPG, AsyncPostgres, Postgres
from pingpool.databases.redis import AsyncRedis, Redis, client_on
from pingpool.databases.sqlite import AsyncSQLite, SQLite
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

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask by a connection of one's own."""
        with import_module("psycopg").connect(self.server.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
            return rows

    def prepare(self) -> None:
        self.ask(TABLE)

    def written(self) -> Collection[str]:
        return [tag for (tag,) in self.ask(ALL_TAGS)]

    def sessions(self) -> int:
        return int(self.ask(self.SEEN)[0][0])

    def running(self) -> int:
        return int(self.ask(f"{self.SEEN} AND state <> 'idle'")[0][0])


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

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask by a connection of one's own."""
        connection: Any = import_module("pymysql").connect(**self.where(), autocommit=True, ssl_disabled=True)
        with closing(connection), connection.cursor() as cursor:
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


# Drivers among threads.


class ByCursor:
    """Any driver with cursors, not in autocommit."""

    question: str

    def read(self, session: Any, tag: str) -> object:
        """Ask for the tag."""
        cursor = session.cursor()
        cursor.execute(self.question.format(tag))
        row = cursor.fetchone()
        cursor.fetchall()
        cursor.close()
        return row[0]

    def write(self, session: Any, tag: str) -> None:
        """Write it, and do not commit."""
        cursor = session.cursor()
        cursor.execute(f"INSERT INTO storm VALUES ('{tag}')")
        cursor.close()

    def commit(self, session: Any, tag: str) -> None:
        """Commit."""
        session.commit()


class Psycopg(ByCursor, OnPostgres):
    """By psycopg."""

    def database(self) -> Any:
        """Return what a pool opens sessions of."""
        return Postgres(self.server.url)


class Psycopg2(ByCursor, OnPostgres):
    """By psycopg2."""

    def database(self) -> Any:
        module: Any = import_module("psycopg2")
        return DBAPI(lambda: module.connect(self.server.url), driver=module)


class PG8000(ByCursor, OnPostgres):
    """By pg8000."""

    def database(self) -> Any:
        module: Any = import_module("pg8000.dbapi")
        url = urlsplit(self.server.url)
        where = {"host": url.hostname, "port": url.port, "user": url.username, "password": url.password}
        return DBAPI(lambda: module.connect(database=url.path[1:], **where), driver=module)


class PyMySQL(ByCursor, OnMariaDB):
    """By PyMySQL."""

    def database(self) -> Any:
        return MySQL(**self.where(), ssl_disabled=True)


class MySQLConnector(ByCursor, OnMariaDB):
    """By mysql-connector, in pure Python."""

    def database(self) -> Any:
        connect: Any = import_module("mysql.connector").connect
        where = {**self.where(), "use_pure": True, "ssl_disabled": True, "connection_timeout": 10}
        return MySQL(connect=lambda: connect(**where))


class StandardSQLite(ByCursor, OnSQLite):
    """By the standard library."""

    def database(self) -> Any:
        return SQLite(self.file)


class RedisPy(OnValkey):
    """By redis-py."""

    driver = "redis"

    def database(self) -> Any:
        """Return what a pool opens sessions of."""
        return Redis(self.server.host, self.server.port, password=password_of(self.server), driver=self.module)

    @property
    def module(self) -> Any:
        """The driver."""
        return import_module(self.driver)

    def read(self, session: Any, tag: str) -> object:
        """Ask for the tag, as the last of several answers."""
        pipe = client_on(session).pipeline(transaction=False)
        return pipe.echo("x").blpop("nothing", 0.001).echo(tag).execute()[-1].decode()

    def write(self, session: Any, tag: str) -> None:
        """Only read: a command is a commit."""
        client_on(session).exists(tag)

    def commit(self, session: Any, tag: str) -> None:
        """Write in a transaction."""
        client_on(session).pipeline().set(tag, 1).echo(tag).execute()


class ValkeyPy(RedisPy):
    """By valkey-py."""

    driver = "valkey"


# Drivers in asyncio.


class AsyncPsycopg(OnPostgres):
    """By psycopg."""

    def database(self) -> Any:
        """Return what a pool opens sessions of."""
        return AsyncPostgres(self.server.url)

    async def read(self, session: Any, tag: str) -> object:
        """Ask for the tag."""
        cursor = await session.execute(self.question.format(tag))
        row = await cursor.fetchone()
        return row[0]

    async def write(self, session: Any, tag: str) -> None:
        """Write it, and do not commit."""
        await session.execute(f"INSERT INTO storm VALUES ('{tag}')")

    async def commit(self, session: Any, tag: str) -> None:
        """Commit."""
        await session.commit()


class ByAsyncPG(OnPostgres):
    """By asyncpg."""

    def database(self) -> Any:
        """Return what a pool opens sessions of."""
        return AsyncPG(self.server.url)

    async def read(self, session: Any, tag: str) -> object:
        """Ask for the tag."""
        return await session.fetchval(self.question.format(tag))

    async def write(self, session: Any, tag: str) -> None:
        """Write it, and do not commit."""
        await session.execute("BEGIN")
        await session.execute(f"INSERT INTO storm VALUES ('{tag}')")

    async def commit(self, session: Any, tag: str) -> None:
        """Commit."""
        await session.execute("COMMIT")


class AioMySQL(OnMariaDB):
    """By aiomysql."""

    def database(self) -> Any:
        """Return what a pool opens sessions of."""
        return AsyncMySQL(**self.where(), ssl_disabled=True)

    async def read(self, session: Any, tag: str) -> object:
        """Ask for the tag."""
        async with session.cursor() as cursor:
            await cursor.execute(self.question.format(tag))
            row = await cursor.fetchone()
            return row[0]

    async def write(self, session: Any, tag: str) -> None:
        """Write it, and do not commit."""
        async with session.cursor() as cursor:
            await cursor.execute(f"INSERT INTO storm VALUES ('{tag}')")

    async def commit(self, session: Any, tag: str) -> None:
        """Commit."""
        await session.commit()


class AioSQLite(OnSQLite):
    """By aiosqlite."""

    def database(self) -> Any:
        """Return what a pool opens sessions of."""
        return AsyncSQLite(self.file)

    async def read(self, session: Any, tag: str) -> object:
        """Ask for the tag."""
        cursor = await session.execute(self.question.format(tag))
        row = await cursor.fetchone()
        await cursor.close()
        return row[0]

    async def write(self, session: Any, tag: str) -> None:
        """Write it, and do not commit."""
        await session.execute(f"INSERT INTO storm VALUES ('{tag}')")

    async def commit(self, session: Any, tag: str) -> None:
        """Commit."""
        await session.commit()


class AsyncRedisPy(OnValkey):
    """By redis-py."""

    driver = "redis"

    def database(self) -> Any:
        """Return what a pool opens sessions of."""
        module: Any = import_module(self.driver)
        return AsyncRedis(self.server.host, self.server.port, password=password_of(self.server), driver=module)

    async def read(self, session: Any, tag: str) -> object:
        """Ask for the tag, as the last of several answers."""
        pipe = client_on(session).pipeline(transaction=False)
        return (await pipe.echo("x").blpop("nothing", 0.001).echo(tag).execute())[-1].decode()

    async def write(self, session: Any, tag: str) -> None:
        """Only read: a command is a commit."""
        await client_on(session).exists(tag)

    async def commit(self, session: Any, tag: str) -> None:
        """Write in a transaction."""
        await client_on(session).pipeline().set(tag, 1).echo(tag).execute()


class AsyncValkeyPy(AsyncRedisPy):
    """By valkey-py."""

    driver = "valkey"


def password_of(server: Any) -> str | None:
    """Return the password in the server's URL."""
    return urlsplit(server.url).password


AMONG_THREADS: dict[str, Any] = {
    "psycopg": Psycopg,
    "psycopg2": Psycopg2,
    "pg8000": PG8000,
    "pymysql": PyMySQL,
    "mysql-connector": MySQLConnector,
    "sqlite3": StandardSQLite,
    "redis-py": RedisPy,
    "valkey-py": ValkeyPy,
}

IN_ASYNCIO: dict[str, Any] = {
    "psycopg": AsyncPsycopg,
    "asyncpg": ByAsyncPG,
    "aiomysql": AioMySQL,
    "aiosqlite": AioSQLite,
    "redis-py": AsyncRedisPy,
    "valkey-py": AsyncValkeyPy,
}
