"""Questions to a database that are answered in passing, without a round trip, whatever the answer may raise."""

from collections.abc import Callable
from typing import Any

from pingpool.core.ledger import Ledger
from pingpool.core.orders import Job, Order
from pingpool.database import Meaning, Traits
from pingpool.errors import all_behind
from pingpool.ground import journal


def overrides(database: object, method: str, kind: type) -> bool:
    """Does the database bring its own version of this optional method of its `kind`?"""
    return getattr(type(database), method) is not getattr(kind, method) or method in vars(database)


def meaning_of(error: BaseException, database: Traits[Any]) -> Meaning:
    """Ask the database what an error means; if it cannot say, nobody knows."""
    try:
        return database.meaning_of(error)
    except BaseException as further:
        journal.warning("the database could not tell what %r means: %r", error, further)
        return Meaning.UNKNOWN


def report_of(
    error: BaseException, database: Traits[Any], ledger: Ledger[Any]
) -> Callable[[Job, BaseException, float], list[Order]]:
    """Return how to tell the ledger that a session could not be made for this reason."""
    reports = {Meaning.REFUSED: ledger.refused, Meaning.UNREACHABLE: ledger.down}
    return reports.get(meaning_of(error, database), ledger.failed)


def forget_frames(error: BaseException | None) -> None:
    """Drop the traceback, whose frames hold the session: a stored error must not keep it from being collected."""
    if error is not None:
        for each in all_behind(error):
            each.__traceback__ = None
