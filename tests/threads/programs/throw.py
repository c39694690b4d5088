"""Throw exceptions into threads that use a pool, at random times, and see whether anything is lost."""

import ctypes
import faulthandler
import random
import sys
import threading
import time
import warnings
from contextlib import suppress

from scene import Database, all_live, bound, tell

from pingpool import PoolTimeout
from pingpool.testing import SessionDied

warnings.simplefilter("ignore")
random.seed(int(sys.argv[1]))
throws = int(sys.argv[2])
sys.setswitchinterval(1e-5)


class Thrown(BaseException):
    """What is thrown."""


pool = bound(Database(), 3, io_timeout=1)
over = False
caught = 0


def use() -> None:
    """Use the pool until it is over, whatever is thrown."""
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


def started() -> threading.Thread:
    """Start one more thread to throw at."""
    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    return thread


def throw_at(thread: threading.Thread) -> None:
    """Throw, unless it has ended: its number may be that of another thread by then, so let none run in between."""
    sys.setswitchinterval(60)
    if thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Thrown))
    sys.setswitchinterval(1e-5)


threading.excepthook = lambda _: None  # a thread may die of what is thrown: another takes its place
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
