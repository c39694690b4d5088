"""PostgreSQL by psycopg: what is proven, seen, and undone, on real servers."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

import pingpool
from pingpool import CannotFill, Meaning
from pingpool.databases.postgres import Postgres
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import PostgresServer, PrivateServer
from tests.databases.postgres_lab import wakes
from tests.databases.tls import tls_door
from tests.databases.waiting import SOON, error_of, until

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.postgres_sessions"]

ProxyFor = Callable[[PrivateServer], FaultProxy]
Session = psycopg.Connection[Any]


# The ping


@pytest.mark.parametrize("autocommit", [False, True])
def test_a_ping_leaves_no_transaction_open(postgres_server: PostgresServer, autocommit: bool) -> None:
    """After a ping the session is idle and in no transaction, as libpq and the server see it; autocommit or not."""
    postgres = Postgres(postgres_server.url, autocommit=autocommit)
    session = postgres.create(labels={}, timeout=SOON)
    postgres.ping(session, timeout=SOON)
    assert session.info.transaction_status == TransactionStatus.IDLE
    assert not postgres.needs_reset(session)
    pid = session.info.backend_pid
    assert postgres_server.execute(f"SELECT state FROM pg_stat_activity WHERE pid = {pid}") == [("idle",)]
    session.close()


def test_a_ping_is_one_round_trip_and_a_look_none(postgres_server: PostgresServer, fault_proxy: ProxyFor) -> None:
    """The proxy counts one round trip for each ping, and none for looks, resets that are not needed, and the like."""
    proxy = fault_proxy(postgres_server)
    postgres = Postgres(postgres_server.url_at(proxy.port))
    session = postgres.create(labels={}, timeout=SOON)
    before = proxy.round_trips
    for _ in range(10):
        assert postgres.looks_alive(session)
        assert not postgres.needs_reset(session)
    assert proxy.round_trips == before
    for _ in range(10):
        postgres.ping(session, timeout=SOON)
    assert proxy.round_trips == before + 10
    session.close()


def test_a_ping_gives_up_in_time(postgres_server: PostgresServer, fault_proxy: ProxyFor) -> None:
    """A ping into a black hole raises `TimeoutError` when its time is up."""
    proxy = fault_proxy(postgres_server)
    postgres = Postgres(postgres_server.url_at(proxy.port))
    session = postgres.create(labels={}, timeout=SOON)
    proxy.freeze()
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="no answer to a ping within"):
        postgres.ping(session, timeout=0.1)
    assert 0.1 <= time.monotonic() - start < SOON
    proxy.thaw()
    session.close()


def test_a_ping_finds_a_session_that_was_ended(
    postgres_server: PostgresServer, postgres: Postgres, session: Session
) -> None:
    """A ping of a terminated session raises, by whatever it notices first, and not as a transient complaint."""
    postgres_server.terminate_backends()
    error = error_of(postgres.ping, session, timeout=SOON)
    assert isinstance(error, psycopg.OperationalError)
    assert postgres.meaning_of(error) is Meaning.LOST


# The look


def test_a_look_sees_that_the_server_hung_up(
    postgres_server: PostgresServer, postgres: Postgres, session: Session
) -> None:
    """A terminated session, which psycopg still calls open, no longer looks alive."""
    assert postgres.looks_alive(session)
    postgres_server.terminate_backends()
    until(lambda: not postgres.looks_alive(session))
    assert not postgres.looks_alive(session)


@pytest.mark.parametrize("how", ["cut", "reset"])
def test_a_look_sees_a_broken_link(postgres_server: PostgresServer, fault_proxy: ProxyFor, how: str) -> None:
    """FIN and RST are both seen, without a round trip."""
    proxy = fault_proxy(postgres_server)
    postgres = Postgres(postgres_server.url_at(proxy.port))
    session = postgres.create(labels={}, timeout=SOON)
    before = proxy.round_trips
    getattr(proxy, how)()
    until(lambda: not postgres.looks_alive(session))
    assert proxy.round_trips == before
    session.close()


def test_a_notification_is_no_hang_up_and_reaches_the_listener(
    postgres_server: PostgresServer, postgres: Postgres, session: Session
) -> None:
    """A session that has a notification waiting looks alive, and the notification is not lost by the look."""
    session.autocommit = True
    session.execute("LISTEN news")
    heard: list[str] = []
    session.add_notify_handler(lambda notification: heard.append(notification.payload))
    postgres_server.execute("NOTIFY news, 'rain'")
    until(lambda: wakes(session))
    assert postgres.looks_alive(session)
    assert postgres.looks_alive(session)
    session.execute("SELECT 1")
    assert heard == ["rain"]


def test_a_look_at_a_closed_connection_says_dead(postgres: Postgres, session: Session) -> None:
    """A connection that its holder closed is not lent again: a look that raises counts as a no."""
    with pingpool.open(postgres, size=1) as pool:
        mine = pool.get()
        mine.close()
        pool.put(mine)
        with pool.session() as other:
            assert other is not mine
            other.execute("SELECT 1")


# TLS


def test_a_look_under_tls(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """Under TLS too a quiet session looks alive, one with a notification does, and one that was ended does not."""
    with tls_door(postgres_server, tmp_path, protocol="postgresql") as port:
        postgres = Postgres(postgres_server.url_at(port), sslmode="require", sslnegotiation="direct", autocommit=True)
        session = postgres.create(labels={}, timeout=SOON)
        assert session.pgconn.ssl_in_use
        assert postgres.looks_alive(session)
        session.execute("LISTEN news")
        postgres_server.execute("NOTIFY news")
        until(lambda: wakes(session))
        assert postgres.looks_alive(session)
        postgres.ping(session, timeout=SOON)
        postgres_server.terminate_backends()
        until(lambda: not postgres.looks_alive(session))
        session.close()


def test_tls_refused_is_named(postgres_server: PostgresServer) -> None:
    """A server without TLS, of which TLS is demanded, fails `open` with an error that says so, and for good."""
    postgres = Postgres(postgres_server.url, sslmode="require")
    with pytest.raises(CannotFill, match="does not support SSL") as raised:
        pingpool.open(postgres, size=1)
    assert raised.value.__cause__ is not None
    assert postgres.meaning_of(raised.value.__cause__) is Meaning.REFUSED


# The reset


def test_an_open_transaction_is_rolled_back(postgres_server: PostgresServer, postgres: Postgres) -> None:
    """What a holder left uncommitted is undone before the session is lent again, failed transactions included."""
    postgres_server.execute("CREATE TABLE IF NOT EXISTS notes (text text)")
    with pingpool.open(postgres, size=1) as pool:
        with pool.session() as session:
            session.execute("INSERT INTO notes VALUES ('uncommitted')")
        with pool.session() as session:
            assert session.info.transaction_status == TransactionStatus.IDLE
            assert session.execute("SELECT count(*) FROM notes").fetchone() == (0,)
        with pytest.raises(psycopg.errors.UndefinedTable), pool.session() as session:
            session.execute("SELECT * FROM nothing")
        with pool.session() as again:
            assert again is session
            again.execute("SELECT 1")
    postgres_server.execute("DROP TABLE notes")


def test_a_use_in_autocommit_needs_no_reset(postgres_server: PostgresServer, fault_proxy: ProxyFor) -> None:
    """A checkout costs no round trip beyond the statements of its holder."""
    proxy = fault_proxy(postgres_server)
    database = Postgres(postgres_server.url_at(proxy.port), autocommit=True, prepare_threshold=None)
    with pingpool.open(database, size=1) as pool:
        before = proxy.round_trips
        for _ in range(20):
            with pool.session() as session:
                session.execute("SELECT 1")
        assert proxy.round_trips == before + 20


def test_a_full_reset_clears_the_session(postgres_server: PostgresServer) -> None:
    """With `reset="full"` settings, temporary tables and prepared statements of the last holder are gone."""
    postgres = Postgres(postgres_server.url, reset="full", prepare_threshold=0)
    with pingpool.open(postgres, size=1) as pool:
        for _ in range(3):
            with pool.session() as session:
                assert session.execute("SELECT to_regclass('pg_temp.mine')").fetchone() == (None,)
                assert session.execute("SHOW statement_timeout").fetchone() == ("0",)
                session.execute("CREATE TEMPORARY TABLE mine (x int)")
                session.execute("SET statement_timeout = '5s'")
                session.commit()


def test_a_session_left_inside_a_statement_is_replaced(postgres: Postgres) -> None:
    """A COPY that nobody finished cannot be undone in bounded time: the session is not lent again."""
    with pingpool.open(postgres, size=1) as pool:
        mine = pool.get()
        mine.pgconn.send_query(b"SELECT pg_sleep(60)")
        pool.put(mine)
        with pool.session(timeout=SOON) as other:
            assert other is not mine
            other.execute("SELECT 1")


# Labels


def test_labels_are_seen_on_the_server(postgres_server: PostgresServer) -> None:
    """The labels stand in `application_name`, behind a name that the user gave."""
    database = Postgres(postgres_server.url, application_name="web")
    with pingpool.open(database, size=2, labels={"team": "sales"}, wait_for=None):
        names = postgres_server.execute("SELECT application_name FROM pg_stat_activity WHERE usename = 'postgres'")
        assert names.count(("web team=sales",)) == 2


# Fork and interrupts


def test_a_fork_shares_no_session(postgres: Postgres) -> None:
    """A child gets sessions of its own, and its end does not end its parent's."""
    with pingpool.open(postgres, size=1) as pool:
        with pool.session() as session:
            mine = session.info.backend_pid
        child = os.fork()
        if child == 0:
            with pool.session(timeout=SOON) as session:
                is_other = session.info.backend_pid != mine
                session.execute("SELECT 1")
            os._exit(0 if is_other else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with pool.session() as session:
            assert session.info.backend_pid == mine
            session.execute("SELECT 1")


def test_an_interrupted_holder_costs_the_session_only_inside_a_statement(postgres: Postgres) -> None:
    """Interrupted between statements the session stays (rolled back); inside one it is replaced."""
    with pingpool.open(postgres, size=1) as pool:
        with pytest.raises(KeyboardInterrupt), pool.session() as first:
            first.execute("SELECT 1")
            raise KeyboardInterrupt
        with pytest.raises(KeyboardInterrupt), pool.session(timeout=SOON) as second:
            assert second is first
            second.pgconn.send_query(b"SELECT 1")
            raise KeyboardInterrupt
        with pool.session(timeout=SOON) as third:
            assert third is not second
            assert third.info.transaction_status == TransactionStatus.IDLE
