"""PostgreSQL by all drivers: refusals that waiting will not heal, servers that will soon be there, and none at all."""

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest

from pingpool import Meaning
from pingpool.database import AsyncDatabase, Database
from pingpool.databases.postgres import AsyncPG, AsyncPostgres, Postgres
from pingpool.testing.ports import free_port
from pingpool.testing.servers import PostgresServer
from tests.databases.tls import certificate, tls_door
from tests.databases.waiting import SOON, create_error

pytestmark = pytest.mark.server

KINDS = (Postgres, AsyncPostgres, AsyncPG)


def refusal(database: Any) -> BaseException:
    """Return the error of opening a session, in either world."""
    if isinstance(database, Database):
        return create_error(database)

    async def main(database: AsyncDatabase[Any]) -> BaseException:
        with pytest.raises(Exception) as raised:  # noqa: PT011 (the caller looks at it)
            await database.create(labels={}, timeout=SOON)
        return raised.value

    return asyncio.run(main(database))


@pytest.fixture(scope="module")
def strict_server() -> Iterator[PostgresServer]:
    """A server that asks for a password, with those who may not come in."""
    with PostgresServer(password="right") as server:
        server.execute("CREATE ROLE low LOGIN PASSWORD 'right'")
        server.execute("CREATE ROLE shut PASSWORD 'right'")
        server.execute("CREATE ROLE crowded LOGIN PASSWORD 'right' CONNECTION LIMIT 0")
        server.execute("CREATE DATABASE private")
        server.execute("REVOKE CONNECT ON DATABASE private FROM PUBLIC")
        yield server


def urls(server: PostgresServer, user: str = "postgres", rest: str = "postgres") -> str:
    """Return the URL by which somebody comes to the server."""
    return f"postgresql://{user}:right@{server.host}:{server.port}/{rest}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("user", "rest"),
    [
        ("low", "private"),
        ("shut", "postgres"),
        ("postgres", "nothing"),
        ("postgres", "postgres?sslmode=require"),
        ("postgres", "postgres?sslmode=requird"),
    ],
)
def test_what_the_server_will_not_have_is_refused(
    strict_server: PostgresServer, kind: Any, user: str, rest: str
) -> None:
    """A right that is missing, no login, no database, no TLS, and a misspelt one are told at once, by all drivers."""
    database = kind(urls(strict_server, user, rest))
    error = refusal(database)
    assert database.meaning_of(error) is Meaning.REFUSED, error


@pytest.mark.parametrize(
    "rest",
    [
        "options=-c%20foo%3Dbar",
        "options=-c%20statement_timeout%3Dsoon",
        "options=-c%20max_connections%3D5",
        "keepalives=often",
        "require_auth=gss",
        "require_auth=nonsense",
        "channel_binding=require",
        "channel_binding=nonsense",
    ],
)
def test_what_libpq_will_not_have_is_refused(strict_server: PostgresServer, rest: str) -> None:
    """Settings nobody knows, values that make no sense, and a way to log in that is not offered, do not heal."""
    postgres = Postgres(urls(strict_server, rest=f"postgres?{rest}"))
    error = refusal(postgres)
    assert postgres.meaning_of(error) is Meaning.REFUSED, error


@pytest.mark.parametrize("setting", [{"foo": "bar"}, {"statement_timeout": "soon"}, {"max_connections": "5"}])
def test_settings_that_the_server_will_not_have_are_fatal(
    strict_server: PostgresServer, setting: dict[str, str]
) -> None:
    """asyncpg sends what it does not know to the server, which refuses what it does not know, or will not change."""
    database = AsyncPG(urls(strict_server), server_settings=setting)
    error = refusal(database)
    assert database.meaning_of(error) is Meaning.REFUSED, error


@pytest.mark.parametrize("kind", KINDS)
def test_a_crowd_is_not_fatal(strict_server: PostgresServer, kind: Any) -> None:
    """One who has too many connections may have fewer soon."""
    database = kind(urls(strict_server, "crowded"))
    error = refusal(database)
    assert database.meaning_of(error) in (Meaning.LOST, Meaning.UNKNOWN), error


