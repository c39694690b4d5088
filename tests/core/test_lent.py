"""How a session is found again: by itself, and, once it was collected, by the reference that is left of it."""

import weakref
from typing import Any

import pytest

from pingpool.core.lent import FEW, LentSlots
from pingpool.core.orders import Waiter
from pingpool.core.slot import CREATING, Slot
from pingpool.core.uses import use_of_nobody
from pingpool.references import HAS_GIL


class Plain:
    """A session as most are: its hash is that of every object."""


class Named(Plain):
    """A session with a hash of its own."""

    def __hash__(self) -> int:
        """Return what tells nothing of the object's place in memory."""
        return 7


class Unhashable(Plain):
    """A session that has no hash."""

    __hash__ = None  # type: ignore[assignment]


class Unread(dict[int, Slot]):
    """A dictionary that nobody may look through."""

    def items(self) -> Any:
        """Refuse."""
        raise AssertionError("all that is lent is looked through")


def lend(lent: LentSlots, session: object) -> Slot:
    """Lend a session by a slot of its own."""
    slot = Slot()
    slot.state = CREATING
    slot.ref = lent.ref_to(session, slot)
    lent.enter(slot, session, use_of_nobody(0.0), Waiter(None, 0))
    return slot


def test_a_dropped_session_is_found_without_a_look_at_the_others() -> None:
    """However many are lent and dropped, each costs one look."""
    lent = LentSlots()
    lent.slots = Unread()
    sessions = [Plain() for _ in range(1000)]
    slots = {id(session): lend(lent, session) for session in sessions}
    del sessions[100:900]
    for _ in range(800):
        found = lent.first_collected()
        assert found is not None
        key, slot = found
        assert slots.pop(key) is slot
        lent.collected.popleft()
        del lent.slots[key]
    assert set(slots) == {id(session) for session in sessions}


@pytest.mark.parametrize("kind", [Plain, Named, Unhashable])
def test_a_dropped_session_is_found_whatever_its_hash_is(kind: type) -> None:
    """A type with a hash of its own, or none, only takes a longer look."""
    lent = LentSlots()
    kept, dropped = kind(), kind()
    lend(lent, kept)
    slot, key = lend(lent, dropped), id(dropped)
    del dropped
    assert lent.first_collected() == (key, slot)


@pytest.mark.parametrize("kind", [Plain, Unhashable, list])
def test_what_has_a_slot_is_known_by_itself(kind: type) -> None:
    """Also a session that takes no weak reference; not another one that is equal, and not one that is gone."""
    lent = LentSlots()
    session = kind()
    slot = lend(lent, session)
    assert lent.has(session)
    assert not lent.has(kind())
    slot.ref = None
    assert not lent.has(session)


def test_sessions_without_weak_references_are_forgotten_in_time() -> None:
    """However often such a session is replaced, what is remembered of them does not grow."""
    lent, slot = LentSlots(), Slot()
    sessions: list[list[int]] = [[] for _ in range(10 * FEW)]
    for session in sessions:
        slot.ref = lent.ref_to(session, slot)
        assert lent.has(session)
        assert len(lent._with_strong_ref) <= FEW + 1


@pytest.mark.skipif(not HAS_GIL, reason="without the GIL nobody can count who refers to a session")
def test_a_dropped_session_without_weak_references_is_found_by_a_look() -> None:
    """As soon as its slot alone refers to it; one that something else refers to, however deep, is not."""
    lent = LentSlots()
    kept: list[list[int]] = [[]]
    lend(lent, kept[0])
    dropped: list[int] = []
    slot = lend(lent, dropped)
    assert list(lent.forsaken()) == []
    del dropped
    assert list(lent.forsaken()) == [slot]


def test_a_session_is_found_beside_a_proxy_of_it() -> None:
    """A driver's cursor may hold a weak proxy of its connection, which answers as if it were that."""
    lent = LentSlots()
    session = Plain()
    cursor = weakref.proxy(session)
    assert not lent.has(session)
    lend(lent, session)
    assert lent.has(session)
    assert cursor
