"""MariaDB by aiomysql: what errors mean, what is said of wrong input, and how a session introduces itself."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

import pingpool
from pingpool import CannotFill, Meaning, schemes
from pingpool.databases.mysql import AsyncMySQL
from pingpool.databases.mysql.turns import OFFERS_TLS
from pingpool.errors import BadURL
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers import MariaDBServer, PrivateServer
from tests.databases.waiting import SOON

pytestmark = pytest.mark.server

aiomysql: Any = pytest.importorskip("aiomysql")

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.strict_mariadb"]

ProxyFor = Callable[[PrivateServer], FaultProxy]

PLAIN = "?ssl_disabled=true"


async def answer_of(mysql: AsyncMySQL, statement: str, **labels: str) -> Any:
    """Run a statement in a session of its own and return its first row."""
    session = await mysql.create(labels=labels, timeout=SOON)
    try:
        async with session.cursor() as cursor:
            await cursor.execute(statement)
            return await cursor.fetchone()
    finally:
        await mysql.delete(session, timeout=SOON)


def error_of(mysql: AsyncMySQL, statement: str = "SELECT 1") -> BaseException:
    """Return the error of opening a session, or of a statement in it."""
    with pytest.raises(aiomysql.Error) as raised:
        asyncio.run(answer_of(mysql, statement))
    error: BaseException = raised.value
    return error


def fill_error(mysql: AsyncMySQL, *, io_timeout: float = SOON) -> CannotFill:
    """Return the error of opening a pool."""

    async def main() -> None:
        await pingpool.open_async(mysql, size=2, io_timeout=io_timeout)

    with pytest.raises(CannotFill) as raised:
        asyncio.run(main())
    return raised.value


# Refused


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"password": "wrong"}, "Access denied for user 'root'"),
        ({"user": "nobody"}, "Access denied for user 'nobody'"),
        ({"database": "nothing"}, "Unknown database 'nothing'"),
    ],
)
def test_wrong_credentials_and_names_are_fatal(strict_server: MariaDBServer, wrong: dict[str, str], says: str) -> None:
    """A wrong password, an unknown user or database are named at once, no password is, and none heals by waiting."""
    right = {"user": "root", "password": "right", "database": "test"}
    mysql = AsyncMySQL(strict_server.host, strict_server.port, **{**right, **wrong})
    error = fill_error(mysql)
    assert says in str(error)
    assert wrong.get("password", "right") not in repr(error)
    assert mysql.meaning_of(error.__cause__) is Meaning.REFUSED


@pytest.mark.parametrize("option", ["ssl_verify_identity", "ssl_verify_cert"])
def test_tls_that_is_not_to_be_had_is_named(mariadb_server: MariaDBServer, fault_proxy: ProxyFor, option: str) -> None:
    """Where TLS was asked for, a server without it is told nothing, and waiting will not heal that."""
    proxy = fault_proxy(mariadb_server)
    mysql = AsyncMySQL.from_url(f"{mariadb_server.url_at(proxy.port)}?{option}=true")
    error = fill_error(mysql)
    assert proxy.bytes_up == 0
    assert "SSL is required but the server doesn't support it" in str(error)
    assert mysql.meaning_of(error.__cause__) is Meaning.REFUSED


def test_a_certificate_that_nobody_trusts_is_refused(strict_server: MariaDBServer) -> None:
    """An untrusted certificate is named, and will not heal by waiting."""
    mysql = AsyncMySQL.from_url(strict_server.url + "?ssl_verify_cert=true")
    error = fill_error(mysql)
    assert "certificate verify failed" in str(error)
    assert mysql.meaning_of(error.__cause__) is Meaning.REFUSED


def test_tls_is_used_where_it_is_offered(mariadb_server: MariaDBServer, strict_server: MariaDBServer) -> None:
    """When nothing is said of TLS it is used if the server offers it, and not asked for otherwise, as by PyMySQL."""

    async def speaks_tls(url: str) -> tuple[bool, bool]:
        session = await AsyncMySQL.from_url(url).create(labels={}, timeout=SOON)
        asked, under_way = session.client_flag & OFFERS_TLS, session._writer.get_extra_info("sslcontext")
        session.close()
        return bool(asked), bool(under_way)

    assert asyncio.run(speaks_tls(strict_server.url)) == (True, True)
    assert asyncio.run(speaks_tls(strict_server.url + PLAIN)) == (False, False)
    assert asyncio.run(speaks_tls(mariadb_server.url)) == (False, False)


# Unreachable


def test_a_wrong_host_or_port_is_named_with_the_reason() -> None:
    """`open_async` raises `CannotFill`, whose text names the place and why it could not be reached."""
    for wrong, place, why in (
        (AsyncMySQL("no-such-host.invalid"), "no-such-host.invalid:3306", "Name|name|resolve"),
        (AsyncMySQL("127.0.0.1", 1), "127.0.0.1:1", "Connect call failed"),
        (AsyncMySQL(unix_socket="/no/such/socket"), "/no/such/socket", "No such file"),
    ):
        error = fill_error(wrong)
        assert f"Can't connect to MySQL server on {place} (" in str(error)
        assert any(each in str(error) for each in why.split("|"))
        assert isinstance(error.__cause__, aiomysql.OperationalError)
        assert wrong.meaning_of(error.__cause__) in (Meaning.LOST, Meaning.UNREACHABLE)


@pytest.mark.parametrize("options", ["", "&connect_timeout=1"])
def test_a_host_that_says_nothing_is_given_up_in_time(
    mariadb_server: MariaDBServer, fault_proxy: ProxyFor, options: str
) -> None:
    """A host that takes the connection and says nothing is given up after `io_timeout`, or `connect_timeout`."""
    proxy = fault_proxy(mariadb_server)
    proxy.freeze()
    mysql = AsyncMySQL.from_url(mariadb_server.url_at(proxy.port) + PLAIN + options)

    async def main() -> None:
        limit = SOON if options else 0.2
        with pytest.raises(aiomysql.OperationalError, match=rf"{proxy.port} \(no answer within (0.2|1) s\)"):
            async with asyncio.timeout(2):
                await mysql.create(labels={}, timeout=limit)

    asyncio.run(main())
    fill_error(mysql, io_timeout=0.2)
    proxy.thaw()


def test_a_server_that_is_full_or_down_is_not_fatal(strict_server: MariaDBServer) -> None:
    """Too many connections, a refused connection: these heal by themselves."""
    mysql = AsyncMySQL.from_url(strict_server.url + PLAIN)

    async def open_more() -> None:
        with ExitStack() as others:
            while True:
                others.callback((await mysql.create(labels={}, timeout=SOON)).close)

    with pytest.raises(aiomysql.OperationalError, match="Too many connections") as full:
        asyncio.run(open_more())
    strict_server.stop()
    down = error_of(mysql)
    strict_server.start()
    assert mysql.meaning_of(full.value) is Meaning.TRANSIENT
    assert mysql.meaning_of(down) is Meaning.UNREACHABLE


# Statements


def test_ordinary_errors_lose_nothing(mariadb_server: MariaDBServer) -> None:
    """A wrong statement, a cancelled one, and an error of the application say nothing about the session."""
    mysql = AsyncMySQL.from_url(mariadb_server.url + PLAIN)
    wrong = error_of(mysql, "SELEC 1")
    cancelled = error_of(mysql, "SET STATEMENT max_statement_time = 0.01 FOR SELECT SLEEP(5)")
    for error in (wrong, cancelled):
        assert mysql.meaning_of(error) is Meaning.TRANSIENT
    for error in (KeyError(2013), OSError(2006)):
        assert mysql.meaning_of(error) is Meaning.UNKNOWN
    assert mysql.meaning_of(cancelled) is Meaning.TRANSIENT


# Introductions


def test_a_password_that_changes_is_asked_for_at_each_creation(strict_server: MariaDBServer) -> None:
    """A function as the password is called each time, and may return letters beyond ASCII."""
    asked: list[str] = []

    def read_secret() -> str:
        asked.append(strict_server.password)
        return asked[-1]

    mysql = AsyncMySQL(strict_server.host, strict_server.port, user="root", password=read_secret)
    for password in ("right", "пароль-ä", "right"):
        strict_server.set_password(password)
        assert asyncio.run(answer_of(mysql, "SELECT 1")) == (1,)
    assert asked == ["right", "пароль-ä", "right"]


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ({"team": "sales"}, "shop team=sales"),
        ({"team": "ä" * 500}, "shop team=" + "ä" * 75),
    ],
    ids=["short", "long"],
)
def test_labels_are_seen_on_the_server(strict_server: MariaDBServer, labels: dict[str, str], shown: str) -> None:
    """The labels stand in `program_name` among the session's attributes, behind its own; what is too long is cut."""
    question = (
        "SELECT attr_value FROM performance_schema.session_connect_attrs"
        " WHERE attr_name = 'program_name' AND processlist_id = connection_id()"
    )
    mysql = AsyncMySQL.from_url(strict_server.url + PLAIN + "&program_name=shop")
    assert asyncio.run(answer_of(mysql, question, **labels)) == (shown,)


