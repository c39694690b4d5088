"""What a fleet is made of: processes with real ledgers, a server that counts, and time that passes at once.

Everything that decides is pingpool's own core: pacing, back-off, proving. Only the network is played: a call to the
server takes its time and ends well, or badly if the server is away or has hung up on the session.
"""

import heapq
import math
import random
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

from pingpool.core.ledger import Ledger
from pingpool.core.orders import End, Job, Outcome, Round, Verdict, Waiter
from pingpool.core.slot import CHECKING, CLOSING, CREATING

CONNECTING, PINGING, REFUSING = 0.020, 0.002, 0.001
"""Seconds that the server takes to open a session, to answer a ping, to refuse while it is away."""

USING, THINKING, PATIENCE = 0.005, 0.05, 1.0
"""Seconds that a caller uses a session, waits before he wants the next, and waits for one."""

TENTH = 0.1


class Time:
    """Virtual time: what is to happen, in the order of its dates."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._numbers = count()

    def at(self, when: float, what: Callable[..., object], *facts: Any) -> None:
        """Have this happen then; at once, if that is past."""
        heapq.heappush(self._events, (max(when, self.now), next(self._numbers), what, facts))

    def run(self, until: float, is_over: Callable[[], bool] = lambda: False) -> None:
        """Let everything happen up to this time, or until it is over."""
        while self._events and self._events[0][0] <= until and not is_over():
            self.now, _, what, facts = heapq.heappop(self._events)
            what(*facts)
        if not is_over():
            self.now = until


class Session:
    """Alive while the server has not hung up on all since it was made."""

    __slots__ = ("__weakref__", "age")

    def __init__(self, age: int) -> None:
        self.age = age


class Server:
    """Counts, for each tenth of a second, the sessions that it is asked to open, and the pings."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.is_away = False
        self.age = 0
        self.connects: Counter[int] = Counter()
        self.pings: Counter[int] = Counter()

    def hang_up(self) -> None:
        """End every session."""
        self.age += 1

    def go_away(self) -> None:
        """End every session, and open no other."""
        self.hang_up()
        self.is_away = True

    def come_back(self) -> None:
        """Open sessions again."""
        self.is_away = False

    def opens(self) -> tuple[float, Outcome]:
        """Return how a wish for a session ends, and after how many seconds."""
        self.connects[int(self.time.now / TENTH)] += 1
        if self.is_away:
            return REFUSING, Outcome(End.UNREACHABLE, error=ConnectionRefusedError())
        return CONNECTING, Outcome(End.CREATED, session=Session(self.age))

    def answers(self, session: Session) -> tuple[float, Outcome]:
        """Return how a ping ends, and after how many seconds."""
        self.pings[int(self.time.now / TENTH)] += 1
        return PINGING, Outcome(End.ALIVE if self.serves(session) else End.GONE)

    def serves(self, session: Session) -> bool:
        """Is this session alive?"""
        return session.age == self.age and not self.is_away


