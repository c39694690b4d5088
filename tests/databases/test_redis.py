"""Valkey by redis-py and by valkey-py: what is proven, seen and told apart, on real servers."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pingpool
from pingpool import BadURL, CannotFill, DatabaseRefuses, PingingPool
from pingpool.databases.redis import Redis, client_on, from_url
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import PrivateServer, ValkeyServer
from tests.databases.tls import tls_door
from tests.databases.waiting import SOON, create_error, error_of, until

pytest_plugins = ["pingpool.testing.fixtures"]

ProxyFor = Callable[[PrivateServer], FaultProxy]


@pytest.fixture(params=["redis", "valkey"])
def driver(request: pytest.FixtureRequest) -> ModuleType:
    """Each of the two drivers."""
    found: ModuleType = pytest.importorskip(request.param)
    return found


@pytest.fixture
def redis(valkey_server: ValkeyServer, driver: ModuleType) -> Redis:
    """The database of the private server."""
    return Redis(valkey_server.host, valkey_server.port, driver=driver)


@pytest.fixture
def session(redis: Redis) -> Iterator[Any]:
    """One session of it."""
    session = redis.create(labels={}, timeout=SOON)
    yield session
    session.disconnect()


@pytest.fixture(scope="module")
def strict_server() -> Iterator[ValkeyServer]:
    """A server that asks for a password and has room for three."""
    with ValkeyServer(password="right", settings={"maxclients": 3}) as server:
        yield server


def lends(pool: PingingPool[Any]) -> bool:
    """Whether the pool has a session that works."""
    try:
        with pool.session(timeout=SOON) as session:
            return bool(client_on(session).ping())
    except DatabaseRefuses:
        return False


# The ping and the glance


def test_a_ping_is_one_round_trip_and_a_glance_none(
    valkey_server: ValkeyServer, fault_proxy: ProxyFor, driver: ModuleType
) -> None:
    """The proxy counts one round trip for each ping, and none for glances."""
    proxy = fault_proxy(valkey_server)
    redis = Redis(proxy.host, proxy.port, driver=driver)
    session = redis.create(labels={}, timeout=SOON)
    before = proxy.round_trips
    for _ in range(10):
        assert redis.glance(session)
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
    redis = Redis(proxy.host, proxy.port, driver=driver, socket_timeout=3)
    session = redis.create(labels={}, timeout=0.2)
    redis.ping(session, timeout=0.1)
    assert redis.glance(session)
    session.send_command("BLPOP", "nothing", "0.4")
    assert session.read_response() is None
    proxy.freeze()
    start = time.monotonic()
    assert redis.is_lost(error_of(redis.ping, session, timeout=0.1))
    assert time.monotonic() - start < 1
    proxy.thaw()


def test_a_ping_never_reconnects(valkey_server: ValkeyServer, redis: Redis, session: Any) -> None:
    """A connection that was ended fails its ping, again and again; its glance sees it too."""
    assert redis.glance(session)
    valkey_server.terminate_backends()
    until(lambda: not redis.glance(session))
    for _ in range(2):
        assert redis.is_lost(error_of(redis.ping, session, timeout=SOON))
    assert not redis.glance(session)


def test_an_unread_answer_costs_the_session_and_not_the_next_holder(redis: Redis) -> None:
    """A holder that sends and does not read: the next one gets another connection, not the stale answer."""
    with pingpool.open(redis, size=1) as pool:
        first = pool.get()
        first.send_command("ECHO", "stale")
        until(lambda: first.can_read(0))
        pool.put(first)
        with pool.session() as second:
            assert second is not first
            second.send_command("ECHO", "fresh")
            assert second.read_response() == b"fresh"


def test_an_answer_read_too_far_is_seen_too(redis: Redis, session: Any) -> None:
    """Two answers that came in one piece, of which one was taken: the socket is quiet, the glance is not deceived."""
    session.send_packed_command([b"ECHO 1\r\nECHO 2\r\n"])
    until(lambda: session.can_read(0))
    assert session.read_response() == b"1"
    until(lambda: not redis.glance(session))
    assert redis.is_lost(error_of(redis.ping, session, timeout=SOON))


def test_a_push_message_is_no_hang_up(valkey_server: ValkeyServer) -> None:
    """A session of protocol 3 that is told of an invalidated key looks alive, and its next command is answered."""
    driver = pytest.importorskip("redis")  # valkey-py cannot read such a message unless it keeps a cache of its own
    redis = Redis(valkey_server.host, valkey_server.port, driver=driver, protocol=3)
    session = redis.create(labels={}, timeout=SOON)
    for words in (("CLIENT", "TRACKING", "ON"), ("GET", "watched")):
        session.send_command(*words)
        session.read_response()
    valkey_server.execute("SET", "watched", "1")
    time.sleep(0.05)
    assert redis.glance(session)
    redis.ping(session, timeout=SOON)
    session.disconnect()


def test_a_glance_under_tls(valkey_server: ValkeyServer, driver: ModuleType, tmp_path: Path) -> None:
    """Under TLS, whose tickets come late, a quiet session looks alive and one that was ended does not."""
    with tls_door(valkey_server, tmp_path) as port:
        redis = Redis(valkey_server.host, port, ssl=True, ssl_cert_reqs="none", ssl_check_hostname=False, driver=driver)
        session = redis.create(labels={}, timeout=SOON)
        assert redis.glance(session)
        redis.ping(session, timeout=SOON)
        assert redis.glance(session)
        valkey_server.terminate_backends()
        until(lambda: not redis.glance(session))
        trusting = Redis(valkey_server.host, port, ssl=True, driver=driver)
        assert trusting.is_fatal(create_error(trusting))


def test_an_idle_kill_is_not_handed_out(driver: ModuleType) -> None:
    """A connection that the server dropped for idleness is replaced at checkout; its next holder notices nothing."""
    with ValkeyServer(settings={"timeout": 1}) as server:
        redis = Redis(server.host, server.port, driver=driver)
        with pingpool.open(redis, size=1) as pool:
            with pool.session() as first:
                assert client_on(first).ping()
            until(lambda: not redis.glance(first))
            with pool.session() as second:
                assert second is not first
                assert client_on(second).ping()


# The ready client


def test_a_client_speaks_on_the_connection_that_was_lent(redis: Redis) -> None:
    """Commands, pipelines and transactions with WATCH all go over the one connection; each session has one client."""
    with pingpool.open(redis, size=1) as pool, pool.session() as session:
        client = client_on(session)
        assert client_on(session) is client
        assert client.set("word", "a")
        assert client.get("word") == b"a"
        with client.pipeline() as pipe:
            pipe.watch("word")
            pipe.multi()
            assert pipe.append("word", "b").get("word").execute() == [2, b"ab"]
        me = client.client_id()
        assert client.client_id() == me
        client.close()
        assert client.client_id() == me


def test_a_client_never_reconnects(valkey_server: ValkeyServer, redis: Redis) -> None:
    """When its connection is lost the client raises, and raises again; the pool replaces the session."""
    with pingpool.open(redis, size=1) as pool:
        with pytest.raises(redis._driver.ConnectionError), pool.session() as session:
            client = client_on(session)
            valkey_server.terminate_backends()
            with pytest.raises(redis._driver.ConnectionError):
                client.get("word")
            client.get("word")
        until(lambda: lends(pool))
        assert pool.stats().replaced == {"lost": 1}


def test_a_pipeline_that_watches_never_reconnects(valkey_server: ValkeyServer, redis: Redis) -> None:
    """The driver calls it a conflict when the connection of a pipeline that watches dies; the pool knows better."""
    with pingpool.open(redis, size=1) as pool:
        refused = pytest.raises(redis._driver.WatchError)
        with refused as raised, pool.session() as session, client_on(session).pipeline() as pipe:
            pipe.watch("word")
            valkey_server.terminate_backends()
            pipe.get("word")
        assert redis.is_lost(raised.value)
        assert redis.is_lost(error_of(client_on(session).ping))
        until(lambda: lends(pool))
        assert pool.stats().replaced == {"lost": 1}


def test_a_conflict_costs_no_session(valkey_server: ValkeyServer, redis: Redis) -> None:
    """A transaction that was refused because somebody else was faster says nothing about its session, which stays."""
    with pingpool.open(redis, size=1) as pool:
        refused = pytest.raises(redis._driver.WatchError)
        with refused as raised, pool.session() as first, client_on(first).pipeline() as pipe:
            pipe.watch("word")
            valkey_server.execute("SET", "word", "b")
            pipe.multi()
            pipe.set("word", "a").execute()
        assert not redis.is_lost(raised.value)
        with pool.session() as second:
            assert second is first
            assert client_on(second).get("word") == b"b"


def watch(client: Any) -> Any:
    """Leave a WATCH in force."""
    pipe = client.pipeline()
    pipe.watch("word")
    return pipe


def subscribe(client: Any) -> Any:
    """Leave a subscription."""
    pubsub = client.pubsub()
    pubsub.subscribe("news")
    pubsub.get_message(timeout=SOON)
    return pubsub


@pytest.mark.parametrize("leave_open", [watch, subscribe])
def test_what_a_client_left_open_is_not_handed_on(redis: Redis, leave_open: Callable[[Any], Any]) -> None:
    """A session that comes back with a WATCH or a subscription is replaced; who left it disturbs no next holder."""
    with pingpool.open(redis, size=1) as pool:
        with pool.session() as first:
            left = leave_open(client_on(first))
        with pool.session() as second:
            assert second is not first
            left.close()
            assert client_on(second).ping()
        assert pool.stats().replaced == {"in doubt": 1}


@pytest.mark.filterwarnings("ignore:.*never put back:ResourceWarning")
def test_a_client_keeps_no_session_alive(redis: Redis) -> None:
    """A holder that drops its connection and keeps the client is noticed, as any that drops one."""
    with pingpool.open(redis, size=1) as pool:
        client = client_on(pool.get())
        until(lambda: pool.stats().leaked == 1)
        with pytest.raises(redis._driver.ConnectionError):
            client.ping()


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
        assert redis.is_fatal(error), error


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
    assert not redis.is_fatal(full), full
    assert not redis.is_fatal(down), down
    assert [redis.is_down(full), redis.is_down(down)] == [False, True]


def test_termination_and_restart_lose_the_session(valkey_server: ValkeyServer, redis: Redis, session: Any) -> None:
    """A connection that was ended and one whose server was restarted raise what is lost; ordinary errors do not."""
    client = client_on(session)
    client.set("word", "a")
    assert not redis.is_lost(error_of(client.lpush, "word", "b"))
    assert not redis.is_lost(ConnectionError())
    valkey_server.restart()
    assert redis.is_lost(error_of(client.get, "word"))


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
    assert redis.is_lost(errors[0])
    redis.abort(session)


def test_connecting_to_an_unreachable_host_is_bounded(
    valkey_server: ValkeyServer, fault_proxy: ProxyFor, driver: ModuleType
) -> None:
    """A host that takes the connection and says nothing is given up in time."""
    proxy = fault_proxy(valkey_server)
    proxy.freeze()
    start = time.monotonic()
    create_error(Redis(proxy.host, proxy.port, password="x", driver=driver), timeout=0.2)
    assert time.monotonic() - start < 2


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
        from_url(url)


def test_urls_name_what_they_say() -> None:
    """Host, port, database, user, password and TLS come from the URL; the last two schemes prefer valkey-py."""
    pytest.importorskip("valkey")
    assert from_url("redis://u:p@h:1/2") == Redis("h", 1, db=2, username="u", password="p")
    assert from_url("rediss://h") == Redis("h", ssl=True)
    assert from_url("rediss://h") != from_url("redis://h")
    assert from_url("valkey://h") != from_url("redis://h")
    assert hash(from_url("redis://h/1")) == hash(Redis("h", db=1))
    assert "secret" not in repr(from_url("redis://:secret@h"))


def test_a_wrong_host_or_port_fails_the_opening_with_its_cause(driver: ModuleType) -> None:
    """`open` raises `CannotFill`, whose text names what was wrong."""
    for host, port in (("no-such-host.invalid", 6379), ("127.0.0.1", 1)):
        with pytest.raises(CannotFill, match=f"{host}:{port}"):
            pingpool.open(Redis(host, port, driver=driver), size=2)
