"""What Google's own unit tests say of its pools, said again by public names alone, of Google's class and of ours.

There are 32 of them about a `PingingPool` and what it inherits. The client's `Database` is a mock, as in theirs: a pool
may be bound to whatever has what a pool touches.
"""

import datetime
import inspect
import queue
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest

pytest.importorskip("google.cloud.spanner_v1")

from google.api_core import exceptions
from google.cloud.spanner_v1 import SpannerClient
from google.cloud.spanner_v1 import pool as google_pools
from google.cloud.spanner_v1.database import Database
from google.cloud.spanner_v1.session import Session
from google.cloud.spanner_v1.types import BatchCreateSessionsResponse
from google.cloud.spanner_v1.types import Session as SessionMessage

from pingpool.databases.spanner import PingingPool
from pingpool.databases.spanner.versions import KNOWS_ROLES
from pingpool.testing import Clock, equip
from pingpool.threads.abstract import AbstractSessionPool
from tests.databases.spanner_lab import D, not_found

NAME = f"{D}/sessions/"
needs_roles = pytest.mark.skipif(not KNOWS_ROLES, reason="this client knows no roles")

IS_OF_TODAY = hasattr(Database, "with_error_augmentation")

pytestmark = pytest.mark.filterwarnings("ignore:Sessions should be checked out indirectly:DeprecationWarning")


def mock_of_a_database(role: str | None = None) -> Any:
    """A `Database` whose server gives two sessions at a time, and no room for more than was asked for."""
    database = create_autospec(Database, instance=True)
    database.name = D
    database.database_role = role
    database._route_to_leader_enabled = True
    database._next_nth_request = 1
    database._instance = Mock()
    database.database_id = "d"
    database.observability_options = None
    if IS_OF_TODAY:
        database.with_error_augmentation.side_effect = lambda number, attempt, metadata, *_: (metadata, nullcontext())
    numbers = iter(range(1, 1000))

    def create(*, request: Any, **_: Any) -> BatchCreateSessionsResponse:
        count = min(2, request.session_count)
        return BatchCreateSessionsResponse(
            session=[SessionMessage(name=f"{NAME}{next(numbers)}") for _ in range(count)]
        )

    api = database.spanner_api = create_autospec(SpannerClient, instance=True)
    api.batch_create_sessions.side_effect = create
    api.create_session.side_effect = lambda **_: SessionMessage(name=f"{NAME}{next(numbers)}")
    return database


class Maker:
    """Makes pools of one make, which live by a clock that is told."""

    def __init__(self, is_ours: bool) -> None:
        self.is_ours = is_ours
        self.clock = Clock()
        self.kind: type[Any] = PingingPool if is_ours else google_pools.PingingPool
        self.abstract: type[Any] = AbstractSessionPool if is_ours else google_pools.AbstractSessionPool
        self.made: list[Any] = []

    def pool(self, *args: Any, **options: Any) -> Any:
        """An unbound pool."""
        pool = self.kind(*args, **options)
        self.made.append(pool)
        return equip(pool, clock=self.clock) if self.is_ours else pool

    def bound(self, size: int, **options: Any) -> tuple[Any, Any]:
        """A pool and the API that it calls."""
        pool, database = self.pool(size, **options), mock_of_a_database()
        pool.bind(database)
        return pool, database.spanner_api

    def wall_time(self) -> datetime.datetime:
        """What Google's pool reads."""
        start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        return start + datetime.timedelta(seconds=self.clock.now())