class Process:
    """A pool that is kept alive, in a process of its own."""

    __slots__ = ("_chance", "_looks_at", "_server", "_time", "_wakes_at", "ledger")

    def __init__(self, server: Server, size: int, interval: float, chance: random.Random) -> None:
        self._server = server
        self._time = server.time
        self._chance = chance
        self.ledger = Ledger[Session](size, interval=interval, jitter=chance.random)
        self.ledger.keep()
        self._looks_at = self._wakes_at = math.inf

    def start(self) -> None:
        """Open all sessions, and keep them alive from then on."""
        self.tell(self.ledger.fill, Round())
        self.look()

    def tell(self, event: Callable[..., list[Any] | None], *facts: Any) -> None:
        """Tell the ledger what happened, and carry out what follows from it."""
        for order in event(*facts, self._time.now) or ():
            if isinstance(order, Job):
                self._begin(order)
            elif isinstance(order, Waiter):
                order.wake()
        wake_at = self.ledger.wake_at(self._time.now)
        if wake_at < self._wakes_at:
            self._wakes_at = wake_at
            self._time.at(wake_at, self._wake)

    def is_whole(self) -> bool:
        """Has every slot a session that was made since the last hang-up, in whatever hands?"""
        ledger = self.ledger
        there = [slot.ref() for slot in (*ledger.idle, *ledger.lent.values()) if slot.ref is not None]
        return len(there) == ledger.size and all(session.age == self._server.age for session in there)

    def look(self) -> None:
        """Have proven what is due, and look again when something will be: what a keeper does."""
        self.tell(self.ledger.ping, Round())
        self._looks_at = self.ledger.next_look_at(self._time.now)
        self._time.at(self._looks_at, self._look_if_due)

    def hear_the_end(self) -> None:
        """Hear at once that every session is dead, idle or under a ping."""
        for slot in [slot for slot in self.ledger.places.slots if slot.ref is not None]:
            self.tell(self.ledger.hung_up, slot, slot.ref)

    def meet_the_end(self) -> None:
        """Find that one session is dead, by using it."""
        session = self.ledger.check_out(self._time.now, None, 0)
        assert session is not None
        self.tell(self.ledger.take_back, session, Verdict.LOST)
        self.look()

    def call(self) -> None:
        """Have somebody use a session, again and again."""
        caller = Caller(self)
        self.tell(self.ledger.ask, caller)
        self._time.at(self._time.now + PATIENCE, self._end_call, caller)

    def use(self, session: Session) -> None:
        """Use a session for a moment, and give it back."""
        self._time.at(self._time.now + USING, self._end_use, session)

    def _end_use(self, session: Session) -> None:
        is_well = self._server.serves(session)
        self.tell(self.ledger.take_back, session, Verdict.WELL if is_well else Verdict.LOST)
        if not is_well:
            self.look()
        self._time.at(self._time.now + THINKING * (0.5 + self._chance.random()), self.call)

    def _end_call(self, caller: "Caller") -> None:
        if not caller.is_over:
            self.tell(self.ledger.abandon, caller)
            self.call()

    def _wake(self) -> None:
        if self._wakes_at <= self._time.now:
            self._wakes_at = math.inf
            self.tell(self.ledger.tick)

    def _look_if_due(self) -> None:
        if self._looks_at <= self._time.now:  # else there was another look since
            self.look()

    def _begin(self, job: Job) -> None:
        if not self.ledger.start(job):
            return
        if job.kind is CLOSING:
            self.tell(self.ledger.report, job, Outcome(End.CLOSED))
            return
        assert job.kind in (CREATING, CHECKING)
        took, outcome = self._server.opens() if job.kind is CREATING else self._server.answers(job.session)
        self._time.at(self._time.now + took, self.tell, self.ledger.report, job, outcome)


class Caller(Waiter):
    """Somebody in line of a process."""

    __slots__ = ("_process",)

    def __init__(self, process: Process) -> None:
        super().__init__(None, 0)
        self._process = process

    def wake(self) -> None:
        """Use the session that came."""
        if self.session is not None:
            self._process.use(self.session)


class Fleet:
    """Processes that share a server."""

    def __init__(self, processes: int, size: int, interval: float) -> None:
        self.time = Time()
        self.server = Server(self.time)
        self.sessions = processes * size
        chance = random.Random(1)
        self._processes = [Process(self.server, size, interval, chance) for _ in range(processes)]

    def start(self) -> None:
        """Let all start in the same moment."""
        for process in self._processes:
            process.start()

    def call(self) -> None:
        """Let somebody in each process use its sessions, again and again."""
        for process in self._processes:
            process.call()

    def meet_the_end(self) -> None:
        """All sessions die; let each process find one of its own dead."""
        self.server.hang_up()
        for process in self._processes:
            process.meet_the_end()

    def hear_the_end(self) -> None:
        """All sessions die; let each process hear it of all of its own, at once."""
        self.server.hang_up()
        for process in self._processes:
            process.hear_the_end()

    def is_whole(self) -> bool:
        """Has every slot a session that is alive, and not under a job?"""
        return all(process.is_whole() for process in self._processes)
