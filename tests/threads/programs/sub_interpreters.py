"""A pool in a sub-interpreter, which is destroyed as soon as the pool is closed; a number of times."""

import faulthandler
import os
import sys
from typing import Any

from scene import tell

if sys.version_info >= (3, 13):
    import _interpreters as interpreters

    KIND: tuple[Any, ...] = ("legacy",)
    OPTIONS: dict[str, Any] = {}
else:
    import _xxsubinterpreters as interpreters

    KIND, OPTIONS = (), {"isolated": False}  # in an isolated one no thread may be started

INSIDE = f"""
import sys
sys.path[:] = {sys.path!r}
import pingpool
from pingpool.testing import FaultyDatabase

pool = pingpool.open(FaultyDatabase(), size=3, ping_interval=0.01)
for _ in range(5):
    pool.put(pool.get())
    pool.ping()
pool.close()
"""

if __name__ == "__main__":
    faulthandler.dump_traceback_later(int(os.environ["SECONDS"]), exit=True)
    for _ in range(int(sys.argv[1])):
        interpreter = interpreters.create(*KIND, **OPTIONS)
        told = interpreters.run_string(interpreter, INSIDE)
        assert told is None, told
        interpreters.destroy(interpreter)
    tell("destroyed", sys.argv[1])
