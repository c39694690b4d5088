"""A ledger, its callers and its workers at one moment: what they hold, what may happen next, and what must hold then.

A world is cheap to clone, and has a key: two worlds with the same key have the same future (see `likeness`). The events
themselves are in `world`, sorted by who brings them about.
"""

from typing import Any, Self, TypeVar

from pingpool.core.orders import End, Job, Order, Outcome, Waiter
from pingpool.core.reports import YOUTH
from pingpool.core.slot import CHECKING, CLOSING, CREATING, VACANT, Slot

from .likeness import likeness, task, unlike, wear, worth
from .memory import Memory, proof_of
from .model import Broken, Session, check, check_answers, sessions_of
from .small import Config, clone_ledger, clone_waiter, small_ledger

SESSIONS = tuple(Session(name) for name in range(24))
"""All sessions there are; one that nobody holds any more is used again."""

W = TypeVar("W", bound="Stage")


class Stage:
    """A ledger and all those around it."""

    __slots__ = (
        "blocks",
        "config",
        "ghost",
        "held",
        "jobs",
        "ledger",
        "line",
        "living",
        "memory",
        "now",
        "parted",
        "served",
    )

    def __init__(self, config: Config) -> None:
        """Start with an unbound pool and idle callers."""
        self.config = config
        self.ledger = small_ledger(config)
        self.memory = Memory()
        self.now = 0.0
        self.line: list[Waiter] = []
        self.served: list[Waiter] = []
        self.held: list[Session] = []
        self.jobs: list[Job] = []
        self.ghost: Job | None = None
        self.living: set[int] = set()
        self.parted: set[int] = set()
        self.blocks = 0

    def clone(self) -> Self:
        """Return an independent copy."""
        return self.clone_as(type(self))

    def clone_as(self, kind: type[W]) -> W:
        """Return an independent copy of some kind of world."""
        new = kind.__new__(kind)
        twins: dict[Any, Any] = {}
        new.config = self.config
        new.ledger = clone_ledger(self.config, self.ledger, twins)
        new.memory = self.memory.clone()
        new.now = self.now
        new.line = [twins[waiter] for waiter in self.line]
        new.served = [clone_waiter(waiter) for waiter in self.served]
        new.held = self.held.copy()
        new.jobs = [twins[job] for job in self.jobs]
        new.living = self.living  # never changed in place
        new.parted = set()
        new.blocks = self.blocks
        new.ghost = self.ghost  # off the books: nothing ever changes it
        return new

    def key(self) -> tuple[Any, ...]:
        """Return all that the future depends on: worlds with the same key are the same."""
        return likeness(self)

    # What may happen.

    def events(self) -> list[tuple[str, int]]:
        """Return all that may happen next: what, and to which of its kind."""
        config, ledger = self.config, self.ledger
        events = [("step", 0), ("tick", 0)]
        if len(self.line) + len(self.served) + len(self.held) < config.callers:
            events.append(("get", 0))
        events += [("time_out", place) for place in {0, len(self.line) - 1} if self.line]
        events += self._uses()
        for place in unlike(task(self, job) for job in self.jobs):
            events += [(report, place) for report in self._reports(self.jobs[place])]
        if self.ghost is not None:
            events.append(("late_end", 0))
            events.append(("late_failure", 0))
        if config.adoptions:
            has_room = ledger.vacant or ledger.closed or ledger.collected
            events += [("adopt", 0), ("adopt_for_stranger", 0)] if has_room else [("adopt_in_vain", 0), ("swap", 0)]
        if len(ledger.places.jobs.rounds) < max(1, config.rounds):
            events.append(("ping", 0))
            if not ledger.closed:
                events += [("fill", 0), ("clear", 0)]
                events += [("fill_on_demand", enough) for enough in range(config.on_demand * (config.size + 1))]
                events += [("expect", 1), ("expect", config.size)] if config.on_demand and config.rounds else []
            events.append(("close", 0))
        if config.renewals:
            events.append(("renew", 0))
        events += self._hang_ups() if config.hang_ups else []
        if config.on_demand and ledger.places.jobs.rounds:
            events.append(("forgo", 0))
        return events

    def _uses(self) -> list[tuple[str, int]]:
        """Return what those may do who were served, or hold a session."""
        config, lent = self.config, self.ledger.lent
        events: list[tuple[str, int]] = []
        for place in unlike(wear(self, lent[id(waiter.session)]) for waiter in self.served):
            events += [("pick_up", place), ("leave_late", place), ("collected", place), ("collected_and_freed", place)]
        for place in unlike(worth(self, lent[id(session)]) for session in self.held):
            events += [(way, place) for way in ("check_in", "lost", "found_dead", "tainted", "drop")]
            if config.rounds and len(self.ledger.places.jobs.rounds) < config.rounds:
                events.append(("prove", place))
            if config.nested and not self._waits_inside(lent[id(self.held[place])]):
                events.append(("nest", place))
            if config.adoptions:
                events.append(("adopt_for", place))
            if config.renewals:
                events += [("discard", place), ("detach", place)]
            if config.resets:
                events += [("left_open", place), ("erred", place), ("unproven", place)]
        return events

    def _hang_ups(self) -> list[tuple[str, int]]:
        """Return on which sessions the other side may hang up, or may have done so when they were another's."""
        ledger, heard = self.ledger, self.memory.hung_up
        events = [("hung_up", place) for place in unlike(wear(self, slot) for slot in ledger.idle)]
        places = unlike(wear(self, ledger.lent[id(waiter.session)]) for waiter in self.served)
        events += [("hung_up_on_the_way", at) for at in places if id(self.served[at].session) not in heard]
        places = unlike(worth(self, ledger.lent[id(session)]) for session in self.held)
        events += [("hung_up_in_use", at) for at in places if id(self.held[at]) not in heard]
        places = unlike(task(self, job) for job in self.jobs)
        for at in places:
            job = self.jobs[at]
            if job.slot is not None and job.session is not None and id(job.session) not in heard:
                events.append(("hung_up_under_job", at))
        return [*events, *(("hung_up_before", at) for at in range(self.config.size))]

    def _waits_inside(self, slot: Slot) -> bool:
        """Does a caller wait inside the block of this use?"""
        return any(slot.use in waiter.blocks for waiter in self.line)

    def _reports(self, job: Job) -> list[str]:
        if self.waits_for_worker(job) and not job.started:
            return ["start"] + ["no_worker"] * self.config.short_staffed
        if job.kind is CREATING:
            bad = ["refused"] * self.config.refusals + ["stillborn"] * self.config.leftovers
            bad += ["short_lived"] * self.config.expiring
            return ["created", "failed", "overran", *bad]
        if job.kind is CLOSING:
            return ["ended"] + ["left"] * (self.config.lives_on and not self.ledger.places.left)
        quick = ["seen_alive"] * (self.config.quick and job.urgent)
        bad = ["in_doubt"] * self.config.doubts + ["unfit"] * self.config.leftovers
        bad += ["kept"] * (self.config.lives_on and job.kind is CHECKING)
        return ["alive", "gone", "overran", *quick, *bad]

    def apply(self, event: tuple[str, int]) -> None:
        """Let it happen, and check every promise."""
        name, place = event
        getattr(self, name)(place)
        if self.ledger.places.orders:
            raise Broken("an order was left behind: it leaves only with the next call")
        if self.jobs and not all(job in self.ledger.jobs for job in self.jobs):
            for job in self.jobs:
                if job not in self.ledger.jobs and self.ledger.start(job):
                    raise Broken("a job that is off the books may be started")
            self.jobs = [job for job in self.jobs if job in self.ledger.jobs]
        if len(self.jobs) + len(self.ledger.serving.at_hand.pings) != len(self.ledger.jobs):
            raise Broken("a job is on the books that nobody was told of")
        self.memory.check_idle(self.ledger)
        living = sessions_of(self.ledger)
        if not self.living <= living | self.parted:
            raise Broken("a session vanished: it is neither idle, nor lent, nor under a job, and nobody ended it")
        self.living = living
        self.parted.clear()

    def settle(self, orders: list[Order]) -> None:
        """Take the orders of a call that was just made."""
        answered = check_answers(self.ledger, self.line, orders)
        del self.line[: len(answered)]
        for waiter in answered:
            if waiter.session is not None:
                self.memory.check_lent(self.ledger, self.ledger.lent[id(waiter.session)], self.now)
                self.served.append(waiter)
        if not self.ledger.serving.creation.distrusts and self._somebody_was_proven():
            self.memory.trusted()
        self.memory.check_creations(self.ledger, orders, self.now)
        for order in orders:
            if isinstance(order, Job) and order in self.ledger.jobs:
                self.memory.seen.pop(id(order.session), None)
                self.jobs.append(order)
                if not self.waits_for_worker(order):
                    self.ledger.start(order)
                    self._end_aside(order)
        check(self.ledger, self.now)

    def waits_for_worker(self, job: Job) -> bool:
        """Does it take a moment until a worker begins this?"""
        return job.kind is CREATING or (self.config.short_staffed and job.kind is not CLOSING)

    def _somebody_was_proven(self) -> bool:
        """Is there a session that nobody trusted, and that was proven since?"""
        since = self.memory.distrusts_since
        created = [(slot, slot.created_at) for slot in self.ledger.places.slots if slot.state is not VACANT]
        return any(at is None or (at > since and not slot.is_new) for slot, at in created)

    def _end_aside(self, job: Job) -> None:
        """Closings without a slot end at once, but for one that takes its time: more would only multiply states."""
        aside = [other for other in self.jobs if other.slot is None]
        if job.slot is None and len(aside) > 1:
            self.jobs.remove(job)
            self._part_from(job.session)
            self.settle(self.ledger.report(job, Outcome(End.CLOSED), self.now))

    # Sessions that the ledger has to know.

    def _part_from(self, session: object) -> None:
        """From now on the ledger need not know the session."""
        self.parted.add(id(session))

    def _new_session(self) -> Session:
        """Return a session that the ledger has to know from now on."""
        session = self._another_session()
        self.memory.opened(session)
        self.living = self.living | {id(session)}
        return session

    def _another_session(self) -> Session:
        ledger = self.ledger
        taken = {slot.session for slot in ledger.idle} | {job.session for job in ledger.jobs} | {*self.held}
        taken |= {waiter.session for waiter in self.served} | {*ledger.places.left}
        if self.ghost is not None:
            taken.add(self.ghost.session)
        dead = [session for session in SESSIONS if id(session) in ledger.lent and session not in taken]
        return dead[0] if dead else next(session for session in SESSIONS if session not in taken)

    # What the memory has to know.

    def _is_over(self, session: object) -> bool:
        """Was it heard that the other side has hung up on this session?"""
        return id(session) in self.memory.hung_up

    def _remember_youth(self, slot: Slot) -> None:
        """Remember that a session dies which nobody has proven yet."""
        is_new = slot.created_at is not None and proof_of(self.ledger, slot) <= slot.made_at
        if slot.created_at is not None and is_new and self.now - slot.created_at < YOUTH:
            self.memory.proved_wrong(slot.created_at, self.now)
