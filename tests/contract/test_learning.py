"""The contract of `ping_interval="auto"`, and what a pool says of the idle limit of its path."""

import logging
from collections.abc import Callable, Mapping

import pytest

from pingpool.database import Meaning
from pingpool.testing import FakeSession, FaultyDatabase, SessionDied
from tests.contract.world import Pool, World, said_by


class ShortPath(FaultyDatabase):
    """The path to it drops sessions that are idle for `limit` seconds, without a word."""

    def __init__(self, now: Callable[[], float], limit: float) -> None:
        super().__init__()
        self.now = now
        self.limit = limit
        self.last_signs: dict[int, float] = {}

    def speak(self, session: FakeSession) -> None:
        """Send something to the session, and see whether it is still there."""
        now = self.now()
        if now - self.last_signs.setdefault(session.number, now) >= self.limit:
            self.kill(session)
        session.use()
        self.last_signs[session.number] = now

    def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        session = super().create(labels=labels, timeout=timeout)
        self.speak(session)
        return session

    def ping(self, session: FakeSession, *, timeout: float) -> None:
        super().ping(session, timeout=timeout)
        self.speak(session)


async def keep_for(world: World, pool: Pool, seconds: float) -> None:
    """Let the keeper work through so many seconds."""
    end = world.clock.now() + seconds
    while world.clock.now() < end:
        world.clock.advance(1)
        await world.let_keeper_look(pool)
        await world.rest()


async def test_the_interval_is_learned(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Left alone on a path that drops what is idle for a minute, the pool learns to ping just below that."""
    caplog.set_level(logging.INFO, logger="pingpool")
    path = ShortPath(world.clock.now, limit=60)
    pool = await world.open(path, size=4, ping_interval="auto", name="shop")
    await pool.keep_alive()
    assert pool.ping_interval == 30
    await keep_for(world, pool, 900)
    stats = pool.stats()
    assert stats.idle_limit is not None
    assert 44 < pool.ping_interval == stats.ping_interval <= stats.oldest_alive < 60 <= stats.idle_limit < 70
    await world.until(lambda: "are dropped on this path" in caplog.text)  # threads tell it a moment later
    [said] = [record.getMessage() for record in caplog.records if "are dropped on this path" in record.getMessage()]
    assert said.startswith(
        f"shop: sessions idle for {stats.idle_limit:.3g} s or more are dropped on this path; ping_int"
    )
    for session in [await pool.get(0) for _ in range(4)]:
        path.speak(session)
        await pool.put(session)


class Wordless(ShortPath):
    """Its errors tell nothing, and nobody can look whether a session is alive: mail, FTP, LDAP."""

    def meaning_of(self, error: BaseException) -> Meaning:
        return Meaning.UNKNOWN


async def test_deaths_in_use_are_learned_from(world: World) -> None:
    """Bursts on a path that drops what is idle for five seconds: the first finds dead sessions, the others none."""
    path = Wordless(world.clock.now, limit=5)
    pool = await world.open(path, size=2, ping_interval="auto")
    failed = []
    for _ in range(4):
        for _ in range(6):
            await world.advance(1)
            await pool.ping()
        failed.append(0)
        for _ in range(4):
            try:
                async with pool.session() as session:
                    path.speak(session)
            except SessionDied:
                failed[-1] += 1
            await world.rest()
    assert failed[0] > 0
    assert failed[1:] == [0, 0, 0]
    assert pool.ping_interval < 5


async def test_who_set_the_interval_too_long_is_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A set interval is kept, but one line in the log says that the path does not bear it; so do the statistics."""
    pool = await world.open(ShortPath(world.clock.now, limit=40), size=2, ping_interval=100, name="shop")
    await pool.keep_alive()
    await keep_for(world, pool, 600)
    assert pool.ping_interval == 100
    assert said_by(pool, caplog) == [
        "shop: sessions idle for 90 s or more are dropped on this path; ping_interval is 100 s"
    ]
    assert pool.stats().idle_limit == 90


async def test_a_path_that_drops_nothing_is_not_spoken_of(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Where sessions live the log is silent, the interval grows, and the statistics say what was survived."""
    pool = await world.open(size=3, ping_interval="auto", name="quiet")
    await pool.keep_alive()
    await keep_for(world, pool, 400)
    stats = pool.stats()
    assert stats.idle_limit is None
    assert 100 < stats.ping_interval == stats.oldest_alive
    assert said_by(pool, caplog) == []


async def test_what_was_learned_outlives_a_clear(world: World) -> None:
    """The path is the same after `clear` and `bind`, and so is what the pool knows of it."""
    pool = await world.open(size=3, ping_interval="auto")
    await pool.keep_alive()
    await keep_for(world, pool, 200)
    learned = pool.ping_interval
    await pool.clear()
    await pool.bind(world.database)
    assert pool.ping_interval == learned > 30
