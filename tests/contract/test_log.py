"""What the log says, scene by scene, line by line: each change of state once, and one line a minute while it lasts.

The clock is told, and nothing is left to chance, so the figures are exact. The places of checkouts are cut to `HERE`.
"""

import logging
import re
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from pingpool import PoolTimeout, references
from pingpool.errors import DatabaseRefuses, TooManyWaiters
from pingpool.testing import FakeSession, FaultyDatabase, Forbidden, SessionDied, TransactionalDatabase
from tests.contract.world import Pool, World, said_by, start


class Book(logging.Handler):
    """Keeps the lines of the log, each with its level."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.pools: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.pools.add(record.pool)  # type: ignore[attr-defined]
        self.lines.append(f"{record.levelname} {record.getMessage()}")

    @property
    def text(self) -> str:
        """Return all lines, without what differs between the worlds, and what the diagnosis of an error says."""
        text = re.sub(r"opened: (?:\w*InThreads\()?(\w+)\)?,", r"opened: \1,", "\n".join(self.lines))
        text = re.sub(r"in \S+ \(\S+\.py:\d+\)|contract/\w+\.py:\d+", "HERE", text)
        return re.sub(r"\)\); .*", "))", text)


@pytest.fixture(autouse=True)
def no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every pause be as short as it may be."""
    monkeypatch.setattr("pingpool.pool.life.jitter", lambda: 0.0)


@pytest.fixture
def book() -> Iterator[Book]:
    """The log from INFO on."""
    log, book = logging.getLogger("pingpool"), Book()
    log.addHandler(book)
    log.setLevel(logging.INFO)
    yield book
    log.setLevel(logging.NOTSET)
    log.removeHandler(book)


async def said(world: World, pool: Pool, book: Book) -> list[str]:
    """Close the pool, and return what was said of it until then; threads say it a moment later."""
    await pool.close()
    await world.until(partial(has_closed, book))
    assert book.pools == {"shop"}
    return book.text.splitlines()


def has_closed(book: Book) -> bool:
    """Is the last word said?"""
    return book.lines[-1:] == ["INFO shop: closed"]


async def die_in_use(world: World, pool: Pool, count: int = 1) -> None:
    """Let all sessions die, and so many holders notice, who all had theirs for two seconds."""
    blocks = [pool.session() for _ in range(count)]
    sessions = [await block.__aenter__() for block in blocks]
    await world.advance(2)
    world.database.kill_all()
    for block, session in zip(blocks, sessions, strict=True):
        with pytest.raises(SessionDied) as caught:
            session.use()
        await block.__aexit__(SessionDied, caught.value, None)
        await world.rest()


async def waits_in_vain(world: World, pool: Pool, seconds: float = 1) -> None:
    """Let a caller wait for a session until its time is up."""
    (waiting,) = await world.line_up(pool, seconds)
    world.clock.advance(seconds)
    with pytest.raises(PoolTimeout):
        await waiting


async def test_a_restart(world: World, book: Book) -> None:
    """Who died in use, that there is nobody, and that all is well again: each once."""
    pool = await world.open(size=4, name="shop")
    await world.advance(10)
    world.database.fail("create", ConnectionRefusedError)
    await die_in_use(world, pool, count=2)
    await world.advance(5)
    world.database.recover()
    await world.advance(10)
    assert await said(world, pool, book) == [
        "INFO shop: opened: FaultyDatabase, 4 of 4 open",
        "INFO shop: a session died in use, and is replaced: 12 s old, idle for 10 s, in use for 2 s",
        "WARNING shop: cannot open sessions: ConnectionRefusedError (3 of 4 open)",
        "INFO shop: a session died in use, and is replaced: 12 s old, idle for 10 s, in use for 2 s",
        "INFO shop: well again after 6 s: 2 sessions replaced",
        "INFO shop: closed",
    ]


async def test_all_are_killed_while_idle(world: World, book: Book) -> None:
    """Nobody has met it, so only who wants to know of each session is told."""
    logging.getLogger("pingpool").setLevel(logging.DEBUG)
    pool = await world.open(size=1, name="shop")
    world.database.kill_all()
    await world.advance(60)
    await pool.ping()
    assert await said(world, pool, book) == [
        "DEBUG shop: a session was opened in 0 s (1 of 1 open)",
        "INFO shop: opened: FaultyDatabase, 1 of 1 open",
        "DEBUG shop: a session was found dead, and is replaced: 60 s old, idle for 60 s",
        "DEBUG shop: a session was opened in 0 s (1 of 1 open)",
        "INFO shop: closed",
    ]


