"""How our drop-in calls the server, and what it makes of the answers."""

import math
import queue
import threading
from collections.abc import Iterator

import grpc
import pytest

pytest.importorskip("google.cloud.spanner_v1")
pytest.importorskip("spannermockserver")

from google.api_core import exceptions
from google.cloud.spanner_v1.database import Database

import pingpool
from pingpool import Meaning
from pingpool.databases.spanner.errors import lost_session
from pingpool.databases.spanner.traits import SpannerTraits
from tests.databases.spanner_lab import OURS, D, Lab, bound, lab_for, not_found, outcome, quiet, read, take_all
from tests.databases.waiting import SOON

pytestmark = pytest.mark.server

counts_requests = pytest.mark.skipif(not hasattr(Database, "_next_nth_request"), reason="this client numbers nothing")


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A server, a client and a clock, for pools of ours."""
    with lab_for(OURS, monkeypatch) as lab:
        yield lab


# -------------------------------------------------------------------------------------------------------- how it calls


def test_every_call_has_a_deadline(lab: Lab) -> None:
    """Whatever the pool asks of the server ends within `io_timeout`, and says whose sessions it is about."""
    pool, _ = bound(lab, 2, io_timeout=3)
    lab.advance(3001)
    pool.put(pool.get())
    pool.ping()
    lab.server.expire(lab.server.sessions[0].name)
    lab.advance(3001)
    pool.ping()
    pool.clear()
    assert set(lab.server.calls.methods()) == {"GetSession", "ExecuteSql", "BatchCreateSessions", "DeleteSession"}
    assert all(0 < (call.deadline or math.inf) < 3.1 for call in lab.server.calls)
    assert {call.resource_prefix for call in lab.server.calls} == {D}


def test_it_asks_the_leader(lab: Lab) -> None:
    """Making and looking up sessions is routed to the leader region, if the client does that at all."""
    pool = lab.pool(1)
    database = lab.database(pool)
    lab.advance(3001)
    pool.put(pool.get())
    assert lab.server.calls.methods() == ["BatchCreateSessions", "GetSession"]
    routed = getattr(database, "_route_to_leader_enabled", False)
    assert [call.routes_to_leader for call in lab.server.calls] == [routed, routed]


@counts_requests
def test_every_call_has_a_request_id(lab: Lab) -> None:
    """Each call carries a number of its own, as the client's own calls do."""
    pool = lab.pool(3)
    lab.database(pool)
    lab.advance(3001)
    pool.ping()
    ids = [call.request_id for call in lab.server.calls]
    assert None not in ids
    assert len(set(ids)) == 4


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_the_clients_own_retries_stay_out_of_the_way(lab: Lab, code: grpc.StatusCode) -> None:
    """A call that fails fails at once: the client would otherwise repeat it for half a minute."""
    pool, _ = bound(lab)
    lab.advance(3001)
    lab.server.fail("ExecuteSql", code, times=math.inf)
    assert outcome(pool.ping, within=5) is None
    assert lab.server.calls.methods() == ["ExecuteSql"]


def test_a_waiter_is_served_by_a_look_and_the_idle_are_kept_by_statements(lab: Lab) -> None:
    """What a caller waits for is looked up; `ping` runs a statement, for only that prolongs a session's life."""
    pool, _ = bound(lab, 2)
    lab.advance(3001)
    pool.put(pool.get())
    pool.ping()
    assert lab.server.calls.methods() == ["GetSession", "ExecuteSql"]


def test_a_look_for_a_caller_who_left_is_followed_by_a_statement(lab: Lab) -> None:
    """A look that nobody waits for any more kept nothing alive: if nobody comes for a moment, a statement does."""
    pool, _ = bound(lab)
    lab.advance(3001)
    gate = threading.Event()
    lab.server.delay("GetSession", gate, times=1)
    with pytest.raises(queue.Empty):
        pool.get(timeout=0)
    assert lab.server.calls.wait_for("GetSession")
    gate.set()
    quiet(pool)
    lab.advance(1)
    assert lab.server.calls.wait_for("ExecuteSql")
    quiet(pool)
    lab.advance(2999)
    pool.put(pool.get(timeout=0))
    assert lab.server.calls.methods() == ["GetSession", "ExecuteSql"]


def test_what_a_look_saw_serves_whoever_comes_next(lab: Lab) -> None:
    """However slow the server's statements are: there is none before, and the use keeps the session alive."""
    pool, database = bound(lab)
    lab.advance(3001)
    with pytest.raises(queue.Empty):
        pool.get(timeout=0)
    lab.server.delay("ExecuteSql", threading.Event())
    quiet(pool)
    pool.put(pool.get(timeout=0))
    assert lab.server.calls.methods() == ["GetSession"]
    read(database)
    lab.advance(2999)
    pool.put(pool.get(timeout=0))
    assert lab.server.violations == []


# ------------------------------------------------------------------------------------------------- what an error means


