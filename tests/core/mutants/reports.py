"""Faults in what follows from the end of a job."""

from .mutant import Mutant

REPORTS = (
    Mutant(
        "a hang-up that is lost while the session is checked",
        "reports",
        "if self._places.hangups.claim(slot) and not has_overrun:",
        "if False:",
    ),
    Mutant(
        "a slot lost when its session is closed",
        "reports",
        "        if job.slot is not None:\n            self._places.vacant.enter(job.slot)\n",
        "",
    ),
    Mutant(
        "all at once after a death",
        "reports",
        "        self._serving.creation.take_care(now)\n",
        "",
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
        "the address of the dead taken",
        "reports",
        "        places.free_collected(now)  # the session may live at the address of one that was dropped\n",
        "",
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
        "doubts without end",
        "reports",
        "self._serving.doubt.failures >= DOUBTS",
        "False",
    ),
    Mutant(
        "an old session that is reset, and stays",
        "reports",
        "        elif self._serving.may_renew(slot, now):\n",
        "        elif False:\n",
    ),
    Mutant(
        "a renewed session that stays open",
        "reports",
        '        places.let_go_of_old(job, "renewed", now)\n',
        "",
    ),
    Mutant(
        "a living session lost when another fails",
        "reports",
        "            places.idle.enter_unproven(slot, job.session)\n            places.jobs.conclude(job)\n",
        "            places.vacant.enter(slot)\n            places.jobs.conclude(job)\n",
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
)
