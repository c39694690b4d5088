"""The four places a slot can be in, and the moves between them: how things are done, never what is to be done.

The places are indexes; the state of each slot is the truth. An interrupt (Ctrl-C, an exception thrown into the thread)
may strike between any two steps. So a move first enters the new place, then changes the state by one store, and leaves
the old place last: a slot may be found in two places, never in none. The moves here enter; whoever calls them leaves
the old place. `heal` rebuilds the indexes from the states, and can be repeated if it is interrupted itself.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from pingpool.core.dates import Dates
from pingpool.core.hangups import HangUps
from pingpool.core.idle import IdleQueue, VacantSlots
from pingpool.core.jobs import Jobs
from pingpool.core.lent import LentSlots
from pingpool.core.line import Line
from pingpool.core.orders import Dropped, Job, Order, Waiter
from pingpool.core.slot import CHECKING, CLOSING, CREATING, IDLE, IN_USE, RESETTING, AgingSlot, Slot, State
from pingpool.core.tally import Tally
from pingpool.core.told import RolledBack, Told, replaced, unheard
from pingpool.core.uses import BLOCK, Use, use_of_nobody
from pingpool.errors import AlreadyReturned, NotLent, PoolFull

MOST_LEFT = 1000
"""How many sessions that could not be ended are remembered: where none ever can, the oldest are forgotten."""


class Places:
    """Where every slot of a pool is, who waits in line, and the orders that nobody has taken yet.

    `left` are sessions that have no slot any more, but could not be ended yet. `hear` is told what happened, in the
    middle of a turn; by default nobody listens.
    """

    __slots__ = (
        "dates",
        "hangups",
        "hear",
        "idle",
        "jobs",
        "left",
        "lent",
        "line",
        "orders",
        "slots",
        "tally",
        "vacant",
    )

    def __init__(self, slots: tuple[Slot, ...], max_waiters: float) -> None:
        self.slots = slots
        self.vacant = VacantSlots(slots)
        self.idle = IdleQueue()
        self.dates = Dates()
        self.hangups = HangUps()
        self.lent = LentSlots()
        self.jobs = Jobs()
        self.left: deque[Any] = deque(maxlen=MOST_LEFT)
        self.line = Line(max_waiters)
        self.tally = Tally()
        self.orders: list[Order] = []
        self.hear: Callable[[Told], object] = unheard

    def make_room_for_dates(self) -> None:
        """Let each slot note when its session retires; only while all are vacant."""
        if not isinstance(self.slots[0], AgingSlot):
            self.slots = tuple(AgingSlot() for _ in self.slots)
            self.vacant.rebuild(self.slots)

    def knows(self, session: Any) -> bool:
        """Is this very object in the pool already?"""
        return self.lent.has(session)

    def holds(self, session: Any) -> bool:
        """Is this session idle, or under a job?"""
        if session is None or self.lent.slot_of(session) is not None:
            return False
        return self.lent.has(session) or any(job.session is session for job in self.jobs.open)

    def count_open(self) -> int:
        """Return how many sessions are open, in any hands; not those that are being opened or ended."""
        return len(self.idle.slots) + len(self.lent.slots) + self.jobs.count(CHECKING, RESETTING)

    def rejection(self, session: Any) -> PoolFull | None:
        """Say why this object cannot be taken back, if it cannot."""
        if self.lent.slot_of(session) is not None:
            return None
        kind = type(session).__name__
        if self.holds(session):
            return AlreadyReturned(f"this {kind} was given back before: each get() is followed by one put()")
        return NotLent(f"this {kind} was not lent by this pool in this process: put() takes only what get() gave")

    def uses(self) -> list[Use]:
        """Return who holds the sessions that are lent."""
        return [Use._make(held) for held in self._held()]

    def uses_in_blocks(self) -> list[Use]:
        """Return those of these uses that end with a block."""
        return [Use._make(held) for held in self._held() if held[BLOCK]]

    def _held(self) -> Iterator[Any]:
        """Yield who holds each session that is lent; in mid-turn a slot on its way in or out may not tell."""
        for slot in self.lent.slots.values():
            held, ref = slot.session, slot.ref
            if held is not None and ref is not None and held is not ref():
                yield held

    def are_all_held_in_line(self, newcomer: Waiter, now: float) -> bool:
        """Is every slot lent to a block that cannot end, since its caller waits in line himself, and goes on waiting?

        One who gives up before half of the newcomer's time is over may well be willing to go on without a session.
        """
        if len(self.lent.slots) < len(self.slots):
            return False
        half = now + (newcomer.until - now) / 2
        waiting = {use for waiter in self.line.waiters if waiter.until >= half for use in waiter.blocks}
        return len(waiting) >= len(self.slots) and waiting.issuperset(self.uses())

    # Moves.

    def begin(self, kind: State, slot: Slot | None, session: Any) -> Job:
        """Order a job; its slot, if any, is reserved for it."""
        job = self.jobs.begin(kind, slot, session)
        self.orders.append(job)
        return job

    def hand_over(self, slot: Slot, session: Any, now: float) -> None:
        """Lend the session to the waiter in front."""
        waiter = self.line.front
        self.lent.enter(slot, session, waiter.use_from(now), waiter)
        self.orders.append(waiter)
        self.tally.waited += 1
        self.tally.waits.note(now - waiter.since)
        self.line.leave(waiter)

    def end(self, slot: Slot, reason: str, session: Any, now: float) -> Job:
        """Have the session ended before its slot is used again."""
        self.note_end(slot, reason, now)
        job = self.begin(CLOSING, slot, session)
        slot.ref = None
        return job

    def give_up(self, slot: Slot, reason: str, session: Any, now: float) -> None:
        """Free the slot of a dead session at once; what is left of the session is ended aside."""
        self.note_end(slot, reason, now)
        self.vacant.enter(slot)
        self.begin(CLOSING, None, session)

    def end_left(self) -> Job:
        """Try again to have a session ended that could not be ended before."""
        job = self.begin(CLOSING, None, self.left[0])
        self.left.popleft()
        return job

    def end_all_at_rest(self, now: float) -> None:
        """Have every idle session ended, and those that could not be ended before."""
        idle = self.idle.slots
        while idle:
            self.end(idle[0], "cleared", idle[0].session, now)
            idle.popleft()
        while self.left:
            self.end_left()

    def withdraw(self, job: Job, slot: Slot) -> None:
        """Take back the order to create a session, because that failed, or is not to be tried now.

        One that was to be renewed by it is idle again.
        """
        if job.session is None:
            self.vacant.enter(slot)
        else:
            self.idle.enter(slot, job.session)
        self.jobs.conclude(job)

    def let_go_of_old(self, job: Job, reason: str, now: float) -> None:
        """Have the session ended, aside, in whose place another is created, if there is one."""
        if job.session is not None and job.slot is not None:
            old, job.session = job.session, None
            self.note_end(job.slot, reason, now)
            self.begin(CLOSING, None, old)

    def withdraw_creations(self) -> None:
        """Take back every order to create a session that nobody has begun."""
        for job in list(self.jobs.open):
            if job.kind is CREATING and not job.started and job.slot is not None:
                self.withdraw(job, job.slot)

    def free_collected(self, now: float) -> None:
        """Free the slots of dropped sessions of which a weak reference has told."""
        collected = self.lent.collected
        while collected:
            found = self.lent.first_collected()
            if found is not None:
                key, slot = found
                self._note_drop(slot)
                self.note_end(slot, "dropped", now)
                self.vacant.enter(slot)
                del self.lent.slots[key]
            collected.popleft()

    def see_to_dropped(self, now: float) -> None:
        """Free those, and end the dropped sessions that take no weak references: they are found only by a look."""
        self.free_collected(now)
        for slot in self.lent.forsaken():
            session = slot.ref()
            self._note_drop(slot)
            self.end(slot, "dropped", session, now)
            self.lent.leave(session)

    def _note_drop(self, slot: Slot) -> None:
        """Have it told whose session was dropped."""
        self.tally.leaked += 1
        self.orders.append(Dropped(slot.use.site, slot.use.instruction))

    # What is noted, and told.

    def note_end(self, slot: Slot, reason: str, now: float) -> None:
        """Note why the session of a slot is given up, before the slot moves."""
        self.tally.replaced[reason] += 1
        self.hear(replaced(slot, reason, now))

    def note_rollback(self, left_by: Use, now: float) -> None:
        """Note that a use ended well, but not its transaction, and that its work was undone."""
        self.tally.rolled_back += 1
        self.hear(RolledBack(now, left_by.site, left_by.instruction))

    # Orders.

    def take_orders(self) -> list[Order]:
        """Return the orders that have come up, once."""
        orders = self.orders.copy()
        self.orders.clear()
        return orders

    def heal(self) -> list[Order]:
        """Mend the indexes after an interrupt, and return what may have got lost on the way to the workers.

        What the interrupted call was about may have happened or not; a waiter may have its answer without being woken,
        so whoever waits looks for itself now and then.
        """
        self.vacant.rebuild(self.slots)
        self.idle.rebuild(self.slots)
        self.dates.rebuild(self.slots)
        self.lent.rebuild()
        self.jobs.rebuild()
        self.line.rebuild()
        self.hangups.put_proofs_aside()
        for slot in self.slots:
            if slot.state is IN_USE and (slot.session is None or slot.session is slot.ref()):
                slot.session = use_of_nobody(slot.proven_at)
            elif slot.state not in (IDLE, IN_USE):
                slot.session = None
        told: list[Order] = [order for order in self.orders if not isinstance(order, Job)]
        told += [job for job in self.jobs.open if not job.started]
        self.orders.clear()
        return told
