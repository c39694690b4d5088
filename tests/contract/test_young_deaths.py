"""Sessions that are dead as soon as they are there: whoever opens them finds a server that lets in and then fails."""

import asyncio
from collections.abc import Mapping

import pytest

from pingpool import Meaning, PoolTimeout
from pingpool.errors import DeadOnArrival
from pingpool.testing import FakeSession, FaultyDatabase, SessionDied
from tests.contract.worlds import World, start

SECONDS = 10


class LooksDead(FaultyDatabase):
    """Every session looks dead, whatever its age."""

    is_well = False

    def looks_alive(self, session: FakeSession) -> bool:
        """Say no."""
        return self.is_well


class Bouncer(FaultyDatabase):
    """Lets in, and ends the session with its first statement."""

    is_well = False

    def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        """Let in."""
        session = super().create(labels=labels, timeout=timeout)
        session.is_alive = self.is_well
        return session

    def meaning_of(self, error: BaseException) -> Meaning:
        """Know a death."""
        return Meaning.LOST if isinstance(error, SessionDied) else Meaning.UNKNOWN


@pytest.mark.parametrize("kind", [LooksDead, Bouncer])
async def test_sessions_that_die_young_are_created_four_times_a_second_at_most(
    world: World, kind: type[LooksDead | Bouncer]
) -> None:
    """While somebody waits a new one is tried four times a second, and the reason is told; then all is well again."""
    database = kind()
    pool = await world.open(database, size=4)
    before = database.calls["create"]
    deaths: list[BaseException] = []

    async def use() -> None:
        while world.clock.now() < end:
            try:
                async with pool.session(1) as session:
                    session.use()
            except (PoolTimeout, SessionDied) as error:
                deaths.append(error)
                await asyncio.sleep(0)

    end = world.clock.now() + SECONDS
    uses = [start(use()) for _ in range(3)]
    while world.clock.now() < end:
        for _ in range(5):
            await asyncio.sleep(0.001)  # for the pool's real threads
        world.clock.advance(0.05)
    for call in uses:
        await world.pass_time_until(call)
    assert database.calls["create"] - before <= 4 * (SECONDS + 3) + 2 * pool.size
    assert pool.stats().create_failures > SECONDS
    timeouts = [error for error in deaths if isinstance(error, PoolTimeout)]
    assert all(isinstance(error.__cause__, DeadOnArrival) for error in timeouts)
    assert timeouts or kind is Bouncer
    database.is_well = True
    await world.advance(6)
    await world.heal(pool)
    await world.advance(6)
    await world.heal(pool)
    assert pool.stats().last_failure is None
