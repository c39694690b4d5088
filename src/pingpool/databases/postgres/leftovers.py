"""What the last holder of a psycopg connection left, as libpq and the driver know it: seen without I/O.

psycopg keeps things of its own beside libpq: `transaction()` blocks, two-phase transactions, and a lock, which whoever
is inside the driver holds: a thread, a task, a COPY or a generator that was not brought to its end.
"""

from typing import Any

import psycopg

from pingpool.databases.common.sockets import hang_up
from pingpool.errors import BeyondReset

IDLE: int = psycopg.pq.TransactionStatus.IDLE.value
"""As libpq says it: a plain number compares at once."""

NO_PIPELINE: int = psycopg.pq.PipelineStatus.OFF.value
ACTIVE = psycopg.pq.TransactionStatus.ACTIVE
INTRANS = psycopg.pq.TransactionStatus.INTRANS
OPEN = (INTRANS, psycopg.pq.TransactionStatus.INERROR)
IN_SYNC = (IDLE, *OPEN)

LONGEST_FAREWELL = 0.2
"""The most seconds for a last holder to leave the driver once the stream has ended under him: none if he only waits."""


def mark_as_pooled(session: Any) -> None:
    """Have `with connection:` end the transaction only; a connection that is in no pool it closes, too."""
    session._pool = True


def mark_as_own(session: Any) -> None:
    """Have it end the connection again, and have nobody complain that one was never put back."""
    session._pool = None


def is_settled(session: Any) -> bool:
    """Is nothing open and nothing under way, at the server and in the driver?"""
    connection = session.pgconn
    return (
        connection.transaction_status == IDLE
        and not session._num_transactions
        and session._tpc is None
        and not session.lock.locked()
        and connection.pipeline_status == NO_PIPELINE
    )


def is_busy(session: Any) -> bool:
    """Is a statement under way, or is somebody inside the driver?"""
    return is_at_work(session) or session.lock.locked()


def is_pipelining(connection: Any) -> bool:
    """Is libpq in the pipeline mode, in which errors are told later, to whoever is there then?"""
    return bool(connection.pipeline_status != NO_PIPELINE)


def refuse_unfinished(session: Any) -> None:
    """Raise `BeyondReset` if nobody but the last holder can bring to its end what the session is in."""
    if is_busy(session):
        raise BeyondReset("left busy", "the last holder left a statement under way, a COPY or a generator unfinished")
    if is_pipelining(session.pgconn):
        raise BeyondReset("left busy", "the last holder left a pipeline open")
    if session.pgconn.transaction_status not in IN_SYNC:
        raise psycopg.OperationalError("the last holder closed the connection")
    if session._num_transactions:  # whose end, whenever it comes, would end a transaction of somebody else
        raise BeyondReset("left open", "the last holder never left a transaction() block")
    if is_prepared(session):
        raise BeyondReset(
            "left open", "the last holder left a prepared two-phase transaction, which the server keeps under its name"
        )


def is_in_two_phases(session: Any) -> bool:
    """Is it in a two-phase transaction?"""
    return session._tpc is not None


def is_prepared(session: Any) -> bool:
    """Is it in one that the server keeps, whatever becomes of the session?"""
    return session._tpc is not None and bool(session._tpc[1])


def has_prepared(session: Any) -> bool:
    """Has psycopg prepared statements, which it deallocates with its own rollback?"""
    return bool(session._prepared._names)


def forget_discarded(session: Any) -> None:
    """Have psycopg forget what `DISCARD ALL` ends: the names of prepared statements, and what a LISTEN has brought."""
    session._prepared.clear()  # it notices by itself the first time only
    if heard := getattr(session, "_notifies_backlog", None):
        heard.clear()


def is_at_work(session: Any) -> bool:
    """Is the server at work on a statement, for all that libpq has read?"""
    return bool(session.pgconn.transaction_status == ACTIVE)


def end_stream(session: Any) -> None:
    """End the stream, which frees who waits for it."""
    try:
        hang_up(session.fileno())
    except psycopg.OperationalError:  # it is closed already
        return


def leave_to_its_holder(session: Any) -> None:
    """Let its last holder end a connection whose stream has ended.

    Closed under a running call it would crash, or that call would go on with the next connection of the same number.
    """
    mark_as_own(session)  # else psycopg would complain that it was never closed
