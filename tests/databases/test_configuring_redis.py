"""`configure=` for Redis: what it sets is what resets put back to, among threads and in asyncio."""

import asyncio
from typing import Any

import pytest

import pingpool
from pingpool import CannotFill
from pingpool.databases.redis import AsyncRedis, Redis
from pingpool.testing.servers import ValkeyServer
from tests.databases.waiting import SOON

pytest_plugins = ["pingpool.testing.fixtures"]


def select_other(session: Any) -> None:
    """Select another database, and have the connection named."""
    for command in (("SELECT", "3"), ("CLIENT", "SETNAME", "mine")):
        session.send_command(*command)
        session.read_response()


def ask(session: Any, *command: str) -> Any:
    """Send a command, and return its answer."""
    session.send_command(*command)
    return session.read_response()


@pytest.mark.server
@pytest.mark.parametrize("reset", ["rollback", "full"])
@pytest.mark.parametrize("left", [("SELECT", "5"), ("CLIENT", "SETNAME", "other"), ("PING",)])
def test_redis_is_put_back_to_how_it_was_configured(
    valkey_server: ValkeyServer, reset: Any, left: tuple[str, ...]
) -> None:
    """Whatever a holder selects or calls it, the next one finds what was configured."""
    database = Redis(valkey_server.host, valkey_server.port, configure=select_other, reset=reset)
    with pingpool.open(database, size=1) as pool:
        for _ in range(3):
            with pool.session(SOON) as session:
                info = ask(session, "CLIENT", "INFO")
                assert b" db=3 " in info
                assert b" name=mine " in info
                ask(session, *left)
        assert pool.stats().created == 1


@pytest.mark.server
def test_redis_in_asyncio_likewise(valkey_server: ValkeyServer) -> None:
    """By a coroutine function."""

    async def configure(session: Any) -> None:
        await session.send_command("SELECT", "3")
        await session.read_response()

    async def main() -> None:
        database = AsyncRedis(valkey_server.host, valkey_server.port, configure=configure)
        async with pingpool.open_async(database, size=1) as pool:
            for _ in range(3):
                async with pool.session(SOON) as session:
                    await session.send_command("CLIENT", "INFO")
                    assert b" db=3 " in await session.read_response()
                    await session.send_command("SELECT", "5")
                    await session.read_response()
            assert pool.stats().created == 1

    asyncio.run(main())


@pytest.mark.server
def test_a_subscription_is_no_way_to_configure_redis(valkey_server: ValkeyServer) -> None:
    """No holder could use such a session."""
    database = Redis(valkey_server.host, valkey_server.port, configure=lambda session: ask(session, "SUBSCRIBE", "x"))
    with pytest.raises(CannotFill):
        pingpool.open(database, size=1)
