"""The drop-in for asyncio: cancels, wherever they strike, and the end of a pool, of its client, and of its loop."""

import asyncio
import gc
import random
import threading
from typing import Any

import pytest

pytest.importorskip("google.cloud.spanner_v1._async.client")
pytest.importorskip("spannermockserver")

import pingpool
from pingpool.databases.spanner.aio import AsyncSpannerDatabase, from_url
from pingpool.testing.spanner import SpannerServer
from tests.databases.spanner_aio_lab import USES, Lab, calls, read, take_all, told, transact, update
from tests.databases.spanner_lab import D, use_the_pool
from tests.databases.waiting import until_in_asyncio

pytestmark = pytest.mark.server


async def cancelled(task: "asyncio.Task[Any]") -> None:
    """Cancel a task, which must end by that."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# ------------------------------------------------------------------------------------------------------------- cancels


@told()
async def test_who_is_cancelled_in_line_takes_no_session_along(lab: Lab) -> None:
    """A session that comes back goes past a waiter who was cancelled, to the next, also if both happen at once."""
    pool, _ = await lab.bound(1)
    session = await pool.get()
    first, second = (asyncio.create_task(pool.get()) for _ in range(2))
    await until_in_asyncio(lambda: pool.stats().waiting == 2)
    await pool.put(session)
    await cancelled(first)
    assert await second is session


@told()
async def test_a_cancel_during_a_check_costs_no_slot(lab: Lab) -> None:
    """Whoever is cancelled while his session is looked up leaves that to the workers, and the session to the next."""
    pool, _ = await lab.bound(1)
    gate = threading.Event()
    lab.server.delay("GetSession", gate)
    lab.server.clock.advance(3001)
    waiting = asyncio.create_task(pool.get())
    await until_in_asyncio(lambda: lab.server.calls.count("GetSession"))
    await cancelled(waiting)
    gate.set()
    await take_all(pool, 1)
    assert lab.server.calls.count("BatchCreateSessions") == 0


@told()
async def test_a_cancelled_block_ends_its_session(lab: Lab) -> None:
    """A session whose holder was cancelled is deleted, whether he used the pool or the client: it may be at work."""
    pool, database = await lab.bound(1)
    never = threading.Event()
    lab.server.delay("ExecuteStreamingSql", never)
    lab.server.delay("ExecuteSql", never)

    async def by_the_pool() -> None:
        async with pool.session() as session:
            anything: Any = session
            await anything.run_in_transaction(update)

    uses = (by_the_pool(), "ExecuteSql"), (read(database), "ExecuteStreamingSql"), (transact(database), "ExecuteSql")
    for count, (use, method) in enumerate(uses, 1):
        (name,) = [session.name for session in lab.server.sessions]
        task = asyncio.create_task(use)
        await calls(lab.server, 1, method)
        await cancelled(task)
        await take_all(pool, 1)
        assert name not in [session.name for session in lab.server.sessions]
        assert pool.stats().replaced == {"tainted": count}
    never.set()


@told()
async def test_a_timeout_around_a_block_is_a_timeout(lab: Lab) -> None:
    """`asyncio.timeout` around a use of the client ends it, and the pool is whole."""
    pool, database = await lab.bound(1)
    never = threading.Event()
    lab.server.delay("ExecuteStreamingSql", never)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await read(database)
    never.set()
    await take_all(pool, 1)
    assert len(lab.server.sessions) == 1


@pytest.mark.filterwarnings("ignore:.*never put back:ResourceWarning")
@told()
async def test_a_cancel_while_the_client_looks_for_its_session_costs_no_slot(lab: Lab) -> None:
    """The client never puts a session whose look-up is cancelled; the pool notices that it was dropped."""
    pool, database = await lab.bound(1)
    gate = threading.Event()
    lab.server.delay("GetSession", gate)
    lab.server.expire_all()
    reading = asyncio.create_task(read(database))
    await until_in_asyncio(lambda: lab.server.calls.count("GetSession"))
    await cancelled(reading)
    gate.set()
    del reading
    gc.collect()
    await take_all(pool, 1)


@told()
async def test_a_cancelled_deletion_is_made_good(lab: Lab) -> None:
    """A session that its holder was about to delete is deleted by the pool, if the holder is cancelled."""
    pool, _ = await lab.bound(1)
    session: Any = await pool.get()
    gate = threading.Event()
    lab.server.delay("DeleteSession", gate, times=1)
    deleting = asyncio.create_task(session.delete())
    await until_in_asyncio(lambda: lab.server.calls.count("DeleteSession"))
    await cancelled(deleting)
    gate.set()
    await take_all(pool, 1)
    assert session.name not in [alive.name for alive in lab.server.sessions]


@pytest.mark.filterwarnings("ignore:.*never put back:ResourceWarning")
@told()
async def test_cancels_at_any_moment_leave_the_pool_whole(lab: Lab) -> None:
    """Whatever the client is at when it is cancelled, the cancel is not swallowed, and no slot is lost."""
    pool = lab.hasty_pool(2)
    database = await lab.database(pool)
    lab.server.answer("UPDATE accounts", updated=1)
    dice = random.Random(4)
    for turn in range(150):
        task = asyncio.ensure_future(USES[turn % len(USES)](database))
        await asyncio.sleep(dice.uniform(0, 0.008))
        ended = task.done()
        if not ended:
            await cancelled(task)
        else:
            await task
    await take_all(pool, 2)
    await until_in_asyncio(lambda: len(lab.server.sessions) == 2)
    assert pool.stats().idle == 2


# ----------------------------------------------------------------------------------------------------------------- ends


@told()
async def test_clear_and_close_leave_nothing(lab: Lab) -> None:
    """`clear` deletes what is idle, `close` that for good; what is lent is deleted when it comes back."""
    pool, _ = await lab.bound(3)
    await pool.clear()
    assert lab.server.sessions == []
    await lab.database(pool)
    lent: Any = await pool.get()
    await pool.close()
    assert [session.name for session in lab.server.sessions] == [lent.name]
    await pool.put(lent)
    await until_in_asyncio(lambda: lab.server.sessions == [])
    with pytest.raises(pingpool.PoolClosed):
        await pool.get()


@told()
async def test_closing_the_clients_database_leaves_nothing(lab: Lab) -> None:
    """`await database.close()` deletes the sessions of its pool too; a pool that is used again fills itself again."""
    pool, first = await lab.bound(3)
    second = await lab.database(pool)
    await first.close()
    assert lab.server.sessions == []
    await read(second)
    await take_all(pool, 3)
    await second.close()
    assert lab.server.sessions == []


@told()
async def test_the_keeper_keeps_sessions_alive(lab: Lab) -> None:
    """A pool that is kept alive has, after its interval, the sessions it had, and lends them without a call."""
    pool = lab.hasty_pool(3, ping_interval=0.2)
    await lab.database(pool)
    names = [session.name for session in lab.server.sessions]
    pool.keep_alive()
    await until_in_asyncio(lambda: lab.server.calls.count("ExecuteSql") >= 9)
    assert [session.name for session in lab.server.sessions] == names
    assert lab.server.calls.count("GetSession") == 0


def test_another_loop_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool belongs to the loop that it was bound in: another is told so at once, by `get` and by `put`."""
    use_the_pool(monkeypatch)
    with SpannerServer() as server:
        lab = Lab(server)
        pool = lab.hasty_pool(2)

        async def main() -> Any:
            database = await lab.database(pool)
            session = await pool.get()
            await pool.close()
            await database.spanner_api.transport.close()
            return session

        session = asyncio.run(main())
        for use in (lambda: pool.get(), lambda: pool.put(session)):
            with pytest.raises(pingpool.errors.WrongLoop):
                asyncio.run(use())


