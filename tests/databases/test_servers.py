"""Private servers: they start by themselves, do what a test tells them, and never stay behind."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

import pingpool
from pingpool.testing.ports import BELOW_EPHEMERAL, free_port
from pingpool.testing.servers import (
    MariaDBServer,
    PostgresServer,
    PrivateServer,
    ServerFailed,
    ServerMissing,
    ValkeyServer,
    mariadb,
)
from pingpool.testing.skipping import skipped_if_missing
from tests.databases.waiting import SOON

valkey = pytest.importorskip("valkey")

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]

EVERY_KIND = pytest.mark.parametrize("kind", ["postgres_server", "valkey_server", "mariadb_server"])


@pytest.fixture
def server(kind: str, request: pytest.FixtureRequest) -> PrivateServer:
    """The running server of one kind."""
    found = request.getfixturevalue(kind)
    assert isinstance(found, PrivateServer)
    return found


def open_socket(server: PrivateServer) -> socket.socket:
    """Connect without a driver."""
    return socket.create_connection((server.host, server.port), timeout=SOON)


def wait_until_gone(pid: int, within: float = SOON) -> bool:
    """Wait for a process to end; return whether it did."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    gone = bool(select.select([process], [], [], within)[0])
    os.close(process)
    return gone


# Life and death


@EVERY_KIND
def test_a_restart_keeps_the_port_and_breaks_all_connections(server: PrivateServer) -> None:
    """After `restart` the server has the same URL and another process, and who was connected is not."""
    url, pid = server.url, server.pid
    with open_socket(server) as connection:
        server.restart()
        assert wait_until_gone(pid)
        with pytest.raises((ConnectionResetError, EOFError)):
            while connection.recv(1000):
                continue
            raise EOFError
    assert server.running
    assert server.url == url
    assert server.pid != pid
    open_socket(server).close()


@EVERY_KIND
def test_a_stopped_server_refuses_connections(server: PrivateServer) -> None:
    """Between `stop` and `start` nobody listens; both may be said twice."""
    server.stop()
    server.stop()
    assert not server.running
    with pytest.raises(ConnectionRefusedError):
        open_socket(server)
    with pytest.raises(ServerFailed, match="not running"):
        _ = server.pid
    server.start()
    server.start()
    open_socket(server).close()


@pytest.mark.parametrize("make", [PostgresServer, ValkeyServer, MariaDBServer])
def test_nothing_is_left_behind(make: Callable[[], PrivateServer]) -> None:
    """At the end of the block the process and the folder are gone, frozen or not."""
    with skipped_if_missing():
        server = make()
    with server:
        folder, pid = server.folder, server.pid
        assert folder is not None
        assert folder.is_dir()
        server.pause()
    assert not folder.exists()
    assert wait_until_gone(pid, within=0)


CRASH = """
import os, signal, sys
from pingpool.testing import servers
server = getattr(servers, sys.argv[1])().__enter__()
if sys.argv[2] == "paused":
    server.pause()
print(server.pid, server.folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("state", ["running", "paused"])
@pytest.mark.parametrize("name", ["PostgresServer", "ValkeyServer"])
def test_a_server_ends_when_its_starter_is_killed(name: str, state: str) -> None:
    """`kill -9` of the test run takes the server and its folder along."""
    starter = subprocess.run([sys.executable, "-c", CRASH, name, state], capture_output=True, text=True, check=False)
    assert starter.returncode == -signal.SIGKILL, starter.stderr
    pid, folder = starter.stdout.split()
    assert wait_until_gone(int(pid))
    gone = subprocess.run(["timeout", "5", "sh", "-c", f"while [ -e {folder} ]; do sleep 0.01; done"], check=False)
    assert gone.returncode == 0


def test_a_server_outlives_the_thread_that_started_it() -> None:
    """Only the end of the process ends a server, not that of a thread."""
    server = ValkeyServer()
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
    assert not wait_until_gone(server.pid, within=0.2)
    assert server.execute("PING") == "PONG"
    server.close()


# Bad luck


@pytest.mark.parametrize("make", [PostgresServer, ValkeyServer, MariaDBServer])
def test_a_server_has_a_random_password_and_no_rights_of_root(make: Callable[[], PrivateServer]) -> None:
    """Nobody else on the machine gets in without asking its starter, and who gets in has not become root."""
    with skipped_if_missing(), make() as server:
        secret = server.password
        assert len(secret) >= 16
        assert secret != make().password
        with pingpool.open(server.url, size=1) as pool:
            assert pool.stats().idle == 1
        with pytest.raises(pingpool.CannotFill):
            pingpool.open(server.url.replace(secret, "guessed"), size=1, io_timeout=SOON)
        status = Path(f"/proc/{server.pid}/status")
        if status.exists():
            assert "CapEff:\t0000000000000000" in status.read_text()


@pytest.mark.parametrize("make", [PostgresServer, ValkeyServer, MariaDBServer])
def test_a_server_that_cannot_start_says_why(make: type[PrivateServer]) -> None:
    """The error holds the end of the server's log, and no folder stays."""
    with skipped_if_missing():
        server = make(settings={"no_such_setting": 1})
    with pytest.raises(ServerFailed, match=r"(?s)as it started:.*no.such.setting"), server:
        pass
    assert server.folder is None
    assert not server.running


