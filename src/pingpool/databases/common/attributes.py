"""What a holder may set on the session object itself, such as `autocommit`: seen at check-in, and put back.

Such a setting decides over the next holder's data. A driver keeps it in the object, so that comparing costs no round
trip.
"""

from operator import attrgetter
from typing import Any, Generic
from weakref import WeakKeyDictionary

from pingpool.database import S


class Attributes(Generic[S]):
    """The named attributes of each session, as they were when it was new. A name may have dots in it."""

    def __init__(self, first: str, second: str, *more: str) -> None:
        """Look at these; one that a version of the driver does not have must not be named."""
        self._names = (first, second, *more)
        self._look = attrgetter(*self._names)
        self._first: WeakKeyDictionary[Any, tuple[Any, ...]] = WeakKeyDictionary()

    def remember(self, session: S) -> None:
        """Note how a new session is set."""
        self._first[session] = self._look(session)

    def changed(self, session: S) -> bool:
        """Is anything set otherwise than it was? Never of a session that was not remembered."""
        first = self._first.get(session)
        return first is not None and first != self._look(session)

    def put_back(self, session: S) -> None:
        """Set what was changed as it was; in the order in which the attributes were named."""
        first = self._first.get(session)
        if first is None:
            return
        for name, was, now in zip(self._names, first, self._look(session), strict=True):
            if was != now:
                owner, _, attribute = name.rpartition(".")
                setattr(attrgetter(owner)(session) if owner else session, attribute, was)
