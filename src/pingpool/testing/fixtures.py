"""The servers and the proxy as pytest fixtures.

    # conftest.py
    pytest_plugins = ["pingpool.testing.fixtures"]

One server of a kind serves all tests. A test may stop or freeze it; afterwards it runs again. A server that is not
installed skips the test and says how to get it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import MariaDBServer, PostgresServer, PrivateServer, ValkeyServer
from pingpool.testing.skipping import skipped_if_missing


@pytest.fixture(scope="session")
def started_postgres() -> Iterator[PostgresServer]:
    """The server behind `postgres_server`."""
    with skipped_if_missing(), PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def started_valkey() -> Iterator[ValkeyServer]:
    """The server behind `valkey_server`."""
    with skipped_if_missing(), ValkeyServer() as server:
        yield server


@pytest.fixture(scope="session")
def started_mariadb() -> Iterator[MariaDBServer]:
    """The server behind `mariadb_server`."""
    with skipped_if_missing(), MariaDBServer() as server:
        yield server


@pytest.fixture
def postgres_server(started_postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A private PostgreSQL; its data stays from test to test."""
    yield started_postgres
    put_right(started_postgres)


@pytest.fixture
def valkey_server(started_valkey: ValkeyServer) -> Iterator[ValkeyServer]:
    """A private Valkey; its data stays from test to test."""
    yield started_valkey
    put_right(started_valkey)


@pytest.fixture
def mariadb_server(started_mariadb: MariaDBServer) -> Iterator[MariaDBServer]:
    """A private MariaDB; its data stays from test to test."""
    yield started_mariadb
    put_right(started_mariadb)


@pytest.fixture
def fault_proxy() -> Iterator[Callable[[PrivateServer], FaultProxy]]:
    """Call it with a server to get a proxy in front of it, for the length of the test."""
    with ExitStack() as until_the_end:
        yield lambda server: until_the_end.enter_context(FaultProxy(server.host, server.port))


def put_right(server: PrivateServer) -> None:
    """Make a server ready for the next test."""
    server.resume()
    server.start()
    if server.password != server.first_password:
        server.set_password(server.first_password)
    server.terminate_backends()
