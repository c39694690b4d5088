"""SQLAlchemy's engines over pingpool, among threads: what SQLAlchemy promises holds."""

import gc
import sqlite3
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

sqlalchemy = pytest.importorskip("sqlalchemy")

from sqlalchemy import Engine, create_engine, event, exc, text  # noqa: E402
from sqlalchemy.ext.asyncio import create_async_engine  # noqa: E402
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column  # noqa: E402

from pingpool import PoolClosed  # noqa: E402
from pingpool.database import named  # noqa: E402
from pingpool.plugins.sqlalchemy import AsyncPingPool, PingPool  # noqa: E402
from pingpool.plugins.sqlalchemy.records import Records  # noqa: E402
from tests.databases.waiting import SOON, until  # noqa: E402
from tests.plugins.sqlalchemy_lab import ask, pool_of  # noqa: E402

pytest_plugins = ["tests.plugins.sqlalchemy_engines"]


def test_connections_are_opened_on_demand_and_kept(engine: Engine) -> None:
    """An engine that was only made has none; one that is used again and again has one."""
    assert pool_of(engine).pingpool.stats().open == 0
    assert [ask(engine) for _ in range(5)] == [1] * 5
    assert pool_of(engine).pingpool.stats().created == 1
    assert pool_of(engine).status().startswith("Pool size: 1  Connections in pool: 1 ")


def test_events_come_as_ever(engine: Engine) -> None:
    """Of opening, lending, resetting and closing, once each."""
    seen: list[str] = []
    for name in ("first_connect", "connect", "checkout", "reset", "checkin", "close", "invalidate"):
        event.listen(engine, name, lambda *_, name=name: seen.append(name))
    ask(engine)
    ask(engine)
    engine.dispose()
    assert seen == ["first_connect", "connect", *["checkout", "reset", "checkin"] * 2, "close"]


def test_a_transaction_is_rolled_back_by_sqlalchemy(engine: Engine) -> None:
    """So nothing is left for the pool to undo."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (i INTEGER)"))
    with engine.connect() as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
    assert ask(engine, "SELECT count(*) FROM t") == 0
    assert pool_of(engine).pingpool.stats().created == 1
    assert pool_of(engine).pingpool.stats().resets == 0


@pytest.mark.parametrize("is_soft", [False, True])
def test_a_connection_that_was_invalidated_is_replaced(engine: Engine, is_soft: bool) -> None:
    """At once, or the next time that it would be lent."""
    with engine.connect() as connection:
        first = connection.connection.driver_connection
        connection.connection.invalidate(soft=is_soft)
    with engine.connect() as connection:
        assert connection.connection.driver_connection is not first
    assert pool_of(engine).pingpool.stats().created == 2


def test_a_connection_that_was_detached_goes_on(engine: Engine) -> None:
    """It is its holder's own; another takes its place in the pool."""
    connection = engine.connect()
    connection.detach()
    assert ask(engine) == 1
    assert connection.execute(text("SELECT 2")).scalar() == 2
    connection.close()
    assert pool_of(engine).pingpool.stats().created == 2


def test_a_connection_that_is_dropped_comes_back(engine: Engine) -> None:
    """SQLAlchemy notices when it is collected."""
    connection = engine.raw_connection()
    inside = connection.driver_connection
    del connection
    gc.collect()
    with engine.connect() as again:
        assert again.connection.driver_connection is inside


def test_waiting_in_vain_raises_the_error_of_sqlalchemy(engine_of: Callable[..., Engine], tmp_path: Path) -> None:
    """Its text says who holds the connections: the application's line."""
    engine = engine_of(f"sqlite:///{tmp_path / 'shop.db'}", pool_size=1, pool_timeout=0.01)
    with suppress(exc.TimeoutError):
        ask(engine)  # on a busy machine it is late, and there for the next one
    pool_of(engine).pingpool.wait(SOON, 1)
    with engine.connect(), pytest.raises(exc.TimeoutError, match=r"held by plugins/test_sqlalchemy\.py"):
        ask(engine)


