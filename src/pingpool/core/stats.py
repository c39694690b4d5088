"""What a pool looks like at one moment, as numbers and as the one line of text used in errors and `repr`."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pingpool.core.ledger import Ledger
from pingpool.core.slot import CHECKING, CLOSING, CREATING, RESETTING


class Stats(NamedTuple):
    """A snapshot of a pool. The first group tells what the `size` slots do, and who waits; the second counts
    since the pool was made. A get that was interrupted or cancelled counts as timed out.
    """

    size: int
    idle: int
    in_use: int
    being_made: int
    being_checked: int
    being_reset: int
    being_closed: int
    vacant: int
    waiting: int

    gets_at_once: int
    gets_waited: int
    gets_timed_out: int
    gets_refused: int
    made: int
    failed_to_make: int
    pings: int
    overran: int
    leaked: int
    replaced: Mapping[str, int]
    """How many sessions were ended or given up, by reason: gone, lost, tainted, dropped, too old, overran, in doubt,
    cleared, closed."""

    ping_interval: float
    """After how many idle seconds a session is proven before it is lent; with "auto" as learned so far."""

    oldest_alive: float
    """The longest that a session is known to have been idle, in seconds, and still alive afterwards."""

    dead_from: float | None
    """The idle age in seconds from which the path drops sessions, if three deaths in a row have shown one."""

    last_failure: str | None
    """The last failure to make or prove a session, if none was made since."""

    def __str__(self) -> str:
        """Say in one line what the slots are doing."""
        doing = {
            "idle": self.idle,
            "in use": self.in_use,
            "being made": self.being_made,
            "being checked": self.being_checked,
            "being reset": self.being_reset,
            "being closed": self.being_closed,
            "vacant": self.vacant,
        }
        slots = ", ".join(f"{count} {state}" for state, count in doing.items() if count or state in ("idle", "in use"))
        return f"{self.size} session{'s' * (self.size != 1)}: {slots}; {self.waiting} waiting"


def snapshot(ledger: Ledger[Any]) -> Stats:
    """Take the picture."""
    at_work = [job.kind for job in list(ledger.jobs) if job.slot is not None]
    return Stats(
        size=ledger.size,
        idle=len(ledger.idle),
        in_use=len(ledger.lent),
        being_made=at_work.count(CREATING),
        being_checked=at_work.count(CHECKING),
        being_reset=at_work.count(RESETTING),
        being_closed=at_work.count(CLOSING),
        vacant=len(ledger.vacant),
        waiting=len(ledger.waiters),
        gets_at_once=ledger.at_once,
        gets_waited=ledger.tally["waited"],
        gets_timed_out=ledger.tally["timed out"],
        gets_refused=ledger.tally["refused"],
        made=ledger.tally["made"],
        failed_to_make=ledger.tally["failed"],
        pings=ledger.tally["pings"],
        overran=ledger.tally["overran"],
        leaked=ledger.tally["leaked"],
        replaced=MappingProxyType(dict(ledger.replaced)),
        ping_interval=ledger.interval,
        oldest_alive=ledger.limit.oldest_alive,
        dead_from=None if ledger.limit.dead_from == math.inf else ledger.limit.dead_from,
        last_failure=None if ledger.failure is None else f"{type(ledger.failure).__name__}: {ledger.failure}",
    )
