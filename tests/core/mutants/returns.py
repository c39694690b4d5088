"""Faults in how sessions come back: the late, the suspect, the collected, and those with a job to do first."""

from .mutant import Mutant

RETURNS = (
    Mutant(
        "a session that is passed on as if its proof were as old as the use before",
        "returns",
        "        slot.proven_at = now\n        places.hand_over(slot, session, now)\n",
        "        places.hand_over(slot, session, now)\n",
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
        "a hang-up on one that was given back unused and is forgotten",
        "returns",
        "has_hung_up = self._places.hangups.claim(slot)",
        "has_hung_up = False",
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
