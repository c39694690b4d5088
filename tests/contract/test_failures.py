"""The contract while the database is failing: nothing is lost, nobody waits for nothing, and all heals by itself."""

import asyncio
import logging
from collections.abc import Mapping

import pytest

from pingpool import CannotFill, PoolTimeout
from pingpool.errors import BadSession, DatabaseRefuses, Overrun
from pingpool.testing import FakeSession, FaultyDatabase, Forbidden, SessionDied, Trouble
from tests.contract.world import Pool, World, start


async def lose_all(world: World, pool: Pool) -> None:
    """Let all sessions die, and one holder notice."""
    with pytest.raises(SessionDied):
        async with pool.session() as session:
            world.database.kill_all()
            session.use()


async def test_an_outage_shorter_than_the_timeout_costs_no_error(world: World) -> None:
    """Who waits while no session can be created gets one as soon as the database is back."""
    pool = await world.open(size=2)
    world.database.fail("create", ConnectionError)
    await lose_all(world, pool)
    line = await world.line_up(pool, 20, 20)
    await world.advance(15, step=0.25)
    assert pool.stats().waiting == 2
    world.database.recover()
    await world.advance(1, step=0.25)
    assert {(await waiting).use() for waiting in line} == {3, 4}


async def test_waiters_learn_why_there_was_nothing(world: World) -> None:
    """A `PoolTimeout` carries the last failure to create a session as its cause."""
    pool = await world.open(size=1)
    world.database.fail("create", ConnectionError)
    await lose_all(world, pool)
    (waiting,) = await world.line_up(pool, 5)
    await world.advance(5.25, step=0.25)
    with pytest.raises(PoolTimeout) as caught:
        await waiting
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert "ConnectionError" in str(pool.stats().last_failure)


async def test_a_failure_that_is_over_is_nobodys_cause(world: World) -> None:
    """Once sessions are created again, a timeout has no cause but the lack of sessions."""
    pool = await world.open(size=1)
    world.database.fail("create", ConnectionError, times=1)
    await lose_all(world, pool)
    await world.heal(pool)
    await pool.get()
    with pytest.raises(PoolTimeout) as caught:
        await pool.get(0)
    assert caught.value.__cause__ is None
    assert pool.stats().last_failure is None


async def test_creation_is_tried_often_while_somebody_waits(world: World) -> None:
    """With a caller in line a failing creation is tried again about four times a second, and no more."""
    pool = await world.open(size=3)
    world.database.fail("create", ConnectionError)
    await lose_all(world, pool)
    await world.line_up(pool, 60)
    before = world.database.calls["create"]
    await world.advance(30, step=0.05)
    assert 60 <= world.database.calls["create"] - before <= 125


async def test_creation_is_tried_seldom_while_nobody_waits(world: World) -> None:
    """Without callers the pauses grow to five seconds, so that a server in trouble is left alone."""
    pool = await world.open(size=3)
    world.database.fail("create", ConnectionError)
    await lose_all(world, pool)
    await pool.ping()
    before = world.database.calls["create"]
    await world.advance(600)
    assert 600 / 5 <= world.database.calls["create"] - before <= 600 / 3


async def test_the_pool_heals_by_itself(world: World) -> None:
    """With nobody asking, the first session is back within five seconds, and each other one within another."""
    pool = await world.open(size=5)
    world.database.fail("create", ConnectionError)
    await lose_all(world, pool)
    await pool.ping()
    await world.advance(300)
    assert pool.stats().vacant == 5
    world.database.recover()
    await world.advance(5 + 4)
    assert pool.stats().idle == 5


async def test_after_a_failure_one_tries_before_the_others(world: World) -> None:
    """A server that comes back is met by a single attempt first; the others follow when it has succeeded."""
    pool = await world.open(size=4)
    world.database.fail("create", ConnectionError)
    await lose_all(world, pool)
    await pool.ping()
    await world.advance(100)
    world.database.recover()
    before = world.database.calls["create"]
    with world.database.hanging("create"):
        while world.database.calls["create"] == before:
            world.clock.advance(1)
            await asyncio.sleep(0.001)  # for the pool's real threads
            pool.stats()
        assert pool.stats().creating == 1
        assert pool.stats().vacant == 3
    await world.advance(5, step=0.4)
    assert pool.stats().idle == 4


