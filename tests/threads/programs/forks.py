"""Fork many times while threads use the pool: every child works, and touches nothing of its parent's.

Usage: forks.py HOW_MANY
"""

import os
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress

from scene import tell

from pingpool import Database, PingingPool, PoolError

warnings.simplefilter("ignore")


class Session:
    """Knows its process."""

    def __init__(self) -> None:
        self.pid = os.getpid()


class Sessions(Database[Session]):
    """Takes no lock that a fork could find taken."""

    trespasses = 0

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Open one."""
        return Session()

    def ping(self, session: Session, *, timeout: float) -> None:
        """Count whose it is."""
        self.trespasses += session.pid != os.getpid()

    def delete(self, session: Session, *, timeout: float) -> None:
        """Count whose it was."""
        self.trespasses += session.pid != os.getpid()


database = Sessions()
pool: PingingPool[Session] = PingingPool(4, 10, 0.05)
pool.bind(database)
pool.keep_alive()
over = False


def use() -> None:
    """Use the pool until it is over."""
    while not over:
        with suppress(PoolError), pool.session(1):
            pass
        time.sleep(0.0005)


def child() -> int:
    """Use the pool as a child does; return 0 if all is well."""
    with pool.session(10) as session:
        is_own = session.pid == os.getpid()
    pool.close(5)
    return 0 if is_own and not database.trespasses else 1


threads = [threading.Thread(target=use, daemon=True) for _ in range(4)]
for thread in threads:
    thread.start()
failed = 0
for _ in range(int(sys.argv[1])):
    pid = os.fork()
    if not pid:
        os._exit(child())
    failed += os.waitpid(pid, 0)[1] != 0
over = True
for thread in threads:
    thread.join(10)
sessions = [pool.get(10) for _ in range(pool.size)]
for session in sessions:
    pool.put(session)
pool.close(1)
tell(f"forked {sys.argv[1]}, failed {failed}")
