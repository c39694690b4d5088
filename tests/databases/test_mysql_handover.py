"""What one holder of a MariaDB session leaves to the next, by every driver: the table in docs/mysql.md, by cells.

The table, as data: what is left, what the next holder asks, and what he is answered if it was cleared, and if not.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

import pingpool
from pingpool import CannotFill, PoolError
from pingpool.testing.servers import MariaDBServer
from tests.databases.mysql_drivers import AIOMYSQL, ALL, OTHERS, PYMYSQL, Driver, run, run_async

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]

WHAT_IT_BEGAN_WITH = "SELECT database(), @@sql_mode, @word"


class Left(NamedTuple):
    """Statements that leave something, a question about it, and the answer where nothing is left."""

    statements: tuple[str, ...]
    question: str
    cleared: Any


TRANSACTION = Left(("BEGIN", "INSERT INTO ledger VALUES (7)"), "SELECT count(*) FROM ledger", 0)
SNAPSHOT = Left(("BEGIN", "SELECT * FROM ledger"), "SELECT @@in_transaction", 0)
LOCK_TABLES = Left(("LOCK TABLES ledger READ",), "SELECT count(*) FROM other", 0)
READ_LOCK = Left(("FLUSH TABLES WITH READ LOCK",), "INSERT INTO other SELECT 1 FROM other", None)
AUTOCOMMIT = Left(("SET autocommit = 1",), "SELECT @@autocommit", 0)
USER_VARIABLE = Left(("SET @mine = 5",), "SELECT @mine", None)
SETTING = Left(("SET SESSION lock_wait_timeout = 77",), "SELECT @@lock_wait_timeout = 77", 0)
NAMES = Left(("SET NAMES latin1",), "SELECT @@character_set_client = 'latin1'", 0)
TEMPORARY_TABLE = Left(("CREATE TEMPORARY TABLE ledger SELECT 1",), "SELECT count(*) FROM ledger", 0)
USER_LOCK = Left(("SELECT GET_LOCK('shop', 1)",), "SELECT IS_USED_LOCK('shop')", None)
NEXT_READ_ONLY = Left(("SET TRANSACTION READ ONLY",), "INSERT INTO other SELECT 1 FROM other", None)
DATABASE = Left(("USE mysql",), "SELECT database()", "test")

ALWAYS = {"transaction": TRANSACTION, "snapshot": SNAPSHOT}
ON_RECORD = {"LOCK TABLES": LOCK_TABLES, "read lock": READ_LOCK, "autocommit": AUTOCOMMIT}
ONLY_FULL = {
    "user variable": USER_VARIABLE,
    "setting": SETTING,
    "character set": NAMES,
    "temporary table": TEMPORARY_TABLE,
    "GET_LOCK": USER_LOCK,
    "SET TRANSACTION": NEXT_READ_ONLY,
}
ON_RECORD_FULL = {"database": DATABASE}

NO_WORD_FOR_FULL = ("mysqlclient", "PyMySQL by connect=")
"""Drivers that cannot clear a session."""
CAN_CLEAR = [driver for driver in OTHERS if driver.name not in NO_WORD_FOR_FULL]


@pytest.fixture(scope="module")
def shop(started_mariadb: MariaDBServer) -> Iterator[MariaDBServer]:
    """A server with two tables."""
    for name in ("ledger", "other"):
        started_mariadb.execute(f"CREATE OR REPLACE TABLE {name} (note int) ENGINE=InnoDB")
    yield started_mariadb
    started_mariadb.execute("DROP TABLE ledger, other")


def is_cleared(driver: Driver, database: Any, left: Left, *, error: bool = False) -> bool:
    """Whether the next holder of the same session is answered as if nothing had been left."""
    try:
        is_same, row = driver.hand_over(database, left.statements, left.question, error=error)
    except PoolError:
        raise
    except Exception:  # what the driver's own is: the server refuses the next holder's statement
        return False
    assert is_same
    return (row and row[0]) == left.cleared


by_name = pytest.mark.parametrize("error", [False, True], ids=["well", "error"])


@by_name
@pytest.mark.parametrize("driver", ALL, ids=repr)
@pytest.mark.parametrize("left", ALWAYS)
def test_what_every_driver_rolls_back(shop: MariaDBServer, driver: Driver, left: str, error: bool) -> None:
    """A transaction left open, be it by a SELECT, is ended before the session is lent again."""
    assert is_cleared(driver, driver.database(shop), ALWAYS[left], error=error)


@by_name
@pytest.mark.parametrize("driver", [PYMYSQL, AIOMYSQL], ids=repr)
@pytest.mark.parametrize("left", ON_RECORD)
def test_what_is_let_go_and_put_back_where_there_is_a_record(
    shop: MariaDBServer, driver: Driver, left: str, error: bool
) -> None:
    """Locks of tables, and autocommit by a statement, do not go on to the next holder."""
    assert is_cleared(driver, driver.database(shop), ON_RECORD[left], error=error)


def teach(session: Any) -> None:
    """Have a session of mysql-connector give answers otherwise."""
    kind = type(session.converter)
    session.converter_class = type("Other", (kind,), {"row_to_python": lambda *_: ("otherwise",)})


SET_BY_HAND: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "raise_on_warnings": (lambda s: setattr(s, "raise_on_warnings", True), lambda s: s.raise_on_warnings),
    "get_warnings": (lambda s: setattr(s, "get_warnings", True), lambda s: s.get_warnings),
    "can_consume_results": (lambda s: setattr(s, "can_consume_results", True), lambda s: s.can_consume_results),
    "converter": (teach, lambda s: run(s, "SELECT 5")),
}


@pytest.mark.parametrize("what", SET_BY_HAND)
def test_what_was_set_on_a_connection_of_mysql_connector_is_put_back(shop: MariaDBServer, what: str) -> None:
    """The next holder is answered, and warned, as if nobody had been there."""
    leave, look = SET_BY_HAND[what]
    [driver] = [each for each in OTHERS if each.name == "mysql-connector"]
    with pingpool.open(driver.database(shop), size=1) as pool:
        with pool.session() as first:
            was = look(first)
            leave(first)
        with pool.session() as second:
            assert second is first
            assert look(second) == was


def test_the_longest_packet_of_one_holder_is_not_the_next_ones(shop: MariaDBServer) -> None:
    """He may have made it so short that no statement of another's fits in."""
    with pingpool.open(PYMYSQL.database(shop), size=1) as pool:
        with pool.session() as first:
            was, first.max_allowed_packet = first.max_allowed_packet, 10
        with pool.session() as second:
            assert second is first
            assert second.max_allowed_packet == was


