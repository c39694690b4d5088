"""The contract of `put` and of `session()`: what becomes of a session when its use has ended."""

import asyncio
import gc
import warnings
import weakref
from collections.abc import Callable

import pytest

from pingpool.errors import AlreadyReturned, NotLent, PoolFull
from pingpool.testing import FakeSession, Misplaced, SessionDied, TransactionalDatabase
from tests.contract.world import Pool, World


class Interrupt(BaseException):
    """Stands for Ctrl-C, a cancellation, or whatever else ends a block from outside."""


async def test_giving_back_twice_is_refused(world: World) -> None:
    """The second `put` of a session raises, and changes nothing."""
    pool = await world.open(size=2)
    session = await pool.get()
    await pool.put(session)
    with pytest.raises(AlreadyReturned):
        await pool.put(session)
    assert pool.stats().idle == 2


@pytest.mark.parametrize("way", ["put_nowait", "discard", "detach"])
async def test_a_refusal_keeps_nothing_alive(world: World, way: str) -> None:
    """The error is gone with its handler, and so is all that its frames held; no collector has to come."""
    pool = await world.open(size=1)
    session = await pool.get()
    await pool.put(session)
    gc.disable()
    try:
        try:
            answer = getattr(pool.bare, way)(session)
            if asyncio.iscoroutine(answer):
                await answer
        except AlreadyReturned as refusal:
            gone = weakref.ref(refusal)
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("known", ["Full", PoolFull])
async def test_a_refusal_is_what_a_queue_would_raise(world: World, known: str | type[Exception]) -> None:
    """Code written for a queue catches the refusal of `put` by the name it knows."""
    pool = await world.open(size=1)
    with pytest.raises(getattr(world, known) if isinstance(known, str) else known):
        await pool.put(FakeSession(99, {}))


async def test_a_session_of_another_pool_is_refused(world: World) -> None:
    """What another pool lent is not taken, even if both have the same database."""
    ours, theirs = await world.open(size=1), await world.open(size=1)
    session = await theirs.get()
    await ours.get()
    with pytest.raises(NotLent):
        await ours.put(session)
    await theirs.put(session)
    assert (ours.stats().in_use, theirs.stats().idle) == (1, 1)


@pytest.mark.parametrize("junk", [None, "a session", 7, object(), [], FakeSession(1, {})])
async def test_what_is_no_session_of_the_pool_is_refused(world: World, junk: object) -> None:
    """`put` takes only what `get` gave; whatever else comes, the pool is as before."""
    pool = await world.open(size=2)
    session = await pool.get()
    with pytest.raises(NotLent, match="get"):
        await pool.put(junk)
    await pool.put(session)
    assert pool.stats().idle == 2


async def test_a_refusal_reaches_the_unbound_pool_too(world: World) -> None:
    """A pool without a database lent nothing, so it takes nothing."""
    with pytest.raises(NotLent):
        await world.pool().put(FakeSession(1, {}))


async def test_put_never_blocks(world: World) -> None:
    """`put` returns at once though every call to the database hangs; what needs a round trip is left to the workers."""
    database = TransactionalDatabase()
    pool = await world.open(database, size=1)
    session = await pool.get()
    session.left_open = True
    with database.hanging("reset"):
        await pool.put(session)  # a call that blocked would block the whole case
        await world.until(lambda: database.calls["reset"] == 1)
        assert pool.stats().resetting == 1
    await world.rest()
    assert await pool.get(0) is session
    assert not session.left_open


async def test_what_is_too_old_is_not_taken_back(world: World) -> None:
    """A session that outlived its `max_lifetime` in use is deleted when it comes back, and replaced."""
    pool = await world.open(size=1, max_lifetime=100)
    session = await pool.get()
    await world.advance(101)
    await pool.put(session)
    assert await pool.get() is not session
    assert session.is_deleted
    assert pool.stats().replaced == {"too old": 1}


# How a block of `session()` ended.


async def test_a_block_that_ended_well_gives_its_session_back(world: World) -> None:
    """The session is idle again after the block, proven by its use, without a call to the database."""
    pool = await world.open(size=1)
    before = world.database.calls.copy()
    async with pool.session() as session:
        assert pool.stats().in_use == 1
        await world.advance(59)
    await world.advance(59)
    assert await pool.get(0) is session
    assert world.database.calls == before


