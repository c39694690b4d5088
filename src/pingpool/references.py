"""Whether anybody else refers to an object, as far as Python counts."""

import sys
from typing import Any, Final

HAS_GIL: Final[bool] = getattr(sys, "_is_gil_enabled", lambda: True)()
"""Does one thread run at a time? Only then a count is not read while it changes."""


class StrongRef:
    """Stands in for the weak reference of a session that takes none; it tells only if it is asked."""

    __slots__ = ("_session",)

    def __init__(self, session: Any) -> None:
        self._session = session

    def __call__(self) -> Any:
        """Return the session."""
        return self._session

    def count(self) -> int:
        """How many refer to the session?"""
        return sys.getrefcount(self._session)

    @property
    def can_tell(self) -> bool:
        """Can the count be trusted?"""
        return HAS_GIL

    @property
    def is_the_last(self) -> bool:
        """Does nobody else refer to the session any more, so that nobody can come by it again?"""
        return self.can_tell and self.count() <= ALONE


ALONE: Final = StrongRef(object()).count()
"""The count where nobody else refers to the object."""
