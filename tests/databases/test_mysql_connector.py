"""MariaDB by mysql-connector-python, given as `connect=`: what is seen, undone and told apart without PyMySQL."""

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

import pingpool
from pingpool import Meaning
from pingpool.databases.mysql import MySQL
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import MariaDBServer, PrivateServer
from tests.databases.waiting import SOON, create_error, error_of, until

pytestmark = pytest.mark.server

connector: Any = pytest.importorskip("mysql.connector")

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.strict_mariadb"]

ProxyFor = Callable[[PrivateServer], FaultProxy]


def by_connector(port: int, **options: Any) -> MySQL:
    """Return the database behind a port of this machine, by the driver's half in pure Python."""
    where = {"host": "127.0.0.1", "port": port, "user": "root", "database": "test", "use_pure": True, **options}
    return MySQL(connect=lambda: connector.connect(**where))


@pytest.fixture
def mysql(mariadb_server: MariaDBServer) -> MySQL:
    """The database of the private server."""
    return by_connector(mariadb_server.port, ssl_disabled=True)


def run(session: Any, statement: str) -> Any:
    """Run a statement and return its rows."""
    cursor = session.cursor()
    cursor.execute(statement)
    return cursor.fetchall()


def test_an_idle_kill_is_not_handed_out(mariadb_server: MariaDBServer, mysql: MySQL) -> None:
    """Sessions that were killed while idle are replaced at checkout; their next holders notice nothing."""
    with pingpool.open(mysql, size=2) as pool:
        mariadb_server.terminate_backends()
        for _ in range(4):
            with pool.session() as session:
                assert run(session, "SELECT 1") == [(1,)]


def test_a_look_under_tls(strict_server: MariaDBServer) -> None:
    """Under TLS a quiet session looks alive and one that was ended does not."""
    mysql = by_connector(strict_server.port, password="right")
    session = mysql.create(labels={}, timeout=SOON)
    assert run(session, "SHOW STATUS LIKE 'Ssl_version'")[0][1].startswith("TLS")
    assert mysql.looks_alive(session)
    mysql.ping(session, timeout=SOON)
    assert mysql.looks_alive(session)
    strict_server.terminate_backends()
    until(lambda: not mysql.looks_alive(session))
    session.close()


def test_what_was_killed_in_use_is_lost_whatever_is_tried(mariadb_server: MariaDBServer, mysql: MySQL) -> None:
    """Each of the words that the driver has for a dead connection is known; a closed one looks dead."""
    session = mysql.create(labels={}, timeout=SOON)
    mariadb_server.terminate_backends()
    for call in (lambda: run(session, "SELECT 1"), session.cursor, session.rollback):
        assert mysql.meaning_of(error_of(call)) is Meaning.LOST
    error = error_of(mysql.ping, session, timeout=SOON)
    assert mysql.meaning_of(error) in (Meaning.LOST, Meaning.UNKNOWN)
    session.close()
    assert not mysql.looks_alive(session)


def test_ordinary_errors_lose_nothing(mysql: MySQL) -> None:
    """Wrong statements, and what the driver refuses by itself, say nothing about the session."""
    session = mysql.create(labels={}, timeout=SOON)
    cursor = session.cursor()
    for error in (error_of(run, session, "SELEC 1"), error_of(cursor.execute, "SELECT %s", (1, 2))):
        assert mysql.meaning_of(error) is not Meaning.LOST
    assert run(session, "SELECT 1") == [(1,)]
    session.close()


def test_a_result_left_unread_costs_the_session(mysql: MySQL) -> None:
    """A result of which nobody knows how long it is would have to be read to its end: the session is replaced."""
    with pingpool.open(mysql, size=1) as pool:
        with pool.session() as first:
            first.cursor().execute("SELECT 'another''s'")
        with pool.session(timeout=SOON) as second:
            assert second is not first
            assert run(second, "SELECT 'mine'") == [("mine",)]
        assert pool.stats().replaced == {"left busy": 1}


def test_an_open_transaction_is_rolled_back(mariadb_server: MariaDBServer, mysql: MySQL) -> None:
    """What a holder left uncommitted is undone, and the session is lent again."""
    mariadb_server.execute("CREATE OR REPLACE TABLE drafts (text text) ENGINE=InnoDB")
    with pingpool.open(mysql, size=1) as pool:
        with pool.session() as first:
            first.cursor().execute("INSERT INTO drafts VALUES ('uncommitted')")
        with pool.session() as second:
            assert second is first
            assert run(second, "SELECT count(*) FROM drafts") == [(0,)]
    mariadb_server.execute("DROP TABLE drafts")


@pytest.mark.parametrize("at", ["_send_cmd", "_handle_result", "_handle_server_status"])
def test_a_statement_cut_off_in_any_step_reaches_nobody(mariadb_server: MariaDBServer, mysql: MySQL, at: str) -> None:
    """An interrupt may come before the answer, or when it was read and not yet noted that a transaction is open."""
    mariadb_server.execute("CREATE OR REPLACE TABLE drafts (text text) ENGINE=InnoDB")
    with pingpool.open(mysql, size=1) as pool:
        with pool.session() as first, pytest.MonkeyPatch.context() as patched:
            step = getattr(type(first), at)

            def interrupted(*given: Any, **more: Any) -> None:
                patched.undo()
                if at == "_send_cmd":
                    step(first, *given, **more)
                raise KeyboardInterrupt

            patched.setattr(first, at, interrupted)
            with pytest.raises(KeyboardInterrupt):
                run(first, "INSERT INTO drafts VALUES ('of a stranger')")
        with pool.session(timeout=SOON) as second:
            assert second is not first
            assert run(second, "SELECT 'mine'") == [("mine",)]
            second.commit()
        assert pool.stats().replaced == {"left busy": 1}
        assert mariadb_server.execute("SELECT count(*) FROM drafts")[0][0] in (0, "0")
    mariadb_server.execute("DROP TABLE drafts")


def test_a_refused_statement_costs_no_session(mysql: MySQL) -> None:
    """An error of the server's is an answer; so is one of the driver's own before it has sent anything."""
    with pingpool.open(mysql, size=1) as pool:
        with pool.session() as first:
            for refused in ("nonsense", "SELECT * FROM nowhere"):
                with pytest.raises(connector.Error):
                    run(first, refused)
        with pool.session(timeout=SOON) as second:
            assert second is first


def test_abort_frees_a_thread_that_hangs(mariadb_server: MariaDBServer, fault_proxy: ProxyFor) -> None:
    """A thread waiting for an answer that never comes returns at once with an error when the session is aborted."""
    proxy = fault_proxy(mariadb_server)
    mysql = by_connector(proxy.port, ssl_disabled=True)
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


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # the driver leaves one when it is refused
def test_refusals_and_absence_are_told_apart(mariadb_server: MariaDBServer) -> None:
    """What will not heal by waiting is known by its code, and so is a server that is not there."""
    for wrong in ({"user": "nobody"}, {"database": "nothing"}):
        mysql = by_connector(mariadb_server.port, ssl_disabled=True, **wrong)
        assert mysql.meaning_of(create_error(mysql)) is Meaning.REFUSED
    nowhere = by_connector(1)
    error = create_error(nowhere)
    assert nowhere.meaning_of(error) is Meaning.UNREACHABLE
    del error
    gc.collect()
