"""Django over pingpool, with servers that have a bad day, and in asyncio."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from pingpool.testing.servers import PostgresServer
from tests.databases.waiting import SOON, until

pytest.importorskip("django", reason="the tests of the plugs need: pip install 'pingpool[plugins]'")

import httpx
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.db import DatabaseError, OperationalError, close_old_connections
from django.db.backends.postgresql.base import DatabaseWrapper as DjangosWrapper
from django.test import override_settings

from pingpool.plugins.django.postgresql.base import DatabaseWrapper
from tests.plugins import django_project as project
from tests.plugins.django_project import Order, ask, serve
from tests.plugins.mysqldb import have_mysql

pytest_plugins = ["pingpool.testing.fixtures"]
pytestmark = pytest.mark.server

SIZE = 4
POSTGRES = "pingpool.plugins.django.postgresql"
MYSQL = "pingpool.plugins.django.mysql"

Use = Callable[..., Any]


@pytest.fixture
def use() -> Iterator[Use]:
    """Have a server's database as "default"; the connection of this thread is returned."""
    have_mysql()
    with ExitStack() as until_the_end:

        def on(server: project.Server, *, pool: Any = None, driver: Any = None, **more: Any) -> Any:
            engine = POSTGRES if isinstance(server, PostgresServer) else MYSQL
            options = {**(driver or {}), "pingpool": {"size": SIZE, "default_timeout": SOON, **(pool or {})}}
            used = project.use(engine, {**project.at(server), "OPTIONS": options, **more})
            return until_the_end.enter_context(used)

        yield on


@pytest.mark.parametrize("fixture", ["postgres_server", "mariadb_server"])
def test_no_request_fails_after_all_sessions_were_killed(
    fixture: str, use: Use, request: pytest.FixtureRequest
) -> None:
    """Again and again: each is replaced before anybody gets it."""
    server: project.Server = request.getfixturevalue(fixture)
    connection = use(server)
    for _ in range(3):
        connection.pingpool.wait(SOON)
        server.terminate_backends()
        assert Counter(serve("/one")[0] for _ in range(3 * SIZE)) == {200: 3 * SIZE}


@pytest.mark.parametrize("fixture", ["postgres_server", "mariadb_server"])
def test_who_is_cut_off_in_a_request_is_the_only_one(fixture: str, use: Use, request: pytest.FixtureRequest) -> None:
    """Django tells of it as ever; all other connections are proven before they are lent."""
    server: project.Server = request.getfixturevalue(fixture)
    connection = use(server)
    connection.pingpool.wait(SOON)
    ask()
    server.terminate_backends()
    with pytest.raises(OperationalError):
        ask()
    close_old_connections()
    assert Counter(serve("/one")[0] for _ in range(3 * SIZE)) == {200: 3 * SIZE}
    assert connection.pingpool.stats().replaced["lost"] == 1


def test_requests_wait_for_a_server_that_restarts(use: Use) -> None:
    """Those that come while it is down are served when it is back."""
    with PostgresServer(password="") as server:
        connection = use(server)
        connection.pingpool.wait(SOON)
        server.stop()
        with ThreadPoolExecutor(2 * SIZE) as people:
            answers = [people.submit(serve, "/one") for _ in range(2 * SIZE)]
            until(lambda: connection.pingpool.stats().create_failures)
            server.start()
            assert [answer.result(SOON) for answer in answers] == [(200, "1")] * 2 * SIZE
        connection.close_pool()


def test_what_the_server_refuses_is_told_at_once(use: Use, postgres_server: PostgresServer) -> None:
    """As the driver's error, wrapped as ever; also a mistake in the set-up, such as a role that is not there."""
    connection = use(postgres_server)
    for mistake in ({"NAME": "nowhere"}, {"OPTIONS": {"assume_role": "nobody_at_all"}}):
        before = dict(connection.settings_dict)
        connection.settings_dict.update(mistake)
        with pytest.raises(DatabaseError, match="does not exist") as told:
            ask()
        assert type(told.value.__cause__).__module__.startswith("psycopg")
        connection.close_pool()
        connection.settings_dict.update(before)
    assert ask() == 1


def test_each_time_zone_has_connections_of_its_own(use: Use, postgres_server: PostgresServer) -> None:
    """A setting that is exchanged in a test is in force at once, and nothing of it stays."""
    connection = use(postgres_server)
    assert ask("SHOW TIME ZONE") == "UTC"
    with override_settings(TIME_ZONE="Europe/Berlin", USE_TZ=False):
        assert ask("SHOW TIME ZONE") == "Europe/Berlin"
        connection.close()
        assert ask("SHOW TIME ZONE") == "Europe/Berlin"
    connection.close()
    assert ask("SHOW TIME ZONE") == "UTC"


def test_no_session_is_left_in_a_database_that_is_copied(use: Use, postgres_server: PostgresServer) -> None:
    """PostgreSQL copies and removes a database only while nobody is in it."""
    connection = use(postgres_server)
    own = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = "for_tests"
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    with ThreadPoolExecutor(SIZE) as people:
        list(people.map(serve, ["/one"] * SIZE))
    connection.creation.clone_test_db("1", verbosity=0, autoclobber=True)
    connection.creation.destroy_test_db(suffix="1", verbosity=0)
    connection.creation.destroy_test_db(own, verbosity=0)
    assert postgres_server.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'for_tests%'") == [("0",)]


def test_an_engine_of_ones_own_opens_the_connections(use: Use, postgres_server: PostgresServer) -> None:
    """It stands behind that of pingpool, as that of PostGIS does."""
    opened: list[str] = []

    class Own(DjangosWrapper):
        def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
            opened.append(conn_params["dbname"])
            return super().get_new_connection(conn_params)

    class Both(DatabaseWrapper, Own):
        pass

    own = Both(use(postgres_server).settings_dict, "default")
    for _ in range(3):
        with own.cursor() as cursor:
            cursor.execute("SELECT 1")
        own.close()
    assert opened == ["postgres"]


def test_djangos_own_pool_is_refused_beside_this_one(use: Use, postgres_server: PostgresServer) -> None:
    """Two pools, one behind the other, help nobody."""
    use(postgres_server, driver={"pool": True})
    with pytest.raises(ImproperlyConfigured, match='"pingpool" is ours'):
        ask()


@pytest.mark.parametrize("age", [0, None])
@pytest.mark.parametrize("fixture", ["postgres_server", "mariadb_server"])
def test_async_views_leak_no_connection(
    fixture: str, age: int | None, use: Use, request: pytest.FixtureRequest
) -> None:
    """A hundred requests at once, each in a context of its own, on four connections, whatever CONN_MAX_AGE says."""
    server: project.Server = request.getfixturevalue(fixture)
    connection = use(server, CONN_MAX_AGE=age)

    async def serve_all() -> list[int]:
        transport = httpx.ASGITransport(ASGIHandler())
        async with httpx.AsyncClient(transport=transport, base_url="http://shop", timeout=SOON) as client:
            answers = await asyncio.gather(*(client.get(f"/order-later/{number}") for number in range(100)))
        return [answer.status_code for answer in answers]

    with project.orders(connection):
        assert Counter(asyncio.run(serve_all())) == {200: 100}
        assert Order.objects.count() == 100
        connection.close()
        assert connection.pingpool.stats().in_use == 0
        assert len(server.backends()) <= SIZE
