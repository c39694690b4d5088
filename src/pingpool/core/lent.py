"""The slots whose sessions are lent, found by the session's `id`; and the sessions that were collected in use.

A lent session is held by its holder alone. If he drops it, it is garbage-collected, and its weak reference puts itself
in `collected`, by one call in C: that may happen at any moment, also in the middle of a turn.
"""

import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from pingpool.core.slot import IN_USE, Slot
from pingpool.core.uses import Use

Ref = Callable[[], object]


class StrongRef:
    """Stands in for the weak reference of a session that takes none; it is never noticed when such a one is dropped."""

    __slots__ = ("_session",)

    def __init__(self, session: object) -> None:
        self._session = session

    def __call__(self) -> object:
        """Return the session."""
        return self._session


class LentSlots:
    """Slots whose sessions are in somebody's hands."""

    __slots__ = ("_note", "collected", "slots")

    def __init__(self) -> None:
        self.slots: dict[int, Slot] = {}
        self.collected: deque[Any] = deque()
        self._note = self.collected.append

    def enter(self, slot: Slot, session: Any, use: Use) -> None:
        """Lend the session of the slot; remember who has it. (`check_out` does the same, in place.)"""
        self.slots[id(session)] = slot
        slot.state = IN_USE
        slot.session = use

    def leave(self, session: Any) -> None:
        """Forget that the session is lent."""
        del self.slots[id(session)]

    def slot_of(self, session: Any) -> Slot | None:
        """Return the slot of a session that is lent."""
        slot = self.slots.get(id(session))
        return slot if slot is not None and slot.ref() is session else None

    def ref_to(self, session: Any) -> Ref:
        """Return a reference that notes when the session is collected."""
        try:
            return weakref.ref(session, self._note)
        except TypeError:
            return StrongRef(session)

    def refers_to(self, session: Any) -> bool:
        """Was this object given a weak reference here?"""
        return any(ref.__callback__ is self._note for ref in weakref.getweakrefs(session))

    def first_collected(self) -> tuple[int, Slot] | None:
        """Return the slot of the session that was collected first, and its key, if it is lent."""
        ref = self.collected[0]
        return next(((key, slot) for key, slot in self.slots.items() if slot.ref is ref), None)

    def rebuild(self) -> None:
        """Drop the slots that are not in use by their state; one that is was entered before its state was changed."""
        for key in [key for key, slot in self.slots.items() if slot.state is not IN_USE]:
            del self.slots[key]
