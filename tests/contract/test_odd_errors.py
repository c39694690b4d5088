"""Errors of a driver whose texts are odd: whoever is told of them has a line that can be read."""

import pytest

from pingpool import CannotFill, PoolTimeout
from pingpool.testing import FaultyDatabase
from tests.contract.world import World


class Mute(Exception):
    """An error that cannot even say what it is."""

    def __str__(self) -> str:
        raise ValueError("no text")


class Chatty(Exception):
    """An error that would begin another line of a log."""

    def __str__(self) -> str:
        return "refused\n\tINFO all is well\x1b[2J"


def database(error: type[Exception]) -> FaultyDatabase:
    """Return one that opens no session, for this reason."""
    faulty = FaultyDatabase()
    faulty.fail("create", error=error)
    return faulty


@pytest.mark.parametrize("error", [Mute, Chatty, TimeoutError])
async def test_whoever_opens_a_pool_reads_one_line(world: World, error: type[Exception]) -> None:
    """The kind of the error at least, and nothing that moves a terminal's cursor."""
    pool = world.pool(size=1)
    with pytest.raises(CannotFill) as refusal:
        await pool.bind(database(error))
    assert f"opens no session: {error.__name__}" in str(refusal.value)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("error", [Mute, Chatty, TimeoutError])
async def test_whoever_waits_in_vain_reads_one_line(world: World, error: type[Exception]) -> None:
    """So do those who read the statistics; no error of the driver's takes the place of the pool's."""
    pool = world.pool(size=1)
    await pool.bind(database(error), wait_for=0)
    with pytest.raises(PoolTimeout) as refusal:
        await pool.get(0)
    assert str(refusal.value).isprintable()
    await world.until(lambda: pool.stats().last_failure is not None)
    told = pool.stats().last_failure
    assert told is not None
    assert told.startswith(error.__name__)
    assert told.isprintable()
    assert pool.stats().health.isprintable()
