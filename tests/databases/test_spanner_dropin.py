"""What our drop-in is: its arguments, its database, its beginning and its end."""

import gc
import subprocess
import sys
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("google.cloud.spanner_v1")
pytest.importorskip("spannermockserver")

from google.api_core import exceptions
from google.cloud.spanner_v1 import pool as google_pools
from google.cloud.spanner_v1.database import Database

import pingpool
from pingpool.databases.spanner import PingingPool, SpannerDatabase, from_url
from pingpool.databases.spanner.versions import CAN_DO_WITHOUT, KNOWS_ROLES, work_past_the_pool
from pingpool.testing.spanner import SpannerServer
from tests.databases.spanner_lab import OURS, D, Lab, bound, lab_for, read, take_all, update
from tests.databases.waiting import until

pytestmark = pytest.mark.server

SWITCHES = [f"GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS{kind}" for kind in ("", "_FOR_RW", "_PARTITIONED_OPS")]

may_do_without = pytest.mark.skipif(not CAN_DO_WITHOUT, reason="this client always asks its pool")


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A server, a client and a clock, for pools of ours."""
    with lab_for(OURS, monkeypatch) as lab:
        yield lab


# ---------------------------------------------------------------------------------------------------------- what it is


def test_it_is_a_pool_to_both_worlds() -> None:
    """Code that asks whether it is a pool of Google's, or one of ours, hears yes."""
    pool = PingingPool()
    assert isinstance(pool, google_pools.AbstractSessionPool)
    assert isinstance(pool, pingpool.PingingPool)


def test_the_role_is_the_fifth_argument() -> None:
    """The arguments of Google's class may be given by position, the role last."""
    pool = PingingPool(3, 4, 60, {"team": "a"}, "reader")
    assert (pool.size, pool.default_timeout, pool.ping_interval) == (3, 4, 60)
    assert (dict(pool.labels), pool.database_role) == ({"team": "a"}, "reader")


def test_a_role_that_is_no_string_is_refused() -> None:
    """An argument of the wrong kind is refused where it was given."""
    junk: Any = 7
    with pytest.raises(TypeError, match="database_role"):
        PingingPool(database_role=junk)


def test_an_option_of_googles_other_pools_leads_to_ours() -> None:
    """Whoever changes over from one of them, or has slipped, is told what to write."""
    for options, hint in (
        ({"max_age_minutes": 55}, "ping_interval=… (seconds"),
        ({"target_size": 10}, "write size=…"),
        ({"max_waiter": 10}, r"did you mean max_waiters\?"),
    ):
        with pytest.raises(TypeError, match=hint.replace("(s", r"\(s")):
            PingingPool(**options)  # type: ignore[arg-type]


def test_without_the_client_the_extra_is_named() -> None:
    """Where google-cloud-spanner is not installed pingpool can be imported, and this module names the extra."""
    program = "import sys; sys.modules['google'] = None; import pingpool; import pingpool.databases.spanner"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert "ImportError: Cloud Spanner needs google-cloud-spanner: pip install 'pingpool[spanner]'" in done.stderr


@pytest.mark.parametrize("junk", [None, "database", object()])
def test_only_a_database_can_be_bound(junk: Any) -> None:
    """What is no database of the client is refused, and says so."""
    with pytest.raises(TypeError, match="bind"):
        PingingPool().bind(junk)


def test_another_database_is_refused_by_name(lab: Lab) -> None:
    """A pool that is bound to one database names both when it is to be bound to another."""
    pool, _ = bound(lab)
    with pytest.raises(pingpool.errors.BoundElsewhere, match=r"databases/d.*databases/other"):
        lab.database(pool, "other")


def test_the_role_comes_from_the_database_if_the_pool_has_none(lab: Lab) -> None:
    """A pool without a role of its own takes that of its database."""
    if not KNOWS_ROLES:
        pytest.skip("this client knows no roles")
    pool = lab.pool(1)
    lab.database(pool, database_role="reader")
    assert pool.database_role == "reader"
    assert [session.creator_role for session in lab.server.sessions] == ["reader"]


# ---------------------------------------------------------------------------------------------------- multiplexed only


