"""A database for each driver, and how its sessions are read and written; threads first, then asyncio."""

from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from pingpool.databases import mysql, postgres, redis, sqlite
from pingpool.databases.dbapi import DBAPI
from tests.storms.places import OnMariaDB, OnPostgres, OnSQLite, OnValkey
from tests.storms.spanner import AsyncSpanner, Spanner

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
        return postgres.Postgres(self.server.url)


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


class PyODBC(ByCursor, OnPostgres):
    """By pyodbc, and PostgreSQL's own driver for ODBC."""

    DRIVER = "PostgreSQL Unicode"

    def database(self) -> Any:
        module: Any = import_module("pyodbc")
        module.pooling = False
        url = urlsplit(self.server.url)
        where = f"Server={url.hostname};Port={url.port};Database={url.path[1:]};UID={url.username};PWD={url.password}"
        return DBAPI(lambda: module.connect(f"Driver={{{self.DRIVER}}};{where}"), driver=module)


class PyMySQL(ByCursor, OnMariaDB):
    """By PyMySQL."""

    def database(self) -> Any:
        return mysql.MySQL(**self.where(), ssl_disabled=True)


class MySQLConnector(ByCursor, OnMariaDB):
    """By mysql-connector, in pure Python."""

    def database(self) -> Any:
        connect: Any = import_module("mysql.connector").connect
        where = {**self.where(), "use_pure": True, "ssl_disabled": True, "connection_timeout": 10}
        return mysql.MySQL(connect=lambda: connect(**where))


class StandardSQLite(ByCursor, OnSQLite):
    """By the standard library."""

    def database(self) -> Any:
        return sqlite.SQLite(self.file)


class RedisPy(OnValkey):
    """By redis-py."""

    driver = "redis"

    def database(self) -> Any:
        """Return what a pool opens sessions of."""
        return redis.Redis(self.server.host, self.server.port, password=password_of(self.server), driver=self.module)

    @property
    def module(self) -> Any:
        """The driver."""
        return import_module(self.driver)

    def read(self, session: Any, tag: str) -> object:
        """Ask for the tag, as the last of several answers."""
        pipe = redis.client_on(session).pipeline(transaction=False)
        return pipe.echo("x").blpop("nothing", 0.001).echo(tag).execute()[-1].decode()

    def write(self, session: Any, tag: str) -> None:
        """Only read: a command is a commit."""
        redis.client_on(session).exists(tag)

    def commit(self, session: Any, tag: str) -> None:
        """Write in a transaction."""
        redis.client_on(session).pipeline().set(tag, 1).echo(tag).execute()


class ValkeyPy(RedisPy):
    """By valkey-py."""

    driver = "valkey"


# Drivers in asyncio.


class AsyncPsycopg(OnPostgres):
    """By psycopg."""

    def database(self) -> Any:
        """Return what a pool opens sessions of."""
        return postgres.AsyncPostgres(self.server.url)

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
        return postgres.AsyncPG(self.server.url)

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
        return mysql.AsyncMySQL(**self.where(), ssl_disabled=True)

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
        return sqlite.AsyncSQLite(self.file)

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
        return redis.AsyncRedis(self.server.host, self.server.port, password=password_of(self.server), driver=module)

    async def read(self, session: Any, tag: str) -> object:
        """Ask for the tag, as the last of several answers."""
        pipe = redis.client_on(session).pipeline(transaction=False)
        return (await pipe.echo("x").blpop("nothing", 0.001).echo(tag).execute())[-1].decode()

    async def write(self, session: Any, tag: str) -> None:
        """Only read: a command is a commit."""
        await redis.client_on(session).exists(tag)

    async def commit(self, session: Any, tag: str) -> None:
        """Write in a transaction."""
        await redis.client_on(session).pipeline().set(tag, 1).echo(tag).execute()


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
    "pyodbc": PyODBC,
    "pymysql": PyMySQL,
    "mysql-connector": MySQLConnector,
    "sqlite3": StandardSQLite,
    "redis-py": RedisPy,
    "valkey-py": ValkeyPy,
    "spanner": Spanner,
}

IN_ASYNCIO: dict[str, Any] = {
    "psycopg": AsyncPsycopg,
    "asyncpg": ByAsyncPG,
    "aiomysql": AioMySQL,
    "aiosqlite": AioSQLite,
    "redis-py": AsyncRedisPy,
    "valkey-py": AsyncValkeyPy,
    "spanner": AsyncSpanner,
}