async def test_nobody_listens_for_minutes(world: World, book: Book) -> None:
    """While it lasts, one line a minute."""
    pool = await world.open(size=1, name="shop")
    world.database.fail("create", lambda: ConnectionRefusedError("nobody listens"))
    await die_in_use(world, pool)
    await world.advance(130)
    world.database.recover()
    await world.advance(20)
    assert await said(world, pool, book) == [
        "INFO shop: opened: FaultyDatabase, 1 of 1 open",
        "INFO shop: a session died in use, and is replaced: 2 s old, idle for 0 s, in use for 2 s",
        "WARNING shop: cannot open sessions: ConnectionRefusedError: nobody listens (0 of 1 open)",
        "WARNING shop: still not, for 61 s, 28 attempts: ConnectionRefusedError: nobody listens (0 of 1 open)",
        "WARNING shop: still not, for 121 s, 48 attempts: ConnectionRefusedError: nobody listens (0 of 1 open)",
        "INFO shop: well again after 133 s: 1 session replaced",
        "INFO shop: closed",
    ]


async def test_an_outage_at_the_beginning(world: World, book: Book) -> None:
    """A pool that was opened before its database replaces nothing."""
    is_bound = threading.Event()

    def nobody_listens() -> ConnectionRefusedError:
        is_bound.wait()
        return ConnectionRefusedError()

    world.database.fail("create", nobody_listens)
    pool = world.pool(size=2, name="shop")
    await pool.bind(world.database, wait_for=0)
    is_bound.set()
    await world.rest()
    await world.advance(5)
    world.database.recover()
    await world.advance(10)
    assert await said(world, pool, book) == [
        "INFO shop: opened: FaultyDatabase, 0 of 2 open",
        "WARNING shop: cannot open sessions: ConnectionRefusedError (0 of 2 open)",
        "INFO shop: well again after 6 s: 2 sessions opened",
        "INFO shop: closed",
    ]


async def test_a_black_hole(world: World, book: Book) -> None:
    """Of calls that take too long the first is told, and whether new sessions can be had."""
    pool = await world.open(size=2, name="shop", io_timeout=10)
    await world.advance(60)
    with world.database.hanging("ping"), world.database.hanging("create"):
        round = start(pool.ping())
        await world.seen("ping", 2)
        world.clock.advance(10)
        await world.seen("create", 3)
        world.clock.advance(10)
        await world.until(lambda: pool.stats().create_failures == 1)
    await world.advance(10)
    await round
    assert await said(world, pool, book) == [
        "INFO shop: opened: FaultyDatabase, 2 of 2 open",
        "WARNING shop: the database took longer than io_timeout (the session was being checked)",
        "WARNING shop: cannot open sessions: Overrun: the database took longer than io_timeout (the session was being "
        "created) (0 of 2 open)",
        "INFO shop: well again after 1 s: 2 sessions replaced",
        "INFO shop: closed",
    ]


async def test_a_wrong_password_later(world: World, book: Book) -> None:
    """The database's own words, once; the callers are told each time."""
    pool = await world.open(size=1, name="shop")
    world.database.fail("create", lambda: Forbidden("password authentication failed"))
    await die_in_use(world, pool)
    for _ in range(3):
        await world.advance(1)
        with pytest.raises(DatabaseRefuses):
            await pool.get(1)
    world.database.recover()
    await world.advance(10)
    assert await said(world, pool, book) == [
        "INFO shop: opened: FaultyDatabase, 1 of 1 open",
        "INFO shop: a session died in use, and is replaced: 2 s old, idle for 0 s, in use for 2 s",
        "WARNING shop: cannot open sessions: Forbidden: password authentication failed (0 of 1 open)",
        "INFO shop: well again after 4 s: 1 session replaced",
        "INFO shop: closed",
    ]


async def test_a_slow_server(world: World, book: Book) -> None:
    """A server that takes its time is in no trouble; how long it took is told of each session."""
    logging.getLogger("pingpool").setLevel(logging.DEBUG)
    pool = await world.open(size=1, name="shop")
    with world.database.hanging("create"):
        with pytest.raises(SessionDied):
            async with pool.session() as session:
                world.database.kill_all()
                session.use()
        await world.seen("create", 2)
        world.clock.advance(4)
    await world.until(lambda: pool.stats().idle == 1)
    assert await said(world, pool, book) == [
        "DEBUG shop: a session was opened in 0 s (1 of 1 open)",
        "INFO shop: opened: FaultyDatabase, 1 of 1 open",
        "INFO shop: a session died in use, and is replaced: 0 s old, idle for 0 s",
        "DEBUG shop: a session was opened in 4 s (1 of 1 open)",
        "INFO shop: closed",
    ]


