"""The in-process Cloud Spanner server, asked by Google's real client."""

import math
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

pytest.importorskip("google.cloud.spanner_v1")
pytest.importorskip("spannermockserver")

from google.api_core import exceptions
from google.cloud.spanner_v1 import BurstyPool, KeySet, PingingPool
from google.cloud.spanner_v1.types import spanner

from pingpool.testing.spanner import EVERY_METHOD, SpannerServer
from tests.databases.waiting import SOON

pytestmark = pytest.mark.server

D = "projects/p/instances/i/databases/d"
HOUR = 3600.0


@pytest.fixture
def server() -> Iterator[SpannerServer]:
    """A server of the test's own."""
    with SpannerServer() as server:
        yield server


@pytest.fixture(autouse=True)
def pooled_sessions_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that could do without a pool are told to use it."""
    for kind in ("", "_FOR_RW", "_PARTITIONED_OPS"):
        monkeypatch.setenv(f"GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS{kind}", "false")


def database(server: SpannerServer, pool: Any = None) -> Any:
    """Google's own `Database` on this server."""
    return server.client().instance("i").database("d", pool=pool or BurstyPool())


def make(server: SpannerServer, count: int = 1) -> tuple[Any, list[str]]:
    """The client's raw API, and the names of new sessions."""
    api = database(server).spanner_api
    made = api.batch_create_sessions(database=D, session_count=count)
    return api, [session.name for session in made.session]


def resource(error: exceptions.GoogleAPICallError) -> tuple[str, str]:
    """The type and the name of what was not found."""
    (info,) = error.details
    return info.resource_type, info.resource_name


def test_a_batch_is_cut_at_the_cap_of_the_server() -> None:
    """One BatchCreateSessions gives at most `batch_cap` sessions, however many were asked for."""
    with SpannerServer(batch_cap=3) as server:
        _, names = make(server, 10)
        assert names == [session.name for session in server.sessions] == [f"{D}/sessions/{n}" for n in (1, 2, 3)]


def test_labels_and_role_are_kept(server: SpannerServer) -> None:
    """A session carries the labels and the role of the template it was made from, and GetSession shows them."""
    if "creator_role" not in spanner.Session.meta.fields:
        pytest.skip("this client knows no roles")
    api = database(server).spanner_api
    template = spanner.Session(labels={"team": "a"}, creator_role="reader")
    request = spanner.BatchCreateSessionsRequest(database=D, session_count=2, session_template=template)
    names = [session.name for session in api.batch_create_sessions(request=request).session]
    assert [(dict(s.labels), s.creator_role) for s in server.sessions] == [({"team": "a"}, "reader")] * 2
    shown = api.get_session(name=names[1])
    assert (dict(shown.labels), shown.creator_role) == ({"team": "a"}, "reader")


def test_a_session_without_what_is_expected_is_a_violation() -> None:
    """Labels and role that were expected and not sent are noted, for every session that lacks them."""
    with SpannerServer(expected_labels={"team": "a"}, expected_role="reader") as server:
        make(server)
        assert server.violations == [
            f"{D}/sessions/1 was made with the labels {{}}",
            f"{D}/sessions/1 was made with the role ''",
        ]


@pytest.mark.parametrize("method", ["get_session", "delete_session", "execute_sql"])
def test_a_deleted_session_is_not_found(server: SpannerServer, method: str) -> None:
    """Whatever names a deleted session gets NOT_FOUND, with the session named in the details."""
    api, (name,) = make(server)
    api.delete_session(name=name)
    asked = {"request": {"session": name, "sql": "SELECT 1"}} if method == "execute_sql" else {"name": name}
    with pytest.raises(exceptions.NotFound, match="Session not found") as caught:
        getattr(api, method)(**asked)
    assert resource(caught.value) == ("type.googleapis.com/google.spanner.v1.Session", name)


def test_a_session_expires_behind_the_clients_back(server: SpannerServer) -> None:
    """`expire` ends one session and `expire_all` the rest, without a call of the client."""
    api, names = make(server, 3)
    server.expire(names[1])
    assert [session.name for session in server.sessions] == [names[0], names[2]]
    server.expire_all()
    assert server.sessions == []
    with pytest.raises(exceptions.NotFound):
        api.get_session(name=names[0])


