"""PostgreSQL with several hosts, by all drivers: a host that swallows everything does not keep us from the next."""

import asyncio
import math
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

import pingpool
from pingpool.databases.postgres import AsyncPG, AsyncPostgres, Postgres
from pingpool.databases.postgres.conninfo import connect_timeout_for
from pingpool.databases.postgres.hosts import attempts
from pingpool.errors import BadURL
from pingpool.testing.servers import PostgresServer
from tests.databases.waiting import SOON

pytestmark = pytest.mark.server

OPENING = 8.0
"""Seconds for opening a session; a host that says nothing costs half of them."""

pytest_plugins = ["pingpool.testing.fixtures"]


@pytest.fixture
def hole() -> Iterator[str]:
    """A place that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def url(hole: str, postgres_server: PostgresServer) -> str:
    """Two hosts: a black hole, and one that is well."""
    return f"postgresql://postgres@{hole},{postgres_server.host}:{postgres_server.port}/postgres"


def test_psycopg_reaches_the_second_host_past_a_black_hole(url: str, postgres_server: PostgresServer) -> None:
    """The time for opening a session is shared among the hosts."""
    with pingpool.open(url, size=1, io_timeout=OPENING) as pool, pool.session() as session:
        assert session.info.port == postgres_server.port


@pytest.mark.parametrize("kind", [AsyncPostgres, AsyncPG])
def test_in_asyncio_the_second_host_is_reached_too(url: str, kind: Callable[[str], Any]) -> None:
    """So it is by both drivers for asyncio."""

    async def main() -> None:
        async with pingpool.open_async(kind(url), size=1, io_timeout=OPENING) as pool, pool.session() as session:
            await session.execute("SELECT 1")

    asyncio.run(main())


def test_asyncpg_tries_hosts_that_are_options(url: str, hole: str, postgres_server: PostgresServer) -> None:
    """Hosts may stand in a list, with a list of ports, and one that wants a standby takes a primary in the end."""
    ports = [int(hole.partition(":")[2]), postgres_server.port]
    listed = AsyncPG(host=["127.0.0.1", postgres_server.host], port=ports, user="postgres")
    choosy = AsyncPG(url.replace(hole, "127.0.0.1:1"), target_session_attrs="prefer-standby")

    async def main() -> None:
        for database in (listed, choosy):
            session = await database.create(labels={}, timeout=2)
            await session.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("dsn", "options", "expected"),
    [
        (None, {}, None),
        ("postgresql://one:1/d", {}, None),
        ("postgresql://u:p@one:1,[::1]:2,three/d", {}, [("one", 1), ("::1", 2), ("three", 5432)]),
        ("postgresql://one,two/d", {"port": 7}, [("one", 7), ("two", 7)]),
        ("postgresql:///d?host=one,two&port=3,4", {}, [("one", 3), ("two", 4)]),
        ("postgresql://zero/d", {"host": ["one", "/run"], "port": [1, 2]}, [("one", 1), ("/run", 2)]),
    ],
)
def test_the_attempts_of_asyncpg_are_what_is_named(
    dsn: str | None, options: dict[str, Any], expected: list[tuple[str, int]] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where several hosts are named each is an attempt; one alone, or none, is left to asyncpg."""
    monkeypatch.delenv("PGPORT", raising=False)
    made = attempts(dsn, options)
    assert made == ([{}] if expected is None else [{"host": host, "port": port} for host, port in expected])


def test_hosts_of_the_environment_share_the_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no option says is taken from the environment, as both drivers take it."""
    monkeypatch.setenv("PGHOST", "one,/run")
    monkeypatch.setenv("PGPORT", "1,2")
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "4")
    assert attempts(None, {}) == [{"host": "one", "port": 1}, {"host": "/run", "port": 2}]
    assert [connect_timeout_for({}, timeout) for timeout in (6, 60)] == [3, 4]
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "prefer-standby")
    assert [attempt["target_session_attrs"] for attempt in attempts(None, {})] == ["standby"] * 2 + ["any"] * 2
    assert len(attempts(None, {"target_session_attrs": "any"})) == 2
    assert connect_timeout_for({}, 12) == 3


@pytest.mark.parametrize(
    ("where", "timeout", "seconds"),
    [
        ({}, 10, 10),
        ({"host": "one,two"}, 10, 5),
        ({"host": "one,two", "target_session_attrs": "prefer-standby"}, 12, 3),
        ({"hostaddr": "::1,::2,::3"}, 10, 3),
        ({"host": "one,two", "connect_timeout": "3"}, 10, 3),
        ({"host": "one,two", "connect_timeout": "30"}, 10, 5),
        ({"connect_timeout": "0"}, 4, 4),
        ({"connect_timeout": "-1"}, 4, 4),
        ({"connect_timeout": "3"}, math.inf, 3),
        ({}, 0.1, 2),
        ({}, math.inf, 86_400),
    ],
)
def test_each_host_has_its_share_of_the_time(where: dict[str, str], timeout: float, seconds: int) -> None:
    """The share is equal, or the user's own limit, and is never 0, which would mean no limit."""
    assert connect_timeout_for(where, timeout) == seconds


def test_no_limit_of_the_user_does_not_lift_ours(hole: str) -> None:
    """With `connect_timeout=0` a host that says nothing is given up all the same."""
    postgres = Postgres(f"postgresql://u@{hole}/d?connect_timeout=0")
    errors: list[BaseException] = []

    def create() -> None:
        try:
            postgres.create(labels={}, timeout=2)
        except psycopg.OperationalError as error:
            errors.append(error)

    thread = threading.Thread(target=create, daemon=True)
    thread.start()
    thread.join(SOON)
    assert not thread.is_alive()
    assert "timeout" in str(errors[0])


def test_a_limit_that_is_no_number_is_refused_before_anything_is_connected() -> None:
    """`connect_timeout=abc` makes no sense in either world."""
    for kind in (Postgres, AsyncPostgres):
        with pytest.raises(BadURL, match="connect_timeout is a number"):
            kind("postgresql://h/d?connect_timeout=abc")


def test_io_may_take_for_ever(postgres_server: PostgresServer) -> None:
    """With an `io_timeout` of infinity sessions are opened, pinged and ended by every driver."""
    postgres = Postgres(postgres_server.url)
    session = postgres.create(labels={}, timeout=math.inf)
    postgres.ping(session, timeout=math.inf)
    postgres.delete(session, timeout=math.inf)

    async def main() -> None:
        for database in (AsyncPostgres(postgres_server.url), AsyncPG(postgres_server.url, reset="full")):
            session: Any = await database.create(labels={}, timeout=math.inf)
            await database.ping(session, timeout=math.inf)
            await database.reset(session, timeout=math.inf)
            await database.delete(session, timeout=math.inf)

    asyncio.run(main())
