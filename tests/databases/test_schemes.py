"""Options beside a URL, and URLs that name a driver: what goes to the database, what to the pool, what is refused."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

import pingpool
from pingpool.databases.mysql import AsyncMySQL, MySQL
from pingpool.databases.postgres import AsyncPG, AsyncPostgres, Postgres
from pingpool.databases.redis import AsyncRedis, Redis
from pingpool.databases.sqlite import SQLite
from pingpool.errors import BadURL, PoolError, UnknownScheme
from pingpool.schemes import ASYNC_GROUP, GROUP, addressed, database_of
from pingpool.testing import FaultyDatabase

BOTH = pytest.mark.parametrize("group", [GROUP, ASYNC_GROUP])
OF_BOTH = ("postgresql://h/db", "mysql://h/db", "redis://h/0", "sqlite:///f.db")


def refusal(url: Any, group: str = GROUP, **options: Any) -> str:
    """Return why a URL, or an option beside it, is refused."""
    with pytest.raises((PoolError, TypeError)) as raised:
        addressed(url, options, group)
    assert raised.value.__cause__ is None
    return str(raised.value)


@BOTH
@pytest.mark.parametrize("url", [*OF_BOTH, "spanner://p/i/d"])
@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("pool_size=5", "size=5"),
        ("size=05", "size=5"),
        ("max_size=5&x=1", "size=5"),
        ("pool_timeout=7", "default_timeout=7"),
        ("timeout=7", "default_timeout=7"),
        ("ping_interval=auto", "ping_interval=…"),
        ("pool_recycle=60&pool_size=3", "max_lifetime=60, size=3"),
        ("max_overflow=2", "size=… (a pool has a fixed size)"),
        (
            "pool_pre_ping=true",
            "nothing (idle sessions are proven in the background; ping_interval=0 would ask at each checkout)",
        ),
        ("name=s3cr#et", "name=…"),
    ],
)
def test_options_of_the_pool_do_not_stand_in_a_url(url: str, asked: str, written: str, group: str) -> None:
    """Whoever writes them there, also in another pool's words, is told what to write instead."""
    opener = {GROUP: "pingpool.open", ASYNC_GROUP: "pingpool.open_async"}[group]
    assert refusal(f"{url}?{asked}", group) == (f"pool options do not stand in the URL: write {opener}(url, {written})")


@pytest.mark.parametrize(
    ("url", "group", "options", "database"),
    [
        (
            "postgresql://h/db",
            GROUP,
            {"autocommit": True, "user": "u"},
            Postgres("postgresql://u@h/db", autocommit=True),
        ),
        ("postgresql://h/db", ASYNC_GROUP, {"role": "any"}, AsyncPostgres("postgresql://h/db", role="any")),
        ("asyncpg://h/db", ASYNC_GROUP, {"ssl": False}, AsyncPG("postgresql://h/db", ssl=False)),
        ("mysql://u@h/db", GROUP, {"password": "p"}, MySQL("h", user="u", password="p", database="db")),
        ("mysql://h/db", ASYNC_GROUP, {"echo": True}, AsyncMySQL("h", database="db", password="", echo=True)),
        ("redis://h/0", GROUP, {"protocol": 3, "reset": "full"}, Redis("h", protocol=3, reset="full")),
        ("redis://h/0?protocol=2", ASYNC_GROUP, {"protocol": 3}, AsyncRedis("h", protocol=3)),
        ("sqlite:///f.db", GROUP, {"reset": "full"}, SQLite("f.db", reset="full")),
    ],
)
def test_what_is_not_the_pools_goes_to_the_database(
    url: str, group: str, options: dict[str, Any], database: object
) -> None:
    """Options beside a URL are divided: the pool has its own, the database's constructor the rest."""
    found, ours = addressed(url, {"size": 3, **options}, group)
    assert found == database
    assert ours == {"size": 3}


def test_an_open_pool_has_both(tmp_path: Path) -> None:
    """`pingpool.open` with a URL takes the options of the pool and of the database."""
    with pingpool.open(f"sqlite:///{tmp_path}/f.db", size=2, busy_timeout=0.25) as pool, pool.session() as session:
        assert isinstance(session, sqlite3.Connection)
        assert session.execute("PRAGMA busy_timeout").fetchone() == (250,)
        assert pool.size == 2


@BOTH
@pytest.mark.parametrize("url", [*OF_BOTH, "spanner://p/i/d"])
def test_a_typo_is_answered_with_the_nearest_name_of_both(url: str, group: str) -> None:
    """Names of the pool and of the database are looked through together."""
    said = refusal(url, group, sise=3)
    assert said == f"neither a pool nor {url.partition(':')[0]}:// has an option sise; did you mean size?"
    assert refusal(url, group, max_size=3).endswith("that is for the pool: write size=… where it is opened")
    assert "did you mean role?" in refusal(url, group, rolle="any") or url.startswith("sqlite")


@pytest.mark.parametrize(
    ("url", "group", "typo", "right"),
    [
        ("postgresql://h/db", GROUP, "autocomit", "autocommit"),
        ("postgresql://h/db", ASYNC_GROUP, "sslmod", "sslmode"),
        ("asyncpg://h/db", ASYNC_GROUP, "comand_timeout", "command_timeout"),
        ("mysql://h/db", GROUP, "charsett", "charset"),
        ("mysql://h/db", ASYNC_GROUP, "ssl_cca", "ssl_ca"),
        ("redis://h/0", GROUP, "protocoll", "protocol"),
        ("sqlite:///f.db", GROUP, "busy_timout", "busy_timeout"),
    ],
)
def test_a_typo_of_a_databases_option_is_answered_too(url: str, group: str, typo: str, right: str) -> None:
    """What the driver takes is known by its name."""
    assert refusal(url, group, **{typo: 1}).endswith(f"did you mean {right}?")


