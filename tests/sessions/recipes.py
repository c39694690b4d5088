"""The recipes of docs/sessions.md, and what each of them has to stand."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

import pingpool
from pingpool.errors import DatabaseRefuses
from pingpool.testing.proxy import FaultProxy
from tests.databases.waiting import SOON, until, until_in_asyncio
from tests.docs.pages import blocks_of

PAGE = "docs/sessions.md"
SIZE = 2


def recipe(name: str, stand_ins: Mapping[str, str]) -> Any:
    """Return the database that a block of the page makes, with what is there in place of what it names."""
    (block,) = [block for block in blocks_of(PAGE) if f"\n{name} = " in block.code]
    names: dict[str, Any] = {}
    for named in stand_ins:
        assert named in block.code, f"{PAGE} names no {named}"
    block.run(names, stand_ins)
    return names[name]


def stands(database: Any, proxy: FaultProxy, use: Callable[[Any], object]) -> None:
    """See that sessions are used, proven, replaced when they die, idle or in use, and that none is left at the end."""
    with pingpool.open(database, size=SIZE, wait_for=None, ping_interval=3000) as pool:
        assert proxy.connections == SIZE
        for _ in range(SIZE):
            with pool.session() as session:
                use(session)
        before = proxy.round_trips
        assert pool.check() > 0
        assert proxy.round_trips > before, "its ping asks nobody"
        assert pool.stats().replaced == {}

        proxy.cut()
        for _ in range(SIZE):
            with pool.session() as session:
                use(session)
        assert pool.stats().replaced == {"gone": SIZE}

        pool.wait(SOON)
        with pytest.raises(Exception) as died, pool.session() as session:  # noqa: PT011 (of each library its own)
            proxy.cut()
            use(session)
        assert not isinstance(died.value, pingpool.PoolError)
        with pool.session() as session:
            use(session)
        assert pool.stats().replaced["lost"] == 1
    until(lambda: proxy.connections == 0)


def tells_of_a_wrong_password(database: Any) -> None:
    """See that a caller is told at once, and not when his time is up."""
    with (
        pingpool.open(database, size=1, wait_for=0, default_timeout=SOON) as pool,
        pytest.raises(DatabaseRefuses),
    ):
        pool.get()


async def stands_in_asyncio(database: Any, proxy: FaultProxy, use: Callable[[Any], Awaitable[object]]) -> None:
    """The same for asyncio."""
    async with pingpool.open_async(database, size=SIZE, wait_for=None, ping_interval=3000) as pool:
        assert proxy.connections == SIZE
        for _ in range(SIZE):
            async with pool.session() as session:
                await use(session)
        before = proxy.round_trips
        assert await pool.check() > 0
        assert proxy.round_trips > before, "its ping asks nobody"
        assert pool.stats().replaced == {}

        await asyncio.to_thread(proxy.cut)
        for _ in range(SIZE):
            async with pool.session() as session:
                await use(session)
        assert pool.stats().replaced == {"gone": SIZE}

        await pool.wait(SOON)
        with pytest.raises(Exception) as died:  # noqa: PT011 (of each library its own)
            async with pool.session() as session:
                await asyncio.to_thread(proxy.cut)
                await use(session)
        assert not isinstance(died.value, pingpool.PoolError)
        async with pool.session() as session:
            await use(session)
        assert sum(pool.stats().replaced.values()) > SIZE
    await until_in_asyncio(lambda: proxy.connections == 0)
