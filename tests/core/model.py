"""What all proofs share: slots that enforce `TRANSITIONS`, and the promises of the ledger as small named functions.

`ALWAYS` holds after every call, `SETTLED` after every call that returned orders; `check_answers` looks at the orders
themselves. Each raises `Broken` with a sentence. They are written from the rules, not from the code.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

from pingpool.core.at_hand import MOMENT
from pingpool.core.backoff import PATIENT, TRIALS, URGENT
from pingpool.core.ledger import Ledger
from pingpool.core.orders import Job, Order, Round, Waiter
from pingpool.core.slot import (
    CHECKING,
    CLOSING,
    CREATING,
    IDLE,
    IN_USE,
    RESETTING,
    TRANSITIONS,
    VACANT,
    WORKING,
    AgingSlot,
    Slot,
    State,
)

Found = list[tuple[Slot, State]]
"""Slots, each with the state that belongs to the place where it was found."""

LAWFUL = frozenset((transition.before, transition.after) for transition in TRANSITIONS)


class Broken(AssertionError):
    """A promise of the core does not hold."""


class CheckedSlot(AgingSlot):
    """A slot that moves only as `TRANSITIONS` says."""

    __slots__ = ("_state",)

    @property
    def state(self) -> State:
        """Where the slot stands."""
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        before = getattr(self, "_state", None)
        if before is not None and (before, state) not in LAWFUL:
            raise Broken(f"a slot went from {before.value} to {state.value}")
        self._state = state


class Session:
    """A session of the proofs: nothing but a name, and an end that those around the ledger remember."""

    __slots__ = ("__weakref__", "name", "over")

    def __init__(self, name: int) -> None:
        """Open a session that nobody has given up yet."""
        self.name = name
        self.over = False

    def __repr__(self) -> str:
        """Return the name, for the schedules that are printed."""
        return f"s{self.name}"


def places(ledger: Ledger[Any]) -> Found:
    """Return each slot once for every place it is found in, with the state that belongs to the place."""
    found = [(slot, VACANT) for slot in ledger.vacant]
    found += [(slot, IDLE) for slot in ledger.idle]
    found += [(slot, IN_USE) for slot in ledger.lent.values()]
    return found + [(job.slot, job.kind) for job in ledger.jobs if job.slot is not None]


def sessions_of(ledger: Ledger[Any]) -> set[int]:
    """Return the ids of all sessions that the ledger knows, and that were not collected."""
    known = {id(slot.session) for slot in ledger.idle}
    known |= {id(session) for session in ledger.places.left}
    known |= {id(job.session) for job in ledger.jobs if job.session is not None}
    return known | {key for key, slot in ledger.lent.items() if slot.ref() is not None}


def open_in(ledger: Ledger[Any]) -> int:
    """Return how many sessions are open: idle, lent, or under a check or reset that may bring them back."""
    proving = [job for job in ledger.jobs if job.kind in (CHECKING, RESETTING) and not job.unwanted]
    return len(ledger.idle) + len(ledger.lent) + len(proving)


def waiting_in(ledger: Ledger[Any]) -> int:
    """Return how many wait for new sessions: callers in line, and those who wait until some are open."""
    return len(ledger.waiters) + sum(round.lasts for round in ledger.places.jobs.rounds)


def opens_on_demand(ledger: Ledger[Any]) -> bool:
    """Are sessions opened only for those who wait?"""
    return ledger.serving.stock == 0


def wanted_beside_open(ledger: Ledger[Any], over: Iterable[Round] = ()) -> int:
    """Return how many sessions rule 5 wants to be opened on demand; also for rounds that were over just now."""
    proving = [job for job in ledger.jobs if job.kind in (CHECKING, RESETTING) and not job.unwanted]
    awaited = [round.enough - open_in(ledger) for round in (*ledger.places.jobs.rounds, *over)]
    gap = int(ledger.serving.renewal.gap and not ledger.places.jobs.count(CLOSING))
    return max([gap, len(ledger.waiters) - len(proving), *(int(count) for count in awaited if count < math.inf)])


def is_missed(ledger: Ledger[Any], now: float) -> bool:
    """Is there a vacant slot that rule 5 wants filled, and nobody fills?"""
    if not (ledger.filling and ledger.vacant):
        return False
    is_wanted = not opens_on_demand(ledger) or wanted_beside_open(ledger) > ledger.places.jobs.count(CREATING)
    return is_wanted or (have_waited(ledger.waiters, now) and ledger.serving.creation.began_at + URGENT <= now)


def have_waited(line: Iterable[Waiter], now: float) -> bool:
    """Has anybody in this line waited for so long that what is under way for him may hang?"""
    return any(waiter.since + URGENT <= now for waiter in line)


def is_additional(order: Order) -> bool:
    """Is this the creation of a session that takes no other's place?"""
    return isinstance(order, Job) and order.kind is CREATING and order.session is None