LOCKS = {"LOCK TABLES": LOCK_TABLES, "read lock": READ_LOCK, "GET_LOCK": USER_LOCK}


@pytest.mark.parametrize("driver", ALL, ids=repr)
@pytest.mark.parametrize("left", LOCKS)
def test_locks_are_let_go_after_an_error(shop: MariaDBServer, driver: Driver, left: str) -> None:
    """They outlive a rollback, and would be held for ever by a session that is kept alive."""
    assert is_cleared(driver, driver.database(shop), LOCKS[left], error=True)


@pytest.mark.parametrize("driver", OTHERS, ids=repr)
@pytest.mark.parametrize("left", ["LOCK TABLES", "read lock"])
def test_locks_of_tables_go_on_where_there_is_no_record(shop: MariaDBServer, driver: Driver, left: str) -> None:
    """After a use that ended well nobody knows of them."""
    assert not is_cleared(driver, driver.database(shop, autocommit=True), LOCKS[left])


@pytest.mark.parametrize("driver", ALL, ids=repr)
@pytest.mark.parametrize("left", [*ONLY_FULL, *ON_RECORD_FULL])
def test_what_goes_on_to_the_next_holder(shop: MariaDBServer, driver: Driver, left: str) -> None:
    """A rollback that nothing called for is not made, so the docs say that these stay."""
    if (left, driver.name) == ("SET TRANSACTION", "mysqlclient"):
        pytest.skip("mysqlclient does not tell whether anything is open, and so is rolled back each time")
    assert not is_cleared(driver, driver.database(shop, autocommit=True), {**ONLY_FULL, **ON_RECORD_FULL}[left])


