"""The contract of `ping` and `keep_alive`: what is due is proven in time, and nothing else is touched."""

import math

import pytest

from pingpool import PoolClosed
from pingpool.testing import FakeSession, Trouble
from pingpool.testing.fake import Forbidden
from tests.contract.worlds import Pool, World, next_ping_at, start


async def test_ping_proves_only_what_is_due(world: World) -> None:
    """A session used within its interval is left alone; the others are pinged once each, and counted."""
    pool = await world.open(size=3)
    await world.advance(30)
    await pool.put(await pool.get())
    await world.advance(30)
    assert await pool.ping() == 2
    assert world.database.calls["ping"] == 2
    assert await pool.ping() == 0


async def test_ping_does_nothing_while_all_is_fresh(world: World) -> None:
    """Just before the interval has passed no session is due."""
    pool = await world.open(size=3)
    await world.advance(59.9)
    assert await pool.ping() == 0
    assert world.database.calls["ping"] == 0


async def test_ping_replaces_what_is_gone(world: World) -> None:
    """Sessions that died are replaced within the same round, and do not count as proven."""
    pool = await world.open(size=3)
    for session in world.database.sessions[:2]:
        world.database.kill(session)
    await world.advance(60)
    assert await pool.ping() == 1
    stats = pool.stats()
    assert (stats.idle, stats.replaced, stats.created) == (3, {"gone": 2}, 5)


async def test_ping_never_touches_what_is_lent(world: World) -> None:
    """A session in use is its holder's business, however long ago it was proven."""
    pool = await world.open(size=2)
    await pool.get()
    await world.advance(1000)
    assert await pool.ping() == 1
    assert world.database.calls["ping"] == 1


async def test_pings_go_side_by_side(world: World) -> None:
    """All that is due is pinged at the same time, as far as there are workers."""
    pool = await world.open(size=4, workers=4)
    await world.advance(60)
    with world.database.hanging("ping"):
        round = start(pool.ping())
        await world.seen("ping", 4)
    assert await round == 4


async def test_a_hanging_ping_does_not_hold_up_the_others(world: World) -> None:
    """While one check hangs the others end and their sessions are lent; then the hung one is given up and replaced."""
    pool = await world.open(size=3, io_timeout=5)
    await world.advance(60)
    with world.database.hanging("ping", times=1):
        round = start(pool.ping())
        await world.until(lambda: pool.stats().idle == 2)
        assert (await pool.get(0)).use()
        world.clock.advance(5)
        assert await round == 2
        assert pool.stats().overran == 1
    await world.heal(pool)


async def test_ping_hides_nothing_that_is_not_due(world: World) -> None:
    """While a round of pings goes on, a fresh session is lent without waiting."""
    pool = await world.open(size=2)
    fresh = await pool.get()
    await world.advance(60)
    await pool.put(fresh)
    with world.database.hanging("ping"):
        round = start(pool.ping())
        await world.seen("ping", 1)
        assert await pool.get(0) is fresh
    assert await round == 1


async def test_a_round_of_pings_ends_though_every_call_hangs(world: World) -> None:
    """`ping` returns after its `io_timeout`s even when no call to the database ever ends."""
    pool = await world.open(size=2, workers=1, io_timeout=5)
    await world.advance(60)
    with world.database.hanging("ping"):
        round = start(pool.ping())
        await world.seen("ping", 1)
        assert await world.pass_time_until(round, step=5) == 0
    await world.heal(pool)


@pytest.mark.parametrize("error", [Trouble, ConnectionError, SystemExit])
async def test_a_round_of_pings_ends_though_every_call_fails(world: World, error: type[BaseException]) -> None:
    """`ping` raises for no session's failure, proves nothing, and comes back."""
    pool = await world.open(size=3, ping_interval=0)
    world.database.fail("ping", error)
    assert await pool.ping() == 0
    await world.heal(pool)


async def test_interval_0_pings_each_session_once_a_round(world: World) -> None:
    """With a `ping_interval` of 0 everything idle is always due, and a round still ends."""
    pool = await world.open(size=3, ping_interval=0)
    assert await pool.ping() == 3
    assert world.database.calls["ping"] == 3


