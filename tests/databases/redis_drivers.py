"""Both drivers for Redis and Valkey, a database and a session of it; a plugin."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from pingpool.databases.redis import Redis
from pingpool.testing.servers import ValkeyServer
from tests.databases.waiting import SOON


@pytest.fixture(params=["redis", "valkey"])
def driver(request: pytest.FixtureRequest) -> ModuleType:
    """Each of the two drivers."""
    found: ModuleType = pytest.importorskip(request.param)
    return found


@pytest.fixture
def redis(valkey_server: ValkeyServer, driver: ModuleType) -> Redis:
    """The database of the private server."""
    return Redis(valkey_server.host, valkey_server.port, driver=driver)


@pytest.fixture
def session(redis: Redis) -> Iterator[Any]:
    """One session of it."""
    session = redis.create(labels={}, timeout=SOON)
    yield session
    session.disconnect()
