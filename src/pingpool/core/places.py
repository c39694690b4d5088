"""The four places a slot can be in, and the moves between them: how things are done, never what is to be done.

`vacant`, `idle`, `lent` and `jobs` are indexes; the state of each slot is the truth. An interrupt (Ctrl-C, an
exception thrown into the thread) may strike between any two steps, so a move always enters the new place first, then
changes the state by one store, and leaves the old place last: a slot may be found in two places, never in none.
`heal` drops whatever index the state contradicts.
"""

import math
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from pingpool.core.orders import Dropped, Job, Order, Refused, Round, Waiter
from pingpool.core.slot import CLOSING, IDLE, IN_USE, VACANT, Slot, State
from pingpool.errors import AlreadyReturned, NotLent, PoolFull

S = TypeVar("S")


class Knot:
    """Stands in for the weak reference of a session that takes none; such a one is never noticed when dropped."""

    __slots__ = ("_session",)

    def __init__(self, session: object) -> None:
        """Hold on to the session."""
        self._session = session

    def __call__(self) -> object:
        """Return the session."""
        return self._session


class Places(Generic[S]):
    """Where every slot of a pool is, who waits in line, and the orders that nobody has taken yet."""

    def __init__(self, size: int, slots: Callable[[], Slot]) -> None:
        """Start with `size` vacant slots."""
        self.size = size
        self.vacant: deque[Slot] = deque(slots() for _ in range(size))
        self.idle: deque[Slot] = deque()
        self.lent: dict[int, Slot] = {}
        self.jobs: set[Job] = set()
        self.waiters: OrderedDict[Waiter, None] = OrderedDict()
        self.rounds: list[Round] = []
        self.under_way: Counter[State] = Counter()
        self.suspected_at = -math.inf
        self.tally: Counter[str] = Counter()
        self.replaced: Counter[str] = Counter()
        self.letterbox: deque[Any] = deque()
        self._post = self.letterbox.append
        self._todo: list[Order] = []

    def slots(self) -> Iterator[Slot]:
        """Yield every slot, place by place."""
        yield from self.vacant
        yield from self.idle
        yield from self.lent.values()
        yield from (job.slot for job in self.jobs if job.slot is not None)

    def knows(self, session: S) -> bool:
        """Is this very object in the pool already?"""
        try:
            return any(tether.__callback__ is self._post for tether in weakref.getweakrefs(session))
        except TypeError:
            return any(slot.tether is not None and slot.tether() is session for slot in self.slots())

    def heal(self) -> list[Order]:
        """Mend the indexes after an interrupt, and return what may have got lost on the way to the crew.

        What the interrupted call was about may have happened or not; a waiter may have its answer without being woken,
        so whoever waits looks for itself now and then.
        """
        slots = {id(slot): slot for slot in self.slots()}.values()
        self.vacant = deque(slot for slot in slots if slot.state is VACANT)
        self.idle = deque(sorted((slot for slot in slots if slot.state is IDLE), key=lambda slot: slot.proven_at))
        self.lent = {key: slot for key, slot in self.lent.items() if slot.state is IN_USE}
        self.jobs = {job for job in self.jobs if job.slot is None or job.slot.state is job.kind}
        for slot in slots:
            if slot.state is not IDLE:
                slot.session = None
        for waiter in [waiter for waiter in self.waiters if waiter.is_over]:
            del self.waiters[waiter]
        for round in self.rounds:
            round.jobs &= self.jobs
        self.under_way = Counter(job.kind for job in self.jobs if not job.doomed)
        told = [order for order in self._todo if not isinstance(order, Job)]
        self._todo = []
        return told + [job for job in self.jobs if not job.started]

    # Moves. Each enters the new place and sets the state; whoever calls it leaves the old place.

    def _shelve(self, slot: Slot, session: S) -> None:
        """Move the slot to idle, behind every session with an older proof."""
        slot.session = session
        place = len(self.idle)
        while place and self.idle[place - 1].proven_at > slot.proven_at:
            place -= 1
        self.idle.insert(place, slot)
        slot.state = IDLE

    def _distrust(self, slot: Slot, session: S) -> None:
        """Move the slot to idle, with no proof of life: it has to be checked before it is lent."""
        slot.proven_at = -math.inf
        slot.session = session
        self.idle.appendleft(slot)
        slot.state = IDLE

    def _hand_over(self, slot: Slot, session: S) -> None:
        """Lend the session to the waiter in front."""
        waiter = next(iter(self.waiters))
        self.lent[id(session)] = slot
        slot.state = IN_USE
        slot.session = None
        slot.site = waiter.site
        slot.instruction = waiter.instruction
        waiter.session = session
        self._todo.append(waiter)
        self.tally["waited"] += 1
        del self.waiters[waiter]

    def _begin(self, kind: State, slot: Slot | None, session: S | None) -> Job:
        """Order a job; its slot, if any, is reserved for it."""
        job = Job(kind, slot, session, self.suspected_at)
        self.jobs.add(job)
        if slot is not None:
            slot.state = kind
            slot.session = None
            for round in self.rounds:
                if slot in round.vacated:
                    round.jobs.add(job)
                    round.vacated.discard(slot)
        self.under_way[kind] += 1
        self._todo.append(job)
        return job

    def _conclude(self, job: Job, successor: Job | None = None) -> None:
        """Take the job off the books; rounds that waited for it wait for what follows from it."""
        for round in self.rounds:
            if job in round.jobs:
                if successor is not None:
                    round.jobs.add(successor)
                elif job.slot is not None and job.slot.state is VACANT:
                    round.vacated.add(job.slot)
                round.jobs.discard(job)
        self.under_way[job.kind] -= not job.doomed
        job.session = None
        self.jobs.discard(job)
        if not self.jobs:
            self.jobs.clear()  # lets go of the room that many jobs took

    def _doom(self, job: Job) -> None:
        """What the job brings is not wanted any more; nobody can count on it."""
        self.under_way[job.kind] -= not job.doomed
        job.doomed = True

    def _vacate(self, slot: Slot) -> None:
        """Move the slot to vacant; its session, if there still is one, is nobody's business here any more."""
        self.vacant.append(slot)
        slot.state = VACANT
        slot.session = None
        slot.tether = None

    def _withdraw(self, job: Job, slot: Slot) -> None:
        """Take back the order to make a session, before anybody began to."""
        self._vacate(slot)
        self._conclude(job)

    def _end(self, slot: Slot, reason: str, session: S) -> Job:
        """Have the session ended before its slot is used again."""
        self.replaced[reason] += 1
        job = self._begin(CLOSING, slot, session)
        slot.tether = None
        return job

    def _give_up(self, slot: Slot, reason: str, session: S) -> None:
        """Free the slot of a dead session at once; what is left of the session is ended aside."""
        self.replaced[reason] += 1
        self._vacate(slot)
        self._begin(CLOSING, None, session)

    # Sessions and their slots.

    def _tether(self, session: S) -> Callable[[], object]:
        """Return a weak reference that puts itself in the letterbox when the session is collected, by one C call."""
        try:
            return weakref.ref(session, self._post)
        except TypeError:
            return Knot(session)

    def claim(self, session: S) -> Slot | None:
        """Return the slot of a session that is lent."""
        slot = self.lent.get(id(session))
        return None if slot is None or slot.tether() is not session else slot

    def rejection(self, session: S) -> PoolFull | None:
        """Say why this object cannot be taken back, if it cannot."""
        if self.claim(session) is not None:
            return None
        kind = type(session).__name__
        if any(slot.session is session for slot in self.idle) or any(job.session is session for job in self.jobs):
            return AlreadyReturned(f"this {kind} was given back before: each get() is followed by one put()")
        return NotLent(f"this {kind} was not lent by this pool in this process: put() takes only what get() gave")

    def _refuse(self, session: S) -> list[Order]:
        """Answer with the reason why this object is not taken back."""
        rejection = self.rejection(session)
        return [] if rejection is None else [Refused(rejection)]

    def _read_letters(self) -> None:
        """Free the slots of sessions that their holders dropped."""
        while self.letterbox:
            tether = self.letterbox[0]
            for key, slot in self.lent.items():
                if slot.tether is tether:
                    self.tally["leaked"] += 1
                    self.replaced["dropped"] += 1
                    self._todo.append(Dropped(slot.site, slot.instruction))
                    self._vacate(slot)
                    del self.lent[key]
                    break
            self.letterbox.popleft()
