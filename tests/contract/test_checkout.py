"""The contract of `get` while there are sessions: which one goes out, and what it costs."""

import math

import pytest

from pingpool.testing import FakeSession, TransactionalDatabase
from tests.contract.world import Pool, World, start


async def lend(pool: Pool, count: int) -> list[FakeSession]:
    """Check out so many sessions at once."""
    return [await pool.get(0) for _ in range(count)]


async def test_the_defaults_are_those_of_the_seed(world: World) -> None:
    """A pool created without arguments has ten sessions, waits ten seconds and pings after fifty minutes."""
    pool = world.pool()
    assert (pool.size, pool.default_timeout, pool.ping_interval, dict(pool.labels)) == (10, 10, 3000, {})


async def test_the_seeds_arguments_may_be_positional(world: World) -> None:
    """The four arguments of the seed come in its order."""
    pool = world.pool(3, None, 7.5, {"team": "shop"})
    assert (pool.size, pool.default_timeout, pool.ping_interval, dict(pool.labels)) == (3, None, 7.5, {"team": "shop"})
    assert world.pool(10, 10, 3000, None).labels == {}


@pytest.mark.parametrize("attribute", ["size", "default_timeout", "ping_interval", "labels", "name"])
async def test_the_options_of_a_pool_are_read_only(world: World, attribute: str) -> None:
    """Nobody changes a pool's options by assigning to them."""
    pool = world.pool()
    with pytest.raises(AttributeError):
        setattr(pool.bare, attribute, 5)


async def test_options_beyond_the_seed_have_names(world: World) -> None:
    """A fifth positional argument is refused: it would mean different things in different pools."""
    with pytest.raises(TypeError):
        world.make(10, 10, 3000, None, "a name")


async def test_every_pool_has_a_name(world: World) -> None:
    """A pool that was given no name gets one of its own; `repr` shows it."""
    first, second, third = world.pool(), world.pool(), world.pool(name="orders")
    assert first.name != second.name
    assert third.name == "orders"
    assert "orders" in repr(third.bare)


async def test_at_first_sessions_go_out_in_order_of_creation(world: World) -> None:
    """The session that was created first is lent first."""
    pool = await world.open(size=4, workers=1)
    assert [session.number for session in await lend(pool, 4)] == [1, 2, 3, 4]


async def test_the_least_recently_used_goes_out_first(world: World) -> None:
    """Sessions are lent in the order in which they came back."""
    pool = await world.open(size=3)
    one, two, three = await lend(pool, 3)
    for session in (two, three, one):
        await pool.put(session)
    assert await lend(pool, 3) == [two, three, one]


async def test_a_fresh_session_costs_no_round_trip(world: World) -> None:
    """As long as its interval has not passed, a session goes out and comes back without a call to the database."""
    pool = await world.open(size=1)
    before = world.database.calls.copy()
    for _ in range(3):
        await world.advance(59.9)
        await pool.put(await pool.get(0))
    assert world.database.calls == before


async def test_a_session_is_overdue_once_its_whole_interval_has_passed(world: World) -> None:
    """Exactly at the interval a session is pinged, once, before it is lent."""
    pool = await world.open(size=1)
    await world.advance(60)
    session = await pool.get()
    assert session.use() == 1
    assert world.database.calls["ping"] == 1
    assert pool.stats().pings == 1


async def test_a_return_starts_the_interval_anew(world: World) -> None:
    """A use that ended well is as good as a ping, however long it took."""
    pool = await world.open(size=1)
    session = await pool.get()
    await world.advance(1000)
    await pool.put(session)
    await world.advance(59)
    assert await pool.get(0) is session
    assert world.database.calls["ping"] == 0


async def test_a_ping_starts_the_interval_anew(world: World) -> None:
    """A session that was pinged is fresh for a whole interval."""
    pool = await world.open(size=1)
    await world.advance(60)
    assert await pool.ping() == 1
    await world.advance(59)
    await pool.get(0)
    assert world.database.calls["ping"] == 1


async def test_an_overdue_session_that_is_gone_is_replaced(world: World) -> None:
    """Nobody gets a session that died while it was idle: the caller gets a new one in its place."""
    pool = await world.open(size=1, workers=1)
    world.database.kill_all()
    await world.advance(60)
    session = await pool.get()
    assert session.use() == 2
    await world.rest()
    assert pool.stats().replaced == {"gone": 1}
    await world.seen("delete", 1)
    assert world.database.live == [session]


async def test_all_that_are_gone_are_replaced_one_after_the_other(world: World) -> None:
    """When every idle session died unseen, each `get` still returns a live one."""
    pool = await world.open(size=3)
    world.database.kill_all()
    await world.advance(60)
    assert all(session.use() > 3 for session in [await pool.get() for _ in range(3)])


async def test_a_fresh_session_behind_overdue_ones_is_lent_at_once(world: World) -> None:
    """An overdue session in front is sent to be checked; the caller does not wait for that."""
    pool = await world.open(size=3)
    one, two, three = await lend(pool, 3)
    for session in (one, two):
        await pool.put(session)
    await world.advance(30)
    await pool.put(three)
    await world.advance(30)
    with world.database.hanging("ping"):
        assert await pool.get(0) is three
        await world.seen("ping", 2)
        assert pool.stats().checking == 2
    await world.rest()
    assert {one, two} == set(await lend(pool, 2))
    assert world.database.calls["ping"] == 2


async def test_a_get_has_no_more_checked_than_it_needs(world: World) -> None:
    """One caller among many overdue sessions costs one ping."""
    pool = await world.open(size=5)
    await world.advance(60)
    await pool.get()
    await world.rest()
    assert world.database.calls["ping"] == 1
    assert pool.stats().idle == 4


async def test_a_check_hides_one_session_and_no_other(world: World) -> None:
    """While one session is being checked, another that comes back is lent."""
    pool = await world.open(size=2)
    busy = await pool.get()
    await world.advance(60)
    with world.database.hanging("ping"):
        waiting = start(pool.get())
        await world.seen("ping", 1)
        await pool.put(busy)
        assert await waiting is busy
    await world.rest()
    assert pool.stats().idle == 1


async def test_interval_0_proves_each_session_before_each_use(world: World) -> None:
    """With a `ping_interval` of 0 every checkout is preceded by one ping, and none goes on for ever."""
    pool = await world.open(size=2, ping_interval=0)
    for pings in (1, 2, 3):
        await pool.put(await pool.get())
        assert world.database.calls["ping"] == pings


async def test_an_infinite_interval_never_pings(world: World) -> None:
    """With a `ping_interval` of infinity a session is fresh for ever."""
    pool = await world.open(size=1, ping_interval=math.inf)
    await world.advance(1e6, step=1e6)
    assert await pool.ping() == 0
    await pool.get(0)
    assert world.database.calls["ping"] == 0


async def test_a_session_that_looks_dead_is_not_lent(world: World) -> None:
    """A look before each checkout finds what died within its interval, without a round trip."""
    database = TransactionalDatabase()
    pool = await world.open(database, size=2)
    database.kill_all()
    (await pool.get()).use()
    assert database.calls["ping"] == 0
    await world.heal(pool)
