"""A pool that is to make spans, with whatever client there is: the first ones make none, nor does one without
OpenTelemetry.
"""

import queue

import pytest

pytest.importorskip("google.cloud.spanner_v1")

from pingpool.databases.spanner import ClientSpans, PingingPool
from pingpool.testing import Clock, equip
from tests.databases.test_spanner_upstream import mock_of_a_database


def test_a_pool_that_is_to_make_spans_works_with_every_client() -> None:
    """It is filled, lends, refuses, looks up, pings and deletes as ever."""
    clock = Clock()
    pool = equip(PingingPool(1, observer=ClientSpans()), clock=clock)
    database = mock_of_a_database()
    pool.bind(database)
    session = pool.get()
    with pytest.raises(queue.Empty):
        pool.get(timeout=0)
    pool.put(session)
    clock.advance(4000)
    pool.put(pool.get(timeout=5))
    clock.advance(4000)
    assert pool.ping() == 1
    pool.clear()
    api = database.spanner_api
    calls = [api.batch_create_sessions, api.get_session, api.execute_sql, api.delete_session]
    assert [call.call_count for call in calls] == [1, 1, 1, 1]
    pool.close()
