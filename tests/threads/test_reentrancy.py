"""Finalisers and signal handlers may call the pool, also when they come in the middle of a turn."""

import gc
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

import pytest

from pingpool import PoolClosed, PoolError, PoolTimeout
from pingpool.references import HAS_GIL
from pingpool.testing import Clock, FakeSession, FaultyDatabase, SessionDied, TransactionalDatabase
from tests.threads.checks import PATIENCE, Pool, all_live, bound, in_time, quick_collections, soon
from tests.threads.strikes import EVERY, last, strike
from tests.threads.uses import EVERYDAY, Story, get_at_once, hand_over, put, put_again, stats

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def put_back(pool: Pool) -> Callable[[], object]:
    """Give a session back."""
    held = [pool.get()]
    return lambda: pool.put(held.pop())


def put_back_what_is_gone(pool: Pool) -> Callable[[], object]:
    """Give back what was given back already, and is gone: refused."""
    session = pool.get()
    session.is_alive = False
    pool.give_back(session, SessionDied())
    all_live(pool)

    def intrude() -> None:
        with suppress(PoolError):
            pool.put(session)

    return intrude


def end_a_block(pool: Pool) -> Callable[[], object]:
    """End a block that was broken off by a death."""
    block = pool.session()
    session = block.__enter__()
    session.is_alive = False
    error = SessionDied()
    return lambda: block.__exit__(SessionDied, error, None)


def look(pool: Pool) -> Callable[[], object]:
    """Look at the pool."""
    return lambda: (pool.stats(), repr(pool), pool.holders())


def get_and_put(pool: Pool) -> Callable[[], object]:
    """Get a session, which may be refused, and give it back."""

    def intrude() -> None:
        with suppress(PoolTimeout):
            pool.put(pool.get(0))

    return intrude


INTRUDERS = (put_back, put_back_what_is_gone, end_a_block, look, get_and_put)


def intrude_everywhere(
    story: Story, intruder: Story, database: type[FaultyDatabase], *, every: int = 1, **options: float
) -> None:
    """Tell the story again and again, with the intruder some points later each time."""
    nth, reached = 1, True
    with quick_collections():
        while reached:
            pool = bound(database(), 3, **options)
            intrude = intruder(pool)
            call = story(pool)
            try:
                reached = in_time(partial(strike, call, nth, intrude))
                del call, intrude
                all_live(pool)
            except BaseException as error:
                error.add_note(f"{intruder.__name__} at point {nth} of {story.__name__}, in {last}; {pool!r}")
                raise
            in_time(partial(pool.close, 1))
            nth += every


def by_name(story: Story) -> str:
    """Name the test."""
    return story.__name__


@pytest.mark.parametrize("intruder", INTRUDERS, ids=by_name)
@pytest.mark.parametrize("story", [get_at_once, put], ids=by_name)
def test_a_call_in_mid_turn_neither_deadlocks_nor_loses_anything(story: Story, intruder: Story) -> None:
    """Whatever the same thread does to the pool in the middle of its own `get` or `put`, both ends are well."""
    intrude_everywhere(story, intruder, FaultyDatabase)


@pytest.mark.parametrize("intruder", INTRUDERS, ids=by_name)
@pytest.mark.parametrize("story", [put_again, hand_over, stats], ids=by_name)
def test_a_call_in_the_middle_of_a_longer_turn(story: Story, intruder: Story) -> None:
    """The same for the ways that are not the fastest, at every seventh point."""
    intrude_everywhere(story, intruder, FaultyDatabase, every=7)


@pytest.mark.proof
@pytest.mark.parametrize("intruder", INTRUDERS, ids=by_name)
@pytest.mark.parametrize("story", EVERYDAY, ids=by_name)
def test_a_call_in_mid_turn_on_the_careful_ways(story: Story, intruder: Story) -> None:
    """The same on every way, with a database that looks and resets, and every session overdue: see PINGPOOL_EVERY."""
    intrude_everywhere(story, intruder, TransactionalDatabase, every=EVERY, ping_interval=1e-6)


class Intrusive(Clock):
    """A clock that calls something in the middle of the next turn of the main thread."""

    intrude: Callable[[], object] | None = None

    def now(self) -> float:
        """Tell the time, in every turn."""
        if self.intrude is not None and threading.current_thread() is threading.main_thread():
            intrude, self.intrude = self.intrude, None
            intrude()
        return super().now()


def test_a_put_in_mid_turn_is_seen_to_a_moment_later() -> None:
    """What a signal handler puts, while it interrupts the pool's own turn, is in the pool as soon as that is over."""
    clock = Intrusive()
    pool = bound(FaultyDatabase(), 2, clock)
    held = pool.get()
    clock.intrude = lambda: pool.put(held)
    other = pool.get()
    assert clock.intrude is None
    assert soon(lambda: pool.stats().idle == 1)
    assert pool.get(0) is held
    pool.put(held)
    pool.put(other)
    pool.close(1)


def test_closing_in_mid_turn_ends_the_pool() -> None:
    """A signal handler may close the pool that it interrupted."""
    nth, reached = 1, True
    while reached:
        pool = bound(FaultyDatabase())
        with suppress(PoolError):
            reached = in_time(partial(strike, get_at_once(pool), nth, partial(pool.close, 0)))
        in_time(partial(pool.close, 1))
        with pytest.raises(PoolClosed):
            in_time(partial(pool.get, 0))
        nth += 1


class Holder:
    """Gives its session back when it is collected, as part of a cycle, so in the middle of anything."""

    in_use: ClassVar[set[FakeSession]] = set()
    """Keeps the sessions out of the cycles: the collector would count them as dropped before it finalises anything."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.session = pool.get(PATIENCE)
        self.in_use.add(self.session)
        self.myself: Any = self

    def __del__(self) -> None:
        """Give it back."""
        self.in_use.discard(self.session)
        self.pool.put(self.session)


def test_finalisers_that_run_in_the_middle_of_anything_lose_nothing() -> None:
    """With the collector running all the time, objects that give back their session when collected do no harm."""
    pool = bound(FaultyDatabase(), 4)

    def churn() -> None:
        for _ in range(1500 if HAS_GIL else 50):
            Holder(pool)
            if not HAS_GIL:  # there the collector waits until there are a quarter more objects, whatever its threshold
                gc.collect()
            with pool.session(PATIENCE) as session:
                session.use()

    threshold = gc.get_threshold()
    with quick_collections():
        gc.set_threshold(5, 2, 2)
        try:
            in_time(churn)
        finally:
            gc.set_threshold(*threshold)
    all_live(pool)
    assert pool.stats().leaked == 0
    pool.close(1)
