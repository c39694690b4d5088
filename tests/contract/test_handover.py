"""What one holder left never reaches the next: when a pool asks, resets, pings and asks again."""

from collections.abc import Callable, Mapping

import pytest

from pingpool import CannotFill, Meaning
from pingpool.errors import BadSession, BeyondReset
from pingpool.testing import FakeSession, SessionDied, TransactionalDatabase, Trouble
from tests.contract.world import Pool, World, start


class Told(TransactionalDatabase):
    """A database that notes in which order it is called, and whose resets may do nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []
        self.resets_help = True
        self.resets_ask_the_server = True
        self.beyond: str | None = None
        self.can_tell = True
        self.left_by_opening = False
        self.on_ping: Callable[[FakeSession], None] = lambda session: None

    def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        """Open a session, in which something may be open."""
        session = super().create(labels=labels, timeout=timeout)
        session.left_open = self.left_by_opening
        return session

    def needs_reset(self, session: FakeSession) -> bool | None:
        """Say it, or that it cannot be told."""
        answer = super().needs_reset(session)
        return answer if self.can_tell else None

    def ping(self, session: FakeSession, *, timeout: float) -> None:
        """Prove it; something may come to its end meanwhile."""
        self.order.append("ping")
        super().ping(session, timeout=timeout)
        self.on_ping(session)

    def unlock(self, session: FakeSession, *, timeout: float) -> None:
        """Let go of its locks."""
        self.order.append("unlock")

    def reset(self, session: FakeSession, *, timeout: float) -> None:
        """Undo what is open, by a round trip or without one."""
        self.order.append("reset")
        if self.beyond is not None:
            raise BeyondReset(self.beyond, "it is beyond that")
        was_open = session.left_open
        if self.resets_ask_the_server:
            super().reset(session, timeout=timeout)
        session.left_open = was_open and not self.resets_help


async def leave_open(world: World, pool: Pool, error: Exception | None = None) -> FakeSession:
    """Use a session in a block that leaves a transaction open, and may end in an error."""
    try:
        async with pool.session() as session:
            session.left_open = True
            if error is not None:
                raise error
    except type(error or Trouble()):
        pass
    await world.rest()
    return session


async def test_after_an_error_the_reset_comes_before_the_ping(world: World) -> None:
    """The ping proves the session as the next holder will get it."""
    database = Told()
    pool = await world.open(database, size=1)
    session = await leave_open(world, pool, ValueError())
    assert database.order == ["reset", "unlock", "ping"]
    assert await pool.get() is session


async def test_after_an_error_its_locks_are_let_go(world: World) -> None:
    """Those that a rollback does not end; after a use that ended well nobody knows whether they were meant to stay."""
    database = Told()
    pool = await world.open(database, size=1)
    for error in (ValueError(), None):
        await leave_open(world, pool, error)
    assert database.order == ["reset", "unlock", "ping", "reset"]


async def test_a_reset_that_asked_nobody_proves_nothing(world: World) -> None:
    """A session that was killed in its use is not lent again because a rollback of nothing went well."""
    database = Told()
    database.resets_ask_the_server = False
    pool = await world.open(database, size=1)
    try:
        async with pool.session() as session:
            session.left_open = True
            database.kill(session)
            raise Trouble
    except Trouble:
        pass
    assert (await pool.get()).use() != session.number
    assert pool.stats().replaced == {"gone": 1}


async def test_what_ends_during_the_ping_is_undone(world: World) -> None:
    """A statement whose holder did not wait for it may open a transaction long after the block."""

    def come_to_its_end(session: FakeSession) -> None:
        session.left_open = True

    database = Told()
    pool = await world.open(database, size=1)
    database.on_ping = come_to_its_end
    with pytest.raises(Trouble):
        async with pool.session():
            raise Trouble
    session = await pool.get()
    assert database.order == ["unlock", "ping", "reset"]
    assert not session.left_open


async def test_a_session_that_is_not_clean_after_its_reset_is_ended(world: World) -> None:
    """It counts as "left open", and costs nobody an error."""
    database = Told()
    pool = await world.open(database, size=1)
    database.resets_help = False
    left = [await leave_open(world, pool), await leave_open(world, pool, ValueError())]
    assert await pool.get() not in left
    assert pool.stats().replaced == {"left open": 2}
    assert all(session.is_deleted for session in left)


@pytest.mark.parametrize("error", [None, ValueError()])
@pytest.mark.parametrize("reason", ["left busy", "left open", "changed"])
async def test_the_reason_is_counted_as_the_database_tells_it(
    world: World, reason: str, error: Exception | None
) -> None:
    """What is beyond a reset is ended, by its reason, and makes nobody else suspect."""
    database = Told()
    pool = await world.open(database, size=2)
    database.beyond = reason
    await leave_open(world, pool, error)
    assert pool.stats().replaced == {reason: 1}
    assert database.calls["ping"] == 0


@pytest.mark.parametrize("error", [None, ValueError()])
async def test_a_reset_that_fails_is_no_death(world: World, error: Exception | None) -> None:
    """The session is ended, since nobody knows what is open in it; nobody else is suspected."""
    database = Told()
    pool = await world.open(database, size=2)
    database.fail("reset", lambda: RuntimeError("a bad day"))
    await leave_open(world, pool, error)
    assert pool.stats().replaced == {"in doubt": 1}
    assert database.calls["ping"] == 0


@pytest.mark.parametrize("error", [None, ValueError()])
async def test_a_reset_that_finds_a_session_dead_is_a_death(world: World, error: Exception | None) -> None:
    """Its error means that the session is lost."""
    database = Told()
    pool = await world.open(database, size=1)
    database.fail("reset", SessionDied, times=1)
    await leave_open(world, pool, error)
    assert pool.stats().replaced == {"gone": 1}


async def test_what_cannot_be_told_is_reset_each_time_and_trusted(world: World) -> None:
    """None is no yes: a reset of such a session is taken for good."""
    database = Told()
    database.can_tell = False
    pool = await world.open(database, size=1)
    for error in (None, ValueError(), None):
        await leave_open(world, pool, error)
    assert database.order == ["reset", "reset", "reset", "unlock", "ping", "reset"]
    assert (pool.stats().resets, pool.stats().replaced) == (4, {})


async def test_a_new_session_is_asked_too(world: World) -> None:
    """What opening it left open is undone before anybody gets it."""
    database = Told()
    database.left_by_opening = True
    pool = await world.open(database, size=2)
    assert database.order == ["reset", "reset"]
    assert not (await pool.get()).left_open


async def test_a_new_session_that_is_never_clean_is_refused(world: World) -> None:
    """A `needs_reset` that always says yes is told at `bind`, with what to answer instead; nothing stays open."""
    database = Told()
    database.left_by_opening, database.resets_help = True, False
    pool = world.pool(2)
    with pytest.raises(CannotFill, match="where it cannot tell: None") as caught:
        await pool.bind(database)
    assert isinstance(caught.value.__cause__, BadSession)
    await world.rest()
    assert database.live == []


@pytest.mark.parametrize("error", [SessionDied, lambda: BeyondReset("left busy"), lambda: RuntimeError("a bad day")])
async def test_a_new_session_whose_reset_fails_is_not_lent(world: World, error: Callable[[], BaseException]) -> None:
    """Its creation failed: the session is ended, and the next attempt is as good as any."""
    database = Told()
    pool = await world.open(database, size=1)
    database.left_by_opening = True
    database.fail("reset", error, times=1)
    database.kill_all()
    await world.advance(3600)
    session = await world.pass_time_until(start(pool.get()))
    assert database.live == [session]
    assert pool.stats().create_failures == 1


async def test_an_idle_session_costs_no_more_than_its_ping(world: World) -> None:
    """Asking is free; nothing is reset that nobody left open."""
    database = Told()
    pool = await world.open(database, size=2, ping_interval=60)
    await world.advance(100, step=30)
    await pool.ping()
    assert set(database.order) == {"ping"}


class Foreign(Told):
    """A database that knows that an error is none of its driver's."""

    def meaning_of(self, error: BaseException) -> Meaning:
        """Say it of one kind."""
        return Meaning.FOREIGN if isinstance(error, LookupError) else super().meaning_of(error)


