"""Addresses that are asked for: the pool follows a server that moves, and a function that fails costs no secret."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import pingpool
from pingpool import CannotFill, Meaning
from pingpool.databases.common.addresses import Address
from pingpool.databases.mysql import AsyncMySQL, MySQL
from pingpool.databases.postgres import AsyncPG, AsyncPostgres, Postgres
from pingpool.databases.redis import AsyncRedis, Redis
from pingpool.errors import BadURL
from pingpool.testing.proxy import FaultProxy
from tests.databases.waiting import SOON

pytest_plugins = ["pingpool.testing.fixtures"]

Ask = Callable[[], int]
"""Returns the port at which the server is now."""

HOST = "127.0.0.1"

THREADS: dict[str, Callable[[Ask], Any]] = {
    "postgres": lambda ask: Postgres(lambda: f"postgresql://postgres@{HOST}:{ask()}/postgres"),
    "postgres-pairs": lambda ask: Postgres(lambda: f"host={HOST} port={ask()}", user="postgres", dbname="postgres"),
    "postgres-port": lambda ask: Postgres("user=postgres", host=lambda: HOST, port=ask),
    "mariadb": lambda ask: MySQL(lambda: (HOST, ask()), user="root", ssl_disabled=True),
    "mariadb-port": lambda ask: MySQL(lambda: HOST, ask, user="root", ssl_disabled=True),
    "valkey": lambda ask: Redis(lambda: (HOST, ask())),
    "valkey-port": lambda ask: Redis(HOST, ask),
}

ASYNCIO: dict[str, Callable[[Ask], Any]] = {
    "postgres": lambda ask: AsyncPostgres(slowly(lambda: f"postgresql://postgres@{HOST}:{ask()}/postgres")),
    "postgres-port": lambda ask: AsyncPostgres("user=postgres", host=HOST, port=slowly(ask)),
    "postgres-asyncpg": lambda ask: AsyncPG(slowly(lambda: f"postgresql://postgres@{HOST}:{ask()}/postgres")),
    "postgres-asyncpg-host": lambda ask: AsyncPG(host=lambda: (HOST, ask()), user="postgres", ssl=False),
    "mariadb": lambda ask: AsyncMySQL(slowly(lambda: (HOST, ask())), user="root", ssl_disabled=True),
    "valkey": lambda ask: AsyncRedis(HOST, slowly(ask)),
}


def slowly(ask: Callable[[], Any]) -> Callable[[], Any]:
    """Return a coroutine function that asks."""

    async def asked() -> Any:
        await asyncio.sleep(0)
        return ask()

    return asked


class Moving:
    """A server that is reached at one port, and then at another."""

    def __init__(self, here: FaultProxy, there: FaultProxy) -> None:
        self._here = here
        self._there = there
        self.port = here.port

    def move(self) -> None:
        """Be at the other port, and nowhere else."""
        self.port = self._there.port
        self._here.refuse()
        self._here.reset()


@pytest.fixture
def moving(request: pytest.FixtureRequest) -> Iterator[Moving]:
    """The server that a test's case is called after."""
    pytest.importorskip("aiomysql" if "mariadb" in request.node.callspec.id else "psycopg")
    server: Any = request.getfixturevalue(f"{request.node.callspec.params['case'].partition('-')[0]}_server")
    with ExitStack() as stack:
        yield Moving(*(stack.enter_context(FaultProxy(server.host, server.port)) for _ in range(2)))


@pytest.mark.server
@pytest.mark.parametrize("case", THREADS)
def test_a_pool_follows_a_server_that_moves(case: str, moving: Moving) -> None:
    """A function for the address is asked for each session, so that the next one is opened where the server is now."""
    with pingpool.open(THREADS[case](lambda: moving.port), size=2, wait_for=None) as pool:
        moving.move()
        pool.ping()
        with pool.session(timeout=SOON) as one, pool.session(timeout=SOON) as other:
            assert {type(one), type(other)} == {type(one)}
        assert pool.stats().created >= 4


