"""Valkey by redis-py and by valkey-py: no answer that one holder did not read is read by the next, in both worlds."""

import asyncio
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import pingpool
from pingpool import Meaning
from pingpool.databases.common.sockets import Look, look_at
from pingpool.databases.redis import AsyncRedis, Redis, client_on
from pingpool.databases.redis.answers import all_pushes
from pingpool.testing.servers import ValkeyServer
from tests.databases.waiting import SOON, error_of, until

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.redis_drivers"]


def test_an_unread_answer_costs_the_session_and_not_the_next_holder(redis: Redis) -> None:
    """A holder that sends and does not read: the next one gets another connection, not the stale answer."""
    with pingpool.open(redis, size=1) as pool:
        first = pool.get()
        first.send_command("ECHO", "stale")
        until(lambda: first.can_read(0))
        pool.put(first)
        with pool.session() as second:
            assert second is not first
            second.send_command("ECHO", "fresh")
            assert second.read_response() == b"fresh"


def test_an_answer_read_too_far_is_seen_too(redis: Redis, session: Any) -> None:
    """Two answers that came in one piece, of which one was taken: the socket is quiet, the look is not deceived."""
    session.send_packed_command([b"ECHO 1\r\nECHO 2\r\n"])
    until(lambda: session.can_read(0))
    assert session.read_response() == b"1"
    until(lambda: not redis.looks_alive(session))
    assert redis.meaning_of(error_of(redis.ping, session, timeout=SOON)) is Meaning.LOST


def test_a_push_message_is_no_hang_up(valkey_server: ValkeyServer) -> None:
    """A session of protocol 3 that is told of an invalidated key looks alive, and its next command is answered."""
    driver = pytest.importorskip("redis")  # valkey-py cannot read such a message unless it keeps a cache of its own
    redis = Redis(valkey_server.host, valkey_server.port, driver=driver, protocol=3)
    session = redis.create(labels={}, timeout=SOON)
    for words in (("CLIENT", "TRACKING", "ON"), ("GET", "watched")):
        session.send_command(*words)
        session.read_response()
    valkey_server.execute("SET", "watched", "1")
    until(lambda: look_at(session._sock.fileno()) is Look.SPEAKS)
    assert redis.looks_alive(session)
    redis.ping(session, timeout=SOON)
    session.disconnect()


def tracking(server: ValkeyServer, redis: Redis) -> Any:
    """Open a session of protocol 3 to which a push message has come, and nothing else."""
    session = redis.create(labels={}, timeout=SOON)
    for words in (("CLIENT", "TRACKING", "ON"), ("GET", "watched")):
        session.send_command(*words)
        session.read_response()
    server.execute("SET", "watched", "1")
    until(lambda: look_at(session._sock.fileno()) is Look.SPEAKS)
    return session


def test_an_answer_behind_a_push_message_is_seen(valkey_server: ValkeyServer, driver: ModuleType) -> None:
    """A push message is no excuse for what comes behind it: the session looks dead."""
    redis = Redis(valkey_server.host, valkey_server.port, driver=driver, protocol=3)
    session = tracking(valkey_server, redis)
    session.send_packed_command([b"ECHO stale\r\n"])
    until(lambda: not redis.looks_alive(session))
    session.disconnect()


