"""What every run of the tests has: tests that run for long are named, so that the screen is never silent."""

import os
import threading
import time
from collections.abc import Iterator

import pytest

from pingpool.testing.servers import MariaDBServer, PostgresServer, ValkeyServer
from pingpool.testing.skipping import skipped_if_missing

os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # else it prints a line for each server that a test ends

SILENCE = 30.0
"""Seconds without the end of a test, after which the tests that run are named."""


# The tests of the drivers name the place of a server in every way there is; passwords have tests of their own.


@pytest.fixture(scope="session")
def started_postgres() -> Iterator[PostgresServer]:
    """The server behind `postgres_server`: one that asks for no password."""
    with skipped_if_missing(), PostgresServer(password="") as server:
        yield server


@pytest.fixture(scope="session")
def started_valkey() -> Iterator[ValkeyServer]:
    """The server behind `valkey_server`: one that asks for no password."""
    with skipped_if_missing(), ValkeyServer(password="") as server:
        yield server


@pytest.fixture(scope="session")
def started_mariadb() -> Iterator[MariaDBServer]:
    """The server behind `mariadb_server`: one that asks for no password."""
    with skipped_if_missing(), MariaDBServer(password="") as server:
        yield server


def pytest_configure(config: pytest.Config) -> None:
    """Report the progress where it is shown: not in the workers of pytest-xdist."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress())


class Progress:
    """Names the tests that are running whenever none has ended for a while."""

    def __init__(self) -> None:
        self.running: dict[str, float] = {}
        self.last_end = time.monotonic()
        self.screen = os.dup(1)  # past the capture of output
        self.over = threading.Event()

    def pytest_sessionstart(self) -> None:
        threading.Thread(target=self._watch, name="progress", daemon=True).start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.running[nodeid] = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.running.pop(nodeid, None)
        self.last_end = time.monotonic()

    def pytest_sessionfinish(self) -> None:
        self.over.set()

    def _watch(self) -> None:
        while not self.over.wait(SILENCE):
            now = time.monotonic()
            if now - self.last_end >= SILENCE:
                for name, began in list(self.running.items()):
                    os.write(self.screen, f"\n  {now - began:4.0f} s: {name}".encode())
