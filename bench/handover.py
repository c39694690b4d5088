"""Hand-over: how long it takes from a `put` until the caller who waited for that session goes on.

Two threads share one session. The yardstick is what the system takes to wake a thread that waits for a bare lock.
"""

import threading
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from bench.peers import LIFO, OURS, PSYCOPG_POOL, UPSTREAM, Lender, installed
from bench.rounds import Effort, interleave
from bench.sheet import Row, Sheet, at_most

TIMES = 300
"""How many times the session is passed in a round."""

ASLEEP = 0.0002
"""Seconds after which whoever is about to wait does so."""

LOCK = "a bare lock"
MOST_TIMES = 1.9
"""How many times as long as a bare lock's wake-up ours may take."""


def run(effort: Effort) -> Sheet:
    peers, missing = installed(OURS, UPSTREAM, PSYCOPG_POOL, LIFO)
    lenders = {peer.name: peer.open(1) for peer in peers}
    ways: dict[str, Callable[[], float]] = {LOCK: wake_up}
    ways |= {who: by(lender) for who, lender in lenders.items()}
    rounds = interleave(ways, effort.rounds)
    for lender in lenders.values():
        lender.close()
    sheet = Sheet(
        title="handover: from a put until the caller who waited goes on, the median",
        note="Real time in microseconds, of which the system takes most to wake a thread.",
        columns=["", "µs", f"x {LOCK}"],
        missing=missing,
        raw={"µs": rounds.figures},
    )
    for who in ways:
        times = rounds.ratio(who, to=LOCK)
        target = at_most(MOST_TIMES, round(times, 3), " x") if who == OURS.name else None
        sheet.rows.append(Row([who, f"{rounds.median(who):.1f}", f"{times:.2f}"], target))
    return sheet


def by(lender: Lender) -> Callable[[], float]:
    """Return a round of a pool with one session."""
    return lambda: pass_on(lender.get, lender.put)


def wake_up() -> float:
    """A round of the yardstick."""
    lock = threading.Lock()
    return pass_on(lock.acquire, lambda _: lock.release())


def pass_on(get: Callable[[], Any], put: Callable[[Any], None]) -> float:
    """Have another thread wait for the one session again and again; return the median of how long it took to go on."""
    taken: list[float] = []
    put_at = 0.0
    is_lent, waits, is_through = threading.Semaphore(0), threading.Semaphore(0), threading.Semaphore(0)

    def wait() -> None:
        for _ in range(TIMES):
            is_lent.acquire()
            waits.release()
            session = get()
            taken.append(time.perf_counter() - put_at)
            put(session)
            is_through.release()

    other = threading.Thread(target=wait)
    other.start()
    for _ in range(TIMES):
        session = get()
        is_lent.release()
        waits.acquire()
        time.sleep(ASLEEP)
        put_at = time.perf_counter()
        put(session)
        is_through.acquire()
    other.join()
    return median(taken) * 1e6
