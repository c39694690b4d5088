"""The bank: workers who move money between accounts through pooled sessions.

Each transfer checks a session out, looks at an account, thinks for a moment, and moves the money in one transaction.
Whatever a worker meets on the way goes into the bank's notes.
"""

import random
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Generic

from pingpool.cli.accounts import ACCOUNTS, Accounts, Conflict
from pingpool.cli.ambush import DROPPED, Ambush, Interrupted
from pingpool.cli.waits import Waits
from pingpool.cli.witness import Fate, Witness
from pingpool.database import Meaning, S
from pingpool.errors import PoolTimeout
from pingpool.telemetry.timeline import Timeline
from pingpool.threads.pool import PingingPool

THOUGHT = 0.004
"""Seconds that a worker thinks before it moves money, on average; it holds its session meanwhile."""


@dataclass
class Notes:
    """What the workers met: when transfers were made, how long gets took, and in words whatever went wrong.

    Lists grow by one step, so no lock is needed; errors are kept as text, since they would keep sessions alive.
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

    DAY = (("rush", 1.3), ("quiet", 0.5), ("closed", 0.8))
    """The hours of a day, each with its length in seconds."""

    def __init__(
        self,
        pool: PingingPool[S],
        accounts_on: Callable[[S], Accounts],
        witness: Witness[S],
        ambush: Ambush[S],
        timeline: Timeline,
    ) -> None:
        """Build the bank; nobody works there yet."""
        self.pool = pool
        self.notes = Notes()
        self._accounts_on = accounts_on
        self._witness = witness
        self._ambush = ambush
        self._timeline = timeline
        self._over = threading.Event()
        self._workers: list[threading.Thread] = []
        self._opened_at = time.monotonic()

    def open(self, workers: int) -> None:
        """Let the workers in."""
        self._opened_at = time.monotonic()
        self._workers = [
            threading.Thread(target=self._work, name=f"worker-{number}", daemon=True) for number in range(workers)
        ]
        for worker in self._workers:
            worker.start()

    def close(self, timeout: float) -> None:
        """Send the workers home; whoever is not gone after `timeout` seconds is a surprise."""
        self._over.set()
        until = time.monotonic() + timeout
        for worker in self._workers:
            worker.join(max(0.0, until - time.monotonic()))
            if worker.is_alive():
                self.notes.surprises.append(f"{worker.name} hangs")

    def hour(self) -> tuple[str, float]:
        """Return which hours these are, and how many seconds are left of them."""
        time_of_day = (time.monotonic() - self._opened_at) % sum(length for _, length in self.DAY)
        for name, length in self.DAY:
            if time_of_day < length:
                return name, length - time_of_day
            time_of_day -= length
        return self.DAY[0]

    def _pause(self) -> float:
        """Return the seconds until a worker begins its next transfer."""
        hours, left = self.hour()
        return {"rush": 0.0, "quiet": random.uniform(0.03, 0.15), "closed": left}[hours]

    def _work(self) -> None:
        """Move money until the bank closes, whatever happens."""
        while not self._over.wait(self._pause()):
            try:
                if self._ambush.befuddles():
                    self._walk_away()
                else:
                    self._transfer()
            except Interrupted as interrupt:
                self.notes.interrupts.append(repr(interrupt))
            except Conflict:  # somebody else was faster, and nothing has moved
                continue
            except PoolTimeout as error:
                self.notes.timeouts.append(str(error))
            except Exception as error:
                # A lost session was noted where it was at hand.
                if self._witness.meaning_of(error) is not Meaning.LOST:
                    self.notes.surprises.append(repr(error))

    def _transfer(self) -> None:
        """Move some money, in one transaction."""
        source, target = random.sample(range(ACCOUNTS), 2)
        with self._in_line() as line, self.pool.session() as session, self._holding(session) as accounts:
            line.close()
            balance = accounts.balance(source)
            time.sleep(random.uniform(0.5, 1.5) * THOUGHT)
            self._move(accounts, session, source, target, amount=random.randint(1, max(1, balance // 4)))
        self.notes.transfers.append(time.monotonic())

    def _move(self, accounts: Accounts, session: S, source: int, target: int, amount: int) -> None:
        """Take and give in one transaction; everybody begins with the lower account, so that there is no deadlock."""
        first, second = sorted([(source, -amount), (target, amount)])
        is_begun = accounts.change(*first)
        if is_begun:
            self._ambush.pass_by(session)
        if is_begun and accounts.change(*second):
            accounts.commit()
        else:
            accounts.roll_back()

    def _walk_away(self) -> None:
        """Lose a session, and say so."""
        try:
            self._forget_a_session()
        finally:
            self._ambush.gone()

    def _forget_a_session(self) -> None:
        """Check a session out, take money from an account, and forget about it: no put, no close, no rollback."""
        with self._in_line():
            session = self.pool.get()
        with self._judging(session):
            accounts = self._accounts_on(session)  # its transaction is open until both are forgotten
            accounts.change(random.randrange(ACCOUNTS), -1)
            self._timeline.mark(DROPPED, self._timeline.lane_of(session))

    def _in_line(self) -> ExitStack:
        """Join the line for a session. The wait ends when the line is closed, or else with the block."""
        line = ExitStack()
        line.callback(self._leave_line, time.monotonic())
        self._timeline.queue(1)
        return line

    def _leave_line(self, joined_at: float) -> None:
        self._timeline.queue(-1)
        self.notes.waits.note(time.monotonic() - joined_at)

    @contextmanager
    def _holding(self, session: S) -> Generator[Accounts]:
        """Use the accounts on a session, and let go of it in the end."""
        try:
            with self._judging(session), self._accounts_on(session) as accounts:
                yield accounts
        finally:
            self._witness.let_go(session)

    @contextmanager
    def _judging(self, session: S) -> Generator[None]:
        """Use a session; if it is found dead, note whether it died in our hands or came dead from the pool."""
        try:
            yield
        except Exception as error:
            if self._witness.meaning_of(error) is Meaning.LOST:
                died_here = self._witness.fate_of(session) is Fate.KILLED_IN_USE
                (self.notes.deaths_in_hand if died_here else self.notes.dead_on_arrival).append(repr(error))
            raise
