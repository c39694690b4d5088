"""Slots, and the table of what may follow what."""

import math

import pytest

from pingpool.core.slot import CLOSING, IDLE, IN_USE, TRANSITIONS, VACANT, WORKING, AgingSlot, Slot, State

from .model import LAWFUL, Broken, CheckedSlot


def test_every_state_can_be_entered_and_left() -> None:
    """No state is a dead end, and none is out of reach of a vacant slot."""
    assert {before for before, _ in LAWFUL} == set(State)
    reached = {VACANT}
    while more := {after for before, after in LAWFUL if before in reached} - reached:
        reached |= more
    assert reached == set(State)


def test_every_state_leads_back_to_vacant() -> None:
    """From every state there is a way to vacant, so a slot can always be used again."""
    reached = {VACANT}
    while more := {before for before, after in LAWFUL if after in reached} - reached:
        reached |= more
    assert reached == set(State)


def test_each_transition_is_written_once() -> None:
    """The table names each step from one state to another once."""
    assert len(LAWFUL) == len(TRANSITIONS)


def test_a_session_that_is_being_closed_never_comes_back() -> None:
    """What is being closed ends vacant: it is never idle, lent or checked again."""
    assert {after for before, after in LAWFUL if before is CLOSING} == {VACANT}


def test_the_workers_work_on_slots_that_nobody_can_be_lent() -> None:
    """Idle, lent and vacant slots are under no job."""
    assert not WORKING & {VACANT, IDLE, IN_USE}
    assert WORKING | {VACANT, IDLE, IN_USE} == set(State)


def test_a_checked_slot_refuses_what_the_table_does_not_know() -> None:
    """The slot of the proofs raises where the table has no transition."""
    slot = CheckedSlot()
    with pytest.raises(Broken, match="vacant to being closed"):
        slot.state = CLOSING


def test_only_an_aging_slot_retires() -> None:
    """A session without a lifetime never retires, and its slot has no room for a date."""
    young, aging = Slot(), AgingSlot()
    for slot in (young, aging):
        slot.retire_at(5.0, 1.0)
    assert (young.retires_at, aging.retires_at) == (math.inf, 5.0)
    assert (young.renews_at, aging.renews_at) == (math.inf, 4.0)
