"""The contract of a pool as a whole: its labels, bind, and its figures."""

from collections.abc import Mapping
from typing import Any

import pytest

from pingpool import CannotFill
from pingpool.errors import BoundElsewhere, Overrun
from pingpool.testing import FaultyDatabase, Forbidden, SessionDied, Trouble, equip
from tests.contract.world import World, adds_up, start

# Labels.


async def test_labels_reach_every_session(world: World) -> None:
    """Sessions are created with the pool's labels, and so is every replacement."""
    pool = await world.open(size=2, labels={"team": "shop"})
    world.database.kill_all()
    await world.advance(60)
    sessions = [*world.database.sessions, await pool.get(), await pool.get()]
    assert [session.labels for session in sessions] == [{"team": "shop"}] * 4


async def test_labels_cannot_be_changed(world: World) -> None:
    """Neither the mapping that was given nor the one that is shown changes a pool's labels afterwards."""
    given = {"team": "shop"}
    pool = world.pool(labels=given)
    given["team"] = "till"
    with pytest.raises(TypeError):
        pool.labels["team"] = "till"
    assert pool.labels == {"team": "shop"}


# Bind.


async def test_bind_fills_the_pool(world: World) -> None:
    """After `bind` there are `size` sessions, all idle, none created in vain."""
    pool = await world.open(size=7)
    assert (pool.stats().idle, world.database.calls["create"]) == (7, 7)


async def test_bind_again_makes_nothing_more(world: World) -> None:
    """A full pool that is bound to its own database again stays as it is, also while sessions are lent."""
    pool = await world.open(size=3)
    await pool.get()
    await pool.bind(world.database)
    assert world.database.calls["create"] == 3


async def test_binds_at_the_same_time_fill_it_once(world: World) -> None:
    """Of several that bind the pool side by side, all come back to a full pool, filled once."""
    pool = world.pool(size=3)
    for bind in [start(pool.bind(world.database)) for _ in range(4)]:
        await bind
    assert (pool.stats().idle, world.database.calls["create"]) == (3, 3)


async def test_bind_tops_up(world: World) -> None:
    """Bound again after `clear`, the pool makes as many sessions as are missing beside those that are lent."""
    pool = await world.open(size=3)
    lent = await pool.get()
    await pool.clear()
    await pool.bind(world.database)
    assert (pool.stats().idle, world.database.calls["create"]) == (2, 5)
    await pool.put(lent)
    assert pool.stats().idle == 3


async def test_only_a_new_pool_takes_another_clock(world: World) -> None:
    """Time does not jump for sessions that are there."""
    pool = await world.open()
    with pytest.raises(ValueError, match="only a new pool"):
        equip(pool.bare, clock=world.clock)


async def test_another_database_is_refused(world: World) -> None:
    """A bound pool stays with its database."""
    pool = await world.open(size=2)
    other = FaultyDatabase()
    with pytest.raises(BoundElsewhere, match=pool.name):
        await pool.bind(other)
    assert other.calls["create"] == 0
    assert (await pool.get(0)).use()


@pytest.mark.parametrize("junk", [None, "sqlite://", object(), FaultyDatabase])
async def test_what_is_no_database_is_refused(world: World, junk: object) -> None:
    """`bind` takes a `Database`, and says so."""
    pool = world.pool(size=1)
    with pytest.raises(TypeError, match="Database"):
        await pool.bind(junk)
    await pool.bind(world.database)
    assert pool.stats().idle == 1


@pytest.mark.parametrize("times", [1, 100])
@pytest.mark.parametrize("error", [Trouble, Forbidden, SystemExit])
async def test_a_failed_fill_leaves_nothing_behind(world: World, error: type[BaseException], times: int) -> None:
    """If one session cannot be created none stays open, the error says why, and the pool may be bound again."""
    world.database.fail("create", error, times=times)
    pool = world.pool(size=4)
    with pytest.raises(CannotFill) as caught:
        await pool.bind(world.database)
    assert isinstance(caught.value.__cause__, error)
    await world.until(lambda: world.database.live == [] and pool.stats().vacant == 4)
    world.database.recover()
    await pool.bind(world.database)
    assert pool.stats().idle == 4


