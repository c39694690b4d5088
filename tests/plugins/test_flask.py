"""Flask: a real application, called by its own client, and once on a private PostgreSQL by many threads."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pingpool.testing import FaultyDatabase
from pingpool.testing.servers import PostgresServer
from tests.databases.waiting import SOON, until

pytest.importorskip("flask", reason="the tests of the plugs need: pip install 'pingpool[plugins]'")
from flask import Flask, abort

from pingpool.plugins.flask import Sessions
from pingpool.plugins.unavailable import RETRY_AFTER
from tests.plugins.forking import succeeds_in_child

pytest_plugins = ["pingpool.testing.fixtures"]


@pytest.fixture
def database() -> FaultyDatabase:
    """A database without a server."""
    return FaultyDatabase()


@pytest.fixture
def sessions(database: FaultyDatabase) -> Iterator[Sessions[Any]]:
    """One session, for an application."""
    sessions = Sessions(database, size=1, default_timeout=0.01)
    sessions.pool.wait(SOON)
    yield sessions
    sessions.close()


@pytest.fixture
def app(sessions: Sessions[Any]) -> Flask:
    """An application whose views end in all the ways there are."""
    app = Flask(__name__)
    sessions.init_app(app)

    @app.get("/well")
    def well() -> str:
        assert sessions.session is sessions.session
        return str(sessions.session.use())

    @app.get("/missing")
    def missing() -> str:
        sessions.session.use()
        abort(404)

    @app.get("/dead")
    def dead() -> str:
        sessions.session.is_alive = False
        return str(sessions.session.use())

    @app.get("/without")
    def without() -> str:
        return "no session"

    app.add_url_rule("/ready", view_func=sessions.ready)
    return app


@pytest.mark.parametrize(
    ("path", "status", "replaced"),
    [("/well", 200, {}), ("/missing", 404, {}), ("/dead", 500, {"lost": 1}), ("/without", 200, {})],
)
def test_what_ended_a_request_decides_over_its_session(
    app: Flask, sessions: Sessions[Any], path: str, status: int, replaced: dict[str, int]
) -> None:
    """Each context has one session, given back with the error that ended the request: a 404 costs nothing."""
    assert app.test_client().get(path).status_code == status
    until(lambda: sessions.pool.stats().idle == 1)
    assert dict(sessions.pool.stats().replaced) == replaced


def test_no_session_in_time_is_503(app: Flask, sessions: Sessions[Any]) -> None:
    """A client is told to come again, and nothing of the places in the code that the error names."""
    with sessions.pool.session():
        answer = app.test_client().get("/well")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, str(RETRY_AFTER))
    assert ".py" not in answer.text
    assert app.test_client().get("/well").status_code == 200


def test_a_readiness_probe_says_whether_a_session_can_be_proven(app: Flask, sessions: Sessions[Any]) -> None:
    """200 while there is one, 503 while none can be had."""
    client = app.test_client()
    assert (client.get("/ready").status_code, client.get("/ready").json) == (200, {"ready": True})
    sessions.pool.close()
    away = client.get("/ready")
    assert (away.status_code, away.json["ready"], away.headers["Retry-After"]) == (503, False, str(RETRY_AFTER))
    assert client.get("/well").status_code == 503


def test_a_context_of_its_own_has_a_session_too(app: Flask, sessions: Sessions[Any]) -> None:
    """A command, or a job, pushes a context: its session goes back at the end; outside there is none."""
    with app.app_context():
        assert sessions.session.use()
        (holder,) = sessions.pool.holders()
        assert holder.place.startswith("plugins/test_flask.py:")
    assert sessions.pool.stats().in_use == 0
    with pytest.raises(RuntimeError, match="application context"):
        assert sessions.session


def test_nothing_is_opened_before_a_session_is_wanted(database: FaultyDatabase) -> None:
    """A process that only imports the application has no session on the server; close, and the next use opens anew."""
    sessions = Sessions(database, size=1, default_timeout=SOON)
    app = Flask(__name__)
    sessions.init_app(app)
    assert app.extensions["pingpool"] == [sessions]
    assert database.calls["create"] == 0
    for opened in (1, 2):
        with app.app_context():
            assert sessions.session.use()
        assert database.calls["create"] == opened
        sessions.close()
    sessions.close()


def test_first_requests_at_once_open_one_pool(database: FaultyDatabase) -> None:
    """Of the threads that come first, one opens the pool and the others wait for it."""
    sessions = Sessions(database, size=2)
    together = threading.Barrier(4)

    def pool(_: int) -> Any:
        together.wait(SOON)
        return sessions.pool

    with ThreadPoolExecutor(4) as threads:
        assert len({id(each) for each in threads.map(pool, range(4))}) == 1
    sessions.close()


@pytest.mark.server
def test_a_hundred_requests_on_four_sessions_are_all_answered(postgres_server: PostgresServer) -> None:
    """Forty threads, as of a server with threads, wait for each other's sessions; none fails."""
    sessions = Sessions(postgres_server.url, size=4, default_timeout=SOON)
    app = Flask(__name__)
    sessions.init_app(app)

    @app.get("/")
    def one() -> str:
        return str(sessions.session.execute("SELECT 1").fetchone()[0])

    with ThreadPoolExecutor(40) as threads:
        answers = threads.map(lambda _: app.test_client().get("/").status_code, range(100))
        assert Counter(answers) == {200: 100}
    sessions.close()


def test_a_child_that_was_forked_while_the_pool_was_opened_can_open_its_own(database: FaultyDatabase) -> None:
    """Whatever another thread of the parent was about."""
    sessions = Sessions(database, size=1, default_timeout=SOON)
    assert succeeds_in_child(lambda: sessions.pool.wait(SOON), held=sessions._opening)
    sessions.close()
