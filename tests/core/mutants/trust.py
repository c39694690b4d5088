"""Faults in what is trusted, and for how long: freshness, what was seen or heard of a session, pauses, renewals."""

from .mutant import Mutant

TRUST = (
    Mutant(
        "a session at hand that is never pinged",
        "at_hand",
        "        is_in_time = now < min(seen_at + self._moment, slot.retires_at)\n",
        "        is_in_time = now < slot.retires_at\n",
    ),
    Mutant(
        "a session at hand for longer than a proof counts",
        "at_hand",
        "        return min(MOMENT, self._freshness.interval)\n",
        "        return MOMENT\n",
    ),
    Mutant(
        "a session at hand that is lent though another died since",
        "at_hand",
        "seen_at > self._freshness.suspected_at and slot",
        "slot",
    ),
    Mutant(
        "a session at hand that is lent though the other side has hung up",
        "at_hand",
        " and slot not in self._places.hangups.heard\n",
        "\n",
    ),
    Mutant(
        "a session at hand that is seen by a look from before a death",
        "at_hand",
        " if look.trusted_after >= self._freshness.suspected_at else -math.inf\n",
        "\n",
    ),
    Mutant(
        "a session at hand beside which somebody waits",
        "at_hand",
        "            elif places.line.waiters:\n",
        "            elif False:\n",
    ),
    Mutant(
        "a hang-up that is noted and comes back by the fast way",
        "hangups",
        "            slot.proven_at = -math.inf\n",
        "            pass\n",
    ),
    Mutant(
        "a hang-up that is remembered of a session that has left",
        "hangups",
        "        self.heard.pop(slot, None)\n",
        "",
    ),
    Mutant(
        "no back-off",
        "backoff",
        "max(self.paused_at + self._urgent, self._trial_at())",
        "self._trial_at()",
    ),
    Mutant(
        "the width of the prober ignored",
        "backoff",
        "return ready_at if under_way < self.width else max(ready_at, self.began_at + URGENT)",
        "return ready_at",
    ),
    Mutant(
        "a prober that hangs and is not relieved",
        "backoff",
        "max(ready_at, self.began_at + URGENT)",
        "math.inf",
    ),
    Mutant(
        "no pauses in a recovery that nobody waits for",
        "backoff",
        "            return max(self.ready_at, self._trial_at()) if",
        "            return self._trial_at() if",
    ),
    Mutant(
        "a failure that narrows nothing",
        "backoff",
        "        self.width = 1\n",
        "",
    ),
    Mutant(
        "the overdue are handed over",
        "freshness",
        "return now - proven_at < self.interval and",
        "return",
    ),
    Mutant(
        "an end of its own that is forgotten",
        "freshness",
        "jitter()), expires_in)\n",
        "jitter()), math.inf)\n",
    ),
    Mutant(
        "a session that ends with the one before",
        "freshness",
        "            slot.retire_at(math.inf, 0.0)\n",
        "",
    ),
    Mutant(
        "an end of its own that nobody heeds",
        "freshness",
        "        self.has_lifetimes = True\n",
        "",
    ),
    Mutant(
        "close forgets what is lent",
        "freshness",
        "        self.suspect_all(math.inf)\n",
        "",
    ),
    Mutant(
        "a session that was being opened is taken for new",
        "renewal",
        "            job.outdated = job.kind is CREATING and job.started\n",
        "            pass\n",
    ),
    Mutant(
        "a death before its time that is no failure",
        "backoff",
        "            self.failed(max(succeeded_at, self.paused_at))\n",
        "            self.take_care()\n",
    ),
    Mutant(
        "a new session trusted after the death of another",
        "backoff",
        (
            "        if self.distrusts:\n"
            "            self.paused_at = now\n"
            "            self.ready_at = max(self.ready_at, now + self.pause)\n"
            "            return\n"
        ),
        "",
    ),
)
