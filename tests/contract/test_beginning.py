"""The contract of a pool's beginning: how many sessions somebody waits for, and what is opened when."""

import pytest

from pingpool import CannotFill, PoolClosed, PoolTimeout
from pingpool.errors import DatabaseRefuses
from pingpool.testing import FakeSession, FaultyDatabase, Forbidden, SessionDied, TransactionalDatabase, Trouble
from tests.contract.test_forks import fork
from tests.contract.world import Pool, World, start


class Room(FaultyDatabase):
    """A server that has room for so many sessions."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def create(self, **terms: object) -> FakeSession:
        if len(self.live) >= self.most:
            self.calls["turned away"] += 1
            raise Trouble("sorry, too many clients already")
        return super().create(**terms)  # type: ignore[arg-type]  # what it takes is not the point here


class Locked(FaultyDatabase):
    """A server that takes its time, and then refuses."""

    def create(self, **_: object) -> FakeSession:
        self._meet("create")
        raise Forbidden


async def use_all_at_once(pool: Pool, count: int) -> list[FakeSession]:
    """Check out so many sessions side by side, and in again."""
    sessions = [await pool.get(5) for _ in range(count)]
    for session in sessions:
        await pool.put(session)
    return sessions


# How many somebody waits for.


@pytest.mark.parametrize("wait_for", [1, 2])
async def test_a_part_is_enough_to_begin_with(world: World, wait_for: int) -> None:
    """A server with room for two of four lets `bind(wait_for=…)` succeed; the others follow when there is room."""
    database = Room(2)
    pool = world.pool(size=4, workers=2)
    await pool.bind(database, wait_for=wait_for)
    await world.until(lambda: pool.stats().idle == 2)
    assert len(await use_all_at_once(pool, 2)) == 2
    database.most = 4
    await world.advance(30)
    assert pool.stats().idle == 4


async def test_a_first_failure_ends_a_bind_that_waits_for_more(world: World) -> None:
    """With room for two of four `bind(wait_for=3)` fails with its cause, and leaves nothing behind."""
    database = Room(2)
    pool = world.pool(size=4)
    with pytest.raises(CannotFill) as caught:
        await pool.bind(database, wait_for=3)
    assert isinstance(caught.value.__cause__, Trouble)
    await world.until(lambda: database.live == [] and pool.stats().vacant == 4)


async def test_a_refusal_fails_a_bind_that_waits_for_one(world: World) -> None:
    """A wrong password is told with its cause, whatever else is under way, and leaves the pool unbound."""
    pool = world.pool(size=3)
    with pytest.raises(CannotFill) as caught:
        await pool.bind(Locked(), wait_for=1)
    assert isinstance(caught.value.__cause__, Forbidden)
    await pool.bind(world.database)
    assert pool.stats().idle == 3


async def test_one_that_is_open_is_not_held_up_by_one_that_hangs(world: World) -> None:
    """`bind(wait_for=1)` comes back with the first session, while another attempt still hangs."""
    pool = world.pool(size=2)
    with world.database.hanging("create", times=1):
        await pool.bind(world.database, wait_for=1)
        assert (pool.stats().idle, pool.stats().creating) == (1, 1)
    await world.until(lambda: pool.stats().idle == 2)


@pytest.mark.parametrize("error", [Trouble, Forbidden])
async def test_an_application_may_start_before_its_database(world: World, error: type[BaseException]) -> None:
    """`bind(wait_for=0)` succeeds whatever the database says, and goes on trying until the pool is whole."""
    world.database.fail("create", error, times=10**6)
    pool = world.pool(size=3)
    await pool.bind(world.database, wait_for=0)
    await world.seen("create", 1)
    with pytest.raises((PoolTimeout, DatabaseRefuses)):
        await pool.get(0)
    world.database.recover()
    await world.advance(30)
    assert pool.stats().idle == 3


async def test_a_failed_bind_is_followed_by_one_that_goes_on_trying(world: World) -> None:
    """After `bind` failed the pool is unbound; `bind(wait_for=0)` then heals by itself."""
    world.database.fail("create", times=10**6)
    pool = world.pool(size=2)
    with pytest.raises(CannotFill):
        await pool.bind(world.database)
    assert not pool.bare._desk.ledger.filling
    await pool.bind(world.database, wait_for=0)
    world.database.recover()
    await world.advance(30)
    assert pool.stats().idle == 2


# Waiting for more.


async def test_wait_comes_back_when_all_are_open(world: World) -> None:
    """`wait()` lasts until `size` sessions are open, in any hands."""
    database = Room(1)
    pool = world.pool(size=3)
    await pool.bind(database, wait_for=1)
    await pool.get()
    waiting = start(pool.wait(60))
    await world.advance(3)
    assert not waiting.done()
    database.most = 3
    await world.pass_time_until(waiting)
    assert (pool.stats().idle, pool.stats().in_use) == (2, 1)


async def test_wait_for_what_is_there_takes_no_time(world: World) -> None:
    """With 0 seconds it is a question: so many are open, or not."""
    pool = world.pool(size=3)
    await pool.bind(Room(2), wait_for=2)
    await pool.wait(0, sessions=2)
    await pool.wait(0, sessions=0)
    with pytest.raises(PoolTimeout, match=r"2 sessions are open after .* s, not 3"):
        await pool.wait(0)


async def test_a_wait_in_vain_tells_the_last_failure(world: World) -> None:
    """`wait` raises `PoolTimeout` when its time is up, with the last failure as its cause; later waits are not hurt."""
    world.database.fail("create", times=10**6)
    pool = world.pool(size=2, default_timeout=4)
    await pool.bind(world.database, wait_for=0)
    waiting = start(pool.wait())
    with pytest.raises(PoolTimeout, match=r"0 sessions are open after \d+ s, not 2") as caught:
        await world.pass_time_until(waiting)
    assert isinstance(caught.value.__cause__, Trouble)
    assert isinstance(caught.value, world.Empty)
    assert not pool.bare._desk.ledger.rounds, "nobody waits any more"
    world.database.recover()
    await world.pass_time_until(start(pool.wait(100)))
    assert pool.stats().idle == 2


async def test_somebody_who_waits_is_a_reason_for_haste(world: World) -> None:
    """A pool that nobody waits for asks every few seconds; for one who waits until all are open it asks sooner."""
    world.database.fail("create", times=10**6)
    pool = world.pool(size=1)
    await pool.bind(world.database, wait_for=0)
    await world.advance(60)
    waiting = start(pool.wait(100))
    await world.until(lambda: pool.bare._desk.ledger.rounds)
    await world.advance(0.5, step=0.5)
    before = world.database.calls["create"]
    world.database.recover()
    await world.advance(0.5, step=0.5)
    assert world.database.calls["create"] == before + 1
    await waiting


async def test_a_refusal_ends_a_wait_at_once(world: World) -> None:
    """A wrong password ends a wait that began before, as it ends those of `get`."""
    pool = world.pool(size=2)
    database = Locked()
    with database.hanging("create"):
        await pool.bind(database, wait_for=0)
        await world.until(lambda: database.calls["create"] == 2)
        waiting = start(pool.wait(None))
        await world.until(lambda: pool.bare._desk.ledger.rounds)
    with pytest.raises(DatabaseRefuses):
        await waiting


async def test_a_refusal_that_stands_is_told_to_whoever_comes(world: World) -> None:
    """While nothing is under way, and no session is there to hope for, the refusal is the answer."""
    world.database.fail("create", Forbidden, times=10**6)
    pool = world.pool(size=2)
    await pool.bind(world.database, wait_for=0)
    await world.seen("create", 1)
    await world.rest()
    with pytest.raises(DatabaseRefuses) as caught:
        await pool.wait(10)
    assert isinstance(caught.value.__cause__, Forbidden)


async def test_closing_ends_a_wait(world: World) -> None:
    """Whoever waits when the pool is closed is told so; so is whoever comes later."""
    pool = world.pool(size=2)
    await pool.bind(Room(1), wait_for=1)
    waiting = start(pool.wait(100))
    await world.until(lambda: pool.bare._desk.ledger.rounds)
    await pool.close()
    with pytest.raises(PoolClosed):
        await waiting
    with pytest.raises(PoolClosed):
        await pool.wait(100)


@pytest.mark.parametrize("wait_for", [None, 1])
async def test_closing_ends_a_bind(world: World, wait_for: int | None) -> None:
    """At once, and not when the database has answered; what it opens too late is ended."""
    pool = world.pool(size=2, io_timeout=100)
    with world.database.hanging("create"):
        binding = start(pool.bind(world.database, wait_for=wait_for))
        await world.seen("create", 1)
        await pool.close(0)
        with pytest.raises(PoolClosed):
            await binding
        assert world.database.sessions == []
    await world.rest()
    assert world.database.live == []


async def test_a_pool_that_nobody_bound_may_be_waited_for(world: World) -> None:
    """`wait` says what is missing; if somebody binds the pool meanwhile, it comes back."""
    pool = world.pool(size=1)
    with pytest.raises(PoolTimeout, match=r"call bind\(\)"):
        await pool.wait(0)
    waiting = start(pool.wait(100))
    await world.until(lambda: pool.bare._desk.ledger.rounds)
    await pool.bind(world.database)
    await waiting


@pytest.mark.parametrize(
    ("junk", "error"), [(-1, ValueError), (3, ValueError), (True, TypeError), (1.0, TypeError), ("1", TypeError)]
)
async def test_how_many_is_checked_first(world: World, junk: object, error: type[Exception]) -> None:
    """What is no number of sessions of this pool is refused before anything is opened."""
    pool = world.pool(size=2)
    with pytest.raises(error, match="wait_for"):
        await pool.bind(world.database, wait_for=junk)
    assert world.database.calls["create"] == 0
    with pytest.raises(error, match="sessions"):
        await pool.wait(0, sessions=junk)


# On demand.


async def test_a_lazy_pool_opens_nothing_unasked(world: World) -> None:
    """`bind` opens no session with `fill="lazy"`, and time opens none either."""
    pool = await world.open(size=3, fill="lazy")
    await pool.keep_alive()
    await world.advance(200, step=10)
    assert (world.database.calls["create"], pool.stats().vacant) == (0, 3)


async def test_a_lazy_pool_opens_what_is_asked_for(world: World) -> None:
    """One session for one caller at a time; as many as there are callers at a time, and never more than `size`."""
    pool = await world.open(size=3, fill="lazy")
    for _ in range(5):
        await use_all_at_once(pool, 1)
    assert world.database.calls["create"] == 1
    await use_all_at_once(pool, 2)
    assert world.database.calls["create"] == 2
    lent = [await pool.get() for _ in range(3)]
    [waiting] = await world.line_up(pool, 50)
    assert world.database.calls["create"] == 3
    for session in lent:
        await pool.put(session)
    await pool.put(await waiting)
    assert pool.stats().idle == 3


async def test_a_lazy_pool_opens_as_many_as_it_is_to_wait_for(world: World) -> None:
    """`bind(wait_for=2)` opens two; `wait` opens what is missing, and all of them if no number is said."""
    pool = world.pool(size=4, fill="lazy")
    await pool.bind(world.database, wait_for=2)
    assert world.database.calls["create"] == 2
    await pool.wait(10, sessions=3)
    assert world.database.calls["create"] == 3
    await pool.wait(10)
    assert world.database.calls["create"] == pool.stats().idle == 4


async def test_a_lazy_pool_keeps_what_it_has(world: World) -> None:
    """A session is kept alive however long nobody wants it; one that dies meanwhile is made anew when it is wanted."""
    pool = await world.open(size=2, fill="lazy")
    [session] = await use_all_at_once(pool, 1)
    for _ in range(10):
        await world.advance(60, step=30)
        assert await pool.ping() == 1
    assert await use_all_at_once(pool, 1) == [session]
    world.database.kill(session)
    await world.advance(60, step=30)
    assert await pool.ping() == 0
    assert (pool.stats().vacant, world.database.calls["create"]) == (2, 1)
    assert await use_all_at_once(pool, 1) != [session]


async def test_a_lazy_pool_survives_a_death_in_use(world: World) -> None:
    """A session that died in use is replaced for the next who asks."""
    pool = await world.open(size=2, fill="lazy")
    with pytest.raises(SessionDied):
        async with pool.session() as session:
            world.database.kill(session)
            session.use()
    assert (await pool.get(5)).use()


async def test_a_lazy_pool_learns_of_a_refusal_from_its_callers(world: World) -> None:
    """Whoever asks a lazy pool with a wrong password is told at once, and served once that is mended."""
    world.database.fail("create", Forbidden, times=10**6)
    pool = await world.open(size=2, fill="lazy")
    with pytest.raises(DatabaseRefuses):
        await pool.get(5)
    world.database.recover()
    await world.advance(5)
    assert (await pool.get(5)).use()


async def test_a_callers_leaving_costs_a_lazy_pool_nothing(world: World) -> None:
    """A session that comes for a caller who has left is there for the next."""
    pool = await world.open(size=2, fill="lazy")
    with world.database.hanging("create"):
        with pytest.raises(PoolTimeout):
            await pool.get(0)
        await world.seen("create", 1)
    await world.until(lambda: pool.stats().idle == 1)
    assert (await pool.get(0)).use()


@pytest.mark.parametrize("call", ["create", "ping", "reset"])
async def test_one_call_that_hangs_holds_up_nobody_in_a_lazy_pool(world: World, call: str) -> None:
    """Whoever has waited for a quarter of a second gets another session, while slots are vacant."""
    pool = await world.open(TransactionalDatabase(), size=2, workers=4, fill="lazy", io_timeout=60)
    session = None if call == "create" else await pool.get(5)
    with world.database.hanging(call, times=1):
        if session is not None:
            session.left_open = call == "reset"
            await pool.put(session)
            world.clock.advance(61 if call == "ping" else 0)
        waiting = start(pool.get(50))
        await world.seen(call, 1)
        await world.until(lambda: pool.stats().waiting == 1)
        before = world.clock.now()
        (await world.pass_time_until(waiting, step=0.25)).use()
        assert world.clock.now() - before < 50
        assert pool.stats().overran == 0


# Forks.


async def test_a_child_opens_what_it_uses(world: World) -> None:
    """In a forked child one `get` opens one session; a `bind` there opens all."""
    pool = await world.open(size=4)
    fork()
    await pool.put(await pool.get(5))
    assert (pool.stats().idle, pool.stats().vacant) == (1, 3)
    await pool.bind(world.database)
    assert pool.stats().idle == 4