async def test_a_block_waits_no_longer_than_it_was_told(world: World) -> None:
    """`session(timeout)` is `get(timeout)`: it raises when there is none."""
    pool = await world.open(size=1)
    await pool.get()
    with pytest.raises(world.Empty):
        async with pool.session(0):
            pytest.fail("there was no session to enter with")


async def test_what_a_block_left_open_is_undone(world: World) -> None:
    """A transaction that a block did not end is rolled back by the workers before the next holder sees the session."""
    database = TransactionalDatabase()
    pool = await world.open(database, size=1)
    async with pool.session() as session:
        session.left_open = True
    assert await pool.get() is session
    assert (session.left_open, database.calls["reset"]) == (False, 1)


async def test_a_block_that_left_nothing_open_costs_no_reset(world: World) -> None:
    """A reset is a round trip, so it happens only when the database says that something is open."""
    database = TransactionalDatabase()
    pool = await world.open(database, size=1)
    database.calls.clear()
    async with pool.session():
        pass
    assert pool.stats().idle == 1
    assert (database.calls["needs_reset"], database.calls["reset"]) == (1, 0)


async def test_a_block_that_lost_its_session_costs_only_that(world: World) -> None:
    """An error by which the database knows the session dead has it replaced, and reaches the caller unchanged."""
    pool = await world.open(size=2)
    with pytest.raises(SessionDied):
        async with pool.session() as session:
            world.database.kill(session)
            session.use()
    await world.heal(pool)
    assert pool.stats().replaced == {"lost": 1}
    assert session not in world.database.live


async def test_one_death_casts_suspicion_on_all(world: World) -> None:
    """After a death in use no idle session is lent unproven: an outage costs nobody else an error."""
    pool = await world.open(size=4)
    with pytest.raises(SessionDied):
        async with pool.session() as session:
            world.database.kill_all()
            session.use()
    assert all([(await pool.get()).use() > 4 for _ in range(4)])


async def test_a_suspect_is_never_killed_unseen(world: World) -> None:
    """A session under suspicion that proves alive is lent on: it costs a ping, not a new session."""
    pool = await world.open(size=2)
    with pytest.raises(SessionDied):
        async with pool.session() as guilty:
            world.database.kill(guilty)
            (innocent,) = world.database.live
            guilty.use()
    await world.rest()
    assert innocent in {await pool.get(), await pool.get()}
    assert not innocent.is_deleted
    assert world.database.calls["create"] == 3


async def test_a_suspect_that_comes_back_by_a_bare_put_is_proven_first(world: World) -> None:
    """A session that was lent when another died says nothing of its own state by a bare `put`."""
    pool = await world.open(size=2)
    lent = await pool.get()
    with pytest.raises(SessionDied):
        async with pool.session() as session:
            world.database.kill_all()
            session.use()
    await pool.put(lent)
    assert {(await pool.get()).use(), (await pool.get()).use()} == {3, 4}


@pytest.mark.parametrize("error", [ValueError, RuntimeError, ExceptionGroup, StopAsyncIteration])
async def test_another_error_gives_the_session_back(world: World, error: Callable[..., Exception]) -> None:
    """An error that says nothing of the session costs at most a reset and a ping, and casts no suspicion."""
    database = TransactionalDatabase()
    pool = await world.open(database, size=1)
    raised = error("two", [ValueError()]) if error is ExceptionGroup else error("no such table")
    with pytest.raises(type(raised)):
        async with pool.session() as session:
            session.left_open = True
            raise raised
    assert await pool.get() is session
    assert (database.calls["reset"], database.calls["ping"]) == (1, 1)


async def test_an_error_is_no_proof_of_life(world: World) -> None:
    """A use that ended in an error proves nothing: the session is pinged before anybody gets it, and is well."""
    pool = await world.open(size=1)
    with pytest.raises(ValueError, match="no such table"):
        async with pool.session() as session:
            raise ValueError("no such table")
    assert await pool.get() is session
    assert world.database.calls["ping"] == 1
    assert pool.stats().replaced == {}


async def test_a_death_that_nobody_recognises_is_met_once(world: World) -> None:
    """All are dead, and the database knows none of their errors: when a check has shown one, nobody meets another."""
    pool = await world.open(size=3)
    world.database.kill_all()
    with pytest.raises(RuntimeError):
        async with pool.session():
            raise RuntimeError("what the driver says of a dead session, in words that nobody knows")
    await world.rest()
    for _ in range(6):
        async with pool.session() as session:
            session.use()
    assert pool.stats().replaced == {"gone": 3}


