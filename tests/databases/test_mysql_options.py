"""MySQL in both worlds: how passwords, patience, labels, files and sockets that a user gives reach the driver."""

import asyncio
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pingpool
from pingpool import CannotFill
from pingpool.databases.mysql import AsyncMySQL, MySQL
from pingpool.errors import BadURL
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import MariaDBServer, PrivateServer
from tests.databases.waiting import SOON, error_of

pytest.importorskip("pymysql")
pytest.importorskip("aiomysql")

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.strict_mariadb"]

ProxyFor = Callable[[PrivateServer], FaultProxy]


def connects(kind: Any, timeout: float = SOON, labels: dict[str, str] | None = None, **where: Any) -> Any:
    """Open a session in either world, ping it, and return what its server knows of its program's name."""
    database = kind(**where)
    question = (
        "SELECT attr_value FROM performance_schema.session_connect_attrs"
        " WHERE attr_name = 'program_name' AND processlist_id = connection_id()"
    )

    async def in_asyncio() -> Any:
        session = await database.create(labels=labels or {}, timeout=timeout)
        await database.ping(session, timeout=timeout)
        async with session.cursor() as cursor:
            await cursor.execute(question)
            answer = await cursor.fetchone()
        await database.delete(session, timeout=timeout)
        return answer

    if kind is AsyncMySQL:
        return asyncio.run(in_asyncio())
    session = database.create(labels=labels or {}, timeout=timeout)
    database.ping(session, timeout=timeout)
    with session.cursor() as cursor:
        cursor.execute(question)
        answer = cursor.fetchone()
    database.delete(session, timeout=timeout)
    return answer


both = pytest.mark.parametrize("kind", [MySQL, AsyncMySQL])


def place(server: MariaDBServer) -> dict[str, Any]:
    """Return where the server is, without its password."""
    return {"host": server.host, "port": server.port, "user": "root", "ssl_disabled": True}


# Passwords


@both
@pytest.mark.parametrize("password", ["right", b"right", lambda: "right", lambda: b"right"])
def test_a_password_may_be_bytes_and_a_function(strict_server: MariaDBServer, kind: Any, password: Any) -> None:
    """Text, bytes, and functions that return either, are the same password."""
    connects(kind, **place(strict_server), password=password)


def test_a_password_may_be_awaited_in_asyncio(strict_server: MariaDBServer) -> None:
    """There a coroutine function may be asked for the password, and takes its time."""

    async def read_secret() -> str:
        await asyncio.sleep(0)
        return "right"

    connects(AsyncMySQL, **place(strict_server), password=read_secret)


@both
def test_bytes_that_are_no_text_are_a_password_too(strict_server: MariaDBServer, kind: Any) -> None:
    """What is on the wire is UTF-8, or else the very bytes."""
    strict_server.set_password("пароль")
    connects(kind, **place(strict_server), password="пароль".encode())
    strict_server.set_password("right")


@both
def test_a_function_that_returns_no_password_is_named(strict_server: MariaDBServer, kind: Any) -> None:
    """A number is no password: the error says so, and not which number."""
    error = error_of(connects, kind, **place(strict_server), password=lambda: 12345)
    assert isinstance(error, TypeError)
    assert "12345" not in str(error)


# Patience


@both
def test_io_timeout_may_be_infinite(mariadb_server: MariaDBServer, kind: Any) -> None:
    """Who sets no limit to a call gets none."""
    connects(kind, timeout=math.inf, **place(mariadb_server))


# Files and sockets


@both
def test_a_default_file_names_the_place(strict_server: MariaDBServer, tmp_path: Path, kind: Any) -> None:
    """Host, port, user and password come from the file unless they are given."""
    file = tmp_path / "my.cnf"
    file.write_text(f"[client]\nhost=127.0.0.1\nport={strict_server.port}\nuser=root\npassword=right\n")
    connects(kind, read_default_file=str(file), ssl_disabled=True)
    assert str(file) in repr(kind(read_default_file=str(file)))
    assert "localhost" not in repr(kind(read_default_file=str(file)))


@both
def test_a_socket_in_the_file_system_is_named(kind: Any) -> None:
    """By repr and by the error of a socket that is not there, in place of a host and a port that nobody asked for."""
    database = kind(unix_socket="/no/such/socket")
    assert repr(database).endswith("MySQL(unix_socket='/no/such/socket', user=None, database=None)")
    error = error_of(connects, kind, unix_socket="/no/such/socket")
    assert "/no/such/socket" in str(error)
    assert "localhost" not in str(error)


@both
@pytest.mark.parametrize("option", ["ssl_ca", "ssl_cert", "ssl_key"])
def test_a_file_that_is_missing_is_named(kind: Any, option: str) -> None:
    """A file for TLS that is not there is named with its option, before anything is connected."""
    with pytest.raises(BadURL, match=f"{option}: No such file: '/no/such/file'"):
        kind("host", **{option: "/no/such/file"})


# Labels


@both
@pytest.mark.parametrize("label", ["\udc80" * 3, "x" * 100_000, "ä" * 100_000, "a\0b\n'"])
def test_any_label_may_be_sent(strict_server: MariaDBServer, kind: Any, label: str) -> None:
    """A label that cannot be written, or is too long for an introduction, is mended or cut, and breaks nothing.

    What could begin another line of a list, or move a terminal's cursor, is escaped.
    """
    [shown] = connects(kind, labels={"team": label}, password="right", **place(strict_server))
    assert shown.startswith("team=")
    assert shown.isprintable()


def test_a_file_may_say_the_place(strict_server: MariaDBServer, tmp_path: Path) -> None:
    """Where no host is said, that of the file counts."""
    file = tmp_path / "my.cnf"
    file.write_text(f"[client]\nhost=127.0.0.1\nport={strict_server.port}\nuser=root\npassword=right\n")
    database = MySQL(database="test", ssl_disabled=True, read_default_file=str(file))
    with pingpool.open(database, size=1) as pool:
        assert pool.stats().idle == 1
    assert MySQL.from_url("mysql://") == MySQL("localhost", 3306)


def test_a_pool_says_which_socket_is_missing() -> None:
    """The error of opening a pool names the socket, too."""
    with pytest.raises(CannotFill, match="/no/such/socket"):
        pingpool.open("mysql://root@/test?unix_socket=/no/such/socket", size=1)


@both
def test_a_socket_in_the_file_system_is_a_way_in(mariadb_server: MariaDBServer, kind: Any) -> None:
    """A session over it works as any."""
    path = mariadb_server.folder / "data" / "socket"
    connects(kind, unix_socket=str(path), user="root", ssl_disabled=True)