async def test_a_failed_fill_leaves_the_pool_unbound(world: World) -> None:
    """After a failed `bind` the pool may be bound to another database."""
    world.database.fail("create")
    pool = world.pool(size=2)
    with pytest.raises(CannotFill):
        await pool.bind(world.database)
    other = FaultyDatabase()
    await pool.bind(other)
    assert len(other.live) == 2


async def test_a_fill_that_hangs_ends(world: World) -> None:
    """`bind` to a database that never answers fails after `io_timeout`; what it still opens later is deleted there."""
    pool = world.pool(size=1, io_timeout=5)
    other = FaultyDatabase()
    with world.database.hanging("create"):
        binding = start(pool.bind(world.database))
        await world.seen("create", 1)
        with pytest.raises(CannotFill) as caught:
            await world.pass_time_until(binding, step=5)
        assert isinstance(caught.value.__cause__, Overrun)
        await pool.bind(other)
    await world.seen("delete", 1)
    await world.until(lambda: world.database.live == [])
    assert len(other.live) == 1


async def test_a_failed_top_up_costs_nothing(world: World) -> None:
    """When topping up fails, the pool keeps the sessions it has, and stays bound."""
    pool = await world.open(size=2)
    lent = await pool.get()
    await pool.clear()
    world.database.fail("create")
    with pytest.raises(CannotFill):
        await pool.bind(world.database)
    await pool.put(lent)
    assert await pool.get(0) is lent
    await pool.put(lent)
    world.database.recover()
    await pool.bind(world.database)
    assert pool.stats().idle == 2


async def test_a_failed_bind_of_a_pool_that_is_being_filled_stops_nothing(world: World) -> None:
    """Whoever binds once more hears of the failure; the pool keeps what it has, and goes on filling itself."""
    pool = await world.open(size=2)
    world.database.fail("create", times=100)
    with pytest.raises(SessionDied):
        async with pool.session() as session:
            world.database.kill(session)
            session.use()
    with pytest.raises(CannotFill):
        await pool.bind(world.database)
    assert pool.stats().idle == 1
    await world.heal(pool)


async def test_an_unbound_pool_is_harmless(world: World) -> None:
    """Without a database there is nothing to ping, clear or close, and saying so costs nothing."""
    pool = world.pool(size=2)
    assert await pool.ping() == 0
    await pool.clear()
    assert pool.stats().vacant == 2
    await pool.close()


# Figures.


async def test_stats_add_up(world: World) -> None:
    """Whatever the sessions do, their counts by state add up to `size`."""
    pool = await world.open(size=4, ping_interval=60)
    await pool.get()
    await world.advance(60)
    with world.database.hanging("ping", times=2):
        round = start(pool.ping())
        await world.until(lambda: pool.stats().idle == 1)
        stats = pool.stats()
        assert (stats.idle, stats.in_use, stats.checking) == (1, 1, 2)
        assert adds_up(stats)
        assert "1 idle, 1 in use, 2 being checked" in str(stats)
    await round


async def test_a_snapshot_is_frozen(world: World) -> None:
    """`stats` returns figures of one time, which do not change afterwards."""
    pool = await world.open(size=1)
    stats = pool.stats()
    await pool.get()
    assert stats.idle == 1
    with pytest.raises(AttributeError):
        stats.idle = 5  # type: ignore[misc]  # refused by the types too
    with pytest.raises(TypeError):
        stats.replaced["gone"] = 1  # type: ignore[index]  # likewise


async def test_what_came_before_an_error_of_create_many_is_pooled(world: World) -> None:
    """Sessions that an iterator brought before it raised are the pool's; the others are tried again."""

    class Many(FaultyDatabase):
        def create_many(self, count: int, *, labels: Mapping[str, str], timeout: float) -> Any:
            for number in range(count):
                if number == 2 and not self.calls["again"]:
                    self.calls["again"] += 1
                    raise Trouble
                yield self.create(labels=labels, timeout=timeout)

    database = Many()
    pool = world.pool(4)
    with pytest.raises(CannotFill):
        await pool.bind(database)
    await world.rest()
    await world.until(lambda: database.live == [])  # the two that came were not left behind
    await pool.bind(database)
    assert pool.stats().idle == 4
