"""What is noted of each session: found by its identity, and gone with it.

As in a `WeakKeyDictionary`, but nobody's own `==` or `hash` is asked, and it takes a fifth of the time:
`needs_reset` is asked at each check-in.
"""

from functools import partial
from typing import Any, Generic, TypeVar
from weakref import ref

V = TypeVar("V")


class Records(Generic[V]):
    """One note for each session that has one; `noted` has them by identity, for whoever asks at each check-in.

    What forgets a session that was collected is written in C: no interrupt can strike there, and be lost.
    """

    __slots__ = ("__weakref__", "_refs", "noted")

    def __init__(self) -> None:
        self.noted: dict[int, V] = {}
        self._refs: dict[int, tuple[Any, Any]] = {}

    def note(self, session: object, what: V) -> None:
        """Note something of a session, in place of what was noted before.

        Raises:
            TypeError: the session takes no weak references, so that nobody would know when it is gone.
        """
        key = id(session)
        forget, forget_refs = partial(self.noted.pop, key), partial(self._refs.pop, key)
        self._refs[key] = ref(session, forget), ref(session, forget_refs)
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
        self.noted.pop(id(session), None)
        self._refs.pop(id(session), None)

    def __len__(self) -> int:
        """How many sessions have a note?"""
        return len(self.noted)
