"""What a holder may set on the session object itself, such as `autocommit`: seen at check-in, and put back.

Such a setting decides over the next holder's data. A driver keeps it in the object, so that comparing costs no round
trip. This is for databases with a file of their own; of any other driver less is sure: `dbapi/settings.py`.
"""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Generic

from pingpool.database import S
from pingpool.databases.common.records import Records


class Attributes(Generic[S]):
    """The named attributes of each session, as they were when it was new. A name may have dots in it.

    Of a list, a set or a dictionary it counts what is in it.
    """

    def __init__(self, first: str, second: str, *more: str, kept_in: Sequence[str] = ()) -> None:
        """Look at these; one that a version of the driver does not have must not be named.

        Where a driver's properties take their time, they are looked for where it keeps them: `kept_in`, in that order.
        """
        self._names = (first, second, *more)
        self._look: Callable[[S], tuple[Any, ...]] = attrgetter(*(kept_in or self._names))
        self._first: Records[tuple[Any, ...]] = Records()
        self._noted = self._first.noted
        self._unconfigured: Records[tuple[Any, ...]] = Records()

    def remember(self, session: S) -> None:
        """Note how a new session is set; and how it was opened, if it was configured since."""
        before = self._first.of(session)
        first = tuple(copied(each) for each in self._look(session))
        if before is not None and before != first and self._unconfigured.of(session) is None:
            self._unconfigured.note(session, before)
        self._first.note(session, first)

    def begin_anew(self, session: S) -> None:
        """Count what was configured as changed: it will be configured again."""
        first = self._unconfigured.of(session)
        if first is not None:
            self._first.note(session, first)

    def changed(self, session: S) -> bool:
        """Is anything set otherwise than it was? Never of a session that was not remembered."""
        first = self._noted.get(id(session))
        return first is not None and first != self._look(session)

    def differing(self, session: S) -> Iterator[tuple[str, Any]]:
        """Yield what was changed, by its name and as it was; in the order in which the attributes were named."""
        first = self._first.of(session)
        if first is None:
            return
        for name, was, now in zip(self._names, first, self._look(session), strict=True):
            if was != now:
                yield name, copied(was)

    def put_back(self, session: S) -> None:
        """Set what was changed as it was."""
        for name, was in self.differing(session):
            owner, _, attribute = name.rpartition(".")
            setattr(attrgetter(owner)(session) if owner else session, attribute, was)


def copied(value: Any) -> Any:
    """Return a copy of a collection, and of the collections in it; or else the value itself."""
    kind: Any = value.__class__
    if kind is dict:
        return {name: copied(each) for name, each in value.items()}
    kinds: tuple[Any, ...] = (list, set)
    return kind(value) if kind in kinds else value
