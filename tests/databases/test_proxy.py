"""The fault proxy: each fault looks to real drivers as the real one does."""

import gc
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from pingpool.testing.proxy import FaultProxy, finish
from pingpool.testing.servers import MariaDBServer, PostgresServer, PrivateServer, ValkeyServer
from tests.databases.waiting import SOON, until

valkey = pytest.importorskip("valkey")

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]

ProxyFor = Callable[[PrivateServer], FaultProxy]

PING = b"PING\r\n"
PONG = b"+PONG\r\n"


def sees_hang_up(connection: psycopg.Connection | socket.socket, within: float = 0.0) -> bool:
    """Return whether the socket shows something, for which nobody asked."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLRDHUP)
    return bool(poll.poll(within * 1000))


def shut_down(connection: psycopg.Connection) -> None:
    """Free whoever hangs on this connection."""
    with socket.socket(fileno=os.dup(connection.fileno())) as twin:
        twin.shutdown(socket.SHUT_RDWR)


def knock(proxy: FaultProxy) -> socket.socket:
    """Connect to the proxy as a client without a driver."""
    return socket.create_connection((proxy.host, proxy.port), timeout=SOON)


def ask(connection: socket.socket) -> bytes:
    """Ask a Valkey whether it is there."""
    connection.sendall(PING)
    return connection.recv(100)


def seconds_of(connection: socket.socket) -> float:
    """Return how long a round trip takes."""
    before = time.monotonic()
    assert ask(connection) == PONG
    return time.monotonic() - before


def test_cut_is_seen_by_a_look_at_the_socket_and_by_no_flag(
    postgres_server: PostgresServer, fault_proxy: ProxyFor
) -> None:
    """After FIN the socket is readable while psycopg still calls the connection open, and the next statement fails."""
    proxy = fault_proxy(postgres_server)
    with psycopg.connect(postgres_server.url_at(proxy.port), autocommit=True) as connection:
        assert not sees_hang_up(connection)
        assert proxy.cut() == 1
        assert proxy.connections == 0
        assert sees_hang_up(connection, within=SOON)
        assert not connection.closed
        assert not connection.broken
        with pytest.raises(psycopg.OperationalError):
            connection.execute("")


def test_cut_is_a_fin_and_reset_is_a_rst(valkey_server: ValkeyServer, fault_proxy: ProxyFor) -> None:
    """A client reads an end of file after `cut`, and an error after `reset`."""
    proxy = fault_proxy(valkey_server)
    with knock(proxy) as polite:
        assert ask(polite) == PONG
        assert proxy.cut() == 1
        assert polite.recv(1) == b""
    with knock(proxy) as rude:
        assert ask(rude) == PONG
        assert proxy.reset() == 1
        with pytest.raises(ConnectionResetError):
            rude.recv(1)


def test_reset_breaks_a_driver_and_the_next_connection_is_well(
    postgres_server: PostgresServer, fault_proxy: ProxyFor
) -> None:
    """A reset costs psycopg the one connection."""
    proxy = fault_proxy(postgres_server)
    url = postgres_server.url_at(proxy.port)
    with psycopg.connect(url, autocommit=True) as connection:
        proxy.reset()
        assert sees_hang_up(connection, within=SOON)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("")
    with psycopg.connect(url) as connection:
        connection.execute("")


def test_a_black_hole_is_seen_by_nothing_and_hangs_a_ping_until_it_is_shut_down(
    postgres_server: PostgresServer, fault_proxy: ProxyFor
) -> None:
    """In a freeze no flag and no look tells; a ping hangs until another thread shuts the socket down."""
    proxy = fault_proxy(postgres_server)
    url = postgres_server.url_at(proxy.port)
    with psycopg.connect(url, autocommit=True) as connection, ThreadPoolExecutor() as threads:
        proxy.freeze()
        ping = threads.submit(connection.execute, "")
        with pytest.raises(TimeoutError):
            ping.result(timeout=0.3)
        assert not sees_hang_up(connection)
        assert not connection.broken
        shut_down(connection)
        assert isinstance(ping.exception(timeout=SOON), psycopg.OperationalError)


def test_a_thaw_lets_through_what_was_held_back(valkey_server: ValkeyServer, fault_proxy: ProxyFor) -> None:
    """What was asked during a freeze is answered after it, also on connections made meanwhile."""
    proxy = fault_proxy(valkey_server)
    with knock(proxy) as old:
        assert ask(old) == PONG
        proxy.freeze()
        with knock(proxy) as new:
            for each in (old, new):
                each.sendall(PING)
            assert not sees_hang_up(old, within=0.1)
            assert not sees_hang_up(new)
            proxy.thaw()
            assert old.recv(100) == PONG
            assert new.recv(100) == PONG


def test_a_frozen_proxy_makes_a_connect_time_out(postgres_server: PostgresServer, fault_proxy: ProxyFor) -> None:
    """Into a black hole psycopg connects for as long as its own timeout lets it."""
    proxy = fault_proxy(postgres_server)
    proxy.freeze()
    with pytest.raises(psycopg.errors.ConnectionTimeout):
        psycopg.connect(postgres_server.url_at(proxy.port), connect_timeout=2)


def test_cut_reaches_a_client_in_a_black_hole(valkey_server: ValkeyServer, fault_proxy: ProxyFor) -> None:
    """A frozen connection can be ended, whatever it had sent."""
    proxy = fault_proxy(valkey_server)
    with knock(proxy) as connection:
        assert ask(connection) == PONG
        proxy.freeze()
        connection.sendall(PING)
        assert proxy.cut() == 1
        assert connection.recv(1) == b""


def test_half_open_tells_the_server_and_not_the_client(postgres_server: PostgresServer, fault_proxy: ProxyFor) -> None:
    """The server's backend ends, the client sees nothing and hangs, and a new connection is well."""
    proxy = fault_proxy(postgres_server)
    url = postgres_server.url_at(proxy.port)
    with psycopg.connect(url, autocommit=True) as forgotten, ThreadPoolExecutor() as threads:
        backend = os.pidfd_open(forgotten.info.backend_pid)
        assert proxy.half_open() == 1
        assert select.select([backend], [], [], SOON)[0], "the backend lives on"
        os.close(backend)
        assert not sees_hang_up(forgotten, within=0.1)
        with psycopg.connect(url, autocommit=True) as fresh:
            fresh.execute("")
        ping = threads.submit(forgotten.execute, "")
        with pytest.raises(TimeoutError):
            ping.result(timeout=0.2)
        shut_down(forgotten)
        assert isinstance(ping.exception(timeout=SOON), psycopg.OperationalError)


