"""How a pool is made, bound and filled."""

import inspect
import queue

import pytest

from tests.databases.spanner_cases.promises import INTERNAL, LABELS, only_with_roles, promise
from tests.databases.spanner_lab import D, Lab, outcome, take_all


@promise(upstream="keeps")
def has_the_documented_defaults(lab: Lab) -> None:
    """A pool has 10 sessions, waits 10 seconds, and has no labels and no role unless told otherwise."""
    pool = lab.pool(10)
    names = ["size", "default_timeout", "ping_interval", "labels", "database_role"]
    parameters = inspect.signature(type(pool)).parameters
    assert [parameters[name].default for name in names if name in parameters][:3] == [10, 10, 3000]
    assert (pool.size, pool.default_timeout, dict(pool.labels)) == (10, 10, {})


@promise(upstream="keeps")
def takes_positional_arguments(lab: Lab) -> None:
    """Size, timeout, interval and labels may be given by position."""
    pool = lab.pool(4, 7, 60, LABELS)
    assert (pool.size, pool.default_timeout, dict(pool.labels)) == (4, 7, LABELS)


@promise(upstream="keeps")
def is_empty_before_it_is_bound(lab: Lab) -> None:
    """An unbound pool has no session to give and says so at once if nobody is to wait."""
    with pytest.raises(queue.Empty):
        lab.pool().get(timeout=0)


@promise(upstream="keeps")
def fills_when_bound(lab: Lab) -> None:
    """`bind` makes all sessions, by one call if the server gives that many."""
    lab.database(lab.pool(5))
    assert len(lab.server.sessions) == 5
    assert lab.server.calls.methods() == ["BatchCreateSessions"]


@promise(upstream="keeps", batch_cap=5)
def asks_again_for_a_second_batch(lab: Lab) -> None:
    """A server that gives half at a time is asked twice."""
    lab.database(lab.pool(10))
    assert lab.server.calls.count("BatchCreateSessions") == 2


@promise(upstream="breaks", batch_cap=3)
def never_makes_more_than_its_size(lab: Lab) -> None:
    """A server whose batches do not add up to the size is asked for the rest alone."""
    lab.database(lab.pool(10))
    assert len(lab.server.sessions) == 10
    assert [call.request.session_count for call in lab.server.calls] == [10, 7, 4, 1]


@promise(upstream="breaks", expected_labels=LABELS)
def labels_its_sessions(lab: Lab) -> None:
    """Every session carries the labels on the server."""
    lab.database(lab.pool(3, labels=LABELS))
    assert lab.server.violations == []


@promise(upstream="keeps", expected_role="reader")
def gives_its_sessions_the_role(lab: Lab) -> None:
    """Every session has the database role on the server."""
    only_with_roles()
    lab.database(lab.pool(3, database_role="reader"))
    assert lab.server.violations == []


@promise(upstream="breaks", expected_labels=LABELS, expected_role="reader")
def gives_replacements_labels_and_role(lab: Lab) -> None:
    """A session that replaces a dead one has the labels and the role as well."""
    only_with_roles()
    pool = lab.bound(1, labels=LABELS, database_role="reader")
    lab.server.expire_all()
    lab.advance(3001)
    pool.get(timeout=10)
    assert lab.server.violations == []


@promise(upstream="breaks")
def is_bound_once_per_database(lab: Lab) -> None:
    """Several `Database` objects of one database share the pool, and none of them makes more sessions."""
    pool = lab.pool(3)
    first, second = lab.database(pool), lab.database(pool)
    assert len(lab.server.sessions) == 3
    for database in (first, second):
        with database.snapshot() as snapshot:
            assert list(snapshot.execute_sql("SELECT 1")) == [[1]]


@promise(upstream="breaks")
def refuses_another_database(lab: Lab) -> None:
    """A pool that is bound to one database refuses another, and leaves no session there."""
    pool = lab.pool(2)
    lab.database(pool)
    assert outcome(lambda: lab.database(pool, "other"), within=lab.patience) is not None
    assert {session.database for session in lab.server.sessions} == {D}
    take_all(pool, 2)


@promise(upstream="breaks", batch_cap=2)
def leaves_nothing_behind_when_it_cannot_fill(lab: Lab) -> None:
    """A fill that fails half way leaves no session on the server, and the pool can be bound again."""
    pool = lab.pool(4)
    lab.server.fail("BatchCreateSessions", INTERNAL, after=1)
    assert outcome(lambda: lab.database(pool), within=lab.patience) is not None
    assert lab.server.sessions == []
    lab.database(pool)
    take_all(pool, 4)
    assert len(lab.server.sessions) == 4
