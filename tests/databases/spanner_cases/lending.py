"""Whom a pool lends which session, when, and what that costs."""

import queue
import threading
from contextlib import suppress
from typing import Any

import pytest

from tests.databases.spanner_cases.promises import promise
from tests.databases.spanner_lab import Lab, outcome


@promise(upstream="keeps")
def lends_in_the_order_of_creation(lab: Lab) -> None:
    """At first sessions are lent in the order in which the server made them."""
    pool = lab.bound(3)
    lent = [pool.get() for _ in range(3)]
    assert [session.name for session in lent] == [session.name for session in lab.server.sessions]


@promise(upstream="keeps")
def lends_the_least_recently_used(lab: Lab) -> None:
    """The session that was put longest ago is lent next."""
    pool = lab.bound(3)
    one, two, three = (pool.get() for _ in range(3))
    for session in (two, one, three):
        lab.advance(1)
        pool.put(session)
    assert [pool.get() for _ in range(3)] == [two, one, three]


@promise(upstream="keeps")
def costs_no_round_trip_while_all_is_well(lab: Lab) -> None:
    """A thousand checkouts of fresh sessions cost 0.00 calls each."""
    pool = lab.bound(3)
    for _ in range(1000):
        pool.put(pool.get())
    assert len(lab.server.calls) / 1000 == 0.0


@promise(upstream="keeps")
def proves_an_overdue_session(lab: Lab) -> None:
    """A session that was idle for longer than its interval is looked up on the server before it is lent."""
    pool = lab.bound(1)
    session = pool.get()
    pool.put(session)
    lab.advance(3001)
    assert pool.get() is session
    assert lab.server.calls.methods() == ["GetSession"]


@promise(upstream="keeps")
def replaces_an_overdue_session_that_is_gone(lab: Lab) -> None:
    """A session that turns out to be gone when it is about to be lent is replaced."""
    pool = lab.bound(1)
    lab.server.expire_all()
    lab.advance(3001)
    session = pool.get(timeout=10)
    assert session.exists()
    assert [alive.name for alive in lab.server.sessions] == [session.name]


@promise(upstream="keeps")
def raises_empty_when_exhausted(lab: Lab) -> None:
    """A pool whose sessions are all lent raises `queue.Empty`, also through the client's `Database`."""
    pool = lab.hasty_pool(1, 0.05)
    database = lab.database(pool)
    lent = pool.get()
    with pytest.raises(queue.Empty):
        pool.get(timeout=0)
    with pytest.raises(queue.Empty), database.snapshot():
        pass
    pool.put(lent)


@promise(upstream="breaks")
def says_why_it_is_empty(lab: Lab) -> None:
    """The error tells how long the caller waited and what the sessions were doing."""
    pool = lab.hasty_pool(1)
    lab.database(pool)
    lent = pool.get()
    with pytest.raises(queue.Empty, match=r"within \d.* s \(1 session: 0 idle, 1 in use"):
        pool.get(timeout=0.05)
    pool.put(lent)


@promise(upstream="breaks")
def keeps_its_timeout_while_it_checks(lab: Lab) -> None:
    """The timeout of `get` covers the check of an overdue session."""
    pool = lab.hasty_pool(1, ping_interval=0)
    lab.database(pool)
    never = threading.Event()
    lab.server.delay("GetSession", never)
    lab.server.calls.wait_for("nothing", timeout=0.01)  # or the session would still be fresh
    raised = outcome(lambda: pool.get(timeout=0.1), within=lab.patience)
    never.set()
    assert isinstance(raised, queue.Empty)


@promise(upstream="breaks")
def keeps_its_timeout_while_it_creates(lab: Lab) -> None:
    """The timeout of `get` covers the making of a new session."""
    pool = lab.hasty_pool(1, ping_interval=0)
    lab.database(pool)
    never = threading.Event()
    for method in ("BatchCreateSessions", "CreateSession"):
        lab.server.delay(method, never)
    lab.server.expire_all()
    raised = outcome(lambda: pool.get(timeout=0.1), within=lab.patience)
    never.set()
    assert isinstance(raised, queue.Empty)


@promise(upstream="breaks")
def ignores_the_wall_clock(lab: Lab) -> None:
    """A wall clock that is set an hour forward makes no session overdue, nor does one set back make one fresh."""
    pool = lab.bound(1)
    lab.jump(3601)
    pool.put(pool.get())
    assert lab.server.calls.methods() == []
    lab.jump(-7200)
    lab.advance(3001)
    pool.get(timeout=10)
    assert lab.server.calls.methods() == ["GetSession"]


@promise(upstream="breaks")
def serves_who_came_first(lab: Lab) -> None:
    """A session that is put goes to the thread that waits for it, and not to a newcomer."""
    pool = lab.hasty_pool(1)
    lab.database(pool)
    for _ in range(20):
        session = pool.get()
        served = threading.Event()
        waiting = threading.Thread(target=use_one, args=(pool, served), daemon=True)
        waiting.start()
        waits(pool)
        pool.put(session)
        with pytest.raises(queue.Empty):
            pool.get(timeout=0)
            pytest.fail("a newcomer overtook")
        assert served.wait(5)
        waiting.join(5)


def use_one(pool: Any, served: threading.Event) -> None:
    """Check a session out, if one can be had, and in again."""
    with suppress(queue.Empty):
        pool.put(pool.get(timeout=5))
        served.set()


def waits(pool: Any) -> None:
    """Return when somebody waits at the pool."""
    waiting = (lambda: pool.stats().waiting) if hasattr(pool, "stats") else (lambda: pool._sessions.not_empty._waiters)
    while not waiting():
        pass
