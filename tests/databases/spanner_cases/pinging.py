"""What `ping` does, and what it leaves alone."""

import threading

from tests.databases.spanner_cases.promises import INTERNAL, promise
from tests.databases.spanner_lab import Lab, outcome, take_all


@promise(upstream="keeps")
def pings_only_what_is_due(lab: Lab) -> None:
    """`ping` proves the sessions whose interval has passed, by a statement each, and leaves the others alone."""
    pool = lab.bound(3)
    first = pool.get()
    lab.advance(2000)
    pool.put(first)
    lab.advance(1001)
    pool.ping()
    assert lab.server.calls.methods() == ["ExecuteSql"] * 2
    assert first.name not in [call.session for call in lab.server.calls]


@promise(upstream="keeps")
def pings_each_once(lab: Lab) -> None:
    """A session that was pinged is not due again before its interval has passed."""
    pool = lab.bound(2)
    lab.advance(3001)
    pool.ping()
    pool.ping()
    assert lab.server.calls.methods() == ["ExecuteSql"] * 2


@promise(upstream="keeps")
def keeps_alive_what_it_pings(lab: Lab) -> None:
    """Sessions that are pinged in time outlive the server's idle hour."""
    pool = lab.bound(2)
    names = [session.name for session in lab.server.sessions]
    for _ in range(3):
        lab.advance(3001)
        pool.ping()
    assert [session.name for session in lab.server.sessions] == names


@promise(upstream="keeps")
def replaces_what_it_finds_gone(lab: Lab) -> None:
    """A session that is gone when it is pinged is replaced before `ping` returns."""
    pool = lab.bound(2)
    lab.server.expire_all()
    lab.advance(3001)
    pool.ping()
    assert len(lab.server.sessions) == 2
    lab.server.calls.clear()
    assert all(session.exists() for session in take_all(pool, 2))


@promise(upstream="breaks")
def pings_side_by_side(lab: Lab) -> None:
    """Two sessions that are due are pinged at the same time."""
    pool = lab.bound(2)
    lab.advance(3001)
    gate = threading.Event()
    lab.server.delay("ExecuteSql", gate)
    pinging = threading.Thread(target=pool.ping, daemon=True)
    pinging.start()
    try:
        assert lab.server.calls.wait_for("ExecuteSql", 2, timeout=lab.patience)
    finally:
        gate.set()
        pinging.join(5)


@promise(upstream="breaks")
def ends_its_round_at_interval_zero(lab: Lab) -> None:
    """With an interval of 0 every session is due at every moment, and `ping` still ends."""
    pool = lab.hasty_pool(2, ping_interval=0)
    lab.database(pool)
    raised = outcome(pool.ping, within=lab.patience)
    lab.server.stop()
    assert raised is None


@promise(upstream="breaks")
def survives_a_failing_ping(lab: Lab) -> None:
    """A server that fails a ping ends neither the loop that pings nor the life of a slot."""
    pool = lab.bound(2)
    lab.advance(3001)
    lab.server.fail("ExecuteSql", INTERNAL)
    pool.ping()
    lab.advance(31)
    pool.ping()
    take_all(pool, 2)
    assert len(lab.server.sessions) == 2


@promise(upstream="breaks")
def hides_nothing_from_others_while_it_pings(lab: Lab) -> None:
    """However often `ping` is called, a free and fresh session can be had at once."""
    pool = lab.hasty_pool(1)
    lab.database(pool)
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            pool.ping()

    loops = [threading.Thread(target=loop, daemon=True) for _ in range(4)]
    for thread in loops:
        thread.start()
    try:
        for _ in range(3000):
            pool.put(pool.get(timeout=0))
    finally:
        stop.set()
        for thread in loops:
            thread.join(5)
