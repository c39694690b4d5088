"""A node that was demoted, and goes on answering: its sessions are replaced, by real servers and each driver.

The bound: an error for each session that is inside a statement, and one for the first question to a wrong node; then
all is well as soon as a right node is there.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pingpool
from pingpool import AsyncDatabase, CannotFill, Meaning
from pingpool.databases.common.roles import WrongNode
from pingpool.databases.mysql import AsyncMySQL, MySQL
from pingpool.databases.mysql.codes import IN_TRANSACTION
from pingpool.databases.postgres import AsyncPG, AsyncPostgres, Postgres
from pingpool.databases.redis import AsyncRedis, Redis, client_on
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import MariaDBServer, PostgresServer, StandbyServer, ValkeyServer
from pingpool.testing.skipping import skipped_if_missing
from tests.databases.waiting import SOON, create_error, error_of, until

pytestmark = pytest.mark.server

SIZE = 4


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, StandbyServer]]:
    """A PostgreSQL and its standby."""
    with skipped_if_missing(), PostgresServer(password="") as primary:
        primary.execute("CREATE TABLE t (i int)")
        with StandbyServer(primary) as standby:
            yield primary, standby


def url_of(pair: tuple[PostgresServer, ...], scheme: str = "postgresql") -> str:
    """Return the URL that names both."""
    places = ",".join(f"{server.host}:{server.port}" for server in pair)
    return f"{scheme}://postgres@{places}/postgres"


def fail_over(pair: tuple[PostgresServer, StandbyServer]) -> None:
    """Fence the primary without ending a session, and promote the standby."""
    primary, standby = pair
    primary.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    primary.execute("SELECT pg_reload_conf()")
    until(lambda: primary.execute("SHOW default_transaction_read_only") == [("on",)])
    standby.promote()


def assert_costs_one_error(write: Callable[[], object], move: Callable[[], None]) -> None:
    """Write well, move the primary, and write until each session has written well in a row: one error, and no more."""
    write()
    move()
    errors, good = 0, 0
    while good < 3 * SIZE:
        assert errors <= 1
        try:
            write()
        except Exception:
            errors, good = errors + 1, 0
        else:
            good += 1
    assert errors == 1


async def assert_costs_one_error_in_asyncio(write: Callable[[], Any], move: Callable[[], None]) -> None:
    """The same for asyncio."""
    await write()
    await asyncio.to_thread(move)
    errors, good = 0, 0
    while good < 3 * SIZE:
        assert errors <= 1
        try:
            await write()
        except Exception:
            errors, good = errors + 1, 0
        else:
            good += 1
    assert errors == 1


# PostgreSQL


def test_a_primary_that_moves_costs_one_error(pair: tuple[PostgresServer, StandbyServer]) -> None:
    """With psycopg: of four idle sessions on a fenced primary one meets it; the next go to the promoted standby."""
    with pingpool.open(Postgres(url_of(pair), autocommit=True), size=SIZE) as pool:

        def write() -> None:
            with pool.session(timeout=SOON) as session:
                session.execute("INSERT INTO t VALUES (1)")

        assert_costs_one_error(write, lambda: fail_over(pair))
        assert pool.stats().replaced["lost"] == 1


@pytest.mark.parametrize("kind", [AsyncPostgres, AsyncPG])
def test_a_primary_that_moves_costs_one_error_in_asyncio(
    pair: tuple[PostgresServer, StandbyServer], kind: Callable[..., AsyncDatabase[Any]]
) -> None:
    """With both drivers for asyncio as with psycopg."""

    async def scene() -> None:
        options = {"autocommit": True} if kind is AsyncPostgres else {}
        async with pingpool.open_async(kind(url_of(pair), **options), size=SIZE) as pool:

            async def write() -> None:
                async with pool.session(timeout=SOON) as session:
                    await session.execute("INSERT INTO t VALUES (1)")

            await assert_costs_one_error_in_asyncio(write, lambda: fail_over(pair))

    asyncio.run(scene())


def test_a_standby_is_no_host_for_writes(pair: tuple[PostgresServer, StandbyServer]) -> None:
    """Of several hosts the one that takes writes is found, in any order; a standby alone of several is refused."""
    primary, standby = pair
    for hosts in ((standby, primary), (primary, standby)):
        session = Postgres(url_of(hosts)).create(labels={}, timeout=SOON)
        assert session.info.port == primary.port
        session.close()
    error = create_error(Postgres(url_of((standby, standby))))
    assert Postgres(url_of(pair)).meaning_of(error) is not Meaning.REFUSED  # a fail-over heals it
    assert isinstance(error_of(pingpool.open, Postgres(url_of((standby, standby))), size=1), CannotFill)


def test_a_standby_is_no_host_for_writes_by_asyncpg(pair: tuple[PostgresServer, StandbyServer]) -> None:
    """The same by asyncpg."""
    primary, standby = pair

    async def port_of(database: AsyncPG) -> int:
        session = await database.create(labels={}, timeout=SOON)
        port: int = await session.fetchval("SELECT inet_server_port()")
        await session.close()
        return port

    assert asyncio.run(port_of(AsyncPG(url_of((standby, primary))))) == primary.port
    assert asyncio.run(port_of(AsyncPG(url_of((standby, primary)), role="any"))) == standby.port
    error_of(asyncio.run, port_of(AsyncPG(url_of((standby, standby)))))


@pytest.mark.parametrize("said", ["?target_session_attrs=standby", "?target_session_attrs=any", "role"])
def test_a_pool_for_reading_is_at_home_on_a_standby(pair: tuple[PostgresServer, StandbyServer], said: str) -> None:
    """Where the URL, or `role="any"`, takes a standby, a refused write costs no session."""
    hosts = (pair[1], pair[0])
    database = Postgres(url_of(hosts), role="any") if said == "role" else Postgres(url_of(hosts) + said)
    with pingpool.open(database, size=1) as pool:
        for _ in range(3):
            with pytest.raises(Exception, match="read-only"), pool.session() as session:
                session.execute("INSERT INTO t VALUES (1)")
        assert pool.stats().created == 1


def test_a_ping_asks_for_the_role_once(pair: tuple[PostgresServer, StandbyServer]) -> None:
    """After an error from a wrong node a ping asks an older session for its role, in the one round trip it takes."""
    primary, _ = pair
    with FaultProxy(primary.host, primary.port) as proxy:
        database = Postgres(primary.url_at(proxy.port))
        old = database.create(labels={}, timeout=SOON)
        old.execute("SET default_transaction_read_only = on")
        old.commit()
        error = error_of(old.execute, "INSERT INTO t VALUES (1)")
        old.rollback()
        database.ping(old, timeout=SOON)
        young = database.create(labels={}, timeout=SOON)
        assert database.meaning_of(error) is Meaning.MISPLACED
        before = proxy.round_trips
        assert isinstance(error_of(database.ping, old, timeout=SOON), WrongNode)
        database.ping(young, timeout=SOON)
        database.ping(young, timeout=SOON)
        assert proxy.round_trips == before + 3
        assert not database.needs_reset(young)
        for session in (old, young):
            session.close()


# MySQL and MariaDB: a door is moved from one server to the other, as a name or a load balancer does.


@pytest.fixture(scope="module")
def mariadbs() -> Iterator[tuple[MariaDBServer, MariaDBServer]]:
    """Two servers with the same table and user, who has no rights beyond it."""
    with skipped_if_missing(), MariaDBServer(password="") as first, MariaDBServer(password="") as second:
        for server in (first, second):
            server.execute("CREATE TABLE t (i int)")
            server.execute("CREATE USER app; GRANT ALL ON test.* TO app")
        yield first, second


@pytest.fixture
def mysql_door(mariadbs: tuple[MariaDBServer, MariaDBServer]) -> Iterator[tuple[FaultProxy, Callable[[], None]]]:
    """A door to the first, and what moves the primary: the first becomes read-only, the door leads to the second."""
    first, second = mariadbs
    with FaultProxy(first.host, first.port) as door:

        def move() -> None:
            first.execute("SET GLOBAL read_only = 1")
            door.lead_to(second.host, second.port)

        yield door, move
    first.execute("SET GLOBAL read_only = 0")


def test_a_read_only_mariadb_costs_one_error(mysql_door: tuple[FaultProxy, Callable[[], None]]) -> None:
    """By PyMySQL: the first write is refused, and all idle sessions are replaced before they are lent."""
    door, move = mysql_door
    database = MySQL(door.host, door.port, user="app", database="test", ssl_disabled=True, autocommit=True)
    with pingpool.open(database, size=SIZE) as pool:

        def write() -> None:
            with pool.session(timeout=SOON) as session:
                session.cursor().execute("INSERT INTO t VALUES (1)")

        assert_costs_one_error(write, move)


def test_a_read_only_mariadb_costs_one_error_in_asyncio(
    mysql_door: tuple[FaultProxy, Callable[[], None]],
) -> None:
    """By aiomysql as by PyMySQL."""
    door, move = mysql_door

    async def scene() -> None:
        database = AsyncMySQL(door.host, door.port, user="app", database="test", ssl_disabled=True, autocommit=True)
        async with pingpool.open_async(database, size=SIZE) as pool:

            async def write() -> None:
                async with pool.session(timeout=SOON) as session, session.cursor() as cursor:
                    await cursor.execute("INSERT INTO t VALUES (1)")

            await assert_costs_one_error_in_asyncio(write, move)

    asyncio.run(scene())


@pytest.mark.parametrize("autocommit", [False, True])
def test_asking_mariadb_for_its_role_leaves_nothing_open(mariadbs: tuple[MariaDBServer, ...], autocommit: bool) -> None:
    """A session on a node that still takes writes is asked once, in one round trip and no transaction, and kept."""
    with FaultProxy(mariadbs[0].host, mariadbs[0].port) as door:
        database = MySQL(door.host, door.port, user="app", database="test", ssl_disabled=True, autocommit=autocommit)
        session = database.create(labels={}, timeout=SOON)
        assert database.meaning_of(_refused(1836, "Running in read-only mode")) is Meaning.MISPLACED
        before = door.round_trips
        database.ping(session, timeout=SOON)
        assert not session.server_status & IN_TRANSACTION
        database.ping(session, timeout=SOON)
        assert door.round_trips == before + 2
        session.close()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (1290, "The MySQL server is running with the --super-read-only option"),
        (1792, "Cannot execute statement in a READ ONLY transaction"),
        (1836, "Running in read-only mode"),
        (1874, "InnoDB is in read only mode"),
        (1820, "You must reset your password using ALTER USER"),
        (3100, "Error on observer while running replication hook 'before_commit'"),
        (1047, "WSREP has not yet prepared node for application use"),
    ],
)
def test_how_mysql_tells_a_wrong_node(code: int, said: str) -> None:
    """Each of the codes of a node that takes no writes means so; another cause of the same code does not."""
    database = MySQL()
    assert database.meaning_of(_refused(code, said)) is Meaning.MISPLACED
    assert database.meaning_of(_refused(1290, "running with the --secure-file-priv option")) is Meaning.TRANSIENT
    reader = MySQL.from_url("mysql://replica/test?role=any")
    assert reader.meaning_of(_refused(code, said)) is Meaning.TRANSIENT


def _refused(code: int, said: str) -> Exception:
    pymysql = pytest.importorskip("pymysql")
    error: Exception = pymysql.OperationalError(code, said)
    return error


# Redis and Valkey


@pytest.fixture
def valkey_door() -> Iterator[tuple[FaultProxy, Callable[[], None]]]:
    """A door to a master, and what demotes it: it follows another, to which the door leads then."""
    with (
        skipped_if_missing(),
        ValkeyServer(password="") as first,
        ValkeyServer(password="") as second,
        FaultProxy(first.host, first.port) as door,
    ):

        def move() -> None:
            first.execute("REPLICAOF", second.host, str(second.port))
            door.lead_to(second.host, second.port)

        yield door, move


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_master_that_becomes_a_replica_costs_one_error(
    valkey_door: tuple[FaultProxy, Callable[[], None]], protocol: int
) -> None:
    """In either version of the protocol: the first write is refused, and all idle sessions are replaced."""
    door, move = valkey_door
    with pingpool.open(Redis(door.host, door.port, protocol=protocol), size=SIZE) as pool:

        def write() -> None:
            with pool.session(timeout=SOON) as session:
                client_on(session).incr("visits")

        assert_costs_one_error(write, move)


def test_a_master_that_becomes_a_replica_costs_one_error_in_asyncio(
    valkey_door: tuple[FaultProxy, Callable[[], None]],
) -> None:
    """The same for asyncio."""
    door, move = valkey_door

    async def scene() -> None:
        async with pingpool.open_async(AsyncRedis(door.host, door.port), size=SIZE) as pool:

            async def write() -> None:
                async with pool.session(timeout=SOON) as session:
                    await client_on(session).incr("visits")

            await assert_costs_one_error_in_asyncio(write, move)

    asyncio.run(scene())


@pytest.mark.parametrize("kind", ["ReadOnlyError", "ClusterDownError", "MasterDownError", "MovedError"])
def test_how_redis_tells_a_wrong_node(kind: str) -> None:
    """Each of the driver's errors for that means so, unless any node is welcome; so does what a script says."""
    redis = Redis()
    driver = redis._driver
    error = getattr(driver.exceptions, kind)("3999 127.0.0.1:6381")
    script = driver.ResponseError("ERR Error running script: -READONLY You can't write against a read only replica.")
    assert redis.meaning_of(error) is redis.meaning_of(script) is Meaning.MISPLACED
    assert Redis(role="any").meaning_of(error) is Meaning.TRANSIENT


def test_a_user_who_may_not_ask_is_told_nothing(valkey_door: tuple[FaultProxy, Callable[[], None]]) -> None:
    """A server that refuses to tell its role costs no session."""
    door, _ = valkey_door
    redis = Redis(door.host, door.port, protocol=2)
    session = redis.create(labels={}, timeout=SOON)
    client_on(session).execute_command("ACL", "SETUSER", "default", "-hello")
    redis.meaning_of(redis._driver.exceptions.ReadOnlyError("x"))
    redis.ping(session, timeout=SOON)
    assert redis.looks_alive(session)
    session.disconnect()


def test_a_role_is_one_of_two() -> None:
    """Another word for a role is refused at once."""
    kinds: list[Callable[..., object]] = [Postgres, AsyncPostgres, AsyncPG, MySQL, AsyncMySQL, Redis, AsyncRedis]
    for kind in kinds:
        assert isinstance(error_of(kind, role="replica"), ValueError)
