"""MariaDB by PyMySQL: what is proven, seen, undone and told apart, on real servers."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

import pingpool
from pingpool import CannotFill, Meaning, PingingPool
from pingpool.databases.mysql import MySQL
from pingpool.databases.mysql.codes import IN_TRANSACTION
from pingpool.errors import BadURL, DatabaseRefuses
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import MariaDBServer, PrivateServer
from tests.databases.mysql_lab import PLAIN, run
from tests.databases.waiting import SOON, create_error, error_of, until

pymysql = pytest.importorskip("pymysql")

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.strict_mariadb", "tests.databases.mysql_database"]

ProxyFor = Callable[[PrivateServer], FaultProxy]


@pytest.fixture
def session(mysql: MySQL) -> Iterator[Any]:
    """One session of it."""
    session = mysql.create(labels={}, timeout=SOON)
    yield session
    if session.open:
        session.close()


def lends(pool: PingingPool[Any]) -> bool:
    """Whether the pool has a session that works."""
    try:
        with pool.session(timeout=SOON) as session:
            run(session, "SELECT 1")
    except DatabaseRefuses:
        return False
    return True


# The ping and the look


def test_a_ping_is_one_round_trip_and_a_look_none(mariadb_server: MariaDBServer, fault_proxy: ProxyFor) -> None:
    """The proxy counts one round trip for each ping, and none for looks; nothing is left open."""
    proxy = fault_proxy(mariadb_server)
    mysql = MySQL.from_url(mariadb_server.url_at(proxy.port) + PLAIN)
    session = mysql.create(labels={}, timeout=SOON)
    before = proxy.round_trips
    for _ in range(10):
        assert mysql.looks_alive(session)
        mysql.needs_reset(session)
    assert proxy.round_trips == before
    for _ in range(10):
        mysql.ping(session, timeout=SOON)
    assert proxy.round_trips == before + 10
    assert not session.server_status & IN_TRANSACTION
    session.close()


def test_a_ping_gives_up_in_time_and_leaves_no_timeout_behind(
    mariadb_server: MariaDBServer, fault_proxy: ProxyFor
) -> None:
    """A ping into a black hole is given up when its time is up; one that succeeds leaves the holder's own patience."""
    proxy = fault_proxy(mariadb_server)
    mysql = MySQL.from_url(mariadb_server.url_at(proxy.port) + PLAIN)
    session = mysql.create(labels={}, timeout=SOON)
    mysql.ping(session, timeout=SOON)
    assert session._read_timeout is session._write_timeout is None
    proxy.freeze()
    start = time.monotonic()
    assert mysql.meaning_of(error_of(mysql.ping, session, timeout=0.1)) is Meaning.LOST
    assert time.monotonic() - start < SOON
    proxy.thaw()


def test_a_ping_never_reconnects(mariadb_server: MariaDBServer, mysql: MySQL, session: Any) -> None:
    """A terminated session fails its ping, again and again; its look sees it too."""
    assert mysql.looks_alive(session)
    mariadb_server.terminate_backends()
    until(lambda: not mysql.looks_alive(session))
    for _ in range(2):
        error = error_of(mysql.ping, session, timeout=SOON)
        assert mysql.meaning_of(error) in (Meaning.LOST, Meaning.UNKNOWN)
    assert mariadb_server.backends() == []


def test_a_look_under_tls(strict_server: MariaDBServer) -> None:
    """Under TLS, whose tickets may come at any time, a quiet session looks alive and one that was ended does not."""
    mysql = MySQL.from_url(strict_server.url)
    session = mysql.create(labels={}, timeout=SOON)
    assert run(session, "SHOW STATUS LIKE 'Ssl_version'")[1].startswith("TLS")
    assert mysql.looks_alive(session)
    mysql.ping(session, timeout=SOON)
    assert mysql.looks_alive(session)
    strict_server.terminate_backends()
    until(lambda: not mysql.looks_alive(session))


def test_an_idle_kill_is_not_handed_out(mariadb_server: MariaDBServer, mysql: MySQL) -> None:
    """A session that the server dropped for idleness is replaced; its next holder notices nothing."""
    with pingpool.open(mysql, size=1) as pool:
        with pool.session() as first:
            first.query("SET SESSION wait_timeout = 1")
        until(lambda: first.thread_id() not in mariadb_server.backends())
        with pool.session() as second:
            assert second is not first
            assert run(second, "SELECT 1") == (1,)


