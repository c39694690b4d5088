"""How connections of PEP 249 drivers end, also while a thread is inside their driver.

A server that has a statement to do does not notice that its client has gone: the statement runs on, with its locks. So
it is cancelled before, where the driver has a way, and the stream is ended, which frees whoever waits for it.
"""

import socket
import struct
import time
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any, Final

from pingpool.databases.common.sockets import QUIET, hang_up, look_at
from pingpool.databases.dbapi import unanswered
from pingpool.databases.dbapi.drivers import modules_of, status_of
from pingpool.databases.postgres.cancels import WHILE_ONE_HANGS, pauses, time_to_cancel, try_for
from pingpool.errors import BeyondReset

UNSAFE_TO_CLOSE: Final = "pyodbc"
"""To close its connection while another thread drops a cursor of it, as one that was cut off may, corrupts memory."""

ACTIVE: Final = 1
"""What libpq says of a connection in which a statement is under way."""

CANCEL: Final = struct.pack("!ii", 16, 80877102)
"""How PostgreSQL is asked to cancel: the length of the request, its code; then whom."""

UNTOLD: Final = 0.1
"""Seconds for a driver of which nobody can tell whether a statement still runs, or its answer was read and lost."""


def is_busy(session: Any) -> bool:
    """Is a statement under way, or may the answer to one still come? No of drivers that do not tell."""
    return unanswered.is_owed(session) or status_of(session) == ACTIVE


def refuse_busy(session: Any) -> None:
    """Raise `BeyondReset` if it is: nothing that is asked now would get its own answer."""
    if is_busy(session):
        raise BeyondReset("left busy", "a statement of the last holder is under way, or was cut off")


def close(session: Any, timeout: float) -> None:
    """Close a connection; what runs in it is cancelled first. One of pyodbc ends with its last reference."""
    if UNSAFE_TO_CLOSE in modules_of(session):
        return
    if is_busy(session):
        with suppress(Exception):
            cancel(session, timeout)
        end_stream(session)
    with getattr(session, "lock", nullcontext()):  # psycopg's own: to close under a call of another thread crashes it
        session.close()


def cancel(session: Any, timeout: float) -> None:
    """Ask the server to cancel, until it has said something."""
    link, can_tell = link_of(session), status_of(session) is not None
    for pause in pauses(link.fileno, time_to_cancel(timeout) if can_tell else UNTOLD):
        if not is_busy(session) or look_at(link.fileno()) is not QUIET:
            return
        if hasattr(session, "cancel"):
            session.cancel()
        else:  # pg8000 has no word for it
            with socket.create_connection(link.getpeername()[:2], pause + 1) as other:
                other.sendall(CANCEL + session._backend_key_data)
        time.sleep(pause)


def cancel_from_outside(session: Any) -> None:
    """Have cancelled what a thread hangs on, as far as that can be done at once."""
    if is_busy(session):
        try_for(WHILE_ONE_HANGS, partial(cancel, session, 2 * WHILE_ONE_HANGS))


def end_stream(session: Any) -> None:
    """End the stream, if the driver shows its socket; or else stop the statement, where it has a word for that."""
    with suppress(Exception):
        link = link_of(session)
        if hasattr(link, "fileno"):
            hang_up(link.fileno())
        else:  # sqlite3 and DuckDB say it so; oracledb has `cancel`
            (getattr(session, "interrupt", None) or session.cancel)()


def link_of(session: Any) -> Any:
    """Return what tells the descriptor of the connection: the socket of pg8000, or the connection itself."""
    return getattr(session, "_usock", None) or session
