"""What every run of the tests has: tests that run for long are named, so that the screen is never silent."""

import os
import threading
import time

import pytest

os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # else it prints a line for each server that a test ends

SILENCE = 30.0
"""Seconds without the end of a test, after which the tests that run are named."""


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
