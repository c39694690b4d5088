"""The sessions that left their pool in the middle of a block, by `discard` or `detach`: the block's end may follow."""

from contextlib import suppress
from typing import Any
from weakref import ref

MOST = 100
"""How many are remembered; the end of a block whose session left before all of these raises."""


class Parted(dict[int, Any]):
    """They are found by `id`; a weak reference tells whether that is still the same object.

    Of what takes none nobody can tell: another one at its place in memory may be taken for it. Then a block that had
    given its session back already ends without a word, in place of an error.
    """

    def note(self, session: object) -> None:
        """A session has left."""
        if len(self) >= MOST:
            with suppress(StopIteration):  # another thread is at it, too
                self.pop(next(iter(self)), None)
        try:
            self[id(session)] = ref(session)
        except TypeError:
            self[id(session)] = None

    def take(self, session: object) -> bool:
        """Did this very session leave? Asked once, by the end of its block; those that are gone are forgotten here."""
        if id(session) not in self:
            for key, reference in list(self.items()):
                if reference is not None and reference() is None:
                    self.pop(key, None)
            return False
        reference = self.pop(id(session))
        return reference is None or reference() is session