def nothing_is_created_in_stock(ledger: Ledger[Any], line: Iterable[Waiter], orders: Iterable[Order]) -> None:
    """Where sessions are opened on demand, none is that nobody waits for; one more for who has waited for long."""
    ordered = sum(is_additional(order) for order in orders)
    over = [order for order in orders if isinstance(order, Round)]
    turned_away = len(ledger.waiters) >= ledger.places.line.most  # somebody may just have been, for whom it was begun
    wanted = max(0, wanted_beside_open(ledger, over)) + turned_away
    under_way = sum(is_additional(job) and not job.unwanted for job in ledger.jobs)
    now = ledger.serving.creation.began_at  # if anything was ordered
    if opens_on_demand(ledger) and ordered > max(wanted - (under_way - ordered), have_waited(line, now)):
        raise Broken("a session is created that nobody waits for")


def is_fresh(ledger: Ledger[Any], slot: Slot, now: float) -> bool:
    """Say what rule 2 says."""
    return now - slot.proven_at < ledger.interval and slot.proven_at > ledger.suspected_at and now < slot.retires_at


def capacity_is_size(ledger: Ledger[Any], found: Found) -> None:
    """Each slot is in exactly one place, and there are `size` of them."""
    slots = {slot for slot, _ in found}
    if not len(found) == len(slots) == ledger.size:
        raise Broken(f"{len(found)} places hold {len(slots)} slots, and the size is {ledger.size}")


def state_tells_the_place(ledger: Ledger[Any], found: Found) -> None:
    """The state of each slot says in which place it is; only an idle slot holds a session, a lent one who has it."""
    for slot, place in found:
        if slot.state is not place:
            raise Broken(f"a slot in the place for {place.value!r} is {slot.state.value!r}")
        kind = Session if place is IDLE else tuple if place is IN_USE else type(None)
        if not isinstance(slot.session, kind):
            raise Broken(f"a slot that is {place.value} holds {slot.session}")


def no_session_is_in_two_hands(ledger: Ledger[Any], found: Found) -> None:
    """A session is idle, or lent, or under one job."""
    keys = [id(slot.session) for slot in ledger.idle]
    keys += [id(job.session) for job in ledger.jobs if job.session is not None]
    keys += ledger.lent
    if len(keys) != len(set(keys)):
        raise Broken("a session is in two places")


def idle_is_sorted(ledger: Ledger[Any], found: Found) -> None:
    """The idle queue is ordered by proof of life, oldest first."""
    proofs = [slot.proven_at for slot in ledger.idle]
    if proofs != sorted(proofs):
        raise Broken(f"the idle queue is out of order: {proofs}")


def books_match(ledger: Ledger[Any], found: Found) -> None:
    """What is counted as under way is under way, and wanted."""
    kinds = [job.kind for job in ledger.jobs if not job.unwanted]
    for kind in WORKING:
        if ledger.places.jobs.count(kind) != kinds.count(kind):
            raise Broken(f"{ledger.places.jobs.count(kind)} of {kind} are counted, {kinds} is under way")


def line_is_unanswered(ledger: Ledger[Any], found: Found) -> None:
    """Nobody in line has an answer."""
    if ledger.waiters and any(waiter.is_over for waiter in ledger.waiters):
        raise Broken("a waiter in line is answered already")


def nothing_is_created_unasked(ledger: Ledger[Any], found: Found) -> None:
    """After `clear` and `close` what is being created is not wanted, and nothing else is begun."""
    if not ledger.filling and any(job.kind is CREATING and not (job.unwanted and job.started) for job in ledger.jobs):
        raise Broken("a session is being created for a pool that is cleared or closed")


