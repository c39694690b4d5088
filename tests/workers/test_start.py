"""The start of real programs: before their database, and by a master that needs no session itself."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pingpool.testing.servers import PostgresServer

from .programs import Site, empty_books, gathered, needs, running, until

pytest_plugins = ["pingpool.testing.fixtures"]
pytestmark = pytest.mark.server

PROCESSES = 2

HEAD_START = 5.0
"""Seconds from the first answer of the application to the start of its database."""

GUNICORN = f"gunicorn --workers {PROCESSES} --bind ADDRESS"

EARLY = [
    pytest.param(f"{GUNICORN} web:application", id="gunicorn", marks=needs("gunicorn")),
    pytest.param(f"{GUNICORN} --preload web:application", id="gunicorn --preload", marks=needs("gunicorn")),
    pytest.param(f"uvicorn asgi:application --workers {PROCESSES} --port PORT", id="uvicorn", marks=needs("uvicorn")),
]


@pytest.fixture
def site() -> Iterator[Site]:
    """Clients for one web server."""
    site = Site()
    yield site
    site.leave()


@pytest.fixture
def late_server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """A PostgreSQL that is stopped, and is running again when the test is over."""
    empty_books(postgres_server)
    postgres_server.stop()
    try:
        yield postgres_server
    finally:
        if not postgres_server.running:
            postgres_server.start()


def begin(command: str, site: Site, folder: Path, server: PostgresServer, **options: Any) -> Any:
    """Run a web server for the length of a block; its pools have these options."""
    words = command.replace("ADDRESS", site.address).replace("PORT", str(site.port)).split()
    return running(["-m", *words], folder, DATABASE_URL=server.url, POOL_OPTIONS=json.dumps(options))


@pytest.mark.parametrize("command", EARLY)
def test_an_application_starts_before_its_database(
    command: str, site: Site, late_server: PostgresServer, tmp_path: Path
) -> None:
    """With `wait_for=0` it answers 503 while there is no server, and every process answers 200 soon after."""
    with begin(command, site, tmp_path, late_server, wait_for=0, default_timeout=0.5):
        until(site.is_open, "no answer")
        begun = time.monotonic()
        while time.monotonic() < begun + HEAD_START:
            assert site.get("/note")[0] == 503
        late_server.start()
        until(lambda: site.get("/note")[0] == 200, "it does not find its database")
        until(lambda: all(site.get("/note")[0] == 200 for _ in range(20)), "a process does not find its database")
        gathered(site, PROCESSES)


@needs("gunicorn")
@pytest.mark.parametrize(
    ("options", "of_the_master"),
    [pytest.param({}, 3, id="eager"), pytest.param({"fill": "lazy", "wait_for": 0}, 0, id="lazy")],
)
def test_a_forked_worker_opens_what_it_uses(
    options: dict[str, Any], of_the_master: int, site: Site, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """With `--preload` a worker that does one thing at a time has one session; the master all of its own, or none."""
    empty_books(postgres_server)
    with begin(f"{GUNICORN} --preload web:application", site, tmp_path, postgres_server, size=3, **options):
        until(site.is_open, "no answer")
        gathered(site, PROCESSES)
        until(lambda: len(postgres_server.backends()) >= of_the_master + PROCESSES, "too few sessions")
        assert len(postgres_server.backends()) == of_the_master + PROCESSES
