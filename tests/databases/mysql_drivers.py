"""Every driver of MySQL that the docs name, opened in the same way: so that each has its row of tests."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import pingpool
from pingpool.databases.mysql import AsyncMySQL, MySQL
from pingpool.testing.servers import MariaDBServer
from tests.databases.waiting import SOON


class Driver:
    """One driver among threads; `module` is what has to be installed."""

    def __init__(self, name: str, module: str, **options: Any) -> None:
        self.name = name
        self._module = module
        self._options = options

    def __repr__(self) -> str:
        return self.name

    def load(self) -> Any:
        """Import the driver, or skip the test."""
        return pytest.importorskip(self._module, reason=f"{self.name} is not installed", exc_type=ImportError)

    def connecting(self, server: MariaDBServer, autocommit: bool) -> Callable[[], Any]:
        """Return a function that opens a session."""
        module = self.load()
        words = {"host": server.host, "port": server.port, "user": "root", "database": "test"}
        return lambda: module.connect(**words, autocommit=autocommit, **self._options)

    def database(self, server: MariaDBServer, *, autocommit: bool = False, **options: Any) -> Any:
        """Return the database of a server."""
        return MySQL(connect=self.connecting(server, autocommit), **options)

    def hand_over(self, database: Any, left: Sequence[str], asked: str, *, error: bool = False) -> tuple[bool, Any]:
        """Return whether the next holder got the same session, and the first row of the answer to his question.

        The last holder runs statements; with `error` his block ends in one of his own.
        """
        with pingpool.open(database, size=1, name=self.name) as pool:
            try:
                with pool.session(timeout=SOON) as first:
                    for statement in left:
                        run(first, statement)
                    if error:
                        raise LookupError
            except LookupError:
                pass
            with pool.session(timeout=SOON) as second:
                return second is first, run(second, asked)


class ByPyMySQL(Driver):
    """PyMySQL as `MySQL` opens it by itself."""

    def database(self, server: MariaDBServer, *, autocommit: bool = False, **options: Any) -> Any:
        where: dict[str, Any] = {"host": server.host, "port": server.port, "user": "root", "database": "test"}
        return MySQL(**where, ssl_disabled=True, autocommit=autocommit, **options)


class ByAiomysql(Driver):
    """aiomysql, in a loop of its own for each call."""

    def database(self, server: MariaDBServer, *, autocommit: bool = False, **options: Any) -> Any:
        self.load()
        where: dict[str, Any] = {"host": server.host, "port": server.port, "user": "root", "database": "test"}
        return AsyncMySQL(**where, ssl_disabled=True, autocommit=autocommit, **options)

    def hand_over(self, database: Any, left: Sequence[str], asked: str, *, error: bool = False) -> tuple[bool, Any]:
        async def main() -> tuple[bool, Any]:
            async with pingpool.open_async(database, size=1, name=self.name) as pool:
                try:
                    async with pool.session(timeout=SOON) as first:
                        for statement in left:
                            await run_async(first, statement)
                        if error:
                            raise LookupError
                except LookupError:
                    pass
                async with pool.session(timeout=SOON) as second:
                    return second is first, await run_async(second, asked)

        return asyncio.run(main())


def run(session: Any, statement: str) -> Any:
    """Run a statement and return its first row, if it has rows."""
    cursor = session.cursor()
    try:
        cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
        return rows[0] if rows else None
    finally:
        cursor.close()


async def run_async(session: Any, statement: str) -> Any:
    """The same by aiomysql."""
    async with session.cursor() as cursor:
        await cursor.execute(statement)
        return await cursor.fetchone() if cursor.description else None


CONNECTOR = {"charset": "utf8mb4", "collation": "utf8mb4_general_ci", "ssl_disabled": True}

PYMYSQL = ByPyMySQL("PyMySQL", "pymysql")
AIOMYSQL = ByAiomysql("aiomysql", "aiomysql")
OTHERS = [
    Driver("PyMySQL by connect=", "pymysql", ssl_disabled=True),
    Driver("mysql-connector", "mysql.connector", use_pure=True, **CONNECTOR),
    Driver("mysqlclient", "MySQLdb"),
    Driver("mariadb", "mariadb"),
]
THREADS = [PYMYSQL, *OTHERS]
ALL = [AIOMYSQL, *THREADS]
