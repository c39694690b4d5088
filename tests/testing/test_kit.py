"""What the kit has for the tests of others: fakes of a pool, and the questions at the end of a test."""

import asyncio
import queue

import pytest

from pingpool import PingingPool, PoolTimeout, testing
from pingpool.errors import NotLent
from pingpool.testing import Clock, FakePool, FaultyDatabase, assert_no_leaks, settle
from pingpool.testing.async_database import AsyncFaultyDatabase
from pingpool.testing.async_fake_pool import AsyncFakePool
from pingpool.testing.clock import Stuck


def test_a_fake_lends_what_it_is_given_and_remembers_how_it_was_used() -> None:
    """The least recently used comes first; a block that ends in an error says so."""
    pool = FakePool(["one", "two"])
    with pool.session() as session:
        assert session == "one"
    with pytest.raises(ValueError, match="no"), pool.session() as session:
        assert session == "two"
        raise ValueError("no")
    assert [type(error) for error in pool.uses] == [type(None), ValueError]
    assert pool.get() == "one"


def test_a_fake_refuses_what_a_pool_refuses() -> None:
    """An empty fake raises what code for queues expects, at once; so does a session given back twice."""
    pool = FakePool([object()])
    session = pool.get()
    for kind in (PoolTimeout, queue.Empty):
        with pytest.raises(kind):
            pool.get(60)
    pool.put(session)
    with pytest.raises(NotLent):
        pool.put(session)
    pool.bind("anything")
    assert pool.check() == 0
    pool.clear()
    for call in (pool.get, pool.check):
        with pytest.raises(PoolTimeout, match="all 0 sessions"):
            call()


def test_the_fake_for_asyncio_raises_what_its_callers_expect() -> None:
    """The same, with the errors of asyncio's queues."""

    async def main() -> None:
        pool = AsyncFakePool([object()])
        await pool.bind("anything")
        async with pool.session() as session:
            with pytest.raises(asyncio.QueueEmpty):
                await pool.get()
        with pytest.raises(asyncio.QueueFull):
            await pool.put(session)
        assert pool.fake.uses == [None]
        assert await pool.check() == 0
        await pool.clear()
        for call in (pool.get, pool.check):
            with pytest.raises(asyncio.QueueEmpty):
                await call()

    asyncio.run(main())


@pytest.mark.parametrize("way", ["discard", "detach"])
def test_a_fake_lets_a_session_go(way: str) -> None:
    """It is not lent again; its block ends quietly, and a `put` is refused, as by a pool."""
    pool = FakePool(["one", "two"])
    with pool.session() as session:
        getattr(pool, way)(session)
        with pytest.raises(NotLent):
            pool.put(session)
    with pytest.raises(NotLent):
        pool.give_back(session, None)
    assert [pool.get_nowait()] == ["two"]
    with pytest.raises(queue.Empty):
        pool.get_nowait()
    assert (pool.uses, pool.parted) == ([], [])


@pytest.mark.parametrize("way", ["discard", "detach"])
def test_the_fake_for_asyncio_lets_a_session_go(way: str) -> None:
    """The same, with the errors of asyncio's queues."""

    async def main() -> None:
        pool = AsyncFakePool([object()])
        async with pool.session() as session:
            await getattr(pool, way)(session)
            for call in (pool.put, getattr(pool, way)):
                with pytest.raises(asyncio.QueueFull):
                    await call(session)
        with pytest.raises(asyncio.QueueEmpty):
            pool.get_nowait()
        with pytest.raises(asyncio.QueueFull):
            pool.put_nowait(session)
        await pool.renew()

    asyncio.run(main())


def test_a_pool_settles() -> None:
    """`settle` returns when nothing is under way any more, and says what is if that takes too long."""
    database = FaultyDatabase()
    with PingingPool(2) as pool:
        pool.bind(database)
        with database.hanging("ping"):
            pool.give_back(pool.get(), ValueError())
            with pytest.raises(TimeoutError, match="1 being checked"):
                settle(pool, 0.05)
        assert settle(pool).idle == 2


def test_a_leak_fails_the_test_that_asks() -> None:
    """A session that is still in use, or was dropped, is an AssertionError with the figures."""
    with PingingPool(2) as pool:
        pool.bind(FaultyDatabase())
        assert_no_leaks(pool)
        session = pool.get()
        with pytest.raises(AssertionError, match="1 sessions are still in use, 0 were dropped"):
            assert_no_leaks(pool)
        pool.put(session)
        assert_no_leaks(pool)


def test_a_test_that_waits_for_a_clock_nobody_tells_is_told_so() -> None:
    """Instead of hanging for ever, `get` raises what says which time it waits for; the pool goes on."""
    clock = Clock(patience=0.1)
    with testing.open(FaultyDatabase(), clock=clock, size=1) as pool:
        session = pool.get()
        with pytest.raises(Stuck, match=r"it is 1000 by this clock; somebody waits until 100[05]"):
            pool.get(5)
        pool.put(session)
        assert pool.get() is session
        pool.put(session)


@pytest.mark.parametrize("kind", [FaultyDatabase, AsyncFaultyDatabase])
def test_a_fault_in_what_is_never_called_is_refused(kind: type[FaultyDatabase | AsyncFaultyDatabase]) -> None:
    """A misspelt method, or one that this database does not have, is named: its fault would never strike."""
    with pytest.raises(ValueError, match="has no method 'pings' of its own"):
        kind().fail("pings")
    with pytest.raises(ValueError, match="'reset'"), kind().hanging("reset"):
        pass