@pytest.mark.parametrize(
    ("said", "is_harmless"),
    [
        (b"", True),
        (b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n", True),
        (b">2\r\n$10\r\ninvalidate\r\n_\r\n>1\r\n%1\r\n+a\r\n:1\r\n", True),
        (b">2\r\n$10\r\ninvalidate\r\n*-1\r\n", True),
        (b">1\r\n$-1\r\n", True),
        (b">1\r\n+a\r\n$5\r\nstale\r\n", False),
        (b">1\r\n+a\r\n+", False),
        (b">2\r\n+a\r\n", False),
        (b">1\r\n$5\r\nab", False),
        (b">x\r\n", False),
        (b"+OK\r\n", False),
    ],
)
def test_only_whole_push_messages_are_harmless(said: bytes, is_harmless: bool) -> None:
    """What has come is told apart by where each message ends; what ends in the middle of one is not vouched for."""
    assert all_pushes(said) is is_harmless


def test_an_answer_that_is_still_to_come_costs_the_session(redis: Redis) -> None:
    """Who asks and leaves before the answer has come costs the session, however quiet its socket still is."""
    with pingpool.open(redis, size=1) as pool:
        with pool.session() as first:
            first.send_command("BLPOP", "nothing", "0.2")
        with pool.session(timeout=SOON) as second:
            assert second is not first
            assert client_on(second).echo("mine") == b"mine"
        assert pool.stats().replaced == {"left busy": 1}


def test_a_complaint_is_an_answer_too(redis: Redis) -> None:
    """A session whose last command was refused by the server owes nothing, and is lent again."""
    with pingpool.open(redis, size=1) as pool:
        with pool.session() as first:
            assert "unknown command" in str(error_of(client_on(first).execute_command, "NONSENSE"))
        with pool.session() as second:
            assert second is first


@pytest.fixture
def aio(valkey_server: ValkeyServer, driver: ModuleType) -> AsyncRedis:
    """The same database for asyncio."""
    return AsyncRedis(valkey_server.host, valkey_server.port, driver=driver)


@pytest.mark.parametrize("patience", [0, 0.05], ids=["still to come", "come"])
def test_asyncio_hands_no_unread_answer_on(aio: AsyncRedis, patience: float) -> None:
    """A holder that sends and does not read: the next one gets another connection, not the stale answer."""

    async def main() -> None:
        async with pingpool.open_async(aio, size=1) as pool:
            async with pool.session() as first:
                await first.send_command("ECHO", "another's")
                await asyncio.sleep(patience)
            async with pool.session() as second:
                assert second is not first
                assert await client_on(second).echo("mine") == b"mine"

    asyncio.run(main())


def test_asyncio_sees_what_has_come_unasked(aio: AsyncRedis) -> None:
    """Whether the loop has read it already or not, or the parser has: only silence and push messages look alive."""

    async def main() -> None:
        session = await aio.create(labels={}, timeout=SOON)
        assert aio.looks_alive(session)
        session._reader.feed_data(b">1\r\n+news\r\n")
        assert aio.looks_alive(session)
        session._reader.feed_data(b"+late\r\n")
        assert not aio.looks_alive(session)
        await session.disconnect()
        session = await aio.create(labels={}, timeout=SOON)
        session._writer.write(b"ECHO late\r\n")
        until(lambda: not aio.looks_alive(session))  # the loop stands still: the system knows, and the loop does not
        await session.disconnect()
        session = await aio.create(labels={}, timeout=SOON)
        session._reader.feed_data(b"$5\r\n")
        assert await session.read_response(timeout=0.01) is None
        assert not aio.looks_alive(session)
        await session.disconnect()

    asyncio.run(main())


async def ask_raw(session: Any) -> Any:
    """Wait for something by the connection itself."""
    await session.send_command("BLPOP", "nothing", "3")
    return await session.read_response()


async def ask_client(session: Any) -> Any:
    """Wait for something by the client."""
    return await client_on(session).blpop("nothing", 3)


@pytest.mark.parametrize("ask", [ask_raw, ask_client])
@pytest.mark.parametrize("when", ["within", "after"])
def test_asyncio_lends_nothing_on_which_a_task_still_waits(
    aio: AsyncRedis, ask: Callable[[Any], Any], when: str
) -> None:
    """A task left running on a session, or starting on one that was put back, keeps it from the next holder."""

    async def main() -> None:
        async with pingpool.open_async(aio, size=1) as pool:
            async with pool.session() as first:
                if when == "within":
                    left = asyncio.create_task(ask(first))
                    await asyncio.sleep(0)
            if when == "after":
                left = asyncio.create_task(ask(first))
                await asyncio.sleep(0)
            async with pool.session(timeout=SOON) as second:
                assert second is not first
                assert await client_on(second).echo("mine") == b"mine"
            left.cancel()
            await asyncio.gather(left, return_exceptions=True)

    asyncio.run(main())


def test_asyncio_client_may_be_closed_in_every_way(aio: AsyncRedis) -> None:
    """Closing the client, as some do by habit, closes nothing: the connection belongs to the pool that lent it."""

    async def main() -> None:
        async with pingpool.open_async(aio, size=1) as pool:
            async with pool.session() as first:
                async with client_on(first) as client:
                    assert await client.ping()
                await client.aclose()
                await client.aclose(True)
                assert await client.ping()
            async with pool.session() as second:
                assert second is first

    asyncio.run(main())
