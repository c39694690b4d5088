"""The contract of `get` while there is nothing to lend: who waits, for how long, and who is served first."""

import math

import pytest

from pingpool import PoolTimeout
from pingpool.errors import TooManyWaiters
from pingpool.testing import TransactionalDatabase
from tests.contract.world import World, start


async def test_an_empty_pool_refuses_at_once_when_told_not_to_wait(world: World) -> None:
    """`get(0)` raises when every session is lent, without any time passing."""
    pool = await world.open(size=1)
    await pool.get()
    with pytest.raises(PoolTimeout):
        await pool.get(0)


async def test_a_timeout_is_what_a_queue_would_raise(world: World) -> None:
    """Code written for a queue, or for any timeout, catches `PoolTimeout` by the name it knows."""
    pool = await world.open(size=1)
    await pool.get()
    for known in (world.Empty, TimeoutError):
        with pytest.raises(known):
            await pool.get(0)


async def test_get_waits_for_as_long_as_it_was_told(world: World) -> None:
    """`get(5)` raises when five seconds have passed, and not before."""
    pool = await world.open(size=1)
    await pool.get()
    (waiting,) = await world.line_up(pool, 5)
    await world.advance(4.9, step=0.1)
    assert pool.stats().waiting == 1
    await world.advance(0.2)
    with pytest.raises(PoolTimeout, match=r"5(\.\d+)? s"):
        await waiting
    assert pool.stats().timed_out == 1


async def test_without_a_timeout_the_pools_own_counts(world: World) -> None:
    """`get()` and `get(None)` wait for `default_timeout` seconds."""
    pool = await world.open(size=1, default_timeout=3)
    await pool.get()
    waiting = await world.line_up(pool, None)
    waiting.append(start(pool.get()))
    await world.until(lambda: pool.stats().waiting == 2)
    await world.advance(2.9)
    assert pool.stats().waiting == 2
    await world.advance(0.2)
    for each in waiting:
        with pytest.raises(PoolTimeout):
            await each


@pytest.mark.parametrize("forever", [None, math.inf])
async def test_a_default_timeout_of_none_waits_for_ever(world: World, forever: float | None) -> None:
    """A caller without any timeout is still in line after a year, and is served then."""
    pool = await world.open(size=1, default_timeout=forever)
    session = await pool.get()
    (waiting,) = await world.line_up(pool, None)
    await world.advance(3e7, step=1e7)
    assert pool.stats().waiting == 1
    await pool.put(session)
    assert await waiting is session


async def test_an_infinite_timeout_waits_for_ever(world: World) -> None:
    """`get(math.inf)` overrides a shorter default."""
    pool = await world.open(size=1, default_timeout=1)
    session = await pool.get()
    (waiting,) = await world.line_up(pool, math.inf)
    await world.advance(1e6, step=1e6)
    await pool.put(session)
    assert await waiting is session


async def test_a_timeout_may_be_named(world: World) -> None:
    """`get(timeout=0)` is the same as `get(0)`."""
    pool = await world.open(size=1)
    await pool.get(timeout=0)
    with pytest.raises(PoolTimeout):
        await pool.get(timeout=0)


async def test_the_text_says_what_the_pool_was_doing(world: World) -> None:
    """A `PoolTimeout` names the pool, its size, what its sessions do, who waits and how long this caller did."""
    pool = await world.open(size=2, name="orders")
    await pool.get()
    await pool.get()
    with pytest.raises(PoolTimeout) as caught:
        await pool.get(0)
    for part in ("orders", "2 sessions", "0 idle", "2 in use", "waiting", "0 s"):
        assert part in str(caught.value)


async def test_waiters_are_served_strictly_first_come_first_served(world: World) -> None:
    """Each session that comes back goes to the caller who has waited longest, and wakes nobody else."""
    pool = await world.open(size=1, default_timeout=None)
    session = await pool.get()
    line = await world.line_up(pool, *[None] * 8)
    for place, waiting in enumerate(line, start=1):
        await pool.put(session)
        assert await waiting is session
        assert pool.stats().waiting == len(line) - place
        assert not any(other.done() for other in line[place:])


async def test_several_sessions_serve_as_many_waiters(world: World) -> None:
    """Each session that comes back serves one waiter, in their order."""
    pool = await world.open(size=3)
    sessions = [await pool.get() for _ in range(3)]
    line = await world.line_up(pool, 9, 9, 9, 9)
    for session in sessions:
        await pool.put(session)
    assert [await waiting for waiting in line[:3]] == sessions
    assert pool.stats().waiting == 1


async def test_a_newcomer_never_overtakes(world: World) -> None:
    """A session that comes back belongs to the waiter at once: whoever asks next finds none."""
    pool = await world.open(size=1)
    session = await pool.get()
    (waiting,) = await world.line_up(pool, 9)
    await pool.put(session)
    with pytest.raises(PoolTimeout):
        await pool.get(0)
    assert await waiting is session