def test_a_block_that_its_loop_left_behind_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A use of the client that is collected after its loop was closed ends without a word."""
    use_the_pool(monkeypatch)
    with SpannerServer() as server:
        lab = Lab(server)

        async def hold(database: Any) -> None:
            async with database.snapshot():
                await asyncio.get_running_loop().create_future()

        async def main() -> Any:
            pool = lab.hasty_pool(1)
            database = await lab.database(pool)
            block = hold(database)
            block.send(None)
            await pool.close()
            await database.spanner_api.transport.close()
            return block

        block = asyncio.run(main())
        block.close()


# ------------------------------------------------------------------------------------------------------ without a pool


@told(expected_labels={"team": "a"}, expected_role="reader")
async def test_a_url_opens_a_pool(lab: Lab) -> None:
    """`spanner://project/instance/database?emulator=HOST:PORT` names a database that any pool of ours can use."""
    database = from_url(f"spanner://p/i/d?emulator={lab.server.address}&role=reader")
    lab.server.answer("UPDATE accounts", updated=1)
    opening = pingpool.open_async(database, size=2, labels={"team": "a"}, wait_for=None)
    async with opening as pool, pool.session() as session:
        anything: Any = session
        await anything.run_in_transaction(update)
        assert len(lab.server.sessions) == 2
    assert lab.server.sessions == []
    assert lab.server.violations == []
    assert repr(database) == f"AsyncSpannerDatabase({D!r})"
    assert isinstance(database, AsyncSpannerDatabase)
    await database.client_database.spanner_api.transport.close()


def test_a_url_that_makes_no_sense_is_refused() -> None:
    """A URL names a project, an instance and a database, and only options that are known."""
    for url in ("spanner://p/i", "spanner://p/i/d/x", "spanner:///i/d", "spanner://p/i/d?color=red"):
        with pytest.raises(pingpool.errors.BadURL, match=r"(?i)spanner"):
            from_url(url)
