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
on_django = needs("gunicorn", "django")
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
    pytest.param(f"{GUNICORN} django_web:application", 0, id="django", marks=on_django),
    pytest.param(f"{GUNICORN} --threads 4 django_notes:application", 0, id="django, threads", marks=on_django),
    pytest.param(f"{GUNICORN} --preload django_web:application", 1, id="django --preload", marks=on_django),
    pytest.param(
        f"uvicorn django_notes:asgi_application --workers {PROCESSES} --port PORT",
        0,
        id="django, uvicorn",
        marks=needs("django", "uvicorn"),
    ),
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


@on_django
def test_a_server_that_reloads_leaves_no_session_behind(
    site: Site, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Django's `runserver` ends its process when a file changes, and the next one opens what it needs."""
    empty_books(postgres_server)
    watched = tmp_path / "watched.py"
    watched.write_text("")
    command = ["django_manage.py", "runserver", site.address]
    with running(command, tmp_path, DATABASE_URL=postgres_server.url, MORE_MODULES=str(tmp_path)) as program:
        until(site.is_open, "no answer")
        (first,) = site.notes(1)
        watched.write_text("# changed")
        until(lambda: process_of(site) not in (None, first["process"]), "it does not begin anew")
        until(lambda: first["backend"] not in postgres_server.backends(), "a session outlives its process")
        assert len(postgres_server.backends()) <= SIZE
        assert program.end() < FAREWELL
    assert_all_gone(postgres_server)


def process_of(site: Site) -> int | None:
    """Return the process that answers; None while there is none."""
    try:
        return site.notes(1)[0]["process"]
    except OSError:
        return None
