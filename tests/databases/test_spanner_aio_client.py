"""Google's asyncio client at work with our pool: all that it does with sessions, a load, and its own close."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

pytest.importorskip("google.cloud.spanner_v1._async.client")
pytest.importorskip("spannermockserver")

from google.api_core import exceptions
from google.cloud.spanner_v1._async.database import Database

from tests.databases.spanner_aio_lab import USES, Lab, calls, read, take_all, told
from tests.databases.waiting import until_in_asyncio

pytestmark = pytest.mark.server

LABELS = {"team": "a"}


@pytest.mark.parametrize("use", USES)
def test_the_client_works_with_it(use: Callable[[Any], Awaitable[None]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the client does with a session it gives back; when all died, only the first to use one notices."""

    @told(expected_labels=LABELS)
    async def story(lab: Lab) -> None:
        pool, database = await lab.bound(4, labels=LABELS)
        await use(database)
        assert pool.stats().idle == 4
        lab.server.expire_all()
        lost = 0
        for _ in range(8):
            try:
                await use(database)
            except exceptions.NotFound:
                lost += 1
        assert lost == 1
        await take_all(pool, 4)
        assert len(lab.server.sessions) == 4
        assert lab.server.violations == []

    story(monkeypatch)


@told()
async def test_a_batch_snapshot_gives_its_slot_back(lab: Lab) -> None:
    """A batch snapshot deletes its session and never puts it: the slot is filled anew."""
    pool, database = await lab.bound(1)
    snapshot = database.batch_snapshot()
    async for _ in snapshot.generate_query_batches("SELECT 1"):
        pass
    await snapshot.close()
    await take_all(pool, 1)
    assert len(lab.server.sessions) == 1


@told()
async def test_a_replacement_that_cannot_be_made_costs_no_slot(lab: Lab) -> None:
    """If the client finds a session dead and can make no other, the pool makes one as soon as that can be done."""
    pool, database = await lab.bound(1)
    lab.server.expire_all()
    lab.server.fail("BatchCreateSessions", grpc.StatusCode.INTERNAL)
    with pytest.raises(exceptions.InternalServerError):
        await read(database)
    lab.server.clock.advance(31)
    await take_all(pool, 1)


@told()
async def test_a_load_with_dying_sessions(lab: Lab) -> None:
    """Eight tasks over four sessions: no session is used by two at once, and each death costs its own user alone."""
    pool = lab.hasty_pool(4)
    database = await lab.database(pool)
    errors: list[Exception] = []
    stop = asyncio.Event()

    async def reads() -> None:
        while not stop.is_set():
            try:
                await read(database)
            except Exception as error:
                errors.append(error)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(reads())
        for _ in range(10):
            await calls(lab.server, 10)
            if alive := lab.server.sessions:
                lab.server.expire(alive[0].name)
        await until_in_asyncio(lambda: len(lab.server.sessions) == 4)  # the last one to die was met, too
        stop.set()
    assert {type(error) for error in errors} <= {exceptions.NotFound}
    assert len(errors) <= 10
    await take_all(pool, 4)
    assert len(lab.server.sessions) == 4
    assert lab.server.violations == []


@told()
async def test_the_sessions_are_gone_before_googles_own_close_begins(lab: Lab) -> None:
    """That one may hang for minutes, by its own fault, or fail."""
    left: list[int] = []

    class Stubborn(Database):  # type: ignore[misc]
        """A `Database` whose end fails."""

        async def close(self) -> None:
            left.append(len(lab.server.sessions))
            raise ZeroDivisionError

    _, database = await lab.bound(1)
    stubborn, pool = Stubborn("d", database._instance), lab.pool(2)
    await pool.bind(stubborn)
    with pytest.raises(ZeroDivisionError):
        await stubborn.close()
    assert left == [1]
