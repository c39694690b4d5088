"""What the tests of Redis and Valkey share."""

from collections.abc import Callable
from typing import Any

from pingpool import PingingPool
from pingpool.databases.redis import client_on
from pingpool.errors import DatabaseRefuses
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import PrivateServer
from tests.databases.waiting import SOON

ProxyFor = Callable[[PrivateServer], FaultProxy]


def lends(pool: PingingPool[Any]) -> bool:
    """Whether the pool has a session that works."""
    try:
        with pool.session(timeout=SOON) as session:
            return bool(client_on(session).ping())
    except DatabaseRefuses:
        return False
