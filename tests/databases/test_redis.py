"""Valkey by redis-py and by valkey-py: what is proven, seen and told apart, on real servers."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pingpool
from pingpool import CannotFill, Meaning
from pingpool.databases.common.sockets import Look, look_at
from pingpool.databases.redis import Redis, client_on
from pingpool.errors import BadURL, DatabaseRefuses
from pingpool.testing.servers import ValkeyServer
from tests.databases.redis_lab import ProxyFor, lends
from tests.databases.tls import tls_door
from tests.databases.waiting import SOON, create_error, error_of, until

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.redis_drivers"]


@pytest.fixture(scope="module")
def strict_server() -> Iterator[ValkeyServer]:
    """A server that asks for a password and has room for three."""
    with ValkeyServer(password="right", settings={"maxclients": 3}) as server:
        yield server


# The ping and the look


def test_a_ping_is_one_round_trip_and_a_look_none(
    valkey_server: ValkeyServer, fault_proxy: ProxyFor, driver: ModuleType
) -> None:
    """The proxy counts one round trip for each ping, and none for looks."""
    proxy = fault_proxy(valkey_server)
    redis = Redis(proxy.host, proxy.port, driver=driver)
    session = redis.create(labels={}, timeout=SOON)
    before = proxy.round_trips
    for _ in range(10):
        assert redis.looks_alive(session)
        assert not redis.needs_reset(session)
    assert proxy.round_trips == before
    for _ in range(10):
        redis.ping(session, timeout=SOON)
    assert proxy.round_trips == before + 10
    session.disconnect()


def test_a_ping_gives_up_in_time_and_leaves_no_timeout_behind(
    valkey_server: ValkeyServer, fault_proxy: ProxyFor, driver: ModuleType
) -> None:
    """A ping into a black hole is given up when its time is up; one that succeeds leaves the holder's own patience."""
    proxy = fault_proxy(valkey_server)
    redis = Redis(proxy.host, proxy.port, driver=driver, socket_timeout=2 * SOON)
    session = redis.create(labels={}, timeout=SOON)
    redis.ping(session, timeout=SOON)
    assert redis.looks_alive(session)
    assert session._sock.gettimeout() == 2 * SOON
    proxy.freeze()
    start = time.monotonic()
    assert redis.meaning_of(error_of(redis.ping, session, timeout=0.1)) is Meaning.LOST
    assert time.monotonic() - start < SOON
    proxy.thaw()


def test_a_ping_never_reconnects(valkey_server: ValkeyServer, redis: Redis, session: Any) -> None:
    """A connection that was ended fails its ping, again and again; its look sees it too."""
    assert redis.looks_alive(session)
    valkey_server.terminate_backends()
    until(lambda: not redis.looks_alive(session))
    for _ in range(2):
        assert redis.meaning_of(error_of(redis.ping, session, timeout=SOON)) is Meaning.LOST
    assert not redis.looks_alive(session)


def test_a_look_under_tls(valkey_server: ValkeyServer, driver: ModuleType, tmp_path: Path) -> None:
    """Under TLS, whose tickets come late, a quiet session looks alive and one that was ended does not."""
    with tls_door(valkey_server, tmp_path) as port:
        redis = Redis(valkey_server.host, port, ssl=True, ssl_cert_reqs="none", ssl_check_hostname=False, driver=driver)
        session = redis.create(labels={}, timeout=SOON)
        assert redis.looks_alive(session)
        redis.ping(session, timeout=SOON)
        assert redis.looks_alive(session)
        valkey_server.terminate_backends()
        until(lambda: not redis.looks_alive(session))
        trusting = Redis(valkey_server.host, port, ssl=True, driver=driver)
        assert trusting.meaning_of(create_error(trusting)) is Meaning.REFUSED


