"""PostgreSQL by psycopg: what errors mean, what black holes cost, passwords that change, and typos."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

import pingpool
from pingpool import CannotFill, Meaning, PingingPool
from pingpool.databases.postgres import Postgres
from pingpool.errors import BadURL, DatabaseRefuses
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import PostgresServer, PrivateServer
from tests.databases.postgres_lab import wakes
from tests.databases.waiting import SOON, create_error, error_of, until

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.postgres_sessions"]

ProxyFor = Callable[[PrivateServer], FaultProxy]
Session = psycopg.Connection[Any]


# What errors mean


@pytest.fixture(scope="module")
def strict_server() -> Iterator[PostgresServer]:
    """A server that asks for a password and has room for four."""
    with PostgresServer(password="right", settings=FOUR) as server:
        yield server


FOUR = {"max_connections": 4, "superuser_reserved_connections": 0, "max_wal_senders": 0}


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"user": "nobody"}, {"dbname": "nothing"}])
def test_wrong_credentials_and_names_are_fatal(strict_server: PostgresServer, wrong: dict[str, str]) -> None:
    """A wrong password, an unknown user or database will not heal by waiting."""
    postgres = Postgres(strict_server.url, **wrong)
    error = create_error(postgres)
    assert postgres.meaning_of(error) is Meaning.REFUSED, error


def test_a_missing_password_is_refused(strict_server: PostgresServer) -> None:
    """A server that asks for a password which nobody gave is refused for good."""
    postgres = Postgres(strict_server.url.replace(":right@", "@"), passfile="/nonexistent")
    assert postgres.meaning_of(create_error(postgres)) is Meaning.REFUSED


def test_a_server_that_is_full_or_down_is_not_fatal(strict_server: PostgresServer) -> None:
    """Too many connections, a refused connection: these heal by themselves; only where no server is one may hurry."""
    postgres = Postgres(strict_server.url)
    with ExitStack() as others:
        for _ in range(4):
            others.enter_context(psycopg.connect(strict_server.url))
        full = create_error(postgres)
    strict_server.stop()
    down = create_error(postgres)
    strict_server.start()
    assert "too many clients" in str(full)
    assert [postgres.meaning_of(full), postgres.meaning_of(down)] == [Meaning.LOST, Meaning.UNREACHABLE]


LAST_WORDS = {
    "idle_session_timeout": ("57P05", "SELECT 1"),
    "idle_in_transaction_session_timeout": ("25P03", "BEGIN"),
}


@pytest.mark.parametrize("setting", LAST_WORDS)
def test_sessions_that_the_server_ends_for_idleness_are_lost(
    postgres: Postgres, session: Session, setting: str
) -> None:
    """The codes by which the server says that it ended an idle session count as lost."""
    code, statement = LAST_WORDS[setting]
    session.autocommit = True
    session.execute(statement)
    session.execute(f"SET {setting} = '20ms'")  # last: nothing has to be said in time
    until(lambda: wakes(session))
    error = error_of(session.execute, "SELECT 1")
    assert isinstance(error, psycopg.Error)
    assert error.sqlstate == code
    assert postgres.meaning_of(error) is Meaning.LOST


def test_termination_and_restart_lose_the_session(
    postgres_server: PostgresServer, postgres: Postgres, session: Session
) -> None:
    """A session that was terminated, one whose server was restarted, and one closed here, all raise what is lost."""
    postgres_server.terminate_backends()
    assert postgres.meaning_of(error_of(session.execute, "SELECT 1")) is Meaning.LOST
    assert postgres.meaning_of(error_of(session.execute, "SELECT 1")) is Meaning.LOST
    second = postgres.create(labels={}, timeout=SOON)
    postgres_server.restart()
    assert postgres.meaning_of(error_of(second.execute, "SELECT 1")) is Meaning.LOST


def test_ordinary_errors_lose_nothing(postgres: Postgres, session: Session) -> None:
    """A wrong statement, a cancelled one, and an error of the application say nothing about the session."""
    session.autocommit = True
    session.execute("SET statement_timeout = '10ms'")
    cancelled = error_of(session.execute, "SELECT pg_sleep(5)")
    wrong = error_of(session.execute, "SELEC 1")
    for error in (cancelled, wrong):
        assert postgres.meaning_of(error) is Meaning.TRANSIENT
    for error in (KeyError("mine"), ConnectionResetError(), TimeoutError()):
        assert postgres.meaning_of(error) is Meaning.UNKNOWN


# Black holes


def test_abort_frees_a_thread_that_hangs_in_a_ping(postgres_server: PostgresServer, fault_proxy: ProxyFor) -> None:
    """A thread waiting for an answer that never comes returns at once with an error when the session is aborted."""
    proxy = fault_proxy(postgres_server)
    postgres = Postgres(postgres_server.url_at(proxy.port))
    session = postgres.create(labels={}, timeout=SOON)
    proxy.freeze()
    errors: list[BaseException] = []
    thread = threading.Thread(target=lambda: errors.append(error_of(session.execute, "SELECT 1")))
    thread.start()
    postgres.abort(session)
    thread.join(SOON)
    assert not thread.is_alive()
    assert postgres.meaning_of(errors[0]) is Meaning.LOST
    session.close()
    postgres.abort(session)


def test_a_black_hole_costs_callers_no_more_than_their_timeout(
    postgres_server: PostgresServer, fault_proxy: ProxyFor
) -> None:
    """With all links swallowed, `get` of an overdue session ends in time; after the thaw it works again."""
    proxy = fault_proxy(postgres_server)
    with PingingPool[Session](2, ping_interval=0, io_timeout=SOON) as pool:
        pool.bind(Postgres(postgres_server.url_at(proxy.port)))
        proxy.freeze()
        start = time.monotonic()
        with pytest.raises(pingpool.PoolTimeout):
            pool.get(timeout=0.2)
        assert time.monotonic() - start < SOON
        proxy.thaw()
        with pool.session(timeout=SOON) as session:
            session.execute("SELECT 1")


@pytest.mark.parametrize("timeout", [0.5, 2.0])
def test_connecting_to_an_unreachable_host_is_bounded(
    postgres_server: PostgresServer, fault_proxy: ProxyFor, timeout: float
) -> None:
    """A host that takes the connection and says nothing is given up within the time, or psycopg's least of 2 s."""
    proxy = fault_proxy(postgres_server)
    proxy.freeze()
    start = time.monotonic()
    with pytest.raises(psycopg.OperationalError, match="timeout"):
        Postgres(postgres_server.url_at(proxy.port)).create(labels={}, timeout=timeout)
    assert time.monotonic() - start < SOON


