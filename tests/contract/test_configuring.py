"""How a new session is set up before anybody gets it: by `configure`, once, and again where a reset undoes that."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pingpool import CannotFill
from pingpool.errors import DatabaseRefuses, Overrun
from pingpool.testing import FakeSession, TransactionalDatabase, Trouble
from tests.contract.world import Pool, World, start


class Configured(TransactionalDatabase):
    """A database that notes which sessions it has configured, and what came after that."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[tuple[str, int]] = []
        self.resets_make_new = False
        self.leaves_open = False

    def configure(self, session: FakeSession, *, timeout: float) -> None:
        """Note it."""
        self._meet("configure")
        self.order.append(("configure", session.number))
        session.left_open = self.leaves_open

    def needs_reset(self, session: FakeSession) -> bool | None:
        """Note that it was asked."""
        self.order.append(("needs_reset", session.number))
        return super().needs_reset(session)

    def reset(self, session: FakeSession, *, timeout: float) -> bool | None:
        """Roll back, and say whether what was configured is gone with it."""
        super().reset(session, timeout=timeout)
        self.order.append(("reset", session.number))
        return self.resets_make_new

    def steps(self, number: int) -> list[str]:
        """Return what was done to one session."""
        return [step for step, whose in self.order if whose == number]


async def use(pool: Pool, *, left_open: bool = False) -> int:
    """Use a session in a block, which may leave something open."""
    async with pool.session() as session:
        session.left_open = left_open
    return session.number


async def test_a_new_session_is_configured_once_before_it_is_lent(world: World) -> None:
    """And before it is asked what was left open in it; later uses, and pings, do not do it again."""
    database = Configured()
    pool = await world.open(database, size=1)
    number = await use(pool)
    await world.advance(3600)
    await use(pool)
    assert database.steps(number)[:2] == ["configure", "needs_reset"]
    assert database.calls["configure"] == 1


async def test_what_configuring_leaves_open_is_reset(world: World) -> None:
    """As what opening leaves open."""
    database = Configured()
    database.leaves_open = True
    pool = await world.open(database, size=1)
    session = await pool.get()
    assert not session.left_open
    assert database.steps(session.number) == ["configure", "needs_reset", "reset", "needs_reset"]


@pytest.mark.parametrize(("resets_make_new", "times"), [(True, 2), (False, 1)])
async def test_what_a_reset_has_made_as_new_is_configured_again(
    world: World, resets_make_new: bool, times: int
) -> None:
    """A reset that says so has undone what was configured; of any other it is still there."""
    database = Configured()
    database.resets_make_new = resets_make_new
    pool = await world.open(database, size=1)
    number = await use(pool, left_open=True)
    await world.rest()
    assert database.steps(number).count("configure") == times
    assert await use(pool) == number


async def test_a_session_that_cannot_be_configured_was_not_created(world: World) -> None:
    """It is ended, `bind` tells the cause, and the next attempt is as good as any."""
    database = Configured()
    database.fail("configure", lambda: Trouble("no such role"))
    pool = world.pool(2)
    with pytest.raises(CannotFill) as caught:
        await pool.bind(database)
    assert str(caught.value.__cause__) == "no such role"
    await world.until(lambda: database.live == [])
    database.recover()
    await pool.bind(database)
    assert pool.stats().idle == 2


async def test_one_that_cannot_be_configured_again_is_ended(world: World) -> None:
    """After a reset that has undone its settings it is lent to nobody without them."""
    database = Configured()
    database.resets_make_new = True
    pool = await world.open(database, size=1)
    database.fail("configure", times=1)
    number = await use(pool, left_open=True)
    await world.rest()
    assert await use(pool) != number
    assert pool.stats().replaced == {"in doubt": 1}


async def test_a_configure_that_hangs_costs_no_slot(world: World) -> None:
    """It has `io_timeout`, as all calls; what comes back too late is ended."""
    database = Configured()
    pool = world.pool(1, io_timeout=5)
    with database.hanging("configure", times=1):
        binding = start(pool.bind(database))
        with pytest.raises(CannotFill) as caught:
            await world.pass_time_until(binding)
    assert isinstance(caught.value.__cause__, Overrun)
    await world.until(lambda: database.live == [])
    await pool.bind(database)
    assert await use(pool)
    assert database.calls["abort"] == 1


async def test_a_bug_in_configure_is_told_by_its_name(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """It will not heal by itself, so whoever waits is told at once."""
    database = Configured()
    pool = world.pool(1)
    database.fail("configure", lambda: AttributeError("it has no such thing"))
    with pytest.raises(CannotFill) as caught:
        await pool.bind(database)
    assert isinstance(caught.value.__cause__, AttributeError)
    assert "the database's configure is broken" in caplog.text
    assert "create is broken" not in caplog.text


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
async def test_who_was_interrupted_while_it_was_configured_is_not_lent(
    world: World, interrupt: type[BaseException]
) -> None:
    """Nobody knows how far it came."""
    database = Configured()
    pool = world.pool(1)
    database.fail("configure", interrupt, times=1)
    with pytest.raises(CannotFill):
        await pool.bind(database)
    await world.until(lambda: database.live == [])


async def test_what_came_before_an_error_of_create_many_is_configured_too(world: World) -> None:
    """No session is lent without."""

    class Many(Configured):
        def create_many(self, count: int, *, labels: Mapping[str, str], timeout: float) -> Any:
            yield self.create(labels=labels, timeout=timeout)
            if not self.calls["again"]:
                self.calls["again"] += 1
                raise Trouble

    database = Many()
    pool = world.pool(2)
    with pytest.raises(CannotFill):
        await pool.bind(database)
    await world.rest()
    await pool.bind(database)
    for session in [await pool.get(), await pool.get()]:
        assert database.steps(session.number)[0] == "configure"


async def test_one_who_waits_is_told_what_keeps_sessions_from_being_configured(world: World) -> None:
    """The reason is the cause of the error."""
    database = Configured()
    pool = await world.open(database, size=1)
    first = await pool.get()
    broken: Callable[[], BaseException] = lambda: TypeError("not so")  # noqa: E731
    database.fail("configure", broken)
    database.kill(first)
    await pool.put(first)
    with pytest.raises(DatabaseRefuses) as caught:
        await world.pass_time_until(start(pool.get()))
    assert isinstance(caught.value.__cause__, TypeError)
