"""Whatever a method of a database raises, and whenever: nothing is lost.

Each case takes a pool through a small life in which every method is called, while one of them raises; then the database
is well again, and every slot must be live.
"""

import contextlib
from collections.abc import AsyncIterator

import pytest

from pingpool import Database, PoolError
from pingpool.testing import SessionDied, TransactionalDatabase, Trouble
from tests.contract.world import Pool, World, start

METHODS = [
    name
    for name in dir(Database)
    if not name.startswith("_") and getattr(TransactionalDatabase, name) is not getattr(Database, name)
]


class Interrupt(BaseException):
    """An error that is no Exception."""


ERRORS = [Trouble, ConnectionError, MemoryError, RecursionError, Interrupt, KeyboardInterrupt, SystemExit]


@contextlib.asynccontextmanager
async def surviving(error: type[BaseException]) -> AsyncIterator[None]:
    """Let nothing out but what nobody expects."""
    try:
        yield
    except (PoolError, SessionDied, Interrupt, error):
        pass


async def live(world: World, pool: Pool, database: TransactionalDatabase, error: type[BaseException]) -> None:
    """Have every method of the database called, in each of the ways in which a pool calls it."""
    # A session is looked at, left open, and reset.
    async with surviving(error), pool.session(0) as session:
        session.left_open = True
    await world.rest()
    # A session dies in use: the database is asked what that means, and the others are checked.
    async with surviving(error), pool.session(0) as session:
        database.kill(session)
        session.use()
    await pool.ping()
    # A block is interrupted: the database is asked whether the session survived.
    async with surviving(error), pool.session(0):
        raise Interrupt
    await world.rest()
    # All die while idle, and are found out.
    database.kill_all()
    await world.advance(60, step=30)
    await pool.ping()
    await world.advance(60, step=30)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("method", METHODS)
async def test_nothing_is_lost(world: World, method: str, error: type[BaseException]) -> None:
    """A method that raises, always, costs at most the sessions it was about: afterwards every slot is live again."""
    database = TransactionalDatabase()
    pool = await world.open(database, size=3, workers=3, io_timeout=5)
    database.fail(method, error)
    await live(world, pool, database, error)
    await world.heal(pool)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("method", ["create", "delete", "abort"])
async def test_nothing_is_lost_when_a_call_hangs_too(world: World, method: str, error: type[BaseException]) -> None:
    """A check that hangs is given up and aborted; if ending it, aborting it or replacing it fails, nothing is lost."""
    database = TransactionalDatabase()
    pool = await world.open(database, size=3, workers=3, io_timeout=5)
    await world.advance(60, step=30)
    database.fail(method, error)
    with database.hanging("ping", times=1):
        round = start(pool.ping())
        await world.until(lambda: database.calls["ping"] == 3 and pool.stats().checking == 1)
        assert await world.pass_time_until(round, step=5) == 2
    await world.until(lambda: database.calls["abort"] >= 1)
    await world.heal(pool)