# Credentials


def test_a_password_that_changes_is_asked_for_at_each_creation(strict_server: PostgresServer) -> None:
    """With a function as the password, a pool survives its rotation; refused meanwhile, it heals by itself."""
    current = ["right"]
    postgres = Postgres(strict_server.url.replace(":right@", "@"), password=lambda: current[0])
    with pingpool.open(postgres, size=2) as pool:
        strict_server.set_password("new")
        strict_server.terminate_backends()
        until(lambda: not lends(pool))
        with pytest.raises(DatabaseRefuses, match="password authentication failed"):
            pool.get(timeout=SOON)
        current[0] = "new"
        until(lambda: lends(pool))
    strict_server.set_password("right")


def lends(pool: PingingPool[Session]) -> bool:
    """Whether the pool has a session that works."""
    try:
        with pool.session(timeout=SOON) as session:
            session.execute("SELECT 1")
    except DatabaseRefuses:
        return False
    return True


# Configuration


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://host/db?sslmod=require", "did you mean sslmode"),
        ("postgresql://host:99999/db", "from 1 to 65535"),
        ("postgresql://host:port/db", "from 1 to 65535"),
        ("postgresql://user:secret@[::1/db", "matching"),
        ("host=h dbnam=x", "did you mean dbname"),
    ],
)
def test_a_typo_is_named(url: str, says: str) -> None:
    """A URL that makes no sense raises `BadURL`, which says why, what may have been meant, and no secret."""
    with pytest.raises(BadURL, match=says) as raised:
        Postgres(url)
    assert "secret" not in str(raised.value)


def test_an_unknown_option_is_named() -> None:
    """An option that neither psycopg nor libpq knows is refused when the database is described."""
    with pytest.raises(BadURL, match="did you mean autocommit"):
        Postgres("host=h", autocomit=True)


def test_a_wrong_host_or_port_fails_the_opening_with_its_cause(postgres_server: PostgresServer) -> None:
    """`open` raises `CannotFill`, whose text and cause name what was wrong."""
    for wrong in ({"host": "no-such-host.invalid"}, {"port": 1}):
        with pytest.raises(CannotFill) as raised:
            pingpool.open(Postgres(postgres_server.url, **wrong), size=2)
        assert isinstance(raised.value.__cause__, psycopg.OperationalError)
        assert str(next(iter(wrong.values()))) in str(raised.value)


def test_equality_is_by_what_is_connected_to() -> None:
    """Two descriptions of the same database are equal, so a pool may be bound again; another password is another."""
    one, same = Postgres("postgresql://u@h/db"), Postgres("host=h user=u dbname=db")
    assert one == same
    assert hash(one) == hash(same)
    assert one != Postgres("host=h user=u dbname=db", password="x")
    assert one != Postgres("host=h user=u dbname=db", autocommit=True)
    assert one != "postgresql://u@h/db"


def test_a_repr_names_the_place_and_no_secret() -> None:
    """The text of a database can be logged."""
    text = repr(Postgres("postgresql://u:secret@h/db"))
    assert "host=h" in text
    assert "secret" not in text


def test_a_pool_may_be_bound_again_to_an_equal_database(postgres_server: PostgresServer) -> None:
    """Bound by an equal description, the pool is only topped up."""
    pool: PingingPool[Session] = PingingPool(2)
    pool.bind(Postgres(postgres_server.url))
    pool.bind(Postgres(postgres_server.url))
    assert pool.stats().created == 2
    pool.close()