@pytest.mark.server
@pytest.mark.parametrize("case", ASYNCIO)
def test_a_pool_for_asyncio_follows_a_server_that_moves(case: str, moving: Moving) -> None:
    """The same, with functions that may be coroutine functions."""

    async def main() -> None:
        async with pingpool.open_async(ASYNCIO[case](lambda: moving.port), size=2, wait_for=None) as pool:
            moving.move()
            await pool.ping()
            async with pool.session(timeout=SOON) as one, pool.session(timeout=SOON) as other:
                assert one is not other
            assert pool.stats().created >= 4

    asyncio.run(main())


def failing(error: Exception) -> Callable[[], Any]:
    """Return a function that raises this."""

    def ask() -> Any:
        raise error

    return ask


BY_FUNCTION: dict[str, Callable[[Any], Any]] = {
    "psycopg": lambda ask: Postgres(ask),
    "psycopg-host": lambda ask: Postgres(host=ask),
    "pymysql": lambda ask: MySQL(ask),
    "redis": lambda ask: Redis(ask),
    "psycopg-async": lambda ask: AsyncPostgres(ask),
    "asyncpg": lambda ask: AsyncPG(ask),
    "aiomysql": lambda ask: AsyncMySQL(ask),
    "redis-asyncio": lambda ask: AsyncRedis(ask),
}

by_each = pytest.mark.parametrize("make", BY_FUNCTION.values(), ids=BY_FUNCTION)


def error_of_opening(database: Any) -> BaseException:
    """Return why no session is opened."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 (the caller looks at it)
        opening = database.create(labels={}, timeout=SOON)
        if asyncio.iscoroutine(opening):
            asyncio.run(opening)
    return raised.value


@by_each
def test_a_function_that_raises_is_a_failed_opening(make: Callable[[Any], Any]) -> None:
    """What it raises comes as it is, and may pass: the pool tries again."""
    down = LookupError("the registry does not answer")
    database = make(failing(down))
    assert error_of_opening(database) is down
    assert database.meaning_of(down) is Meaning.UNKNOWN


@by_each
@pytest.mark.parametrize("answer", [None, 815, b"s3cret", ("s3cret",)])
def test_an_answer_that_is_no_address_is_refused_and_not_quoted(make: Callable[[Any], Any], answer: object) -> None:
    """A bug comes again: who waits is told at once, without the answer, which may hold a password."""
    database = make(lambda: answer)
    error = error_of_opening(database)
    assert isinstance(error, TypeError)
    assert "s3cret" not in str(error)
    assert "815" not in str(error)
    assert database.meaning_of(error) is Meaning.REFUSED


@pytest.mark.parametrize("make", [Postgres, AsyncPostgres, AsyncPG])
def test_an_answer_that_makes_no_sense_tells_no_secret(make: Callable[[Any], Any]) -> None:
    """The URL that a function returns is checked as one that is given, and its password is quoted by nobody."""
    database = make(lambda: "postgresql://u:s3@cret/x@host:99999/db")
    error = error_of_opening(database)
    assert isinstance(error, BadURL)
    assert "s3" not in str(error)
    assert "cret" not in str(error)
    assert error.__cause__ is None
    assert database.meaning_of(error) is Meaning.REFUSED


@by_each
def test_a_database_is_named_by_the_function(make: Callable[[Any], Any]) -> None:
    """Its address is known only when it is asked for; two with the same function are the same database."""

    def find_it() -> str:
        raise AssertionError("it is asked for sessions only")

    assert "find_it" in repr(make(find_it))
    assert make(find_it) == make(find_it)
    assert make(find_it) != make(lambda: "host")


def test_a_coroutine_function_wants_asyncio() -> None:
    """Where nobody can wait for it, it is refused by name."""
    with pytest.raises(CannotFill, match="the function for host returned a coroutine"):
        pingpool.open(Redis(slowly(lambda: HOST)), size=1)


def test_a_host_may_come_with_its_port() -> None:
    """A pair says both, whatever port was given."""
    assert Address(host=lambda: ("db", 7), port=5).now() == {"host": "db", "port": 7}
    assert asyncio.run(Address(host=slowly(lambda: ("db", 7)), port=5).now_async()) == {"host": "db", "port": 7}
