"""SQLAlchemy's engines over pingpool, with servers: outages pass unnoticed, refusals are told, a fork does no harm."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

sqlalchemy = pytest.importorskip("sqlalchemy")

from sqlalchemy import Engine, create_engine, event, exc, text  # noqa: E402

from pingpool.databases.common.sockets import Look, look_at  # noqa: E402
from pingpool.plugins.sqlalchemy import PingPool  # noqa: E402
from pingpool.testing.servers import MariaDBServer, PostgresServer  # noqa: E402
from tests.databases.backends import opened_at, until_collected  # noqa: E402
from tests.databases.waiting import SOON, until  # noqa: E402
from tests.plugins.forking import succeeds_in_child  # noqa: E402
from tests.plugins.sqlalchemy_lab import SIZE, ask, fill, pool_of  # noqa: E402

pytest_plugins = ["pingpool.testing.fixtures", "tests.plugins.sqlalchemy_engines"]

POSTGRES = ("psycopg", "psycopg2")


def by(driver: str, server: PostgresServer | MariaDBServer) -> str:
    """Return the server's URL for a driver, as SQLAlchemy writes it."""
    return f"{server.url.partition(':')[0]}+{driver}:{server.url.partition(':')[2]}"


@pytest.mark.server
@pytest.mark.parametrize("driver", POSTGRES)
def test_no_checkout_fails_after_all_backends_were_killed(
    postgres_server: PostgresServer, engine_of: Callable[..., Engine], driver: str
) -> None:
    """Again and again: each is replaced before anybody gets it."""
    pytest.importorskip(driver)
    engine = engine_of(by(driver, postgres_server), pool_size=SIZE)
    for _ in range(3):
        inside = fill(engine)
        postgres_server.terminate_backends()
        until(lambda inside=inside: all(map(hung_up, inside)))
        assert [ask(engine) for _ in range(2 * SIZE)] == [1] * 2 * SIZE


def hung_up(connection: Any) -> bool:
    """Has the server hung up, or has the pool found that out already?"""
    return connection.closed or look_at(connection.fileno()) is Look.HUNG_UP


@pytest.mark.server
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("driver", POSTGRES)
def test_nothing_is_left_of_an_engine_that_nobody_holds(postgres_server: PostgresServer, driver: str) -> None:
    """Its connections are closed, though it was not disposed of."""
    pytest.importorskip(driver)

    def used() -> Engine:
        engine = create_engine(by(driver, postgres_server), poolclass=PingPool)
        ask(engine)
        return engine

    engine, ours = opened_at(postgres_server, used)
    assert ours
    del engine
    until_collected(postgres_server, ours)


@pytest.mark.server
@pytest.mark.parametrize("driver", POSTGRES)
def test_no_checkout_fails_after_the_server_dropped_the_idle(
    postgres_server: PostgresServer, engine_of: Callable[..., Engine], driver: str
) -> None:
    """PostgreSQL says goodbye to who was idle for too long; nobody notices."""
    pytest.importorskip(driver)
    impatient = {"options": "-c idle_session_timeout=300"}
    engine = engine_of(by(driver, postgres_server), pool_size=SIZE, connect_args=impatient, ping_interval=3000)
    for _ in range(2):
        inside = fill(engine)
        until(lambda inside=inside: all(map(hung_up, inside)))
        assert [ask(engine) for _ in range(SIZE)] == [1] * SIZE


@pytest.mark.server
@pytest.mark.parametrize("driver", POSTGRES)
def test_checkouts_wait_for_a_server_that_restarts(engine_of: Callable[..., Engine], driver: str) -> None:
    """Those that come while it is down are served when it is back."""
    pytest.importorskip(driver)
    with PostgresServer() as server:
        engine = engine_of(by(driver, server), pool_size=SIZE)
        fill(engine)
        server.stop()
        with ThreadPoolExecutor(2 * SIZE) as people:
            answers = [people.submit(ask, engine) for _ in range(2 * SIZE)]
            until(lambda: pool_of(engine).pingpool.stats().create_failures)
            server.start()
            assert [answer.result(SOON) for answer in answers] == [1] * 2 * SIZE
        engine.dispose()


