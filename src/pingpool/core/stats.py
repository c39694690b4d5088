"""What a pool looks like at one moment, as numbers and as the one line of text used in errors and `repr`."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pingpool.core.histogram import Histogram
from pingpool.core.ledger import Ledger
from pingpool.core.slot import CHECKING, CLOSING, CREATING, RESETTING
from pingpool.core.told import ENDED_FOR_GOOD
from pingpool.text import in_one_line


class Stats(NamedTuple):
    """A snapshot of a pool. The first group tells what the `size` slots do, and who waits; the second counts
    since the pool was created. A get that was interrupted or cancelled counts as timed out.
    """

    size: int
    idle: int
    in_use: int
    creating: int
    checking: int
    resetting: int
    closing: int
    vacant: int
    waiting: int
    renewing: int
    """Sessions that `renew` has still to replace."""
    wanted: int
    """How many sessions are to be open though nobody waits for them: all, or none where they are opened on demand."""

    immediate: int
    """Callers who got a session without waiting."""
    waited: int
    """Callers who got a session after waiting in line."""
    timed_out: int
    """Callers who waited and got none."""
    refused: int
    """Callers who were turned away at once: `max_waiters` waited already, or no session could ever come free."""
    created: int
    """Sessions that were opened."""
    create_failures: int
    """Attempts to open a session that failed, or brought one that was dead at once."""
    pings: int
    """Checks that proved a session alive."""
    overran: int
    """Calls of the database that took longer than `io_timeout`."""
    hanging: int
    """Calls that were given up, and whose worker has not come back yet."""
    broken_hooks: int
    """Calls of the database's methods, or of functions in their place, that failed by a bug of theirs."""
    leaked: int
    """Sessions that their holders never put back, and dropped."""
    resets: int
    """How often what a holder had left in a session was undone: a transaction, or a setting of the connection."""
    rolled_back: int
    """How often a use ended well, but not its transaction, so that what was not committed was undone. A use that ended
    in an error is not among them, nor is one of a database that does not tell of transactions."""
    replaced: Mapping[str, int]
    """How many sessions were given up for another to take their place, by reason: gone, lost, tainted, dropped,
    too old, overran, in doubt; left busy, left open, changed: what its last holder left could not be undone; discarded,
    detached, renewed, as somebody asked for; swapped for one that was put by hand. What `clear` and `close` end is not
    among them."""

    ping_interval: float
    """After how many idle seconds a session is proven before it is lent; with "auto" as learned so far."""

    oldest_alive: float
    """The longest that a session is known to have been idle, in seconds, and still alive afterwards."""

    idle_limit: float | None
    """The idle age in seconds from which the path drops sessions, if three deaths in a row have shown one."""

    last_failure: str | None
    """The last failure to create or prove a session, if none was created since."""

    waits: Histogram
    """How long callers waited in line, whether they got a session or not; those served at once are in the first
    bucket."""

    uses: Histogram
    """For how long sessions were held that came back."""

    creations: Histogram
    """How long it took to create the sessions that came about."""

    @property
    def open(self) -> int:
        """How many sessions there are: idle, lent, or being checked or reset."""
        return self.idle + self.in_use + self.checking + self.resetting

    @property
    def health(self) -> str:
        """One line for a readiness probe or a dashboard: "healthy: 10 of 10 open, 3 in use, 0 waiting"."""
        is_enough = self.open >= self.wanted and not (self.waiting or self.last_failure)
        state = "healthy" if self.open == self.size or is_enough else "recovering" if self.open else "down"
        why = f"; {self.last_failure}" if self.last_failure and self.open < self.size else ""
        opened = f"{self.open} of {self.size} open" + ", on demand" * (self.wanted < self.size)
        return f"{state}: {opened}, {self.in_use} in use, {self.waiting} waiting{why}"

    def __str__(self) -> str:
        """Say in one line what the slots are doing."""
        doing = {
            "idle": self.idle,
            "in use": self.in_use,
            "being created": self.creating,
            "being checked": self.checking,
            "being reset": self.resetting,
            "being closed": self.closing,
            "vacant": self.vacant,
        }
        slots = ", ".join(f"{count} {state}" for state, count in doing.items() if count or state in ("idle", "in use"))
        hanging = "1 worker hangs" if self.hanging == 1 else f"{self.hanging} workers hang"
        note = f"; {hanging} in the driver" if self.hanging else ""
        return f"{self.size} session{'s' * (self.size != 1)}: {slots}; {self.waiting} waiting{note}"


def snapshot(ledger: Ledger[Any]) -> Stats:
    """Take the picture."""
    at_hand = ledger.serving.at_hand.pings  # idle still: nobody was told to ping them yet
    at_work = [job.kind for job in list(ledger.jobs) if job.slot is not None and job not in at_hand]
    tally, limit, failure = ledger.places.tally, ledger.learner.limit, ledger.failure
    return Stats(
        size=ledger.size,
        idle=len(ledger.idle) + len(at_hand),
        in_use=len(ledger.lent),
        creating=at_work.count(CREATING),
        checking=at_work.count(CHECKING),
        resetting=at_work.count(RESETTING),
        closing=at_work.count(CLOSING),
        vacant=len(ledger.vacant),
        waiting=len(ledger.waiters),
        renewing=len(ledger.serving.renewal.old),
        wanted=ledger.serving.stock if ledger.filling else ledger.size,
        immediate=ledger.immediate,
        waited=tally.waited,
        timed_out=tally.timed_out,
        refused=tally.refused,
        created=tally.created,
        create_failures=tally.create_failures,
        pings=tally.pings,
        overran=tally.overran,
        hanging=tally.hanging,
        broken_hooks=tally.broken_hooks,
        leaked=tally.leaked,
        resets=tally.resets,
        rolled_back=tally.rolled_back,
        replaced=MappingProxyType({why: count for why, count in tally.replaced.items() if why not in ENDED_FOR_GOOD}),
        ping_interval=ledger.interval,
        oldest_alive=limit.oldest_alive,
        idle_limit=None if limit.drops_from == math.inf else limit.drops_from,
        last_failure=None if failure is None else in_one_line(failure),
        waits=tally.waits.histogram(ledger.immediate + tally.waits.noted),
        uses=tally.uses.histogram(ledger.checkouts - len(ledger.lent) - tally.leaked),
        creations=tally.creations.histogram(tally.creations.noted),
    )
