"""What is noted of each session: found by its identity, and gone with it.

As in a `WeakKeyDictionary`, but nobody's own `==` or `hash` is asked, and it takes a fifth of the time:
`needs_reset` is asked at each check-in.
"""

from functools import partial
from typing import Any, Generic, TypeVar
from weakref import ref

V = TypeVar("V")


class Records(Generic[V]):
    """One note for each session that has one; `noted` has them by identity, for whoever asks at each check-in."""

    __slots__ = ("__weakref__", "_refs", "noted")

    def __init__(self) -> None:
        self.noted: dict[int, V] = {}
        self._refs: dict[int, Any] = {}

    def note(self, session: object, what: V) -> None:
        """Note something of a session, in place of what was noted before.

        Raises:
            TypeError: the session takes no weak references, so that nobody would know when it is gone.
        """
        key = id(session)
        self._refs[key] = ref(session, partial(_forget, key, self.noted, self._refs))
        self.noted[key] = what

    def note_until_dropped(self, session: object, what: V) -> None:
        """The same of any session; of one that takes no weak references it stays until `drop`, or a newcomer's note."""
        try:
            self.note(session, what)
        except TypeError:
            self.noted[id(session)] = what

    def of(self, session: object) -> V | None:
        """Return what was noted of a session."""
        return self.noted.get(id(session))

    def drop(self, session: object) -> None:
        """Take back what was noted of a session, if anything was."""
        _forget(id(session), self.noted, self._refs, None)

    def __len__(self) -> int:
        """How many sessions have a note?"""
        return len(self.noted)


def _forget(key: int, *notes: Any) -> None:
    """A session was collected; its place in memory may soon be another's."""
    *places, _ = notes
    for each in places:
        each.pop(key, None)
