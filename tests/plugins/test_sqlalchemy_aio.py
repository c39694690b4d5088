"""SQLAlchemy's async engines over pingpool: the same promises, by each driver."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("greenlet")

from sqlalchemy import URL, event, exc, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.util import greenlet_spawn

from pingpool.plugins.sqlalchemy import AsyncPingPool
from pingpool.testing.servers import MariaDBServer, PostgresServer
from tests.databases.postgres_drivers import in_asyncio
from tests.databases.waiting import SOON, until, until_in_asyncio

pytest_plugins = ["pingpool.testing.fixtures"]

SIZE = 3
POSTGRES = ("psycopg", "asyncpg")


@asynccontextmanager
async def engine_on(url: str | URL, **options: Any) -> AsyncIterator[AsyncEngine]:
    """Make an engine, and dispose of it."""
    engine = create_async_engine(url, poolclass=AsyncPingPool, **{"pool_timeout": SOON, **options})
    try:
        yield engine
    finally:
        await engine.dispose()


def by(driver: str, server: PostgresServer | MariaDBServer) -> str:
    """Return the server's URL for a driver, as SQLAlchemy writes it."""
    return f"{server.url.partition(':')[0]}+{driver}:{server.url.partition(':')[2]}"


def below(engine: AsyncEngine) -> Any:
    """Return the pool beneath."""
    pool = engine.pool
    assert isinstance(pool, AsyncPingPool)
    return pool.pingpool


async def ask(engine: AsyncEngine, statement: str = "SELECT 1") -> Any:
    """Check a connection out, and run a statement."""
    async with engine.connect() as connection:
        return (await connection.execute(text(statement))).scalar()


async def fill(engine: AsyncEngine) -> list[Any]:
    """Have all connections opened, and return their records."""
    lent = [await engine.connect() for _ in range(SIZE)]
    records = [(await each.get_raw_connection())._connection_record for each in lent]  # type: ignore[attr-defined]
    for each in lent:
        await each.close()
    return records


@in_asyncio
async def test_sessions_of_the_orm_work(tmp_path: Path) -> None:
    """In many tasks, with fewer connections than there are tasks."""

    class Base(DeclarativeBase):
        pass

    class Order(Base):
        __tablename__ = "orders"
        id: Mapped[int] = mapped_column(primary_key=True)
        item: Mapped[str]

    async with engine_on(f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}", pool_size=2) as engine:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

        async def order(number: int) -> None:
            async with AsyncSession(engine) as session, session.begin():
                session.add(Order(item=f"item {number}"))

        await asyncio.gather(*map(order, range(20)))
        assert await ask(engine, "SELECT count(*) FROM orders") == 20
        assert below(engine).stats().created <= 2


@in_asyncio
async def test_events_come_as_ever(tmp_path: Path) -> None:
    """Of opening, lending, resetting and closing, once each."""
    seen: list[str] = []
    async with engine_on(f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}") as engine:
        for name in ("connect", "checkout", "reset", "checkin", "close"):
            event.listen(engine.sync_engine, name, lambda *_, name=name: seen.append(name))
        await ask(engine)
        await ask(engine)
    assert seen == ["connect", *["checkout", "reset", "checkin"] * 2, "close"]


@in_asyncio
async def test_waiting_in_vain_raises_the_error_of_sqlalchemy(tmp_path: Path) -> None:
    """And who is cancelled in line leaves nothing behind."""
    async with engine_on(f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}", pool_size=1) as engine:
        async with engine.connect() as connection:
            waiting = asyncio.create_task(ask(engine))
            await until_in_asyncio(lambda: below(engine).stats().waiting)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert (await connection.execute(text("SELECT 2"))).scalar() == 2
        assert await ask(engine) == 1
        assert below(engine).stats().created == 1
    async with engine_on(f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}", pool_size=1, pool_timeout=0.01) as engine:
        await below_opened(engine)
        async with engine.connect():
            with pytest.raises(exc.TimeoutError):
                await ask(engine)


async def below_opened(engine: AsyncEngine) -> None:
    """Wait until a connection is open: a checkout may have been too late for it on a busy machine."""
    while not below(engine).stats().idle:
        try:
            await ask(engine)
        except exc.TimeoutError:
            await asyncio.sleep(0.01)