def test_with_a_database_its_options_are_for_it() -> None:
    """A database that is there already takes no options: the error says where they go."""
    postgres = Postgres("host=h")
    assert refusal(postgres, autocommit=True) == (
        "autocommit is an option of the database: give it to that, Postgres(…, autocommit=…)"
    )
    assert refusal(postgres, sise=3) == "a pool has no option sise; did you mean size?"
    assert refusal(FaultyDatabase(), pool_size=3) == (
        "a pool has no option pool_size; that is for the pool: write size=… where it is opened"
    )


@pytest.mark.parametrize(
    ("url", "option"),
    [
        ("postgresql://h/db?autocommit=true", "autocommit"),
        ("postgresql://h/db?row_factory=x", "row_factory"),
        ("postgresql://h/db?role=any", "role"),
        ("postgresql+asyncpg://h/db?command_timeout=5", "command_timeout"),
        ("mysql://h/db?cursorclass=x", "cursorclass"),
        ("mysql://h/db?init_command=x", "init_command"),
        ("redis://h/0?retry=x", "retry"),
    ],
)
def test_what_has_no_place_in_a_url_is_written_beside_it(url: str, option: str) -> None:
    """An object, or an argument of the driver, is refused in the URL with what to write."""
    group = ASYNC_GROUP if "asyncpg" in url else GROUP
    assert f"pingpool.open(url, {option}=…)" in refusal(url, group)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Postgres("host=h", pool_size=3), "write size=…"),
        (lambda: Postgres("host=h", autocomit=True), "did you mean autocommit?"),
        (lambda: Postgres("host=h autocommit=true"), "write autocommit=… beside it"),
        (lambda: Postgres("postgresql://h/db?ssl_mode=require"), "did you mean sslmode?"),
        (lambda: MySQL("h", size=3), "write size=…"),
        (lambda: Redis("h", max_connections=3), "write size=…"),
        (lambda: AsyncPG("postgresql://h", min_size=3), "write size=…"),
    ],
)
def test_a_constructor_answers_a_slip_in_the_same_way(make: Any, says: str) -> None:
    """No hint speaks of passwords where a name is wrong, and none names the very word that was refused."""
    with pytest.raises(BadURL) as raised:
        make()
    assert says in str(raised.value)
    assert "%2F" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "group", "plain"),
    [
        ("postgresql+psycopg://u@h/db", GROUP, Postgres("postgresql://u@h/db")),
        ("postgres+psycopg://u@h/db", GROUP, Postgres("postgres://u@h/db")),
        ("PostgreSQL+Psycopg://u@h/db", ASYNC_GROUP, AsyncPostgres("postgresql://u@h/db")),
        ("postgresql+psycopg_async://u@h/db", ASYNC_GROUP, AsyncPostgres("postgresql://u@h/db")),
        ("postgresql+asyncpg://u@h/db", ASYNC_GROUP, AsyncPG("postgresql://u@h/db")),
        ("mysql+pymysql://u@h/db?charset=utf8mb4", GROUP, MySQL.from_url("mysql://u@h/db?charset=utf8mb4")),
        ("mariadb+pymysql://u@h/db", GROUP, MySQL.from_url("mysql://u@h/db")),
        ("mysql+aiomysql://u@h/db", ASYNC_GROUP, AsyncMySQL.from_url("mysql://u@h/db")),
        ("sqlite+pysqlite:///f.db", GROUP, SQLite("f.db")),
    ],
)
def test_a_url_may_name_the_driver_as_sqlalchemy_does(url: str, group: str, plain: object) -> None:
    """`scheme+driver://` is the scheme where that driver speaks it."""
    assert database_of(url, group) == plain


@pytest.mark.parametrize(
    ("url", "group", "says"),
    [
        ("postgresql+psycopg2://h/db", GROUP, "pingpool.open(DBAPI(lambda: psycopg2.connect(…), driver=psycopg2))"),
        ("postgresql+psycopg2://h/db", GROUP, "write postgresql:// or postgresql+psycopg://, or pingpool.open("),
        ("postgresql+psycopg2://h/db", ASYNC_GROUP, "or pingpool.open_async(InThreads(DBAPI(lambda: psycopg2.connect("),
        ("postgresql+psycopg3://h/db", GROUP, "write postgresql:// or postgresql+psycopg://;"),
        ("postgresql+psycopg_async://h/db", GROUP, "open_async() knows it"),
        ("mysql+mysqlconnector://h/db", GROUP, "pingpool.open(MySQL(connect=lambda: mysql.connector.connect(…)))"),
        ("mariadb+mariadbconnector://h/db", GROUP, "pingpool.open(MySQL(connect=lambda: mariadb.connect(…)))"),
        ("mysql+asyncmy://h/db", ASYNC_GROUP, "write mysql:// or mysql+aiomysql://"),
        ("rediss+redis://h/0", GROUP, "write rediss://"),
        ("mysql+mariadb://h/db", GROUP, "write mysql:// or mysql+pymysql://"),
        ("postgresql+asyncpg://h/db", GROUP, "open_async() knows it"),
        ("sqlite+aiosqlite:///f.db", GROUP, "open_async() knows it"),
        ("mysql+pymysql://h/db", ASYNC_GROUP, "open() knows it"),
        ("mysql+asyncpg://h/db", ASYNC_GROUP, "write mysql:// or mysql+aiomysql://"),
    ],
)
def test_a_driver_that_is_not_ours_is_told_what_to_write(url: str, group: str, says: str) -> None:
    """The error names the way to that driver, or the drivers that there are, or the other opener."""
    with pytest.raises(UnknownScheme) as raised:
        database_of(url, group)
    assert says in str(raised.value)
