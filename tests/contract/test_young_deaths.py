"""Sessions that are dead as soon as they are there: whoever opens them finds a server that lets in and then fails."""

import asyncio
from collections.abc import Mapping

import pytest

from pingpool import Meaning, PoolTimeout
from pingpool.errors import DeadOnArrival
from pingpool.testing import FakeSession, FaultyDatabase, SessionDied
from tests.contract.world import World, at_work, start

SECONDS = 10

CALLERS = 3


class Tiring(FaultyDatabase):
    """Notes when it creates, and is in trouble until somebody mends it."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.now = world.clock.now
        self.created_at: list[float] = []
        self.is_well = False

    def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        """Take notes."""
        self.created_at.append(self.now())
        return super().create(labels=labels, timeout=timeout)

    def most_in_a_second(self) -> int:
        """Return how many were created in any one second at most; a worker may come two steps after its order."""
        times = self.created_at
        return max(sum(first <= when < first + 0.9 for when in times) for first in times)


class LooksDead(Tiring):
    """Every session looks dead, whatever its age."""

    def looks_alive(self, session: FakeSession) -> bool:
        """Say no."""
        return self.is_well


class Bouncer(Tiring):
    """Lets in, and ends the session with its first statement."""

    def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        """Let in."""
        session = super().create(labels=labels, timeout=timeout)
        session.is_alive = self.is_well
        return session

    def meaning_of(self, error: BaseException) -> Meaning:
        """Know a death."""
        return Meaning.LOST if isinstance(error, SessionDied) else Meaning.UNKNOWN


@pytest.mark.parametrize("size", [4, 20])
@pytest.mark.parametrize("kind", [LooksDead, Bouncer])
async def test_sessions_that_die_young_are_created_four_times_a_second_at_most(
    world: World, kind: type[LooksDead | Bouncer], size: int
) -> None:
    """While somebody waits a new one is tried four times a second, and the reason is told; then all is well again."""
    database = kind(world)
    pool = await world.open(database, size=size)
    database.created_at.clear()
    deaths: list[BaseException] = []

    async def use() -> None:
        while world.clock.now() < end:
            try:
                async with pool.session(1) as session:
                    session.use()
            except (PoolTimeout, SessionDied) as error:
                deaths.append(error)
                await asyncio.sleep(0)

    def has_settled() -> bool:
        stats = pool.stats()
        return at_work(stats) == 0 and stats.waiting == CALLERS

    end = world.clock.now() + SECONDS
    uses = [start(use()) for _ in range(CALLERS)]
    while world.clock.now() < end:
        await world.until(has_settled)
        world.clock.advance(0.05)
    for call in uses:
        await world.pass_time_until(call)
    assert database.most_in_a_second() <= 4
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


async def test_a_session_that_looks_dead_is_not_trusted_for_its_ping(world: World) -> None:
    """A round of pings replaces what answers and looks dead all the same, and does not count it as proven."""
    database = LooksDead(world)
    pool = await world.open(database, size=1)
    await world.advance(3001)
    assert await pool.ping() == 0
    assert pool.stats().replaced == {"gone": 1}
    database.is_well = True
    await world.heal(pool)