async def test_after_an_error_of_the_application_locks_are_let_go_and_no_ping_is_owed(world: World) -> None:
    """Nothing tells against the session; but whoever failed may have left a lock."""
    database = Foreign()
    pool = await world.open(database, size=1)
    for _ in range(3):
        session = await fail(world, pool)
    assert database.order == ["unlock"] * 3
    assert await pool.get() is session
    assert (pool.stats().pings, pool.stats().resets) == (0, 0)


async def test_after_an_error_of_the_application_what_was_left_open_is_undone(world: World) -> None:
    """As after any use."""
    database = Foreign()
    pool = await world.open(database, size=1)
    await leave_open(world, pool, LookupError("no such page"))
    assert database.order == ["reset", "unlock"]
    assert pool.stats().resets == 1


async def test_an_error_of_the_application_saves_no_session_that_looks_dead(world: World) -> None:
    """It is proven as after any other error."""
    database = Foreign()
    pool = await world.open(database, size=1)
    with pytest.raises(LookupError):
        async with pool.session() as session:
            database.kill(session)
            raise LookupError
    assert (await pool.get()).use() != session.number
    assert pool.stats().replaced == {"gone": 1}


async def test_a_database_without_locks_is_asked_nothing_after_an_error_of_the_application(world: World) -> None:
    """Its session is idle at once, as after a use that ended well."""

    class NoLocks(TransactionalDatabase):
        def meaning_of(self, error: BaseException) -> Meaning:
            return Meaning.FOREIGN

    database = NoLocks()
    pool = await world.open(database, size=1)
    for _ in range(3):
        with pytest.raises(LookupError):
            async with pool.session():
                raise LookupError
        assert pool.stats().idle == 1
    assert database.calls["ping"] + database.calls["reset"] == 0


async def fail(world: World, pool: Pool) -> FakeSession:
    """Use a session in a block that ends in an error of the application."""
    with pytest.raises(LookupError):
        async with pool.session() as session:
            raise LookupError("no such page")
    await world.rest()
    return session
