"""The client that speaks on a session of Redis or Valkey: on that one, and on no other."""

from collections.abc import Callable
from typing import Any

import pytest

import pingpool
from pingpool import Meaning
from pingpool.databases.redis import Redis, client_on
from pingpool.testing.servers import ValkeyServer
from tests.databases.redis_lab import lends
from tests.databases.waiting import SOON, error_of, until

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.redis_drivers"]


def test_a_client_speaks_on_the_connection_that_was_lent(redis: Redis) -> None:
    """Commands, pipelines and transactions with WATCH all go over the one connection; each session has one client."""
    with pingpool.open(redis, size=1) as pool, pool.session() as session:
        client = client_on(session)
        assert client_on(session) is client
        assert client.set("word", "a")
        assert client.get("word") == b"a"
        with client.pipeline() as pipe:
            pipe.watch("word")
            pipe.multi()
            assert pipe.append("word", "b").get("word").execute() == [2, b"ab"]
        me = client.client_id()
        assert client.client_id() == me
        client.close()
        assert client.client_id() == me


def test_a_client_never_reconnects(valkey_server: ValkeyServer, redis: Redis) -> None:
    """When its connection is lost the client raises, and raises again; the pool replaces the session."""
    with pingpool.open(redis, size=1) as pool:
        with pytest.raises(redis._driver.ConnectionError), pool.session() as session:
            client = client_on(session)
            valkey_server.terminate_backends()
            with pytest.raises(redis._driver.ConnectionError):
                client.get("word")
            client.get("word")
        until(lambda: lends(pool))
        assert pool.stats().replaced == {"lost": 1}


def test_a_pipeline_that_watches_never_reconnects(valkey_server: ValkeyServer, redis: Redis) -> None:
    """The driver calls it a conflict when the connection of a pipeline that watches dies; the pool knows better."""
    with pingpool.open(redis, size=1) as pool:
        refused = pytest.raises(redis._driver.WatchError)
        with refused as raised, pool.session() as session, client_on(session).pipeline() as pipe:
            pipe.watch("word")
            valkey_server.terminate_backends()
            pipe.get("word")
        assert redis.meaning_of(raised.value) is Meaning.LOST
        assert redis.meaning_of(error_of(client_on(session).ping)) is Meaning.LOST
        until(lambda: lends(pool))
        assert pool.stats().replaced == {"lost": 1}


def test_a_conflict_costs_no_session(valkey_server: ValkeyServer, redis: Redis) -> None:
    """A transaction that was refused because somebody else was faster says nothing about its session, which stays."""
    with pingpool.open(redis, size=1) as pool:
        refused = pytest.raises(redis._driver.WatchError)
        with refused as raised, pool.session() as first, client_on(first).pipeline() as pipe:
            pipe.watch("word")
            valkey_server.execute("SET", "word", "b")
            pipe.multi()
            pipe.set("word", "a").execute()
        assert redis.meaning_of(raised.value) is Meaning.UNKNOWN
        with pool.session() as second:
            assert second is first
            assert client_on(second).get("word") == b"b"


def watch(client: Any) -> Any:
    """Leave a WATCH in force."""
    pipe = client.pipeline()
    pipe.watch("word")
    return pipe


def subscribe(client: Any) -> Any:
    """Leave a subscription."""
    pubsub = client.pubsub()
    pubsub.subscribe("news")
    pubsub.get_message(timeout=SOON)
    return pubsub


@pytest.mark.parametrize("leave_open", [watch, subscribe])
def test_what_a_client_left_open_is_not_handed_on(redis: Redis, leave_open: Callable[[Any], Any]) -> None:
    """A session that comes back with a WATCH or a subscription is replaced; who left it disturbs no next holder."""
    with pingpool.open(redis, size=1) as pool:
        with pool.session() as first:
            left = leave_open(client_on(first))
        with pool.session() as second:
            assert second is not first
            left.close()
            assert client_on(second).ping()
        assert pool.stats().replaced == {"left open": 1}


@pytest.mark.filterwarnings("ignore:.*never put back:ResourceWarning")
def test_a_client_keeps_no_session_alive(redis: Redis) -> None:
    """A holder that drops its connection and keeps the client is noticed, as any that drops one."""
    with pingpool.open(redis, size=1) as pool:
        client = client_on(pool.get())
        until(lambda: pool.stats().leaked == 1)
        with pytest.raises(redis._driver.ConnectionError):
            client.ping()
