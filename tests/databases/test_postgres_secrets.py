"""PostgreSQL, by all drivers: passwords that are asked for, passwords that would be spilt, and names that are clean."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

import pingpool
from pingpool import Meaning
from pingpool.databases.postgres import AsyncPG, AsyncPostgres, Postgres
from pingpool.databases.postgres.names import application_name
from pingpool.errors import BadURL
from pingpool.testing.servers import PostgresServer
from tests.databases.waiting import SOON

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]


@pytest.fixture(scope="module")
def strict_server() -> Iterator[PostgresServer]:
    """A server that asks for a password."""
    with PostgresServer(password="right") as server:
        yield server


async def asked_elsewhere() -> bytes:
    """Return the password after a while."""
    await asyncio.sleep(0)
    return b"right"


@pytest.mark.parametrize("password", ["right", b"right", lambda: b"right"])
def test_a_password_is_text_or_bytes_or_what_a_function_returns(strict_server: PostgresServer, password: Any) -> None:
    """A session is opened with each."""
    database = Postgres(strict_server.url.replace(":right@", "@"), password=password)
    database.create(labels={}, timeout=SOON).close()


@pytest.mark.parametrize("kind", [AsyncPostgres, AsyncPG])
@pytest.mark.parametrize("password", ["right", b"right", lambda: "right", asked_elsewhere])
def test_in_asyncio_a_password_may_also_be_awaited(
    strict_server: PostgresServer, kind: Any, password: Callable[[], Awaitable[bytes]] | str
) -> None:
    """A coroutine function will do as well, for both drivers."""

    async def main() -> None:
        session = await kind(strict_server.url.replace(":right@", "@"), password=password).create(
            labels={}, timeout=SOON
        )
        await session.close()

    asyncio.run(main())


def test_where_nobody_can_await_a_coroutine_function_is_refused(strict_server: PostgresServer) -> None:
    """The refusal comes at once, since it will come again."""
    database = Postgres(strict_server.url.replace(":right@", "@"), password=asked_elsewhere)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="returned a coroutine") as raised:
        database.create(labels={}, timeout=SOON)
    assert database.meaning_of(raised.value) is Meaning.REFUSED


def test_databases_with_other_passwords_are_others() -> None:
    """The password is part of what makes two databases equal, and the function for one of what makes them the same."""
    url = "postgresql://u@h/d"
    for kind in (Postgres, AsyncPostgres, AsyncPG):
        assert kind(url, password="a") == kind(url, password="a")
        assert kind(url, password="a") != kind(url, password="b")


@pytest.mark.parametrize("kind", [Postgres, AsyncPostgres, AsyncPG])
@pytest.mark.parametrize(
    "place",
    [
        "u:p@ssw0rd@host/db",
        "u:1234/ssw0rd@host/db",
        "u:@ssw0rd@host/db",
        "u:p%zzssw0rd@host/db?x",
        "u:1/x?ssw0rd@host/db",
    ],
)
def test_a_url_that_would_spill_its_password_is_refused(kind: Any, place: str) -> None:
    """Where a sign in a password was not written as %.., no piece of it is named, and what may be wrong is."""
    with pytest.raises(BadURL, match="in the password\\? Write it as") as raised:
        kind(f"postgresql://{place}")
    assert "ssw0rd" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("conninfo", ["host=h password=p ssw0rd", "host=h password='ssw0rd", 'host="h" ssw0rd'])
def test_words_that_would_spill_it_are_refused_alike(conninfo: str) -> None:
    """What libpq quotes in its complaint may be a piece of a password."""
    with pytest.raises(BadURL) as raised:
        Postgres(conninfo)
    assert "ssw0rd" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["postgresql://u:p%40ssw0rd@h/d", "postgresql://u@h/d%40e?password=a@b", "postgresql://u:p?w#d@h/d"]
)
def test_signs_that_libpq_understands_are_let_through(url: str) -> None:
    """A URL that makes sense is no business of ours."""
    assert "@" not in repr(Postgres(url)).replace("d@e", "")


def test_what_is_no_url_is_refused_by_asyncpg_unquoted() -> None:
    """asyncpg takes no `key=value` pairs, and their password is not shown."""
    with pytest.raises(BadURL, match="takes a URL") as raised:
        AsyncPG("host=h password=ssw0rd")
    assert "ssw0rd" not in str(raised.value)


def test_a_keyword_that_asyncpg_does_not_know_is_named() -> None:
    """A typo is refused when the database is described."""
    with pytest.raises(BadURL, match="did you mean statement_cache_size"):
        AsyncPG("postgresql://h/d", statment_cache_size=0)


# Labels


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({"a": "x\0y\nz"}, "web a=x?y?z"),
        ({"a": "ä" * 40}, "web a=" + "ä" * 28),
        ({"a": "x" * 99}, "web a=" + "x" * 57),
        ({}, "web"),
    ],
)
def test_labels_become_a_name_that_every_server_takes(labels: dict[str, str], name: str) -> None:
    """What cannot be printed is replaced, and what is too long is cut between two signs."""
    assert application_name(labels, after="web") == name


def test_odd_labels_are_seen_on_the_server(postgres_server: PostgresServer) -> None:
    """A label with a NUL in it opens sessions by every driver, behind the name that a URL gives."""
    url = postgres_server.url + "?application_name=web"
    with pingpool.open(url, size=1, labels={"a": "x\0y"}) as pool, pool.session() as session:
        assert session.execute("SHOW application_name").fetchone() == ("web a=x?y",)

    async def main() -> None:
        session = await AsyncPG(url).create(labels={"a": "x\0y"}, timeout=SOON)
        assert await session.fetchval("SHOW application_name") == "web a=x?y"
        await session.close()

    asyncio.run(main())
