"""A session of any driver of MySQL: what that shows of it, without waiting, and how it is told to do something.

A shape that is not known "does not tell", and is never taken for dead.
"""

from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from pingpool.databases.common.rows import prove_in_step
from pingpool.databases.common.timeouts import finite
from pingpool.errors import BeyondReset

IN_USE = "ProgrammingError"
"""What mysqlclient raises of a connection that another thread is inside of."""


def link_of(session: Any) -> Any:
    """Return the session's socket, or what tells its number; None if it is closed here."""
    if hasattr(session, "_sock"):  # PyMySQL
        return session._sock
    if hasattr(session, "unread_result") and hasattr(session, "_socket"):  # mysql-connector in pure Python
        return getattr(session._socket, "sock", session._socket)
    return session  # mysqlclient tells by itself


def socket_of(session: Any) -> int | None:
    """Return the file descriptor of the session, -1 if it is closed here, None if the driver does not tell."""
    if hasattr(session, "_get_socket"):  # mariadb; its `socket` would close what is not its own
        return -1 if session._closed else session._get_socket()
    link = link_of(session)
    if link is None or not getattr(link, "open", True):
        return -1
    return link.fileno() if hasattr(link, "fileno") else None


def is_in_use(session: Any) -> bool:
    """Does the driver refuse to tell its descriptor, since another thread is inside it? Only mysqlclient does.

    To look at what the other threads run, by their frames, crashes CPython 3.11.
    """
    try:
        socket_of(session)
    except Exception as error:
        return type(error).__name__ == IN_USE
    return False


def number_of(session: Any) -> int | None:
    """Return the session's number at the server, as the driver learnt it when it connected."""
    number = getattr(session, "connection_id", None)
    if number is None:
        number = session.thread_id() if hasattr(session, "thread_id") else None
    return number if isinstance(number, int) else None


def is_pure(session: Any) -> bool:
    """Is the driver written in Python, so that an exception may strike between a command and its answer?"""
    return hasattr(session, "_sock") or (hasattr(session, "unread_result") and hasattr(session, "_socket"))


@contextmanager
def limited(session: Any, timeout: float) -> Generator[None]:
    """Give PyMySQL so many seconds to write and so many to read; afterwards what it had before. Others have none."""
    if not hasattr(session, "_read_timeout"):
        yield
        return
    own = session._read_timeout, session._write_timeout
    session._read_timeout = session._write_timeout = finite(timeout)
    try:
        yield
    finally:
        session._read_timeout, session._write_timeout = own


def ping(session: Any) -> None:
    """Prove the session by any of the drivers; where an old answer may be under way, by what only it can answer."""
    if is_pure(session):
        prove_in_step(partial(answer, session))
        return
    try:
        session.ping(reconnect=False)
    except TypeError:  # drivers that never reconnect have no such parameter
        session.ping()


def answer(session: Any, statement: str) -> Sequence[Any]:
    """Run a statement by any of the drivers, and return its rows."""
    with closing(session.cursor()) as cursor:
        cursor.execute(statement)
        rows: Sequence[Any] = cursor.fetchall() if cursor.description else ()
        return rows


def start_anew(session: Any) -> None:
    """Have the server clear the session. Raises `BeyondReset` if the driver has no word for that."""
    word = getattr(session, "cmd_reset_connection", None) or getattr(session, "reset", None)
    if word is None:
        raise BeyondReset("changed", f"{type(session).__module__} cannot clear a session: give a function as reset=")
    if word() is False:  # so mysql-connector says that the server refused
        raise BeyondReset("changed", "the server did not clear the session")


def autocommit_of(session: Any) -> object:
    """Return whether the session is in autocommit, by what the driver knows; None if it does not tell."""
    if hasattr(session, "get_autocommit"):
        return session.get_autocommit()
    if hasattr(session, "unread_result"):  # mysql-connector asks the server when asked for `autocommit`
        return getattr(session, "_autocommit", None)
    known = getattr(session, "autocommit", None)
    return known if isinstance(known, bool) else None


def set_autocommit(session: Any, wanted: object) -> None:
    """Set it, by any of the drivers."""
    if callable(getattr(session.__class__, "autocommit", None)):
        session.autocommit(wanted)
    else:
        session.autocommit = wanted