@pytest.mark.server
def test_no_checkout_fails_after_mysql_killed_all(
    mariadb_server: MariaDBServer, engine_of: Callable[..., Engine]
) -> None:
    """By PyMySQL."""
    engine = engine_of(by("pymysql", mariadb_server), pool_size=SIZE, connect_args={"ssl_disabled": True})
    for _ in range(2):
        inside = fill(engine)
        mariadb_server.terminate_backends()
        until(lambda inside=inside: all(map(hung_up_on_mysql, inside)))
        assert [ask(engine) for _ in range(SIZE)] == [1] * SIZE


def hung_up_on_mysql(connection: Any) -> bool:
    """Has the server hung up, or has the pool found that out already?"""
    return connection._sock is None or look_at(connection._sock.fileno()) is not Look.QUIET


@pytest.mark.server
@pytest.mark.parametrize("driver", POSTGRES)
def test_what_postgresql_refuses_is_told_at_once(
    postgres_server: PostgresServer, engine_of: Callable[..., Engine], driver: str
) -> None:
    """Nobody waits for what will not heal by itself."""
    pytest.importorskip(driver)
    url = sqlalchemy.make_url(by(driver, postgres_server)).set(database="nowhere")
    engine = engine_of(url, pool_timeout=10 * SOON)
    with pytest.raises(exc.OperationalError, match="does not exist"):
        ask(engine)


@pytest.mark.server
def test_a_mistake_in_the_set_up_is_told_at_once(
    postgres_server: PostgresServer, engine_of: Callable[..., Engine]
) -> None:
    """It comes again until somebody writes something else."""
    engine = engine_of(by("psycopg", postgres_server), pool_timeout=10 * SOON)
    event.listen(engine, "connect", lambda connection, _: connection.execute("SET nonsense TO 1"))
    with pytest.raises(exc.ProgrammingError, match="nonsense"):
        ask(engine)


@pytest.mark.server
def test_an_error_in_use_invalidates_as_ever(postgres_server: PostgresServer, engine_of: Callable[..., Engine]) -> None:
    """Who is cut off in a statement is told so by SQLAlchemy; the next checkout is well."""
    engine = engine_of(by("psycopg", postgres_server), pool_size=SIZE)
    fill(engine)
    with engine.connect() as connection:
        postgres_server.terminate_backends()
        with pytest.raises(exc.OperationalError) as told:
            connection.execute(text("SELECT 1"))
        assert told.value.connection_invalidated
    assert [ask(engine) for _ in range(SIZE)] == [1] * SIZE


@pytest.mark.server
def test_a_forked_child_has_connections_of_its_own(
    postgres_server: PostgresServer, engine_of: Callable[..., Engine]
) -> None:
    """Without a word from the application, and the parent's go on."""
    engine = engine_of(by("psycopg", postgres_server), pool_size=1)
    backend = ask(engine, "SELECT pg_backend_pid()")
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, str(ask(engine, "SELECT pg_backend_pid()")).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        other = int(answer.read())
    os.waitpid(child, 0)
    assert other != backend
    assert ask(engine, "SELECT pg_backend_pid()") == backend


def test_a_child_that_was_forked_while_the_engine_opened_its_pool_can_open_its_own(tmp_path: Path) -> None:
    """Whatever another thread of the parent was about."""
    engine = create_engine(f"sqlite:///{tmp_path}/shop.db", poolclass=PingPool)
    assert succeeds_in_child(lambda: ask(engine), held=pool_of(engine)._opening)
    engine.dispose()


@pytest.mark.server
def test_idle_connections_are_kept_alive(postgres_server: PostgresServer, engine_of: Callable[..., Engine]) -> None:
    """By pings that leave no transaction open, with each driver; a server that drops the idle never gets to it."""
    engines = [
        engine_of(by(driver, postgres_server), pool_size=1, ping_interval=0.05) for driver in ("psycopg", "psycopg2")
    ]
    for engine in engines:
        backend = ask(engine, "SELECT pg_backend_pid()")
        below = pool_of(engine).pingpool
        until(lambda below=below: below.stats().pings >= 3)
        assert ask(engine, "SELECT pg_backend_pid()") == backend
    states = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
    until(lambda: not int(postgres_server.execute(states)[0][0]))
