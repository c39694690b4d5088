"""The end of a pool: told at once, bounded, once is enough, and nothing of it stays behind."""

import gc
import weakref
from collections.abc import Callable
from contextlib import ExitStack, suppress

import pytest

from pingpool import PoolClosed
from pingpool.testing import Clock, FaultyDatabase, TransactionalDatabase
from tests.threads.checks import PATIENCE, Pool, aside, bound, in_time, soon


def test_close_tells_every_waiter_at_once() -> None:
    """Whoever waits when the pool is closed gets PoolClosed while no time passes, though the database hangs."""
    database = FaultyDatabase()
    pool = bound(database, 1, Clock())
    told: list[type[PoolClosed]] = []

    def wait() -> None:
        with pytest.raises(PoolClosed):
            pool.get(3600)
        told.append(PoolClosed)

    held = pool.get()
    with database.hanging("delete"):
        waiting = [aside(wait) for _ in range(8)]
        assert soon(lambda: pool.stats().waiting == 8)
        in_time(lambda: pool.close(0))
        for thread in waiting:
            thread.join(PATIENCE)
    assert len(told) == 8
    pool.put(held)
    assert soon(lambda: held.is_deleted)


@pytest.mark.parametrize("call", ["create", "ping", "reset", "delete", "everything"])
def test_close_is_bounded_with_jobs_in_flight(call: str) -> None:
    """`close(timeout)` keeps its time whatever hangs, again and from several threads; later nothing hangs."""
    database = TransactionalDatabase()
    pool = bound(database, 4, workers=2, ping_interval=1e-6, io_timeout=3600)
    names = ["create", "ping", "reset", "delete"]
    with ExitStack() as hanging:
        sessions = [pool.get(PATIENCE) for _ in range(4)]
        for name in names if call == "everything" else [call]:
            hanging.enter_context(database.hanging(name))
        for number, session in enumerate(sessions):
            session.left_open = number < 2
            pool.give_back(session, SystemExit() if number == 3 else None)
        aside(pool.ping)
        closing = [aside(lambda: pool.close(0.2)) for _ in range(4)]
        for thread in closing:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        in_time(lambda: pool.close(0.1))
        with pytest.raises(PoolClosed):
            in_time(lambda: pool.get(5))
    del session, sessions
    assert soon(lambda: not database.live), database.live


def test_a_session_that_comes_back_late_is_deleted() -> None:
    """What is lent when the pool is closed is deleted when it comes back, however it does."""
    database = TransactionalDatabase()
    pool = bound(database, 4)
    sessions = [pool.get() for _ in range(4)]
    in_time(lambda: pool.close(1))
    sessions[1].left_open = True
    endings = (None, None, SystemExit(), ValueError())
    for session, error in zip(sessions, endings, strict=True):
        in_time(lambda session=session, error=error: pool.give_back(session, error))
    assert soon(lambda: not database.live)


def test_a_pool_that_is_closed_while_it_is_filled_stays_empty() -> None:
    """`bind` on a pool that is closed meanwhile ends, and leaves nothing on the server."""
    database = FaultyDatabase()
    pool = bound(database)
    pool.clear()
    with database.hanging("create"):
        binding = aside(lambda: _swallow(lambda: pool.bind(database)))
        database.wait_for("create", 4)
        in_time(lambda: pool.close(0))
    binding.join(PATIENCE)
    assert not binding.is_alive()
    assert soon(lambda: not database.live)


def _swallow(call: Callable[[], object]) -> None:
    """Make a call on a pool that may be closed by now."""
    with suppress(PoolClosed):
        call()


def test_a_closed_pool_is_never_filled() -> None:
    """A pool that is closed between the first and the last step of `bind` is not filled any more."""
    pools: list[Pool] = []

    class Sly(FaultyDatabase):
        def __eq__(self, other: object) -> bool:
            for pool in pools:
                pool.close(0)
            return self is other

        __hash__ = FaultyDatabase.__hash__

    database = Sly()
    pool = bound(database)
    pools.append(pool)
    in_time(lambda: _swallow(lambda: pool.bind(database)))
    assert soon(lambda: not database.live)
    assert pool.stats().idle == 0


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_pool_that_is_dropped_unclosed_goes_with_its_sessions(kept: bool) -> None:
    """Nobody can use a pool that nobody holds: it ends its sessions, and its memory comes free."""
    database = FaultyDatabase()
    pool = bound(database)
    if kept:
        pool.keep_alive()
    gone = weakref.ref(pool)
    del pool
    assert soon(lambda: gc.collect() >= 0 and gone() is None)
    assert soon(lambda: not database.live)


def test_a_closed_pool_holds_no_session() -> None:
    """After `close` no session is held by anything of the pool."""
    database = FaultyDatabase()
    pool = bound(database, 4, ping_interval=1e-6)
    in_time(pool.ping)
    in_time(lambda: pool.close(1))
    gc.disable()
    try:
        assert soon(lambda: not database.sessions)
    finally:
        gc.enable()