def test_an_idle_hour_ends_a_session_and_a_statement_prevents_it(server: SpannerServer) -> None:
    """After more than an hour without a statement a session is gone; one that ran a statement meanwhile is not."""
    api, (idle, used) = make(server, 2)
    server.clock.advance(HOUR)
    assert api.get_session(name=idle).name == idle
    api.execute_sql(request={"session": used, "sql": "SELECT 1"})
    server.clock.advance(1)
    assert [session.name for session in server.sessions] == [used]


def test_looking_at_a_session_does_not_keep_it_alive(server: SpannerServer) -> None:
    """GetSession proves a session but does not start its hour anew."""
    api, (name,) = make(server)
    server.clock.advance(HOUR / 2)
    api.get_session(name=name)
    server.clock.advance(HOUR / 2 + 1)
    assert server.sessions == []


def test_a_refused_statement_does_not_keep_a_session_alive(server: SpannerServer) -> None:
    """Only a statement that was carried out starts the hour anew."""
    api, (name,) = make(server)
    server.fail("ExecuteSql", grpc.StatusCode.UNAVAILABLE)
    server.clock.advance(HOUR / 2)
    with pytest.raises(exceptions.ServiceUnavailable):
        api.execute_sql(request={"session": name, "sql": "SELECT 1"}, retry=None)
    server.clock.advance(HOUR / 2 + 1)
    assert server.sessions == []


def test_28_days_end_every_session(server: SpannerServer) -> None:
    """A session that is used every half hour still ends when it is older than 28 days."""
    api, (name,) = make(server)
    for _ in range(28 * 48):
        server.clock.advance(HOUR / 2)
        server.sessions[0].last_used_at = server.clock.now()
    assert api.get_session(name=name).name == name
    server.clock.advance(1)
    with pytest.raises(exceptions.NotFound):
        api.get_session(name=name)


def test_an_unknown_database_is_not_a_lost_session(server: SpannerServer) -> None:
    """A dropped database, or instance, is NOT_FOUND by its own type and name, also for what had a session in it."""
    api, (name,) = make(server)
    server.drop(D)
    for ask in (lambda: api.batch_create_sessions(database=D, session_count=1), lambda: api.get_session(name=name)):
        with pytest.raises(exceptions.NotFound, match="Database not found") as caught:
            ask()
        assert resource(caught.value) == ("type.googleapis.com/google.spanner.admin.database.v1.Database", D)
    server.drop("projects/p/instances/i")
    with pytest.raises(exceptions.NotFound, match="Instance not found"):
        api.get_session(name=name)


def test_failures_come_as_often_and_as_late_as_ordered(server: SpannerServer) -> None:
    """`fail` lets `after` calls pass, refuses `times` calls, and then is over."""
    api, (name,) = make(server)
    server.fail("GetSession", grpc.StatusCode.UNAVAILABLE, times=2, after=1)

    def outcome() -> str:
        try:
            api.get_session(name=name, retry=None)
        except exceptions.ServiceUnavailable:
            return "refused"
        return "found"

    assert [outcome() for _ in range(5)] == ["found", "refused", "refused", "found", "found"]


def test_an_outage_lasts_until_it_is_healed(server: SpannerServer) -> None:
    """Every method can be refused for ever, until `heal`; nothing is done for what was refused."""
    api, (name,) = make(server)
    server.fail(EVERY_METHOD, grpc.StatusCode.INTERNAL, times=math.inf)
    for _ in range(3):
        with pytest.raises(exceptions.InternalServerError):
            api.delete_session(name=name)
    server.heal()
    assert api.get_session(name=name).name == name


def test_a_call_waits_at_a_gate(server: SpannerServer) -> None:
    """A call that is kept waiting arrives, is not carried out before the gate opens, and then is."""
    api, (name,) = make(server)
    gate = threading.Event()
    server.delay("DeleteSession", gate)
    deleting = threading.Thread(target=api.delete_session, kwargs={"name": name})
    deleting.start()
    assert server.calls.wait_for("DeleteSession")
    assert len(server.sessions) == 1
    gate.set()
    deleting.join(5)
    assert server.sessions == []


