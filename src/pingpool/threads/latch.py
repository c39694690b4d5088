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
long sees that: each turn has a frame of this package, in which `turn` is the holder. If no thread has that frame any
more, the turn is over, and whoever sees it takes it over.
"""

import sys
import time
from collections.abc import Callable
from threading import get_ident
from types import FrameType
from typing import Final

from pingpool.pool.caller import PACKAGE

Latch = dict[int, int]
"""A plain dictionary: its methods are the fastest that the interpreter knows."""

HELD: Final = 0
"""The key under which the holder stands."""

HAS_GIL: bool = getattr(sys, "_is_gil_enabled", lambda: True)()

FIRST_PAUSE = 0.00002
LONGEST_PAUSE = 0.001


def wait_for(latch: Latch, turn: int, take_over: Callable[[int], object]) -> bool:
    """Wait until this turn holds the latch; False if this very thread is in the middle of another turn.

    `take_over` lets go of the latch for a holder whose turn was broken off.
    """
    pause = 0.0
    while (holder := latch.setdefault(HELD, turn)) is not turn:
        if (holder == turn or pause == LONGEST_PAUSE) and not is_under_way(holder):
            take_over(holder)
        elif holder == turn:
            return False
        time.sleep(pause)  # the holder was pre-empted in mid-turn: let it run
        pause = min(max(pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
    return True


def is_under_way(holder: int) -> bool:
    """Does a thread still take the turn of this holder? Without the GIL only one's own stack, at rest, can tell."""
    frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage] (documented, despite its name)
    if not HAS_GIL:
        return holder in frames and (holder != get_ident() or _is_in(frames[holder], holder))
    return any(_is_in(frame, holder) for frame in ([frames[holder]] if holder in frames else frames.values()))


def _is_in(frame: FrameType | None, holder: int) -> bool:
    while frame is not None:
        code = frame.f_code
        if "turn" in code.co_varnames and code.co_filename.startswith(PACKAGE) and frame.f_locals.get("turn") is holder:
            return True
        frame = frame.f_back
    return False
