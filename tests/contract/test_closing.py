"""The contract of `clear` and `close`: what is in the pool is ended, and nothing outlives that."""

import pytest

from pingpool import CannotFill, PoolClosed, PoolTimeout
from pingpool.errors import NotLent
from pingpool.testing import Trouble
from tests.contract.world import World, start

# Clear.


async def test_clear_deletes_every_session_in_the_pool(world: World) -> None:
    """After `clear` nothing is open on the server but what is lent."""
    pool = await world.open(size=3)
    lent = await pool.get()
    await pool.clear()
    assert world.database.live == [lent]
    assert pool.stats().vacant == 2


async def test_clear_goes_on_past_errors(world: World) -> None:
    """A session that cannot be deleted does not keep the others from it, and costs no slot."""
    pool = await world.open(size=3)
    world.database.fail("delete", Trouble, times=2)
    await pool.clear()
    assert world.database.calls["delete"] == 3
    assert pool.stats().vacant == 3


async def test_what_is_lent_may_come_back_after_clear(world: World) -> None:
    """A session that was lent when the pool was cleared is taken back and lent again."""
    pool = await world.open(size=2)
    lent = await pool.get()
    await pool.clear()
    await pool.put(lent)
    assert await pool.get(0) is lent


async def test_a_cleared_pool_stays_empty_until_it_is_bound(world: World) -> None:
    """`clear` is followed by no new sessions, whatever time passes, until `bind` fills the pool again."""
    pool = await world.open(size=2)
    await pool.clear()
    await world.advance(100, step=10)
    with pytest.raises(PoolTimeout):
        await pool.get(0)
    assert world.database.calls["create"] == 2
    await pool.bind(world.database)
    assert pool.stats().idle == 2


async def test_a_check_does_not_outlive_a_clear(world: World) -> None:
    """A session that is being pinged while the pool is cleared is deleted too, and both calls end."""
    pool = await world.open(size=2)
    await world.advance(60)
    with world.database.hanging("ping"):
        round = start(pool.ping())
        await world.seen("ping", 2)
        clearing = start(pool.clear())
    assert await round <= 2
    await clearing
    assert world.database.live == []
    assert pool.stats().vacant == 2


async def test_what_is_being_created_does_not_outlive_a_clear(world: World) -> None:
    """A session that is being created while the pool is cleared is deleted as soon as it is there."""
    pool = world.pool(size=1)
    with world.database.hanging("create"):
        binding = start(pool.bind(world.database))
        await world.seen("create", 1)
        clearing = start(pool.clear())
        await world.until(lambda: not pool._desk.ledger.filling)
    await clearing
    with pytest.raises(CannotFill, match="it was cleared meanwhile"):
        await binding
    stats = pool.stats()
    assert len(world.database.live) == stats.idle


async def test_a_clear_ends_though_every_call_hangs(world: World) -> None:
    """`clear` comes back when its `io_timeout`s are over, however many sessions cannot be deleted."""
    pool = await world.open(size=3, workers=1, io_timeout=5)
    with world.database.hanging("delete"):
        clearing = start(pool.clear())
        await world.seen("delete", 1)
        await world.pass_time_until(clearing, step=5)
    assert pool.stats().vacant == 3


# Close.


async def test_close_deletes_what_is_idle(world: World) -> None:
    """After `close` nothing is open on the server."""
    pool = await world.open(size=3)
    await pool.close()
    assert world.database.live == []


async def test_close_tells_waiters_at_once(world: World) -> None:
    """Who waits in line when the pool is closed is told so, and does not wait for its timeout."""
    pool = await world.open(size=1)
    await pool.get()
    line = await world.line_up(pool, 9, None)
    await pool.close()
    for waiting in line:
        with pytest.raises(PoolClosed, match=pool.name):
            await waiting


async def test_a_closed_pool_lends_nothing(world: World) -> None:
    """`get`, a `session()` block and `bind` say that the pool is closed; ping, clear and stats do no harm."""
    pool = await world.open(size=1)
    await pool.close()
    with pytest.raises(PoolClosed):
        await pool.get()
    with pytest.raises(PoolClosed):
        async with pool.session():
            pytest.fail("nothing is lent")
    with pytest.raises(PoolClosed):
        await pool.bind(world.database)
    assert await pool.ping() == 0
    await pool.clear()
    assert pool.stats().vacant == 1


async def test_what_is_lent_is_deleted_when_it_comes_back_to_a_closed_pool(world: World) -> None:
    """`put` after `close` is fine once, and ends the session; twice is refused as ever."""
    pool = await world.open(size=2)
    lent = await pool.get()
    await pool.close()
    assert lent.use()
    await pool.put(lent)
    await world.rest()
    assert world.database.live == []
    with pytest.raises(NotLent):
        await pool.put(lent)


async def test_closing_again_does_no_harm(world: World) -> None:
    """`close` may be called as often as one likes."""
    pool = await world.open(size=1)
    for _ in range(3):
        await pool.close()
    assert world.database.calls["delete"] == 1


async def test_close_is_bounded(world: World) -> None:
    """`close(3)` comes back after three seconds though no session can be deleted."""
    pool = await world.open(size=2)
    with world.database.hanging("delete"):
        closing = start(pool.close(3))
        await world.seen("delete", 1)
        world.clock.advance(3)
        await closing
    await world.rest()
    assert world.database.live == []


async def test_a_pool_that_is_being_pinged_can_be_closed(world: World) -> None:
    """Checks that are in flight when the pool is closed end, and their sessions are deleted."""
    pool = await world.open(size=2)
    await world.advance(60)
    with world.database.hanging("ping"):
        round = start(pool.ping())
        await world.seen("ping", 2)
        closing = start(pool.close())
        await world.until(lambda: not pool.stats().idle)
    await closing
    await round
    assert world.database.live == []


async def test_what_is_made_too_late_is_deleted(world: World) -> None:
    """A session that comes after `close` has given up on it is deleted when it comes."""
    pool = await world.open(size=1, io_timeout=100)
    world.database.kill_all()
    await world.advance(60)
    with world.database.hanging("create"):
        waiting = start(pool.get())
        await world.seen("create", 2)
        await pool.close(0)
        with pytest.raises(PoolClosed):
            await waiting
    await world.rest()
    assert world.database.live == []


async def test_a_pool_is_a_context_manager(world: World) -> None:
    """Leaving the block closes the pool."""
    async with await world.open(size=1) as pool:
        assert (await pool.get(0)).use()
    with pytest.raises(PoolClosed):
        await pool.get(0)
