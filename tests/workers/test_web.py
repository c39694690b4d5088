"""gunicorn and uvicorn: real web servers with two processes, whose sessions are counted on the server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pingpool.testing.servers import PostgresServer

from .programs import (
    FAREWELL,
    Site,
    asleep_in,
    assert_all_gone,
    assert_none_is_shared,
    empty_books,
    gathered,
    needs,
    notes_in,
    running,
    until,
)

pytest_plugins = ["pingpool.testing.fixtures"]
pytestmark = pytest.mark.server

SIZE, PROCESSES = 2, 2

GUNICORN = ["-m", "gunicorn", "web:application", "--workers", str(PROCESSES), "--bind"]
UVICORN = ["-m", "uvicorn", "asgi:application", "--workers", str(PROCESSES), "--port"]

SITES = [
    pytest.param("sync", id="gunicorn", marks=needs("gunicorn")),
    pytest.param("sync --preload", id="gunicorn --preload", marks=needs("gunicorn")),
    pytest.param("gevent", id="gunicorn -k gevent", marks=needs("gunicorn", "gevent")),
    pytest.param("gevent --preload", id="gunicorn -k gevent --preload", marks=needs("gunicorn", "gevent")),
    pytest.param("uvicorn", id="uvicorn", marks=needs("uvicorn")),
]


@pytest.fixture
def site() -> Iterator[Site]:
    """Clients for one web server."""
    site = Site()
    yield site
    site.leave()


@pytest.mark.parametrize("kind", SITES)
def test_a_web_server_with_two_processes(
    kind: str, site: Site, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Requests are answered right, also after their sessions were killed; the server sees no session too many."""
    empty_books(postgres_server)
    command = [*UVICORN, str(site.port)] if kind == "uvicorn" else [*GUNICORN, site.address, "-k", *kind.split()]
    of_the_master = SIZE if "--preload" in kind else 0
    most = PROCESSES * SIZE + of_the_master
    with running(command, tmp_path, DATABASE_URL=postgres_server.url) as program:
        until(site.is_open, "no answer")
        answers = gathered(site, PROCESSES)
        assert_none_is_shared(answers)
        open_now = postgres_server.backends()
        assert len(open_now) <= most
        assert len(set(open_now) - {answer["backend"] for answer in answers}) >= of_the_master

        assert postgres_server.terminate_backends() == len(open_now)
        answers += site.notes(16)  # none of these was inside a statement, so none fails

        unlucky = [site.begin("/sleep") for _ in range(PROCESSES)]
        until(lambda: asleep_in(postgres_server) == PROCESSES, "the long statements do not begin")
        postgres_server.terminate_backends()
        assert [request.result()[0] for request in unlucky] == [500] * PROCESSES
        answers += site.notes(16)

        assert_none_is_shared(answers)
        assert {answer["note"] for answer in answers} <= notes_in(postgres_server)
        until(lambda: len(postgres_server.backends()) <= most, "too many sessions")
        assert program.end() < FAREWELL
        assert_all_gone(postgres_server)