# The reset


def test_an_open_transaction_is_rolled_back(mariadb_server: MariaDBServer, mysql: MySQL) -> None:
    """What a holder left uncommitted is undone before the session is lent again."""
    mariadb_server.execute("CREATE TABLE notes (text text) ENGINE=InnoDB")
    with pingpool.open(mysql, size=1) as pool:
        with pool.session() as first:
            first.query("INSERT INTO notes VALUES ('uncommitted')")
        with pool.session() as second:
            assert second is first
            assert run(second, "SELECT count(*) FROM notes") == (0,)
    mariadb_server.execute("DROP TABLE notes")


@pytest.mark.parametrize("last", ["SELECT count(*) FROM news", "COMPLAIN"])
def test_no_snapshot_is_handed_on(mariadb_server: MariaDBServer, mysql: MySQL, last: str) -> None:
    """A SELECT opens a transaction of which PyMySQL takes no note: what it saw is not what the next holder sees."""
    mariadb_server.execute("CREATE OR REPLACE TABLE news (text text) ENGINE=InnoDB")
    with pingpool.open(mysql, size=1) as pool:
        with suppress(pymysql.ProgrammingError), pool.session() as first:
            assert run(first, "SELECT count(*) FROM news") == (0,)
            run(first, last)
        mariadb_server.execute("INSERT INTO news VALUES ('fresh')")
        with pool.session() as second:
            assert second is first
            assert run(second, "SELECT count(*) FROM news") == (1,)
    mariadb_server.execute("DROP TABLE news")


@pytest.mark.parametrize("autocommit", [True, False])
def test_what_is_settled_is_not_reset(mariadb_server: MariaDBServer, autocommit: bool) -> None:
    """The server tells with each answer, also with rows, whether a transaction is open; an error tells nothing."""
    mariadb_server.execute("CREATE OR REPLACE TABLE facts (text text) ENGINE=InnoDB")
    mysql = MySQL.from_url(f"{mariadb_server.url}{PLAIN}&autocommit={autocommit}")
    session = mysql.create(labels={}, timeout=SOON)
    answers = {
        "SELECT 1": False,
        "SELECT count(*) FROM facts": not autocommit,
        "COMMIT": False,
        "BEGIN": True,
        "ROLLBACK": False,
        "SET NAMES latin1": False,
    }
    for statement, is_open in answers.items():
        run(session, statement)
        assert mysql.needs_reset(session) is is_open, statement
    error_of(run, session, "COMPLAIN")
    assert mysql.needs_reset(session) is None
    session.close()
    mariadb_server.execute("DROP TABLE facts")


def test_labels_are_seen_on_the_server(strict_server: MariaDBServer) -> None:
    """The labels stand in `program_name` among the session's connection attributes."""
    with pingpool.open(MySQL.from_url(strict_server.url + PLAIN), size=1, labels={"team": "sales"}) as pool:
        with pool.session() as session:
            found = run(
                session,
                "SELECT attr_value FROM performance_schema.session_connect_attrs"
                " WHERE attr_name = 'program_name' AND processlist_id = connection_id()",
            )
        assert found == ("team=sales",)


# What errors mean


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"user": "nobody"}, {"database": "nothing"}])
def test_wrong_credentials_and_names_are_fatal(strict_server: MariaDBServer, wrong: dict[str, str]) -> None:
    """A wrong password, an unknown user or database will not heal by waiting."""
    right = {"user": "root", "password": "right", "database": "test"}
    mysql = MySQL(strict_server.host, strict_server.port, **{**right, **wrong}, ssl_disabled=True)
    error = create_error(mysql)
    assert mysql.meaning_of(error) is Meaning.REFUSED, error


