"""Leave the process with a pool in a state that has a name; print what the end left open, and waited for."""

import atexit
import sys
import threading
import time
from contextlib import suppress


def report() -> None:
    """Say how many sessions are left open on the server, and for how long the end was held up by waits."""
    tell("live", len(database.live), "waited", sum(waits))


atexit.register(report)  # before the pool is imported, so that it is called after the pool's own end

from scene import bound, soon, tell  # noqa: E402 (see above)

from pingpool import PingingPool, PoolClosed, PoolTimeout  # noqa: E402 (see above)
from pingpool.testing import FakeSession, FaultyDatabase  # noqa: E402 (see above)
from pingpool.threads.clock import Gate, SystemClock  # noqa: E402 (see above)

database = FaultyDatabase()
how = sys.argv[1]


waits: list[float] = []
"""What the main thread waited for in vain since it leaves: a wait of a second takes that on any machine."""


def leave() -> None:
    """Count the waits from now on: this is the end of the program."""
    real_wait = SystemClock.wait

    def wait(gate: Gate, until: float) -> bool:
        timeout = until - SystemClock.now()
        is_open = real_wait(gate, until)
        if not is_open and threading.current_thread() is threading.main_thread():
            waits.append(timeout)
        return is_open

    SystemClock.wait = staticmethod(wait)  # type: ignore[method-assign]


class Slow(FaultyDatabase):
    """Hangs for ever, in a way that no fault ends."""

    def ping(self, session: FakeSession, *, timeout: float) -> None:
        """Hang."""
        self.calls["ping"] += 1
        time.sleep(1000)

    def delete(self, session: FakeSession, *, timeout: float) -> None:
        """Hang."""
        self.calls["delete"] += 1
        time.sleep(1000)


if how == "open":
    pool = bound(database, 4)
    held = pool.get()
elif how == "open after a pause":
    import pingpool.threads.workers

    pingpool.threads.workers.LINGER = 0.05
    pool = bound(database, 4)
    assert soon(lambda: not [thread for thread in threading.enumerate() if thread.name.endswith("-worker")])
elif how == "kept alive":
    pool = bound(database, 4, ping_interval=0.001)
    pool.keep_alive()
elif how == "hung":
    database = Slow()
    pool = bound(database, 4, ping_interval=0.000001)
    threading.Thread(target=pool.ping, daemon=True).start()
    assert soon(lambda: database.calls["ping"] == 4)
elif how == "many hung":
    pools = [bound(Slow(), 2) for _ in range(5)]
elif how == "waiting":
    pool = bound(database, 1)
    held = pool.get()

    def wait() -> None:
        """Wait until the end."""
        with suppress(PoolClosed, PoolTimeout):
            pool.get(100)

    threading.Thread(target=wait, daemon=True).start()
    assert soon(lambda: pool.stats().waiting)
elif how == "in a block":
    pool = bound(database, 2)
    with pool.session():
        leave()
        sys.exit(0)
elif how == "used at exit":
    pool = bound(database, 2)

    def use() -> None:
        """Use the pool at the very end."""
        with pool.session(1) as session:
            tell(session.use())

    atexit.register(use)
elif how == "closed at exit":
    pool = bound(database, 2)
    atexit.register(pool.close)
elif how == "busy":
    pool = bound(database, 2)

    def churn() -> None:
        """Use the pool until the end."""
        with suppress(PoolClosed):
            while True:
                with suppress(PoolTimeout), pool.session(0.01) as session:
                    session.use()

    for _ in range(4):
        threading.Thread(target=churn, daemon=True).start()
elif how == "unbound":
    pool = PingingPool(2)
leave()
