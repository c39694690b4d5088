"""Fairness: who gets a session when many threads want one again as soon as they have returned one."""

import threading
import time
from statistics import median

from bench.peers import LIFO, OURS, POOLS, Lender, installed
from bench.rounds import Effort
from bench.sheet import Row, Sheet, at_most

SESSIONS = 4
CROWDS = (8, 64)
HOLD = 50e-6
"""Seconds for which a thread keeps a session, and the processor, busy."""

EVEN = 1.05
"""How many times as many checkouts the luckiest thread may have as the unluckiest."""


def checkouts(lender: Lender, threads: int, seconds: float) -> list[int]:
    """Return how often each thread got a session, while all of them ran."""
    counts = [0] * threads
    running = threading.Barrier(threads + 1)
    is_over = False

    def live(number: int) -> None:
        running.wait()
        while not is_over:
            session = lender.get()
            until = time.perf_counter() + HOLD
            while time.perf_counter() < until:
                pass
            lender.put(session)
            counts[number] += 1

    crowd = [threading.Thread(target=live, args=(number,), daemon=True) for number in range(threads)]
    for thread in crowd:
        thread.start()
    running.wait()
    time.sleep(seconds / 10)  # until the line has formed
    before = counts[:]
    time.sleep(seconds)
    after = counts[:]
    is_over = True
    for thread in crowd:
        thread.join()
    return [late - early for early, late in zip(before, after, strict=True)]


def run(effort: Effort) -> Sheet:
    peers, missing = installed(OURS, *POOLS, LIFO)
    lenders = {peer: peer.open(SESSIONS) for peer in peers}
    sheet = Sheet(
        title=f"fairness: {SESSIONS} sessions, held for {HOLD * 1e6:.0f} µs, no time to think",
        note="Checkouts per thread: the luckiest against the unluckiest.",
        columns=["", "threads", "max / min", "most", "least", "got nothing", "checkouts / s", "of pingpool's"],
        missing=missing,
    )
    for threads in CROWDS:
        taken: dict[str, list[list[int]]] = {peer.name: [] for peer in peers}
        for _ in range(3):
            for peer, lender in lenders.items():
                taken[peer.name].append(checkouts(lender, threads, effort.seconds))
        ours = median(sum(counts) for counts in taken[OURS.name])
        for peer in peers:
            sheet.rows.append(_row(peer.name, threads, taken[peer.name], effort.seconds, ours))
        sheet.raw[f"checkouts of {threads} threads"] = taken
    for lender in lenders.values():
        lender.close()
    return sheet


def _row(who: str, threads: int, rounds: list[list[int]], seconds: float, ours: float) -> Row:
    uneven = median(max(counts) / min(counts) if min(counts) else float("inf") for counts in rounds)
    total = median(map(sum, rounds))
    cells = [
        who,
        str(threads),
        f"{uneven:.2f}",
        f"{median(map(max, rounds)):,.0f}",
        f"{median(map(min, rounds)):,.0f}",
        f"{median(counts.count(0) for counts in rounds):.0f}",
        f"{total / seconds:,.0f}",
        f"{total / ours:.2f}",
    ]
    return Row(cells, at_most(EVEN, round(uneven, 4)) if who == OURS.name else None)
