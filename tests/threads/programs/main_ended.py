"""The main thread ends while three others, which are no daemons, share one session: all get their turns."""

import atexit
import threading
import time

from scene import tell

import pingpool
from pingpool.testing import FaultyDatabase

pool = pingpool.open(FaultyDatabase(), size=1)
uses: list[None] = []


def work() -> None:
    """Use the session three times, each time for longer than a patrol."""
    for _ in range(3):
        with pool.session():
            time.sleep(0.3)
        uses.append(None)


for _ in range(3):
    threading.Thread(target=work).start()
atexit.register(lambda: tell(len(uses)))