@in_asyncio
async def test_an_engine_is_used_again_after_its_disposal(tmp_path: Path) -> None:
    """What was lent before goes on until it comes back."""
    async with engine_on(f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}") as engine:
        async with engine.connect() as lent:
            inside: Any = (await lent.get_raw_connection()).driver_connection
            await engine.dispose()
            assert (await lent.execute(text("SELECT 2"))).scalar() == 2
            assert await ask(engine) == 1
        thread = getattr(inside, "_thread", inside)  # older versions of aiosqlite's connection are threads themselves
        await until_in_asyncio(lambda: not thread.is_alive())


@pytest.mark.parametrize("is_of_engine", [True, False])
@in_asyncio
async def test_who_waits_while_the_pool_is_disposed_of_is_served_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_of_engine: bool
) -> None:
    """Also if another task was quicker, and has opened that."""
    async with engine_on(f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}", pool_size=1) as engine:
        await ask(engine)
        first = below(engine)

        async def get_too_late() -> Any:
            await (engine.dispose() if is_of_engine else greenlet_spawn(engine.pool.dispose))
            await ask(engine)
            return await type(first).get(first)

        monkeypatch.setattr(first, "get", get_too_late)
        old: Any = engine.pool
        assert await ask(engine) == 1
        assert below(engine) is not first
        assert below(engine).stats().idle == 1
        assert old.pingpool.closed is is_of_engine


@pytest.mark.server
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("driver", POSTGRES)
def test_an_engine_is_used_again_in_another_loop_after_its_disposal(
    postgres_server: PostgresServer, driver: str
) -> None:
    """Also if that comes only when the first loop is closed, where nothing can be closed any more."""
    engine = create_async_engine(by(driver, postgres_server), poolclass=AsyncPingPool)
    gone = weakref.ref(below(engine))

    async def begin_anew() -> Any:
        await engine.dispose()
        answer = await ask(engine)
        await engine.dispose()
        return answer

    def is_collected() -> bool:
        gc.collect()
        return gone() is None

    assert asyncio.run(ask(engine)) == 1
    assert asyncio.run(begin_anew()) == 1
    until(is_collected)


@pytest.mark.server
@pytest.mark.parametrize("driver", POSTGRES)
@in_asyncio
async def test_what_postgresql_refuses_is_told_at_once(postgres_server: PostgresServer, driver: str) -> None:
    """Nobody waits for what will not heal by itself."""
    url = make_url(by(driver, postgres_server)).set(database="nowhere")
    async with engine_on(url, pool_timeout=10 * SOON) as engine:
        with pytest.raises(Exception, match="does not exist"):  # 2.0 lets asyncpg's own pass
            await ask(engine)


@pytest.mark.server
@pytest.mark.parametrize("driver", POSTGRES)
@in_asyncio
async def test_no_checkout_fails_after_all_backends_were_killed(postgres_server: PostgresServer, driver: str) -> None:
    """Again and again: each is replaced before anybody gets it, by a look at its socket."""
    async with engine_on(by(driver, postgres_server), pool_size=SIZE) as engine:
        await killed_and_well(engine, postgres_server.terminate_backends)


@pytest.mark.server
@in_asyncio
async def test_no_checkout_fails_after_mysql_killed_all(mariadb_server: MariaDBServer) -> None:
    """By aiomysql."""
    async with engine_on(by("aiomysql", mariadb_server), pool_size=SIZE) as engine:
        await killed_and_well(engine, mariadb_server.terminate_backends)


async def killed_and_well(engine: AsyncEngine, kill: Callable[[], int]) -> None:
    """Invalidate one connection, then kill all three times, and have nobody notice."""
    async with engine.connect() as connection:
        await connection.invalidate()
    assert await ask(engine) == 1
    assert below(engine).stats().created == 2
    look = below(engine)._database.looks_alive
    for round in range(1, 4):
        records = await fill(engine)
        assert kill() >= SIZE
        await until_in_asyncio(lambda records=records: not any(map(look, records)))
        assert [await ask(engine) for _ in range(2 * SIZE)] == [1] * 2 * SIZE
        assert below(engine).stats().replaced["gone"] == round * SIZE


@pytest.mark.server
@pytest.mark.parametrize("driver", POSTGRES)
@in_asyncio
async def test_idle_connections_are_kept_alive(postgres_server: PostgresServer, driver: str) -> None:
    """By pings, which leave no transaction open."""
    async with engine_on(by(driver, postgres_server), pool_size=1, ping_interval=0.05) as engine:
        backend = await ask(engine, "SELECT pg_backend_pid()")
        await until_in_asyncio(lambda: below(engine).stats().pings >= 3)
        assert await ask(engine, "SELECT pg_backend_pid()") == backend
        states = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        await until_in_asyncio(lambda: not int(postgres_server.execute(states)[0][0]))
