"""Questions to a database that are answered in passing, without a round trip, whatever the answer may raise."""

from collections.abc import Callable

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


def forget_frames(error: BaseException | None) -> None:
    """Drop the traceback, whose frames hold the session: a stored error must not keep it from being collected."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
