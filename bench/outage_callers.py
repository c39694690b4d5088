"""Callers: threads that check out, run a statement and check in, and note how each use went.

A statement fails because its session died under it, or because it was dead when it was handed out. Only the second is
the pool's fault; a look at the socket at checkout tells which. Failed checkouts are counted apart.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

Run = Callable[[str], object]

WELL = "well"
CUT_OFF = "cut off in a statement"
DEAD = "dead session handed out"
FAILED = "failed checkout"


@dataclass(frozen=True)
class Loan:
    """A session that was handed out: how to use it, and whether it can be seen to be dead.

    `waited`: how many seconds the pool took, where the caller cannot tell, because the pool is in another thread.
    """

    run: Run
    is_dead: Callable[[], bool]
    waited: float | None = None


class Pool(Protocol):
    """A pool, as a caller sees it."""

    def use(self) -> AbstractContextManager[Loan]:
        """Check out for the length of a block."""
        ...

    def close(self) -> object:
        """End it."""
        ...


@dataclass(frozen=True)
class Use:
    """One use: when it began, when the session was there (None: never), when it ended, and the error."""

    who: int
    began: float
    got: float | None
    ended: float
    was_dead: bool
    error: str | None

    @property
    def checkout(self) -> float:
        """The seconds that the caller waited for the pool."""
        return (self.ended if self.got is None else self.got) - self.began

    @property
    def fate(self) -> str:
        if self.error is None:
            return WELL
        if self.got is None:
            return FAILED
        return DEAD if self.was_dead else CUT_OFF


class Callers:
    """Threads that use a pool until they are stopped, with `pause` seconds after each use."""

    def __init__(self, pool: Pool, count: int, *, pause: float, statement: str = "SELECT 1") -> None:
        self.uses: list[Use] = []
        self._pool = pool
        self._pause = pause
        self._statement = statement
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(who,), daemon=True) for who in range(count)]

    def start(self) -> None:
        """Begin, evenly spread over the pause."""
        for thread in self._threads:
            thread.start()
            time.sleep(self._pause / len(self._threads))

    def stop(self, patience: float = 20.0) -> int:
        """Let all finish; return how many still run after that many seconds."""
        self._stopped.set()
        until = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return sum(thread.is_alive() for thread in self._threads)

    def _run(self, who: int) -> None:
        while not self._stopped.is_set():
            self.uses.append(use_once(self._pool, self._statement, who))
            self._stopped.wait(self._pause)


def use_once(pool: Pool, statement: str = "SELECT 1", who: int = 0) -> Use:
    began = time.monotonic()
    got: float | None = None
    error: str | None = None
    was_dead = False
    try:
        with pool.use() as loan:
            got = time.monotonic() if loan.waited is None else began + loan.waited
            was_dead = loan.is_dead()
            loan.run(statement)
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}".partition("\n")[0]
    return Use(who, began, got, time.monotonic(), was_dead, error)


def seconds_until_well(uses: Sequence[Use], healed: float, count: int) -> float | None:
    """Return how long after the cause was gone all uses went well for good; None if one caller's never did."""
    well_at = healed
    for who in range(count):
        mine = [use for use in uses if use.who == who and use.ended > healed]
        last_error = max((use.ended for use in mine if use.error), default=healed)
        after = [use.ended for use in mine if use.error is None and use.ended >= last_error]
        if not after:
            return None
        well_at = max(well_at, min(after))
    return well_at - healed