def test_half_open_keeps_from_the_client_what_was_on_its_way(
    postgres_server: PostgresServer, fault_proxy: ProxyFor
) -> None:
    """The last words of a server, said but not yet passed on, are lost with the link: the client sees nothing."""
    proxy = fault_proxy(postgres_server)
    with psycopg.connect(postgres_server.url_at(proxy.port), autocommit=True) as forgotten:
        backend = os.pidfd_open(forgotten.info.backend_pid)
        proxy.freeze()
        postgres_server.terminate_backends()
        assert select.select([backend], [], [], SOON)[0], "the backend lives on"
        os.close(backend)
        assert proxy.half_open() == 1
        proxy.thaw()
        assert not sees_hang_up(forgotten, within=0.2)


def test_half_open_keeps_from_the_client_that_the_server_speaks_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers the FIN, as TLS does, is refused by the system: that is no end for the client."""

    def finish_and_be_refused(side: socket.socket) -> None:
        finish(side)
        server.sendall(b"goodbye")
        failing = select.poll()
        failing.register(side, 0)
        until(lambda: any(event & select.POLLERR for _, event in failing.poll(0)))

    monkeypatch.setattr("pingpool.testing.proxy.finish", finish_and_be_refused)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        FaultProxy(*listener.getsockname()) as proxy,
        knock(proxy) as client,
        listener.accept()[0] as server,
    ):
        assert proxy.half_open() == 1
        assert not sees_hang_up(client, within=0.2)
        monkeypatch.undo()


def test_delay_is_paid_each_way(valkey_server: ValkeyServer, fault_proxy: ProxyFor) -> None:
    """A round trip takes twice the delay, and no time again once it is 0."""
    proxy = fault_proxy(valkey_server)
    with knock(proxy) as connection:
        assert ask(connection) == PONG
        proxy.delay(0.05)
        assert seconds_of(connection) >= 0.1
        proxy.delay(0)
        assert min(seconds_of(connection) for _ in range(100)) < 0.1


def test_refuse_turns_away_the_new_and_keeps_the_open(valkey_server: ValkeyServer, fault_proxy: ProxyFor) -> None:
    """New connections are refused until `accept`; those that are open never notice."""
    proxy = fault_proxy(valkey_server)
    with knock(proxy) as connection:
        assert ask(connection) == PONG
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            knock(proxy)
        assert ask(connection) == PONG
        proxy.accept()
        with knock(proxy) as another:
            assert ask(another) == PONG


def test_cut_after_ends_an_answer_in_its_middle(postgres_server: PostgresServer, fault_proxy: ProxyFor) -> None:
    """Exactly so many bytes of the answer come down, then FIN; the connection after that is whole."""
    proxy = fault_proxy(postgres_server)
    url = postgres_server.url_at(proxy.port)
    with psycopg.connect(url, autocommit=True) as connection:
        before = proxy.bytes_down
        proxy.cut_after(100_000)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT repeat('x', 1000) FROM generate_series(1, 1000)")
        assert proxy.bytes_down - before == 100_000
    with psycopg.connect(url) as connection:
        assert len(connection.execute("SELECT repeat('x', 1000) FROM generate_series(1, 1000)").fetchall()) == 1000


def test_round_trips_are_counted_whatever_the_size_of_the_answer(
    postgres_server: PostgresServer, fault_proxy: ProxyFor
) -> None:
    """A statement is one round trip, a long answer too, and a look at the socket none."""
    proxy = fault_proxy(postgres_server)
    with psycopg.connect(postgres_server.url_at(proxy.port), autocommit=True) as connection:
        before = proxy.round_trips
        for _ in range(10):
            connection.execute("")
        connection.execute("SELECT repeat('x', 1000) FROM generate_series(1, 1000)")
        sees_hang_up(connection)
        assert proxy.round_trips - before == 11
        assert proxy.accepted == proxy.connections == 1


def test_what_a_server_says_as_it_hangs_up_comes_through(
    postgres_server: PostgresServer, fault_proxy: ProxyFor
) -> None:
    """A session that the server ends raises the server's own reason through the proxy."""
    proxy = fault_proxy(postgres_server)
    with psycopg.connect(postgres_server.url_at(proxy.port), autocommit=True) as connection:
        assert postgres_server.terminate_backends() == 1
        assert sees_hang_up(connection, within=SOON)
        with pytest.raises(psycopg.errors.AdminShutdown):
            connection.execute("")


