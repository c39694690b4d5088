"""The drop-in for asyncio: what Google's `AsyncClient` and a pool of ours make of each other."""

import asyncio
import queue
import threading
from contextlib import suppress
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import grpc
import pytest

pytest.importorskip("google.cloud.spanner_v1._async.client")
pytest.importorskip("spannermockserver")

from google.api_core import exceptions
from google.cloud.spanner_v1 import AsyncAbstractSessionPool
from google.cloud.spanner_v1._async.session import Session

import pingpool
from pingpool.databases.spanner import PingingPool
from pingpool.databases.spanner.aio import AsyncPingingPool, AsyncPooledSession
from tests.databases.spanner_aio_lab import Lab, read, take_all, told, update
from tests.databases.spanner_lab import D, not_found
from tests.databases.waiting import SOON, until_in_asyncio

pytestmark = pytest.mark.server

LABELS = {"team": "a"}
SWITCHES = [f"GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS{kind}" for kind in ("", "_FOR_RW", "_PARTITIONED_OPS")]


# ---------------------------------------------------------------------------------------------------------- what it is


def test_it_is_a_pool_to_both_worlds() -> None:
    """Code that asks whether it is a pool of Google's, or one of ours, hears yes; the role is the fifth argument."""
    pool = AsyncPingingPool(3, 4, 60, LABELS, "reader")
    assert isinstance(pool, AsyncAbstractSessionPool)
    assert isinstance(pool, pingpool.AsyncPingingPool)
    assert (pool.size, pool.default_timeout, pool.ping_interval) == (3, 4, 60)
    assert (dict(pool.labels), pool.database_role) == (LABELS, "reader")


@told(batch_cap=3, expected_labels=LABELS, expected_role="reader")
async def test_it_fills_in_batches_with_labels_and_role(lab: Lab) -> None:
    """`await instance.database()` makes all sessions, asking again for the rest alone, with the labels and the role."""
    await lab.database(lab.pool(10, labels=LABELS, database_role="reader"))
    assert [call.request.session_count for call in lab.server.calls] == [10, 7, 4, 1]
    assert len(lab.server.sessions) == 10
    assert lab.server.violations == []


@told()
async def test_the_role_comes_from_the_database_if_the_pool_has_none(lab: Lab) -> None:
    """A pool without a role of its own takes that of its database."""
    pool = lab.pool(1)
    await lab.database(pool, database_role="reader")
    assert pool.database_role == "reader"
    assert [session.creator_role for session in lab.server.sessions] == ["reader"]


@told(batch_cap=2)
async def test_a_fill_that_fails_leaves_nothing(lab: Lab) -> None:
    """A fill that fails half way leaves no session on the server, and the pool can be bound again."""
    pool = lab.pool(4)
    lab.server.fail("BatchCreateSessions", grpc.StatusCode.INTERNAL, after=1)
    with pytest.raises(pingpool.CannotFill):
        await lab.database(pool)
    assert lab.server.sessions == []
    await lab.database(pool)
    await take_all(pool, 4)


@told()
async def test_it_is_bound_to_one_database(lab: Lab) -> None:
    """Two `Database` objects of one name share the sessions; another name, and what is no database, are refused."""
    pool, first = await lab.bound(2)
    second = await lab.database(pool)
    for database in (first, second):
        await read(database)
    with pytest.raises(pingpool.errors.BoundElsewhere, match=r"databases/d\).*databases/other\)"):
        await lab.database(pool, "other")
    with pytest.raises(TypeError, match="bind"):
        await pool.bind("database")
    assert [session.database for session in lab.server.sessions] == [D, D]


@told()
async def test_the_two_worlds_are_not_mixed_up(lab: Lab) -> None:
    """A `Database` of the client for threads is refused, and one of `AsyncClient` by a pool for threads."""
    with pytest.raises(TypeError, match=r"_async\.database\.Database"):
        await lab.pool(1).bind(lab.server.client().instance("i").database("d"))
    with pytest.raises(TypeError, match=r"spanner_v1\.database\.Database"):
        await lab.database(PingingPool(1))
    assert lab.server.calls.methods() == []


@told()
async def test_a_pool_that_nobody_will_ask_makes_no_session(lab: Lab) -> None:
    """A client that is set to use its multiplexed session for everything gets one warning; `get` fills the pool."""
    pool = lab.pool(3)
    with pytest.MonkeyPatch.context() as environment:
        for switch in SWITCHES:
            environment.delenv(switch)
        with pytest.warns(UserWarning, match="multiplexed") as warned:
            await lab.database(pool)
        await lab.database(pool)
    assert warned[0].filename.endswith("spanner_aio_lab.py")
    assert lab.server.sessions == []
    await take_all(pool, 3)
    assert len(lab.server.sessions) == 3


# ------------------------------------------------------------------------------------------------------------- lending


