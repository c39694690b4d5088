"""Questions to a database that are answered in passing, without a round trip, whatever the answer may raise."""

from collections.abc import Callable
from typing import Any

from pingpool.core.orders import End, Outcome
from pingpool.database import AsyncDatabase, Database
from pingpool.errors import all_behind
from pingpool.ground import journal


def overrides(database: object, method: str, kind: type) -> bool:
    """Does the database bring its own version of this optional method of its `kind`?"""
    return getattr(type(database), method) is not getattr(kind, method) or method in vars(database)


def judge(question: Callable[[BaseException], bool], error: BaseException) -> bool:
    """Ask the database what an error means; if it cannot say, the error means nothing special."""
    try:
        return question(error)
    except BaseException as further:
        journal.warning("the database could not tell what %r means: %r", error, further)
        return False


def failure_of(error: BaseException, database: Database[Any] | AsyncDatabase[Any]) -> Outcome:
    """Return the outcome of a creation that failed for this reason."""
    if judge(database.is_fatal, error):
        return Outcome(End.REFUSED, error=error)
    return Outcome(End.UNREACHABLE if judge(database.is_down, error) else End.FAILED, error=error)


def forget_frames(error: BaseException | None) -> None:
    """Drop the traceback, whose frames hold the session: a stored error must not keep it from being collected."""
    if error is not None:
        for each in all_behind(error):
            each.__traceback__ = None
