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
        "a session that is passed on as if its proof were as old as the use before",
        "returns",
        "        slot.proven_at = now\n        places.hand_over(slot, session, now)\n",
        "        places.hand_over(slot, session, now)\n",
    ),
    Mutant(
        "a session at hand that is never pinged",
        "at_hand",
        "        is_in_time = now < min(seen_at + MOMENT, slot.retires_at)\n",
        "        is_in_time = now < slot.retires_at\n",
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
        "a hang-up that is lost while the session is lent",
        "returns",
        "            places.hangups.note(slot)\n",
        "            return\n",
    ),
    Mutant(
        "a hang-up that hits whoever has the slot by now",
        "returns",
        "        if slot.ref is None or slot.ref is not ref:\n",
        "        if slot.ref is None:\n",
    ),
    Mutant(
        "a hang-up that is noted and comes back by the fast way",
        "hangups",
        "                slot.proven_at = -math.inf\n",
        "",
    ),
    Mutant(
        "a hang-up that is lost while the session is checked",
        "reports",
        "if self._places.hangups.claim(slot) and not has_overrun:",
        "if False:",
    ),
    Mutant(
        "a hang-up that is lost on the way to a caller",
        "returns",
        "        elif places.hangups.claim(slot):\n",
        "        elif False:\n",
    ),
    Mutant(
        "a hang-up that leaves its session in the idle queue",
        "returns",
        "            places.idle.leave(slot)\n",
        "",
    ),
    Mutant(
        "a hang-up in use that casts no suspicion",
        "returns",
        "return Verdict.LOST if has_hung_up",
        "return Verdict.GONE if has_hung_up",
    ),
    Mutant(
        "a session that waits aside although the other side has hung up",
        "returns",
        "            self._bury_aside(slot, now)\n",
        "            return\n",
    ),
    Mutant(
        "a hang-up after which all are created at once",
        "returns",
        "        self._reports.found_dead(slot, now - slot.proven_at, now)\n        self._reports.died",
        "        self._reports.died",
    ),
    Mutant(
        "a hang-up that is remembered of a session that has left",
        "hangups",
        "                del self.heard[slot]\n",
        "                pass\n",
    ),
    Mutant(
        "a hang-up on one that was given back unused and is forgotten",
        "returns",
        "has_hung_up = self._places.hangups.claim(slot)",
        "has_hung_up = False",
    ),
    Mutant(
        "a deadlock that nobody is told of",
        "ledger",
        "        elif waiter.blocks and self.places.are_all_held_in_line(waiter, now):\n",
        "        elif False:\n",
    ),
    Mutant(
        "a false alarm while a slot is free of waiters",
        "places",
        "        return len(self.lent.slots) == len(self.slots) and waiting",
        "        return waiting",
    ),
    Mutant(
        "a false alarm about sessions that somebody uses",
        "places",
        "and waiting.issuperset(self.uses())",
        "and bool(waiting)",
    ),
    Mutant(
        "a forgotten hand-over",
        "serving",
        "        if self._waiters:\n            self._places.hand_over(slot",
        "        if False:\n            self._places.hand_over(slot",
    ),
    Mutant(
        "a waiter that is not woken",
        "places",
        "        self.orders.append(waiter)\n",
        "",
    ),
    Mutant(
        "a return that forgets who waits",
        "ledger",
        "            self.waiters\n            or self.collected\n",
        "            self.collected\n",
    ),
    Mutant(
        "a slot lost on failed creation",
        "places",
        "        if job.session is None:\n            self.vacant.enter(slot)\n        else",
        "        if job.session is None:\n            pass\n        else",
    ),
    Mutant(
        "a slot lost when its session is closed",
        "reports",
        "        if job.slot is not None:\n            self._places.vacant.enter(job.slot)\n",
        "",
    ),
    Mutant(
        "the last in line is served first",
        "line",
        "next(iter(self.waiters))",
        "next(reversed(self.waiters))",
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
        "a prober that is relieved at once",
        "serving",
        "            self.creation.began(now, self._waiting())\n            self._places.begin(CREATING, vacant",
        "            self._places.begin(CREATING, vacant",
    ),
    Mutant(
        "a failure that narrows nothing",
        "backoff",
        "        self.width = 1\n",
        "",
    ),
    Mutant(
        "all at once after a death",
        "reports",
        "        self._serving.creation.take_care()\n",
        "",
    ),
    Mutant(
        "patience with waiters",
        "serving",
        "return self.creation.next_at(self._places.jobs.count(CREATING), self._waiting())",
        "return self.creation.next_at(self._places.jobs.count(CREATING), 0)",
    ),
    Mutant(
        "orders that outlive a failure",
        "reports",
        "        self._places.withdraw_creations()  # they wait until the pause is over\n",
        "",
    ),
    Mutant(
        "a late session adopted",
        "reports",
        "        if job not in self._places.jobs.open:\n",
        "        if job.slot is None:\n",
    ),
    Mutant(
        "a late refusal taken seriously",
        "reports",
        "        if job not in self._places.jobs.open:\n            self._take_late(job, outcome)\n",
        (
            "        if job not in self._places.jobs.open:\n"
            "            self.refusal = outcome.error\n"
            "            self.turn_away_if_hopeless()\n"
            "            self._take_late(job, outcome)\n"
        ),
    ),
    Mutant(
        "a gone session revived",
        "reports",
        '        self._places.give_up(slot, "gone", job.session, now)\n',
        "        self._places.idle.enter(slot, job.session)\n",
    ),
    Mutant(
        "a late leaver keeps the session",
        "ledger",
        "        elif waiter.session is not None:\n",
        "        elif False:\n",
    ),
    Mutant(
        "a session that is to be proven stays lent",
        "returns",
        "            round.jobs.add(job)\n            places.lent.leave(session)\n",
        "            round.jobs.add(job)\n",
    ),
    Mutant(
        "a late leaver passes on a suspect",
        "returns",
        "            places.idle.enter(slot, session)\n        places.lent.leave(session)\n\n",
        (
            "            self._serving.land(slot, session, slot.proven_at)\n"
            "        if slot.state.value != 'in use':\n"
            "            places.lent.leave(session)\n\n"
        ),
    ),
    Mutant(
        "a session collected with its waiter is trusted",
        "returns",
        '        elif slot.ref() is None:\n            places.end(slot, "dropped", session, now)\n',
        "",
    ),
    Mutant(
        "a session collected with its waiter, its slot freed, is forgotten",
        "returns",
        "            places.begin(CLOSING, None, session)\n            return\n        self",
        "            return\n        self",
    ),
    Mutant(
        "a session collected with its waiter keeps its slot from being freed",
        "returns",
        '            places.end(slot, "dropped", session, now)\n',
        "            places.begin(CLOSING, None, session)\n            slot.ref = None\n",
    ),
    Mutant(
        "no suspicion cast",
        "returns",
        '                self._freshness.suspect_all(now)\n                places.give_up(slot, "lost", session, now)',
        '                places.give_up(slot, "lost", session, now)',
    ),
    Mutant(
        "a suspect returned is trusted",
        "returns",
        "        elif self._freshness.is_suspect(slot):\n            self._places.idle.enter_unproven(slot, session)\n",
        "",
    ),
    Mutant(
        "the suspected are lent",
        "ledger",
        (
            "            or slot.proven_at <= self.suspected_at\n"
            "            or (self.ages and now >= slot.retires_at)\n"
            "        ):\n"
            "            return None\n"
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
        "freshness",
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
        "        self.ages = True\n",
        "",
    ),
    Mutant(
        "a check too few",
        "serving",
        "return min(len(self._waiters) - self._places",
        "return min(len(self._waiters) - 1 - self._places",
    ),
    Mutant(
        "the unwanted are counted on",
        "jobs",
        "        self._counts[job.kind] -= not job.unwanted\n        job.unwanted = True\n",
        "        job.unwanted = True\n",
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
        "close forgets what is lent",
        "freshness",
        "        self.suspect_all(math.inf)\n",
        "",
    ),
    Mutant(
        "a drop that nobody notices",
        "places",
        "                self.vacant.enter(slot)\n                del self.lent.slots[key]\n",
        "",
    ),
    Mutant(
        "the address of the dead taken",
        "reports",
        "        places.free_collected(now)  # the session may live at the address of one that was dropped\n",
        "",
    ),
    Mutant(
        "a session lent and idle",
        "ledger",
        "        slot.state = IDLE\n        del lent[key]\n",
        "        slot.state = IDLE\n",
    ),
    Mutant(
        "an unfit session that is tried again",
        "reports",
        "        elif end is End.UNFIT:\n",
        "        elif False:\n",
    ),
    Mutant(
        "a stillborn session that nobody ends",
        "reports",
        "        if outcome.session is not None:\n",
        "        if False:\n",
    ),
    Mutant(
        "a session that lives on and is forgotten",
        "reports",
        "            self._places.left.append(session)\n        if job.slot",
        "            pass\n        if job.slot",
    ),
    Mutant(
        "a session that lives on and is never ended",
        "reports",
        "        if outcome.end in WELL and self._places.left:\n",
        "        if False:\n",
    ),
    Mutant(
        "a clearing that leaves what lives on",
        "places",
        "        while self.left:\n            self.end_left()\n",
        "",
    ),
    Mutant(
        "doubts without end",
        "reports",
        "self._serving.doubt.failures >= DOUBTS",
        "False",
    ),
    Mutant(
        "idle out of order",
        "idle",
        "        while place and slots[place - 1].proven_at > slot.proven_at:\n            place -= 1\n",
        "",
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
        "asleep after a pause",
        "serving",
        "        pauses = [self._next_filling_at()]\n",
        "        pauses: list[float] = []\n",
    ),
    Mutant(
        "a failure that withdraws what is checked",
        "places",
        "job.kind is CREATING and not job.started and job.slot",
        "job.kind is CREATING and not job.started or job.slot",
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
        "            or (self.ages and now >= slot.retires_at)\n        ):\n            return self.take_back",
        "            or (self.ages or now >= slot.retires_at)\n        ):\n            return self.take_back",
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
        "a bind that outlasts the pool",
        "jobs",
        "for round in self.rounds if round.fills]",
        "for round in self.rounds if round.lasts]",
    ),
    Mutant(
        "a round that outlasts what it waited for",
        "jobs",
        "return self._end(reached + done)",
        "return self._end(done)",
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
        "            self.renewal.put_proofs_aside(self._freshness.suspected_at)\n",
        "            pass\n",
    ),
    Mutant(
        "an old session that is reset, and stays",
        "reports",
        "        elif self._serving.may_renew(slot, now):\n",
        "        elif False:\n",
    ),
    Mutant(
        "a session that was being opened is taken for new",
        "renewal",
        "            job.outdated = job.kind is CREATING and job.started\n",
        "            pass\n",
    ),
    Mutant(
        "a session lost when its renewal fails",
        "places",
        "            self.idle.enter(slot, job.session)\n        self.jobs",
        "            self.vacant.enter(slot)\n        self.jobs",
    ),
    Mutant(
        "a renewed session that stays open",
        "reports",
        '        places.let_go_of_old(job, "renewed", now)\n',
        "",
    ),
    Mutant(
        "a proof of life that stays aside",
        "returns",
        "        self._serving.renewal.came_back(slot)\n        places.tally",
        "        places.tally",
    ),
    Mutant(
        "a session discarded as one that died",
        "returns",
        '                places.end(slot, "discarded", session, now)',
        '                self._freshness.suspect_all(now)\n                places.end(slot, "discarded", session, now)',
    ),
    Mutant(
        "a newcomer where there is no room",
        "returns",
        "not (slot or vacant or self._freshness.closed)",
        "False",
    ),
    Mutant(
        "a newcomer needs a death and a vacant slot",
        "returns",
        "not (slot or vacant or self._freshness.closed)",
        "not (slot and vacant or self._freshness.closed)",
    ),
    Mutant(
        "a living session lost when another fails",
        "reports",
        "            places.idle.enter_unproven(slot, job.session)\n            places.jobs.conclude(job)\n",
        "            places.vacant.enter(slot)\n            places.jobs.conclude(job)\n",
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
        "        if self.distrusts:\n            self.paused_at = now\n            return\n",
        "",
    ),
    Mutant(
        "a new session trusted before it is proven",
        "serving",
        "if is_meant and not slot.is_new:",
        "if is_meant:",
    ),
    Mutant(
        "a job that nobody began costs its session",
        "reports",
        "        elif end is End.GONE:\n",
        "        elif end is End.GONE or not job.started:\n",
    ),
    Mutant(
        "a job that nobody began is late",
        "reports",
        "        if job not in self._places.jobs.open:\n",
        "        if job not in self._places.jobs.open or not job.started:\n",
    ),
    Mutant(
        "locks that stay after an error of the application",
        "returns",
        "                job.after_error = verdict is Verdict.MAY_HOLD_LOCKS\n",
        "",
    ),
    Mutant(
        "locks let go that were meant to stay",
        "returns",
        "after_error = verdict is Verdict.MAY_HOLD_LOCKS\n",
        "after_error = True\n",
    ),
)
