"""Press Ctrl-C, hundreds of times at random, into the way to use a pool that the first argument names."""

import _thread
import os
import random
import signal
import sys
import threading
import time
import warnings
from contextlib import suppress
from types import FrameType

from scene import Database, all_live, bound, tell

from pingpool import PoolTimeout
from pingpool.testing import SessionDied

warnings.simplefilter("ignore")
how = sys.argv[1]
random.seed(int(sys.argv[2]))
times = int(sys.argv[3])
pool = bound(Database(), 3, ping_interval=1e-6 if how == "overdue" else 3000)
over = False


def press() -> None:
    """Press Ctrl-C while the main thread is at it."""
    while not ready:
        time.sleep(0.001)
    while not over:
        time.sleep(random.random() * 0.002)
        if how == "by kill":
            os.kill(os.getpid(), signal.SIGINT)
        elif how == "by thread":
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        else:
            _thread.interrupt_main()


def hold() -> None:
    """Hold two of three sessions most of the time, so that the others wait."""
    while not over:
        with suppress(PoolTimeout), pool.session(0.05) as session:
            session.use()
            time.sleep(0.0003)


def use() -> None:
    """Use the pool in one of many ways."""
    session = pool.get(0.01)
    session.left_open = random.random() < 0.3
    dice = random.random()
    if dice < 0.5:
        pool.put(session)
    elif dice < 0.7:
        del session
    elif dice < 0.8:
        session.is_alive = dice < 0.75
        pool.give_back(session, SessionDied())
    else:
        pool.give_back(session, SystemExit())


def in_blocks() -> None:
    """Use it in nested blocks."""
    with pool.session(0.01) as first, pool.session(0.01) as second:
        assert first is not second
        first.left_open = random.random() < 0.3


def interrupt(number: int, frame: FrameType | None) -> None:
    """Raise, as Ctrl-C does; but not in the lines below, where nothing could catch it."""
    if frame is not None and frame.f_code.co_name != "<module>":
        raise KeyboardInterrupt


signal.signal(signal.SIGINT, interrupt)
interrupted = 0
ready = False
holders = [threading.Thread(target=hold, daemon=True) for _ in range(3)]
presser = threading.Thread(target=press, daemon=True)
for thread in [*holders, presser]:
    thread.start()
while interrupted < times:
    try:
        ready = True  # from here on a Ctrl-C is expected
        while True:
            with suppress(PoolTimeout):
                (in_blocks if how == "blocks" else use)()
    except KeyboardInterrupt:
        interrupted += 1
while not over:
    try:
        over = True
        for thread in [*holders, presser]:
            thread.join()
    except KeyboardInterrupt:
        over = False
signal.signal(signal.SIGINT, signal.SIG_IGN)
time.sleep(0.01)
all_live(pool)
pool.close(1)
tell(f"interrupted {interrupted}")
