"""A hundred pools in one process: what a server that was away for a minute meets when it comes back."""

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import pytest

import pingpool
from pingpool.databases.redis import Redis
from pingpool.testing.servers import ServerMissing, ValkeyServer

POOLS, SIZE = 100, 10

AT_MOST = 4
"""Attempts to connect a second that a pool may make."""

DOWN = 60.0


class Counted(Redis):
    """Notes when somebody tries to connect, and when it worked."""

    def __init__(self, server: ValkeyServer) -> None:
        """Connect to the server."""
        super().__init__(server.host, server.port)
        self.tried: list[float] = []
        self.made: list[float] = []

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Any:
        """Connect, and take notes."""
        self.tried.append(time.monotonic())
        session = super().create(labels=labels, timeout=timeout)
        self.made.append(time.monotonic())
        return session


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_server_that_comes_back_is_not_trampled() -> None:
    """A hundred pools of ten: while the server is away and when it returns, no more connects than four a second each.

    All thousand sessions are there again within the longest pause of a pool that nobody waits for.
    """
    try:
        server = ValkeyServer(settings={"maxclients": 2 * POOLS * SIZE})
    except ServerMissing as missing:
        pytest.skip(str(missing))
    with server, ExitStack() as stack:
        database = Counted(server)
        pools = [
            stack.enter_context(pingpool.open(database, size=SIZE, ping_interval=5, workers=1)) for _ in range(POOLS)
        ]
        server.stop()
        stopped = time.monotonic()
        time.sleep(DOWN)
        server.start()
        back = time.monotonic()
        while any(pool.stats().idle < SIZE for pool in pools):
            assert time.monotonic() < back + 60
            time.sleep(0.1)
        per_second = Counter(int(when - stopped) for when in database.tried if when >= stopped)
        tried_at_return = [when for when in database.tried if back <= when < back + 1]
        made_at_return = [when for when in database.made if back <= when < back + 1]
        assert max(per_second.values()) <= AT_MOST * POOLS + len(made_at_return), sorted(per_second.items())
        assert len(tried_at_return) <= AT_MOST * POOLS + len(made_at_return)