async def test_after_the_death_of_all_one_tries_before_the_others(world: World) -> None:
    """When all sessions are gone the server may be in trouble: one attempt goes before the others."""
    pool = await world.open(size=4)
    world.database.kill_all()
    await world.advance(60)
    before = world.database.calls["create"]
    with world.database.hanging("create"):
        round = start(pool.ping())
        await world.seen("create", before + 1)
        await world.until(lambda: pool.stats().checking == 0)
        assert (pool.stats().creating, pool.stats().vacant) == (1, 3)
    await round
    assert (pool.stats().idle, world.database.calls["create"]) == (4, before + 4)


async def test_an_attempt_that_hangs_keeps_nobody_waiting(world: World) -> None:
    """When the first attempt after the death of all hangs, waiters are served by the next, soon after."""
    pool = await world.open(size=3, workers=3)
    world.database.kill_all()
    await world.advance(60)
    with world.database.hanging("create", times=1):
        line = await world.line_up(pool, 5, 5)
        await world.seen("create", 4)
        for waiting in line:
            assert (await world.pass_time_until(waiting, step=0.1)).use()
        assert pool.stats().creating == 1
    for waiting in line:
        await pool.put(waiting.result())
    await world.heal(pool)


async def test_a_refusal_for_good_reaches_waiters_soon(world: World) -> None:
    """When the database will not open sessions until somebody mends the cause, nobody waits for that.

    A second attempt, a quarter of a second later, has to confirm it: the database did open some before.
    """
    pool = await world.open(size=1, default_timeout=None)
    world.database.fail("create", Forbidden)
    await lose_all(world, pool)
    before = world.clock.now()
    with pytest.raises(DatabaseRefuses) as caught:
        await world.pass_time_until(start(pool.get()), step=0.05)
    assert world.database.calls["create"] == 3
    assert world.clock.now() - before < 0.5
    assert isinstance(caught.value.__cause__, Forbidden)
    assert isinstance(caught.value, world.Empty)


async def test_a_refusal_for_good_reaches_who_waits_already(world: World) -> None:
    """Callers in line are told as soon as the refusal is known, whatever their timeouts."""
    pool = await world.open(size=1, default_timeout=None)
    world.database.fail("create", Forbidden)
    with pytest.raises(SessionDied):
        async with pool.session() as session:
            line = await world.line_up(pool, None, 100)
            world.database.kill(session)
            session.use()
    for waiting in line:
        with pytest.raises(DatabaseRefuses):
            await world.pass_time_until(waiting, step=0.1)


async def test_one_refusal_is_no_answer(world: World) -> None:
    """A refusal that passes, of a token that has just expired, say, costs whoever waits a moment, and no error."""
    pool = await world.open(size=1)
    world.database.fail("create", Forbidden, times=1)
    await lose_all(world, pool)
    assert (await world.pass_time_until(start(pool.get(9)), step=0.1)).use() == 2


async def test_a_refusal_for_good_heals(world: World) -> None:
    """Once the cause is mended the pool is well again by itself."""
    pool = await world.open(size=2)
    world.database.fail("create", Forbidden)
    await lose_all(world, pool)
    with pytest.raises(DatabaseRefuses):
        await world.pass_time_until(start(pool.get(100)), step=0.25)
    await world.heal(pool)


async def test_a_refusal_does_not_matter_while_there_are_sessions(world: World) -> None:
    """Who can hope for a session in somebody's hands goes on waiting, though no new one can be created."""
    pool = await world.open(size=2)
    busy = await pool.get()
    world.database.fail("create", Forbidden)
    with pytest.raises(SessionDied):
        async with pool.session() as session:
            world.database.kill(session)
            session.use()
    (waiting,) = await world.line_up(pool, 9)
    await world.advance(2)
    await pool.put(busy)
    assert await waiting is busy


async def test_a_creation_belongs_to_nobody(world: World) -> None:
    """A session that arrives after its caller gave up goes to the next in line, or to idle."""
    pool = await world.open(size=1, io_timeout=100)
    with world.database.hanging("create"):
        await lose_all(world, pool)
        hasty, patient = await world.line_up(pool, 1, 50)
        await world.seen("create", 2)
        world.clock.advance(1)
        with pytest.raises(PoolTimeout):
            await hasty
    assert (await patient).use() == 2
    assert world.database.calls["create"] == 2


