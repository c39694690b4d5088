"""Which errors are none of the driver's, so that no ping is owed for them: the application's own, a 404 say.

Nothing of the driver may have been at work when such an error was raised, nor when any other was that is behind it. It
may have been raised in the middle of a call: by a time limit, a signal, a function that the driver calls.
"""

from collections.abc import Iterator, Set
from types import TracebackType

from pingpool.errors import all_behind
from pingpool.pool.bugs import is_of_a_signal

OURS = "pingpool"
"""What is raised within a pool or its databases is about sessions, too."""

OF_SOME_DRIVER = frozenset({"DatabaseError", "InterfaceError"})
"""The names of classes of errors that are some driver's."""


def is_foreign(error: BaseException, drivers: Set[str]) -> bool:
    """Is an error, with all that is behind it, none of these drivers', which are named by their packages?

    Never if there is a time-out, a cancel, or what the system says of a connection: they may have cut a call short. Nor
    if it was never raised: nothing tells then where it comes from.
    """
    return error.__traceback__ is not None and all(_is_foreign_by_itself(each, drivers) for each in all_behind(error))


def _is_foreign_by_itself(error: BaseException, drivers: Set[str]) -> bool:
    if not isinstance(error, Exception) or isinstance(error, OSError | EOFError | MemoryError):
        return False
    kinds = type(error).__mro__
    if any(_package(kind.__module__) in drivers or kind.__name__ in OF_SOME_DRIVER for kind in kinds):
        return False
    if not drivers.isdisjoint(_passed(error.__traceback__)) or OURS in _passed(error.__traceback__):
        return False
    return not any(kind.__name__ == "CancelledError" for kind in kinds) and not is_of_a_signal(error)


def _passed(trace: TracebackType | None) -> Iterator[str]:
    """Yield the packages through which an error has passed."""
    while trace is not None:
        yield _package(trace.tb_frame.f_globals.get("__name__", ""))
        trace = trace.tb_next


def _package(module: str) -> str:
    return module.partition(".")[0]
