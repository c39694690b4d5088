"""Fork with a pool in the state that the first argument names, and tell what parent and child did to whose sessions."""

import gc
import json
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress

from scene import all_live, bound, soon, tell

from pingpool import PoolTimeout
from pingpool.errors import PoolFull
from pingpool.testing import FakeSession, FaultyDatabase

warnings.simplefilter("ignore")
how = sys.argv[1]
report, line = os.pipe()


class Recorded(FaultyDatabase):
    """Writes every call down, with the process that made it and the process that opened the session."""

    def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        """Open a session that belongs to this process."""
        session = Goodbye(super().create(labels=labels, timeout=timeout).number, {"pid": str(os.getpid())})
        write("create", session)
        return session

    def ping(self, session: FakeSession, *, timeout: float) -> None:
        """Prove it."""
        write("ping", session)

    def delete(self, session: FakeSession, *, timeout: float) -> None:
        """End it."""
        write("delete", session)
        super().delete(session, timeout=timeout)


class Goodbye(FakeSession):
    """Ends its session when it is collected, as drivers do; in the child that would end the parent's."""

    def __del__(self) -> None:
        """End it."""
        write("goodbye", self)


def write(call: str, session: FakeSession) -> None:
    """Write a call down."""
    os.write(line, json.dumps([call, os.getpid(), int(session.labels["pid"])]).encode() + b"\n")


def in_child() -> None:
    """What the child does with the pool it inherited."""
    signal.alarm(80)
    ledger = pool._desk.ledger
    assert not ledger.idle, ledger.idle
    assert not ledger.lent, ledger.lent
    for session in mine:
        try:
            pool.put(session)
        except PoolFull:
            continue
        raise AssertionError("the pool took an inherited session")
    all_live(pool)
    if how == "kept alive":
        assert soon(lambda: pool.stats().pings >= 3)
        assert len([thread for thread in threading.enumerate() if thread.name.endswith("-keeper")]) == 1
    gc.collect()


database = Recorded()
pool = bound(database, 4, ping_interval=0.05 if how == "kept alive" else 3000)
mine = [pool.get() for _ in range(2)]
over = False
threads: list[threading.Thread] = []


def aside(call: Callable[[], object]) -> None:
    """Make the call in a thread."""
    threads.append(threading.Thread(target=call, daemon=True))
    threads[-1].start()


def churn() -> None:
    """Keep the pool busy, so that the fork comes in the middle of a turn."""
    while not over:
        with suppress(PoolTimeout), pool.session(0.01) as session:
            session.use()


def wait() -> None:
    """Wait for a session."""
    with pool.session(20) as session:
        session.use()


if how == "kept alive":
    pool.keep_alive()
elif how == "in mid-turn":
    sys.setswitchinterval(1e-5)
    for _ in range(4):
        aside(churn)
elif how == "waiting":
    mine += [pool.get() for _ in range(2)]
    for _ in range(3):
        aside(wait)
    assert soon(lambda: pool.stats().waiting == 3)
elif how == "closed":
    pool.put(mine.pop())
    pool.put(mine.pop())

failed = 0
for _ in range(10 if how == "in mid-turn" else 1):
    child = os.fork()
    if not child:
        over = True
        threads.clear()
        in_child()
        if how == "hard exit":
            os._exit(0)
        sys.exit(0)  # with all that Python does at its end
    failed += os.waitpid(child, 0)[1] != 0
    time.sleep(0.005)
over = True
while mine:
    pool.put(mine.pop())
for thread in threads:
    thread.join(60)
    assert not thread.is_alive()
all_live(pool)
pool.close(2)
os.set_blocking(report, False)
calls = [json.loads(text) for text in os.read(report, 1 << 20).splitlines()]
trespasses = [call for call in calls if call[1] != call[2]]
tell(json.dumps({"failed": failed, "trespasses": trespasses, "made": sum(call[0] == "create" for call in calls)}))
