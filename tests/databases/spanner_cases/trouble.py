"""What goes wrong on the server, in the process and between threads."""

import math
import os
import queue
import threading
from typing import Any

import grpc
import pytest
from google.api_core import exceptions

from pingpool.testing.spanner import EVERY_METHOD
from tests.databases.spanner_cases.promises import INTERNAL, promise
from tests.databases.spanner_lab import OURS, Lab, outcome, quiet, take_all
from tests.databases.waiting import SOON, until

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED


@promise(upstream="breaks")
def loses_no_slot_to_a_failing_check(lab: Lab) -> None:
    """A server that fails while a session is checked costs nobody a slot."""
    pool = lab.bound(2)
    lab.advance(3001)
    lab.server.fail("GetSession", INTERNAL)
    outcome(lambda: pool.get(timeout=0), within=lab.patience)
    lab.server.calls.wait_for("GetSession")
    lab.advance(31)
    lab.patiently(lambda: take_all(pool, 2))


@promise(upstream="breaks")
def loses_no_slot_to_a_failing_creation(lab: Lab) -> None:
    """A server that fails while a dead session is replaced costs nobody a slot."""
    pool = lab.bound(2)
    lab.server.expire_all()
    lab.advance(3001)
    for method in ("BatchCreateSessions", "CreateSession"):
        lab.server.fail(method, INTERNAL)
    pool_pings = outcome(pool.ping, within=lab.patience)
    lab.advance(31)
    lab.patiently(lambda: take_all(pool, 2))
    assert pool_pings is None


@promise(upstream="breaks")
def comes_back_after_an_outage(lab: Lab) -> None:
    """After an outage of every method the pool is whole again by itself."""
    pool = lab.bound(3)
    lab.server.expire_all()
    lab.advance(3001)
    lab.server.fail(EVERY_METHOD, INTERNAL, times=math.inf)
    for _ in range(5):
        outcome(lambda: pool.get(timeout=0), within=lab.patience)
        outcome(pool.ping, within=lab.patience)
        lab.advance(31)
    lab.server.heal()
    lab.advance(31)
    lab.patiently(lambda: take_all(pool, 3))


def live_through(lab: Lab, pool: Any, code: grpc.StatusCode, *methods: str) -> None:
    """Let a pool whose sessions are overdue live for some minutes with a server that fails so."""
    lab.advance(3001)
    for method in methods:
        lab.server.fail(method, code, times=math.inf)
    for _ in range(8):
        outcome(lambda: pool.get(timeout=0), within=lab.patience)
        outcome(pool.ping, within=lab.patience)
        if lab.make == OURS:
            quiet(pool)
        lab.advance(31)
    lab.server.heal()


@promise(upstream="breaks")
def keeps_its_sessions_while_nothing_can_be_had(lab: Lab) -> None:
    """An outage, a token that expired, or rights that were revoked for minutes, cost no session and make none."""
    pool = lab.bound(8)
    before = [session.name for session in lab.server.sessions]
    for code in (UNAVAILABLE, UNAUTHENTICATED, PERMISSION_DENIED):
        live_through(lab, pool, code, EVERY_METHOD)
        pool.ping()
        take_all(pool, 8)
        assert [session.name for session in lab.server.sessions] == before


@promise(upstream="breaks")
def keeps_its_sessions_though_only_pings_fail(lab: Lab) -> None:
    """Where sessions could be had, but none can be proven, those that there are stay; at most `size` on the server."""
    pool = lab.bound(4)
    before = [session.name for session in lab.server.sessions]
    live_through(lab, pool, UNAVAILABLE, "GetSession", "ExecuteSql")
    pool.ping()
    take_all(pool, 4)
    assert [session.name for session in lab.server.sessions] == before


@promise(upstream="breaks")
def deletes_later_what_cannot_be_deleted_now(lab: Lab) -> None:
    """Sessions that could not be deleted in an outage go with the next success: never more than `size` after it."""
    pool = lab.bound(4)
    lab.server.fail("DeleteSession", UNAVAILABLE, times=math.inf)
    outcome(pool.clear, within=lab.patience)
    assert len(lab.server.sessions) == 4
    lab.server.heal()
    outcome(lambda: lab.database(pool), within=lab.patience)
    if lab.make == OURS:
        until(lambda: len(lab.server.sessions) == 4)
    assert len(lab.server.sessions) == 4
    take_all(pool, 4)


