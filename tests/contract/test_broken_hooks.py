"""A hook that is broken: told as a bug, once, and never taken for a death. And what only looks like one."""

import os
import signal
from collections.abc import Callable
from typing import Any
from unittest.mock import create_autospec

import pytest

from pingpool.database import AsyncDatabase, Database, Meaning, Traits
from pingpool.databases.in_threads import TRAITS
from pingpool.errors import CannotFill, DatabaseRefuses, PoolError
from pingpool.pool.hooks import CALLS, QUESTIONS
from pingpool.testing import FakeSession, FaultyDatabase, TransactionalDatabase, Trouble
from tests.contract.world import Pool, World, start
from tests.contract.worlds import AsyncWorld, ThreadWorld

HOOKS = ["looks_alive", "needs_reset", "survived_interrupt", "meaning_of"]
"""What is asked in passing."""


class NoTruth:
    """An answer that is neither yes nor no, as an array is."""

    def __bool__(self) -> bool:
        raise ValueError("the truth of this is ambiguous")


class Interrupt(BaseException):
    """What a block may be interrupted by."""


class TimeLimit(Exception):
    """What a signal handler raises when a task has run for too long."""


class Ours(TransactionalDatabase):
    """A database of somebody else's making: one hook has a bug, or answers as it is told."""

    hook = ""
    answer: Callable[..., Any] | None = None


def as_told(name: str) -> Callable[..., Any]:
    """A hook of that name."""
    usual = getattr(TransactionalDatabase, name)

    def hook(self: Ours, *facts: Any, **named: Any) -> Any:
        if self.hook != name:
            return usual(self, *facts, **named)
        if self.answer is None:
            raise TypeError("there is a bug in the hook")
        return self.answer()

    return hook


for each in (*HOOKS, "ping", "create"):
    setattr(Ours, each, as_told(each))


async def use(pool: Pool, error: BaseException | None = None) -> FakeSession:
    """Use a session in a block that ends so."""
    try:
        async with pool.session(1) as session:
            if error is not None:
                raise error
    except (ValueError, Interrupt):
        pass
    return session


