"""What was left in a session of PyMySQL or aiomysql, as its record tells: without asking the server.

aiomysql is PyMySQL with another way to read; both keep the same things in the same attributes.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from pingpool.databases.common.attributes import Attributes
from pingpool.databases.common.resets import Resets
from pingpool.databases.mysql.codes import IN_TRANSACTION, LEFT_OPEN, NO_SUCH_FUNCTION, code_of
from pingpool.databases.mysql.record import OnRecord
from pingpool.errors import BeyondReset

XA_IS_OPEN = (1399, 1400)
"""The codes of the errors that a rollback gets within a distributed transaction."""


class Recorded:
    """Sessions with a record, in either world: how they began, and whether the last holder left them so."""

    _resets: Resets
    _attributes: Attributes[Any]
    """What a holder may set on the driver's own object."""

    def remember(self, session: Any) -> None:
        """Note what a holder may change, at the server and in the driver's own object."""
        session.note_beginning()
        self._attributes.remember(session)

    def needs_reset(self, session: Any) -> bool | None:
        """Is a command or a transaction open, a result unread, a lock held, a setting changed? None: nothing tells."""
        if session.turn is not None or is_unread(session) or session.may_lock:
            return True
        status = session.status
        if status is None:
            return None
        is_open = bool(status & LEFT_OPEN)
        return is_open or session.is_set_otherwise(status) or self._attributes.changed(session) or self._resets.at_rest


def is_in_transaction(session: OnRecord) -> bool | None:
    """Is a transaction open, as the server told last? None if it told nothing, as in the middle of a result's rows."""
    status = None if is_unread(session) else session.status
    return None if status is None else bool(status & IN_TRANSACTION)


def is_unread(session: Any) -> bool:
    """Was a result not read to its end, by PyMySQL or aiomysql?"""
    result = getattr(session, "_result", None)
    return result is not None and bool(result.unbuffered_active)


def is_busy(session: OnRecord) -> bool:
    """May a statement of the session be under way at the server? Not if that has hung up."""
    return not session.was_left and (session.turn is not None or is_unread(session))


def refuse_busy(session: OnRecord) -> None:
    """Raise `BeyondReset` if an answer is owed: to wait for it might take for ever."""
    if session.turn is not None:
        raise BeyondReset("left busy", "a command of the last holder's is under way, or broke off")
    if is_unread(session):
        raise BeyondReset("left busy", "the last holder left the result of a query unread")


@contextmanager
def refusing_what_stays() -> Generator[None]:
    """Raise `BeyondReset` if a rollback fails since it is not the way to end what is open."""
    try:
        yield
    except Exception as error:
        if code_of(error) in XA_IS_OPEN:
            raise BeyondReset("left open", f"a distributed transaction was left open: {error}") from error
        raise


@contextmanager
def unless_there_is_no_such_function() -> Generator[None]:
    """Pass over the error of a server that is too old to let go of all locks by one word."""
    try:
        yield
    except Exception as error:
        if code_of(error) != NO_SUCH_FUNCTION:
            raise