@told()
async def test_the_least_recently_used_is_lent_first(lab: Lab) -> None:
    """At first sessions are lent in the order of their creation, later in that of their return."""
    pool, _ = await lab.bound(3)
    one, two, three = lent = [await pool.get() for _ in range(3)]
    assert [session.name for session in lent] == [session.name for session in lab.server.sessions]
    assert {type(session) for session in lent} == {AsyncPooledSession}
    for session in (two, one, three):
        await pool.put(session)
    assert [await pool.get() for _ in range(3)] == [two, one, three]


@told()
async def test_the_block_of_a_session_that_has_left_ends_quietly(lab: Lab) -> None:
    """As with any pool; a `put` of it is refused, and what is detached lives on at the server."""
    pool, _ = await lab.bound(1)
    async with pool.session() as discarded:
        await pool.discard(discarded)
    async with pool.session() as detached:
        await pool.detach(detached)
    for session in (discarded, detached):
        with pytest.raises(pingpool.errors.PoolFull):
            await pool.put(session)
    async with pool.session() as other:
        assert other not in (discarded, detached)
    assert await detached.exists()
    assert not await discarded.exists()


@told()
async def test_a_fresh_session_costs_no_round_trip(lab: Lab) -> None:
    """A thousand checkouts of fresh sessions cost no call, and never suspend."""
    pool, _ = await lab.bound(3)
    for _ in range(1000):
        with pytest.raises(StopIteration) as session:
            pool.get().send(None)
        with pytest.raises(StopIteration):
            pool.put(session.value.value).send(None)
    assert lab.server.calls.methods() == []


@told(expected_labels=LABELS, expected_role="reader")
async def test_an_overdue_session_is_proven_or_replaced(lab: Lab) -> None:
    """An overdue session is looked up before it is lent, and replaced by one with the same looks if it is gone."""
    pool, _ = await lab.bound(1, labels=LABELS, database_role="reader")
    (session,) = await take_all(pool, 1)
    lab.server.clock.advance(3001)
    assert await take_all(pool, 1) == [session]
    assert lab.server.calls.methods() == ["GetSession"]
    lab.server.expire_all()
    lab.server.clock.advance(3001)
    assert await take_all(pool, 1) != [session]
    assert lab.server.calls.methods() == ["GetSession", "GetSession", "BatchCreateSessions"]
    assert lab.server.violations == []


@told()
async def test_ping_proves_by_a_statement(lab: Lab) -> None:
    """`ping` runs one statement in each session that is due, side by side, and replaces those that are gone."""
    pool, _ = await lab.bound(3)
    lab.server.clock.advance(3001)
    lab.server.expire(lab.server.sessions[0].name)
    assert await pool.ping() == 2
    await take_all(pool, 3)
    assert sorted(lab.server.calls.methods()) == ["BatchCreateSessions", *["ExecuteSql"] * 3]
    assert len(lab.server.sessions) == 3


@told()
async def test_whoever_gets_no_session_in_time_is_told_so(lab: Lab) -> None:
    """An exhausted pool raises `asyncio.QueueEmpty`, which is a `queue.Empty` too, also through the client."""
    pool = lab.hasty_pool(1, 0.05)
    database = await lab.database(pool)
    held = await pool.get()
    for kind in (asyncio.QueueEmpty, queue.Empty, TimeoutError):
        with pytest.raises(kind, match=r"within \d.* s \(1 session: 0 idle, 1 in use"):
            await read(database)
    await pool.put(held)