def test_a_hang_up_in_the_middle_of_a_look_is_seen(
    redis: Redis, session: Any, valkey_server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that the server ends after its socket was seen to speak, and before it is read, looks dead."""
    valkey_server.terminate_backends()
    until(lambda: look_at(session._sock.fileno()) is Look.HUNG_UP)
    monkeypatch.setattr("pingpool.databases.redis.redis.look_at", lambda fd: Look.SPEAKS)
    for _ in range(2):
        assert not redis.looks_alive(session)


def test_an_idle_kill_is_not_handed_out(driver: ModuleType) -> None:
    """A connection that the server dropped for idleness is replaced at checkout; its next holder notices nothing."""
    with ValkeyServer(password="", settings={"timeout": 1}) as server:
        redis = Redis(server.host, server.port, driver=driver)
        with pingpool.open(redis, size=1) as pool:
            with pool.session() as first:
                assert client_on(first).ping()
            until(lambda: not redis.looks_alive(first))
            with pool.session() as second:
                assert second is not first
                assert client_on(second).ping()


# Labels and errors


def test_labels_are_seen_on_the_server(valkey_server: ValkeyServer, driver: ModuleType) -> None:
    """The labels are the client's name, with `_` for what a name may not hold."""
    redis = Redis(valkey_server.host, valkey_server.port, driver=driver, client_name="web")
    with pingpool.open(redis, size=1, labels={"team": "sales & co"}):
        assert "name=web,team=sales_&_co " in str(valkey_server.execute("CLIENT", "LIST"))


def test_wrong_credentials_and_databases_are_fatal(strict_server: ValkeyServer, driver: ModuleType) -> None:
    """A wrong or missing password, an unknown user, and a database of too high a number will not heal by waiting."""
    wrong: list[dict[str, Any]] = [{"password": "x"}, {}, {"username": "u", "password": "x"}]
    for options in [*wrong, {"password": "right", "db": 99}]:
        redis = Redis(strict_server.host, strict_server.port, driver=driver, **options)
        error = create_error(redis)
        assert redis.meaning_of(error) is Meaning.REFUSED, error


def test_a_server_that_is_full_or_down_is_not_fatal(strict_server: ValkeyServer, driver: ModuleType) -> None:
    """Too many clients, a refused connection: these heal by themselves; only where no server is one may hurry."""
    redis = Redis(strict_server.host, strict_server.port, password="right", driver=driver)
    sessions = [redis.create(labels={}, timeout=SOON) for _ in range(3)]
    full = create_error(redis)
    for session in sessions:
        session.disconnect()
    strict_server.stop()
    down = create_error(redis)
    strict_server.start()
    assert [redis.meaning_of(full), redis.meaning_of(down)] == [Meaning.LOST, Meaning.UNREACHABLE]


def test_termination_and_restart_lose_the_session(valkey_server: ValkeyServer, redis: Redis, session: Any) -> None:
    """A connection that was ended and one whose server was restarted raise what is lost; ordinary errors do not."""
    client = client_on(session)
    client.set("word", "a")
    assert redis.meaning_of(error_of(client.lpush, "word", "b")) is Meaning.TRANSIENT
    assert redis.meaning_of(ConnectionError()) is Meaning.UNKNOWN
    valkey_server.restart()
    assert redis.meaning_of(error_of(client.get, "word")) is Meaning.LOST


# Black holes and credentials


def test_abort_frees_a_thread_that_hangs(
    valkey_server: ValkeyServer, fault_proxy: ProxyFor, driver: ModuleType
) -> None:
    """A thread waiting for an answer that never comes returns at once with an error when the session is aborted."""
    proxy = fault_proxy(valkey_server)
    redis = Redis(proxy.host, proxy.port, driver=driver, socket_timeout=60)
    session = redis.create(labels={}, timeout=SOON)
    proxy.freeze()
    errors: list[BaseException] = []
    thread = threading.Thread(target=lambda: errors.append(error_of(client_on(session).get, "word")))
    thread.start()
    redis.abort(session)
    thread.join(SOON)
    assert not thread.is_alive()
    assert redis.meaning_of(errors[0]) is Meaning.LOST
    redis.abort(session)


def test_connecting_to_an_unreachable_host_is_bounded(
    valkey_server: ValkeyServer, fault_proxy: ProxyFor, driver: ModuleType
) -> None:
    """A host that takes the connection and says nothing is given up in time."""
    proxy = fault_proxy(valkey_server)
    proxy.freeze()
    start = time.monotonic()
    create_error(Redis(proxy.host, proxy.port, password="x", driver=driver), timeout=0.2)
    assert time.monotonic() - start < SOON


def test_a_password_that_changes_is_asked_for_at_each_creation(strict_server: ValkeyServer, driver: ModuleType) -> None:
    """With a function as the password, a pool survives its rotation; refused meanwhile, it heals by itself."""
    current = ["right"]
    redis = Redis(strict_server.host, strict_server.port, password=lambda: current[0], driver=driver)
    with pingpool.open(redis, size=1) as pool:
        strict_server.set_password("new")
        strict_server.terminate_backends()
        until(lambda: not lends(pool))
        with pytest.raises(DatabaseRefuses):
            pool.get(timeout=SOON)
        current[0] = "new"
        until(lambda: lends(pool))
        strict_server.set_password("right")


def test_a_fork_shares_no_session(redis: Redis) -> None:
    """A child gets connections of its own, and its end does not end its parent's."""
    with pingpool.open(redis, size=1) as pool:
        with pool.session() as session:
            mine = client_on(session).client_id()
        child = os.fork()
        if child == 0:
            with pool.session(timeout=SOON) as session:
                is_other = client_on(session).client_id() != mine
            os._exit(0 if is_other else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with pool.session() as session:
            assert client_on(session).client_id() == mine


# Configuration


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://host/1?socket_timout=3", "did you mean socket_timeout"),
        ("redis://host/1?socket_timeout=soon", "socket_timeout cannot be 'soon'"),
        ("redis://host/cache", "by its number, not 'cache'"),
        ("redis://host:99999", "[Pp]ort"),
        ("redis://host/?db=1", "before the question mark"),
    ],
)
def test_a_typo_is_named(url: str, says: str) -> None:
    """A URL that makes no sense raises `BadURL`, which says why and what may have been meant."""
    with pytest.raises(BadURL, match=says):
        Redis.from_url(url)


def test_urls_name_what_they_say() -> None:
    """Host, port, database, user, password and TLS come from the URL; the last two schemes prefer valkey-py."""
    pytest.importorskip("valkey")
    assert Redis.from_url("redis://u:p@h:1/2") == Redis("h", 1, db=2, username="u", password="p")
    assert Redis.from_url("rediss://h") == Redis("h", ssl=True)
    assert Redis.from_url("rediss://h") != Redis.from_url("redis://h")
    assert Redis.from_url("valkey://h") != Redis.from_url("redis://h")
    assert hash(Redis.from_url("redis://h/1")) == hash(Redis("h", db=1))
    assert "secret" not in repr(Redis.from_url("redis://:secret@h"))


def test_a_wrong_host_or_port_fails_the_opening_with_its_cause(driver: ModuleType) -> None:
    """`open` raises `CannotFill`, whose text names what was wrong."""
    for host, port in (("no-such-host.invalid", 6379), ("127.0.0.1", 1)):
        with pytest.raises(CannotFill, match=f"{host}:{port}"):
            pingpool.open(Redis(host, port, driver=driver), size=2)
