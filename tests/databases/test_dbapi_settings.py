"""What one holder taught a connection of PEP 249, set on it or locked by it is not the next one's."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import pingpool
from pingpool.databases.common.attributes import copied
from pingpool.databases.dbapi import DBAPI
from pingpool.testing.servers import PostgresServer
from tests.databases.dbapi_drivers import Driver, pg8000, psycopg2
from tests.databases.waiting import SOON, until

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]


def see_five(connection: Any) -> Any:
    """Return a number as the connection gives it."""
    cursor = connection.cursor()
    cursor.execute("SELECT 5")
    return [*cursor.fetchone()]


def be_noticed(connection: Any) -> None:
    """Have the server send a notice and a notification."""
    for statement in ("LISTEN shop", "NOTIFY shop, 'secret'", "DO $$ BEGIN RAISE NOTICE 'secret'; END $$"):
        connection.cursor().execute(statement)
    connection.commit()
    connection.cursor().execute("UNLISTEN shop")
    connection.commit()


def read_otherwise_by_psycopg2(connection: Any) -> None:
    """Have numbers read otherwise."""
    extensions: Any = import_module("psycopg2.extensions")
    extensions.register_type(extensions.new_type((23,), "OTHER", lambda *_: "otherwise"), connection)


def read_otherwise_by_pg8000(connection: Any) -> None:
    """The same."""
    connection.register_in_adapter(23, lambda _: "otherwise")


@pytest.mark.parametrize(
    ("make", "leave", "look"),
    [
        (psycopg2, read_otherwise_by_psycopg2, see_five),
        (psycopg2, be_noticed, lambda connection: (list(connection.notices), list(connection.notifies))),
        (psycopg2, lambda connection: connection.set_client_encoding("LATIN1"), lambda connection: connection.encoding),
        (psycopg2, lambda connection: setattr(connection, "notices", []), lambda connection: connection.notices),
        (pg8000, read_otherwise_by_pg8000, see_five),
        (pg8000, be_noticed, lambda connection: (list(connection.notices), list(connection.notifications))),
        (pg8000, lambda connection: connection.register_out_adapter(int, str), lambda connection: connection.py_types),
        (pg8000, lambda connection: connection.tpc_begin((1, "a", "b")), lambda connection: connection._xid),
    ],
)
def test_what_one_holder_taught_a_connection_or_left_in_it_is_not_the_next_ones(
    postgres_server: PostgresServer,
    make: Callable[[PostgresServer], Driver],
    leave: Callable[[Any], object],
    look: Callable[[Any], Any],
) -> None:
    """How it reads and writes, and what it has heard: tables and lists in it are as they were at first."""
    with make(postgres_server).pool() as pool:
        with pool.session() as connection:
            first = copied(look(connection))
            leave(connection)
        with pool.session(SOON) as again:
            assert again is connection
            assert look(again) == first


def test_a_type_that_was_only_read_needs_no_reset(postgres_server: PostgresServer) -> None:
    """pg8000 makes an entry up in its table for each type that it does not know."""
    with pg8000(postgres_server).pool() as pool:
        with pool.session() as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT '1'::xid8")
            assert [*cursor.fetchone()] == ["1"]
            connection.rollback()
        with pool.session(SOON):
            assert pool.stats().resets == 0


@pytest.mark.parametrize("make", [psycopg2, pg8000])
def test_an_advisory_lock_is_let_go_after_an_error(
    postgres_server: PostgresServer, make: Callable[[PostgresServer], Driver]
) -> None:
    """It outlives a rollback, and keep-alive would hold it for ever."""
    with make(postgres_server).pool() as pool:
        with suppress(LookupError), pool.session() as connection:
            connection.cursor().execute("SELECT pg_advisory_lock(11)")
            raise LookupError
        with pool.session(SOON) as again:
            assert again is connection
            cursor = again.cursor()
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
            assert [*cursor.fetchone()] == [0]


def test_a_server_that_knows_no_advisory_locks_has_none(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is akin to PostgreSQL only keeps its sessions after an error."""
    monkeypatch.setattr("pingpool.databases.dbapi.database.UNLOCK", "SELECT no_such_function()")
    with psycopg2(postgres_server).pool() as pool:
        with suppress(LookupError), pool.session() as connection:
            raise LookupError
        with pool.session(SOON) as again:
            assert again is connection


def test_each_connection_is_put_back_to_its_own_settings(tmp_path: Path) -> None:
    """Though they were opened with different ones; sqlite3's take no weak references."""
    levels: list[Any] = ["IMMEDIATE", None, "EXCLUSIVE"]

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(tmp_path / "shop.db", check_same_thread=False, isolation_level=levels.pop())

    database = DBAPI(connect, driver=sqlite3)
    with pingpool.open(database, size=3, wait_for=None) as pool:
        connections = [pool.get() for _ in range(3)]
        first = {id(connection): connection.isolation_level for connection in connections}
        assert set(first.values()) == {"IMMEDIATE", None, "EXCLUSIVE"}
        for connection in connections:
            connection.isolation_level = "DEFERRED"
            pool.put(connection)
        until(lambda: pool.stats().idle == 3)
        assert {id(connection): connection.isolation_level for connection in connections} == first
        for connection in connections:
            assert not database.needs_reset(connection)
        pool.detach(pool.get())
        pool.discard(pool.get())
        levels += ["IMMEDIATE", "IMMEDIATE"]
        until(lambda: pool.stats().idle == 3)
    assert len(database._settings._first) == 0