def test_a_call_whose_caller_gave_up_is_never_carried_out(server: SpannerServer) -> None:
    """A creation that overran its deadline at a gate leaves no session behind when the gate opens."""
    api = database(server).spanner_api
    gate = threading.Event()
    server.delay("BatchCreateSessions", gate)
    with pytest.raises(exceptions.DeadlineExceeded):
        api.batch_create_sessions(database=D, session_count=5, retry=None, timeout=0.1)
    server.heal()
    api.batch_create_sessions(database=D, session_count=1)
    gate.set()
    api.batch_create_sessions(database=D, session_count=1)
    assert len(server.sessions) == 2


def test_two_calls_at_once_in_one_session_are_a_violation(server: SpannerServer) -> None:
    """A call that comes while another is inside the same session is noted, and answered all the same."""
    api, (name,) = make(server)
    gate = threading.Event()
    server.delay("ExecuteSql", gate)
    running = threading.Thread(target=api.execute_sql, kwargs={"request": {"session": name, "sql": "SELECT 1"}})
    running.start()
    assert server.calls.wait_for("ExecuteSql")
    assert api.get_session(name=name).name == name
    gate.set()
    running.join(5)
    assert server.violations == [f"GetSession came while another call was inside {name}"]


def test_calls_are_written_down(server: SpannerServer) -> None:
    """Every call is kept with its session, its deadline and the metadata that the client sent."""
    db = database(server, PingingPool(size=2))
    session = db._pool.get()
    assert session.exists()
    assert server.calls.methods() == ["BatchCreateSessions", "GetSession"]
    made, looked = server.calls
    assert (made.session, made.database, made.resource_prefix) == (None, D, D)
    assert (looked.session, looked.resource_prefix) == (session.name, D)
    assert looked.deadline is None or 7.1 < looked.deadline <= 30.1
    assert looked.routes_to_leader == getattr(db, "_route_to_leader_enabled", False)
    assert (looked.request_id is not None) == hasattr(db, "_next_nth_request")
    db.spanner_api.get_session(name=session.name, retry=None, timeout=7)
    assert server.calls.count("GetSession") == 2
    assert 0 < (server.calls[2].deadline or 0) <= 7.1


def test_the_client_reads_and_writes(server: SpannerServer) -> None:
    """Snapshots, reads, batches, transactions, DML in batches and partitioned DML of the real client work."""
    db = database(server, PingingPool(size=2))
    server.answer("SELECT name, balance FROM accounts", [("ada", 7), ("bob", None)], columns=["name", "balance"])
    server.answer("accounts", [("ada",)])
    server.answer("UPDATE accounts", updated=3)
    server.answer("kinds", [(True, 1.5, b"eA==", None)])

    with db.snapshot() as snapshot:
        assert list(snapshot.execute_sql("SELECT name, balance FROM accounts")) == [["ada", 7], ["bob", None]]
    with db.snapshot(multi_use=True) as snapshot:
        keys = KeySet(all_=True)
        assert list(snapshot.read("accounts", ["name"], keys)) == [["ada"]]
        assert list(snapshot.read("nobody", ["name"], keys)) == []
        assert list(snapshot.execute_sql("kinds")) == [[True, 1.5, b"eA==", None]]
    with db.batch() as batch:
        batch.insert("accounts", ["name"], [["eve"]])

    def work(transaction: Any) -> tuple[Any, ...]:
        read = list(transaction.read("accounts", ["name"], KeySet(all_=True)))
        status, counts = transaction.batch_update(["UPDATE accounts", "UPDATE accounts"])
        return read, transaction.execute_update("UPDATE accounts"), status.code, counts

    assert db.run_in_transaction(work) == ([["ada"]], 3, 0, [3, 3])
    assert db.execute_partitioned_dml("UPDATE accounts") == 3
    assert len(server.sessions) == 2
    assert server.violations == []


