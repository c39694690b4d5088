"""Which session is the next to be renewed, among many of which some are lent and some are gone."""

import math
import random

from pingpool.core.dates import Dates, renewal_of
from pingpool.core.slot import CHECKING, IDLE, IN_USE, AgingSlot, Slot

OTHERS = (IDLE, IN_USE, CHECKING)


def test_the_next_is_the_idle_one_with_the_earliest_date() -> None:
    """Whatever was lent, ended and made anew before, it is found as by a look at all of them."""
    chance = random.Random(1)
    slots = tuple(AgingSlot() for _ in range(20))
    dates = Dates()
    for _ in range(3000):
        slot = chance.choice(slots)
        if chance.random() < 0.3:
            slot.retire_at(chance.choice([float(chance.randrange(1000)), math.inf]), 1.0)
            dates.enter(slot)
        slot.state = chance.choice(OTHERS)
        idle = [each for each in slots if each.state is IDLE]
        found = dates.next_idle(idle)
        assert (found and found.renews_at) == min((at for at in map(renewal_of, idle) if at < math.inf), default=None)
        assert found is None or found.state is IDLE


def test_sessions_that_never_grow_too_old_have_no_date() -> None:
    """Nothing is noted for them."""
    slots = (Slot(), AgingSlot())
    dates = Dates()
    for slot in slots:
        slot.state = IDLE
        dates.enter(slot)
    assert (dates.next_idle(slots), len(dates._agenda)) == (None, 0)


def test_a_rebuild_finds_every_date_again() -> None:
    """After an interrupt the dates are those of the slots."""
    slots = tuple(AgingSlot() for _ in range(5))
    for when, slot in enumerate(slots):
        slot.state = IDLE
        slot.retire_at(9.0 - when, 0.0)
    dates = Dates()
    dates.rebuild(slots)
    assert dates.next_idle(slots) is slots[4]
