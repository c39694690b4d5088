"""An interrupt at every line of every call to the ledger: after `heal` no slot is lost and nobody is left asleep.

Python may raise KeyboardInterrupt, or a test's time limit, between any two lines. Small worlds in many states are cut
short at every line of the core in turn; then everybody does what the pool's worlds do after an interrupt.
"""

import random
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import pingpool.core
from pingpool.core.orders import End, Order, Outcome, Round
from pingpool.core.slot import CLOSING, CREATING

from .model import (
    Broken,
    books_match,
    capacity_is_size,
    idle_is_sorted,
    no_session_is_in_two_hands,
    places,
    sessions_of,
    state_tells_the_place,
)
from .small import Config, dropped
from .world import World

REPORTS = (
    "start",
    "created",
    "stillborn",
    "failed",
    "refused",
    "alive",
    "seen_alive",
    "gone",
    "in_doubt",
    "unfit",
    "overran",
    "ended",
)
"""A report that was cut short is made again, whether the first had its effect or not: of the interrupt, this time."""

RARE = {
    "close": 0.002,
    "clear": 0.01,
    "lost": 0.1,
    "step": 0.1,
    "get": 0.3,
    **dict.fromkeys(("failed", "refused", "stillborn", "overran", "time_out"), 0.1),
}
"""How often an event happens that could, of those that are rare. Most pools are well most of the time."""

NO_CALLS = ("step", "pick_up", "drop", "collected_and_freed", "late_end", "late_failure")
"""Events that are no call to the ledger, or whose report is late already."""

WHOLE = ("fill", "ping", "clear", "close")
"""A call to the pool as a whole that was cut short is made again."""

CORE = str(Path(pingpool.core.__file__).parent)


class Returned(Exception):
    """The call to the ledger came to its end."""


class Brittle(World):
    """A world in which the call to the ledger is all that happens."""

    __slots__ = ()

    def settle(self, orders: list[Order]) -> None:
        """Go no further."""
        raise Returned


def is_cut_short(call: Callable[[], None], line: int) -> bool:
    """Make the call and interrupt it before the given line of the core; return whether it came so far."""
    passed = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal passed
        if not frame.f_code.co_filename.startswith(CORE):
            return None
        if event == "line":
            passed += 1
            if passed == line:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    except Returned:
        return False
    finally:
        sys.settrace(before)
    return False


def recover(world: Brittle, event: tuple[str, int]) -> World:
    """Do what is done after an interrupt; return a world that goes on."""
    name, place = event
    ledger = world.ledger
    told = ledger.heal()
    found = places(ledger)
    for promise in (capacity_is_size, state_tells_the_place, no_session_is_in_two_hands, idle_is_sorted, books_match):
        promise(ledger, found)
    if not {job for job in ledger.jobs if not job.started} <= set(told):
        raise Broken("a job was ordered, and nobody will begin it")
    if name in REPORTS:
        told += ledger.report(world.jobs[place], Outcome(End.IN_DOUBT, error=KeyboardInterrupt()), world.now)
        no_session_is_in_two_hands(ledger, places(ledger))
    elif name in WHOLE:
        told += getattr(ledger, name)(Round(), world.now)
    world.jobs = list(ledger.jobs)
    world.served += [waiter for waiter in world.line if waiter.session is not None]
    world.line = [waiter for waiter in world.line if not waiter.is_over]
    for waiter in [waiter for waiter in ledger.waiters if waiter not in world.line]:
        ledger.abandon(waiter, world.now)
    held = {id(session) for session in world.held} | {id(waiter.session) for waiter in world.served}
    for key, slot in ledger.lent.items():
        if key not in held and slot.ref is not dropped:
            slot.ref = dropped  # only the frame that was cut short held it
            ledger.collected.append(dropped)
    world.jobs = list(ledger.jobs)
    world.living = sessions_of(ledger)
    return world.clone_as(World)


def come_to_rest(world: World) -> None:
    """Let everybody return and the workers finish; check that all slots are as they should be."""
    world.tick(0)
    for _ in range(200):
        if world.served:
            world.apply(("pick_up", 0))
        elif world.held:
            world.apply(("check_in", 0))
        elif world.jobs:
            job = world.jobs[0]
            name = {CREATING: "created" if job.started else "start", CLOSING: "ended"}.get(job.kind, "alive")
            world.apply((name, 0))
        elif (wake_at := world.ledger.wake_at(world.now)) < float("inf"):
            world.now = wake_at
            world.apply(("tick", 0))
        else:
            break
    ledger = world.ledger
    rounds = ledger.places.jobs.rounds
    at_rest = len(ledger.idle) + (0 if ledger.filling else len(ledger.vacant))
    if at_rest != ledger.size or (ledger.waiters and ledger.filling) or rounds:
        raise Broken(f"{at_rest} slots of {ledger.size}, {len(ledger.waiters)} waiters, {len(rounds)} rounds")


def wander(seed: int) -> Brittle:
    """Return a world in some state or other."""
    chance = random.Random(seed)
    world = World(Config(3, 5, rounds=1))
    world.apply(("fill", 0))
    for _ in range(40):
        events = [event for event in world.events() if chance.random() < RARE.get(event[0], 1)]
        world.apply(chance.choice(events))
    return world.clone_as(Brittle)


@pytest.mark.parametrize("seed", range(20))
def test_an_interrupt_at_any_line_loses_nothing(seed: int) -> None:
    """Whatever call is cut short, and wherever: after `heal` no slot, no job, no waiter and no round is lost."""
    start = wander(seed)
    for event in start.events():
        if event[0] in NO_CALLS:
            continue
        for line in count(1):
            world = start.clone()
            if not is_cut_short(lambda: world.apply(event), line):  # noqa: B023  (called at once)
                break
            try:
                come_to_rest(recover(world, event))
            except Exception as error:
                raise Broken(f"{error!r} after {event} was cut short before line {line} of the core") from error
