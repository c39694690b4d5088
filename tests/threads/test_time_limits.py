"""A caller only ever waits for the pool, never for the network: `get` keeps its time and `put` never blocks."""

from contextlib import ExitStack

import pytest

from pingpool import PoolTimeout
from pingpool.testing import Clock, FaultyDatabase, SessionDied, TransactionalDatabase
from tests.threads.checks import PATIENCE, Pool, all_live, aside, bound, in_time, soon

CALLS = ("create", "ping", "reset", "delete")


def time_out(pool: Pool, clock: Clock, timeout: float) -> float:
    """Return after how many seconds a `get` that gets nothing ends."""
    start = clock.now()
    with pytest.raises(PoolTimeout):
        pool.get(timeout)
    return clock.now() - start


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("call", [*CALLS, "everything"])
def test_get_keeps_its_time_whatever_hangs(call: str, size: int) -> None:
    """`get(9)` ends when nine seconds have passed, neither sooner nor later, whatever hangs for ever."""
    database, clock = TransactionalDatabase(), Clock()
    pool = bound(database, size, clock=clock, ping_interval=1, workers=2, io_timeout=3600)
    with ExitStack() as hanging:
        for name in CALLS if call == "everything" else [call]:
            hanging.enter_context(database.hanging(name))
        sessions = [pool.get() for _ in range(size)] if call not in ("ping", "everything") else []
        for session in sessions:
            session.left_open = call in ("reset", "delete")
            session.is_alive = call != "create"
            pool.give_back(session, {"create": SessionDied(), "delete": SystemExit()}.get(call))
        clock.advance(1)
        over: list[float] = []
        waiting = aside(lambda: over.append(time_out(pool, clock, 9)))
        assert soon(lambda: pool.stats().waiting)
        clock.advance(8.9)
        assert pool.stats().waiting
        clock.advance(0.1)
        waiting.join(PATIENCE)
    assert over == [pytest.approx(9)]
    all_live(pool)
    pool.close(1)


def test_get_keeps_its_time_when_what_it_waited_for_looks_dead() -> None:
    """The time that `get` spent in line counts, also when the session that it got in the end looks dead."""
    database, clock = TransactionalDatabase(), Clock()
    pool = bound(database, 1, clock=clock)
    told: list[float] = []

    def get() -> None:
        with pytest.raises(PoolTimeout):
            pool.get(9)
        told.append(clock.now())

    with database.hanging("create"):
        session = pool.get()
        start = clock.now()
        waiting = aside(get)
        assert soon(lambda: pool.stats().waiting)
        clock.advance(8)
        database.kill(session)
        pool.put(session)
        assert soon(lambda: database.calls["create"] == 2 and pool.stats().waiting)
        clock.advance(1)
        waiting.join(PATIENCE)
    assert told == [start + 9]
    pool.close(0)


def test_put_does_not_wait_for_a_database_that_hangs() -> None:
    """However a session comes back, `put` ends while every call to the database hangs."""
    database = TransactionalDatabase()
    pool = bound(database, 4, workers=1, io_timeout=3600)
    sessions = [pool.get() for _ in range(4)]
    sessions[0].left_open = sessions[1].left_open = True
    with ExitStack() as hanging:
        for name in CALLS:
            hanging.enter_context(database.hanging(name))

        def give_all_back() -> None:
            pool.put(sessions[0])
            pool.give_back(sessions[1], SystemExit())
            pool.give_back(sessions[2], None)
            pool.put(sessions[3])

        in_time(give_all_back)
    pool.close(1)


def test_get_without_time_answers_at_once_while_nothing_can_be_made() -> None:
    """`get(0)` says at once that there is nothing, while the first creation hangs."""
    database = FaultyDatabase()
    pool = bound(database, 1, io_timeout=3600)
    with database.hanging("create"):
        pool.give_back(pool.get(), SystemExit())
        with pytest.raises(PoolTimeout):
            in_time(lambda: pool.get(0))
    pool.close(1)
