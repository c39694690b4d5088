"""APScheduler: a real program whose jobs run in threads, or in processes; its sessions are counted on the server."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from pingpool.testing.servers import PostgresServer

from .programs import (
    FAREWELL,
    PATIENCE,
    Program,
    assert_all_gone,
    assert_none_is_shared,
    empty_books,
    needs,
    notes_in,
    running,
    until,
)

pytest_plugins = ["pingpool.testing.fixtures"]
pytestmark = pytest.mark.server

SIZE, PROCESSES = 2, 2
"""As tests/workers/apps/scheduler.py has its processes."""


@needs("apscheduler")
@pytest.mark.parametrize(
    ("kind", "most"),
    [("threads", SIZE), ("fork", SIZE + PROCESSES), ("spawn", (PROCESSES + 1) * SIZE)],
)
def test_apscheduler(kind: str, most: int, postgres_server: PostgresServer, tmp_path: Path) -> None:
    """Jobs are done, also after their sessions were killed; a process that was forked opens what it uses."""
    empty_books(postgres_server)
    variables = {"DATABASE_URL": postgres_server.url}
    variables["POOL_OPTIONS"] = json.dumps({"size": SIZE, "default_timeout": PATIENCE})
    with running(["scheduler.py", kind], tmp_path, **variables) as program:
        until(lambda: "ready" in program.said and len(postgres_server.backends()) == SIZE, "it does not begin")
        answers = round_of(program)
        assert SIZE <= len(postgres_server.backends()) <= most
        postgres_server.terminate_backends()
        answers += round_of(program)  # none of these was inside a statement, so none fails

        assert_none_is_shared(answers)
        assert {answer["note"] for answer in answers} == notes_in(postgres_server)
        until(lambda: len(postgres_server.backends()) <= most, "too many sessions")
        assert program.end() < FAREWELL
        assert_all_gone(postgres_server)


def round_of(program: Program) -> list[Any]:
    """Have a round of jobs done, and return what they have returned."""
    before = len(rounds_in(program))
    program.signal(signal.SIGUSR1)
    until(lambda: len(rounds_in(program)) > before, "the jobs are not done")
    answers: list[Any] = json.loads(rounds_in(program)[-1])
    assert all(isinstance(each, dict) for each in answers), answers
    return answers


def rounds_in(program: Program) -> list[str]:
    """Return the lines that tell of rounds."""
    return [line for line in program.said.splitlines(keepends=True) if line.startswith("[") and line.endswith("]\n")]
