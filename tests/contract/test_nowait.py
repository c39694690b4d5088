"""`get_nowait` and `put_nowait`: the words of queues, for those who write for both worlds or cannot await."""

import pytest

from pingpool.errors import AlreadyReturned, NotLent, PoolTimeout
from pingpool.testing import FakeSession, TransactionalDatabase
from tests.contract.world import World


async def test_a_fresh_session_goes_out_and_comes_back_without_waiting(world: World) -> None:
    """It is the least recently used one, as with `get`, and costs no call to the database."""
    pool = await world.open(size=2)
    before = world.database.calls.copy()
    first = pool.bare.get_nowait()
    second = pool.bare.get_nowait()
    pool.bare.put_nowait(second)
    pool.bare.put_nowait(first)
    assert [pool.bare.get_nowait(), pool.bare.get_nowait()] == [second, first]
    assert world.database.calls == before


async def test_without_a_session_it_raises_at_once(world: World) -> None:
    """Nobody stays in line; the error is that of `get`, and names the line where the session in use was asked for."""
    pool = await world.open(size=1)
    held = pool.bare.get_nowait()
    with pytest.raises(world.Empty) as empty:
        pool.bare.get_nowait()
    assert isinstance(empty.value, PoolTimeout)
    assert "test_nowait.py" in str(empty.value)
    assert (pool.stats().waiting, pool.stats().timed_out) == (0, 1)
    pool.bare.put_nowait(held)


async def test_an_overdue_session_is_checked_for_the_next(world: World) -> None:
    """It is not lent unproven; whoever asks a moment later gets it."""
    pool = await world.open(size=1)
    await world.advance(61)
    with world.database.hanging("ping"), pytest.raises(world.Empty):  # else a quick worker may be in time
        pool.bare.get_nowait()
    await world.until(lambda: pool.stats().idle == 1)
    assert pool.bare.get_nowait().use() == 1
    assert pool.stats().pings == 1


async def test_what_was_left_open_is_undone_by_the_workers(world: World) -> None:
    """`put_nowait` waits for no reset."""
    pool = await world.open(TransactionalDatabase(), size=1)
    session = pool.bare.get_nowait()
    session.left_open = True
    pool.bare.put_nowait(session)
    await world.until(lambda: pool.stats().idle == 1)
    assert not session.left_open


async def test_what_cannot_be_put_is_refused(world: World) -> None:
    """As `put` refuses it: what came back before, and what was never lent."""
    pool = await world.open(size=1)
    session = pool.bare.get_nowait()
    pool.bare.put_nowait(session)
    with pytest.raises(AlreadyReturned):
        pool.bare.put_nowait(session)
    with pytest.raises(world.Full) as full:
        pool.bare.put_nowait(FakeSession(9, {}))
    assert isinstance(full.value, NotLent)
    assert pool.stats().idle == 1
