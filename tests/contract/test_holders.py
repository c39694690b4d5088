"""Who holds the sessions: as data, and in the words of whoever could not get one."""

import pytest

from pingpool import PoolTimeout
from tests.contract.world import World, start


async def test_holders_are_the_places_of_the_checkouts(world: World) -> None:
    """A place is told with its sessions and the age of the oldest use, until they come back."""
    pool = await world.open(size=3)
    assert pool.holders() == []
    first = await pool.get()
    world.clock.advance(10)
    second = await pool.get()
    world.clock.advance(2)
    (holder,) = pool.holders()
    assert holder.place.startswith("contract/worlds.py:")
    assert (holder.sessions, holder.longest) == (2, 12)
    await pool.put(first)
    assert [(holder.sessions, holder.longest) for holder in pool.holders()] == [(1, 2)]
    await pool.put(second)
    assert pool.holders() == []


async def test_one_who_waited_in_line_is_a_holder_since_he_was_served(world: World) -> None:
    """The time in line is no use of the session."""
    pool = await world.open(size=1)
    session = await pool.get()
    (waiting,) = await world.line_up(pool, 60)
    world.clock.advance(5)
    await pool.put(session)
    await waiting
    world.clock.advance(3)
    (holder,) = pool.holders()
    assert (holder.sessions, holder.longest) == (1, 3)


async def test_a_timeout_names_holders_failures_and_the_matter(world: World) -> None:
    """The text says who holds the sessions; what failed lately stands in the notes; one line says what it may be."""
    pool = await world.open(size=1)
    world.database.fail("ping", times=1)
    world.clock.advance(60)
    await pool.ping()
    session = await world.pass_time_until(start(pool.get(30)))
    world.clock.advance(12)
    (waiting,) = await world.line_up(pool, 5)
    with pytest.raises(PoolTimeout, match=r"held by contract/worlds\.py:\d+ \(1, 1\d\.\d s\)\)") as raised:
        await world.pass_time_until(waiting)
    assert "none came back in that time: slow holders" in str(raised.value)
    assert raised.value.__notes__[0].endswith(" s ago: Trouble")
    await pool.put(session)


async def test_waits_uses_and_creations_are_counted_by_length(world: World) -> None:
    """The histograms grow with each, and are read without any call on the way."""
    pool = await world.open(size=1)
    session = await pool.get()
    (waiting,) = await world.line_up(pool, 60)
    world.clock.advance(0.2)
    await pool.put(session)
    await pool.put(await waiting)
    stats = pool.stats()
    assert (stats.waits.total, stats.uses.total, stats.creations.total) == (2, 2, 1)
    assert stats.uses.counts[stats.uses.bounds.index(0.25)] == 1
    assert stats.waits.counts[stats.waits.bounds.index(0.25)] == 1
    assert (round(stats.uses.sum, 3), round(stats.waits.sum, 3)) == (0.2, 0.2)
