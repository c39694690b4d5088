"""A MariaDB that is not as easy as the one of `pingpool.testing.fixtures`; a plugin for those who need one."""

from collections.abc import Iterator

import pytest

from pingpool.testing.servers import MariaDBServer
from pingpool.testing.skipping import skipped_if_missing
from tests.databases.tls import certificate


@pytest.fixture(scope="module")
def strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDBServer]:
    """A server that asks for a password, speaks TLS, has room for few, and remembers who introduced himself how."""
    cert, key = certificate(tmp_path_factory.mktemp("tls"))
    settings = {"ssl-cert": cert, "ssl-key": key, "max-connections": 10, "performance-schema": "ON"}
    with skipped_if_missing():
        server = MariaDBServer(settings=settings, password="right")
    with server:
        yield server