def test_a_missing_server_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without MariaDB there is one clear error, which the fixtures turn into a skip."""
    monkeypatch.setattr(mariadb, "first_program", lambda *names: None)
    with pytest.raises(ServerMissing, match="apt-get install mariadb-server"):
        MariaDBServer()


def test_bad_sql_is_an_error_with_the_servers_words(postgres_server: PostgresServer) -> None:
    """What the server complains of is what the test reads."""
    with pytest.raises(ServerFailed, match='relation "nothing" does not exist'):
        postgres_server.execute("SELECT * FROM nothing")


def test_ports_are_out_of_reach_of_outgoing_connections() -> None:
    """The kernel gives no client the port of a server that is down for a moment."""
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert free_port() in BELOW_EPHEMERAL
    assert BELOW_EPHEMERAL.stop <= first_ephemeral


# PostgreSQL


def test_postgres_ends_idle_sessions_when_told_to() -> None:
    """`idle_session_timeout` is passed on: the socket shows the end, and the next statement raises 57P05."""
    with PostgresServer(settings={"idle_session_timeout": "300ms"}) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            assert select.select([connection.fileno()], [], [], SOON)[0]
            with pytest.raises(psycopg.errors.IdleSessionTimeout) as ended:
                connection.execute("")
        assert ended.value.sqlstate == "57P05"


@pytest.mark.parametrize("programs", sorted(Path("/usr/lib/postgresql").glob("*/bin")), ids=str)
def test_a_system_postgres_serves_too(programs: Path) -> None:
    """Without a wheel the operating system's PostgreSQL does the same, whoever runs the test."""
    with PostgresServer(programs=programs) as server:
        assert server.execute("SHOW server_version_num")[0][0].startswith(programs.parent.name)


def test_postgres_keeps_its_data_over_a_restart(postgres_server: PostgresServer) -> None:
    """What was committed is there after an immediate stop, and comes back as text, whatever it holds."""
    postgres_server.execute("CREATE TABLE kept AS SELECT 1 AS number, E'a,\"b\"\\n' AS word, NULL AS nothing")
    postgres_server.restart()
    assert postgres_server.execute("TABLE kept") == [("1", 'a,"b"\n', "")]
    postgres_server.execute("DROP TABLE kept")


def test_one_paused_backend_hangs_alone(postgres_server: PostgresServer) -> None:
    """A frozen backend answers nothing until `resume`, and its neighbour never notices."""
    with (
        psycopg.connect(postgres_server.url, autocommit=True) as frozen,
        psycopg.connect(postgres_server.url, autocommit=True) as neighbour,
        ThreadPoolExecutor() as threads,
    ):
        assert set(postgres_server.backends()) == {frozen.info.backend_pid, neighbour.info.backend_pid}
        postgres_server.pause(frozen.info.backend_pid)
        ping = threads.submit(frozen.execute, "")
        with pytest.raises(TimeoutError):
            ping.result(timeout=0.2)
        neighbour.execute("")
        postgres_server.resume()
        ping.result(timeout=SOON)


def test_a_paused_postmaster_lets_nobody_in_and_leaves_who_is_in(postgres_server: PostgresServer) -> None:
    """Open sessions go on, new ones wait until `resume`."""
    with (
        psycopg.connect(postgres_server.url, autocommit=True) as inside,
        ThreadPoolExecutor() as threads,
    ):
        postgres_server.pause()
        outside = threads.submit(lambda: psycopg.connect(postgres_server.url))
        with pytest.raises(TimeoutError):
            outside.result(timeout=0.2)
        inside.execute("")
        postgres_server.resume()
        outside.result(timeout=SOON).close()