async def test_an_error_that_says_nothing_about_the_session_costs_it_nothing(world: World) -> None:
    """A transient failure of a ping keeps the session, which is proven before anybody gets it."""
    pool = await world.open(size=1)
    await world.advance(60)
    world.database.fail("ping", Trouble, times=1)
    assert await pool.ping() == 0
    await world.advance(1)
    assert (await pool.get()).use() == 1
    assert world.database.calls["ping"] == 2


async def test_nobody_vouches_for_ever_for_a_session_in_doubt(world: World) -> None:
    """After three rounds that said nothing either way a session is replaced."""
    pool = await world.open(size=1)
    world.database.fail("ping", Trouble)
    await world.advance(60)
    for _ in range(3):
        await pool.ping()
        await world.advance(40)
    assert pool.stats().replaced == {"in doubt": 1}
    await world.heal(pool)


async def test_a_refused_ping_is_no_death(world: World) -> None:
    """Rights that are revoked for a moment, say, cost no session: each is proven before anybody gets it."""
    pool = await world.open(size=2)
    await world.advance(60)
    world.database.fail("ping", Forbidden, times=2)
    assert await pool.ping() == 0
    await world.advance(1)
    assert await pool.ping() == 2
    assert pool.stats().replaced == {}


async def test_what_lives_at_the_server_outlives_any_outage(world: World) -> None:
    """Where a session that died is known by its error, no other error of a ping ends one, however often it comes."""
    world.database.lives_at_server = True
    pool = await world.open(size=2)
    for error in (Trouble, Forbidden, ConnectionError):
        world.database.fail("ping", error)
        for _ in range(5):
            await world.advance(60)
            assert await pool.ping() == 0
    world.database.recover()
    await world.advance(60)
    assert await pool.ping() == 2
    assert (pool.stats().replaced, world.database.calls["create"]) == ({}, 2)


async def test_what_cannot_be_deleted_is_deleted_later(world: World) -> None:
    """A session that lives at the server and could not be deleted goes after the next success, or with the pool."""
    world.database.lives_at_server = True
    pool = await world.open(size=2)
    world.database.fail("delete", Trouble)
    for _ in range(2):
        await pool.discard(await pool.get())
        await world.rest()
    assert len(world.database.live) == 4
    world.database.recover()
    await world.advance(60)
    await pool.ping()
    await world.until(lambda: len(world.database.live) == 2)
    world.database.fail("delete", Trouble)
    await pool.discard(await pool.get())
    await world.rest()
    assert len(world.database.live) == 3
    world.database.fail("delete", Trouble, times=3)
    await pool.close()
    assert world.database.live == []


async def test_rounds_may_overlap(world: World) -> None:
    """Two rounds at a time ping no session twice, and both end."""
    pool = await world.open(size=3, workers=3)
    await world.advance(60)
    with world.database.hanging("ping"):
        first = start(pool.ping())
        await world.seen("ping", 3)
        assert await pool.ping() == 0
    assert await first == 3
    assert world.database.calls["ping"] == 3


# The keeper.


async def keep_for(world: World, pool: Pool, seconds: float) -> list[int]:
    """Let the keeper work through so many seconds, and return how many pings there were in each."""
    counts: list[int] = []
    for _ in range(int(seconds)):
        before = world.database.calls["ping"]
        world.clock.advance(1)
        await world.until(lambda: next_ping_at(pool) > world.clock.now())
        await world.rest()
        counts.append(world.database.calls["ping"] - before)
    return counts


async def test_a_kept_pool_has_nothing_overdue(world: World) -> None:
    """With the keeper at work every session is fresh at any time, and a checkout costs no ping."""
    pool = await world.open(size=3)
    await pool.keep_alive()
    for _ in range(6):
        await keep_for(world, pool, 45)
        pings = world.database.calls["ping"]
        sessions = [await pool.get(0) for _ in range(3)]
        assert world.database.calls["ping"] == pings
        for session in sessions:
            await pool.put(session)


async def test_a_kept_pool_pings_each_session_once_an_interval(world: World) -> None:
    """The keeper asks a little ahead of time and no more often than that."""
    pool = await world.open(size=4)
    await pool.keep_alive()
    await keep_for(world, pool, 120)
    pings = sum(await keep_for(world, pool, 540))
    assert 4 * 540 / 60 <= pings <= 4 * 540 / 54 + 4


