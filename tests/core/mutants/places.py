"""Faults in where slots and waiters are: the places and the moves between, what is idle, the line, the jobs."""

from .mutant import Mutant

PLACES = (
    Mutant(
        "a false alarm while a slot is free of waiters",
        "places",
        "        if len(self.lent.slots) < len(self.slots):\n            return False\n",
        "",
    ),
    Mutant(
        "a false alarm about sessions that somebody uses",
        "places",
        "waiting.issuperset(self.uses())",
        "bool(waiting)",
    ),
    Mutant(
        "a waiter that is not woken",
        "places",
        "        self.orders.append(waiter)\n",
        "",
    ),
    Mutant(
        "a slot lost on failed creation",
        "places",
        "        if job.session is None:\n            self.vacant.enter(slot)\n        else",
        "        if job.session is None:\n            pass\n        else",
    ),
    Mutant(
        "the last in line is served first",
        "line",
        "next(iter(self.waiters))",
        "next(reversed(self.waiters))",
    ),
    Mutant(
        "the unwanted are counted on",
        "jobs",
        "        self._counts[job.kind] -= not job.unwanted\n        job.unwanted = True\n",
        "        job.unwanted = True\n",
    ),
    Mutant(
        "a drop that nobody notices",
        "places",
        "                self.vacant.enter(slot)\n                del self.lent.slots[key]\n",
        "",
    ),
    Mutant(
        "a clearing that leaves what lives on",
        "places",
        "        while self.left:\n            self.end_left()\n",
        "",
    ),
    Mutant(
        "idle out of order",
        "idle",
        "bisect_right(self.slots, slot.proven_at, key=proof_of)",
        "len(self.slots)",
    ),
    Mutant(
        "the distrusted at the back",
        "idle",
        "self.slots.appendleft(slot)",
        "self.slots.append(slot)",
    ),
    Mutant(
        "rounds without end",
        "jobs",
        "                round.jobs.discard(job)\n",
        "",
    ),
    Mutant(
        "rounds that end too early",
        "jobs",
        "                    round.jobs.add(successor)\n",
        "                    pass\n",
    ),
    Mutant(
        "a failure that withdraws what is checked",
        "places",
        "job.kind is CREATING and not job.started and job.slot",
        "job.kind is CREATING and not job.started or job.slot",
    ),
    Mutant(
        "a bind that outlasts the pool",
        "jobs",
        "for round in self.rounds if round.fills]",
        "for round in self.rounds if round.lasts]",
    ),
    Mutant(
        "a round that outlasts what it waited for",
        "jobs",
        "                round.failure = None\n                over.append(round)\n",
        "                round.failure = None\n",
    ),
    Mutant(
        "a session lost when its renewal fails",
        "places",
        "            self.idle.enter(slot, job.session)\n        self.jobs",
        "            self.vacant.enter(slot)\n        self.jobs",
    ),
)