def test_terminated_backends_are_gone(postgres_server: PostgresServer) -> None:
    """`terminate_backends` ends all sessions, each with 57P01, and says how many."""
    connections = [psycopg.connect(postgres_server.url, autocommit=True) for _ in range(5)]
    assert postgres_server.terminate_backends() == 5
    assert postgres_server.backends() == []
    for connection in connections:
        with pytest.raises(psycopg.errors.AdminShutdown):
            connection.execute("")
        connection.close()


def test_postgres_asks_for_a_password_if_made_with_one() -> None:
    """SCRAM on request: the right password comes in, a changed one keeps the old out and open sessions open."""
    with PostgresServer(password="p'ass:@/% ö") as server:
        old_url = server.url
        with psycopg.connect(old_url, autocommit=True) as connection:
            server.set_password("another")
            connection.execute("")
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(old_url)
            psycopg.connect(server.url).close()


# Valkey


def test_valkey_answers_its_driver_and_ends_it(valkey_server: ValkeyServer) -> None:
    """The URL serves valkey-py; `terminate_backends` hangs up on every client."""
    client = valkey.Valkey.from_url(valkey_server.url)
    assert client.ping()
    valkey_server.execute("SET", "word", "a b\r\n")
    assert valkey_server.execute("GET", "word") == "a b\r\n"
    assert valkey_server.execute("GET", "nothing") is None
    assert valkey_server.execute("MGET", "word", "nothing") == ["a b\r\n", None]
    assert valkey_server.terminate_backends() == 1
    client.close()
    with pytest.raises(ServerFailed, match="unknown command"):
        valkey_server.execute("NONSENSE")


def test_valkey_closes_idle_clients_when_told_to() -> None:
    """The setting `timeout` is passed on: an idle client reads an end of file."""
    with ValkeyServer(password="", settings={"timeout": 1}) as server, open_socket(server) as idle:
        assert idle.recv(1) == b""


def test_valkey_asks_for_a_password_if_made_with_one() -> None:
    """The password is asked of everybody, and may be changed."""
    with ValkeyServer(password="p ass:@/%") as server:
        old_url = server.url
        with valkey.Valkey.from_url(old_url) as client:
            assert client.ping()
        server.set_password("another")
        with valkey.Valkey.from_url(old_url) as client, pytest.raises(valkey.AuthenticationError):
            client.ping()
        with valkey.Valkey.from_url(server.url) as client:
            assert client.ping()


# MariaDB


def test_mariadb_keeps_its_data_over_a_restart(mariadb_server: MariaDBServer) -> None:
    """What was committed is there after the process was killed."""
    mariadb_server.execute("CREATE TABLE kept AS SELECT 1 AS number, 'a' AS word")
    mariadb_server.restart()
    assert mariadb_server.execute("SELECT * FROM kept") == [("1", "a")]
    mariadb_server.execute("DROP TABLE kept")


def test_mariadb_ends_sessions_when_told_to(mariadb_server: MariaDBServer) -> None:
    """`terminate_backends` ends all sessions; PyMySQL then raises 2006 or 2013."""
    pymysql = pytest.importorskip("pymysql")
    connection = pymysql.connect(host=mariadb_server.host, port=mariadb_server.port, user="root", ssl_disabled=True)
    assert mariadb_server.terminate_backends() == 1
    assert mariadb_server.backends() == []
    with pytest.raises(pymysql.OperationalError) as lost:
        connection.ping(reconnect=False)
    assert lost.value.args[0] in (2006, 2013)


def test_mariadb_takes_settings_and_a_password() -> None:
    """`wait_timeout` is passed on, the password is asked for and may be changed."""
    pymysql = pytest.importorskip("pymysql")
    with skipped_if_missing():
        server = MariaDBServer(settings={"wait_timeout": 1}, password="p'ass\\ :@")
    with server:
        where = {"host": server.host, "port": server.port, "user": "root", "ssl_disabled": True}
        connection = pymysql.connect(**where, password="p'ass\\ :@")
        assert select.select([connection._sock], [], [], SOON)[0]
        with pytest.raises(pymysql.OperationalError):
            connection.ping(reconnect=False)
        with pytest.raises(pymysql.OperationalError, match="Access denied"):
            pymysql.connect(**where)
        server.set_password("another")
        pymysql.connect(**where, password="another").close()