async def test_an_error_of_another_database_costs_no_session(world: World) -> None:
    """An error that reads like a death, in a block whose own session looks alive, is somebody else's."""
    database = TransactionalDatabase()
    pool = await world.open(database, size=2)
    for _ in range(4):
        with pytest.raises(SessionDied):
            async with pool.session():
                raise SessionDied("the cache, which speaks by the same driver, has gone away")
    await world.rest()
    assert pool.stats().replaced == {}
    assert database.calls["create"] == 2


async def test_a_session_on_the_wrong_node_is_replaced_however_alive_it_looks(world: World) -> None:
    """After a fail-over a session may look alive and be of no use: its error outweighs the look."""
    pool = await world.open(TransactionalDatabase(), size=2)
    with pytest.raises(Misplaced):
        async with pool.session() as session:
            raise Misplaced("cannot write in a read-only transaction")
    await world.until(lambda: session.is_deleted)
    assert pool.stats().replaced == {"lost": 1}


@pytest.mark.parametrize("error", [Interrupt, KeyboardInterrupt, SystemExit, asyncio.CancelledError])
async def test_an_interrupted_block_taints_its_session(world: World, error: type[BaseException]) -> None:
    """Who was interrupted may have been in the middle of a call, so the session is deleted; the others are trusted."""
    pool = await world.open(size=2)
    with pytest.raises(error):
        async with pool.session() as session:
            raise error
    await world.rest()
    assert session.is_deleted
    assert pool.stats().replaced == {"tainted": 1}
    assert session not in {await pool.get(0), await pool.get(0)}
    assert world.database.calls["ping"] == 0


async def test_a_session_may_survive_an_interrupt(world: World) -> None:
    """If `survived_interrupt` says that the session can be used again, it is pinged, since its use proved nothing."""
    database = TransactionalDatabase()
    pool = await world.open(database, size=1)
    with pytest.raises(Interrupt):
        async with pool.session() as session:
            raise Interrupt
    assert await pool.get() is session
    assert (database.calls["survived_interrupt"], database.calls["ping"]) == (1, 1)


async def test_a_session_that_did_not_survive_an_interrupt_is_deleted(world: World) -> None:
    """If `survived_interrupt` says no, the interrupted session is deleted."""
    database = TransactionalDatabase()
    pool = await world.open(database, size=1)
    with pytest.raises(Interrupt):
        async with pool.session() as session:
            session.left_open = True
            raise Interrupt
    assert await pool.get() is not session
    assert session.is_deleted


async def test_the_end_of_a_generator_is_no_interrupt(world: World) -> None:
    """A block in a generator that is not read to its end gives its session back whole."""
    pool = await world.open(size=1)
    with pytest.raises(GeneratorExit):
        async with pool.session() as session:
            raise GeneratorExit
    assert await pool.get(0) is session


async def drop_one(world: World, pool: Pool) -> None:
    """Check a session out, let go of it, and see the pool notice."""
    pool.drop((await pool.get()).number)
    await world.until(lambda: gc.collect() >= 0 and pool.stats().leaked == 1)


async def test_a_dropped_session_costs_nothing_but_itself(world: World) -> None:
    """A session whose holder let go of it without a `put` is replaced, and a warning says so."""
    pool = await world.open(size=1)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        await drop_one(world, pool)
        await world.until(lambda: any("never put back" in str(warning.message) for warning in warned))
    assert (await pool.get()).use() == 2


@pytest.mark.filterwarnings("error::ResourceWarning")
async def test_a_warning_that_is_an_error_costs_nothing(world: World) -> None:
    """Where warnings are errors a dropped session is replaced all the same, and no caller gets the error."""
    pool = await world.open(size=1)
    await drop_one(world, pool)
    assert (await pool.get()).use() == 2


async def test_a_block_can_be_entered_again(world: World) -> None:
    """The object that `session()` returned may be used for one block after the other."""
    pool = await world.open(size=1)
    block = pool.session()
    async with block as first:
        pass
    async with block as second:
        assert second is first
    assert pool.stats().idle == 1