def test_what_the_driver_refuses_is_told_at_once(engine_of: Callable[..., Engine], tmp_path: Path) -> None:
    """As the driver's error, which SQLAlchemy wraps as ever."""
    engine = engine_of(f"sqlite:///{tmp_path / 'nowhere' / 'shop.db'}")
    with pytest.raises(exc.OperationalError, match="unable to open database file"):
        ask(engine)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql+psycopg://bob:secret@db:5433/shop", "Records(postgresql+psycopg://db:5433/shop)"),
        ("postgresql+psycopg2://bob:secret@db/shop", "Records(postgresql+psycopg2://db/shop)"),
        ("mysql+pymysql://bob:secret@db/shop", "Records(mysql+pymysql://db/shop)"),
        ("sqlite:///shop.db", "Records(sqlite+pysqlite)"),
    ],
)
def test_the_log_names_the_database_of_an_engine(engine_of: Callable[..., Engine], url: str, name: str) -> None:
    """As its URL does, without the user and the password."""
    assert named(Records(pool_of(engine_of(url)))) == name


def test_a_creator_of_ones_own_names_no_database(engine_of: Callable[..., Engine]) -> None:
    """Where it leads only its author knows; the dialect is named."""
    for creator in (lambda: sqlite3.connect(":memory:"), partial(sqlite3.connect, ":memory:")):
        assert named(Records(pool_of(engine_of("sqlite://", creator=creator)))) == "Records(sqlite+pysqlite)"


def test_the_error_of_a_creator_is_told_at_once(engine_of: Callable[..., Engine]) -> None:
    """As it is: it is no driver's."""

    class OutOfPaper(Exception):
        """An error of the application's."""

    def creator() -> Any:
        raise OutOfPaper

    with pytest.raises(OutOfPaper):
        ask(engine_of("sqlite://", creator=creator))


def test_an_engine_is_used_again_after_its_disposal(engine: Engine) -> None:
    """By a new pool with the same options; what was lent before is closed when it comes back."""
    with engine.connect() as lent:
        before, inside = pool_of(engine), lent.connection.driver_connection
        engine.dispose()
        assert lent.execute(text("SELECT 2")).scalar() == 2
        assert ask(engine) == 1
        assert pool_of(engine) is not before
        assert pool_of(engine).size() == before.size()
        assert pool_of(engine).timeout() == before.timeout()
    until(lambda: is_closed(inside))


def test_a_pool_is_used_again_after_its_disposal(engine: Engine) -> None:
    """Without an engine that makes another one."""
    pool = pool_of(engine)
    lent = pool.connect()
    inside = lent.driver_connection
    pool.dispose()
    pool.connect().close()
    lent.close()
    assert is_closed(inside)
    pool.connect().close()
    assert pool.checkedin() == 1


def test_who_waits_while_the_pool_is_disposed_of_is_served_by_the_next_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if another caller was quicker, and has opened that."""
    pool = pool_of(engine)
    ask(engine)

    def get_too_late() -> Any:
        pool.dispose()
        pool.connect().close()
        return type(below).get(below)

    below = pool.pingpool
    monkeypatch.setattr(below, "get", get_too_late)
    pool.connect().close()
    assert pool.checkedin() == 1


@pytest.mark.parametrize("is_early", [True, False])
def test_who_waits_while_an_engine_is_disposed_of_gets_a_connection_of_its_next_pool(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, is_early: bool
) -> None:
    """Nothing stays open in the old pool, also if it was opened before there was a next one."""
    ask(engine)
    old = pool_of(engine)
    below = old.pingpool

    def get_too_late() -> Any:
        if is_early:
            monkeypatch.setattr(below, "close", close_and_ask)
        engine.dispose()
        return type(below).get(below)

    def close_and_ask() -> None:
        type(below).close(below)
        old.connect().close()

    monkeypatch.setattr(below, "get", get_too_late)
    old.connect().close()
    assert pool_of(engine).checkedin() == 1
    assert old.pingpool.closed
    assert (old.pingpool is below) is not is_early
    old.connect().detach()
    assert pool_of(engine).checkedout() == 0


def test_a_pool_that_is_opened_while_it_is_disposed_of_is_opened_once_more(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks between the two steps of a disposal gets a pool that lasts."""
    pool = pool_of(engine)
    ask(engine)
    below = pool.pingpool

    def close_too_late() -> None:
        pool.connect().close()
        type(below).close(below)

    monkeypatch.setattr(below, "close", close_too_late)
    pool.dispose()
    for _ in range(2):
        pool.connect().close()
    assert pool.pingpool is not below


def test_a_pool_that_was_closed_by_hand_stays_closed(engine: Engine) -> None:
    """Only a disposal is followed by another one."""
    ask(engine)
    pool_of(engine).pingpool.close()
    with pytest.raises(PoolClosed):
        pool_of(engine).connect()


def is_closed(connection: Any) -> bool:
    """Is a connection of sqlite3 closed?"""
    try:
        connection.total_changes  # noqa: B018
    except sqlite3.ProgrammingError:
        return True
    return False