async def test_who_gives_up_makes_room_for_the_next(world: World) -> None:
    """A waiter whose time is up leaves the line, and the others keep their places."""
    pool = await world.open(size=1)
    session = await pool.get()
    patient, hasty, last = await world.line_up(pool, 9, 1, 9)
    await world.advance(1)
    with pytest.raises(PoolTimeout):
        await hasty
    await pool.put(session)
    assert await patient is session
    await pool.put(session)
    assert await last is session


async def test_one_who_waits_for_a_check_is_served_by_a_return(world: World) -> None:
    """A waiter takes whatever is proven first: a checked session, or one that came back."""
    pool = await world.open(size=2, io_timeout=5)
    busy = await pool.get()
    await world.advance(60)
    with world.database.hanging("ping"):
        (waiting,) = await world.line_up(pool, 9)
        await world.seen("ping", 1)
        await pool.put(busy)
        assert await waiting is busy
    await world.heal(pool)


async def test_a_hanging_check_costs_the_caller_no_more_than_its_timeout(world: World) -> None:
    """`get(2)` raises after two seconds though the only session is in a check that never ends."""
    pool = await world.open(size=1)
    await world.advance(60)
    with world.database.hanging("ping"):
        waiting = start(pool.get(2))
        await world.seen("ping", 1)
        world.clock.advance(2)
        with pytest.raises(PoolTimeout):
            await waiting
    await world.heal(pool)


async def test_a_look_at_a_session_does_not_start_the_timeout_anew(world: World) -> None:
    """`get(5)` waits five seconds in all, also when what it is served after four turns out to be dead."""
    database = TransactionalDatabase()
    pool = await world.open(database, size=1)
    session = await pool.get()
    (waiting,) = await world.line_up(pool, 5)
    world.clock.advance(4)
    with database.hanging("create"):
        database.kill(session)
        await pool.put(session)
        await world.until(lambda: database.calls["create"] == 2)
        world.clock.advance(1.5)
        with pytest.raises(PoolTimeout):
            await waiting
    await world.heal(pool)


async def test_an_unbound_pool_says_so(world: World) -> None:
    """`get` before `bind` times out, and the text says what is missing."""
    pool = world.pool(size=2, default_timeout=3)
    (waiting,) = await world.line_up(pool, None)
    await world.advance(3)
    with pytest.raises(PoolTimeout, match="bind"):
        await waiting


async def test_who_waits_is_served_by_a_bind(world: World) -> None:
    """A caller who came before the database did gets a session when the pool is bound."""
    pool = world.pool(size=2)
    (waiting,) = await world.line_up(pool, 9)
    await pool.bind(world.database)
    assert (await waiting).use()


@pytest.mark.parametrize("places", [0, 1, 3])
async def test_no_more_than_max_waiters_wait(world: World, places: int) -> None:
    """One caller too many is refused at once, whatever its timeout, and those in line keep their places."""
    pool = await world.open(size=1, max_waiters=places)
    session = await pool.get()
    line = await world.line_up(pool, *[9] * places)
    with pytest.raises(TooManyWaiters, match="max_waiters"):
        await pool.get(9)
    assert pool.stats().refused == 1
    for waiting in line:
        await pool.put(session)
        assert await waiting is session


async def test_max_waiters_0_still_lends_what_is_there(world: World) -> None:
    """With no places to wait, a fresh session is lent as ever, and an overdue one is proven for the next caller."""
    pool = await world.open(size=1, max_waiters=0)
    await pool.put(await pool.get())
    await world.advance(60)
    with pytest.raises(TooManyWaiters):
        await pool.get(9)
    await world.rest()
    assert (await pool.get(9)).use()


async def test_who_asks_again_and_again_is_served(world: World) -> None:
    """A caller that never waits gets an overdue session by asking again: what was proven for it is not proven anew."""
    pool = await world.open(size=1)
    await world.advance(60)
    with world.database.hanging("ping"), pytest.raises(PoolTimeout):
        await pool.get(0)
    await world.rest()
    assert (await pool.get(0)).use() == 1


async def test_too_many_waiters_is_a_timeout_too(world: World) -> None:
    """Code that catches `PoolTimeout`, or what a queue raises, also catches being refused."""
    pool = await world.open(size=1, max_waiters=0)
    await pool.get()
    for known in (PoolTimeout, world.Empty, TimeoutError):
        with pytest.raises(known):
            await pool.get(9)


async def test_the_counts_of_gets_tell_how_callers_fared(world: World) -> None:
    """`stats` tells gets at once from those that waited, timed out or were refused."""
    pool = await world.open(size=1, max_waiters=1)
    session = await pool.get()
    with pytest.raises(PoolTimeout):
        await pool.get(0)
    (waiting,) = await world.line_up(pool, 9)
    with pytest.raises(TooManyWaiters):
        await pool.get(9)
    await pool.put(session)
    assert await waiting is session
    stats = pool.stats()
    counts = (stats.immediate, stats.waited, stats.timed_out, stats.refused)
    assert counts == (1, 1, 1, 1)