@pytest.fixture(params=[True, False], ids=["ours", "googles"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Maker]:
    """Both makes, one after the other."""
    if not (IS_OF_TODAY or request.param):
        pytest.skip("Google's pool of this client needs another mock")
    maker = Maker(request.param)
    monkeypatch.setattr(google_pools, "_NOW", maker.wall_time)
    yield maker
    for pool in maker.made:
        if maker.is_ours:
            pool.close(0)


def a_session() -> Session:
    """A session made by hand."""
    session: Session = Session(mock_of_a_database())
    session._session_id = "by-hand"
    return session


def all_of(pool: Any, count: int) -> list[Any]:
    """Take as many sessions as there have to be, each another one, and put them back."""
    sessions = [pool.get(timeout=5) for _ in range(count)]
    assert len({session.name for session in sessions}) == count
    for session in sessions:
        pool.put(session)
    return sessions


# ---------------------------------------------------------------------------------------------- what every pool is (11)


def test_by_default_there_are_no_labels_and_no_role(make: Maker) -> None:
    """A pool that is told nothing has neither."""
    pool = make.pool()
    assert dict(pool.labels) == {}
    assert pool.database_role is None


@needs_roles
def test_labels_and_role_are_as_given(make: Maker) -> None:
    """They can be read again."""
    pool = make.pool(labels={"foo": "bar"}, database_role="reader")
    assert (dict(pool.labels), pool.database_role) == ({"foo": "bar"}, "reader")


@pytest.mark.parametrize("method", ["bind", "get", "put", "clear"])
def test_an_abstract_pool_does_nothing(make: Maker, method: str) -> None:
    """The base class has the four methods, and none of them works (4 of the 32)."""
    with pytest.raises((NotImplementedError, TypeError)):
        getattr(make.abstract(), method)(*[None] * (method in ("bind", "put")))
    assert callable(getattr(make.abstract, method))


def new_session(make: Maker, **options: Any) -> Any:
    """What the pool gives the client to open."""
    pool = make.pool(1, **options)
    pool.bind(mock_of_a_database())
    return pool._new_session()


def test_a_new_session_is_not_open_yet(make: Maker) -> None:
    """The client opens it itself; without labels it has none."""
    session = new_session(make)
    assert isinstance(session, Session)
    assert (session.session_id, dict(session.labels)) == (None, {})


def test_a_new_session_has_the_labels_of_the_pool(make: Maker) -> None:
    """All of them."""
    assert dict(new_session(make, labels={"foo": "bar"}).labels) == {"foo": "bar"}


@needs_roles
def test_a_new_session_has_the_role_of_the_pool(make: Maker) -> None:
    """Its own, if it has one."""
    assert new_session(make, database_role="reader").database_role == "reader"


def test_a_block_has_a_session_and_gives_it_back(make: Maker) -> None:
    """`with pool.session()` takes one, and puts it at its end."""
    pool, _ = make.bound(1)
    with pool.session() as session, pytest.raises(queue.Empty):
        pool.get(timeout=0.01 if not make.is_ours else 0)
    assert pool.get(timeout=5) is session


def test_what_a_block_is_told_goes_to_get(make: Maker) -> None:
    """`pool.session(timeout=...)` waits no longer than that."""
    pool, _ = make.bound(1)
    with pool.session(timeout=1), pytest.raises(queue.Empty), pool.session(timeout=0):
        pass


# ----------------------------------------------------------------------------------------- Google's SessionCheckout (4)


def test_a_checkout_makes_no_call_of_its_own(make: Maker) -> None:
    """Google's `SessionCheckout` over the pool takes nothing before its block begins."""
    pool, _ = make.bound(1)
    google_pools.SessionCheckout(pool)
    assert len(all_of(pool, 1)) == 1


def test_a_checkout_remembers_what_it_was_told(make: Maker) -> None:
    """Also with arguments."""
    pool, _ = make.bound(1)
    google_pools.SessionCheckout(pool, timeout=7)
    assert len(all_of(pool, 1)) == 1


def test_a_checkout_lends_for_the_length_of_its_block(make: Maker) -> None:
    """From beginning to end."""
    pool, _ = make.bound(1)
    with google_pools.SessionCheckout(pool) as session, pytest.raises(queue.Empty):
        pool.get(timeout=0.01 if not make.is_ours else 0)
    assert pool.get(timeout=5) is session


def test_a_checkout_hands_its_arguments_on(make: Maker) -> None:
    """To `get`."""
    pool, _ = make.bound(1)
    held = pool.get()
    with pytest.raises(queue.Empty), google_pools.SessionCheckout(pool, timeout=0):
        pass
    pool.put(held)


# ----------------------------------------------------------------------------------------------------- PingingPool (17)


def test_its_defaults(make: Maker) -> None:
    """Ten sessions, ten seconds, fifty minutes; and it is empty."""
    pool = make.pool()
    assert (pool.size, pool.default_timeout, pool._delta.total_seconds()) == (10, 10, 3000)
    assert pool._sessions.empty()
    assert (dict(pool.labels), pool.database_role) == ({}, None)


@needs_roles
def test_its_options(make: Maker) -> None:
    """All five can be read again."""
    pool = make.pool(4, default_timeout=30, ping_interval=1800, labels={"foo": "bar"}, database_role="reader")
    assert (pool.size, pool.default_timeout, pool._delta.total_seconds()) == (4, 30, 1800)
    assert (dict(pool.labels), pool.database_role) == ({"foo": "bar"}, "reader")


@needs_roles
def test_the_role_of_the_database_is_that_of_the_pool(make: Maker) -> None:
    """If the pool was given none."""
    pool = make.pool(2)
    pool.bind(mock_of_a_database(role="reader"))
    assert pool.database_role == "reader"


def test_bind_fills_the_pool(make: Maker) -> None:
    """In batches, as many as the server gives at a time, and no session opens itself."""
    pool, api = make.bound(10)
    assert pool._sessions.full()
    assert pool._sessions.qsize() == 10
    assert api.batch_create_sessions.call_count == 5
    assert not api.create_session.called
    all_of(pool, 10)


def test_a_fresh_session_costs_no_call(make: Maker) -> None:
    """The oldest is lent, unproven, and the pool is not full any more."""
    pool, api = make.bound(4)
    session = pool.get()
    assert session.name == NAME + "1"
    assert not api.get_session.called
    assert not pool._sessions.full()


def test_an_overdue_session_is_looked_up(make: Maker) -> None:
    """And lent, if it exists."""
    pool, api = make.bound(4)
    make.clock.advance(4000)
    session = pool.get()
    assert session.name == NAME + "1"
    assert api.get_session.call_count == 1


def test_an_overdue_session_that_is_gone_is_replaced(make: Maker) -> None:
    """By a new one, which is lent."""
    pool, api = make.bound(4)
    make.clock.advance(4000)
    api.get_session.side_effect = [not_found(f"Session not found: {NAME}1"), *[Mock()] * 9]
    session = pool.get()
    assert session.name not in (NAME + "1", None)
    assert api.get_session.called


def test_an_empty_pool_waits_for_the_default_time(make: Maker) -> None:
    """And then raises what a queue raises."""
    pool = make.pool(1, default_timeout=0.01)
    with pytest.raises(queue.Empty):
        patiently(make, pool.get)


def test_an_empty_pool_waits_as_long_as_it_is_told(make: Maker) -> None:
    """Whatever the default is."""
    pool = make.pool(1, default_timeout=1000)
    with pytest.raises(queue.Empty):
        pool.get(timeout=0)


def test_a_full_pool_takes_no_more(make: Maker) -> None:
    """It raises what a queue raises, and is full."""
    pool, _ = make.bound(4)
    with pytest.raises(queue.Full):
        pool.put(a_session())
    assert pool._sessions.full()


def test_a_pool_that_is_not_bound_takes_a_session(make: Maker) -> None:
    """It is fresh for the whole interval from then on."""
    pool, session = make.pool(1), a_session()
    pool.put(session)
    make.clock.advance(2999)
    assert pool.get(timeout=0) is session
    pool.put(session)
    with pytest.raises(queue.Full):
        pool.put(a_session())


def test_clear_deletes_every_session(make: Maker) -> None:
    """On the server; the pool is empty after it."""
    pool, api = make.bound(10)
    pool.clear()
    assert api.delete_session.call_count == 10
    assert pool._sessions.empty()


def test_a_ping_of_an_empty_pool_does_nothing(make: Maker) -> None:
    """It does not raise, either."""
    make.pool(1).ping()


def test_a_ping_leaves_a_fresh_session_alone(make: Maker) -> None:
    """It is not due."""
    pool, api = make.bound(1)
    pool.ping()
    assert not api.execute_sql.called


def statements(api: Any) -> int:
    """How often a session was pinged."""
    count: int = api.execute_sql.call_count + api.execute_streaming_sql.call_count
    return count


def test_a_ping_proves_a_stale_session(make: Maker) -> None:
    """By a statement, which keeps it alive."""
    pool, api = make.bound(1)
    make.clock.advance(4000)
    pool.ping()
    assert statements(api) == 1


def test_a_ping_replaces_a_session_that_is_gone(make: Maker) -> None:
    """The pool is full again after it."""
    pool, api = make.bound(1)
    make.clock.advance(4000)
    api.execute_sql.side_effect = not_found(f"Session not found: {NAME}1")
    pool.ping()
    session = pool.get(timeout=5)
    assert session.name != NAME + "1"


def test_binding_in_vain_raises_googles_error(make: Maker) -> None:
    """What an empty pool says of its server comes through (theirs looks for it in a span)."""
    database = mock_of_a_database()
    database.spanner_api.batch_create_sessions.side_effect = exceptions.Unknown("no sessions")
    with pytest.raises(exceptions.Unknown, match="no sessions"):
        make.pool(1).bind(database)


def patiently(make: Maker, work: Callable[[], object]) -> None:
    """Do what waits by the clock that is told."""
    if not make.is_ours:
        work()
        return
    from tests.databases.spanner_lab import Lab

    server = Mock(clock=make.clock)
    Lab("ours", server).patiently(work)


def test_all_are_said_again() -> None:
    """There are 32, one of which says what four of Google's say."""
    said = [each for name, each in globals().items() if name.startswith("test_") and name != "test_all_are_said_again"]
    assert all(inspect.isfunction(each) for each in said)
    assert len(said) + 3 == 32