def test_tls_refused_and_a_certificate_that_nobody_vouches_for_are_fatal(
    mariadb_server: MariaDBServer, strict_server: MariaDBServer
) -> None:
    """TLS demanded of a server without it, and an untrusted certificate, are named and will not heal by waiting."""
    plain = MySQL.from_url(mariadb_server.url + "?ssl_verify_identity=true")
    error = create_error(plain)
    assert "SSL" in str(error)
    assert plain.meaning_of(error) is Meaning.REFUSED
    untrusted = MySQL.from_url(strict_server.url + "?ssl_verify_cert=true&ssl_verify_identity=true")
    error = create_error(untrusted)
    assert "certificate verify failed" in str(error)
    assert untrusted.meaning_of(error) is Meaning.REFUSED


def test_a_server_that_is_full_or_down_is_not_fatal(strict_server: MariaDBServer) -> None:
    """Too many connections, a refused connection: these heal by themselves; only where no server is one may hurry."""
    mysql = MySQL.from_url(strict_server.url + PLAIN)
    with ExitStack() as others:
        full: list[BaseException] = []
        while not full:
            try:
                others.callback(mysql.create(labels={}, timeout=SOON).close)
            except pymysql.Error as error:
                full.append(error)
    strict_server.stop()
    down = create_error(mysql)
    strict_server.start()
    assert "Too many connections" in str(full[0])
    assert [mysql.meaning_of(full[0]), mysql.meaning_of(down)] == [Meaning.TRANSIENT, Meaning.UNREACHABLE]


def test_termination_and_restart_lose_the_session(mariadb_server: MariaDBServer, mysql: MySQL, session: Any) -> None:
    """A session that was terminated, one closed here, and one whose server was restarted raise what is lost."""
    mariadb_server.terminate_backends()
    assert mysql.meaning_of(error_of(run, session, "SELECT 1")) is Meaning.LOST
    assert mysql.meaning_of(error_of(run, session, "SELECT 1")) is Meaning.LOST
    second = mysql.create(labels={}, timeout=SOON)
    mariadb_server.restart()
    assert mysql.meaning_of(error_of(run, second, "SELECT 1")) is Meaning.LOST


def test_ordinary_errors_lose_nothing(mysql: MySQL, session: Any) -> None:
    """A wrong statement, a cancelled one, and an error of the application say nothing about the session."""
    wrong = error_of(run, session, "SELEC 1")
    cancelled = error_of(run, session, "SET STATEMENT max_statement_time = 0.01 FOR SELECT SLEEP(5)")
    for error in (wrong, cancelled):
        assert mysql.meaning_of(error) is Meaning.TRANSIENT
    for error in (KeyError(2013), OSError(2006)):
        assert mysql.meaning_of(error) is Meaning.UNKNOWN


# Black holes and credentials


def test_abort_frees_a_thread_that_hangs(mariadb_server: MariaDBServer, fault_proxy: ProxyFor) -> None:
    """A thread waiting for an answer that never comes returns at once with an error when the session is aborted."""
    proxy = fault_proxy(mariadb_server)
    mysql = MySQL.from_url(mariadb_server.url_at(proxy.port) + PLAIN)
    session = mysql.create(labels={}, timeout=SOON)
    proxy.freeze()
    errors: list[BaseException] = []
    thread = threading.Thread(target=lambda: errors.append(error_of(run, session, "SELECT 1")))
    thread.start()
    until(lambda: proxy.bytes_up > 0)
    mysql.abort(session)
    thread.join(SOON)
    assert not thread.is_alive()
    assert mysql.meaning_of(errors[0]) is Meaning.LOST
    mysql.abort(session)


def test_connecting_to_an_unreachable_host_is_bounded(mariadb_server: MariaDBServer, fault_proxy: ProxyFor) -> None:
    """A host that takes the connection and says nothing, for which PyMySQL would wait for ever, is given up in time."""
    proxy = fault_proxy(mariadb_server)
    proxy.freeze()
    start = time.monotonic()
    create_error(MySQL.from_url(mariadb_server.url_at(proxy.port) + PLAIN), 0.2)
    assert time.monotonic() - start < SOON


