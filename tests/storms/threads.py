"""A storm among threads: exceptions thrown into them, and time limits by signals in the main thread.

Run as `python -m tests.storms.threads DRIVER CUTS SEED`; prints what was wrong, as JSON.
"""

import ctypes
import gc
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import pingpool
from tests.storms.labs import AMONG_THREADS
from tests.storms.tags import HOLDERS, LONGEST, PATIENCE, SIZE, Cut, Limit, Tags, is_well

PLAIN, AROUND, INSIDE = "plain", "around the use", "caught inside"
"""What becomes of a use: nobody cuts it off, or the cut ends its block, or is caught there."""

EARLY = 0.25
"""The share of uses whose cut may come before they have a session; of the others, as likely after as within them."""


class Storm:
    """Holders, and whoever cuts them off."""

    KINDS: ClassVar[dict[type[BaseException], str]] = {Cut: "thrown interrupt", Limit: "time limit by a signal"}

    def __init__(self, lab: Any, pool: Any, cuts: int, seed: int) -> None:
        self.lab = lab
        self.pool = pool
        self.tags = Tags([f"{kind} {way}" for kind in self.KINDS.values() for way in (AROUND, INSIDE)], cuts)
        self.seed = seed
        self.armed: set[int] = set()
        self.is_limited = False

    def blow(self) -> None:
        """Let it all happen, until there were so many cuts."""
        holders = [threading.Thread(target=self.hold, args=(number,), daemon=True) for number in range(1, HOLDERS)]
        thrower = threading.Thread(target=self.throw, daemon=True)
        for each in (*holders, thrower):
            each.start()
        self.hold(0)
        for each in (*holders, thrower):
            each.join(PATIENCE)
            if each.is_alive():
                self.tags.faults["hung"] += 1

    @property
    def is_over(self) -> bool:
        """Were there enough cuts of each kind?"""
        return self.tags.are_enough

    def throw(self) -> None:
        """Throw into the threads that are in a use."""
        chance = random.Random(self.seed)
        while not self.is_over:
            time.sleep(chance.random() * LONGEST)  # any moment of a use may be the one
            for thread in chance.sample(armed := sorted(self.armed.copy()), k=min(1, len(armed))):
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Cut))
                if chance.random() < 0.8:  # else it is hit again, perhaps while it gives the session back
                    self.armed.discard(thread)

    def limit(self, *_: object) -> None:
        """Raise in the main thread, if it is in a use."""
        if self.is_limited:
            self.is_limited = False
            raise Limit

    def hold(self, number: int) -> None:
        """Use one session after the other."""
        chance = random.Random(self.seed * 1000 + number)
        me, turn = threading.get_ident(), 0
        while not self.is_over:
            turn += 1
            tag, way = f"{self.seed}-{number}-{turn}", chance.choice((PLAIN, *self.wanted(number)))
            arm = partial(self.arm, number, me, chance, way)
            try:
                try:
                    self.use(tag, way, arm, is_early=chance.random() < EARLY)
                finally:
                    self.is_limited = self.is_limited and number != 0
                    self.armed.discard(me)
            except (Cut, Limit) as cut:  # also one that comes before the use, or after it
                self.note(cut, tag, AROUND)

    def wanted(self, number: int) -> list[str]:
        """Return the ways of which there were not enough yet, in this thread."""
        cut = Limit if number == 0 or Cut not in self.KINDS else Cut
        return [way for way in (AROUND, INSIDE) if self.tags.lacks(f"{self.KINDS[cut]} {way}")]

    def note(self, cut: BaseException, tag: str, way: str) -> None:
        """Count a cut, if it struck."""
        self.tags.cut(tag, f"{self.KINDS[type(cut)]} {way}")

    def arm(self, number: int, me: int, chance: random.Random, way: str) -> None:
        """Let this use be cut off soon."""
        if way == PLAIN:
            return
        if number == 0:
            self.is_limited = True
            signal.setitimer(signal.ITIMER_REAL, 0.0001 + chance.random() * LONGEST)
        else:
            self.armed.add(me)

    def use(self, tag: str, way: str, arm: Callable[[], None], *, is_early: bool) -> None:
        """Read and write by a session; whatever the driver raises after a cut is its own affair."""
        try:
            if is_early:
                arm()
            with self.pool.session(timeout=PATIENCE) as session:
                try:
                    if not is_early:
                        arm()
                    self.speak(session, tag)
                except (Cut, Limit) as cut:
                    if way == AROUND:
                        raise
                    self.note(cut, tag, INSIDE)
        except pingpool.PoolError as error:
            self.tags.refuse(error)
        except Limit:
            raise
        except Exception:
            if way == PLAIN:
                self.tags.faults["errors of others"] += 1

    def speak(self, session: Any, tag: str) -> None:
        """Read, write and commit."""
        self.tags.note(tag, "begun")
        self.tags.answered(tag, self.lab.read(session, tag))
        self.lab.write(session, tag)
        self.tags.note(tag, "committing")
        self.lab.commit(session, tag)
        self.tags.note(tag, "acknowledged")

    def come_to_rest(self) -> None:
        """Wait until all is well again, and count what is not."""
        end = time.monotonic() + PATIENCE
        while not self.is_well() and time.monotonic() < end:
            time.sleep(0.02)  # nothing tells when a server has ended a session
        self.tags.judge(self.lab, self.pool.stats().idle)

    def is_well(self) -> bool:
        """Are all sessions idle, and no others at the server?"""
        gc.collect()  # a session that somebody was inside of ends when he drops it
        return is_well(self.lab, self.pool.stats().idle)


class ByDeadline(Storm):
    """Only the deadlines of gRPC cut: a thread that is hit inside it by an exception hangs there, pool or no pool."""

    KINDS: ClassVar[dict[type[BaseException], str]] = {Limit: "deadline"}

    def throw(self) -> None:
        """Leave it to the deadlines."""

    def arm(self, number: int, me: int, chance: random.Random, way: str) -> None:
        self.lab.patience.seconds = PATIENCE if way == PLAIN else chance.random() * LONGEST


def main(driver: str, cuts: int, seed: int) -> None:
    """Play one storm."""
    lab = AMONG_THREADS[driver]()
    with lab.server:
        lab.prepare()
        with pingpool.open(lab.database(), size=SIZE, io_timeout=PATIENCE) as pool:
            storm = (ByDeadline if driver == "spanner" else Storm)(lab, pool, cuts, seed)
            signal.signal(signal.SIGALRM, storm.limit)
            storm.blow()
            storm.come_to_rest()
            sys.stdout.write(storm.tags.told(pool.stats()) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
