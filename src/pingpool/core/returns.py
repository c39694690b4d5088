"""How a session comes back from whoever had it, and what becomes of it by what is known of its use.

The fast way back is `check_in` of the ledger; here is every other one, also of sessions that reached nobody, that were
created elsewhere, or that leave the pool for good.
"""

from typing import Any

from pingpool.core.freshness import Freshness
from pingpool.core.learner import Learner
from pingpool.core.orders import End, Order, Outcome, Refused, Round, Verdict
from pingpool.core.places import Places
from pingpool.core.reports import Reports
from pingpool.core.serving import Serving
from pingpool.core.slot import CHECKING, CLOSING, CREATING, IDLE, RESETTING, Slot
from pingpool.core.uses import SINCE
from pingpool.errors import PoolFull

OVER = frozenset({Verdict.LOST, Verdict.GONE, Verdict.TAINTED, Verdict.DISCARDED})
"""What is said of a session that is not kept anyhow."""


class Returns:
    """Takes sessions back."""

    __slots__ = ("_freshness", "_learner", "_places", "_reports", "_serving")

    def __init__(
        self, places: Places, freshness: Freshness, learner: Learner, serving: Serving, reports: Reports
    ) -> None:
        self._places = places
        self._freshness = freshness
        self._learner = learner
        self._serving = serving
        self._reports = reports

    def take_back(self, session: Any, verdict: Verdict, now: float) -> list[Order]:
        """Take a session back, by what is known of it."""
        places = self._places
        slot = places.lent.slot_of(session)
        if slot is None:
            return self.refuse(session)
        self._serving.renewal.came_back(slot)
        places.tally.uses.note(now - slot.use.since)
        match self._with_what_was_heard(slot, verdict):
            case Verdict.WELL if not self._freshness.closed:  # first, since it is by far the most frequent
                self._take_back_well(slot, session, now)
            case Verdict.LOST:
                self._serving.creation.take_care(now)
                self._learner.died_in_use(slot, now)
                self._reports.died(slot, None, now)
                self._freshness.suspect_all(now)
                places.give_up(slot, "lost", session, now)
            case Verdict.GONE:
                self._bury(slot, session, now)
            case Verdict.TAINTED:
                places.end(slot, "tainted", session, now)
            case Verdict.DISCARDED:
                places.end(slot, "discarded", session, now)
            case _ if self._freshness.closed:
                places.end(slot, "closed", session, now)
            case Verdict.UNPROVEN:
                places.begin(CHECKING, slot, session).after_error = True
            case _:  # something was left open, or may be
                left_by = slot.use if verdict is Verdict.UNCOMMITTED else None
                job = places.begin(RESETTING, slot, session)
                job.left_by = left_by
                job.after_error = verdict is Verdict.MAY_HOLD_LOCKS
        places.lent.leave(session)
        return self._serving.settle(now)

    def _with_what_was_heard(self, slot: Slot, verdict: Verdict) -> Verdict:
        """Return what is known of a session that comes back: if the other side has hung up, it died in use."""
        has_hung_up = self._places.hangups.claim(slot)
        return Verdict.LOST if has_hung_up and verdict not in OVER else verdict

    def pass_straight_on(self, slot: Slot, session: Any, now: float) -> list[Order]:
        """Take a session back from a use that ended well, for the waiter in front: it stays among those that are lent.

        Only where the line is all that has to be looked at.
        """
        places = self._places
        if self._serving.has_more_to_see_to:
            return self.take_back(session, Verdict.WELL, now)
        places.tally.uses.note(now - slot.session[SINCE])
        slot.proven_at = now
        places.hand_over(slot, session, now)
        return places.take_orders()

    def prove(self, session: Any, round: Round, now: float) -> list[Order]:
        """Have a session checked that its holder wants proven, and not back; the round includes replacing it."""
        places = self._places
        slot = places.lent.slot_of(session)
        if slot is not None:
            is_over = self._freshness.closed
            job = places.end(slot, "closed", session, now) if is_over else places.begin(CHECKING, slot, session)
            round.jobs.add(job)
            places.lent.leave(session)
        places.jobs.rounds.append(round)
        return self._serving.settle(now)

    def adopt(self, session: Any, dead: Any, now: float) -> list[Order]:
        """Take in a session created elsewhere: in place of a lent one that died, or in a slot nobody fills yet."""
        places = self._places
        vacant = places.vacant.slots
        places.free_collected(now)
        slot = None if dead is None else places.lent.slot_of(dead)
        if places.knows(session) or not (slot or vacant or self._freshness.closed):
            return self.refuse(session) or [Refused(PoolFull(f"this {type(session).__name__} is lent by this pool"))]
        if slot is not None:
            places.tally.uses.note(now - slot.use.since)
            self._freshness.suspect_all(now)
            places.give_up(slot, "lost", dead, now)
            places.lent.leave(dead)
        if self._freshness.closed:
            places.begin(CLOSING, None, session)
            return self._serving.settle(now)
        slot = vacant[-1]
        self._serving.welcome(slot, session, Outcome(End.CREATED), now)
        self._serving.land(slot, session, now)
        vacant.pop()
        return self._serving.settle(now)

    def swap(self, session: Any, now: float) -> list[Order]:
        """Take in a session created elsewhere, if need be in place of one that is not lent.

        If all are lent, it is one too many, and is ended.
        """
        places = self._places
        places.free_collected(now)
        if places.vacant.slots or places.knows(session) or self._freshness.closed:
            return self.adopt(session, None, now)
        if places.idle.slots:
            self._exchange(places.idle.slots[-1], session, now)
            return self._serving.settle(now)
        for job in places.jobs.open:
            if job.kind is CREATING and job.session is None and job.slot is not None:
                places.withdraw(job, job.slot)
                return self.adopt(session, None, now)
        places.begin(CLOSING, None, session)
        return self._serving.settle(now)

    def _exchange(self, slot: Slot, session: Any, now: float) -> None:
        """Let a session created elsewhere take the slot of the newest idle one, which is ended aside."""
        self._places.note_end(slot, "swapped", now)
        self._places.begin(CLOSING, None, slot.session)
        self._serving.welcome(slot, session, Outcome(End.CREATED), now)
        slot.session = session

    def pass_on(self, session: Any, now: float) -> None:
        """Take back a session that reached its waiter too late.

        A waiter may have been garbage-collected in one cycle with it. Then its reference is dead, and finalisers may
        have been at it, so it is ended; if its slot was freed before, aside.
        """
        places = self._places
        slot = places.lent.slots.get(id(session))
        if slot is None:
            places.begin(CLOSING, None, session)
            return
        self._serving.renewal.came_back(slot)
        if self._freshness.closed:
            places.end(slot, "closed", session, now)
        elif slot.ref() is None:
            places.end(slot, "dropped", session, now)
        elif places.hangups.claim(slot):
            self._bury(slot, session, now)
        else:
            places.idle.enter(slot, session)
        places.lent.leave(session)

    def detach(self, session: Any, now: float) -> list[Order]:
        """Let a lent session go: it is its holder's from now on, and its slot is free for another."""
        places = self._places
        slot = places.lent.slot_of(session)
        if slot is None:
            return self.refuse(session)
        places.tally.uses.note(now - slot.use.since)
        places.note_end(slot, "detached", now)
        places.vacant.enter(slot)
        places.lent.leave(session)
        return self._serving.settle(now)

    def hear_hang_up(self, slot: Slot, ref: Any, now: float) -> None:
        """Hear of a hang-up on the session of this reference. If the slot has another one now, nothing follows.

        An idle one is replaced at once. So is one that waits aside for the one that is to take its place. One that
        somebody has is replaced when it comes back.
        """
        places = self._places
        if slot.ref is None or slot.ref is not ref:
            return
        if slot.state is IDLE:
            self._serving.creation.heard(now)
            self._bury(slot, slot.session, now)
            places.idle.leave(slot)
        elif slot.state is CREATING:
            self._bury_aside(slot, now)
        else:
            places.hangups.note(slot)

    def refuse(self, session: Any) -> list[Order]:
        """Answer with the reason why this object is not taken back, if it is not."""
        rejection = self._places.rejection(session)
        return [] if rejection is None else [Refused(rejection)]

    def _bury(self, slot: Slot, session: Any, now: float) -> None:
        """Give up a session that was found dead before anybody used it: nobody else is suspected."""
        self._found_dead(slot, now)
        self._places.give_up(slot, "gone", session, now)

    def _bury_aside(self, slot: Slot, now: float) -> None:
        """The same for one that is to be renewed, and that nobody will want back if that fails."""
        for job in [job for job in self._places.jobs.open if job.slot is slot and job.session is not None]:
            self._found_dead(slot, now)
            self._places.let_go_of_old(job, "gone", now)

    def _found_dead(self, slot: Slot, now: float) -> None:
        self._reports.found_dead(slot, now - slot.proven_at, now)
        self._reports.died(slot, None, now)

    def _take_back_well(self, slot: Slot, session: Any, now: float) -> None:
        """Take back a session whose use ended well; one that is suspect proves nothing by that."""
        if now >= slot.retires_at:
            self._places.end(slot, "too old", session, now)
        elif self._serving.may_renew(slot, now):
            self._serving.renew(slot, session, now)
        elif self._freshness.is_suspect(slot):
            self._places.idle.enter_unproven(slot, session)
        else:
            slot.proven_at = now
            self._places.idle.enter(slot, session)