async def test_the_first_round_is_spread(world: World) -> None:
    """After a fill the pings are spread over the interval: they never come in a burst."""
    pool = await world.open(size=6)
    await pool.keep_alive()
    assert max(await keep_for(world, pool, 180)) == 1


async def test_the_keeper_replaces_the_dead_before_anybody_meets_them(world: World) -> None:
    """Sessions that died while idle are replaced within an interval, with nobody asking."""
    pool = await world.open(size=3)
    await pool.keep_alive()
    world.database.kill_all()
    await keep_for(world, pool, 60)
    assert len(world.database.live) == 3
    assert all([(await pool.get(0)).use() > 3 for _ in range(3)])


async def test_the_keeper_survives_an_outage(world: World) -> None:
    """However many pings and creations fail, the keeper goes on and the pool is well again afterwards."""
    pool = await world.open(size=2)
    await pool.keep_alive()
    world.database.kill_all()
    world.database.fail("ping", ConnectionError)
    world.database.fail("create", SystemExit)
    await keep_for(world, pool, 120)
    world.database.recover()
    await keep_for(world, pool, 60)
    pings = world.database.calls["ping"]
    assert all([(await pool.get(0)).use() for _ in range(2)])
    assert world.database.calls["ping"] == pings


async def test_a_ping_that_hangs_keeps_the_keeper_from_nothing(world: World) -> None:
    """While one ping hangs for longer than an interval, the other sessions are pinged in their time."""
    pool = await world.open(size=4, ping_interval=10, io_timeout=100, workers=4)
    await pool.keep_alive()
    with world.database.hanging("ping", times=1):
        for _ in range(60):
            world.clock.advance(1)
            await world.until(lambda: next_ping_at(pool) > world.clock.now())
            await world.until(lambda: pool.stats().checking <= 1)
        assert world.database.calls["ping"] >= 3 * 6
        for session in [await pool.get(0) for _ in range(3)]:
            await pool.put(session)
    await world.heal(pool)


async def test_keeping_alive_may_be_asked_for_at_any_time(world: World) -> None:
    """Before `bind`, twice, or after it: there is one keeper."""
    pool = world.pool(size=2, ping_interval=60)
    await pool.keep_alive()
    await pool.keep_alive()
    await pool.bind(world.database)
    await pool.keep_alive()
    assert sum(await keep_for(world, pool, 60)) in (2, 3)


async def test_a_closed_pool_is_not_kept_alive(world: World) -> None:
    """`keep_alive` after `close` is a clear error."""
    pool = await world.open(size=1)
    await pool.close()
    with pytest.raises(PoolClosed):
        await pool.keep_alive()


async def test_a_pool_that_checks_each_checkout_is_not_kept_alive(world: World) -> None:
    """With an interval of 0 everything is due all the time: the keeper would never rest."""
    pool = await world.open(ping_interval=0)
    with pytest.raises(ValueError, match="nothing to keep alive"):
        await pool.keep_alive()


async def test_the_keeper_outlives_a_round_that_fails(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong in a round is told, and the next one comes in its time."""
    pool = await world.open(size=1)

    def fail() -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(pool.bare, "_begin_ping", fail)
        await pool.keep_alive()
        await world.until(lambda: "a round of pings failed" in caplog.text)
    while not world.database.calls["ping"]:  # the keeper may read the time before a step, and begin to wait after it
        await world.advance(60)


async def test_a_keeper_that_hears_late_of_a_close_ends(world: World) -> None:
    """A look at a closed pool pings nothing, and is the last."""
    pool = await world.open()
    await world.advance(60)
    await pool.close()
    assert pool.bare._keep() is None
    assert world.database.calls["ping"] == 0


async def test_without_a_keeper_nothing_is_pinged(world: World) -> None:
    """Keeping alive is off until somebody asks for it."""
    pool = await world.open(size=2)
    await world.advance(1000)
    assert world.database.calls["ping"] == 0
    assert pool.stats().idle == 2


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


@pytest.mark.parametrize("answer", [math.nan, -1, 0, "soon", True, ZeroDivisionError], ids=str)
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
