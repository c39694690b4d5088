"""The contract of `ping`: what is due is proven in time, and nothing else is touched."""

import pytest

from pingpool.testing import Trouble
from pingpool.testing.fake import Forbidden
from tests.contract.world import World, start


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
