"""A pair: what one `get` and one `put` cost when nobody else wants a session."""

import time
from collections.abc import Callable

from bench.peers import LIFO, OURS, OURS_AGING, OURS_ASKED, POOLS, PSYCOPG_POOL, QUEUES, UPSTREAM, Lender, installed
from bench.rounds import Effort, interleave
from bench.sheet import Row, Sheet, at_least

SIZE = 10
PAIRS = 5_000
"""How many pairs make a round."""

TIMES = {UPSTREAM: 7.0, PSYCOPG_POOL: 2.5, LIFO: 2.2}
"""How many times as much as ours a pair of these costs, at least."""


def nanoseconds(lender: Lender, pairs: int = PAIRS) -> Callable[[], float]:
    """Return a round: the processor time of a pair, which other processes hardly change."""

    def run() -> float:
        get, put = lender.get, lender.put
        start = time.thread_time()
        for _ in range(pairs):
            put(get())
        return (time.thread_time() - start) / pairs * 1e9

    return run


def run(effort: Effort) -> Sheet:
    peers, missing = installed(OURS, OURS_AGING, OURS_ASKED, *POOLS, *QUEUES)
    lenders = {peer.name: peer.open(SIZE) for peer in peers}
    rounds = interleave({who: nanoseconds(lender) for who, lender in lenders.items()}, effort.rounds)
    for lender in lenders.values():
        lender.close()
    sheet = Sheet(
        title="pair: one get + put, nobody else there",
        note=f"Processor time in this thread; pools of {SIZE} stub sessions, all of pingpool's safeties on.",
        columns=["", "ns", "x pingpool"],
        missing=missing,
        raw={"ns": rounds.figures},
    )
    for peer in peers:
        times = rounds.ratio(peer.name, to=OURS.name)
        target = at_least(TIMES[peer], times, " x") if peer in TIMES else None
        sheet.rows.append(Row([peer.name, f"{rounds.median(peer.name):,.0f}", f"{times:.2f}"], target))
    return sheet
