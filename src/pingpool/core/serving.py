"""What follows from an event: who is served, which sessions are checked for a waiter, and which slots are filled.

Nothing here knows what the event was. `settle` looks at the slots as they are now, and orders what is missing.
"""

import math
from collections.abc import Callable
from typing import Any

from pingpool.core.at_hand import AtHand
from pingpool.core.backoff import URGENT, Backoff
from pingpool.core.freshness import Freshness
from pingpool.core.orders import Job, Order, Outcome
from pingpool.core.places import Places
from pingpool.core.renewal import Renewal
from pingpool.core.slot import CHECKING, CLOSING, CREATING, RESETTING, VACANT, Slot
from pingpool.core.told import Made


class Serving:
    """Serves those who wait, and has vacant slots filled while the pool is `filling`.

    `stock` is how many sessions are to be open though nobody waits for them: all, or none where they are opened on
    demand. `on_trial` are the slots whose sessions were created while new ones were distrusted.
    """

    __slots__ = (
        "_freshness",
        "_idle",
        "_places",
        "_waiters",
        "at_hand",
        "creation",
        "doubt",
        "filling",
        "on_trial",
        "renewal",
        "stock",
    )

    def __init__(self, places: Places, freshness: Freshness, jitter: Callable[[], float]) -> None:
        self._places = places
        self._idle = places.idle.slots
        self._waiters = places.line.waiters
        self._freshness = freshness
        self.creation = Backoff(len(places.slots), jitter)
        self.doubt = Backoff(len(places.slots), jitter)
        self.on_trial: set[Slot] = set()
        self.renewal = Renewal(places)
        self.at_hand = AtHand(places, freshness)
        self.filling = False
        self.stock = 0

    def settle(self, now: float) -> list[Order]:
        """Do what the slots, as they are now, call for; return all orders that have come up."""
        places = self._places
        places.free_collected(now)
        if self.creation.distrusts:
            self._see_who_was_proven(now)
        if self.at_hand.pings:
            self.at_hand.serve(now)
        if self.renewal.old:
            self.renewal.forget_vacant()
        if self._idle and self._waiters:
            self._serve(now)
        if self._idle or places.vacant.slots or places.jobs.rounds:  # without any of these nothing can follow
            self._check_for_waiters(now)
            self._fill_vacant(now)
            places.orders += places.jobs.end_rounds(places.count_open(), len(self.renewal.old))
            self._renew(now)  # after the rounds: a session that is to be renewed is open for them
        if self.renewal.old:
            self.renewal.put_proofs_aside(self._freshness.suspected_at, now)
        return places.take_orders()

    @property
    def has_more_to_see_to(self) -> bool:
        """May more follow from a proven session's return than that the waiter in front has it?

        One that is to be renewed, or that was heard to be dead, is not among the proven.
        """
        places = self._places
        return bool(self._idle or places.vacant.slots or places.jobs.rounds or self.creation.distrusts)

    def welcome(self, slot: Slot, session: Any, outcome: Outcome, now: float) -> None:
        """Give a new session to the slot, by the outcome of its creation."""
        places = self._places
        if self.creation.distrusts:
            self.on_trial.add(slot)
        self.renewal.is_done(slot)
        places.hangups.forget(slot)
        slot.ref = places.lent.ref_to(session, slot)
        self._freshness.date(slot, now, outcome.expires_in)
        places.dates.enter(slot)
        is_missed = places.lent.would_miss(slot)
        places.hear(Made(now, outcome.took, places.count_open() + 1, type(session), is_missed))

    def land(self, slot: Slot, session: Any, now: float) -> None:
        """A session that is good to be lent goes to the waiter in front, or to idle."""
        if self._waiters:
            self._places.hand_over(slot, session, now)
        else:
            self._places.idle.enter(slot, session)

    def check(self, slot: Slot, now: float) -> Job:
        """Have an idle session checked."""
        job = self._places.begin(CHECKING, slot, slot.session)
        if slot.proven_at > -math.inf:
            job.idle_for = now - slot.proven_at
        return job

    @property
    def is_whole(self) -> bool:
        """Is no session missing that is wanted, and did the last attempt to create one succeed?"""
        creation = self.creation
        is_well = not (creation.failures or creation.distrusts)
        return is_well and self.filling and self._creations_wanted() <= 0 and not self._places.jobs.count(CREATING)

    def wake_at(self, now: float) -> float:
        """Return when the pause ends that holds something back; infinity if there is none."""
        if not (self._idle or self._places.vacant.slots or self.at_hand.pings):  # a pause could hold nothing back
            return math.inf
        pauses = [self._next_filling_at(), self.at_hand.next_ping_at()]
        if self._checks_wanted() > 0:
            pauses.append(self._next_check_at())
        if self.renewal.next_idle() is not None:
            pauses.append(self._next_creation_at())
        return min((end for end in pauses if end > now), default=math.inf)

    def _see_who_was_proven(self, now: float) -> None:
        """Trust new sessions again once one of them was proven, also by a use that ended well in the fast way.

        Few are on trial, however large the pool is: few a second are created, and those that died are forgotten.
        """
        since = self.creation.distrusts_since
        for slot in list(self.on_trial):
            is_meant = slot.created_at is not None and slot.created_at > since
            if is_meant and not slot.is_new:
                self.creation.proved(now)
                self.on_trial.clear()
                return
            if slot.state is VACANT or not is_meant:
                self.on_trial.discard(slot)

    def _serve(self, now: float) -> None:
        """Hand fresh idle sessions to the waiters; overdue ones in front of a fresh one are checked meanwhile."""
        places, idle, is_fresh = self._places, self._idle, self._freshness.is_fresh
        while self._waiters and idle:
            oldest, newest = idle[0], idle[-1]
            if now >= newest.retires_at:
                places.end(newest, "too old", newest.session, now)
                idle.pop()
            elif now >= oldest.retires_at:
                places.end(oldest, "too old", oldest.session, now)
                idle.popleft()
            elif is_fresh(oldest, now):
                places.hand_over(oldest, oldest.session, now)
                idle.popleft()
            elif is_fresh(newest, now):
                self.check(oldest, now)
                idle.popleft()
            else:
                break

    def _check_for_waiters(self, now: float) -> None:
        """Have as many overdue sessions checked as there are waiters with no check under way for them."""
        while self._checks_wanted() > 0 and self._next_check_at() <= now:
            self.doubt.began(now, len(self._waiters))
            self.check(self._idle[0], now).urgent = True
            self._idle.popleft()

    def _checks_wanted(self) -> int:
        """Return for how many waiters an idle session is to be checked that nobody checks yet."""
        return min(len(self._waiters) - self._places.jobs.count(CHECKING, RESETTING), len(self._idle))

    def _next_check_at(self) -> float:
        """Return when the next check for a waiter may begin."""
        return self.doubt.next_at(self._places.jobs.count(CHECKING), len(self._waiters))

    def _fill_vacant(self, now: float) -> None:
        """Have vacant slots filled, as many side by side as the back-off allows."""
        vacant = self._places.vacant.slots
        while self._next_filling_at() <= now:
            self.creation.began(now, self._waiting())
            self._places.begin(CREATING, vacant[0], None)
            vacant.popleft()

    def _next_filling_at(self) -> float:
        """Return when the next vacant slot is to be filled; infinity if none is."""
        wanted_at = -math.inf if self._creations_wanted() > 0 else self._relief_at()
        return max(wanted_at, self._next_creation_at()) if wanted_at < math.inf else math.inf

    def _relief_at(self) -> float:
        """Return when one more slot is to be filled for the waiter in front, since what is under way may hang."""
        if not (self.filling and self._waiters and self._places.vacant.slots):
            return math.inf
        return max(self._places.line.front.since, self.creation.began_at) + URGENT

    def _creations_wanted(self) -> int:
        """Return how many vacant slots are to be filled that nobody fills yet.

        They are wanted by whoever waits, for the stock, and for a session that was ended to be renewed.
        """
        places = self._places
        vacant, jobs = len(places.vacant.slots), places.jobs
        if not (self.filling and vacant) or self.stock == len(places.slots):
            return vacant if self.filling else 0
        under_way = jobs.count(CREATING)
        for_waiters = len(self._waiters) - jobs.count(CHECKING, RESETTING)
        for_stock = max(self.stock, jobs.sessions_awaited) - places.count_open()
        for_gap = self.renewal.gap and not jobs.count(CLOSING)  # there is no room before the old one has gone
        return min(vacant, max(for_waiters, for_stock, for_gap) - under_way)

    def _renew(self, now: float) -> None:
        """Have one idle session renewed, if nobody wants it and no other slot is out of use for that."""
        slot = self.renewal.next_idle()
        if slot is not None and not self._waiters and self.may_renew(slot, now):
            self.renew(slot, slot.session, now)
            self._idle.remove(slot)

    def may_renew(self, slot: Slot, now: float) -> bool:
        """Is the session of this slot to be renewed, and may that be now?"""
        if slot not in self.renewal.old:
            return False
        is_calm = not (self._creations_wanted() > 0 or self._places.jobs.count(CREATING, CLOSING))
        return self.filling and is_calm and self._next_creation_at() <= now

    def renew(self, slot: Slot, session: Any, now: float) -> Job:
        """Have the session of a slot replaced by a new one."""
        if self.renewal.has_room:
            self.creation.began(now, self._waiting())
            return self._places.begin(CREATING, slot, session)
        self.renewal.gap = True
        return self._places.end(slot, "renewed", session, now)

    def _next_creation_at(self) -> float:
        """Return when the next vacant slot may be filled."""
        return self.creation.next_at(self._places.jobs.count(CREATING), self._waiting())

    def _waiting(self) -> int:
        """Return how many wait for new sessions: to have one, or to see some open."""
        return len(self._waiters) + self._places.jobs.expecting
