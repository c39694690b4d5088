"""The jobs under way, and the rounds that wait for them.

A slot under a job is reserved alone. What follows from the jobs of a round belongs to the round too: the end of a
session that is not wanted, and the first attempt to fill a slot that fell vacant.
"""

import math
from typing import Any

from pingpool.core.orders import Job, Round
from pingpool.core.slot import IDLE, IN_USE, VACANT, WORKING, Slot, State


class Jobs:
    """What the workers have to do, or do."""

    __slots__ = ("_counts", "open", "rounds")

    def __init__(self) -> None:
        self.open: set[Job] = set()
        self.rounds: list[Round] = []
        self._counts: dict[State, int] = dict.fromkeys(WORKING, 0)

    def count(self, *kinds: State) -> int:
        """Return how many jobs of these kinds are under way whose result is wanted."""
        counts, total = self._counts, 0
        for kind in kinds:
            total += counts[kind]
        return total

    def begin(self, kind: State, slot: Slot | None, session: Any) -> Job:
        """Order a job; its slot, if any, is reserved for it."""
        job = Job(kind, slot, session)
        self.open.add(job)
        if slot is not None:
            slot.state = kind
            slot.session = None
            for round in self.rounds:
                if slot in round.vacated:
                    round.jobs.add(job)
                    round.vacated.discard(slot)
        self._counts[kind] += 1
        return job

    def conclude(self, job: Job, successor: Job | None = None) -> None:
        """Take the job off the books; rounds that waited for it wait for what follows from it."""
        for round in self.rounds:
            if job in round.jobs:
                if successor is not None:
                    round.jobs.add(successor)
                elif job.slot is not None and job.slot.state is VACANT:
                    round.vacated.add(job.slot)
                round.jobs.discard(job)
        self._counts[job.kind] -= not job.unwanted
        job.session = None
        self.open.discard(job)
        if not self.open:
            self.open.clear()  # lets go of the room that many jobs took

    def renounce(self, job: Job) -> None:
        """What the job brings is not wanted any more; nobody can count on it."""
        self._counts[job.kind] -= not job.unwanted
        job.unwanted = True

    # Rounds.

    def join(self, round: Round) -> None:
        """Let the round wait for all that is under way."""
        round.jobs |= self.open
        self.rounds.append(round)

    def rounds_of(self, job: Job) -> list[Round]:
        """Return the rounds that wait for the job."""
        return [round for round in self.rounds if job in round.jobs]

    @property
    def sessions_awaited(self) -> int:
        """How many sessions somebody waits to see open, whoever may use them."""
        return max([int(round.enough) for round in self.rounds if round.enough < math.inf], default=0)

    @property
    def expecting(self) -> int:
        """How many wait until sessions are open, whatever fails meanwhile."""
        return sum(round.lasts for round in self.rounds)

    def end_rounds(self, sessions: int, to_renew: int) -> list[Round]:
        """Return the rounds that wait for nothing any more: they are over.

        So many sessions are open now, and so many are to be renewed.
        """
        over: list[Round] = []
        for round in self.rounds:
            if round.enough <= sessions:
                round.failure = None
                over.append(round)
            elif not (round.jobs or round.lasts or (round.renews and to_renew)):
                over.append(round)
        return self._end(over)

    def disappoint(self, failure: BaseException) -> list[Round]:
        """Return the rounds that waited for sessions, of which there will be none: they are over."""
        return self._fail([round for round in self.rounds if round.enough < math.inf], failure)

    def call_off(self, failure: BaseException) -> list[Round]:
        """Return the rounds that were to open sessions, however many: they are over."""
        return self._fail([round for round in self.rounds if round.fills], failure)

    def _fail(self, rounds: list[Round], failure: BaseException) -> list[Round]:
        for round in rounds:
            round.failure = failure
        return self._end(rounds)

    def _end(self, over: list[Round]) -> list[Round]:
        for round in over:
            round.is_over = True
        if over:
            self.rounds[:] = [round for round in self.rounds if not round.is_over]
        return over

    def rebuild(self) -> None:
        """Drop the jobs that their slots' states contradict; of two for one slot, the one that has a successor."""
        valid = [job for job in self.open if job.slot is None or job.slot.state is job.kind]
        successors = {job.slot: job for job in valid if job.slot is not None and not job.started}
        kept = {job for job in valid if not job.started or job.slot not in successors}
        _take_from(self.open - kept, kept)
        self.open &= kept
        for round in self.rounds:
            round.jobs |= {successors[job.slot] for job in round.jobs if job.slot in successors}
            round.jobs &= self.open
        for kind in WORKING:
            self._counts[kind] = sum(job.kind is kind and not job.unwanted for job in self.open)


def _take_from(dropped: set[Job], kept: set[Job]) -> None:
    """Take from dropped jobs the sessions that are in another place by now: a late report would end them there."""
    elsewhere = {id(job.session) for job in kept}
    for job in dropped:
        if id(job.session) in elsewhere or (job.slot is not None and job.slot.state in (IDLE, IN_USE)):
            job.session = None