def one_is_renewed_at_a_time(ledger: Ledger[Any], found: Found) -> None:
    """At most one session waits aside for the one that takes its place."""
    if sum(job.kind is CREATING and job.session is not None for job in ledger.jobs) > 1:
        raise Broken("two sessions are renewed side by side")


def closed_lends_nothing(ledger: Ledger[Any], found: Found) -> None:
    """A closed pool has no idle session and no waiter, and does not fill."""
    if ledger.closed and (ledger.idle or ledger.waiters or ledger.filling):
        raise Broken("a closed pool has idle sessions or waiters, or fills")


def nobody_waits_beside_a_fresh_session(ledger: Ledger[Any], now: float) -> None:
    """Rule 3: fresh and idle, and somebody waiting, are never true together."""
    if ledger.waiters and any(is_fresh(ledger, slot, now) for slot in ledger.idle):
        raise Broken("somebody waits while a fresh session is idle")


def waiters_have_checks_under_way(ledger: Ledger[Any], now: float) -> None:
    """Rule 3: an overdue session is not left idle while a waiter has no check, unless checks are in a pause."""
    if ledger.waiters and ledger.idle:
        checks = [job for job in ledger.jobs if job.kind in (CHECKING, RESETTING) and not job.unwanted]
        may_begin = ledger.serving.doubt.next_at(ledger.places.jobs.count(CHECKING), len(ledger.waiters)) <= now
        if len(ledger.waiters) > len(checks) and may_begin:
            raise Broken(f"{len(ledger.waiters)} wait, {len(checks)} checks are under way, and an overdue one is idle")


def nobody_waits_beside_a_session_at_hand(ledger: Ledger[Any], now: float) -> None:
    """Rule 12: who comes next gets what was seen alive in vain; if nobody comes it is pinged when a moment is over."""
    at_hand = ledger.serving.at_hand.pings
    if at_hand and ledger.waiters:
        raise Broken("somebody waits while a session is at hand")
    moment = min(MOMENT, ledger.interval)
    if at_hand and not now < ledger.wake_at(now) <= min(at_hand.values()) + moment <= now + moment:
        raise Broken("a session is at hand, and will not be pinged when the moment is over")


def vacant_slots_are_filled(ledger: Ledger[Any], now: float) -> None:
    """Rule 5: a slot that is wanted stays vacant only while the back-off holds its creation back."""
    may_begin = ledger.serving.creation.next_at(ledger.places.jobs.count(CREATING), waiting_in(ledger)) <= now
    if is_missed(ledger, now) and may_begin:
        raise Broken("a slot is vacant, nothing holds its creation back, and nothing is begun")


def rounds_are_open(ledger: Ledger[Any], now: float) -> None:
    """A round on the books waits for something."""
    for round in ledger.places.jobs.rounds:
        if (
            round.is_over
            or not (round.jobs or round.lasts or (round.renews and ledger.serving.renewal.old))
            or round.enough <= open_in(ledger)
            or (round.fills and ledger.closed)
        ):
            raise Broken("a round is on the books and waits for nothing")
        if not round.jobs <= ledger.jobs:
            raise Broken("a round waits for a job that is off the books")


def pauses_end(ledger: Ledger[Any], now: float) -> None:
    """What is held back is looked at again when the pause ends: soon, if somebody waits, whatever is under way.

    Where a success counts only once it is proven, a whole second may follow the attempts that it allows.
    """
    to_create = is_missed(ledger, now) and (waiting_in(ledger) or not ledger.places.jobs.count(CREATING))
    to_create = to_create or (ledger.filling and ledger.vacant and ledger.waiters)
    to_check = ledger.waiters and ledger.idle and not ledger.places.jobs.count(CHECKING, RESETTING)
    longest = 1.2 * URGENT if ledger.waiters or (to_create and waiting_in(ledger)) else PATIENT
    if ledger.serving.creation.distrusts:
        longest = max(longest, TRIALS * URGENT)
    if (to_create or to_check) and not now < ledger.wake_at(now) <= now + longest:
        raise Broken(f"something is held back at {now}, and the ledger asks to be woken at {ledger.wake_at(now)}")