async def test_a_creation_that_hangs_costs_no_slot(world: World) -> None:
    """A creation that overran its time is given up and tried again; what it still brings is deleted."""
    pool = await world.open(size=2, workers=2, io_timeout=5)
    with world.database.hanging("create", times=1):
        await lose_all(world, pool)
        waiting = start(pool.get(60))
        await world.seen("create", 3)
        session = await world.pass_time_until(waiting)
        assert session.use()
        assert pool.stats().overran <= 1
    await pool.put(session)
    await world.heal(pool)
    await world.until(lambda: len(world.database.live) == 2)


async def test_a_check_that_hangs_is_a_known_cause(world: World) -> None:
    """Who waited in vain because a check hung is told so."""
    pool = await world.open(size=1, workers=2, io_timeout=5)
    await world.advance(60)
    world.database.fail("create", ConnectionError)
    with world.database.hanging("ping"):
        waiting = start(pool.get(5.1))
        await world.seen("ping", 1)
        world.clock.advance(5.05)
        await world.until(lambda: pool.stats().overran)
        with pytest.raises(PoolTimeout) as caught:
            await world.pass_time_until(waiting, step=0.1)
        assert isinstance(caught.value.__cause__, Overrun | ConnectionError)
    await world.heal(pool)


# Sessions that cannot be pooled.


class Misfit(FaultyDatabase):
    """A database that at times returns what is no new session."""

    def __init__(self) -> None:
        super().__init__()
        self.returns: list[FakeSession | None] = []

    def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        """Return what was left here, or else a new session."""
        if self.returns:
            return self.returns[0]  # type: ignore[return-value]  # None is the fault that is tested
        return super().create(labels=labels, timeout=timeout)


async def test_none_is_no_session(world: World) -> None:
    """A `create` that returns None is a failure with a clear cause, and costs no slot."""
    database = Misfit()
    database.returns = [None]
    pool = world.pool(size=2)
    with pytest.raises(CannotFill) as caught:
        await pool.bind(database)
    assert isinstance(caught.value.__cause__, BadSession)
    assert "None" in str(caught.value)
    database.returns.clear()
    await pool.bind(database)
    await world.heal(pool)


async def test_no_session_at_all_is_a_failure(world: World) -> None:
    """A database whose `create_many` returns nothing is not asked for ever: the attempt has failed."""

    class Empty(FaultyDatabase):
        def create_many(self, count: int, *, labels: Mapping[str, str], timeout: float) -> list[FakeSession]:
            return []

    with pytest.raises(CannotFill, match="no session at all"):
        await world.open(Empty())


async def test_a_broken_log_costs_no_report(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A filter of the log that raises, whenever something is told, leaves no caller waiting."""

    def broken(record: logging.LogRecord) -> bool:
        if record.levelno == logging.INFO:
            raise ZeroDivisionError
        return True

    caplog.set_level(logging.INFO, "pingpool")
    logging.getLogger("pingpool").addFilter(broken)
    try:
        pool = world.pool(size=2)
        world.database.fail("create", Trouble, times=100)
        with pytest.raises(CannotFill) as caught:
            await pool.bind(world.database)
    finally:
        logging.getLogger("pingpool").removeFilter(broken)
    assert isinstance(caught.value.__cause__, Trouble)
    world.database.recover()
    await pool.bind(world.database)
    assert pool.stats().idle == 2


async def test_the_same_session_is_never_pooled_twice(world: World) -> None:
    """A `create` that returns a session the pool has already is a failure: nobody shares a session."""
    database = Misfit()
    pool = await world.open(database, size=2)
    first, second = await pool.get(), await pool.get()
    database.returns = [first]
    database.kill(second)
    await pool.put(second)
    await world.advance(60)
    with pytest.raises(PoolTimeout) as caught:
        waiting = start(pool.get(3))
        await world.pass_time_until(waiting, step=0.5)
    assert isinstance(caught.value.__cause__, BadSession)
    assert not first.is_deleted
    database.returns.clear()
    await pool.put(first)
    await world.heal(pool)


async def test_only_the_same_session_leaves_nothing_behind(world: World) -> None:
    """A database that always returns one and the same object cannot fill a pool of two, and that object is deleted."""
    database = Misfit()
    only = FakeSession(1, {})
    database.returns = [only]
    pool = world.pool(size=2, workers=1)
    with pytest.raises(CannotFill):
        await pool.bind(database)
    await world.until(lambda: only.is_deleted and pool.stats().vacant == 2)