def test_a_batch_snapshot_works_and_takes_its_session_along(server: SpannerServer) -> None:
    """`batch_snapshot` partitions a query, answers its one part, and deletes its session at the end."""
    db = database(server, PingingPool(size=2))
    snapshot = db.batch_snapshot()
    (part,) = snapshot.generate_query_batches("SELECT 1")
    assert list(snapshot.process_query_batch(part)) == [[1]]
    (part,) = snapshot.generate_read_batches("accounts", ["name"], KeySet(all_=True))
    assert list(snapshot.process_read_batch(part)) == []
    snapshot.close()
    (asked,) = server.calls.of("PartitionQuery")
    assert asked.session not in [session.name for session in server.sessions]


def test_an_aborted_transaction_is_tried_again_at_once(server: SpannerServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """ABORTED tells the client to try again without a pause, and the second commit goes through."""
    db = database(server)
    server.answer("UPDATE accounts", updated=1)
    server.fail("Commit", grpc.StatusCode.ABORTED)
    pauses: list[float] = []
    here, sleep = threading.current_thread(), time.sleep

    def note(seconds: float) -> None:
        if threading.current_thread() is here:  # others may have their own reasons
            pauses.append(seconds)
        else:
            sleep(seconds)

    monkeypatch.setattr(time, "sleep", note)
    assert db.run_in_transaction(lambda transaction: transaction.execute_update("UPDATE accounts")) == 1
    assert server.calls.count("Commit") == 2
    assert sum(pauses) < 0.001


def test_an_unknown_statement_is_refused(server: SpannerServer) -> None:
    """A statement that the server was told nothing about is an invalid argument, not a crash."""
    with database(server).snapshot() as snapshot, pytest.raises(exceptions.InvalidArgument, match="SELECT 2"):
        list(snapshot.execute_sql("SELECT 2"))


def test_multiplexed_sessions_are_kept_apart(server: SpannerServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's one multiplexed session is not among the pooled ones, and no idle hour ends it."""
    if "multiplexed" not in spanner.Session.meta.fields:
        pytest.skip("this client knows no multiplexed sessions")
    monkeypatch.setenv("GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS", "true")
    db = database(server, PingingPool(size=1))
    with db.snapshot() as snapshot:
        assert list(snapshot.execute_sql("SELECT 1")) == [[1]]
    server.clock.advance(HOUR + 1)
    server.expire_all()
    assert (len(server.sessions), len(server.multiplexed_sessions)) == (0, 1)
    with db.snapshot() as snapshot:
        assert list(snapshot.execute_sql("SELECT 1")) == [[1]]


def test_servers_stand_side_by_side() -> None:
    """Two servers in one process have ports, sessions and calls of their own."""
    with SpannerServer() as one, SpannerServer() as other:
        make(one, 2)
        make(other, 3)
        assert one.address != other.address
        assert (len(one.sessions), len(other.sessions)) == (2, 3)


def test_stop_is_prompt_even_with_a_call_at_a_gate() -> None:
    """A stopped server lets go of waiting calls at once, and its clients see it gone."""
    server = SpannerServer()
    api, (name,) = make(server)
    server.delay("GetSession", threading.Event())
    outcome: list[BaseException] = []

    def look() -> None:
        try:
            api.get_session(name=name, retry=None, timeout=2 * SOON)
        except exceptions.GoogleAPICallError as error:
            outcome.append(error)

    looking = threading.Thread(target=look)
    looking.start()
    assert server.calls.wait_for("GetSession")
    server.stop()
    server.stop()
    looking.join(SOON)
    assert len(outcome) == 1


def test_a_foreign_emulator_in_the_environment_is_noticed(
    server: SpannerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client is refused rather than connected to whatever `SPANNER_EMULATOR_HOST` names."""
    monkeypatch.setenv("SPANNER_EMULATOR_HOST", "127.0.0.1:1")
    with pytest.raises(RuntimeError, match="SPANNER_EMULATOR_HOST"):
        server.client()


def test_many_threads_lose_no_call(server: SpannerServer) -> None:
    """Eight threads at once on sessions of their own: every transaction commits, nothing collides."""
    db = database(server, PingingPool(size=8))
    server.answer("UPDATE accounts", updated=1)
    done: list[int] = []

    def work() -> None:
        for _ in range(10):
            done.append(db.run_in_transaction(lambda transaction: transaction.execute_update("UPDATE accounts")))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert done == [1] * 80
    assert server.calls.count("Commit") == 80
    assert server.violations == []
