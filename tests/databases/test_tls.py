"""TLS, where it is asked for: the certificate and the name in it are verified, by each driver in both worlds."""

import asyncio
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pingpool import AsyncDatabase, Database, Meaning
from pingpool.databases.mysql import AsyncMySQL, MySQL
from pingpool.databases.redis import AsyncRedis, Redis
from pingpool.errors import BadURL
from pingpool.testing.servers import MariaDBServer, ValkeyServer
from tests.databases.tls import certificate, tls_door
from tests.databases.waiting import SOON, error_of

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.strict_mariadb", "tests.databases.redis_drivers"]

BY_NAME, BY_NUMBER = "localhost", "127.0.0.1"
"""Two ways to the same server, whose certificate holds only the name."""


def connect(database: Database[Any] | AsyncDatabase[Any]) -> None:
    """Open a session and end it, in either world."""
    if isinstance(database, Database):
        database.delete(database.create(labels={}, timeout=SOON), timeout=SOON)
        return

    async def main() -> None:
        session = await database.create(labels={}, timeout=SOON)
        writer = session._writer
        await database.delete(session, timeout=SOON)
        with suppress(OSError):
            await writer.wait_closed()  # both sides of TLS agree to that

    asyncio.run(main())


def is_refused(database: Database[Any] | AsyncDatabase[Any], why: str) -> None:
    """Insist that no session is opened for this reason, and that it will not heal by waiting."""
    error = error_of(connect, database)
    assert why in f"{error!r} {error.__cause__!r} {error.__context__!r}"
    assert database.meaning_of(error) is Meaning.REFUSED


@pytest.mark.parametrize("kind", [MySQL, AsyncMySQL])
def test_mysql_verifies_certificate_and_name(strict_server: MariaDBServer, kind: Callable[..., Any]) -> None:
    """`ssl=True` asks the system who is trusted, `ssl_ca` trusts that; the name counts, unless it is said not to."""
    ca = str(strict_server.settings["ssl-cert"])
    place = {"port": strict_server.port, "user": "root", "password": "right"}
    is_refused(kind(BY_NAME, ssl=True, **place), "self-signed certificate")
    is_refused(kind(BY_NUMBER, ssl_ca=ca, **place), "certificate is not valid for '127.0.0.1'")
    is_refused(kind(BY_NUMBER, ssl={"ca": ca}, **place), "certificate is not valid for '127.0.0.1'")
    is_refused(kind(BY_NUMBER, ssl_verify_identity=True, ssl_verify_cert=False, ssl_ca=ca, **place), "not valid for")
    for words in (
        {"host": BY_NAME, "ssl_ca": ca},
        {"host": BY_NAME, "ssl": ssl.create_default_context(cafile=ca)},
        {"host": BY_NUMBER, "ssl_ca": ca, "ssl_verify_identity": False},
        {"host": BY_NUMBER, "ssl": True, "ssl_verify_cert": False},
        {"host": BY_NUMBER},
    ):
        connect(kind(**words, **place))
    connect(kind.from_url(f"mysql://root:right@localhost:{strict_server.port}/test?ssl_ca={ca}"))  # type: ignore[attr-defined]


def test_a_context_of_mysql_is_made_once(strict_server: MariaDBServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where TLS is asked for, all sessions of a database share what it is spoken with."""
    ca = str(strict_server.settings["ssl-cert"])
    database = MySQL(BY_NAME, strict_server.port, user="root", password="right", ssl_ca=ca)
    monkeypatch.setattr(ssl, "create_default_context", lambda **_: pytest.fail("another one"))
    connect(database)
    connect(database)


@pytest.mark.parametrize("kind", [MySQL, AsyncMySQL])
def test_a_client_certificate_of_mysql(strict_server: MariaDBServer, tmp_path: Path, kind: Callable[..., Any]) -> None:
    """A client's own certificate reaches the server; one that is none is refused when the database is described."""
    ca = str(strict_server.settings["ssl-cert"])
    own, key = certificate(tmp_path)
    place = {"port": strict_server.port, "user": "root", "password": "right", "ssl_ca": ca}
    stranger = error_of(
        connect, kind(BY_NAME, ssl_cert=str(own), ssl_key=str(key), **place)
    )  # which nobody vouches for
    assert stranger.args[0] in (2006, 2013)
    with pytest.raises(BadURL, match="no TLS with ca, cert"):
        kind(BY_NAME, ssl_cert=str(key), **place)


@pytest.fixture
def door(valkey_server: ValkeyServer, tmp_path: Path) -> Iterator[Mapping[str, Any]]:
    """A door that speaks TLS, and whom to trust."""
    with tls_door(valkey_server, tmp_path) as port:
        yield {"port": port, "ssl_ca_certs": str(tmp_path / "cert.pem")}


@pytest.mark.parametrize("kind", [Redis, AsyncRedis])
def test_redis_verifies_certificate_and_name(
    door: Mapping[str, Any], driver: ModuleType, kind: Callable[..., Any]
) -> None:
    """Both drivers do, also the one that by itself looks at no name; and neither if nothing is to be verified."""
    is_refused(kind(BY_NUMBER, ssl=True, driver=driver, **door), "certificate is not valid for '127.0.0.1'")
    is_refused(kind(BY_NAME, ssl=True, driver=driver, port=door["port"]), "self-signed certificate")
    connect(kind(BY_NAME, ssl=True, driver=driver, **door))
    connect(kind(BY_NUMBER, ssl=True, driver=driver, ssl_check_hostname=False, **door))
    connect(kind(BY_NUMBER, ssl=True, driver=driver, ssl_cert_reqs="none", **door))


@pytest.mark.parametrize("scheme", ["rediss", "valkeys"])
@pytest.mark.parametrize("kind", [Redis, AsyncRedis])
def test_a_url_of_redis_verifies_the_name(door: Mapping[str, Any], scheme: str, kind: Any) -> None:
    """A URL that asks for TLS does, whichever of the drivers it prefers."""
    trust = f"ssl_ca_certs={door['ssl_ca_certs']}"
    is_refused(kind.from_url(f"{scheme}://{BY_NUMBER}:{door['port']}/0?{trust}"), "not valid for '127.0.0.1'")
    connect(kind.from_url(f"{scheme}://{BY_NAME}:{door['port']}/0?{trust}"))
