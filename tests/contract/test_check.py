"""The contract of `check`: one session proven within a time, for a readiness probe."""

import pytest

from pingpool import PoolClosed, PoolTimeout
from pingpool.errors import DatabaseRefuses
from pingpool.testing import Forbidden
from tests.contract.world import World, start


async def test_a_check_proves_one_session_and_gives_it_back(world: World) -> None:
    """A fresh session too is pinged, once, and every session can be lent afterwards."""
    pool = await world.open()
    assert await pool.check() >= 0
    assert (world.database.calls["ping"], pool.stats().idle, pool.stats().in_use) == (1, 2, 0)
    for _ in range(2):
        (await pool.get(0)).use()


async def test_a_check_says_how_long_it_took(world: World) -> None:
    """The answer is in seconds, in the time of the pool."""
    pool = await world.open(io_timeout=60)
    with world.database.hanging("ping"):
        checking = start(pool.check(30))
        await world.seen("ping", 1)
        world.clock.advance(7)
    assert 7 <= await checking < 30


async def test_nothing_is_proven_in_no_time(world: World) -> None:
    """A proof takes a round trip, so a time-out of 0 is refused, also as the pool's own; None has no limit."""
    pool = await world.open(size=1, default_timeout=0)
    for timeout in (0, None):
        with pytest.raises(ValueError, match=r"write check\(1\)"):
            await pool.check(timeout)
    assert world.database.calls["ping"] == 0
    endless = await world.open(size=1, default_timeout=None)
    assert await endless.check() >= 0


async def test_nobody_is_lent_a_session_that_is_being_checked(world: World) -> None:
    """It is in no hands until it has proven alive; then it goes to whoever waits."""
    pool = await world.open(size=1)
    with world.database.hanging("ping"):
        checking = start(pool.check(30))
        await world.seen("ping", 1)
        with pytest.raises(PoolTimeout):
            await pool.get(0)
        (waiting,) = await world.line_up(pool, 30)
    assert await checking >= 0
    (await waiting).use()


async def test_a_dead_session_is_replaced_and_the_next_one_tried(world: World) -> None:
    """A check fails only if no session can be proven in time, not because one has died."""
    pool = await world.open()
    world.database.kill_all()
    assert await world.pass_time_until(start(pool.check(30))) >= 0
    assert pool.stats().replaced["gone"] >= 1


async def test_a_check_fails_while_the_database_is_away(world: World) -> None:
    """Nothing can be proven or opened: that is a timeout, with its cause and its notes."""
    pool = await world.open(size=1)
    world.database.kill_all()
    world.database.fail("create")
    with pytest.raises(PoolTimeout) as raised:
        await world.pass_time_until(start(pool.check(5)))
    assert raised.value.__cause__ is not None
    assert "cannot be opened: see the notes" in str(raised.value)
    assert " s ago: " in raised.value.__notes__[0]
    assert pool.stats().health.startswith("down: 0 of 1 open, 0 in use, 0 waiting; Trouble")
    await world.heal(pool)
    assert pool.stats().health == "healthy: 1 of 1 open, 0 in use, 0 waiting"


async def test_a_pool_that_opens_on_demand_is_well_with_what_it_has(world: World) -> None:
    """Nothing is missing that nobody asked for; after a failure just what was asked for is."""
    pool = await world.open(size=4, fill="lazy")
    assert pool.stats().health == "healthy: 0 of 4 open, on demand, 0 in use, 0 waiting"
    await pool.check(5)
    await world.until(lambda: pool.stats().health == "healthy: 1 of 4 open, on demand, 0 in use, 0 waiting")
    world.database.kill_all()
    world.database.fail("create", times=10**6)
    with pytest.raises(PoolTimeout, match="1 of 4 sessions cannot be opened"):
        await world.pass_time_until(start(pool.check(5)))
    assert pool.stats().health.startswith("down: 0 of 4 open, on demand, 0 in use, 0 waiting; Trouble")


async def test_a_check_keeps_its_time_while_a_ping_hangs(world: World) -> None:
    """The caller goes after the time it gave; the session belongs to the workers, and is not lost."""
    pool = await world.open(size=1, io_timeout=60)
    with world.database.hanging("ping"):
        checking = start(pool.check(5))
        await world.seen("ping", 1)
        with pytest.raises(PoolTimeout):
            await world.pass_time_until(checking)
    await world.heal(pool)


async def test_a_check_of_a_pool_that_is_all_lent_times_out(world: World) -> None:
    """Whoever is not served in time is not ready, however well the database is."""
    pool = await world.open(size=1)
    await pool.get()
    with pytest.raises(PoolTimeout):
        await world.pass_time_until(start(pool.check(1)))


async def test_a_check_is_told_at_once_what_waiting_will_not_heal(world: World) -> None:
    """A wrong password, or a pool that is closed."""
    world.database.fail("create", Forbidden)
    pool = world.pool(1)
    await pool.bind(world.database, wait_for=0)
    with pytest.raises(DatabaseRefuses):
        await world.pass_time_until(start(pool.check(30)))
    await pool.close()
    with pytest.raises(PoolClosed):
        await pool.check()


@pytest.mark.parametrize("timeout", [-1, float("nan"), "1"])
async def test_a_check_takes_seconds(world: World, timeout: object) -> None:
    """What is no time is refused, as by `get`."""
    pool = await world.open()
    with pytest.raises((TypeError, ValueError), match="timeout"):
        await pool.check(timeout)
