"""No thread to be had, in asyncio: where a driver's calls are made in threads, or it starts one of its own."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

import pingpool
from pingpool import AsyncDatabase, AsyncPingingPool, CannotFill
from pingpool.databases.in_threads import InThreads
from pingpool.databases.sqlite import AsyncSQLite
from pingpool.testing import FaultyDatabase


@contextmanager
def no_threads(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Let no thread be started."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        yield


@pytest.mark.parametrize("kind", ["in threads", "aiosqlite"])
def test_bind_says_that_no_thread_can_be_had(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`bind` fails with that error as its cause, and the pool can be bound once there are threads."""

    async def main() -> None:
        database: AsyncDatabase[object]
        database = AsyncSQLite(f"{tmp_path}/x.db") if kind == "aiosqlite" else InThreads(FaultyDatabase())
        pool: AsyncPingingPool[object] = AsyncPingingPool(2)
        with no_threads(monkeypatch), pytest.raises(CannotFill) as caught:
            await pool.bind(database)
        assert isinstance(caught.value.__cause__, RuntimeError)
        await pool.bind(database)
        await pool.close()

    asyncio.run(main())


def test_a_ping_without_a_thread_costs_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """That no thread could be had says nothing of the session: it stays, unproven, and is pinged again."""

    async def main() -> None:
        database = FaultyDatabase()
        async with pingpool.open_async(InThreads(database), size=1, ping_interval=0) as pool:
            session = await pool.get(5)
            await pool.put(session)
            with no_threads(monkeypatch):
                assert await pool.ping() == 0
            assert pool.stats().replaced == {}
            assert await pool.get(5) is session

    asyncio.run(main())
