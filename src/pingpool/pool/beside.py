"""Tells an observer in the caller's own thread or task, between his checkout and the end of his `get`.

It is no part of the stream in `telling`, which is told elsewhere and later: whoever listens here needs the caller's
context.
"""

from collections.abc import Callable
from typing import Any

from pingpool.observer import CallerObserver
from pingpool.pool.bugs import Bugs, is_of_a_signal


class Beside:
    """Stands beside the callers of one pool."""

    def __init__(self, pool: str, observer: CallerObserver, bugs: Bugs) -> None:
        self._pool = pool
        self._observer = observer
        self._bugs = bugs

    def acquired(self, session: Any, waited: float) -> None:
        """Tell that the caller gets this session, after so many seconds."""
        self._tell(self._observer.acquired, session, waited)

    def not_acquired(self, error: BaseException, waited: float) -> None:
        """Tell that the caller gets this error, after so many seconds."""
        self._tell(self._observer.not_acquired, error, waited)

    def _tell(self, method: Callable[..., None], *facts: Any) -> None:
        """Call a method of the observer; if it is broken the caller does not suffer, but what struck him goes on."""
        try:
            method(self._pool, *facts)
        except Exception as error:
            if is_of_a_signal(error):
                raise
            self._bugs.tell_of_observer(error)
