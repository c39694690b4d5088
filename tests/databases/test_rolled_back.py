"""Work that a holder left uncommitted is undone, counted, and its place is told: by each database that can tell."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pingpool
from pingpool.databases.dbapi import DBAPI
from pingpool.databases.postgres import Postgres, traits
from pingpool.testing.servers import MariaDBServer, PostgresServer, ValkeyServer

pytest_plugins = ["pingpool.testing.fixtures"]
pytestmark = pytest.mark.server

TOLD = "came back in a transaction, which was rolled back"


def begin(session: Any) -> None:
    """Leave a transaction open that has written."""
    cursor = session.cursor()
    cursor.execute("CREATE TABLE left_behind (number int)")
    cursor.execute("INSERT INTO left_behind VALUES (1)")


def left_behind(database: Any, leave: Callable[[Any], object]) -> int:
    """Leave a transaction open in a block that ends well, and one that does not; return what was counted."""
    with pingpool.open(database, size=1) as pool:
        with pool.session(30) as session:
            leave(session)
        with pytest.raises(LookupError), pool.session(30) as session:
            leave(session)
            raise LookupError
        with pool.session(30):
            return pool.stats().rolled_back


def test_in_postgresql(postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture) -> None:
    """libpq knows."""
    assert left_behind(postgres_server.url, begin) == 1
    assert caplog.text.count(TOLD) == 1


@pytest.mark.parametrize("prepare", [None, True])
def test_in_postgresql_what_was_only_read_is_no_work(
    postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture, prepare: bool | None
) -> None:
    """The server says so with the rollback, also where psycopg has prepared a statement; a write counts after it."""
    with pingpool.open(postgres_server.url, size=1) as pool:
        for statement in ("SELECT 1", "CREATE TABLE left_behind (number int)", "SELECT 1"):
            with pool.session(30) as session:
                session.execute(statement, prepare=prepare)
        with pool.session(30):
            assert (pool.stats().rolled_back, pool.stats().resets) == (1, 3)
    assert caplog.text.count(TOLD) == 1


def test_in_postgresql_what_was_only_read_is_no_work_in_asyncio(postgres_server: PostgresServer) -> None:
    """The same by psycopg for asyncio."""

    async def count() -> tuple[int, int]:
        async with pingpool.open_async(postgres_server.url, size=1) as pool:
            for statement in ("SELECT 1", "CREATE TABLE left_behind (number int)", "SELECT 1"):
                async with pool.session(30) as session:
                    await session.execute(statement)
            async with pool.session(30):
                return pool.stats().rolled_back, pool.stats().resets

    assert asyncio.run(count()) == (1, 3)


def test_a_server_that_cannot_tell_is_asked_once(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has no such function, as some that speak PostgreSQL's protocol: then all counts as work."""
    monkeypatch.setattr(traits, "HAD_WRITTEN", b"SELECT no_such_function()")
    database = Postgres(postgres_server.url)
    with pingpool.open(database, size=1) as pool:
        for _ in range(2):
            with pool.session(30) as session:
                session.execute("SELECT 1")
        with pool.session(30) as session:
            assert session.execute("SELECT 1").fetchone() == (1,)
            assert pool.stats().rolled_back == 2
    assert not database._is_told_of_writes


def test_in_mariadb(mariadb_server: MariaDBServer, caplog: pytest.LogCaptureFixture) -> None:
    """The server says so in each answer."""
    assert left_behind(mariadb_server.url, lambda session: session.begin()) == 1
    assert caplog.text.count(TOLD) == 1


def test_in_valkey(valkey_server: ValkeyServer, caplog: pytest.LogCaptureFixture) -> None:
    """Commands that were queued, and never executed."""

    def queue(session: Any) -> None:
        session.send_command("MULTI")
        session.read_response()

    assert left_behind(valkey_server.url, queue) == 1
    assert caplog.text.count(TOLD) == 1


def test_in_sqlite(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The connection knows."""
    assert left_behind(f"sqlite:///{tmp_path}/shop.db", lambda session: session.execute("BEGIN")) == 1
    assert caplog.text.count(TOLD) == 1


def test_by_a_pep_249_driver(postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture) -> None:
    """A driver that has a sign for it is asked."""
    psycopg2 = pytest.importorskip("psycopg2")
    assert left_behind(DBAPI(lambda: psycopg2.connect(postgres_server.url), driver=psycopg2), begin) == 1
    assert caplog.text.count(TOLD) == 1


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+asyncpg"])
def test_in_asyncio(scheme: str, postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture) -> None:
    """The same for tasks, by each driver."""

    async def main() -> int:
        url = postgres_server.url.replace("postgresql", scheme, 1)
        async with pingpool.open_async(url, size=1) as pool:
            async with pool.session(30) as session:
                for statement in ("BEGIN", "CREATE TABLE left_behind (number int)"):
                    await session.execute(statement)
            async with pool.session(30):
                return pool.stats().rolled_back

    assert asyncio.run(main()) == 1
    assert caplog.text.count(TOLD) == 1
