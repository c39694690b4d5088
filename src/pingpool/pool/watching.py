"""Which sessions the sentinel watches: those of a database that tells where they are, as long as the pool has them.

The descriptor is asked for while nobody else has the session: by the workers that opened, checked or reset it, or by
whoever detaches it. It is registered in the very turn that brings the session into its slot. A checkout and a return
have no part in this.
"""

from typing import Any, Final, Generic

from pingpool.core.slot import S, Slot
from pingpool.pool.bugs import Bugs
from pingpool.pool.hooks import AnyDatabase, overrides
from pingpool.pool.world import Desk

NOWHERE: Final = -1
"""The descriptor of a session that has none, or that is not to be watched."""


class Watching(Generic[S]):
    """Has the sessions of one desk watched, as far as their database tells where they are."""

    def __init__(self, desk: Desk[S], database: AnyDatabase | None, bugs: Bugs) -> None:
        self._desk = desk
        self._ask: Any = None
        if database is not None and overrides(database, "descriptor_of"):
            self._ask = database.descriptor_of
        self._bugs = bugs

    def descriptor_of(self, session: S) -> int:
        """Return the descriptor to watch for a session; `NOWHERE` if there is none, or nobody who could watch it."""
        if self._ask is None:
            return NOWHERE
        try:
            fd: object = self._ask(session)
        except BaseException as error:
            self._bugs.tell("descriptor_of", error)
            return NOWHERE
        if not isinstance(fd, int) or fd < 0 or self._desk.see_to_sentinel() is None:
            return NOWHERE
        return fd

    def watch(self, fd: int, slot: Slot | None, session: S) -> None:
        """Have the session watched from this turn on, if it came into the slot."""
        sentinel = self._desk.sentinel
        if fd == NOWHERE or sentinel is None or slot is None:
            return
        if slot.ref is not None and slot.ref() is session:
            sentinel.watch(fd, self._desk, slot)

    def forget(self, session: S) -> None:
        """Have the session watched no longer: it is about to end, or somebody's own from now on."""
        sentinel = self._desk.sentinel
        if self._ask is None or sentinel is None:
            return
        try:
            fd = self._ask(session)
        except Exception:  # it is closed already, and so has left
            return
        if fd is not None:
            sentinel.forget(fd, session)
