"""Crowds: what one of many costs that all have the same fate at once, by how many they are.

A server that ends all its sessions, a password that is changed, a process with a pool for each tenant: each of them is
one event for every session, or pool; and none may cost more for the others' sake.
"""

import time
from collections.abc import Callable
from typing import Any

import pingpool
from bench.costs import Pool
from bench.rounds import Effort
from bench.sheet import Row, Sheet, at_most
from bench.stubs import ManyStubs, Stubs
from pingpool import PingingPool

SIZES = (10, 300, 3_000)
MOST_TIMES = 3
"""How many times its cost among the fewest one may cost among the most."""


class Pinged(Stubs):
    """Those whose sessions are alive."""

    def ping(self, session: Any, *, timeout: float) -> None:
        """Prove it at once."""


def run(effort: Effort) -> Sheet:
    sheet = Sheet(
        title="crowds: what one costs among so many with the same fate",
        note="Processor time of the process, in microseconds for each; the target is the last size against the first.",
        columns=["", *(f"{size:,}" for size in SIZES), "growth"],
    )
    ways: dict[str, Callable[[int], float]] = {
        "a session that is opened by one call for all": opened,
        "a session that is ended by the server in use": hung_up,
        "an idle session that is renewed": renewed,
        "a pool that is opened, kept alive and closed": kept,
    }
    for name, way in ways.items():
        figures = [way(size) for size in SIZES]
        growth = figures[-1] / figures[0]
        cells = [name, *(f"{figure:.1f}" for figure in figures), f"{growth:.1f}"]
        sheet.rows.append(Row(cells, at_most(MOST_TIMES, growth, " x")))
        sheet.raw[name] = dict(zip(map(str, SIZES), figures, strict=True))
    return sheet


def kept(size: int) -> float:
    start = time.process_time()
    pools = [pingpool.open(Pinged(), size=1, name=f"tenant {number}") for number in range(size)]
    for pool in pools:
        pool.close()
    return _each(start, size)


def opened(size: int) -> float:
    with PingingPool[object](size, io_timeout=60) as pool:
        start = time.process_time()
        pool.bind(ManyStubs())
        return _each(start, size)


def hung_up(size: int) -> float:
    pool = Pool(size)
    slots = list(pool.ledger.idle)
    held = [pool.ledger.check_out(pool.now, None, 0) for _ in slots]
    start = time.process_time()
    for slot in slots:
        pool.ledger.hung_up(slot, slot.ref, pool.now)
    took = _each(start, len(held))
    for session in held:
        pool.ledger.check_in(session, pool.now)
    return took


def renewed(size: int) -> float:
    pool = Pool(size)
    start = time.process_time()
    pool.do(pool.ledger.renew(pool.now))
    while pool.ledger.serving.renewal.old:
        pool.now += 0.1
        pool.do(pool.ledger.tick(pool.now))
    return _each(start, size)


def _each(start: float, size: int) -> float:
    return (time.process_time() - start) / size * 1e6
