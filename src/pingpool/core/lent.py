"""The slots whose sessions are lent, found by the session's `id`; and the sessions that were collected in use.

A lent session is held by its holder alone. If he drops it, it is garbage-collected, and its weak reference puts itself
in `collected`, by one call in C: that may happen at any moment, also in the middle of a turn.

The reference costs no room for its slot. It remembers the hash of the session instead, which tells the `id` that the
session had, unless its type has a hash of its own; then all that is lent is looked through.

Of a session that takes no weak references nobody is told. But whoever looks sees it: a dropped one is referred to by
its slot alone.
"""

import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from pingpool.core.orders import Waiter
from pingpool.core.slot import IN_USE, Slot
from pingpool.core.uses import Use
from pingpool.references import StrongRef

Ref = Callable[[], object]

BITS = 64
"""How wide a hash is, and an `id`: the one is the other, turned by four bits. (Elsewhere all is looked through.)"""

PLAIN_HASH: Any = object.__hash__

FEW = 64
"""Slots whose session has gone are swept out when there are more, and twice as many as were left by the last sweep."""


class LentSlots:
    """Slots whose sessions are in somebody's hands."""

    __slots__ = ("_many", "_note", "_with_strong_ref", "collected", "slots")

    def __init__(self) -> None:
        self.slots: dict[int, Slot] = {}
        self.collected: deque[Any] = deque()
        self._note = self.collected.append
        self._with_strong_ref: dict[int, Slot] = {}
        self._many = FEW

    def enter(self, slot: Slot, session: Any, use: Use, waiter: Waiter) -> None:
        """Lend the session of the slot to a waiter; remember its use.

        No interrupt can come between the last three steps. (`check_out` does the same, in place.)
        """
        self.slots[id(session)] = slot
        slot.state = IN_USE
        slot.session = use
        waiter.session = session

    def leave(self, session: Any) -> None:
        """Forget that the session is lent."""
        del self.slots[id(session)]

    def slot_of(self, session: Any) -> Slot | None:
        """Return the slot of a session that is lent."""
        slot = self.slots.get(id(session))
        return slot if slot is not None and slot.ref() is session else None

    def ref_to(self, session: Any, slot: Slot) -> Ref:
        """Return a reference, for this slot, that notes when the session is collected."""
        try:
            ref = weakref.ref(session, self._note)
        except TypeError:
            self._note_strong_ref(session, slot)
            return StrongRef(session)
        if type(session).__hash__ is PLAIN_HASH:
            hash(ref)  # from now on it is remembered
        return ref

    def has(self, session: Any) -> bool:
        """Is this very object the session of a slot, in whatever place?"""
        refs: list[Any] = weakref.getweakrefs(session)
        if any(type(ref) is weakref.ref and ref.__callback__ is self._note for ref in refs):  # a proxy would ask it
            return True
        slot = self._with_strong_ref.get(id(session))
        return slot is not None and isinstance(slot.ref, StrongRef) and slot.ref() is session

    def would_miss(self, slot: Slot) -> bool:
        """Would it be noticed if the holder of this slot's session dropped it?"""
        return not isinstance(slot.ref, StrongRef) or slot.ref.can_tell

    @property
    def may_have_dropped(self) -> bool:
        """Has a session been dropped, or is there one of which that is only seen by a look?"""
        return bool(self.collected or self._with_strong_ref)

    def forsaken(self) -> list[Slot]:
        """Return the slots of sessions that their holders dropped, of those that take no weak references."""
        slots = self.slots.values() if self._with_strong_ref else ()
        return [slot for slot in slots if isinstance(slot.ref, StrongRef) and slot.ref.is_the_last]

    def first_collected(self) -> tuple[int, Slot] | None:
        """Return the slot of the session that was collected first, and its key, if it is lent."""
        ref = self.collected[0]
        key = former_id(ref)
        slot = self.slots.get(key)
        if slot is not None and slot.ref is ref:
            return key, slot
        return next(((key, slot) for key, slot in self.slots.items() if slot.ref is ref), None)

    def _note_strong_ref(self, session: Any, slot: Slot) -> None:
        """Remember which slot has a session that takes no weak reference; forget, now and then, which had one."""
        known = self._with_strong_ref
        if len(known) > self._many:
            for key in [key for key, slot in known.items() if slot.ref is None or id(slot.ref()) != key]:
                del known[key]
            self._many = max(FEW, 2 * len(known))
        known[id(session)] = slot

    def rebuild(self) -> None:
        """Drop the slots that are not in use by their state; one that is was entered before its state was changed."""
        for key in [key for key, slot in self.slots.items() if slot.state is not IN_USE]:
            del self.slots[key]


def former_id(ref: Any) -> int:
    """Return the `id` of an object that was collected, as far as its reference can tell."""
    try:
        turned = hash(ref) % (1 << BITS)
    except TypeError:  # nobody had asked for it in time
        return 0
    return (turned << 4 | turned >> (BITS - 4)) % (1 << BITS)
