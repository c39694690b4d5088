"""Redis and Valkey in both worlds: how passwords, patience, files and sockets that a user gives reach the driver."""

import asyncio
import math
import socket
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pingpool import AsyncPingingPool, CannotFill, Meaning, PingingPool
from pingpool.databases.redis import AsyncRedis, Redis
from pingpool.errors import BadURL
from pingpool.schemes import ASYNC_GROUP, database_of
from pingpool.testing import Clock, equip
from pingpool.testing.servers import ValkeyServer
from tests.contract.worlds import ToldClock
from tests.databases.waiting import SOON, error_of

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.redis_drivers"]


@pytest.fixture(scope="module")
def strict_server() -> Iterator[ValkeyServer]:
    """A server that asks for a password."""
    with ValkeyServer(password="right") as server:
        yield server


def connects(database: Any, timeout: float = SOON, **labels: str) -> None:
    """Open a session in either world, ping it, look at it and end it."""

    async def in_asyncio() -> None:
        session = await database.create(labels=labels, timeout=timeout)
        await database.ping(session, timeout=timeout)
        assert database.looks_alive(session)
        await database.delete(session, timeout=timeout)

    if isinstance(database, AsyncRedis):
        asyncio.run(in_asyncio())
        return
    session = database.create(labels=labels, timeout=timeout)
    database.ping(session, timeout=timeout)
    assert database.looks_alive(session)
    database.delete(session, timeout=timeout)


both = pytest.mark.parametrize("kind", [Redis, AsyncRedis])


@both
@pytest.mark.parametrize("password", ["right", b"right", lambda: "right", lambda: b"right"])
def test_a_password_may_be_bytes_and_a_function(
    strict_server: ValkeyServer, driver: ModuleType, kind: Any, password: Any
) -> None:
    """Text, bytes, and functions that return either, are the same password."""
    connects(kind(strict_server.host, strict_server.port, password=password, driver=driver))


def test_a_password_may_be_awaited_in_asyncio(strict_server: ValkeyServer, driver: ModuleType) -> None:
    """There a coroutine function may be asked for the password, and takes its time."""

    async def read_secret() -> bytes:
        await asyncio.sleep(0)
        return b"right"

    connects(AsyncRedis(strict_server.host, strict_server.port, password=read_secret, driver=driver))


@both
def test_a_function_that_returns_no_password_is_named(
    strict_server: ValkeyServer, driver: ModuleType, kind: Any
) -> None:
    """A number is no password: the error says so, and not which number, and waiting will not heal it."""
    database = kind(strict_server.host, strict_server.port, password=lambda: 12345, driver=driver)
    error = error_of(connects, database)
    assert isinstance(error, TypeError)
    assert "12345" not in str(error)
    assert database.meaning_of(error) is Meaning.REFUSED


@both
def test_a_function_may_say_that_there_is_no_password(
    valkey_server: ValkeyServer, driver: ModuleType, kind: Any
) -> None:
    """None is no password, as if none had been named."""
    connects(kind(valkey_server.host, valkey_server.port, password=lambda: None, driver=driver))


@both
def test_io_timeout_may_be_infinite(valkey_server: ValkeyServer, driver: ModuleType, kind: Any) -> None:
    """Who sets no limit to a call gets none."""
    connects(kind(valkey_server.host, valkey_server.port, driver=driver), timeout=math.inf)


@both
def test_a_server_that_loads_its_data_is_there(driver: ModuleType, kind: Any) -> None:
    """Somebody who listens, and asks for patience, is not to be asked ten times a second."""
    database = kind("h", driver=driver)
    loading = driver.exceptions.BusyLoadingError("Redis is loading the dataset in memory")
    assert database.meaning_of(loading) is Meaning.LOST


@both
@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
def test_a_file_that_is_missing_is_named(driver: ModuleType, kind: Any, option: str) -> None:
    """A file for TLS that is not there is named with its option, before anything is connected."""
    with pytest.raises(BadURL, match=f"{option}: No such file: '/no/such/file'"):
        kind("h", ssl=True, driver=driver, **{option: "/no/such/file"})


@both
def test_a_server_without_tls_is_named(driver: ModuleType, kind: Any) -> None:
    """A server that takes the connection, and has no answer to a greeting of TLS, is said to be that."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = kind("127.0.0.1", silent.getsockname()[1], ssl=True, driver=driver)
        error = error_of(connects, database, 0.2)
        assert "TLS" in str(error)
        assert isinstance(error, driver.exceptions.TimeoutError)
        assert database.meaning_of(error) is Meaning.LOST


@pytest.mark.parametrize(("scheme", "name"), [("redis+unix", "redis"), ("valkey+unix", "valkey")])
def test_a_url_may_name_a_socket_in_the_file_system(tmp_path: Path, scheme: str, name: str) -> None:
    """The path is the socket's; what is a path elsewhere, the number of the database, is an option."""
    driver = pytest.importorskip(name)
    path = tmp_path / "s"
    with ValkeyServer(password="right", settings={"unixsocket": path}):
        url = f"{scheme}://:right@{path}?db=2"
        for group in ("pingpool.schemes", ASYNC_GROUP):
            database = database_of(url, group)
            assert repr(database).endswith(f"Redis(path={str(path)!r}, db=2)")
            connects(database)
    assert database_of(url) == Redis(path=str(path), db=2, password="right", driver=driver)
    with pytest.raises(BadURL, match="names a host"):
        database_of(f"{scheme}://host/path")
    with pytest.raises(BadURL, match="names no socket"):
        database_of(f"{scheme}://")


@both
def test_a_pool_says_that_a_server_may_speak_no_tls(valkey_server: ValkeyServer, driver: ModuleType, kind: Any) -> None:
    """The error of opening a pool says it, too, and not only that its time was up: the driver's time is up first."""
    database = kind(valkey_server.host, valkey_server.port, ssl=True, driver=driver)

    async def in_asyncio() -> None:
        await equip(AsyncPingingPool[Any](1, io_timeout=0.5), clock=ToldClock()).bind(database)

    with pytest.raises(CannotFill, match="does it speak TLS"):
        if kind is AsyncRedis:
            asyncio.run(in_asyncio())
        else:
            equip(PingingPool[Any](1, io_timeout=0.5), clock=Clock()).bind(database)


@both
def test_a_user_who_may_not_choose_the_database_is_refused_for_good(
    valkey_server: ValkeyServer, driver: ModuleType, kind: Any
) -> None:
    """What a user has no permission for will not heal by waiting."""
    valkey_server.execute("ACL", "SETUSER", "guest", "on", ">right", "+@all", "-select")
    database = kind(valkey_server.host, valkey_server.port, db=1, username="guest", password="right", driver=driver)
    error = error_of(connects, database)
    valkey_server.execute("ACL", "DELUSER", "guest")
    assert "permission" in str(error)
    assert database.meaning_of(error) is Meaning.REFUSED