def test_a_server_that_is_down_ends_connections_at_once(valkey_server: ValkeyServer, fault_proxy: ProxyFor) -> None:
    """Behind a proxy, too, a server that is down is noticed without a timeout, and used again when it is back."""
    proxy = fault_proxy(valkey_server)
    valkey_server.stop()
    with pytest.raises(ConnectionResetError), knock(proxy) as connection:
        connection.recv(1)
    valkey_server.start()
    with knock(proxy) as connection:
        assert ask(connection) == PONG


def test_valkeys_driver_meets_the_faults(valkey_server: ValkeyServer, fault_proxy: ProxyFor) -> None:
    """A raw connection of valkey-py sees FIN by `can_read(0)`, and a black hole by its own timeout."""
    proxy = fault_proxy(valkey_server)
    connection = valkey.Connection(host=proxy.host, port=proxy.port, socket_timeout=0.3, lib_name=None)
    connection.connect()
    assert not connection.can_read(0)
    proxy.cut()
    assert sees_hang_up(connection._sock, within=SOON)
    with pytest.raises(valkey.ConnectionError):
        connection.can_read(0)
        connection.read_response()
    connection.disconnect()
    connection.connect()
    proxy.freeze()
    connection.send_command("PING")
    with pytest.raises(valkey.TimeoutError):
        connection.read_response()


def test_mariadbs_driver_meets_the_faults(mariadb_server: MariaDBServer, fault_proxy: ProxyFor) -> None:
    """A look at PyMySQL's socket sees FIN, and its next ping fails as lost; a black hole is ended by its timeout."""
    pymysql = pytest.importorskip("pymysql")
    proxy = fault_proxy(mariadb_server)
    options = {"host": proxy.host, "port": proxy.port, "user": "root", "ssl_disabled": True, "read_timeout": 1}
    connection = pymysql.connect(**options)
    before = proxy.round_trips
    connection.ping(reconnect=False)
    assert proxy.round_trips - before == 1
    proxy.cut()
    assert sees_hang_up(connection._sock, within=SOON)
    with pytest.raises(pymysql.OperationalError) as lost:
        connection.ping(reconnect=False)
    assert lost.value.args[0] in (2006, 2013)
    connection = pymysql.connect(**options)
    proxy.freeze()
    assert not sees_hang_up(connection._sock)
    with pytest.raises(pymysql.OperationalError) as lost:
        connection.ping(reconnect=False)
    assert lost.value.args[0] in (2006, 2013)


def test_many_connections_at_once_and_a_prompt_end(valkey_server: ValkeyServer) -> None:
    """Three hundred clients are served side by side, and leaving takes the proxy and its thread away."""
    with FaultProxy(valkey_server.host, valkey_server.port) as proxy:
        clients = [knock(proxy) for _ in range(300)]
        for client in clients:
            client.sendall(PING)
        assert [client.recv(100) for client in clients] == [PONG] * 300
        assert proxy.connections == 300
        before = time.monotonic()
    assert time.monotonic() - before < SOON
    for client in clients:
        assert client.recv(1) == b""
        client.close()
    assert "pingpool-fault-proxy" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(ConnectionRefusedError):
        knock(proxy)


def test_a_connection_that_comes_at_the_very_end_leaves_nothing_open(valkey_server: ValkeyServer) -> None:
    """Those that were accepted a moment before the end, and not served yet, are closed on both sides."""
    for _ in range(50):
        with FaultProxy(valkey_server.host, valkey_server.port) as proxy:
            client = socket.create_connection((proxy.host, proxy.port))
        client.close()
    gc.collect()  # an unclosed socket would be warned of here, which fails the test
