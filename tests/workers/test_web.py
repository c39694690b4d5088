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

MASTER = SIZE
"""A master that imports the application has a pool, too."""

GUNICORN = f"gunicorn --workers {PROCESSES} --bind ADDRESS"
UVICORN = f"uvicorn asgi:application --workers {PROCESSES} --port PORT"

on_gunicorn = needs("gunicorn")
on_gevent = needs("gunicorn", "gevent")
SITES = [
    pytest.param(f"{GUNICORN} web:application", 0, id="sync", marks=on_gunicorn),
    pytest.param(f"{GUNICORN} --preload web:application", MASTER, id="sync --preload", marks=on_gunicorn),
    pytest.param(
        f"{GUNICORN} -c fill_after_fork.py web_bound_late:application", 0, id="sync, post_fork", marks=on_gunicorn
    ),
    pytest.param(f"{GUNICORN} -k gevent web:application", 0, id="gevent", marks=on_gevent),
    pytest.param(
        f"{GUNICORN} -k gevent --preload --env PSYCOPG_WAIT_FUNC=wait_select web:application",
        MASTER,
        id="gevent --preload",
        marks=on_gevent,
    ),
    pytest.param(UVICORN, 0, id="uvicorn", marks=needs("uvicorn")),
]


@pytest.fixture
def site() -> Iterator[Site]:
    """Clients for one web server."""
    site = Site()
    yield site
    site.leave()


@pytest.mark.parametrize(("command", "of_the_master"), SITES)
def test_a_web_server_with_two_processes(
    command: str, of_the_master: int, site: Site, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Requests are answered right, also after their sessions were killed; the server sees no session too many."""
    empty_books(postgres_server)
    words = command.replace("ADDRESS", site.address).replace("PORT", str(site.port)).split()
    most = PROCESSES * SIZE + of_the_master
    with running(["-m", *words], tmp_path, DATABASE_URL=postgres_server.url) as program:
        until(site.is_open, "no answer")
        answers = gathered(site, PROCESSES)
        assert_none_is_shared(answers)
        open_now = postgres_server.backends()
        assert len(open_now) <= most
        assert len(set(open_now) - {answer["backend"] for answer in answers}) >= of_the_master

        assert 0 < postgres_server.terminate_backends() <= most
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
