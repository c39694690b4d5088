"""The latch: a lock for turns that take microseconds, which nothing can leave held and nobody waits for in vain.

A `threading.Lock` has two gaps. An exception thrown into the thread (Ctrl-C) just after `acquire` has returned finds a
lock that is held and no line of code that knows it. And a signal handler or a finaliser that strikes the thread while
it holds the lock, and wants it too, waits for itself for ever. A re-entrant lock closes the first gap at twice the
price, and lets the second through the door.

The latch is a dictionary with at most one entry: who holds it. `setdefault` takes it and notes the holder in one step
that nothing can split; `del` lets go. The holder is the number of a thread, as a fresh object for each turn: *equal*
means that it is this thread's turn, *identical* that it is this very turn. So a turn always knows whether it holds the
latch, and whoever strikes his own thread in mid-turn is told so at once.

    turn = get_ident()
    try:
        if latch.setdefault(HELD, turn) is turn or wait_for(latch, turn, take_over):
            ...
            del latch[HELD]
    except BaseException:
        ...                                # `wait_for` again: passes at once if the turn holds it still

An exception that strikes the mending too, again and again, may end a turn that holds the latch still. Whoever waits for
long sees that, and takes it over: its thread has ended, or is not within a turn. Only what code a thread runs
is looked at, never its variables: CPython frees those of a frame that ends while others may read them.
"""

import sys
import time
from collections.abc import Callable
from threading import get_ident
from types import FrameType
from typing import Final

from pingpool.pool.caller import PACKAGE, current_frame
from pingpool.references import HAS_GIL

Latch = dict[int, int]
"""A plain dictionary: its methods are the fastest that the interpreter knows."""

HELD: Final = 0
"""The key under which the holder stands."""

OF_THREADS: Final = get_ident.__module__ == "_thread"
"""Are the numbers those of threads, and not those that gevent or eventlet gives to greenlets?"""

FIRST_PAUSE = 0.00002
LONGEST_PAUSE = 0.001

SUSPICIOUS = 50
"""After so many of the longest pauses one sees whether the holder is still within his turn."""


def wait_for(latch: Latch, turn: int, take_over: Callable[[int], object]) -> bool:
    """Wait until this turn holds the latch; False if this very thread is in the middle of another turn.

    `take_over` lets go of the latch for a holder whose turn was broken off.
    """
    pause, pauses = 0.0, 0
    while (holder := latch.setdefault(HELD, turn)) is not turn:
        is_own = holder == turn
        if (is_own or pauses % SUSPICIOUS == SUSPICIOUS - 1) and not is_under_way(holder):
            take_over(holder)
        elif is_own:
            return False
        time.sleep(pause)  # the holder was pre-empted in mid-turn: let it run
        pause = min(max(pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
        pauses += pause == LONGEST_PAUSE
    return True


def is_under_way(holder: int) -> bool:
    """May the thread with this number be within a turn? If that cannot be known, it may."""
    if not OF_THREADS:
        return True
    if holder == get_ident():
        return is_in_a_turn(current_frame(2).f_back)  # around the turn that waits
    frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage] (documented, despite its name)
    if holder not in frames:
        return False
    return not HAS_GIL or is_in_a_turn(frames[holder])


def is_in_a_turn(frame: FrameType | None) -> bool:
    """Is one of these frames a turn? One that waits for its answer is over: what stands around it counts.

    A turn is what has a variable `turn`, in this package.
    """
    waits = False
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(PACKAGE):
            waits = False
        elif code.co_qualname == "ThreadDesk.wait":
            waits = True
        elif "turn" in code.co_varnames:
            if not waits:
                return True
            waits = False
        frame = frame.f_back
    return False
