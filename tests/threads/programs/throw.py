"""Throw exceptions into threads that use a pool, at random moments, and see whether anything is lost."""

import ctypes
import faulthandler
import random
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import compress, repeat
from operator import methodcaller, not_
from typing import Any

from scene import Database, all_live, bound, tell

from pingpool import PoolTimeout
from pingpool.testing import SessionDied

warnings.simplefilter("ignore")
random.seed(int(sys.argv[1]))
throws = int(sys.argv[2])
sys.setswitchinterval(1e-5)


class Thrown(BaseException):
    """What is thrown."""


THROW = ctypes.pythonapi.PyThreadState_SetAsyncExc
THROW.argtypes = (ctypes.c_ulong, ctypes.py_object)


pool = bound(Database(), 3, io_timeout=1)
over = False
caught = 0


def use() -> None:
    """Use the pool until it is over, whatever comes flying."""
    global caught
    while not over:
        try:
            while not over:
                try:
                    with pool.session(0.02) as session:
                        session.left_open = random.random() < 0.1
                        if random.random() < 0.05:
                            session.is_alive = random.random() < 0.5
                            raise SessionDied
                except (PoolTimeout, SessionDied):
                    continue
        except Thrown:
            caught += 1


def live() -> None:
    """Live until the end."""
    while not over:
        with suppress(Thrown):
            use()


unborn: set[object] = set()
"""Threads that have not run yet: Python 3.11 knows them by the number of whoever starts them, and throws at them."""


def start_new_thread(function: Callable[..., object], arguments: tuple[Any, ...]) -> int:
    """Start a thread, as `threading` does, and know when it runs."""
    sign = object()

    def run() -> None:
        unborn.discard(sign)
        function(*arguments)

    try:
        unborn.add(sign)
        return really_start(run, ())
    except BaseException:
        unborn.discard(sign)
        raise


if sys.version_info < (3, 12):
    really_start = threading._start_new_thread  # type: ignore[attr-defined]
    threading._start_new_thread = start_new_thread  # type: ignore[attr-defined]


def started() -> threading.Thread:
    """Start one more victim."""
    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    return thread


def throw_at(victim: threading.Thread) -> None:
    """Throw, unless it has ended: its number may be that of another thread by then.

    So look and throw are one step, which is made in C and lets no other thread run in between.
    """
    if sys.version_info >= (3, 14):
        alive = map(not_, map(methodcaller("is_done"), [victim._os_thread_handle]))
    elif sys.version_info >= (3, 13):
        alive = map(not_, map(methodcaller("is_done"), [victim._handle]))
    else:
        alive = map(methodcaller("locked"), [victim._tstate_lock])  # type: ignore[attr-defined]
    targets = compress(compress([victim.ident], alive), map(not_, [unborn]))
    deque(map(THROW, targets, repeat(Thrown)), maxlen=0)


threading.excepthook = lambda _: None  # a victim may die of what is thrown: another takes its place
threads = [started() for _ in range(6)]
for _ in range(throws):
    number = random.randrange(len(threads))
    if not threads[number].is_alive():
        threads[number] = started()
    throw_at(threads[number])
    time.sleep(random.random() * 0.0004)
time.sleep(0.05)
over = True
for thread in threads:
    thread.join(60)
    if thread.is_alive():
        faulthandler.dump_traceback(all_threads=True)
        sys.exit(f"stuck: {pool}")
all_live(pool)
pool.close(1)
tell(f"thrown {throws}, caught {caught}")
