"""The drop-in for asyncio in trouble: what fails says nothing of a session; what cannot be deleted is deleted later."""

import asyncio
import math
from contextlib import suppress

import grpc
import pytest

pytest.importorskip("google.cloud.spanner_v1._async.client")
pytest.importorskip("spannermockserver")

from google.api_core import exceptions

from pingpool import CannotFill, PoolTimeout
from pingpool.errors import DatabaseRefuses
from pingpool.testing.spanner import EVERY_METHOD
from tests.databases.spanner_aio_lab import Lab, take_all, told
from tests.databases.waiting import until_in_asyncio

pytestmark = pytest.mark.server

PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


@told()
async def test_what_fails_says_nothing_of_a_session(lab: Lab) -> None:
    """An outage, a token that expired, or rights that were revoked for minutes, cost no session and make none."""
    pool, _ = await lab.bound(4)
    before = [session.name for session in lab.server.sessions]
    for code in PASSING:
        lab.server.clock.advance(3001)
        lab.server.fail(EVERY_METHOD, code, times=math.inf)
        for _ in range(8):
            with suppress(PoolTimeout):
                await pool.get(timeout=0)
            await pool.ping()
            lab.server.clock.advance(31)
        lab.server.heal()
        assert await pool.ping() == 4
        await take_all(pool, 4)
        assert [session.name for session in lab.server.sessions] == before
    assert pool.stats().replaced == {}


@told()
async def test_what_cannot_be_deleted_is_deleted_later(lab: Lab) -> None:
    """Sessions that could not be deleted go with the next success, or with the pool: counted on the server."""
    pool, database = await lab.bound(4)
    lab.server.fail("DeleteSession", grpc.StatusCode.UNAVAILABLE, times=math.inf)
    await pool.clear()
    assert len(lab.server.sessions) == 4
    lab.server.heal()
    await pool.bind(database)
    await until_in_asyncio(lambda: len(lab.server.sessions) == 4)
    lab.server.fail("DeleteSession", grpc.StatusCode.UNAVAILABLE, times=math.inf)
    await pool.clear()
    assert len(lab.server.sessions) == 4
    lab.server.heal()
    await pool.close()
    assert lab.server.sessions == []


@told()
async def test_errors_of_google_stay_googles(lab: Lab) -> None:
    """Around `await instance.database()` and `get` they are caught as Google's, as ours, and as the queue's."""
    lab.server.fail(EVERY_METHOD, grpc.StatusCode.PERMISSION_DENIED, times=math.inf)
    pool = lab.hasty_pool(1)
    with pytest.raises(exceptions.Forbidden) as caught:
        await lab.database(pool)
    assert isinstance(caught.value, CannotFill)
    lab.server.heal()
    await lab.database(pool)
    lab.server.expire_all()
    lab.server.fail(EVERY_METHOD, grpc.StatusCode.PERMISSION_DENIED, times=math.inf)
    await pool.discard(await pool.get())
    with pytest.raises(exceptions.Forbidden) as refused:
        await pool.get(timeout=20)
    assert isinstance(refused.value, DatabaseRefuses)
    assert isinstance(refused.value, asyncio.QueueEmpty)
    assert str(refused.value).startswith(pool.name)
