"""The contract of `keep_alive`: a kept pool is pinged in time, whatever goes wrong on the way."""

import pytest

from pingpool import PoolClosed
from tests.contract.world import Pool, World


async def keep_for(world: World, pool: Pool, seconds: float) -> list[int]:
    """Let the keeper work through so many seconds, and return how many pings there were in each."""
    counts: list[int] = []
    for _ in range(int(seconds)):
        before = world.database.calls["ping"]
        world.clock.advance(1)
        await world.let_keeper_look(pool)
        await world.rest()
        counts.append(world.database.calls["ping"] - before)
    return counts


async def test_a_kept_pool_has_nothing_overdue(world: World) -> None:
    """With the keeper at work every session is fresh at any time, and a checkout costs no ping."""
    pool = await world.open(size=3)
    await pool.keep_alive()
    for _ in range(6):
        await keep_for(world, pool, 45)
        pings = world.database.calls["ping"]
        sessions = [await pool.get(0) for _ in range(3)]
        assert world.database.calls["ping"] == pings
        for session in sessions:
            await pool.put(session)


async def test_a_kept_pool_pings_each_session_once_an_interval(world: World) -> None:
    """The keeper asks a little ahead of time and no more often than that."""
    pool = await world.open(size=4)
    await pool.keep_alive()
    await keep_for(world, pool, 120)
    pings = sum(await keep_for(world, pool, 540))
    assert 4 * 540 / 60 <= pings <= 4 * 540 / 54 + 4


async def test_the_first_round_is_spread(world: World) -> None:
    """After a fill the pings are spread over the interval: they never come in a burst."""
    pool = await world.open(size=6)
    await pool.keep_alive()
    assert max(await keep_for(world, pool, 180)) == 1


async def test_the_keeper_replaces_the_dead_before_anybody_meets_them(world: World) -> None:
    """Sessions that died while idle are replaced within an interval, with nobody asking."""
    pool = await world.open(size=3)
    await pool.keep_alive()
    world.database.kill_all()
    await keep_for(world, pool, 60)
    assert len(world.database.live) == 3
    assert all([(await pool.get(0)).use() > 3 for _ in range(3)])


async def test_the_keeper_survives_an_outage(world: World) -> None:
    """However many pings and creations fail, the keeper goes on and the pool is well again afterwards."""
    pool = await world.open(size=2)
    await pool.keep_alive()
    world.database.kill_all()
    world.database.fail("ping", ConnectionError)
    world.database.fail("create", SystemExit)
    await keep_for(world, pool, 120)
    world.database.recover()
    await keep_for(world, pool, 60)
    pings = world.database.calls["ping"]
    assert all([(await pool.get(0)).use() for _ in range(2)])
    assert world.database.calls["ping"] == pings


async def test_a_ping_that_hangs_keeps_the_keeper_from_nothing(world: World) -> None:
    """While one ping hangs for longer than an interval, the other sessions are pinged in their time."""
    pool = await world.open(size=4, ping_interval=10, io_timeout=100, workers=4)
    await pool.keep_alive()
    with world.database.hanging("ping", times=1):
        for _ in range(60):
            world.clock.advance(1)
            await world.let_keeper_look(pool)
            await world.until(lambda: pool.stats().checking <= 1)
        assert world.database.calls["ping"] >= 3 * 6
        for session in [await pool.get(0) for _ in range(3)]:
            await pool.put(session)
    await world.heal(pool)


async def test_keeping_alive_may_be_asked_for_at_any_time(world: World) -> None:
    """Before `bind`, twice, or after it: there is one keeper."""
    pool = world.pool(size=2, ping_interval=60)
    await pool.keep_alive()
    await pool.keep_alive()
    await pool.bind(world.database)
    await pool.keep_alive()
    assert sum(await keep_for(world, pool, 60)) in (2, 3)


async def test_a_closed_pool_is_not_kept_alive(world: World) -> None:
    """`keep_alive` after `close` is a clear error."""
    pool = await world.open(size=1)
    await pool.close()
    with pytest.raises(PoolClosed):
        await pool.keep_alive()


async def test_a_pool_that_checks_each_checkout_is_not_kept_alive(world: World) -> None:
    """With an interval of 0 everything is due all the time: the keeper would never rest."""
    pool = await world.open(ping_interval=0)
    with pytest.raises(ValueError, match="nothing to keep alive"):
        await pool.keep_alive()


async def test_the_keeper_outlives_a_round_that_fails(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong in a round is told, and the next one comes in its time."""
    pool = await world.open(size=1)

    def fail() -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(pool.bare, "_begin_ping", fail)
        await pool.keep_alive()
        await world.until(lambda: "a round of pings failed" in caplog.text)
    while not world.database.calls["ping"]:  # the keeper may read the time before a step, and begin to wait after it
        await world.advance(60)


async def test_a_keeper_that_hears_late_of_a_close_ends(world: World) -> None:
    """A look at a closed pool pings nothing, and is the last."""
    pool = await world.open()
    await world.advance(60)
    await pool.close()
    assert pool.bare._keep() is None
    assert world.database.calls["ping"] == 0


async def test_without_a_keeper_nothing_is_pinged(world: World) -> None:
    """Keeping alive is off until somebody asks for it."""
    pool = await world.open(size=2)
    await world.advance(1000)
    assert world.database.calls["ping"] == 0
    assert pool.stats().idle == 2
