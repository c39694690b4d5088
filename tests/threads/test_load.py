"""Many threads and every kind of trouble at once, at random; afterwards all slots are live."""

import logging
import os
import random
import sys
import threading
import time
from collections.abc import Generator

import pytest

from pingpool import PoolTimeout
from pingpool.errors import DatabaseRefuses
from pingpool.testing import FakeSession, Forbidden, SessionDied, TransactionalDatabase, Trouble
from tests.threads.checks import PATIENCE, all_live, aside, bound, soon

STORMS = int(os.environ.get("PINGPOOL_STORMS", "1"))
"""How many long storms a proof lives through; ten have been."""

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def nervous(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Have threads switched all the time, and no log record hold a session."""
    monkeypatch.setattr(logging.getLogger("pingpool"), "disabled", True)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


class Storm:
    """A pool in use by many threads while a saboteur is at its database."""

    def __init__(self, seed: int, **options: float) -> None:
        self.seed = seed
        self.database = TransactionalDatabase()
        self.pool = bound(self.database, 4, io_timeout=0.05, **options)
        self.holders: dict[int, int] = {}
        self.proven_dead: set[int] = set()
        self.faults: list[str] = []
        self.uses = 0
        self.over = False

    def rage(self, threads: int, uses: int) -> None:
        """Use sessions so many times."""
        crowd = [aside(lambda number=number: self._work(number)) for number in range(threads)]
        crowd.append(aside(self._sabotage))
        while (before := self.uses) < uses:
            assert soon(lambda before=before: self.uses > before), self.pool
        self.over = True
        for thread in crowd:
            thread.join(PATIENCE)
            assert not thread.is_alive(), self.pool
        self.database.recover()
        assert soon(self._serves), self.pool

    def _serves(self) -> bool:
        """Does the pool serve again? A refusal may stand until the next attempt to open a session."""
        try:
            self.pool.put(self.pool.get(1))
        except PoolTimeout:
            return False
        return True

    def _work(self, number: int) -> None:
        dice = random.Random(f"{self.seed} {number}")
        while not self.over:
            try:
                session = self.pool.get(dice.choice([0, 0.001, 0.05]))
            except (PoolTimeout, DatabaseRefuses):
                continue
            try:
                self._use(session, dice)
            except BaseException as error:
                self.faults.append(repr(error))
            del session

    def _use(self, session: FakeSession, dice: random.Random) -> None:
        """Use a session as its only holder, and end that in one of many ways."""
        me = threading.get_ident()
        if self.holders.setdefault(session.number, me) != me:
            self.faults.append(f"{session} has two holders")
        if session.number in self.proven_dead or session.is_deleted:
            self.faults.append(f"{session} was lent although it is known to be dead")
        self.uses += 1
        session.left_open = dice.random() < 0.1
        time.sleep(dice.random() * 0.0002)
        ending: BaseException | None = dice.choice([None, None, None, None, ValueError(), SystemExit()])
        try:
            session.use()
        except SessionDied as error:
            self.proven_dead.add(session.number)
            ending = error.with_traceback(None)  # else it holds the session, by this frame, until the collector comes
        drops = dice.random() < 0.02
        del self.holders[session.number]
        if not drops:
            self.pool.give_back(session, ending)

    def _sabotage(self) -> None:
        dice = random.Random(self.seed)
        while not self.over:
            time.sleep(dice.random() * 0.003)
            match dice.randrange(6):
                case 0 | 1:
                    for session in self.database.live[:2]:
                        self.database.kill(session)
                case 2:
                    error = dice.choice([Trouble, SessionDied, Forbidden, MemoryError, SystemExit])
                    call = dice.choice(["create", "ping", "reset", "delete", "looks_alive", "needs_reset"])
                    self.database.fail(call, Trouble if call in ("looks_alive", "needs_reset") else error, times=2)
                case 3:
                    with self.database.hanging(dice.choice(["create", "ping", "reset", "delete"]), times=2):
                        time.sleep(0.1)
                case 4:
                    self.pool.ping()
                case _:
                    self.pool.stats()


@pytest.mark.parametrize("interval", [3000.0, 1e-6])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_loses_no_slot_and_gives_no_session_to_two(seed: int, interval: float) -> None:
    """After thousands of uses among deaths, drops, hangs and failures in 16 threads all slots are live."""
    storm = Storm(seed, ping_interval=interval, workers=3)
    storm.rage(16, 2000)
    assert not storm.faults, storm.faults[:5]
    all_live(storm.pool)
    storm.pool.close(2)


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(STORMS))
def test_a_long_storm(seed: int) -> None:
    """The same for longer, with renewals by age and a keeper: PINGPOOL_STORMS (a number) times."""
    storm = Storm(seed, ping_interval=0.05, max_lifetime=0.5, workers=4)
    storm.pool.keep_alive()
    storm.rage(32, 10_000)
    assert not storm.faults, storm.faults[:5]
    all_live(storm.pool)
    storm.pool.close(2)


def test_a_snapshot_always_adds_up() -> None:
    """While many threads use the pool, every snapshot shows each slot in one place."""
    storm = Storm(3, workers=3)
    crowd = aside(lambda: storm.rage(8, 1000))
    looks = 0
    while crowd.is_alive() or looks < 100:
        stats = storm.pool.stats()
        places = (stats.idle, stats.in_use, stats.creating, stats.checking)
        assert sum(places) + stats.resetting + stats.closing + stats.vacant == stats.size, stats
        looks += 1
    crowd.join(PATIENCE)
    assert soon(lambda: storm.over)
    all_live(storm.pool)
    storm.pool.close(2)
