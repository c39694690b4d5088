"""What may be put into a pool."""

import queue

import pytest
from google.cloud.spanner_v1.session import Session

from tests.databases.spanner_cases.promises import promise
from tests.databases.spanner_lab import Lab


@promise(upstream="keeps")
def refuses_what_there_is_no_room_for(lab: Lab) -> None:
    """A session that is put into a full pool is refused with `queue.Full`."""
    pool = lab.bound(1)
    session = pool.get()
    pool.put(session)
    with pytest.raises(queue.Full):
        pool.put(session)


@promise(upstream="breaks")
def refuses_a_session_twice(lab: Lab) -> None:
    """A session that was given back is refused the second time, also when there is room."""
    pool = lab.bound(3)
    one, _ = pool.get(), pool.get()
    pool.put(one)
    with pytest.raises(queue.Full):
        pool.put(one)


@promise(upstream="breaks")
def refuses_a_session_of_another_pool(lab: Lab) -> None:
    """A session that another pool lent is refused, also when there is room and the database is the same."""
    pool, other = lab.bound(2), lab.bound(2)
    lent, stranger = pool.get(), other.get()
    with pytest.raises(queue.Full):
        pool.put(stranger)
    pool.put(lent)


@promise(upstream="breaks")
def refuses_a_session_of_another_database(lab: Lab) -> None:
    """A session of another database is refused, also when there is room."""
    pool = lab.bound(1)
    pool.clear()
    stranger = Session(lab.database(lab.pool(1), "other"))
    stranger.create()
    with pytest.raises(queue.Full):
        pool.put(stranger)


@promise(upstream="breaks")
def refuses_junk(lab: Lab) -> None:
    """What is no session is refused."""
    pool = lab.bound(1)
    pool.clear()
    for junk in (None, "session", object()):
        with pytest.raises(queue.Full):
            pool.put(junk)


@promise(upstream="keeps")
def takes_a_session_that_the_client_made(lab: Lab) -> None:
    """A session of this database that nobody lent is welcome where there is a vacant slot."""
    pool = lab.bound(1)
    pool.clear()
    session = pool._new_session()
    session.create()
    pool.put(session)
    assert pool.get(timeout=10) is session
    with pytest.raises(queue.Empty):
        pool.get(timeout=0)
