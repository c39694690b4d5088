"""Use a pool while a timer's signal handler uses it too, thousands of times a second, at any time.

Mostly the next alarm is set when the handler is through, or the program would get nowhere on a machine that is slow.
"""

import faulthandler
import random
import signal
import sys
import time
import warnings
from contextlib import suppress
from types import FrameType

from scene import Database, all_live, bound, tell

from pingpool import PoolError
from pingpool.testing import FakeSession, SessionDied

warnings.simplefilter("ignore")
how = sys.argv[1]
random.seed(1)
pool = bound(Database(), 4, ping_interval=1e-6 if how == "overdue" else 3000)
lent: list[FakeSession] = []
handled = 0


def set_alarm() -> None:
    """Have the handler called in a moment."""
    signal.setitimer(signal.ITIMER_REAL, 0.0003)


def handle(number: int, frame: FrameType | None) -> None:
    """Use the pool; one in ten is struck by the next alarm."""
    global handled
    handled += 1
    if handled % 10:
        use()
        set_alarm()
    else:
        set_alarm()
        use()


def use() -> None:
    """Give back what was lent, look, and get something else."""
    with suppress(PoolError):
        if lent:
            session = lent.pop()
            session.left_open = random.random() < 0.2
            session.is_alive = random.random() < 0.8
            pool.give_back(session, random.choice([None, ValueError(), SystemExit(), SessionDied()]))
        pool.stats()
        if random.random() < 0.3:
            pool.put(pool.get(0))


faulthandler.dump_traceback_later(100, exit=True)  # in place of the scene's alarm
signal.signal(signal.SIGALRM, handle)
set_alarm()
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    with suppress(PoolError):
        if len(lent) < 2:
            lent.append(pool.get(0.01))
        with pool.session(0.01) as session:
            session.left_open = random.random() < 0.2
        pool.ping()
signal.signal(signal.SIGALRM, signal.SIG_IGN)
for session in lent:
    pool.put(session)
lent.clear()
del session
all_live(pool)
pool.close(1)
tell(f"handled {handled}")
