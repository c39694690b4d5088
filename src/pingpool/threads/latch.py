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
        if latch.setdefault(HELD, turn) is turn or wait_for(latch, turn):
            ...
            del latch[HELD]
    except BaseException:
        ...                                # `wait_for` again: passes at once if the turn holds it still
"""

import time
from typing import Final

Latch = dict[int, int]
"""A plain dictionary: its methods are the fastest that the interpreter knows."""

HELD: Final = 0
"""The key under which the holder stands."""

FIRST_PAUSE = 0.00002
LONGEST_PAUSE = 0.001


def wait_for(latch: Latch, turn: int) -> bool:
    """Wait until this turn holds the latch; False if this very thread is in the middle of another turn."""
    pause = 0.0
    while (holder := latch.setdefault(HELD, turn)) is not turn:
        if holder == turn:
            return False
        time.sleep(pause)  # the holder was pre-empted in mid-turn: let it run
        pause = min(max(pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
    return True
