"""A pool among greenlets: `greenlets.py gevent first`, `late` or `forked`, `greenlets.py eventlet first`.

A thread that blocks blocks all greenlets. So whoever waits here waits for what another greenlet does, and none may be
kept from running for long.
"""

import importlib
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

LIBRARY, WHEN = sys.argv[1:]


def patch() -> Any:
    """Have threads become greenlets from now on; return the library."""
    if LIBRARY == "gevent":
        importlib.import_module("gevent.monkey").patch_all()
    else:
        importlib.import_module("eventlet").monkey_patch()
    return importlib.import_module(LIBRARY)


LONG = 3.0
"""Seconds; a worker of the pool that blocks in its queue does so for five."""


def begin(call: Callable[[], None]) -> Callable[[], None]:
    """Call it in a greenlet; return what waits for its end, and raises what it raised."""
    greenlet = library.spawn(call)
    join: Callable[[], None] = greenlet.get if LIBRARY == "gevent" else greenlet.wait
    return join


def until(condition: Callable[[], object]) -> None:
    """Let the others run until the condition holds."""
    while not condition():
        library.sleep(0.001)


def look_at_the_clock() -> None:
    """Note for how long nobody let this greenlet run."""
    global longest
    while True:
        left_at = time.monotonic()
        library.sleep(0.01)
        longest = max(longest, time.monotonic() - left_at)


def use() -> None:
    """Make a round trip."""
    with pool.session() as connection:
        assert connection.execute("SELECT 42").fetchone() == (42,)
        connection.commit()


def wait_for_a_session() -> None:
    """One greenlet waits in `get` until another gives a session back."""
    held = [pool.get() for _ in range(pool.size)]
    join = begin(use)
    until(lambda: pool.stats().waiting)
    for connection in held:
        pool.put(connection)
    join()


def wait_for_a_lock() -> None:
    """One greenlet waits inside a statement for what another does in its own session."""

    def lock() -> None:
        with pool.session() as connection:
            connection.execute("SELECT pg_advisory_lock(1)")
            connection.execute("SELECT pg_advisory_unlock(1)")
            connection.commit()

    with pool.session() as connection:
        connection.execute("SELECT pg_advisory_lock(1)")
        join = begin(lock)
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        until(lambda: connection.execute(waiting).fetchone() == (1,))
        connection.execute("SELECT pg_advisory_unlock(1)")
        connection.commit()
        join()


def wait_for_the_keeper() -> None:
    """The keeper pings while the others wait."""
    until(lambda: pool.stats().pings)


def do_without_a_sentinel() -> None:
    """There is no epoll among greenlets: nobody hears of a hang-up, and the look at checkout sees it."""
    assert not hasattr(select, "epoll")
    others = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    with pool.session() as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid, 5000) {others}")
        connection.commit()
    use()
    use()
    assert pool._desk.sentinel is None
    assert not [thread for thread in threading.enumerate() if thread.name == "pingpool-sentinel"]


if WHEN == "first":
    library = patch()
import pingpool  # noqa: E402 (after the patch, or before it)
from pingpool.databases.postgres import Postgres  # noqa: E402

database = Postgres(os.environ["DATABASE_URL"])
pool: pingpool.PingingPool[Any] = pingpool.PingingPool(2, default_timeout=5, ping_interval=0.5)
child = 0
if WHEN == "forked":
    pool.bind(database)
    pool.keep_alive()
    child = os.fork()
if child:
    _, status = os.waitpid(child, 0)
    with pool.session() as mine:
        mine.execute("SELECT 1")
        mine.commit()
    pool.close()
    sys.exit(os.waitstatus_to_exitcode(status))

if WHEN != "first":
    library = patch()
longest = 0.0
begin(look_at_the_clock)
pool.bind(database)
pool.keep_alive()
wait_for_a_session()
wait_for_a_lock()
wait_for_the_keeper()
do_without_a_sentinel()
pool.close()
library.sleep(0.02)
assert longest < LONG, f"all greenlets stood still for {longest} s"
print("well")  # noqa: T201