def test_a_database_that_is_not_there_is_refused_and_said_so(lab: Lab) -> None:
    """NOT_FOUND of the database is no lost session: `bind` fails with it, at once and without another attempt."""
    lab.server.drop(D)
    with pytest.raises(pingpool.CannotFill, match="Database not found") as caught:
        lab.database(lab.pool(3))
    assert isinstance(caught.value.__cause__, exceptions.NotFound)
    assert lab.server.calls.methods() == ["BatchCreateSessions"]


def test_a_database_that_is_dropped_is_told_to_who_waits(lab: Lab) -> None:
    """When the database is dropped its sessions stay, in doubt; callers hear of it when their time is up."""
    pool = lab.hasty_pool(2, 0.2, ping_interval=0)
    database = lab.database(pool)
    lab.server.drop(D)
    for use in (pool.get, lambda: read(database)):
        refused = outcome(use, within=SOON)
        assert isinstance(refused, queue.Empty)
        assert isinstance(refused, exceptions.NotFound)
        assert isinstance(refused.__cause__, exceptions.NotFound)


@pytest.mark.parametrize("code", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED])
def test_a_closed_door_is_told_to_who_waits(lab: Lab, code: grpc.StatusCode) -> None:
    """A database that lets us in no more, and that twice, is no matter of waiting."""
    pool, _ = bound(lab)
    lab.server.expire_all()
    lab.advance(3001)
    lab.server.fail("BatchCreateSessions", code, times=math.inf)
    with pytest.raises(pingpool.errors.DatabaseRefuses):
        lab.patiently(lambda: pool.get(timeout=3600))


TRANSIENT = [
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.INTERNAL,
]


@pytest.mark.parametrize("method", ["ExecuteSql", "GetSession"])
@pytest.mark.parametrize("code", TRANSIENT)
def test_passing_trouble_costs_no_session(lab: Lab, code: grpc.StatusCode, method: str) -> None:
    """An overloaded server makes the pool wait and ask again; the sessions stay the same."""
    pool, _ = bound(lab, 2)
    names = [session.name for session in lab.server.sessions]
    lab.advance(3001)
    lab.server.fail(method, code)
    pool.ping() if method == "ExecuteSql" else outcome(lambda: pool.get(timeout=0), within=5)
    assert lab.server.calls.wait_for(method)
    quiet(pool)
    lab.advance(31)
    assert sorted(session.name for session in take_all(pool, 2)) == sorted(names)
    assert lab.server.calls.count("BatchCreateSessions") == 0


def wrapped(error: Exception) -> Exception:
    """The error of somebody who raised another one because of it."""
    try:
        try:
            raise error
        except Exception as reason:
            raise RuntimeError("the order failed") from reason
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (not_found(f"Session not found: {D}/sessions/7"), f"{D}/sessions/7"),
        (not_found(f"Session not found: {D}/sessions/7, request_id = 1.2.3"), f"{D}/sessions/7"),
        (wrapped(not_found(f"Session not found: {D}/sessions/7")), f"{D}/sessions/7"),
        (not_found(f"Database not found: {D}"), None),
        (not_found("Table not found: sessions"), None),
        (exceptions.ServiceUnavailable(f"Session not found: {D}/sessions/7"), None),  # type: ignore[no-untyped-call]
        (RuntimeError("Session not found"), None),
        (None, None),
    ],
)
def test_which_session_an_error_names(error: BaseException | None, name: str | None) -> None:
    """Only NOT_FOUND, of a session, means that one is lost; also as the cause of another error."""
    assert lost_session(error) == name


def test_what_the_codes_of_the_server_mean() -> None:
    """Trouble that passes says nothing of the session; what somebody has to mend is refused; no other code is known."""
    errors = {code: exceptions.from_grpc_status(code, "trouble") for code in grpc.StatusCode}  # type: ignore[no-untyped-call]
    meanings = {code: SpannerTraits().meaning_of(error) for code, error in errors.items()}
    assert {code for code, meaning in meanings.items() if meaning is Meaning.TRANSIENT} >= set(TRANSIENT)
    refused = {code.name for code, meaning in meanings.items() if meaning is Meaning.REFUSED}
    assert refused == {"NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED", "INVALID_ARGUMENT"}
    assert Meaning.LOST not in meanings.values()


@pytest.mark.parametrize("times", [1, 2, math.inf])
@pytest.mark.parametrize("code", [*TRANSIENT, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED])
@pytest.mark.parametrize("method", ["BatchCreateSessions", "GetSession", "ExecuteSql", "DeleteSession"])
def test_no_failure_of_any_call_costs_a_slot(lab: Lab, method: str, code: grpc.StatusCode, times: float) -> None:
    """Whichever call fails, with whichever code, once, twice or until it is mended: the pool is whole afterwards."""
    pool, database = bound(lab, 3)
    lab.server.expire(lab.server.sessions[0].name)
    lab.server.fail(method, code, times=times)
    for _ in range(4):
        lab.advance(3001)
        for use in (lambda: pool.put(pool.get(timeout=0)), pool.ping, lambda: pool.put(pool.get(timeout=0))):
            assert isinstance(outcome(use, within=5), queue.Empty | None)
    pool.clear()
    quiet(pool)
    lab.server.heal()
    pool.bind(database)
    take_all(pool, 3)
    assert pool.stats().idle == 3
    assert lab.server.violations == []
