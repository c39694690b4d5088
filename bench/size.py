"""Size: the memory of an idle session, and whether a pair costs more in a pool of a million."""

import gc
import tracemalloc

from bench.pair import nanoseconds
from bench.peers import OURS_AT_ONCE, POOLS, Peer, installed
from bench.rounds import Effort, interleave
from bench.sheet import Row, Sheet, at_most
from bench.stubs import created_before

IDLE = 10_000
FEW = 10
MOST_BYTES = 160
MOST_TIMES = 1.1


def bytes_each(peer: Peer, size: int) -> float:
    """Return the bytes of the pool per idle session, without the sessions."""
    peer.open(FEW).close()  # what is imported or created once does not count
    make = created_before(peer.session, size)
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        lender = peer.open(size, make)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    lender.close()
    return (after - before) / size


def memory(effort: Effort) -> Sheet:
    peers, missing = installed(OURS_AT_ONCE, *POOLS)
    sheet = Sheet(
        title=f"size: bookkeeping per idle session, {IDLE:,} of them",
        note="Bytes allocated while the pool is filled, and still there; the sessions were created before.",
        columns=["", "bytes", "x pingpool"],
        missing=missing,
    )
    taken = {peer: bytes_each(peer, IDLE) for peer in peers}
    for peer, size in taken.items():
        target = at_most(MOST_BYTES, size, " bytes") if peer is OURS_AT_ONCE else None
        sheet.rows.append(Row([peer.name, f"{size:.0f}", f"{size / taken[OURS_AT_ONCE]:.2f}"], target))
        sheet.raw[peer.name] = size
    return sheet


def many(effort: Effort) -> Sheet:
    few, lots = f"pingpool of {FEW}", f"pingpool of {effort.many:,}"
    lenders = {few: OURS_AT_ONCE.open(FEW), lots: OURS_AT_ONCE.open(effort.many)}
    gc.collect()
    gc.freeze()  # or the collector would walk through a million sessions each time
    rounds = interleave({who: nanoseconds(lender) for who, lender in lenders.items()}, 2 * effort.rounds)
    gc.unfreeze()
    times = rounds.ratio(lots, to=few)
    sheet = Sheet(
        title=f"many: a pair in a pool of {effort.many:,} sessions",
        note="The least recently used is lent first, so in the huge pool each pair touches another session.",
        columns=["", "ns", f"x pool of {FEW}"],
        raw={"ns": rounds.figures},
    )
    sheet.rows.append(Row([few, f"{rounds.median(few):,.0f}", "1.00"]))
    sheet.rows.append(Row([lots, f"{rounds.median(lots):,.0f}", f"{times:.2f}"], at_most(MOST_TIMES, times, " x")))
    lenders[few].close()  # but not the huge one: its workers would be busy during the next bench
    return sheet
