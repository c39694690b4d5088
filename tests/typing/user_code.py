"""Code as users write it, which both type checkers must understand: every `assert_type` is a promise to them."""

import math
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, assert_type

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

import pingpool
from pingpool import (
    AbstractSessionPool,
    AsyncPingingPool,
    Database,
    Histogram,
    Holder,
    Meaning,
    PingingPool,
    PoolTimeout,
    Stats,
)
from pingpool.databases.callables import Callables
from pingpool.databases.dbapi import DBAPI
from pingpool.databases.sqlite import Connection, SQLite
from pingpool.databases.through import Through
from pingpool.errors import PoolFull
from pingpool.plugins import flask, starlette
from pingpool.plugins.sqlalchemy import AsyncPingPool, PingPool
from pingpool.testing import FakeSession, FaultyDatabase


class Line:
    """What a user pools."""

    def say(self, word: str) -> int:
        """Say it."""
        return len(word)


class Exchange(Database[Line]):
    """A database of one's own: only `create` has to be written."""

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Line:
        """Open a line."""
        return Line()


class LargeExchange(Exchange):
    """One that overrides whatever can be."""

    def create_many(self, count: int, *, labels: Mapping[str, str], timeout: float) -> Sequence[Line]:
        """Open several."""
        return [Line()] * count

    def ping(self, session: Line, *, timeout: float) -> None:
        """Prove one."""
        session.say("hello?")

    def delete(self, session: Line, *, timeout: float) -> None:
        """End one."""
        session.say("goodbye")

    def looks_alive(self, session: Line) -> bool:
        """Look."""
        return session.say("") == 0

    def meaning_of(self, error: BaseException) -> Meaning:
        """Tell."""
        return Meaning.LOST if isinstance(error, BrokenPipeError) else super().meaning_of(error)


def a_database_decides_what_is_lent() -> None:
    """The type of a pool's sessions is that of its database."""
    with pingpool.open(Exchange(), size=3) as pool:
        assert_type(pool, PingingPool[Line])
        assert_type(pool.get(), Line)
        assert_type(pool.get(5), Line)
        assert_type(pool.get(timeout=math.inf), Line)
        with pool.session() as line:
            assert_type(line, Line)
            assert_type(line.say("hello"), int)
        with pool.session(0.5) as line:
            pool.put(line)


def a_session_may_leave_its_pool() -> None:
    """It is ended, or its holder's own, or replaced in its turn; and nobody has to wait for one."""
    with pingpool.open(Exchange()) as pool:
        assert_type(pool.get_nowait(), Line)
        pool.put_nowait(pool.get())
        pool.discard(pool.get())
        with pool.session() as line:
            pool.detach(line)
        assert_type(pool.renew(), bool)
        assert_type(pool.renew(timeout=None), bool)


async def so_in_asyncio(pool: AsyncPingingPool[Line]) -> None:
    """By the same words."""
    assert_type(pool.get_nowait(), Line)
    pool.put_nowait(await pool.get())
    await pool.discard(await pool.get())
    async with pool.session() as line:
        await pool.detach(line)
    assert_type(await pool.renew(30), bool)


def a_pool_may_be_made_before_its_database() -> None:
    """A pool is annotated, or told what it lends, where it is created."""
    pool: PingingPool[Line] = PingingPool(10, 10, 3000, None)
    other = PingingPool[Line](size=5, default_timeout=None, labels={"team": "shop"})
    pool.bind(Exchange())
    other.bind(LargeExchange())
    assert_type(other.get(), Line)


def a_pool_may_begin_with_less() -> None:
    """How many sessions are waited for is a number, or None for all."""
    with pingpool.open(Exchange(), size=4, wait_for=0, fill="lazy") as pool:
        assert_type(pool, PingingPool[Line])
        pool.bind(Exchange(), wait_for=2)
        pool.wait(5, sessions=2)
        pool.wait()
    pingpool.open("sqlite:///shop.db", wait_for=None, ping_interval="auto")


def pools_tell_about_themselves() -> None:
    """Figures and attributes have types."""
    pool = PingingPool[Line]()
    assert_type(pool.stats(), Stats)
    assert_type(pool.stats().replaced, Mapping[str, int])
    assert_type(pool.ping(), int)
    assert_type(pool.size, int)
    assert_type(pool.default_timeout, float | None)
    assert_type(pool.ping_interval, float)
    assert_type(pool.stats().idle_limit, float | None)
    assert_type(pool.stats().uses, Histogram)
    assert_type(pool.stats().waits.counts, tuple[int, ...])
    assert_type(pool.stats().creations.sum, float)
    assert_type(pool.stats().health, str)
    assert_type(pool.check(timeout=2), float)
    assert_type(pool.holders(), list[Holder])
    for place, sessions, longest, names in pool.holders():
        assert_type((place, sessions, longest, names), tuple[str, int, float, tuple[str, ...]])
    assert_type(pool.labels, Mapping[str, str])
    assert_type(pool.name, str)


