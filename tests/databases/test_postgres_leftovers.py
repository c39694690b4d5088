"""PostgreSQL by psycopg, in both worlds: what the last holder left is kept for the next, or never reaches him."""

import asyncio
from contextlib import suppress

import psycopg
import pytest
from psycopg.pq import PipelineStatus

import pingpool
from pingpool.databases.postgres import AsyncPostgres, Postgres
from pingpool.testing.servers import PostgresServer
from tests.databases.postgres_lab import wakes
from tests.databases.waiting import SOON, error_of, until

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]


# Notifications


@pytest.mark.parametrize("look", ["looks_alive", "ping"])
def test_a_notification_that_came_while_idle_is_yielded_at_once(postgres_server: PostgresServer, look: str) -> None:
    """What a look or a ping has read is given to whoever asks by `notifies()`, each notification once."""
    postgres = Postgres(postgres_server.url, autocommit=True)
    session = postgres.create(labels={}, timeout=SOON)
    session.execute("LISTEN news")
    postgres_server.execute("NOTIFY news, 'rain'")
    until(lambda: wakes(session))
    if look == "looks_alive":
        assert postgres.looks_alive(session)
    else:
        postgres.ping(session, timeout=SOON)
    assert [note.payload for note in session.notifies(timeout=0)] == ["rain"]
    assert [note.payload for note in session.notifies(timeout=0)] == []
    session.close()


@pytest.mark.parametrize("look", ["looks_alive", "ping"])
def test_a_notification_is_yielded_at_once_in_asyncio_too(postgres_server: PostgresServer, look: str) -> None:
    """Both worlds keep what came while a session was idle."""

    async def main() -> list[str]:
        postgres = AsyncPostgres(postgres_server.url, autocommit=True)
        session = await postgres.create(labels={}, timeout=SOON)
        await session.execute("LISTEN news")
        postgres_server.execute("NOTIFY news, 'rain'")
        until(lambda: wakes(session))
        if look == "looks_alive":
            assert postgres.looks_alive(session)
        else:
            await postgres.ping(session, timeout=SOON)
        heard = [note.payload async for note in session.notifies(timeout=0)]
        await session.close()
        return heard

    assert asyncio.run(main()) == ["rain"]


# Pipelines


def test_a_pipeline_that_was_left_open_is_not_handed_on(postgres_server: PostgresServer) -> None:
    """The next holder gets another session, in which an error is raised by the statement that made it."""
    with pingpool.open(Postgres(postgres_server.url, autocommit=True), size=1) as pool:
        with pool.session() as first:
            left = first.pipeline()
            left.__enter__()
        with pool.session(timeout=SOON) as second:
            assert second is not first
            assert second.pgconn.pipeline_status == PipelineStatus.OFF
            with pytest.raises(psycopg.errors.DivisionByZero):
                second.execute("SELECT 1/0")


def test_a_pipeline_that_was_left_open_is_not_handed_on_in_asyncio(postgres_server: PostgresServer) -> None:
    """Nor is it there."""

    async def main() -> None:
        async with pingpool.open_async(AsyncPostgres(postgres_server.url, autocommit=True), size=1) as pool:
            async with pool.session() as first:
                left = first.pipeline()
                await left.__aenter__()
            async with pool.session(timeout=SOON) as second:
                assert second is not first
                with pytest.raises(psycopg.errors.DivisionByZero):
                    await second.execute("SELECT 1/0")

    asyncio.run(main())


def test_a_pipeline_that_was_closed_costs_no_session(postgres_server: PostgresServer) -> None:
    """A block `with connection.pipeline()` leaves nothing open."""
    postgres = Postgres(postgres_server.url, autocommit=True)
    session = postgres.create(labels={}, timeout=SOON)
    with session.pipeline():
        session.execute("SELECT 1")
    assert not postgres.needs_reset(session)
    session.pgconn.enter_pipeline_mode()
    assert postgres.needs_reset(session)
    assert "pipeline" in str(error_of(postgres.reset, session, timeout=SOON))
    session.close()


# The driver's own block

IS_GONE = "SELECT to_regclass('pg_temp.mine') IS NULL"


@pytest.mark.parametrize("error", [None, KeyError()], ids=["well", "error"])
def test_a_block_of_the_drivers_own_costs_no_session(postgres_server: PostgresServer, error: Exception | None) -> None:
    """`with connection:` commits, or rolls back, and closes nothing, as in the driver's own pool."""
    with pingpool.open(Postgres(postgres_server.url), size=1) as pool:
        with pool.session() as first, suppress(KeyError), first:
            first.execute("CREATE TEMPORARY TABLE mine (x int)")
            if error is not None:
                raise error
        with pool.session(timeout=SOON) as second:
            assert second is first
            assert second.execute(IS_GONE).fetchone() == (error is not None,)


@pytest.mark.parametrize("error", [None, KeyError()], ids=["well", "error"])
def test_a_block_of_the_drivers_own_in_asyncio_too(postgres_server: PostgresServer, error: Exception | None) -> None:
    """`async with connection:` closes nothing, either."""

    async def main() -> None:
        async with pingpool.open_async(AsyncPostgres(postgres_server.url), size=1) as pool:
            async with pool.session() as first:
                with suppress(KeyError):
                    async with first:
                        await first.execute("CREATE TEMPORARY TABLE mine (x int)")
                        if error is not None:
                            raise error
            async with pool.session(timeout=SOON) as second:
                assert second is first
                assert await (await second.execute(IS_GONE)).fetchone() == (error is not None,)

    asyncio.run(main())
