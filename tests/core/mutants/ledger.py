"""Faults in the ledger: who is lent what the fast way, and what clearing and closing leave behind."""

from .mutant import Mutant

LEDGER = (
    Mutant(
        "a deadlock that nobody is told of",
        "ledger",
        "        elif waiter.blocks and self.places.are_all_held_in_line(waiter, now):\n",
        "        elif False:\n",
    ),
    Mutant(
        "a return that forgets who waits",
        "ledger",
        "        if self.waiters:\n            return self.returns.pass_straight_on(slot, session, now)\n",
        "",
    ),
    Mutant(
        "a late leaver keeps the session",
        "ledger",
        "        elif waiter.session is not None:\n",
        "        elif False:\n",
    ),
    Mutant(
        "the suspected are lent",
        "ledger",
        (
            "            or slot.proven_at <= self.suspected_at\n"
            "            or (self.has_lifetimes and now >= slot.retires_at)\n"
            "        ):\n"
            "            return None\n"
        ),
        "            or (self.has_lifetimes and now >= slot.retires_at)\n        ):\n            return None\n",
    ),
    Mutant(
        "the overdue are lent",
        "ledger",
        "            now - slot.proven_at >= self.interval\n            or slot",
        "            slot",
    ),
    Mutant(
        "the old are lent",
        "ledger",
        "            or (self.has_lifetimes and now >= slot.retires_at)\n        ):\n            return None\n",
        "        ):\n            return None\n",
    ),
    Mutant(
        "a session checked twice",
        "ledger",
        "            round.jobs.add(self.serving.check(slot, now))\n            self.idle.remove(slot)\n",
        "            round.jobs.add(self.serving.check(slot, now))\n            self.idle.rotate()\n",
    ),
    Mutant(
        "clear forgets what is in flight",
        "ledger",
        "            if job.kind is not CLOSING:\n                places.jobs.renounce(job)\n",
        "            pass\n",
    ),
    Mutant(
        "clear goes on filling",
        "ledger",
        "        self.serving.filling = False\n",
        "",
    ),
    Mutant(
        "close leaves the waiters",
        "ledger",
        "return told + self.clear(round, now)",
        "return self.clear(round, now)",
    ),
    Mutant(
        "a session lent and idle",
        "ledger",
        "        slot.state = IDLE\n        del lent[key]\n",
        "        slot.state = IDLE\n",
    ),
    Mutant(
        "no fast way out for what has a lifetime",
        "ledger",
        "            or (self.has_lifetimes and now >= slot.retires_at)\n        ):\n            return None\n",
        "            or (self.has_lifetimes or now >= slot.retires_at)\n        ):\n            return None\n",
    ),
    Mutant(
        "no fast way back for what has a lifetime",
        "ledger",
        " or (self.has_lifetimes and now >= slot.retires_at):\n            return self.take_back",
        " or (self.has_lifetimes or now >= slot.retires_at):\n            return self.take_back",
    ),
)