# Configuration


@pytest.mark.parametrize("scheme", ["mysql", "mariadb"])
def test_a_url_opens_a_pool(mariadb_server: MariaDBServer, scheme: str) -> None:
    """Both schemes are declared, and read as for threads."""
    url = mariadb_server.url.replace("mysql", scheme) + "?autocommit=yes&charset=utf8mb4"
    assert schemes.database_of(url, schemes.ASYNC_GROUP) == AsyncMySQL.from_url(url)

    async def main() -> None:
        async with pingpool.open_async(url, size=1) as pool, pool.session() as session:
            assert isinstance(session, aiomysql.Connection)
            assert session.get_autocommit()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://host/db?ssl_disable=1", "did you mean ssl_disabled"),
        ("mysql://host/db?ssl_disabled=perhaps", "cannot be 'perhaps'"),
        ("mysql://host/db?connect_timeout=soon", "cannot be 'soon'"),
        ("mysql://host/db?ssl=perhaps", "ssl cannot be 'perhaps'"),
        ("mysql://host/db?ssl_ca=/no/such/file", "ssl_ca: .*No such file"),
        ("mysql://host/db?read_timeout=3", "aiomysql has no option 'read_timeout'"),
        ("mysql://host/db?db=x", "db has its place before the question mark"),
        ("mysql://host/db?loop=x", "loop is no option of a URL"),
        ("mysql://host/db?charset=klingon", "knows no charset 'klingon'"),
        ("mysql://host/db?password=x", "before the question mark"),
        ("mysql://host:99999/db", "[Pp]ort"),
        ("mysql://host:port/db", "[Pp]ort"),
        ("mysql://host/a/b", "no slash"),
    ],
)
def test_a_typo_is_named(url: str, says: str) -> None:
    """A URL that makes no sense raises `BadURL` before anything is connected, which says why."""
    with pytest.raises(BadURL, match=says):
        pingpool.open_async(url)


def test_equality_and_repr() -> None:
    """Two descriptions of the same place are equal; the text names the place and no secret."""
    one = AsyncMySQL.from_url("mysql://u:secret@h/db?autocommit=true")
    same = AsyncMySQL("h", user="u", password="secret", database="db", autocommit=True)
    assert one == same
    assert hash(one) == hash(same)
    assert one != AsyncMySQL("h", user="u", password="secret", database="db")
    assert one != AsyncMySQL("h", user="u", password="other", database="db", autocommit=True)
    assert one != AsyncMySQL("h", user="u", password="secret", database="db", autocommit=True, ssl_disabled=True)
    assert repr(one) == "AsyncMySQL(host='h', port=3306, user='u', database='db')"
