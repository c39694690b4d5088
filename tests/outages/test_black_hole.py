"""A link that swallows everything once it was idle for a while, as firewalls do, and a pool as it comes."""

import os
import time
from collections.abc import Iterator

import psycopg
import pytest

import pingpool
from pingpool.core import keeping, limit
from pingpool.core.limit import FIRST
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import PostgresServer
from tests.databases.waiting import until

pytest_plugins = ["pingpool.testing.fixtures"]
pytestmark = [pytest.mark.server, pytest.mark.proof]

IDLE = 50.0
"""Seconds of idleness after which the link swallows everything."""

PACE = float(os.environ.get("PINGPOOL_PACE", "0.1"))
"""Time passes so much faster here: the pool's first interval and the idle limit are this part of what they are. With 1
the test takes a minute."""

PATIENCE = 90.0


@pytest.fixture
def link(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """The way to the server."""
    monkeypatch.setattr(limit, "FIRST", FIRST * PACE)
    monkeypatch.setattr(keeping, "FIRST", FIRST * PACE)
    with FaultProxy(postgres_server.host, postgres_server.port) as proxy:
        proxy.half_open_idle(IDLE * PACE)
        yield proxy


def test_the_first_example_survives(link: FaultProxy, postgres_server: PostgresServer) -> None:
    """A connection left alone is swallowed after 50 idle seconds; no user of a pool as it comes meets such a one."""
    url = postgres_server.url_at(link.port)
    with psycopg.connect(url) as left_alone, pingpool.open(url, size=4) as pool:
        pool.wait(PATIENCE)
        until(lambda: link.forgotten >= 1)
        begun = time.monotonic()
        for _ in range(8):
            with pool.session() as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        assert time.monotonic() - begun < IDLE * PACE
        assert not left_alone.closed  # nobody told it
        left_alone.close()
