"""Bugs in a hook, as opposed to errors of a driver: told as what they are, once, and never taken for a death.

A hook is any method or function of a database that others write. It is broken if one of the errors that only a bug
raises comes from its own body, or from the call of it; what comes from deeper down is the driver's.
"""

import signal
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from types import CodeType, TracebackType
from typing import Any, Final, cast

from pingpool.pool.caller import PACKAGE
from pingpool.pool.log import log
from pingpool.pool.world import Desk

SIGNALS: Final = tuple(int(number) for number in signal.valid_signals())
HANDLER_OF: Final[Callable[[int], object]] = getattr(import_module("_signal"), "getsignal", signal.getsignal)
"""What the system's module answers: the other makes an enum of each answer, which takes 50 times as long."""

ONLY_BY_BUGS = (TypeError, AttributeError, NameError, ImportError, NotImplementedError)


def is_bug(error: BaseException) -> bool:
    """Does the error show that a hook which was just called is broken?"""
    if not isinstance(error, ONLY_BY_BUGS):
        return False
    foreign = [code for code in _codes_of(error) if not code.co_filename.startswith(PACKAGE)]
    return len(foreign) <= 1


def is_of_a_signal(error: BaseException) -> bool:
    """Was the error raised by a signal handler that interrupted whoever runs here, as a time limit does?"""
    handlers = {_code_of(handler) for handler in map(HANDLER_OF, SIGNALS) if callable(handler)}
    return any(code in handlers for code in _codes_of(error))


def _code_of(handler: Any) -> object:
    """Return the code of a function, a method, a partial or a callable object; None of anything else."""
    inner: Any = getattr(handler, "func", handler)  # of a partial
    members = cast("Mapping[str, Any]", vars(inner.__class__))
    called = members.get("__call__")  # of an object of one's own class
    return getattr(inner, "__code__", None) or getattr(called, "__code__", None)


def _codes_of(error: BaseException) -> Iterator[CodeType]:
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_code
        trace = trace.tb_next


class Bugs:
    """Tells of each kind of bug once, and counts all."""

    def __init__(self, desk: Desk[Any]) -> None:
        self._desk = desk

    def tell(self, hook: str, error: BaseException) -> None:
        """Say that this hook of the database is broken, and where."""
        self._desk.tell(self._desk.ledger.places.tally.note_broken_hook)
        self._tell_once(f"the database's {hook}", error)

    def tell_of_observer(self, error: Exception) -> None:
        """Say that the observer is broken, and where."""
        self._tell_once("the observer", error)

    def _tell_once(self, what: str, error: BaseException) -> None:
        desk, kind = self._desk, (what, type(error))
        if kind not in desk.bugs_told:
            desk.bugs_told.add(kind)
            log(desk.name).warning("%s: %s is broken: %r", desk.name, what, error, exc_info=error)
