"""The main thread ends while another one, which is no daemon, waits for a session.

Usage: leave_waiting.py thread|executor
"""

import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pingpool
from pingpool.testing import FaultyDatabase

warnings.simplefilter("ignore", ResourceWarning)
pool = pingpool.open(FaultyDatabase(), size=1, default_timeout=1000)
held = pool.get()


def wait() -> None:
    """Wait for what never comes."""
    try:
        pool.get()
    except pingpool.PoolError as error:
        sys.stdout.write(type(error).__name__)


if sys.argv[1] == "thread":
    threading.Thread(target=wait).start()
else:
    ThreadPoolExecutor(1).submit(wait)
while not pool.stats().waiting:
    pass