def old_sessions_come_back_by_the_slow_way(ledger: Ledger[Any], now: float) -> None:
    """The fast way would not see that a session is to be renewed."""
    if any(slot.state is IN_USE and slot.proven_at > ledger.suspected_at for slot in ledger.serving.renewal.old):
        raise Broken("a session that is to be renewed may come back by the fast way")


def no_old_session_is_forgotten(ledger: Ledger[Any], now: float) -> None:
    """One that is idle is renewed as soon as nobody waits, nothing else is under way, and no pause holds it back."""
    is_left = any(slot.state is IDLE for slot in ledger.serving.renewal.old)
    is_calm = not (ledger.waiters or is_missed(ledger, now) or ledger.places.jobs.count(CREATING, CLOSING))
    if is_left and is_calm and not now < ledger.wake_at(now) < math.inf:
        raise Broken("a session that is to be renewed is idle, and nothing will happen")


ALWAYS: tuple[Callable[[Ledger[Any], Found], None], ...] = (
    capacity_is_size,
    state_tells_the_place,
    no_session_is_in_two_hands,
    idle_is_sorted,
    books_match,
    line_is_unanswered,
    nothing_is_created_unasked,
    one_is_renewed_at_a_time,
    closed_lends_nothing,
)


def nobody_waits_for_each_other(ledger: Ledger[Any], now: float) -> None:
    """Not every session is held by a block whose caller waits for another one."""
    if is_deadlock(ledger, ledger.waiters):
        raise Broken("every session is held by those who wait, and nobody was told")


def is_deadlock(ledger: Ledger[Any], waiters: Iterable[Waiter]) -> bool:
    """Do these hold every slot of the pool, by blocks that cannot end before their waits?"""
    inside = [use for waiter in waiters for use in waiter.blocks]
    return all(slot.state is IN_USE and slot.use in inside for slot in ledger.places.slots)


SETTLED: tuple[Callable[[Ledger[Any], float], None], ...] = (
    nobody_waits_beside_a_fresh_session,
    waiters_have_checks_under_way,
    nobody_waits_beside_a_session_at_hand,
    vacant_slots_are_filled,
    rounds_are_open,
    pauses_end,
    old_sessions_come_back_by_the_slow_way,
    no_old_session_is_forgotten,
    nobody_waits_for_each_other,
)


def check(ledger: Ledger[Any], now: float, *, settled: bool = True) -> None:
    """Check every promise that a state alone can break."""
    found = places(ledger)
    for always in ALWAYS:
        always(ledger, found)
    if settled:
        for promise in SETTLED:
            promise(ledger, now)


def check_answers(ledger: Ledger[Any], line: list[Waiter], orders: Iterable[Order]) -> list[Waiter]:
    """Check the orders of one call, given who stood in line before it; return those who were answered."""
    waiters = [order for order in orders if isinstance(order, Waiter)]
    if waiters != line[: len(waiters)]:
        raise Broken("waiters were not answered first come, first served")
    if not all(waiter.is_over for waiter in waiters):
        raise Broken("a waiter was woken without an answer")
    if list(ledger.waiters) != line[len(waiters) :]:
        raise Broken("a waiter left the line without being woken")
    for waiter in waiters:
        if waiter.session is not None and (waiter.error is not None or id(waiter.session) not in ledger.lent):
            raise Broken("a waiter was given a session that is not lent, or two answers")
    jobs = [order for order in orders if isinstance(order, Job)]
    if len(jobs) != len(set(jobs)):
        raise Broken("a job was ordered twice")
    nothing_is_created_in_stock(ledger, line, orders)
    rounds = [order for order in orders if isinstance(order, Round)]
    called_off = [round for round in rounds if round.fills and ledger.closed]
    if any(
        not round.is_over or (round.jobs and round.enough == math.inf and round not in called_off) for round in rounds
    ):
        raise Broken("a round was reported as over that is not")
    return waiters


def check_given_up(ledger: Ledger[Any], session: object) -> None:
    """A session that was reported dead, or that nobody vouches for, is neither idle nor lent."""
    if any(slot.session is session for slot in ledger.idle):
        raise Broken("a session that was given up is idle")
    slot = ledger.lent.get(id(session))
    if slot is not None and slot.ref() is session:
        raise Broken("a session that was given up is lent")
