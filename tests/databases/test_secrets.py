"""No password, nor a piece of one, in what a person may see: texts, causes, contexts, and what things look like."""

import traceback
from dataclasses import dataclass
from typing import Any

import pytest

import pingpool
from pingpool import AsyncPingingPool, Database, PingingPool
from pingpool.databases.callables import Callables
from pingpool.databases.in_threads import InThreads
from pingpool.databases.mysql import AsyncMySQL, MySQL
from pingpool.databases.postgres import AsyncPG, AsyncPostgres, Postgres
from pingpool.databases.redis import AsyncRedis, Redis
from pingpool.databases.sqlite import AsyncSQLite, SQLite
from pingpool.errors import BadURL, BoundElsewhere, CannotFill, PoolError, UnknownScheme, all_behind
from pingpool.schemes import ASYNC_GROUP, GROUP, database_of
from tests.databases.waiting import error_of

SECRET = "s3cr3t"

ALL_SCHEMES = [
    *("sqlite", "postgresql", "postgres", "mysql", "mariadb", "redis", "rediss", "valkey", "valkeys"),
    *("redis+unix", "valkey+unix", "spanner", "asyncpg", "oracle"),
]

PLACES = [
    "user:s3cr3t@host/x",
    "user:s3cr3t@host:notaport/x",
    "user:a/s3cr3t@host/x",
    "user:a?s3cr3t@host/x",
    "user:a#s3cr3t@host/x",
    "user:[s3cr3t@host/x",
    "user:s3cr3t@[host/x",
    "user:s3cr3t@host:0/x",
    "user:s3cr3t@host/x?no_such_option=1",
    "user:s3cr3t@host/x/y/z?no_such_option=1",
    "p/i/d?token=s3cr3t",
    "user@host/x?pasword=s3cr3t",
    "user:s3cr3t@host/x?connect_timeout=soon&port=x",
]

KINDS: list[Any] = [MySQL, AsyncMySQL, Postgres, AsyncPostgres, AsyncPG, Redis, AsyncRedis, SQLite, AsyncSQLite]


def shown(error: BaseException) -> str:
    """Return all that a log, or a tool that looks deeper than one, may show of an error."""
    behind = [f"{each!r} {each} {each.args} {vars(each)}" for each in all_behind(error)]
    return "\n".join([*behind, *traceback.format_exception_only(error)])


def seen_of(url: str, group: str) -> str:
    """Return what is seen of a URL: how its database shows itself, or why it is refused."""
    try:
        return repr(database_of(url, group))
    except PoolError as error:
        return shown(error)


@pytest.mark.parametrize("group", [GROUP, ASYNC_GROUP])
@pytest.mark.parametrize("scheme", ALL_SCHEMES)
def test_no_url_spills_its_password(scheme: str, group: str) -> None:
    """Whatever is wrong with a URL of any scheme, in either world, its password is in no text, cause or context."""
    seen = [seen_of(f"{scheme}://{place}", group) for place in PLACES]
    assert not [each for each in seen if SECRET in each]
    assert sum("BadURL" in each or "UnknownScheme" in each for each in seen) > 2


@pytest.mark.parametrize("url", ["user:s3cr3t@host/x", "s3cr3t@host:5432/x", "s3cr3t", "a@s3cr3t://x", "s3cr3t:x"])
def test_what_is_no_url_is_not_quoted(url: str) -> None:
    """Where no scheme stands, what stands there may be a password."""
    assert SECRET not in shown(error_of(pingpool.open, url))
    assert SECRET not in shown(error_of(PingingPool().bind, url))


@dataclass(eq=False)
class Vault(Database[Any]):
    """A database that a user writes, whose `repr` shows everything."""

    password: str

    def create(self, *, labels: Any, timeout: float) -> Any:
        """Refuse."""
        raise ConnectionRefusedError


@dataclass(eq=False)
class Named(Vault):
    """One with a name."""

    name: str = "the vault"


def test_a_database_is_named_by_its_class_and_its_name() -> None:
    """Errors of a pool do not show the `repr` of a database, which may be a dataclass with a password in it."""
    error = error_of(pingpool.open, Vault(SECRET), size=1)
    assert isinstance(error, CannotFill)
    assert "Vault opens no session" in str(error)
    assert "Named(the vault) opens no session" in str(error_of(pingpool.open, Named(SECRET), size=1))
    with pingpool.open(Callables(object), size=1) as pool:
        further = error_of(pool.bind, Vault(SECRET))
    assert isinstance(further, BoundElsewhere)
    assert SECRET not in shown(error) + shown(further) + repr(InThreads(Vault(SECRET)))


@pytest.mark.parametrize("kind", [*KINDS, InThreads, PingingPool, AsyncPingingPool])
def test_what_was_never_finished_can_be_shown(kind: Any) -> None:
    """A tool that shows the locals of a traceback shows an object whose constructor has refused."""
    assert kind.__name__ in repr(object.__new__(kind))


# URLs that run or read something


@pytest.mark.parametrize("group", [GROUP, ASYNC_GROUP])
@pytest.mark.parametrize("option", ["init_command", "read_default_file", "read_default_group", "local_infile"])
def test_a_url_of_mysql_runs_and_reads_nothing(option: str, group: str) -> None:
    """What runs a statement, or reads a file, is no option of a URL; the error says what to write."""
    with pytest.raises(BadURL, match=rf"{option} is no option of a URL.*write pingpool"):
        database_of(f"mysql://host/db?{option}=1", group)
    MySQL("host", init_command="SET x = 1", local_infile=True)


@pytest.mark.parametrize("group", [GROUP, ASYNC_GROUP])
@pytest.mark.parametrize("option", ["redis_connect_func", "credential_provider", "parser_class", "retry"])
def test_a_url_of_redis_names_no_object(option: str, group: str) -> None:
    """An option that is an object is refused in a URL, before anything is connected, and taken as an argument."""
    with pytest.raises(BadURL, match=rf"{option} is no option of a URL.*write pingpool"):
        database_of(f"redis://host/0?{option}=os.system", group)


# Two packages


class Claim:
    """An entry point of some package."""

    def __init__(self, value: str, package: str) -> None:
        self.name, self.value = "twice", value
        self.dist = type("Package", (), {"name": package})


def test_two_packages_that_claim_a_scheme_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is taken by chance: the error names both."""
    claims = [Claim("one:open", "shop-one"), Claim("two:open", "shop-two")]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: claims)
    with pytest.raises(UnknownScheme, match=r"twice:// is claimed .*shop-one .*shop-two"):
        pingpool.open("twice://x")