def test_a_certificate_that_nobody_trusts_is_refused(strict_server: PostgresServer, tmp_path: Path) -> None:
    """Who insists on a certificate is told at once that this one will not do, or that its name is another."""
    bundle = certificate(tmp_path)[0].rename(tmp_path / "another.pem")
    with tls_door(strict_server, tmp_path, protocol="postgresql") as port:
        url = f"postgresql://postgres:right@127.0.0.1:{port}/postgres"
        strict = f"{url}?sslnegotiation=direct&sslmode=verify-ca&sslrootcert={bundle}"
        trusted = tmp_path / "cert.pem"
        misnamed = f"{url}?sslnegotiation=direct&sslmode=verify-full&sslrootcert={trusted}"
        choosy: list[Any] = [
            AsyncPG(url, ssl=ssl.create_default_context(cafile=file), direct_tls=True) for file in (None, trusted)
        ]
        for database in (Postgres(strict), AsyncPostgres(strict), Postgres(misnamed), AsyncPostgres(misnamed), *choosy):
            error = refusal(database)
            assert database.meaning_of(error) is Meaning.REFUSED, error


# Servers that are there, but not yet


@contextmanager
def server_that_says(message: str) -> Iterator[int]:
    """Open a port where whoever comes is told that he cannot connect now."""
    words = b"SFATAL\0VFATAL\0C57P03\0M" + message.encode() + b"\0\0"
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    guest, _ = listener.accept()
                    with guest, suppress(OSError):
                        while guest.recv(4)[:4] and struct.unpack("!I", guest.recv(4))[0] in (80877103, 80877104):
                            guest.sendall(b"N")  # neither TLS nor GSSAPI
                        guest.recv(4096)
                        guest.sendall(b"E" + struct.pack("!I", len(words) + 4) + words)

        threading.Thread(target=answer, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "message",
    [
        "the database system is starting up",
        "the database system is shutting down",
        "the database system is not yet accepting connections",
        "the database system is in recovery mode",
    ],
)
def test_a_server_that_is_not_ready_is_there(kind: Any, message: str) -> None:
    """It forks for whoever asks, so it is not to be asked in a hurry, also where a second host is not there at all."""
    with server_that_says(message) as port:
        for place in (f"127.0.0.1:{port}", f"127.0.0.1:{port},127.0.0.1:{free_port()}"):
            database = kind(f"postgresql://u@{place}/d")
            error = refusal(database)
            assert message in str(error)
            assert database.meaning_of(error) in (Meaning.LOST, Meaning.UNKNOWN)


@pytest.mark.parametrize("kind", KINDS)
def test_where_nobody_listens_one_may_hurry(kind: Any, tmp_path: Path) -> None:
    """A refused connection, several of them, or a socket that is not in the file system: no server is there."""
    several = f"127.0.0.1:{free_port()},127.0.0.1:{free_port()}"
    for url in (f"postgresql://u@127.0.0.1:{free_port()}/d", f"postgresql://u@{several}/d"):
        database = kind(url)
        assert database.meaning_of(refusal(database)) is Meaning.UNREACHABLE
    database = kind(f"postgresql://u@/d?host={tmp_path}")
    assert database.meaning_of(refusal(database)) is Meaning.UNREACHABLE


def test_a_file_that_is_missing_elsewhere_is_no_missing_server() -> None:
    """Only where the server is reached by a file does a missing one tell of it."""
    for database in (AsyncPG("postgresql://h/d"), AsyncPG("postgresql:///d"), AsyncPG(host=["/run", "h"])):
        assert database.meaning_of(FileNotFoundError("root.crt")) is Meaning.UNKNOWN
    error = psycopg.OperationalError("could not open root.crt: No such file or directory")
    assert Postgres().meaning_of(error) is Meaning.LOST
    several = (
        "Multiple exceptions: [Errno 111] Connect call failed ('::1', 1), [Errno {}] Connect call failed ('1.1', 1)"
    )
    assert AsyncPG().meaning_of(OSError(several.format(111))) is Meaning.UNREACHABLE
    assert AsyncPG().meaning_of(OSError(several.format(113))) is Meaning.UNKNOWN
    starting = asyncpg.CannotConnectNowError("the database system is starting up")
    assert AsyncPG().meaning_of(starting) is Meaning.LOST
