"""multiprocessing: the processes of a pool of workers use sessions of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pingpool.testing.servers import PostgresServer

from .programs import PATIENCE, assert_all_gone, assert_none_is_shared, empty_books, environment, notes_in

pytest_plugins = ["pingpool.testing.fixtures"]
pytestmark = pytest.mark.server

PROCESSES = Path(__file__).parent / "apps" / "processes.py"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_two_processes_and_their_parent(method: str, postgres_server: PostgresServer) -> None:
    """Each process has at most its own session, and all are gone at the end."""
    empty_books(postgres_server)
    done = subprocess.run(
        [sys.executable, PROCESSES, method],
        env=environment(DATABASE_URL=postgres_server.url),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    answers, count = json.loads(done.stdout)
    assert_none_is_shared(answers)
    assert {answer["note"] for answer in answers} == notes_in(postgres_server)
    assert count <= 3
    assert_all_gone(postgres_server)
