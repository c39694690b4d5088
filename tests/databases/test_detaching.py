"""Sessions that were detached: whole, their holder's to end, and held by nobody of the pool's."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pingpool
from pingpool.testing.servers import PrivateServer
from tests.databases.waiting import SOON, until_in_asyncio

pytest.importorskip("aiosqlite")
pytest.importorskip("aiomysql")
pytest.importorskip("asyncpg")
pytest.importorskip("pymysql")

pytestmark = pytest.mark.server
pytest_plugins = ["pingpool.testing.fixtures"]


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where sessions of one kind are opened."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/shop.db"
    name, _, scheme = kind.partition(" by ")
    server = request.getfixturevalue(f"{name}_server")
    assert isinstance(server, PrivateServer)
    return server.url if not scheme else f"{scheme}:{server.url.partition(':')[2]}"


def ask_by_cursor(session: Any) -> None:
    """Run a statement."""
    cursor = session.cursor()
    cursor.execute("SELECT 1")
    assert cursor.fetchall()
    cursor.close()
    session.close()


def ask_by_command(session: Any) -> None:
    """Send a command."""
    session.send_command("PING")
    assert session.read_response() == b"PONG"
    session.disconnect()


@pytest.mark.parametrize(
    ("kind", "use_and_end"),
    [
        ("sqlite", ask_by_cursor),
        ("postgres", ask_by_cursor),
        ("mariadb", ask_by_cursor),
        ("valkey", ask_by_command),
    ],
)
def test_a_detached_session_lives_on_without_its_pool(url: str, use_and_end: Callable[[Any], None]) -> None:
    """It serves its holder also when the pool is closed, ends by its own `close`, and nothing remembers it."""
    with pingpool.open(url, size=1) as pool:
        with pool.session(SOON) as session:
            pool.detach(session)
        pool.wait(SOON)
        assert pool.stats().replaced == {"detached": 1}
    use_and_end(session)
    remembered = weakref.ref(session)
    del session
    gc.collect()
    assert remembered() is None


async def ask_asyncpg(session: Any) -> None:
    """Run a statement by asyncpg."""
    assert await session.fetchval("SELECT 1") == 1
    await session.close()


async def ask_psycopg(session: Any) -> None:
    """Run a statement by psycopg."""
    assert await (await session.execute("SELECT 1")).fetchone() == (1,)
    await session.close()


async def ask_aiomysql(session: Any) -> None:
    """Run a statement by aiomysql."""
    async with session.cursor() as cursor:
        await cursor.execute("SELECT 1")
        assert await cursor.fetchall()
    session.close()


async def ask_aiosqlite(session: Any) -> None:
    """Run a statement by aiosqlite."""
    async with session.execute("SELECT 1") as cursor:
        assert await cursor.fetchall()
    await session.close()


async def ask_valkey(session: Any) -> None:
    """Send a command."""
    await session.send_command("PING")
    assert await session.read_response() == b"PONG"
    await session.disconnect()


@pytest.mark.parametrize(
    ("kind", "use_and_end"),
    [
        ("sqlite", ask_aiosqlite),
        ("postgres", ask_psycopg),
        ("postgres by asyncpg", ask_asyncpg),
        ("mariadb", ask_aiomysql),
        ("valkey", ask_valkey),
    ],
)
def test_so_it_does_in_asyncio(url: str, use_and_end: Callable[[Any], Any]) -> None:
    """The same, by each driver for asyncio."""

    async def main() -> None:
        async with pingpool.open_async(url, size=1) as pool:
            async with pool.session(SOON) as session:
                await pool.detach(session)
            await pool.wait(SOON)
            assert pool.stats().replaced == {"detached": 1}
        await use_and_end(session)
        remembered = weakref.ref(session)
        del session
        await until_in_asyncio(lambda: (gc.collect(), remembered() is None)[1])

    asyncio.run(main())
