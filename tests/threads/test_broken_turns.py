"""A turn that is broken off for good, by one exception after the other, costs nobody anything: others mend it."""

import threading
from collections.abc import Callable
from threading import get_ident

import pytest

from pingpool.testing import FaultyDatabase
from pingpool.threads.desk import ThreadDesk
from pingpool.threads.latch import HELD
from tests.threads.checks import Pool, all_live, aside, bound, in_time, soon


def desk_of(pool: Pool) -> ThreadDesk[object]:
    """The desk of a pool."""
    desk: ThreadDesk[object] = pool._desk  # type: ignore[assignment] # pyright: ignore[reportPrivateUsage]
    return desk


def break_off(pool: Pool) -> None:
    """Take a turn, tear the indexes, and end without another step."""
    desk = desk_of(pool)
    assert desk.latch.setdefault(HELD, get_ident())
    desk.ledger.idle.clear()


def by_a_thread_that_ends(pool: Pool) -> Callable[[], object]:
    """The thread is gone."""
    aside(lambda: break_off(pool)).join()
    return lambda: None


def by_a_thread_that_goes_on(pool: Pool) -> Callable[[], object]:
    """The thread does something else now, also with another pool."""
    other, broken, go = bound(FaultyDatabase(), 1), threading.Event(), threading.Event()
    held = other.get()

    def live() -> None:
        break_off(pool)
        broken.set()
        other.put(other.get(60))
        go.wait()

    thread = aside(live)
    assert broken.wait(60)
    assert soon(lambda: other.stats().waiting)

    def end() -> None:
        other.put(held)
        go.set()
        thread.join()
        other.close()

    return end


def by_this_thread(pool: Pool) -> Callable[[], object]:
    """The very thread that uses the pool next."""
    break_off(pool)
    pool.put(pool.get(60))
    return lambda: None


@pytest.mark.parametrize("break_one_off", [by_a_thread_that_ends, by_a_thread_that_goes_on, by_this_thread])
def test_a_turn_that_was_broken_off_is_mended_by_whoever_comes(
    break_one_off: Callable[[Pool], Callable[[], object]],
) -> None:
    """Whatever became of the thread, the pool serves, and all slots are live."""
    pool = bound(FaultyDatabase(), 3)
    end = break_one_off(pool)
    in_time(lambda: pool.put(pool.get(60)))
    all_live(pool)
    end()
    pool.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_turn_that_was_broken_off_is_mended_though_nobody_comes() -> None:
    """Who stands in line already is served: those who wait look around."""
    pool = bound(FaultyDatabase(), 1)
    held = [pool.get()]
    served = threading.Event()
    waiting = aside(lambda: (pool.put(pool.get(60)), served.set()))
    assert soon(lambda: pool.stats().waiting)
    aside(lambda: desk_of(pool).latch.setdefault(HELD, get_ident())).join()
    held.clear()  # it is dropped, so nobody gives it back
    assert served.wait(60)
    waiting.join()
    pool.close()


def test_a_turn_that_takes_long_is_not_taken_over() -> None:
    """Somebody who was pre-empted in the middle of his turn holds the latch until he goes on."""
    pool = bound(FaultyDatabase(), 1)
    desk = desk_of(pool)
    asked, go = threading.Event(), threading.Event()

    def question() -> bool:
        asked.set()
        return go.wait(60)

    slow = aside(lambda: desk.look(question))
    assert asked.wait(60)
    (holder,) = desk.latch.values()
    other = aside(lambda: pool.put(pool.get(60)))
    other.join(0.1)  # it tries
    assert other.is_alive()
    assert desk.latch[HELD] is holder
    go.set()
    slow.join()
    other.join()
    pool.close()
