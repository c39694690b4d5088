"""PostgreSQL behind pgbouncer: what docs/poolers.md says of it, by a real one."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import pingpool
from pingpool.testing.ports import free_port
from pingpool.testing.servers import PostgresServer
from tests.databases.waiting import SOON, until

pytest_plugins = ["pingpool.testing.fixtures"]

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
PLACES = 2
"""How many sessions the pooler has at the server."""

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(PROGRAM is None, reason="there is no pgbouncer: apt-get install pgbouncer"),
]


@pytest.fixture
def pooler(postgres_server: PostgresServer) -> Iterator[Callable[..., str]]:
    """Starts a pgbouncer in front of the server, in transaction mode; returns the URL of a database behind it."""
    running: list[subprocess.Popen[bytes]] = []
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)  # it gives up root's rights, and has to read its settings then

    def start(**settings: Any) -> str:
        assert PROGRAM is not None
        port = free_port()
        place = f"host={postgres_server.host} port={postgres_server.port} user=postgres"
        options = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": "transaction",
            "default_pool_size": PLACES,
            **settings,
        }
        lines = ["[databases]", f"postgres = {place}", "[pgbouncer]"]
        file = folder / f"{port}.ini"
        file.write_text("\n".join([*lines, *(f"{name} = {value}" for name, value in options.items())]) + "\n")
        file.chmod(0o644)
        command = [PROGRAM, "-q", *(["-u", "nobody"] if os.geteuid() == 0 else []), str(file)]
        running.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        return f"postgresql://postgres@127.0.0.1:{port}/postgres"

    yield start
    for each in running:
        each.terminate()
        each.wait(SOON)
    shutil.rmtree(folder)


@contextmanager
def opened(url: str, **options: Any) -> Iterator[pingpool.PingingPool[Any]]:
    """Open a pool behind a pooler, which may still be starting."""
    with pingpool.open(url, size=4, autocommit=True, wait_for=0, **options) as pool:
        pool.wait(SOON)
        yield pool


def test_many_sessions_share_few_places_without_an_error(pooler: Callable[..., str]) -> None:
    """Without prepared statements each statement may run in another session of the server."""
    with opened(pooler(), prepare_threshold=None) as pool:

        def ask(number: int) -> tuple[Any, ...]:
            with pool.session(SOON) as connection:
                row: tuple[Any, ...] = connection.execute("SELECT %s::int, pg_backend_pid()", [number]).fetchone()
                return row

        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(ask, range(200)))
        assert [answer for answer, _ in answers] == list(range(200))
        assert len({backend for _, backend in answers}) <= PLACES


def test_an_idle_limit_of_the_pooler_is_unnoticed(pooler: Callable[..., str]) -> None:
    """It ends sessions that were idle; whoever asks next gets a good one."""
    with opened(pooler(client_idle_timeout=1), prepare_threshold=None, ping_interval=60) as pool:
        until(lambda: sum(pool.stats().replaced.values()) >= pool.size)  # they were opened, and are ended, together
        for _ in range(pool.size):
            with pool.session(SOON) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