@pytest.mark.parametrize("method", ["GetSession", "BatchCreateSessions"])
def test_the_timeout_covers_everything(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The timeout of `get` covers the check of an overdue session, and the making of a new one."""
    never = threading.Event()

    @told()
    async def story(lab: Lab) -> None:
        pool, _ = await lab.bound(1)
        lab.server.expire_all()
        lab.server.delay(method, never)
        with pytest.raises(pingpool.PoolTimeout):
            async with asyncio.timeout(SOON):
                lab.server.clock.advance(3001)
                waiting = asyncio.create_task(pool.get(timeout=1))
                await until_in_asyncio(lambda: lab.server.calls.count(method))
                lab.server.clock.advance(2)
                await waiting
        never.set()
        await take_all(pool, 1)

    story(monkeypatch)


# --------------------------------------------------------------------------------------------------------- giving back


@told()
async def test_what_is_not_lent_is_refused(lab: Lab) -> None:
    """A session given back twice, of a sister pool, of another database, or none at all: `asyncio.QueueFull`."""
    pool, _ = await lab.bound(2)
    sister, elsewhere = lab.pool(1), lab.pool(1)
    await lab.database(sister)
    await lab.database(elsewhere, "other")
    session = await pool.get()
    await pool.put(session)
    await pool.clear()
    strangers: list[Any] = [session, await sister.get(), await elsewhere.get(), pool._new_session(), None, "session"]
    for stranger in strangers:
        for kind in (asyncio.QueueFull, queue.Full):
            with pytest.raises(kind):
                await pool.put(stranger)


@told()
async def test_a_session_that_the_client_made_is_welcome(lab: Lab) -> None:
    """A session of this database that nobody lent takes a vacant slot, if there is one."""
    pool, _ = await lab.bound(1)
    await pool.clear()
    strangers = [pool._new_session() for _ in range(2)]
    for stranger in strangers:
        await stranger.create()
    await pool.put(strangers[0])
    with pytest.raises(asyncio.QueueFull):
        await pool.put(strangers[1])
    assert await pool.get() is strangers[0]


@told()
async def test_a_death_that_the_caller_swallowed_is_known(lab: Lab) -> None:
    """A session whose NotFound its holder kept to himself is not lent again."""
    pool, _ = await lab.bound(1)
    session: Any = await pool.get()
    lab.server.expire(session.name)
    with pytest.raises(exceptions.NotFound):
        await session.run_in_transaction(update)
    await pool.put(session)
    assert await take_all(pool, 1) != [session]


@told()
async def test_a_death_of_another_session_costs_only_that_one(lab: Lab) -> None:
    """An error that is being handled while a session is put counts against it only if it names it."""
    pool, database = await lab.bound(2)
    session = await pool.get()
    try:
        raise not_found(f"Session not found: {D}/sessions/none")
    except exceptions.NotFound:
        await pool.put(session)
        await read(database)
    with pytest.raises(ZeroDivisionError):
        async with database.snapshot():
            raise ZeroDivisionError
    assert pool.stats().replaced == {}


@told()
async def test_a_session_that_its_holder_deleted_frees_its_slot(lab: Lab) -> None:
    """Deleting a lent session gives it back, also if that fails; putting it afterwards does no harm, but only once."""
    pool, _ = await lab.bound(1)
    for code in (None, grpc.StatusCode.INTERNAL):
        session: Any = await pool.get(timeout=SOON)
        if code is not None:
            lab.server.fail("DeleteSession", code)
        with suppress(exceptions.InternalServerError):
            await session.delete()
        await pool.put(session)
        with pytest.raises(asyncio.QueueFull):
            await pool.put(session)
        await take_all(pool, 1)
        assert session.name not in [alive.name for alive in lab.server.sessions]


@told()
async def test_whoever_holds_a_session_is_named_by_his_own_line(lab: Lab) -> None:
    """Not by the client's."""
    pool, database = await lab.bound(2)
    seen: list[str] = []

    async def work(transaction: Any) -> None:
        seen.extend(holder.place for holder in pool.holders())
        await update(transaction)

    async with database.snapshot():
        seen.extend(holder.place for holder in pool.holders())
    await database.run_in_transaction(work)
    assert [place.split(":")[0] for place in seen] == ["databases/test_spanner_aio.py"] * 2


# ------------------------------------------------------------------------------------------------ sessions put by hand


@told()
async def test_another_session_may_be_put_for_one_that_was_deleted(lab: Lab) -> None:
    """Whoever deletes a lent session and puts another is welcome, also if the pool has filled the slot meanwhile."""
    pool, database = await lab.bound(2)
    for make in (lambda: Session(database), pool._new_session) * 5:
        session = await pool.get(timeout=SOON)
        await session.delete()
        another = make()
        await another.create()
        await until_in_asyncio(lambda: pool.stats().idle == 2)
        await pool.put(another)
        await until_in_asyncio(lambda: len(lab.server.sessions) == 2)
    await take_all(pool, 2)


@told()
async def test_what_was_put_before_bind_stays(lab: Lab) -> None:
    """An unbound pool takes sessions made by hand, lends, checks, pings and clears them; `bind` tops it up."""
    other = await lab.database(lab.pool(1))
    pool, mine = lab.pool(1), Session(other)
    await mine.create()
    await pool.put(mine)
    with pytest.raises(asyncio.QueueFull):
        await pool.put(Session(other))
    lab.server.clock.advance(3001)
    assert await pool.ping() == 1
    lab.server.clock.advance(3001)
    assert await pool.get(timeout=SOON) is mine
    await mine.ping()
    await pool.put(mine)
    lab.server.clock.advance(3001)
    await lab.database(pool)
    assert await take_all(pool, 1) == [mine]


@told()
async def test_a_mock_of_a_database_may_be_bound(lab: Lab) -> None:
    """A pool is bound to whatever has what a pool touches; not to a `Database` of the other world."""
    database = Mock(spanner_api=AsyncMock())
    database.spanner_api.batch_create_sessions.side_effect = lambda request, **_: Mock(
        session=[SimpleNamespace(name=f"s/{number}") for number in range(request.session_count)]
    )
    pool = lab.pool(2)
    await pool.bind(database)
    await take_all(pool, 2)
    with pytest.raises(TypeError, match="bind"):
        await lab.pool(1).bind(lab.server.client().instance("i").database("d"))
