"""Sessions that leave the pool before their time: discarded, detached, renewed."""

import pytest

from pingpool.errors import AlreadyReturned, NotLent, PoolFull
from pingpool.testing import FakeSession, SessionDied
from tests.contract.world import Pool, World, start

WAYS = ("discard", "detach")


async def leave(pool: Pool, way: str, session: FakeSession) -> None:
    """Have a session leave the pool."""
    await getattr(pool, way)(session)


async def test_a_discarded_session_is_ended_and_replaced(world: World) -> None:
    """Nobody else is suspected: what is idle is lent without a check."""
    pool = await world.open()
    session = await pool.get()
    await pool.discard(session)
    await world.until(lambda: pool.stats().idle == 2)
    with pytest.raises(SessionDied):
        session.use()
    assert (pool.stats().replaced, pool.stats().created, world.database.calls["ping"]) == ({"discarded": 1}, 3, 0)


async def test_a_detached_session_is_its_holders_own(world: World) -> None:
    """The pool opens another, and does not end this one, not even when it is closed."""
    pool = await world.open()
    session = await pool.get()
    await pool.detach(session)
    await world.until(lambda: pool.stats().idle == 2)
    await pool.close()
    session.use()
    assert pool.stats().replaced == {"detached": 1}
    assert world.database.calls["delete"] == 2


@pytest.mark.parametrize("way", WAYS)
async def test_a_session_that_has_left_cannot_be_put(world: World, way: str) -> None:
    """It is not the pool's any more, and leaves only once."""
    pool = await world.open(size=1)
    session = await pool.get()
    await leave(pool, way, session)
    with pytest.raises(world.Full):
        await pool.put(session)
    with pytest.raises(PoolFull):
        await leave(pool, way, session)
    await world.until(lambda: pool.stats().idle == 1)


@pytest.mark.parametrize("way", WAYS)
async def test_the_block_of_a_session_that_has_left_ends_quietly(world: World, way: str) -> None:
    """With an error or without; its holder has said all there is to say."""
    pool = await world.open(size=1)
    async with pool.session() as session:
        await leave(pool, way, session)
    with pytest.raises(KeyError):
        async with pool.session() as session:
            await leave(pool, way, session)
            raise KeyError("the application's own")
    await world.until(lambda: pool.stats().idle == 1)
    assert pool.stats().replaced == {f"{way}ed": 2}


async def test_a_block_whose_session_was_put_still_complains(world: World) -> None:
    """Only what has left is left alone."""
    pool = await world.open(size=1)
    with pytest.raises((AlreadyReturned, NotLent)):
        async with pool.session() as session:
            await pool.put(session)


@pytest.mark.parametrize("way", WAYS)
async def test_only_what_is_lent_can_leave(world: World, way: str) -> None:
    """A session that is idle, or of another pool, stays where it is."""
    pool = await world.open(size=1)
    session = await pool.get()
    await pool.put(session)
    for each in (session, FakeSession(99, {})):
        with pytest.raises(PoolFull):
            await leave(pool, way, each)
    assert pool.stats().idle == 1


async def test_renewing_replaces_every_session_the_new_one_first(world: World) -> None:
    """At no time are fewer than all but one to be had; in the end all are new, and the old ones ended."""
    pool = await world.open(size=3)
    await pool.renew()
    await world.until(lambda: pool.stats().renewing == 0)
    await world.rest()
    assert pool.stats().replaced == {"renewed": 3}
    assert [(await pool.get()).number for _ in range(3)] == [4, 5, 6]
    assert world.database.calls["delete"] == 3


async def test_a_session_in_use_is_renewed_when_it_comes_back(world: World) -> None:
    """It serves its holder to the end; whoever waits for it gets the new one."""
    pool = await world.open(size=1)
    session = await pool.get()
    await pool.renew()
    [waiter] = await world.line_up(pool, 10)
    session.use()
    assert pool.stats().renewing == 1
    await pool.put(session)
    renewed = await waiter
    assert renewed is not session
    await world.until(lambda: pool.stats().renewing == 0)


async def test_whoever_likes_waits_until_all_are_renewed(world: World) -> None:
    """It says whether they are, when they are or when the time is up; what is left goes on behind."""
    pool = await world.open(size=2)
    assert await pool.renew(None)
    assert pool.stats().replaced == {"renewed": 2}
    session = await pool.get()
    assert not await pool.renew()
    waiting = start(pool.renew(30))
    await world.until(lambda: pool.stats().renewing == 1)
    await world.pass_time_until(waiting)
    assert not waiting.result()
    waiting = start(pool.renew(None))
    await pool.put(session)
    assert await waiting
    assert pool.stats().renewing == 0


async def test_a_renewal_that_fails_costs_one_slot_at_most(world: World) -> None:
    """The old sessions serve on while no new one can be opened."""
    pool = await world.open(size=3)
    world.database.fail("create")
    await pool.renew()
    await world.advance(20)
    assert pool.stats().idle >= 2
    await world.heal(pool)
    await world.advance(20)
    assert (pool.stats().renewing, pool.stats().idle) == (0, 3)


async def test_a_renewal_that_fails_costs_a_lazy_pool_one_session_at_most(world: World) -> None:
    """What was opened on demand serves on too: no session is ended while another is missing."""
    pool = await world.open(size=3, fill="lazy")
    await pool.wait(10)
    world.database.fail("create", times=10**6)
    await pool.renew()
    await world.advance(60)
    assert pool.stats().idle >= 2
    world.database.recover()
    await world.advance(60)
    assert (pool.stats().renewing, pool.stats().idle) == (0, 3)


async def test_a_pool_without_sessions_has_nothing_to_renew(world: World) -> None:
    """Before `bind` and after `clear` nothing happens."""
    pool = world.pool(size=2)
    await pool.renew()
    await pool.bind(world.database)
    await pool.clear()
    await pool.renew()
    await world.rest()
    assert (pool.stats().renewing, pool.stats().created) == (0, 2)
