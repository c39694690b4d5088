"""Filling: how long it takes to open a hundred sessions of 20 ms each."""

import time
from collections.abc import Callable

from bench.peers import OURS, PSYCOPG_POOL, UPSTREAM, WORKERS, Peer, installed
from bench.rounds import Effort, interleave
from bench.sheet import Row, Sheet, at_most
from bench.stubs import slow

SIZE = 100
OPENING = 0.020
"""Seconds that a session takes to open."""

MOST_MS = 110
WORKER_COUNTS = (WORKERS, 50)


def milliseconds(peer: Peer, workers: int) -> Callable[[], float]:
    """Return a round: the time from nothing to a full pool."""

    def run() -> float:
        make = slow(peer.session, OPENING)
        start = time.perf_counter()
        lender = peer.open(SIZE, make, workers)
        took = time.perf_counter() - start
        lender.close()
        return took * 1e3

    return run


def run(effort: Effort) -> Sheet:
    peers, missing = installed(OURS, PSYCOPG_POOL, UPSTREAM)
    lanes = [(peer, workers) for peer in peers for workers in (WORKER_COUNTS if peer is not UPSTREAM else (1,))]
    rounds = interleave({_name(*lane): milliseconds(*lane) for lane in lanes}, max(3, effort.rounds // 5))
    sheet = Sheet(
        title=f"fill: {SIZE} sessions that take {OPENING * 1e3:.0f} ms each",
        note=f"pingpool's default is {WORKERS} workers. Upstream's server gives one session per call, as it may.",
        columns=["", "workers", "ms", "no faster than", "x pingpool"],
        missing=missing,
        raw={"ms": rounds.figures},
    )
    for peer, workers in lanes:
        took = rounds.median(_name(peer, workers))
        bound = -(-SIZE // workers) * OPENING * 1e3
        times = rounds.ratio(_name(peer, workers), to=_name(OURS, workers if peer is not UPSTREAM else WORKERS))
        cells = [peer.name, str(workers), f"{took:,.0f}", f"{bound:,.0f}", f"{times:.2f}"]
        sheet.rows.append(Row(cells, at_most(MOST_MS, took, " ms") if (peer, workers) == (OURS, WORKERS) else None))
    return sheet


def _name(peer: Peer, workers: int) -> str:
    return f"{peer.name}, {workers} workers"