@pytest.mark.parametrize("answer", [NoTruth, "raises"])
@pytest.mark.parametrize("hook", HOOKS)
async def test_a_broken_answer_costs_at_most_the_session(
    world: World, hook: str, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a question is answered by, no slot is lost, and a bug is told once, with its traceback."""
    database = Ours()
    pool = await world.open(database)
    if answer is NoTruth:
        database.answer = NoTruth
    database.hook = hook
    for error in (None, ValueError("of the application"), Interrupt()) * 3:
        await use(pool, error)
        await world.rest()
    database.hook = ""
    await world.heal(pool)
    told = [record for record in caplog.records if f"{hook} is broken" in record.getMessage()]
    if hook != "meaning_of" or answer != NoTruth:  # which is no meaning, but no error either
        assert len(told) == 1
        assert told[0].levelname == "WARNING"
        assert told[0].exc_info
        assert pool.stats().broken_hooks >= 3


async def test_a_look_that_is_broken_lets_sessions_be_lent(world: World) -> None:
    """A look that cannot look says nothing: sessions are kept alive by pings, and none is replaced."""
    database = Ours()
    pool = await world.open(database)
    database.hook = "looks_alive"
    for _ in range(5):
        await use(pool)
    assert pool.stats().replaced == {}
    assert database.calls["create"] == 2
    database.hook = ""


async def test_a_broken_ping_is_no_death(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A ping with a bug in it proves nothing: the sessions stay at first, and no idle limit is told."""
    database = Ours()
    pool = await world.open(database, ping_interval=60)
    await world.advance(60, step=30)
    database.hook = "ping"
    assert await pool.ping() == 0
    assert pool.stats().replaced == {}
    database.hook = ""
    assert "ping is broken" in caplog.text
    assert "dropped on this path" not in caplog.text
    await world.advance(1)
    await world.heal(pool)


class NoWords(FaultyDatabase):
    """A database that cannot say how callers catch an error."""

    def for_callers(self, error: PoolError, cause: BaseException) -> PoolError:
        raise TypeError("there is a bug in the hook")


async def test_a_broken_for_callers_costs_no_error(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The error is raised as it is."""
    database = NoWords()
    database.fail("create", Trouble)
    with pytest.raises(CannotFill) as caught:
        await world.open(database)
    assert isinstance(caught.value.__cause__, Trouble)
    assert "for_callers is broken" in caplog.text


async def test_a_broken_create_is_told_to_the_waiters(world: World) -> None:
    """There is no session, and waiting will not mend a bug: a second attempt shows it."""
    database = Ours()
    pool = await world.open(database, size=1)
    async with pool.session() as session:
        database.hook = "create"
        database.kill(session)
    with pytest.raises(DatabaseRefuses, match="there is a bug in the hook"):
        await world.pass_time_until(start(pool.get(20)), step=0.1)
    database.hook = ""
    await world.advance(60, step=5)
    await world.heal(pool)


async def test_an_error_from_deeper_down_is_the_drivers(world: World) -> None:
    """A driver that raises an odd error from a dead connection has lost it."""

    def recv() -> None:
        raise AttributeError("'NoneType' object has no attribute 'recv'")

    database = Ours()
    database.answer = recv
    pool = await world.open(database, size=1, ping_interval=60)
    await world.advance(60, step=30)
    database.hook = "ping"
    await pool.ping()
    assert pool.stats().replaced == {"gone": 1}
    database.hook = ""
    await world.heal(pool)


@pytest.mark.parametrize("hook", ["looks_alive", "needs_reset", "meaning_of"])
async def test_a_time_limit_reaches_the_caller(world: World, hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of a signal handler inside a question is no answer: it costs the session and reaches the caller."""
    if isinstance(world, ThreadWorld):
        pytest.skip("signals come to the main thread, and the cases run in others: see tests/threads/test_signals.py")

    def time_out(*_: object) -> None:
        raise TimeLimit

    old = signal.signal(signal.SIGUSR1, time_out)
    database = Ours()
    database.answer = lambda: os.kill(os.getpid(), signal.SIGUSR1)
    pool = await world.open(database, size=1)
    try:
        database.hook = hook if hook == "looks_alive" else ""
        with pytest.raises(TimeLimit):
            async with pool.session(1):
                database.hook = hook
                if hook == "meaning_of":
                    raise ValueError("of the application")
    finally:
        database.hook = ""
        signal.signal(signal.SIGUSR1, old)
    assert pool.stats().replaced == {"tainted": 1}
    await world.heal(pool)


async def test_a_meaning_that_is_none_is_no_meaning(world: World) -> None:
    """A `meaning_of` that answers something else says nothing special: the session is pinged."""
    database = Ours()
    database.answer = lambda: True
    pool = await world.open(database, size=1)
    database.hook = "meaning_of"
    await use(pool, ValueError("of the application"))
    await world.rest()
    assert database.calls["ping"] == 1
    database.hook = ""


@pytest.mark.parametrize("verdict", [Meaning.MISPLACED, Meaning.FOREIGN])
async def test_what_a_meaning_does(world: World, verdict: Meaning) -> None:
    """MISPLACED costs the session however alive it looks; FOREIGN costs not even a ping."""
    database = Ours()
    database.answer = lambda: verdict
    pool = await world.open(database, size=1)
    database.hook = "meaning_of"
    session = await use(pool, ValueError("what the block ended in"))
    await world.rest()
    await world.until(lambda: session.is_deleted is (verdict is Meaning.MISPLACED))
    assert database.calls["ping"] == 0
    database.hook = ""


async def no_answer(*_: object, **__: object) -> None:
    """A coroutine function, where none can be awaited."""


@pytest.mark.parametrize("hook", [*HOOKS, *sorted({*QUESTIONS, *CALLS} - {*HOOKS})])
async def test_a_hook_that_cannot_work_is_refused_at_bind(world: World, hook: str) -> None:
    """A hook with the wrong signature, or a coroutine function for a question, is named before it is called."""
    if hook in {*CALLS, "meaning_of"} and isinstance(world, AsyncWorld):
        pytest.skip("what wraps this database for asyncio has its own")
    database = Ours()
    setattr(database, hook, lambda: None)
    with pytest.raises(TypeError, match=rf"cannot work with this (Ours|AskedInThreads): its {hook}\(\) is called as"):
        await world.open(database)
    setattr(database, hook, no_answer)
    with pytest.raises(TypeError, match=f"its {hook} is a coroutine function"):
        await world.open(database)


def test_every_hook_is_looked_at_when_a_pool_is_bound() -> None:
    """What a database of either world may bring is refused if it cannot work, and is asked of one in threads, too."""
    for kind in (Database, AsyncDatabase):
        hooks = {
            name for each in (kind, Traits) for name in vars(each) if name[0] != "_" and callable(vars(each)[name])
        }
        assert hooks == (QUESTIONS.keys() | CALLS.keys()) - ({"abort"} if kind is AsyncDatabase else set())
    assert {*TRAITS} == QUESTIONS.keys() - {"meaning_of", "survived_interrupt"}


async def test_a_mock_of_a_database_can_be_bound(world: World) -> None:
    """`create_autospec(Database)` has every hook, `create_many` too; what it answers is as good as any other."""
    database = create_autospec(Database, instance=True)
    database.needs_reset.return_value = False
    database.create_many.side_effect = lambda count, **_: [FakeSession(number, {}) for number in range(count)]
    pool = world.pool(1)
    await pool.bind(database)
    assert isinstance(await pool.get(), FakeSession)
    database.create_many.assert_called_once()
