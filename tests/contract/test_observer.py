"""What an observer is told: each thing once, in order, with durations, and never while the pool holds anything."""

import logging
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest

from pingpool import CallerObserver, Observer, PoolTimeout
from pingpool.errors import TooManyWaiters
from pingpool.testing import FaultyDatabase, SessionDied, TransactionalDatabase, Trouble
from tests.contract.world import World, said_by


class Diary(Observer):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def made(self, pool: str, took: float) -> None:
        self.told.append(("made", pool, took))

    def not_made(self, pool: str, error: BaseException | None) -> None:
        self.told.append(("not made", pool, type(error)))

    def lent(self, pool: str, waited: float) -> None:
        self.told.append(("lent", pool, waited))

    def returned(self, pool: str, used_for: float, how: str) -> None:
        self.told.append(("returned", pool, used_for, how))

    def replaced(self, pool: str, why: str, age: float, idle_for: float, used_for: float) -> None:
        self.told.append(("replaced", pool, why, age, idle_for, used_for))

    def reset(self, pool: str) -> None:
        self.told.append(("reset", pool))

    def refused(self, pool: str) -> None:
        self.told.append(("refused", pool))

    def timed_out(self, pool: str, waited: float) -> None:
        self.told.append(("timed out", pool, waited))


async def hears(world: World, diary: Diary, *expected: Any) -> None:
    """See that this is what it was told since it was asked last; threads tell it a moment later."""
    await world.until(lambda: len(diary.told) >= len(expected))
    assert diary.told == [*expected]
    diary.told.clear()


async def test_each_use_is_told(world: World) -> None:
    """A session is made, lent and returned, at once or after a wait."""
    diary = Diary()
    pool = await world.open(size=1, name="shop", observer=diary)
    await hears(world, diary, ("made", "shop", 0))
    session = await pool.get()
    (waiting,) = await world.line_up(pool, 5)
    await world.advance(2)
    await pool.put(session)
    del session
    await pool.put(await waiting)
    await hears(
        world,
        diary,
        ("lent", "shop", 0),
        ("returned", "shop", 2, "well"),
        ("lent", "shop", 2),
        ("returned", "shop", 0, "well"),
    )
    assert (pool.stats().immediate, pool.stats().waited) == (1, 1)


async def test_a_session_that_died_is_told_with_its_ages(world: World) -> None:
    """How old it was, how long it had been idle, and how long in use."""
    diary = Diary()
    pool = await world.open(size=1, name="shop", observer=diary)
    await world.advance(10)
    world.database.fail("create", Trouble, times=1)
    with pytest.raises(SessionDied):
        async with pool.session() as session:
            await world.advance(3)
            world.database.kill_all()
            session.use()
    await world.advance(1)
    await hears(
        world,
        diary,
        ("made", "shop", 0),
        ("lent", "shop", 0),
        ("returned", "shop", 3, "lost"),
        ("replaced", "shop", "lost", 13, 10, 3),
        ("not made", "shop", Trouble),
        ("made", "shop", 0),
    )


async def test_a_session_that_died_while_idle_was_lent_to_nobody(world: World) -> None:
    """A look at the checkout finds it dead: it is replaced, and only the next one is lent."""
    diary = Diary()
    pool = await world.open(TransactionalDatabase(), size=1, name="shop", observer=diary)
    world.database.kill_all()
    await world.advance(10)
    await pool.put(await pool.get())
    await hears(
        world,
        diary,
        ("made", "shop", 0),
        ("replaced", "shop", "gone", 10, 10, 0),
        ("made", "shop", 0),
        ("lent", "shop", 0),
        ("returned", "shop", 0, "well"),
    )


async def test_trouble_is_told(world: World) -> None:
    """What was left open, an error, an interrupt; and the end of a session too old."""
    diary = Diary()
    pool = await world.open(TransactionalDatabase(), size=1, name="shop", observer=diary)
    async with pool.session() as session:
        session.left_open = True
    await world.rest()
    for error in (LookupError, KeyboardInterrupt):
        with pytest.raises(error):
            async with pool.session() as session:
                session.left_open = error is KeyboardInterrupt
                raise error
        await world.rest()
    made, lent = ("made", "shop", 0), ("lent", "shop", 0)
    await hears(
        world,
        diary,
        made,
        *(lent, ("returned", "shop", 0, "uncommitted"), ("reset", "shop")),
        *(lent, ("returned", "shop", 0, "unproven")),
        *(lent, ("returned", "shop", 0, "tainted"), ("replaced", "shop", "tainted", 0, 0, 0)),
        made,
    )