@may_do_without
def test_a_pool_that_nobody_will_ask_makes_no_session(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is set to use multiplexed sessions for everything gets one warning, and no sessions in vain."""
    for switch in SWITCHES:
        monkeypatch.delenv(switch)
    pool = lab.pool(3)
    with pytest.warns(UserWarning, match="multiplexed") as warned:
        lab.database(pool)
    assert warned[0].filename.endswith(("spanner_lab.py", "instance.py"))  # the caller, or older clients on his behalf
    with warnings.catch_warnings(action="error"):
        database = lab.database(pool)
    read(database)
    assert lab.server.sessions == []
    assert len(lab.server.multiplexed_sessions) == 1


@may_do_without
def test_a_pool_that_is_used_all_the_same_opens_what_is_used(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever calls `get` of such a pool is served, and costs one session."""
    for switch in SWITCHES:
        monkeypatch.delenv(switch)
    pool = lab.pool(3)
    with pytest.warns(UserWarning, match="multiplexed"):
        lab.database(pool)
    pool.put(pool.get())
    assert len(lab.server.sessions) == 1
    take_all(pool, 3)
    assert len(lab.server.sessions) == 3


@may_do_without
@pytest.mark.parametrize("switch", SWITCHES)
def test_a_pool_of_some_use_is_filled(lab: Lab, switch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that asks its pool for one kind of work gets a full pool, and is told once which kinds go past it."""
    for other in SWITCHES:
        monkeypatch.delenv(other)
    monkeypatch.setenv(switch, "false")
    pool = lab.pool(2)
    with pytest.warns(UserWarning, match="not this pool, for .* work.*environment variables") as warned:
        lab.database(pool)
    said = str(warned[0].message)
    assert {f"{each} " in f"{said} " for each in SWITCHES if each != switch} == {True}
    assert f"{switch} " not in said
    with warnings.catch_warnings(action="error"):
        lab.database(pool)
    assert len(lab.server.sessions) == 2


@may_do_without
def test_where_warnings_are_errors_bind_does_its_work(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With `-W error` the warning goes to the log, and the pool works."""
    for switch in SWITCHES:
        monkeypatch.delenv(switch)
    pool = lab.pool(2)
    with warnings.catch_warnings(action="error"):
        lab.database(pool)
    assert "will never ask this pool" in caplog.text
    take_all(pool, 2)


@may_do_without
def test_spanner_omni_never_asks_its_pool(lab: Lab) -> None:
    """A client of Spanner Omni uses multiplexed sessions whatever the switches say."""
    database = lab.server.client().instance("i").database("d")
    assert not work_past_the_pool(database)
    for client in (
        SimpleNamespace(instance_type="omni"),  # as 3.71 says it
        SimpleNamespace(_experimental_host="localhost:15000"),  # as 3.61 to 3.63 do
    ):
        database._instance = SimpleNamespace(_client=client)
        assert list(work_past_the_pool(database)) == ["read-only", "read-write", "partitioned"]


# ------------------------------------------------------------------------------------------------------------- its end


def test_close_leaves_no_session_on_the_server(lab: Lab) -> None:
    """`close` deletes what is idle at once and what is lent when it comes back."""
    pool, _ = bound(lab, 3)
    lent = pool.get()
    pool.close()
    assert [session.name for session in lab.server.sessions] == [lent.name]
    pool.put(lent)
    assert lab.server.calls.wait_for("DeleteSession", 3)
    while pool.stats().closing:
        pass
    assert lab.server.sessions == []


def test_a_replacement_that_comes_after_the_end_is_deleted(lab: Lab) -> None:
    """What the client makes in place of a dead session, for a pool that was closed meanwhile, is not left over."""
    pool, database = bound(lab)
    with pytest.raises(exceptions.NotFound), database.snapshot() as snapshot:
        lab.server.expire_all()
        pool.close()
        list(snapshot.execute_sql("SELECT 1"))
    assert lab.server.calls.wait_for("DeleteSession")
    while lab.server.sessions:
        pass


@pytest.mark.skipif(not hasattr(Database, "close"), reason="this client's databases cannot be closed")
def test_closing_the_clients_database_leaves_no_session_on_the_server(lab: Lab) -> None:
    """`Database.close` deletes the sessions of its pool too; a pool that is used again fills itself again."""
    pool, first = bound(lab, 3)
    second = lab.database(pool)
    first.close()
    assert lab.server.sessions == []
    read(second)
    take_all(pool, 3)
    second.close()
    assert lab.server.sessions == []


@pytest.mark.skipif(not hasattr(Database, "close"), reason="this client's databases cannot be closed")
def test_the_sessions_are_gone_before_googles_own_close_begins(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """That one may hang for minutes, by its own fault, or fail."""
    left: list[int] = []

    def close(_: Any) -> None:
        left.append(len(lab.server.sessions))
        raise ZeroDivisionError

    monkeypatch.setattr(Database, "close", close)
    _, database = bound(lab, 3)
    with pytest.raises(ZeroDivisionError):
        database.close()
    assert left == [0]


def test_an_unchanged_program_ends_quietly(lab: Lab) -> None:
    """A program that was written for Google's pool cannot close it: to drop it is no mistake, and leaves no session."""
    pool = PingingPool(2)
    pool.bind(SpannerDatabase(lab.server.client().instance("i").database("d", pool=lab.pool(1))))
    assert len(lab.server.sessions) == 3
    del pool
    gc.collect()
    until(lambda: len(lab.server.sessions) == 1)


def test_metrics_know_where_calls_go(lab: Lab) -> None:
    """The client's metrics find project, instance and database at a bound pool, and nothing at an unbound one."""
    pool = lab.pool(1)
    assert pool._resource_info is None
    database = lab.database(pool)
    if hasattr(database, "_resource_info"):
        assert pool._resource_info == {"project": "p", "instance": "i", "database": "d"}


# ------------------------------------------------------------------------------------------------------ without a pool


def test_a_url_opens_a_pool(lab: Lab) -> None:
    """`spanner://project/instance/database?emulator=HOST:PORT` names a database that any pool of ours can use."""
    database = from_url(f"spanner://p/i/d?emulator={lab.server.address}")
    lab.server.answer("UPDATE accounts", updated=1)
    with pingpool.open(database, size=2, labels={"team": "a"}, wait_for=None) as pool:
        assert pool.ping_interval == 3000, "what its server allows is known"
        with pool.session() as session:
            session.run_in_transaction(update)
        assert [dict(session.labels) for session in lab.server.sessions] == [{"team": "a"}] * 2
    assert lab.server.sessions == []
    assert repr(database) == f"SpannerDatabase({D!r})"


def test_a_role_in_the_url_is_that_of_the_sessions(lab: Lab) -> None:
    """`?role=NAME` is the database role."""
    if not KNOWS_ROLES:
        with pytest.raises(ValueError, match="roles"):
            from_url(f"spanner://p/i/d?role=reader&emulator={lab.server.address}")
        return
    database = from_url(f"spanner://p/i/d?role=reader&emulator={lab.server.address}")
    with pingpool.open(database, size=1):
        assert [session.creator_role for session in lab.server.sessions] == ["reader"]


@pytest.mark.parametrize(
    "url", ["spanner://p/i", "spanner://p/i/d/x", "spanner:///i/d", "spanner://p//d", "spanner://p/i/d?color=red"]
)
def test_a_url_that_makes_no_sense_is_refused(url: str) -> None:
    """A URL names a project, an instance and a database, and only options that are known."""
    with pytest.raises(pingpool.errors.BadURL, match=r"(?i)spanner"):
        from_url(url)


def test_databases_of_one_name_are_equal(lab: Lab) -> None:
    """Two objects for one database are equal, and hash alike; two names are two databases."""
    one, same, other = (SpannerDatabase(lab.server.client().instance("i").database(name)) for name in ("d", "d", "e"))
    assert one == same
    assert len({one, same, other}) == 2


def test_a_lost_session_costs_its_own_user_alone_in_any_pool(lab: Lab) -> None:
    """In a plain pool of ours, too, one error is all that the death of every session costs."""
    server: SpannerServer = lab.server
    server.answer("UPDATE accounts", updated=1)
    errors = 0
    with pingpool.open(from_url(f"spanner://p/i/d?emulator={server.address}"), size=3, wait_for=None) as pool:
        server.expire_all()
        for _ in range(6):
            try:
                with pool.session() as session:
                    session.run_in_transaction(update)
            except exceptions.NotFound:
                errors += 1
    assert errors == 1