@pytest.mark.parametrize("driver", [PYMYSQL, AIOMYSQL, *CAN_CLEAR], ids=repr)
@pytest.mark.parametrize("left", [*ALWAYS, *ON_RECORD, *ONLY_FULL])
def test_what_a_full_reset_clears(shop: MariaDBServer, driver: Driver, left: str) -> None:
    """With `reset="full"` none of it goes on."""
    if (left, driver.name) == ("character set", "mariadb"):
        pytest.skip("its reset() does not go back to it")
    assert is_cleared(driver, driver.database(shop, reset="full"), {**ALWAYS, **ON_RECORD, **ONLY_FULL}[left])
    assert is_cleared(
        driver, driver.database(shop, reset="full"), {**ALWAYS, **ON_RECORD, **ONLY_FULL}[left], error=True
    )


@pytest.mark.parametrize("driver", [PYMYSQL, AIOMYSQL], ids=repr)
def test_a_full_reset_goes_back_to_the_database(shop: MariaDBServer, driver: Driver) -> None:
    """The server keeps what `USE` has chosen; who is on record says again which it was."""
    assert is_cleared(driver, driver.database(shop, reset="full"), DATABASE)


def test_a_full_reset_goes_back_to_what_the_session_was_opened_with(shop: MariaDBServer) -> None:
    """Not to what its last holder wrote on the connection, for the case that it connects anew."""
    with pingpool.open(PYMYSQL.database(shop, reset="full", init_command="SET @word = 'first'"), size=1) as pool:
        with pool.session() as first:
            was = run(first, WHAT_IT_BEGAN_WITH)
            first.db, first.sql_mode, first.init_command = "mysql", "ANSI", "SET @word = 'last'"
        with pool.session() as second:
            assert second is first
            assert run(second, WHAT_IT_BEGAN_WITH) == was


def test_a_full_reset_goes_back_to_what_the_session_was_opened_with_in_asyncio(shop: MariaDBServer) -> None:
    """The same by aiomysql."""
    database = AIOMYSQL.database(shop, reset="full", init_command="SET @word = 'first'", sql_mode="''")

    async def main() -> None:
        async with pingpool.open_async(database, size=1) as pool:
            async with pool.session() as first:
                was = await run_async(first, WHAT_IT_BEGAN_WITH)
                first.sql_mode, first.init_command = "'ANSI'", "SET @word = 'last'"
            async with pool.session() as second:
                assert second is first
                assert await run_async(second, WHAT_IT_BEGAN_WITH) == was
                assert (second.sql_mode, second.init_command) == ("''", "SET @word = 'first'")

    asyncio.run(main())


@pytest.mark.parametrize("driver", ALL, ids=repr)
def test_a_function_clears_what_it_likes(shop: MariaDBServer, driver: Driver) -> None:
    """A function given as `reset=` is called each time, after the rollback."""
    seen: list[Any] = []
    database = driver.database(shop, reset=seen.append)
    assert is_cleared(driver, database, TRANSACTION)
    assert len(seen) >= 2  # of the new session, and when it came back


@pytest.mark.parametrize("driver", ALL, ids=repr)
@pytest.mark.parametrize("reset", ["rollback", "full"])
def test_a_distributed_transaction_costs_the_session(shop: MariaDBServer, driver: Driver, reset: str) -> None:
    """A rollback does not end it, so the session is ended, and its writes with it."""
    if reset == "full" and driver.name in NO_WORD_FOR_FULL:
        pytest.skip("it cannot clear a session")
    left = ("XA START 'shop'", "INSERT INTO ledger VALUES (7)")
    database = driver.database(shop, reset=reset)
    assert driver.hand_over(database, left, "SELECT count(*) FROM ledger") == (False, (0,))


@pytest.mark.parametrize("driver", [each for each in OTHERS if each.name in NO_WORD_FOR_FULL], ids=repr)
def test_a_driver_that_cannot_clear_a_session_is_told_at_once(shop: MariaDBServer, driver: Driver) -> None:
    """A pool that would replace each session after each use does not open."""
    with pytest.raises(CannotFill, match="cannot clear a session: give a function as reset="):
        pingpool.open(driver.database(shop, reset="full"), size=1)
