"""The contract of lifetimes: a session that grows too old, or knows its own end, is replaced before that."""

import math

import pytest

from pingpool.testing import FakeSession
from tests.contract.world import World

# A session's lifetime.


async def test_nothing_is_renewed_before_its_time(world: World) -> None:
    """A session lives for at least four fifths of `max_lifetime`: the jitter, and the head start, are a tenth each."""
    pool = await world.open(size=3, max_lifetime=1000, ping_interval=math.inf)
    await world.advance(799, step=100)
    await pool.ping()
    assert world.database.calls["create"] == 3


async def test_sessions_are_renewed_before_they_are_missed(world: World) -> None:
    """Rounds of pings renew old sessions one at a time: at their age limit nobody finds the pool empty."""
    pool = await world.open(size=4, max_lifetime=1000, ping_interval=math.inf)
    await world.advance(800, step=100)
    for _ in range(20):
        made = world.database.calls["create"]
        await pool.ping()
        assert world.database.calls["create"] <= made + 1
        assert pool.stats().idle == 4
        await world.advance(10)
    assert pool.stats().replaced == {"too old": 4}
    assert all([(await pool.get(0)).use() > 4 for _ in range(4)])


async def test_no_session_is_lent_beyond_its_lifetime(world: World) -> None:
    """Without any pings, a session that has reached `max_lifetime` is replaced before it is lent."""
    pool = await world.open(size=1, max_lifetime=1000, ping_interval=math.inf)
    await world.advance(1000, step=100)
    (old,) = world.database.sessions
    assert (await pool.get()).use() == 2
    assert old.is_deleted


# A session that knows its own end.


async def test_a_session_that_expires_is_not_lent_after_its_end(world: World) -> None:
    """The database is asked once of each session; at its end a session is replaced before it is lent."""
    asked: list[FakeSession] = []

    def expires_in(session: FakeSession) -> float:
        asked.append(session)
        return 100

    vars(world.database)["expires_in"] = expires_in
    pool = await world.open(size=1, ping_interval=math.inf)
    await world.advance(99, step=9)
    old = await pool.get(0)
    await pool.put(old)
    await world.advance(1)
    new = await pool.get()
    assert (new is old, old.is_deleted) == (False, True)
    assert asked == [old, new]


async def test_a_session_that_expires_is_renewed_ahead(world: World) -> None:
    """A round of pings renews it a twentieth of its time ahead, one at a time; others stay."""
    ends = iter([100.0, None, 100.0])
    vars(world.database)["expires_in"] = lambda session: next(ends, None)
    pool = await world.open(size=3, ping_interval=math.inf)
    await world.advance(94, step=47)
    await pool.ping()
    assert world.database.calls["create"] == 3
    await world.advance(1)
    for count in (4, 5, 5):
        await pool.ping()
        await world.until(lambda: pool.stats().idle == 3)
        assert world.database.calls["create"] == count
    assert pool.stats().replaced == {"too old": 2}


async def test_a_keeper_renews_a_session_that_expires(world: World) -> None:
    """A kept-alive pool replaces it ahead of its end, although nothing else would be due by then."""
    vars(world.database)["expires_in"] = lambda session: 100.0 if session.number == 1 else None
    pool = await world.open(size=1, ping_interval=10_000)
    await pool.keep_alive()
    await world.advance(99, step=1)
    await world.until(lambda: pool.stats().idle == 1 and world.database.calls["create"] == 2)
    assert (await pool.get(0)).use() == 2


async def test_of_two_ends_the_earlier_counts(world: World) -> None:
    """A session retires at `max_lifetime` or at its own end, whichever comes first."""
    ends = iter([1000, 10])
    vars(world.database)["expires_in"] = lambda session: next(ends, None)
    pool = await world.open(size=2, max_lifetime=100, ping_interval=math.inf)
    await world.advance(10)
    held = [await pool.get() for _ in range(2)]
    assert pool.stats().replaced == {"too old": 1}
    for session in held:
        await pool.put(session)
    await world.advance(90, step=30)
    held = [await pool.get() for _ in range(2)]
    assert pool.stats().replaced["too old"] >= 2


@pytest.mark.parametrize(
    "answer", [math.nan, -1, 0, "soon", True, ZeroDivisionError, pytest.param(10**400, id="too large")], ids=str
)
async def test_an_end_that_is_none_costs_nothing(
    world: World, answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    """A broken answer is told once, as a bug; the session is lent as one without an end."""

    def expires_in(session: FakeSession) -> object:
        if answer is ZeroDivisionError:
            raise ZeroDivisionError
        return answer

    vars(world.database)["expires_in"] = expires_in
    pool = await world.open(size=2, ping_interval=math.inf)
    await world.advance(10_000, step=5_000)
    assert all([(await pool.get(0)).use() <= 2 for _ in range(2)])
    assert pool.stats().broken_hooks == 2
    assert len([each for each in caplog.messages if "expires_in is broken" in each]) == 1


async def test_lifetimes_are_jittered(world: World) -> None:
    """Sessions created together do not all end at the same time."""
    pool = await world.open(size=20, max_lifetime=1000, ping_interval=math.inf)
    await world.advance(899, step=100)
    ages: list[int] = []
    for _ in range(12):
        held = [await pool.get() for _ in range(20)]
        ages.append(pool.stats().replaced.get("too old", 0))
        for session in held:
            await pool.put(session)
        await world.advance(10)
    assert ages[0] == 0
    assert ages[-1] >= 20
    assert len(set(ages)) > 3