def test_an_engine_that_nobody_holds_is_collected(tmp_path: Path) -> None:
    """With its connections and its threads, also without a dispose()."""
    engine = create_engine(f"sqlite:///{tmp_path / 'shop.db'}", poolclass=PingPool)
    ask(engine)
    pool = weakref.ref(pool_of(engine).pingpool)
    del engine
    with pytest.warns(ResourceWarning, match="dropped without being closed"):
        until(lambda: (gc.collect() and False) or pool() is None)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"pool_size": 0}, ValueError),
        ({"max_overflow": -1}, ValueError),
        ({"pool_size": "10"}, TypeError),
        ({"pool_use_lifo": True}, TypeError),
        ({"ping_interval": -1}, ValueError),
        ({"max_lifetime": 0}, ValueError),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], error: type[Exception]) -> None:
    """When the engine is made."""
    with pytest.raises(error):
        create_engine("sqlite:///shop.db", poolclass=PingPool, **options)


@pytest.mark.parametrize("memory", ["", "/:memory:", "/file::memory:?uri=true", "/file:shop?mode=memory&uri=true"])
@pytest.mark.parametrize(
    ("scheme", "make", "pool"),
    [("sqlite", create_engine, PingPool), ("sqlite+aiosqlite", create_async_engine, AsyncPingPool)],
)
def test_a_memory_of_one_connection_is_refused(scheme: str, make: Any, pool: type, memory: str) -> None:
    """Each connection would see another database, and an empty one: that is told when the engine is made."""
    with pytest.raises(ValueError, match="StaticPool"):
        make(f"{scheme}://{memory}", poolclass=pool)


def test_a_memory_that_connections_share_is_none_of_one_connection(engine_of: Callable[..., Engine]) -> None:
    """SQLite can share one among the connections of a process; what one has written, the others read."""
    url = "sqlite:///file:shared?mode=memory&cache=shared&uri=true"
    engine = engine_of(url, connect_args={"check_same_thread": False})
    with engine.connect() as one, engine.connect() as other:
        one.execute(text("CREATE TABLE orders (item text)"))
        one.commit()
        assert other.execute(text("SELECT count(*) FROM orders")).scalar() == 0


@pytest.mark.parametrize("name", ["mode=memory.db", "shop?mode=memory", ":memory:.db"])
def test_a_file_may_be_named_like_a_memory(engine_of: Callable[..., Engine], tmp_path: Path, name: str) -> None:
    """What is no address for SQLite is the path of a file, whatever is in it."""
    engine = engine_of(sqlalchemy.URL.create("sqlite", database=str(tmp_path / name)))
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA database_list")).one()[2] == str(tmp_path / name)


def test_a_creator_may_speak_of_the_engine_that_it_will_belong_to(tmp_path: Path) -> None:
    """Until the engine is made, that variable of its surroundings is empty."""

    def connect() -> sqlite3.Connection:
        assert engine.dialect.name == "sqlite"
        return sqlite3.connect(tmp_path / "shop.db", check_same_thread=False)

    engine = create_engine("sqlite://", creator=connect, poolclass=PingPool)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()


def test_options_arrive_at_the_pool(engine_of: Callable[..., Engine]) -> None:
    """Those of pingpool by their names, those of SQLAlchemy's pools by theirs."""
    engine = engine_of("sqlite:///shop.db", pool_size=2, max_overflow=1, pool_recycle=1800, ping_interval=30)
    below = pool_of(engine).pingpool
    assert (below.size, below.ping_interval) == (3, 30)
    assert below._options.max_lifetime == 1800


def test_sessions_of_the_orm_work(engine_of: Callable[..., Engine], tmp_path: Path) -> None:
    """From many threads, with fewer connections than there are threads."""

    class Base(DeclarativeBase):
        pass

    class Order(Base):
        __tablename__ = "orders"
        id: Mapped[int] = mapped_column(primary_key=True)
        item: Mapped[str]

    engine = engine_of(f"sqlite:///{tmp_path / 'shop.db'}", pool_size=2, connect_args={"timeout": SOON})
    Base.metadata.create_all(engine)

    def order(number: int) -> None:
        with Session(engine) as session, session.begin():
            session.add(Order(item=f"item {number}"))

    with ThreadPoolExecutor(8) as people:
        list(people.map(order, range(20)))
    assert ask(engine, "SELECT count(*) FROM orders") == 20
    assert pool_of(engine).pingpool.stats().created <= 2
