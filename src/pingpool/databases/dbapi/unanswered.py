"""What was sent by a driver written in Python, and is not proven answered.

A thrown exception, or a signal's, may strike between a statement and its answer. The driver then takes that answer for
the one to the next statement, a rollback or a ping too, and goes on so for ever. Of drivers written in C nothing is
asked: no exception strikes inside them.
"""

import functools
from collections.abc import Callable
from typing import Any, Final

EXCHANGES: Final = {
    "mysql": (
        *("cmd_query", "cmd_init_db", "cmd_refresh", "cmd_statistics", "cmd_process_kill", "cmd_debug", "cmd_ping"),
        *("cmd_change_user", "cmd_reset_connection", "cmd_stmt_prepare", "cmd_stmt_execute", "cmd_stmt_fetch"),
        *("cmd_stmt_reset", "_send_cmd", "_handle_result"),
    ),
    "pg8000": ("execute_simple", "execute_unnamed", "execute_named", "prepare_statement", "close_prepared_statement"),
}
"""Methods of a connection that send something and read the answers to it, by the driver's module."""


def watch(session: Any) -> None:
    """Note from now on whether what is sent is answered, if the driver is one whose exchanges are known."""
    kind: Any = session.__class__
    names = EXCHANGES.get(kind.__module__.partition(".")[0])
    if names is not None:
        session.__class__ = watched(kind, names)


@functools.cache
def watched(kind: Any, names: tuple[str, ...]) -> Any:
    """Return this class of connections as one that notes what is under way."""
    exchanges = {name: noted(getattr(kind, name)) for name in names if hasattr(kind, name)}
    return type(kind.__name__, (kind,), {"is_owed": False, "__module__": kind.__module__, **exchanges})


def noted(exchange: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method as one after which an answer is owed until it has ended as it should."""

    @functools.wraps(exchange)
    def note(session: Any, *arguments: Any, **options: Any) -> Any:
        before, session.is_owed = session.is_owed, True
        try:
            answer = exchange(session, *arguments, **options)
        except Exception as error:
            if is_refusal(error):
                session.is_owed = before
            raise
        session.is_owed = before
        return answer

    return note


def is_refusal(error: Exception) -> bool:
    """Did the server refuse, so that all its answers were read? pg8000 has a class for that, mysql-connector a code."""
    return type(error).__name__ == "DatabaseError" or bool(getattr(error, "sqlstate", None))


def is_owed(session: Any) -> bool:
    """May an answer still be on its way?"""
    return getattr(session, "is_owed", False) is True
