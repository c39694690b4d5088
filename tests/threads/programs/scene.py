"""What the programs share."""

import faulthandler
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from pingpool import Meaning, PingingPool
from pingpool.testing import FakeSession, FaultyDatabase, SessionDied, TransactionalDatabase

Pool = PingingPool[FakeSession]

signal.alarm(int(os.environ.get("SECONDS", "100")))  # not faulthandler's timer, whose thread a forked child would await
faulthandler.register(signal.SIGALRM, all_threads=True, chain=True)
logging.getLogger("pingpool").disabled = True  # an interrupt inside of a log handler leaves its lock held


class Database(TransactionalDatabase):
    """Answers what is asked in the callers' threads without taking a lock that an interrupt leaves held."""

    def looks_alive(self, session: FakeSession) -> bool:
        """Is the session alive?"""
        return session.is_alive

    def needs_reset(self, session: FakeSession) -> bool:
        """Was something left open?"""
        return session.left_open

    def in_transaction(self, session: FakeSession) -> bool:
        """Was that a transaction?"""
        return session.left_open

    def survived_interrupt(self, session: FakeSession) -> bool:
        """Was nothing left open?"""
        return not session.left_open

    def meaning_of(self, error: BaseException) -> Meaning:
        """Tell by the class of the error."""
        return Meaning.LOST if isinstance(error, SessionDied) else Meaning.UNKNOWN


def tell(*what: object) -> None:
    """Tell the test that runs this program."""
    sys.stdout.write(" ".join(map(str, what)) + "\n")
    sys.stdout.flush()


def bound(database: FaultyDatabase, size: int = 2, **options: float) -> Pool:
    """Return a pool that is filled from the database."""
    pool: Pool = PingingPool(size, **options)  # type: ignore[arg-type] # numbers only
    pool.bind(database)
    return pool


def soon(condition: Callable[[], object], seconds: float = 60.0) -> bool:
    """Look until the condition holds; return whether it came to that."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


def all_live(pool: Pool, seconds: float = 30.0) -> None:
    """Check that every slot of the pool holds a living session that can be lent."""
    gc.collect()
    failures: list[BaseException] = []

    def lend_all() -> None:
        try:
            sessions = [pool.get(seconds) for _ in range(pool.size)]
            assert len({session.use() for session in sessions}) == pool.size
            for session in sessions:
                pool.put(session)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=lend_all, daemon=True)
    thread.start()
    soon(lambda: not thread.is_alive(), seconds * 2)  # awake: without the GIL it frees what it made
    if thread.is_alive() or failures or not soon(lambda: pool.stats().idle == pool.size):
        faulthandler.dump_traceback(all_threads=True)
        sys.exit(f"not all live: {pool} {failures}")
