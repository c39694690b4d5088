"""The bank: workers move money between accounts through pooled sessions, and note what goes wrong."""

import random
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Generic

from pingpool.cli.accounts import ACCOUNTS, Accounts, Conflict
from pingpool.cli.ambush import DROPPED, Ambush, Interrupted
from pingpool.cli.waits import Waits
from pingpool.cli.witness import Fate, Witness
from pingpool.database import Meaning, S
from pingpool.errors import PoolTimeout
from pingpool.telemetry.timeline import Period, Timeline
from pingpool.threads.pool import PingingPool

THINKING = 0.004
"""Seconds, on average, that a worker holds its session before it moves money."""


@dataclass
class Notes:
    """What the workers met: times of transfers, waits, and errors as text, which keeps no session alive.

    Lists grow in one step, so no lock is needed.
    """

    transfers: list[float] = field(default_factory=list[float])
    waits: Waits = field(default_factory=Waits)
    deaths_in_hand: list[str] = field(default_factory=list[str])
    dead_on_arrival: list[str] = field(default_factory=list[str])
    interrupts: list[str] = field(default_factory=list[str])
    timeouts: list[str] = field(default_factory=list[str])
    surprises: list[str] = field(default_factory=list[str])


class Bank(Generic[S]):
    """Workers who move money. A bank has rush hours, quiet hours, and hours when it is closed."""

    DAY = (("rush hours", 1.3), ("quiet hours", 0.5), ("closed", 0.8))
    """The hours of a day, each with its length in seconds."""

    def __init__(
        self,
        pool: PingingPool[S],
        accounts_on: Callable[[S], Accounts],
        witness: Witness[S],
        ambush: Ambush[S],
        timeline: Timeline,
    ) -> None:
        self.pool = pool
        self.notes = Notes()
        self._accounts_on = accounts_on
        self._witness = witness
        self._ambush = ambush
        self._timeline = timeline
        self._over = threading.Event()
        self._workers: list[threading.Thread] = []
        self._opened_at = timeline.now()

    def open(self, workers: int) -> None:
        self._opened_at = self._timeline.now()
        self._workers = [
            threading.Thread(target=self._work, name=f"worker-{number}", daemon=True) for number in range(workers)
        ]
        for worker in self._workers:
            worker.start()

    def close(self, timeout: float) -> None:
        """Stop the workers; one that still runs after `timeout` seconds is a surprise."""
        self._over.set()
        until = time.monotonic() + timeout
        for worker in self._workers:
            worker.join(max(0.0, until - time.monotonic()))
            if worker.is_alive():
                self.notes.surprises.append(f"{worker.name} hangs")

    def hour(self) -> tuple[str, float]:
        """Return which hours these are, and how many seconds of them are left."""
        time_of_day = (self._timeline.now() - self._opened_at) % sum(length for _, length in self.DAY)
        for name, length in self.DAY:
            if time_of_day < length:
                return name, length - time_of_day
            time_of_day -= length
        return self.DAY[0]

    def hours(self, until: float) -> Iterator[Period]:
        """Yield the hours since the bank was opened."""
        start = self._opened_at
        for name, length in cycle(self.DAY):
            if start >= until:
                return
            yield Period(start, min(start + length, until), name)
            start += length

    def _pause(self) -> float:
        hours, left = self.hour()
        return {"rush hours": 0.0, "quiet hours": random.uniform(0.03, 0.15), "closed": left}[hours]

    def _work(self) -> None:
        while not self._over.wait(self._pause()):
            try:
                if self._ambush.is_to_drop():
                    self._walk_away()
                else:
                    self._transfer()
            except Interrupted as interrupt:
                self.notes.interrupts.append(repr(interrupt))
            except Conflict:  # somebody else was faster; nothing was moved
                continue
            except PoolTimeout as error:
                self.notes.timeouts.append(str(error))
            except Exception as error:
                # A lost session was noted by `_noting_death`.
                if self._witness.meaning_of(error) is not Meaning.LOST:
                    self.notes.surprises.append(repr(error))

    def _transfer(self) -> None:
        source, target = random.sample(range(ACCOUNTS), 2)
        with self._in_line() as line, self.pool.session() as session, self._holding(session) as accounts:
            line.close()
            balance = accounts.balance(source)
            time.sleep(random.uniform(0.5, 1.5) * THINKING)
            self._move(accounts, session, source, target, amount=random.randint(1, max(1, balance // 4)))
        self.notes.transfers.append(time.monotonic())

    def _move(self, accounts: Accounts, session: S, source: int, target: int, amount: int) -> None:
        """Take and give in one transaction; the lower account first, so that there is no deadlock."""
        first, second = sorted([(source, -amount), (target, amount)])
        is_begun = accounts.change(*first)
        if is_begun:
            self._ambush.pass_by(session)
        if is_begun and accounts.change(*second):
            accounts.commit()
        else:
            accounts.roll_back()

    def _walk_away(self) -> None:
        try:
            self._drop_a_session()
        finally:
            self._ambush.dropped()

    def _drop_a_session(self) -> None:
        """Check a session out, take money from an account, and drop it: no put, no close, no rollback."""
        with self._in_line():
            session = self.pool.get()
        with self._noting_death(session):
            accounts = self._accounts_on(session)  # its transaction is open until both are collected
            accounts.change(random.randrange(ACCOUNTS), -1)
            self._timeline.mark(DROPPED, self._timeline.lane_of(session))

    def _in_line(self) -> ExitStack:
        """Count a waiter, until the returned stack is closed."""
        line = ExitStack()
        line.callback(self._leave_line, time.monotonic())
        self._timeline.queue(1)
        return line

    def _leave_line(self, joined_at: float) -> None:
        self._timeline.queue(-1)
        self.notes.waits.note(time.monotonic() - joined_at)

    @contextmanager
    def _holding(self, session: S) -> Generator[Accounts]:
        try:
            with self._noting_death(session), self._accounts_on(session) as accounts:
                yield accounts
        finally:
            self._witness.let_go(session)

    @contextmanager
    def _noting_death(self, session: S) -> Generator[None]:
        """If the session is dead, note whether it died in use or was dead when the pool gave it out."""
        try:
            yield
        except Exception as error:
            if self._witness.meaning_of(error) is Meaning.LOST:
                died_here = self._witness.fate_of(session) is Fate.KILLED_IN_USE
                (self.notes.deaths_in_hand if died_here else self.notes.dead_on_arrival).append(repr(error))
            raise