class Waits(pingpool.Observer):
    """An observer of one thing."""

    def lent(self, pool: str, waited: float) -> None:
        """Know what it is told."""
        assert_type(waited, float)


class Beside(pingpool.CallerObserver):
    """An observer that stands beside callers."""

    def not_acquired(self, pool: str, error: BaseException, waited: float) -> None:
        """Know what it is told."""
        assert_type(error, BaseException)


def pools_are_observed() -> None:
    """An observer is an option like any other, in both worlds."""
    pingpool.open("sqlite:///shop.db", observer=Beside())
    pingpool.open("sqlite:///shop.db", observer=Waits())
    pingpool.open_async("sqlite:///shop.db", observer=pingpool.Observer())
    assert_type(PingingPool[Line](observer=Waits()).stats().rolled_back, int)


def the_databases_that_come_along_are_typed() -> None:
    """Each lends its driver's own object."""
    assert_type(pingpool.open(SQLite("shop.db")).get(), Connection)
    assert_type(pingpool.open(DBAPI(lambda: sqlite3.connect("shop.db"), driver=sqlite3)).get(), sqlite3.Connection)
    assert_type(pingpool.open(Callables(Line, ping=lambda line: line.say("?"))).get(), Line)
    assert_type(pingpool.open(FaultyDatabase()).get(), FakeSession)


def say_within(line: Line, timeout: float | None = None) -> int:
    """Say something, and wait for the answer no longer than that."""
    return line.say("?" * int(timeout or 0))


def what_is_left_out_of_a_database_may_be_given() -> None:
    """Functions know what they are called with; those that take a time-out too."""
    database = Callables(
        Line,
        ping=say_within,
        configure=lambda line: line.say("hello"),
        reset=say_within,
        needs_reset=lambda line: line.say("") > 0,
        socket=lambda line: line.say(""),
    )
    assert_type(pingpool.open(database).get(), Line)
    shop = SQLite("shop.db", configure=lambda connection: connection.execute("PRAGMA cache_size = -8000"))
    assert_type(pingpool.open(shop).get(), Connection)


class Record:
    """What wraps a connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


def what_wraps_a_connection_is_lent_as_it_is() -> None:
    """The type of the sessions is the wrapper's."""
    shop = SQLite("shop.db")
    records = Through(shop, create=lambda: Record(shop.open()), unwrap=lambda record: record.connection)
    assert_type(pingpool.open(records).get(), Record)


def a_url_says_nothing_of_types() -> None:
    """What a URL opens is known only when it runs; no annotation is asked for."""
    pool = pingpool.open("sqlite:///shop.db", size=4, busy_timeout=1.5)
    assert_type(pool, PingingPool[Any])
    with pool.session() as connection:
        connection.execute("SELECT 1")


def a_plug_knows_what_it_lends() -> None:
    """The sessions of an application have the type of its database's."""
    shop = SQLite("shop.db")
    assert_type(starlette.Sessions(shop, size=4).pool, PingingPool[Connection])
    assert_type(starlette.AsyncSessions("sqlite:///shop.db", busy_timeout=1).pool, AsyncPingingPool[Any])
    assert_type(flask.Sessions(shop, size=4).session, Connection)
    assert_type(flask.Sessions("sqlite:///shop.db", size=4).pool, PingingPool[Any])


def count(pool: AbstractSessionPool[Line]) -> int:
    """Use any pool of lines."""
    try:
        with pool.session(timeout=1) as line:
            return line.say("one")
    except (PoolTimeout, PoolFull):
        return 0


def a_pool_is_a_session_pool() -> None:
    """Functions may take any pool."""
    assert_type(count(PingingPool[Line]()), int)


def plugged_into_sqlalchemy() -> None:
    """An engine's pool has ours beneath."""
    engine = create_engine("sqlite:///shop.db", poolclass=PingPool, pool_size=2, max_lifetime=3600)
    assert isinstance(engine.pool, PingPool)
    assert_type(engine.pool.pingpool, PingingPool[Any])
    assert_type(engine.pool.pingpool.stats(), Stats)
    assert_type(engine.pool.recreate(), PingPool)
    later = create_async_engine("sqlite+aiosqlite:///shop.db", poolclass=AsyncPingPool, ping_interval=30)
    assert isinstance(later.pool, AsyncPingPool)
    assert_type(later.pool.pingpool, AsyncPingingPool[Any])
    assert_type(PingPool(lambda: sqlite3.connect("shop.db"), pool_size=1).status(), str)
