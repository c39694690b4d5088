"""Mutants: small faults for the core, each of which the proofs have to find (see `trial`).

A mutant is data: what to replace in the source of which module. The old text has to be there exactly once, so that a
mutant that no longer fits the core fails loudly.
"""

from pathlib import Path
from typing import NamedTuple


class Mutant(NamedTuple):
    """One fault: `old` occurs once in the module and becomes `new`."""

    name: str
    module: str
    old: str
    new: str

    def source(self, path: str) -> str:
        """Return the changed source of the module; a stale mutant is an error."""
        text = Path(path).read_text()
        if text.count(self.old) != 1:
            raise LookupError(f"the mutant {self.name!r} is stale: {self.old!r} is {text.count(self.old)} times there")
        return text.replace(self.old, self.new)


MUTANTS = (
    Mutant(
        "a forgotten hand-over",
        "rules",
        "        if self.waiters:\n            self._hand_over(slot",
        "        if False:\n            self._hand_over(slot",
    ),
    Mutant(
        "a waiter that is not woken",
        "places",
        "        self._todo.append(waiter)\n",
        "",
    ),
    Mutant(
        "a return that forgets who waits",
        "ledger",
        "            self.waiters\n            or self.letterbox\n",
        "            self.letterbox\n",
    ),
    Mutant(
        "a slot lost on failed creation",
        "places",
        "        self._vacate(slot)\n        self._conclude(job)\n",
        "        self._conclude(job)\n",
    ),
    Mutant(
        "a slot lost when its session is closed",
        "reports",
        "            if job.slot is not None:\n                self._vacate(job.slot)\n",
        "",
    ),
    Mutant(
        "the last in line is served first",
        "places",
        "next(iter(self.waiters))",
        "next(reversed(self.waiters))",
    ),
    Mutant(
        "no back-off",
        "backoff",
        "self.paused_at + (min(self._urgent, self.pause) if waiting else self.pause)",
        "-math.inf",
    ),
    Mutant(
        "the width of the prober ignored",
        "backoff",
        "        if under_way < self.width:\n",
        "        if True:\n",
    ),
    Mutant(
        "a prober that hangs and is not relieved",
        "backoff",
        "return max(ready_at, self.began_at + URGENT) if waiting else math.inf",
        "return math.inf",
    ),
    Mutant(
        "a prober that is relieved at once",
        "rules",
        "            self.creation.began(now)\n",
        "",
    ),
    Mutant(
        "a failure that narrows nothing",
        "backoff",
        "        self.width = 1\n",
        "",
    ),
    Mutant(
        "all at once after a death",
        "rules",
        "        self.creation.take_care()\n",
        "",
    ),
    Mutant(
        "patience with waiters",
        "rules",
        "return self.creation.next_at(self.under_way[CREATING], len(self.waiters))",
        "return self.creation.next_at(self.under_way[CREATING], 0)",
    ),
    Mutant(
        "orders that outlive a failure",
        "reports",
        "if other.kind is CREATING and not other.started and",
        "if other.kind is CREATING and not other and",
    ),
    Mutant(
        "a late session adopted",
        "reports",
        "        if job not in self.jobs or job.slot is None:\n            return self._end_late(session, now)\n",
        "        if job.slot is None:\n            return self._end_late(session, now)\n",
    ),
    Mutant(
        "a late refusal taken seriously",
        "reports",
        "        if job not in self.jobs:\n            return self._settle(now)\n        self.refusal",
        "        self.refusal",
    ),
    Mutant(
        "a gone session revived",
        "reports",
        '        self._give_up(job.slot, "gone", job.session)\n',
        "        self._shelve(job.slot, job.session)\n",
    ),
    Mutant(
        "a late leaver keeps the session",
        "ledger",
        "        elif waiter.session is not None:\n",
        "        elif False:\n",
    ),
    Mutant(
        "a late leaver passes on a suspect",
        "ledger",
        "            else:\n                self._shelve(slot, session)\n            del self.lent[id(session)]\n",
        "            else:\n"
        "                self._land(slot, session)\n"
        "            if slot.state is not IN_USE:\n"
        "                del self.lent[id(session)]\n",
    ),
    Mutant(
        "no suspicion cast",
        "ledger",
        '        self.suspected_at = max(self.suspected_at, now)\n        self._give_up(slot, "lost", session)\n',
        '        self._give_up(slot, "lost", session)\n',
    ),
    Mutant(
        "a suspect returned is trusted",
        "ledger",
        "        elif slot.proven_at <= self.suspected_at:\n            self._distrust(slot, session)\n",
        "",
    ),
    Mutant(
        "the suspected are lent",
        "ledger",
        (
            "            or slot.proven_at <= self.suspected_at\n"
            "            or (self.ages and now >= slot.retires_at)\n"
            "        ):\n            return None\n"
        ),
        "            or (self.ages and now >= slot.retires_at)\n        ):\n            return None\n",
    ),
    Mutant(
        "the overdue are lent",
        "ledger",
        "            now - slot.proven_at >= self.interval\n            or slot",
        "            slot",
    ),
    Mutant(
        "the overdue are handed over",
        "rules",
        "return now - proven_at < self.interval and",
        "return",
    ),
    Mutant(
        "the old are lent",
        "ledger",
        "            or (self.ages and now >= slot.retires_at)\n        ):\n            return None\n",
        "        ):\n            return None\n",
    ),
    Mutant(
        "a check too few",
        "rules",
        "return min(len(self.waiters) - self.under_way[CHECKING] -",
        "return min(len(self.waiters) - 1 - self.under_way[CHECKING] -",
    ),
    Mutant(
        "the doomed are counted on",
        "places",
        "        self.under_way[job.kind] -= not job.doomed\n        job.doomed = True\n",
        "        job.doomed = True\n",
    ),
    Mutant(
        "a session checked twice",
        "ledger",
        "            round.jobs.add(self._check(slot, now))\n            self.idle.remove(slot)\n",
        "            round.jobs.add(self._check(slot, now))\n            self.idle.rotate()\n",
    ),
    Mutant(
        "clear forgets what is in flight",
        "ledger",
        "            elif job.kind is not CLOSING:\n                self._doom(job)\n",
        "",
    ),
    Mutant(
        "clear goes on filling",
        "ledger",
        "        self.filling = False\n",
        "",
    ),
    Mutant(
        "close leaves the waiters",
        "ledger",
        'return self._turn_away(PoolClosed("the pool was closed while the caller waited")) + self.clear(round, now)',
        "return self.clear(round, now)",
    ),
    Mutant(
        "close forgets what is lent",
        "ledger",
        "        self.suspected_at = math.inf  # what comes back",
        "        # what comes back",
    ),
    Mutant(
        "a drop that nobody notices",
        "places",
        "                    self._vacate(slot)\n                    del self.lent[key]\n",
        "",
    ),
    Mutant(
        "the address of the dead taken",
        "reports",
        "        self._read_letters()  # the session may live at the address of one that was dropped\n",
        "",
    ),
    Mutant(
        "a session lent and idle",
        "ledger",
        "        self.idle.append(slot)\n        slot.state = IDLE\n        del self.lent[key]\n",
        "        self.idle.append(slot)\n        slot.state = IDLE\n",
    ),
    Mutant(
        "doubts without end",
        "reports",
        "self.doubt.failures >= DOUBTS",
        "False",
    ),
    Mutant(
        "idle out of order",
        "places",
        "        while place and self.idle[place - 1].proven_at > slot.proven_at:\n            place -= 1\n",
        "",
    ),
    Mutant(
        "the distrusted at the back",
        "places",
        "self.idle.appendleft(slot)",
        "self.idle.append(slot)",
    ),
    Mutant(
        "rounds without end",
        "places",
        "                round.jobs.discard(job)\n",
        "",
    ),
    Mutant(
        "rounds that end too early",
        "places",
        "                    round.jobs.add(successor)\n",
        "                    pass\n",
    ),
    Mutant(
        "asleep after a pause",
        "rules",
        "            pauses.append(self._next_creation_at())\n",
        "            pass\n",
    ),
    Mutant(
        "a failure that withdraws what is checked",
        "reports",
        "other.kind is CREATING and not other.started and other.slot",
        "other.kind is CREATING and not other.started or other.slot",
    ),
    Mutant(
        "no fast way out for what has a lifetime",
        "ledger",
        "            or (self.ages and now >= slot.retires_at)\n        ):\n            return None\n",
        "            or (self.ages or now >= slot.retires_at)\n        ):\n            return None\n",
    ),
    Mutant(
        "no fast way back for what has a lifetime",
        "ledger",
        "            or (self.ages and now >= slot.retires_at)\n        ):\n            return self._receive",
        "            or (self.ages or now >= slot.retires_at)\n        ):\n            return self._receive",
    ),
    Mutant(
        "a newcomer in place of one that is not lent",
        "ledger",
        "        if dead is not None and stands_for is not None:\n",
        "        if dead is not None or stands_for is not None:\n",
    ),
    Mutant(
        "a newcomer needs a death and a vacant slot",
        "ledger",
        "not (stands_for or self.vacant or self.closed)",
        "not (stands_for and self.vacant or self.closed)",
    ),
)