async def test_who_gets_nothing_is_told(world: World) -> None:
    """A caller that is refused, and one whose time is up."""
    diary = Diary()
    pool = await world.open(size=1, name="shop", observer=diary, max_waiters=1)
    session = await pool.get()
    (waiting,) = await world.line_up(pool, 2)
    with pytest.raises(TooManyWaiters):
        await pool.get()
    world.clock.advance(2)
    with pytest.raises(PoolTimeout):
        await waiting
    await pool.put(session)
    await hears(
        world,
        diary,
        ("made", "shop", 0),
        ("lent", "shop", 0),
        ("refused", "shop"),
        ("timed out", "shop", 2),
        ("returned", "shop", 2, "well"),
    )


async def test_an_observer_that_raises_is_a_bug_told_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """It costs nothing else: whoever uses the pool notices nothing, and what comes next is told."""

    class Broken(Diary):
        def lent(self, pool: str, waited: float) -> None:
            raise ZeroDivisionError("an average of nothing")

    diary = Broken()
    pool = await world.open(size=1, name="shop", observer=diary)
    for _ in range(3):
        await pool.put(await pool.get())
    await hears(world, diary, ("made", "shop", 0), *[("returned", "shop", 0, "well")] * 3)
    await world.until(lambda: "the observer is broken" in caplog.text)
    [record] = caplog.records
    assert record.getMessage() == "shop: the observer is broken: ZeroDivisionError('an average of nothing')"
    assert record.levelno == logging.WARNING
    assert record.exc_info is not None
    assert pool.stats().broken_hooks == 0


async def test_an_observer_may_use_the_pool(world: World) -> None:
    """No lock is held while it is told, and what it brings about is told afterwards."""

    class Curious(Diary):
        def made(self, pool: str, took: float) -> None:
            super().made(pool, took)
            self.told.append(bare.stats().size)

    diary = Curious()
    pool = world.pool(1, name="shop", observer=diary)
    bare = pool.bare
    await pool.bind(world.database)
    await hears(world, diary, ("made", "shop", 0), 1)


async def test_an_observer_that_does_nothing_is_one(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Each method does nothing unless it is written, so an observer of few things has few methods."""
    pool = await world.open(FaultyDatabase(), size=1, observer=Observer())
    await pool.put(await pool.get())
    await world.until(partial(is_told_all, pool))
    assert said_by(pool, caplog) == []


request = ContextVar("request", default="none")


class Bystander(CallerObserver):
    """Writes down what it is told beside callers, and in whose context."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def acquired(self, pool: str, session: Any, waited: float) -> None:
        self.told.append(("acquired", pool, session, waited, request.get()))

    def not_acquired(self, pool: str, error: BaseException, waited: float) -> None:
        self.told.append(("not acquired", pool, type(error).__mro__[1], waited, request.get()))


async def test_who_stands_beside_a_caller_sees_his_context(world: World) -> None:
    """It is told before `get` ends, of the session or of the error, where the caller's variables are."""
    beside = Bystander()
    pool = await world.open(size=1, name="shop", observer=beside)
    request.set("checkout")
    session = pool.bare.get_nowait()
    with pytest.raises(world.Empty) as empty:
        pool.bare.get_nowait()
    assert beside.told == [
        ("acquired", "shop", session, 0, "checkout"),
        ("not acquired", "shop", type(empty.value).__mro__[1], 0, "checkout"),
    ]
    pool.bare.put_nowait(session)


async def test_who_stands_beside_a_caller_is_told_how_long_he_waited(world: World) -> None:
    """The whole of it, whether he got a session in the end or none."""
    beside = Bystander()
    pool = await world.open(size=1, name="shop", observer=beside)
    session = await pool.get()
    served, _ = await world.line_up(pool, 5, 3)
    await world.advance(3)
    await pool.put(session)
    assert await served is session
    await world.until(lambda: len(beside.told) == 3)
    assert sorted((what, waited) for what, _, _, waited, _ in beside.told) == [
        ("acquired", 0),
        ("acquired", 3),
        ("not acquired", 3),
    ]
    await pool.put(session)


async def test_one_that_is_broken_beside_a_caller_costs_him_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told in the log, once, and the caller gets what he would have got."""

    class Broken(CallerObserver):
        def acquired(self, pool: str, session: Any, waited: float) -> None:
            raise KeyError(pool)

        not_acquired = acquired  # type: ignore[assignment]

    pool = await world.open(size=1, name="shop", observer=Broken())
    session = pool.bare.get_nowait()
    for _ in range(2):
        with pytest.raises(world.Empty):
            pool.bare.get_nowait()
    pool.bare.put_nowait(session)
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING][:1] == [
        "shop: the observer is broken: KeyError('shop')"
    ]
    assert sum("is broken" in record.message for record in caplog.records) == 1


@pytest.mark.parametrize("observer", [object(), Diary, print])
def test_what_is_no_observer_is_refused(world: World, observer: Any) -> None:
    """A wrong observer is refused when the pool is made, not when the first thing happens."""
    with pytest.raises(TypeError, match=r"observer must be a pingpool\.Observer"):
        world.make(observer=observer)


def is_told_all(pool: Any) -> bool:
    """Is nothing left that was not told?"""
    return not pool.bare._desk.telling.has_news
