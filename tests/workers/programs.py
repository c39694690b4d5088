"""A real program that serves with a pool, and what its database's server sees of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

import pingpool
from pingpool.testing.ports import LOOPBACK, free_port
from pingpool.testing.servers import PostgresServer

APPS = Path(__file__).parent / "apps"
SOURCES = Path(pingpool.__file__).parent.parent

PATIENCE = 30.0
"""Seconds after which something counts as hung; only a test that fails takes so long."""

FAREWELL = 10.0
"""Seconds that a program may take to end, on a machine that is busy with others."""


def needs(*packages: str) -> pytest.MarkDecorator:
    """Skip where one of these is not installed."""
    missing = [package for package in packages if find_spec(package) is None]
    return pytest.mark.skipif(
        bool(missing), reason=f'{" and ".join(missing)} missing; install by: pip install "pingpool[workers]"'
    )


def until(condition: Callable[[], object], what: str) -> None:
    """Look until the condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def environment(**variables: str) -> dict[str, str]:
    """Return what a program finds in its environment; `MORE_MODULES` is a folder of modules."""
    modules = (SOURCES, APPS, variables.pop("MORE_MODULES", ""))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, filter(None, modules))), **variables}


class Program:
    """A program in a session of its own, whose output goes to a file."""

    def __init__(self, command: Sequence[str], folder: Path, **variables: str) -> None:
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=APPS,
                env=environment(HOME=str(folder), **variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """All that it has written."""
        return self.log.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def end(self) -> float:
        """Ask it to end; return the seconds that it took."""
        start = time.monotonic()
        self.signal(signal.SIGTERM)
        self._process.wait(PATIENCE)
        return time.monotonic() - start

    def kill(self) -> None:
        """End it, and whatever it started, if any of it is left."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()


@contextmanager
def running(command: Sequence[str], folder: Path, **variables: str) -> Generator[Program]:
    """Run a program for the length of a block; a test that fails shows what it said."""
    program = Program(command, folder, **variables)
    try:
        yield program
    except BaseException:
        print(program.said)  # noqa: T201 (pytest shows it)
        raise
    finally:
        program.kill()


def empty_books(server: PostgresServer) -> None:
    """Have a table for the notes that requests and jobs write."""
    server.execute("DROP TABLE IF EXISTS notes; CREATE TABLE notes (id serial PRIMARY KEY)")


def notes_in(server: PostgresServer) -> set[int]:
    """Return the numbers of the notes that were committed."""
    return {int(row[0]) for row in server.execute("SELECT id FROM notes")}


def asleep_in(server: PostgresServer) -> int:
    """Count the sessions that are inside the long statement."""
    active = "state = 'active' AND query LIKE 'SELECT pg_sleep%'"
    return int(server.execute(f"SELECT count(*) FROM pg_stat_activity WHERE {active}")[0][0])


def assert_all_gone(server: PostgresServer) -> None:
    """A program that has ended leaves no session on the server."""
    until(lambda: not server.backends(), "sessions outlive the program")


def assert_none_is_shared(answers: Sequence[dict[str, int]]) -> None:
    """No session was used by two processes."""
    owners: dict[int, set[int]] = {}
    for answer in answers:
        owners.setdefault(answer["backend"], set()).add(answer["process"])
    assert all(len(processes) == 1 for processes in owners.values()), owners


class Site:
    """A web server, as its clients see it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"{LOOPBACK}:{self.port}"
        self._clients = ThreadPoolExecutor(8)

    def get(self, path: str) -> tuple[int, str]:
        """Make a request; return the status and the body."""
        try:
            with urlopen(f"http://{self.address}{path}", timeout=PATIENCE) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def begin(self, path: str) -> Future[tuple[int, str]]:
        """Begin a request."""
        return self._clients.submit(self.get, path)

    def notes(self, count: int) -> list[dict[str, int]]:
        """Have notes written by so many requests, eight at a time; none may fail."""
        answers = list(self._clients.map(self.get, ["/note"] * count))
        assert [text for status, text in answers if status != 200] == []
        return [json.loads(text) for _, text in answers]

    def is_open(self) -> bool:
        """Does it answer?"""
        try:
            self.get("/note")
        except OSError:
            return False
        return True

    def leave(self) -> None:
        """Let the clients go."""
        self._clients.shutdown(wait=False, cancel_futures=True)


def gathered(site: Site, processes: int) -> list[dict[str, int]]:
    """Make requests until every process of the site has answered some."""
    answers: list[dict[str, int]] = []

    def all_have_answered() -> bool:
        answers.extend(site.notes(16))
        return len({answer["process"] for answer in answers}) == processes

    until(all_have_answered, "a worker answers nothing")
    return answers
