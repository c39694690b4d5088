"""gevent and eventlet: a pool works among greenlets, whenever gevent patches the process; and trio is told why not."""

import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

import pingpool
from pingpool.testing.async_database import AsyncFaultyDatabase
from pingpool.testing.servers import PostgresServer

from .programs import PATIENCE, assert_all_gone, environment, needs

pytest_plugins = ["pingpool.testing.fixtures"]

GREENLETS = Path(__file__).parent / "apps" / "greenlets.py"


WAITS_BY_SELECT = {"PSYCOPG_WAIT_FUNC": "wait_select"}
"""What psycopg has to be told, unless gevent has patched the process when it is imported."""


@pytest.mark.server
@pytest.mark.parametrize(
    ("library", "when", "variables"),
    [
        pytest.param("gevent", "first", {}, marks=needs("gevent")),
        pytest.param("gevent", "late", WAITS_BY_SELECT, marks=needs("gevent")),
        pytest.param("gevent", "forked", WAITS_BY_SELECT, marks=needs("gevent")),
        pytest.param("eventlet", "first", WAITS_BY_SELECT, marks=needs("eventlet")),
    ],
)
def test_a_pool_works_among_greenlets(
    library: str, when: str, variables: dict[str, str], postgres_server: PostgresServer
) -> None:
    """Whoever waits for a session, a lock or the keeper lets the other greenlets run."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", GREENLETS, library, when],
        env=environment(DATABASE_URL=postgres_server.url, **variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "well\n", "")
    assert_all_gone(postgres_server)


def test_trio_is_told_what_a_pool_needs() -> None:
    """Where no loop of asyncio runs, whatever waits says so in one sentence."""
    pool: pingpool.AsyncPingingPool[Any] = pingpool.AsyncPingingPool(1, name="shop")
    waits: list[Coroutine[Any, Any, Any]] = [
        pool.bind(AsyncFaultyDatabase()),
        pool.get(),
        pool.ping(),
        pool.__aenter__(),
        pingpool.open_async(AsyncFaultyDatabase(), size=1, name="shop").__aenter__(),
    ]
    for coroutine in waits:
        with pytest.raises(RuntimeError, match=r"^shop needs asyncio: no event loop of asyncio runs here$"):
            coroutine.send(None)
        coroutine.close()