async def test_an_exhausted_pool(world: World, book: Book) -> None:
    """All sessions are in use for minutes: told with who holds them, once and then each minute."""
    pool = await world.open(size=2, name="shop")
    held = [await pool.get(), await pool.get()]
    for _ in range(65):
        await waits_in_vain(world, pool)
    for session in held:
        await pool.put(session)
    await world.advance(60)
    held = [await pool.get(), await pool.get()]
    await waits_in_vain(world, pool)
    for session in held:
        await pool.put(session)
    picture = "no session within 1 s (2 sessions: 0 idle, 2 in use; 1 waiting; held by HERE (2, longest {}.0 s))"
    assert await said(world, pool, book) == [
        "INFO shop: opened: FaultyDatabase, 2 of 2 open",
        "WARNING shop: exhausted: " + picture.format(1),
        "WARNING shop: exhausted for 60 s, 61 callers: " + picture.format(61),
        "WARNING shop: exhausted: " + picture.format(1),
        "INFO shop: closed",
    ]


async def test_a_crowd(world: World, book: Book) -> None:
    """Callers are refused since too many wait."""
    pool = await world.open(size=1, name="shop", max_waiters=0)
    session = await pool.get()
    for _ in range(3):
        with pytest.raises(TooManyWaiters):
            await pool.get()
    await world.advance(60)
    with pytest.raises(TooManyWaiters):
        await pool.get()
    await pool.put(session)
    assert await said(world, pool, book) == [
        "INFO shop: opened: FaultyDatabase, 1 of 1 open",
        "WARNING shop: a caller was refused, since max_waiters wait already",
        "WARNING shop: a caller was refused, since max_waiters wait already",
        "INFO shop: closed",
    ]


async def test_work_that_is_not_committed(world: World, book: Book) -> None:
    """Once for each place in the user's code; a use that ended in an error is meant to be undone."""
    pool = await world.open(TransactionalDatabase(), size=1, name="shop")
    for _ in range(3):
        async with pool.session() as session:
            session.left_open = True
        await world.rest()
    with pytest.raises(LookupError):
        async with pool.session() as session:
            session.left_open = True
            raise LookupError
    await world.rest()
    assert (pool.stats().rolled_back, pool.stats().resets) == (3, 4)
    assert await said(world, pool, book) == [
        "INFO shop: opened: TransactionalDatabase, 1 of 1 open",
        "WARNING shop: a session checked out HERE came back in a transaction, which was rolled back: commit() what is "
        "to stay",
        "INFO shop: closed",
    ]


@pytest.mark.parametrize(("answer", "count"), [(False, 0), (True, 1), (None, 0), (Exception("broken"), 1)])
async def test_a_transaction_that_changed_nothing_is_no_work(
    world: World, monkeypatch: pytest.MonkeyPatch, answer: object, count: int
) -> None:
    """If the database knows; one whose question is broken may have changed something."""

    def had_written(session: FakeSession) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    database = TransactionalDatabase()
    monkeypatch.setattr(database, "had_written", had_written)
    pool = await world.open(database, size=1)
    async with pool.session() as session:
        session.left_open = True
    await world.rest()
    assert (pool.stats().rolled_back, pool.stats().resets) == (count, 1)


async def test_sessions_that_take_no_weak_references(world: World, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody can count who refers to them it is said when the first one is opened, not when a slot is lost."""
    monkeypatch.setattr(references, "HAS_GIL", False)
    pool = await world.open(Numbers(), size=2, name="shop")
    assert await said(world, pool, book) == [
        "INFO shop: a tests.contract.test_log.Number takes no weak references, so without the GIL a dropped one is "
        "never noticed: give each back",
        "INFO shop: opened: Numbers, 2 of 2 open",
        "INFO shop: closed",
    ]


async def test_an_error_is_one_short_line(world: World, book: Book) -> None:
    """Whatever a driver says, it can neither begin another line of the log nor fill it."""
    pool = await world.open(size=1, name="shop")
    world.database.fail("create", lambda: OSError("a\nb\x1b[2J" + "c" * 1000))
    await die_in_use(world, pool)
    lines = await said(world, pool, book)
    [line] = [line for line in lines if line.startswith("WARNING")]
    assert line.startswith(r"WARNING shop: cannot open sessions: OSError: a b\x1b[2Jcc")
    assert len(line) < 300


async def test_nobody_is_told_what_nobody_wants_to_know(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Without a word about logging, a pool to which nothing happens says nothing."""
    pool = await world.open(size=1)
    await pool.put(await pool.get())
    await pool.close()
    assert said_by(pool, caplog) == []


class Numbers(FaultyDatabase):
    """A database whose sessions take no weak references."""

    def create(self, **options: object) -> Any:
        """Return a session that is nothing but a number."""
        return Number(next(self._numbers))

    def ping(self, session: Any, *, timeout: float) -> None:
        """Find it alive."""

    def delete(self, session: Any, *, timeout: float) -> None:
        """Forget it."""


class Number(int):
    """A session without room for a weak reference."""

    __slots__ = ()