def test_a_password_that_changes_is_asked_for_at_each_creation(strict_server: MariaDBServer) -> None:
    """With a function as the password, a pool survives its rotation; refused meanwhile, it heals by itself."""
    current = ["right"]
    mysql = MySQL(strict_server.host, strict_server.port, user="root", password=lambda: current[0], ssl_disabled=True)
    with pingpool.open(mysql, size=2) as pool:
        strict_server.set_password("new")
        strict_server.terminate_backends()
        until(lambda: not lends(pool))
        with pytest.raises(DatabaseRefuses, match="Access denied"):
            pool.get(timeout=SOON)
        current[0] = "new"
        until(lambda: lends(pool))
    strict_server.set_password("right")


def test_a_password_may_have_any_letters(strict_server: MariaDBServer) -> None:
    """Letters beyond ASCII reach the server as it stores them."""
    strict_server.set_password("пароль-ä")
    MySQL.from_url(strict_server.url + PLAIN).create(labels={}, timeout=SOON).close()
    strict_server.set_password("right")


def test_a_fork_shares_no_session(mysql: MySQL) -> None:
    """A child gets sessions of its own, and its end does not end its parent's."""
    with pingpool.open(mysql, size=1) as pool:
        with pool.session() as session:
            mine = run(session, "SELECT connection_id()")
        child = os.fork()
        if child == 0:
            with pool.session(timeout=SOON) as session:
                is_other = run(session, "SELECT connection_id()") != mine
            os._exit(0 if is_other else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with pool.session() as session:
            assert run(session, "SELECT connection_id()") == mine


# Configuration


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://host/db?ssl_disable=1", "did you mean ssl_disabled"),
        ("mysql://host/db?ssl_disabled=perhaps", "cannot be 'perhaps'"),
        ("mysql://host/db?connect_timeout=soon", "cannot be 'soon'"),
        ("mysql://host/db?ssl=perhaps", "cannot be 'perhaps'"),
        ("mysql://host/db?charset=klingon", "knows no charset 'klingon'"),
        ("mysql://host/db?password=x", "before the question mark"),
        ("mysql://host:99999/db", "[Pp]ort"),
        ("mysql://host:port/db", "[Pp]ort"),
        ("mysql://host/a/b", "no slash"),
    ],
)
def test_a_typo_is_named(url: str, says: str) -> None:
    """A URL that makes no sense raises `BadURL`, which says why and what may have been meant."""
    with pytest.raises(BadURL, match=says):
        MySQL.from_url(url)


def test_a_wrong_host_or_port_fails_the_opening_with_its_cause() -> None:
    """`open` raises `CannotFill`, whose text and cause name what was wrong."""
    for wrong in (MySQL("no-such-host.invalid"), MySQL("127.0.0.1", 1)):
        with pytest.raises(CannotFill, match="Can't connect to MySQL server on") as raised:
            pingpool.open(wrong, size=2)
        assert isinstance(raised.value.__cause__, pymysql.OperationalError)


def test_equality_and_repr() -> None:
    """Two descriptions of the same place are equal; the text names the place and no secret."""
    one, same = MySQL.from_url("mysql://u:secret@h/db"), MySQL("h", user="u", password="secret", database="db")
    assert one == same
    assert hash(one) == hash(same)
    assert one != MySQL("h", user="u", database="db")
    assert "h" in repr(one)
    assert "secret" not in repr(one)


def test_any_other_driver_is_pooled_by_its_connect(mariadb_server: MariaDBServer) -> None:
    """With `connect=`, a driver of which nothing is known but PEP 249 and `ping()` is pooled, and reset each time."""

    class Other:
        """A connection that tells nothing of itself."""

        def __init__(self) -> None:
            self._it = pymysql.connect(
                host=mariadb_server.host, port=mariadb_server.port, user="root", ssl_disabled=True
            )
            self.rollbacks = 0

        def ping(self) -> None:
            self._it.ping(reconnect=False)

        def rollback(self) -> None:
            self.rollbacks += 1
            self._it.rollback()

        def close(self) -> None:
            self._it.close()

    mysql = MySQL(connect=Other)
    with PingingPool[Any](1, ping_interval=0) as pool:
        pool.bind(mysql)
        with pool.session() as first:
            assert mysql.looks_alive(first)
        with pool.session() as second:
            assert second is first
        until(lambda: second.rollbacks == 2)
    with pytest.raises(BadURL, match="charset"):
        MySQL(connect=Other, charset="utf8")
