"""Faults in who is served, what is checked, and what is created."""

from .mutant import Mutant

SERVING = (
    Mutant(
        "a forgotten hand-over",
        "serving",
        "        if self._waiters:\n            self._places.hand_over(slot",
        "        if False:\n            self._places.hand_over(slot",
    ),
    Mutant(
        "a prober that is relieved at once",
        "serving",
        "            self.creation.began(now, self._waiting())\n            self._places.begin(CREATING, vacant",
        "            self._places.begin(CREATING, vacant",
    ),
    Mutant(
        "patience with waiters",
        "serving",
        "return self.creation.next_at(self._places.jobs.count(CREATING), self._waiting())",
        "return self.creation.next_at(self._places.jobs.count(CREATING), 0)",
    ),
    Mutant(
        "a check too few",
        "serving",
        "return min(len(self._waiters) - self._places",
        "return min(len(self._waiters) - 1 - self._places",
    ),
    Mutant(
        "asleep after a pause",
        "serving",
        "        pauses = [self._next_filling_at(), self.at_hand.next_ping_at()]\n",
        "        pauses = [self.at_hand.next_ping_at()]\n",
    ),
    Mutant(
        "a waiter for whom nothing is opened on demand",
        "serving",
        "        return min(vacant, max(for_waiters, for_stock, for_gap) - under_way)\n",
        "        return min(vacant, max(for_stock, for_gap) - under_way)\n",
    ),
    Mutant(
        "sessions opened on demand for those who are served already",
        "serving",
        "        return min(vacant, max(for_waiters, for_stock, for_gap) - under_way)\n",
        "        return min(vacant, max(for_waiters, for_stock, for_gap))\n",
    ),
    Mutant(
        "a gap that a renewal leaves where sessions are opened on demand",
        "serving",
        "        return min(vacant, max(for_waiters, for_stock, for_gap) - under_way)\n",
        "        return min(vacant, max(for_waiters, for_stock) - under_way)\n",
    ),
    Mutant(
        "sessions that somebody waits for, and nobody opens",
        "serving",
        "max(self.stock, jobs.sessions_awaited)",
        "self.stock",
    ),
    Mutant(
        "sessions renewed side by side",
        "serving",
        "self._places.jobs.count(CREATING, CLOSING))",
        "self._places.jobs.count(CLOSING))",
    ),
    Mutant(
        "an old session that goes out and is forgotten",
        "serving",
        "            self.renewal.put_proofs_aside(self._freshness.suspected_at, now)\n",
        "            pass\n",
    ),
    Mutant(
        "a new session trusted before it is proven",
        "serving",
        "if is_meant and not slot.is_new:",
        "if is_meant:",
    ),
    Mutant(
        "a session that is lent after a renewal's look, and never looked at",
        "renewal",
        "        self._looked_at = now\n",
        "        self._looked_at = math.inf\n",
    ),
    Mutant(
        "a hang-up that is remembered of the slot's next session",
        "serving",
        "        places.hangups.forget(slot)\n",
        "",
    ),
)