@promise(upstream="breaks")
def deletes_with_the_pool_what_could_not_be_deleted(lab: Lab) -> None:
    """After an outage in which nothing could be deleted, a second `clear` leaves none on the server."""
    pool = lab.bound(4)
    lab.server.fail("DeleteSession", UNAVAILABLE, times=math.inf)
    outcome(pool.clear, within=lab.patience)
    lab.server.heal()
    pool.clear()
    assert lab.server.sessions == []


@promise(upstream="keeps")
def raises_googles_errors_where_a_database_is_missing(lab: Lab) -> None:
    """`except NotFound` around `instance.database(..., pool=...)` catches a database that is not there."""
    lab.server.drop("projects/p/instances/i/databases/d")
    with pytest.raises(exceptions.NotFound, match="Database not found") as caught:
        lab.database(lab.pool(2))
    assert (caught.value.code, caught.value.grpc_status_code) == (404, grpc.StatusCode.NOT_FOUND)


@promise(upstream="keeps")
def raises_googles_errors_where_get_fails(lab: Lab) -> None:
    """`except GoogleAPICallError` around `get` catches the error for which no session could be proven."""
    pool = lab.bound(1)
    lab.advance(3001)
    lab.server.fail(EVERY_METHOD, PERMISSION_DENIED, times=math.inf)
    with pytest.raises(exceptions.Forbidden, match="told to fail"):
        lab.patiently(lambda: pool.get(timeout=1))


@promise(upstream="breaks")
def takes_one_refusal_for_no_answer(lab: Lab) -> None:
    """One 403 while a dead session is replaced costs whoever waits a moment, and no error."""
    pool = lab.bound(1)
    lab.server.expire_all()
    lab.advance(3001)
    for method in ("BatchCreateSessions", "CreateSession"):
        lab.server.fail(method, PERMISSION_DENIED)
    lab.patiently(lambda: take_all(pool, 1))


@promise(upstream="breaks")
def clears_past_errors(lab: Lab) -> None:
    """`clear` goes on when a session is dead already and when the server fails, and raises nothing."""
    pool = lab.bound(3)
    lab.server.expire(lab.server.sessions[0].name)
    lab.server.fail("DeleteSession", INTERNAL, after=1)
    pool.clear()
    assert lab.server.calls.count("DeleteSession") >= 3


@promise(upstream="breaks")
def clears_what_is_being_pinged(lab: Lab) -> None:
    """A session whose ping is under way while the pool is cleared does not survive that."""
    pool = lab.bound(1)
    lab.advance(3001)
    gate = threading.Event()
    lab.server.delay("ExecuteSql", gate)
    pinging = threading.Thread(target=pool.ping, daemon=True)
    pinging.start()
    assert lab.server.calls.wait_for("ExecuteSql")
    clearing = threading.Thread(target=pool.clear, daemon=True)
    clearing.start()
    clearing.join(0.1 if lab.make == OURS else SOON)  # ours waits for the ping, Google's does not
    gate.set()
    clearing.join(SOON)
    pinging.join(SOON)
    assert lab.server.sessions == []


@promise(upstream="keeps")
def leaves_nothing_on_the_server_when_cleared(lab: Lab) -> None:
    """`clear` deletes every idle session, and what was lent may still be put."""
    pool = lab.bound(3)
    lent = pool.get()
    pool.clear()
    assert [session.name for session in lab.server.sessions] == [lent.name]
    pool.put(lent)
    assert pool.get() is lent


@promise(upstream="breaks")
def shares_no_session_with_a_forked_child(lab: Lab) -> None:
    """A child process finds the pool empty and cannot put a session of its parent."""
    pool = lab.bound(1)
    lab.server.delay("BatchCreateSessions", threading.Event())  # the child is not to get any of its own
    child = os.fork()
    if child == 0:
        try:
            pool.get(timeout=0)
        except queue.Empty:
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    pool.put(pool.get())
