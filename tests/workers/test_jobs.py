"""Celery and RQ: real workers that fork, whose sessions are counted on the server."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pingpool.testing.servers import PostgresServer, ValkeyServer

from .programs import (
    FAREWELL,
    PATIENCE,
    Program,
    asleep_in,
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
"""As tests/workers/apps/tasks.py has it."""


Send = Callable[[str], Any]
"""Has a task done by its name, and returns what is to come of it."""


@contextmanager
def celery(
    module: str, database: PostgresServer, broker: ValkeyServer, folder: Path, **variables: str
) -> Iterator[tuple[Program, Send]]:
    """Have the tasks of a module done by prefork, in two processes; yield the program, and how a task is sent."""
    from celery import Celery

    empty_books(database)
    client = Celery("client", broker=broker.url, backend=broker.url)
    command = ["-m", "celery", "-A", module, "worker", "-P", "prefork", "-c", str(PROCESSES), "-l", "WARNING"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    variables |= {"DATABASE_URL": database.url, "BROKER_URL": broker.url}
    try:
        with running(command, folder, **variables) as program:
            yield program, lambda task: client.send_task(f"{module}.{task}")
    finally:
        client.close()
        client.backend.client.close()


def notes_by(send: Send, count: int) -> list[dict[str, int]]:
    """Have notes written by so many tasks, side by side; none may fail."""
    return [result.get(PATIENCE) for result in [send("note") for _ in range(count)]]


def notes_by_all(send: Send) -> list[dict[str, int]]:
    """Have notes written until every process has written some."""
    answers: list[dict[str, int]] = []

    def all_have_answered() -> bool:
        answers.extend(notes_by(send, 8))
        return len({answer["process"] for answer in answers}) == PROCESSES

    until(all_have_answered, "a worker does nothing")
    return answers


def ends_well(program: Program, answers: Sequence[dict[str, int]], server: PostgresServer, most: int) -> None:
    """See that no session was shared, no note lost, no session too many, and that the program leaves none behind."""
    assert_none_is_shared(answers)
    assert {answer["note"] for answer in answers} == notes_in(server)
    until(lambda: len(server.backends()) <= most, "too many sessions")
    assert program.end() < FAREWELL
    assert_all_gone(server)


@needs("celery")
def test_celery_with_two_processes(
    postgres_server: PostgresServer, valkey_server: ValkeyServer, tmp_path: Path
) -> None:
    """Tasks are done, killed sessions replaced, and a soft time limit that strikes inside the pool reaches its task."""
    most = (PROCESSES + 1) * SIZE  # the parent, which imports the tasks, has a pool too
    with celery("tasks", postgres_server, valkey_server, tmp_path) as (program, send):
        answers = notes_by_all(send)
        open_now = postgres_server.backends()
        assert len(open_now) <= most

        assert 0 < postgres_server.terminate_backends() <= most
        answers += notes_by(send, 8)  # none of these was inside a statement, so none fails

        unlucky = [send("sleep") for _ in range(PROCESSES)]
        until(lambda: asleep_in(postgres_server) == PROCESSES, "the long statements do not begin")
        struck = send("ask_for_long")  # waits for a process
        postgres_server.terminate_backends()
        assert [result.get(PATIENCE) for result in unlucky] == ["AdminShutdown"] * PROCESSES
        answers += notes_by(send, 8)
        assert struck.get(PATIENCE) == {"reached": "SoftTimeLimitExceeded", "tainted": 1}
        answers += notes_by(send, 8)

        ends_well(program, answers, postgres_server, most)


@needs("celery", "django")
def test_celery_with_django(postgres_server: PostgresServer, valkey_server: ValkeyServer, tmp_path: Path) -> None:
    """Each process does all of its tasks in one session, which the pool keeps; one that was killed is replaced."""
    most = PROCESSES + 1  # the parent asks the database while it imports the tasks
    named = {"DJANGO_SETTINGS_MODULE": "django_notes"}
    with celery("django_tasks", postgres_server, valkey_server, tmp_path, **named) as (program, send):
        answers = notes_by_all(send)
        used = {answer["backend"] for answer in answers}
        assert len(used) == PROCESSES
        assert len(set(postgres_server.backends()) - used) == 1

        assert postgres_server.terminate_backends() == most
        answers += notes_by(send, 8)  # none of these was inside a statement, so none fails

        unlucky = [send("sleep") for _ in range(PROCESSES)]
        until(lambda: asleep_in(postgres_server) == PROCESSES, "the long statements do not begin")
        postgres_server.terminate_backends()
        assert [result.get(PATIENCE) for result in unlucky] == ["AdminShutdown"] * PROCESSES
        answers += notes_by(send, 8)

        ends_well(program, answers, postgres_server, most)


@contextmanager
def rq_queue(broker: ValkeyServer) -> Iterator[Any]:
    """A queue for jobs."""
    from redis import Redis
    from rq import Queue

    with Redis.from_url(broker.url) as connection:
        yield Queue(connection=connection)


def result_of(job: Any) -> Any:
    """Wait for a job to end well, and return what it returned."""
    until(lambda: job.get_status() in ("finished", "failed"), f"{job} does not end")
    assert job.get_status() == "finished", job.latest_result().exc_string
    return job.return_value()


SIMPLE_WORKER = ["-m", "rq.cli", "worker", "--worker-class", "rq.worker.SimpleWorker"]


@needs("rq")
@pytest.mark.parametrize(
    ("command", "options", "most"),
    [
        pytest.param(["rq_worker.py"], {"size": 3}, 4, id="forks for each job"),
        pytest.param(["rq_worker.py"], {"size": 3, "fill": "lazy", "wait_for": 0}, 1, id="forks, lazy"),
        pytest.param(SIMPLE_WORKER, {"size": 1}, 1, id="does not fork"),
    ],
)
def test_rq(
    command: list[str],
    options: dict[str, Any],
    most: int,
    postgres_server: PostgresServer,
    valkey_server: ValkeyServer,
    tmp_path: Path,
) -> None:
    """Jobs are done, also after their sessions were killed; one that runs out of time harms none that comes later.

    A worker that has a pool, and forks for each job, has `size` sessions, or none if it is lazy; the job has one.
    """
    empty_books(postgres_server)
    if command[0] == "-m":
        command = [*command, "--url", valkey_server.url]
    variables = {"DATABASE_URL": postgres_server.url, "BROKER_URL": valkey_server.url}
    variables["POOL_OPTIONS"] = json.dumps(options)
    with rq_queue(valkey_server) as queue, running(command, tmp_path, **variables) as program:

        def notes(count: int) -> list[dict[str, int]]:
            return [result_of(job) for job in [queue.enqueue("jobs.note") for _ in range(count)]]

        answers = notes(3)
        assert len(postgres_server.backends()) <= most
        postgres_server.terminate_backends()
        answers += notes(3)

        late = queue.enqueue("jobs.sleep", 3, job_timeout=1)
        answers += notes(1)
        assert late.get_status() == "failed"
        assert "JobTimeoutException" in late.latest_result().exc_string
        answers += notes(2)

        ends_well(program, answers, postgres_server, most)
