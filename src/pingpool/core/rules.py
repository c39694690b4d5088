"""What follows from an event: who is served, which sessions are checked, made or renewed, and when.

The rules themselves are written at the top of `ledger`. Nothing here knows what the event was; `_settle` looks at the
slots as they are now, and orders what is missing.
"""

import math
from collections.abc import Callable
from itertools import islice, takewhile
from typing import Literal

from pingpool.core.backoff import Backoff
from pingpool.core.learning import Learning
from pingpool.core.orders import Job, Order
from pingpool.core.pacing import due, next_due
from pingpool.core.places import S
from pingpool.core.slot import CHECKING, CLOSING, CREATING, RESETTING, AgingSlot, Slot

AHEAD = 0.1
"""A kept-alive pool proves and renews its sessions this fraction of their time before they would be missed."""


class Rules(Learning[S]):
    """The slots of one pool, and the rules by which they serve."""

    def __init__(
        self,
        size: int,
        *,
        interval: float | Literal["auto"],
        jitter: Callable[[], float],
        lifetime: float = math.inf,
        max_waiters: float = math.inf,
        slots: Callable[[], Slot] | None = None,
    ) -> None:
        """Start with `size` vacant slots that nobody fills yet. `interval` and `lifetime` are seconds."""
        super().__init__(size, slots or (AgingSlot if lifetime < math.inf else Slot), interval)
        self.lifetime = lifetime
        self.ages = lifetime < math.inf
        self.max_waiters = max_waiters
        self.creation = Backoff(jitter)
        self.doubt = Backoff(jitter)
        self.filling = False
        self.closed = False
        self.failure: BaseException | None = None
        self.refusal: BaseException | None = None
        self.at_once: int = 0

    def wake_at(self, now: float) -> float:
        """Return when the pause ends that holds something back; infinity if there is none."""
        pauses: list[float] = []
        if self.filling and self.vacant:
            pauses.append(self._next_creation_at())
        if self._checks_wanted() > 0:
            pauses.append(self._next_check_at())
        return min((end for end in pauses if end > now), default=math.inf)

    def next_look_at(self, now: float) -> float:
        """Return when to look again at what is due: when something will be, or might be by then after all."""
        return min(self.next_due(), now + AHEAD * min(self.interval, self.lifetime))

    def next_due(self) -> float:
        """Return when a `ping` will have something to do; infinity if the pool is empty."""
        if self.idle and self.idle[0].proven_at <= self.suspected_at:  # if proven in that very moment: in the next
            return max(self.doubt.next_at(0, waiting=0), math.nextafter(self.suspected_at, math.inf))
        scout = self._scout()
        others = islice(self.idle, scout is not None, None)
        trial_at = math.inf if scout is None else scout.proven_at + self._trial()
        return min(self._renewal_at(), trial_at, next_due((slot.proven_at for slot in others), *self._pace()))

    def _settle(self, now: float) -> list[Order]:
        """Serve whoever can be served, order what the others need, and return all orders that have come up."""
        self._read_letters()
        if self.idle or self.vacant or self.rounds:  # without any of these nothing can follow
            self._follow(now)
        orders, self._todo = self._todo, []
        return orders

    def _follow(self, now: float) -> None:
        """Do what the slots, as they are now, call for."""
        self._serve(now)
        self._check_for_waiters(now)
        self._fill_vacant(now)
        for round in [round for round in self.rounds if not round.jobs]:
            round.is_over = True
            self._todo.append(round)
            self.rounds.remove(round)

    def _serve(self, now: float) -> None:
        """Hand fresh idle sessions to the waiters; overdue ones in front of a fresh one are checked meanwhile."""
        while self.waiters and self.idle:
            slot, last = self.idle[0], self.idle[-1]
            if now >= last.retires_at:
                self._end(last, "too old", last.session)
                self.idle.pop()
            elif now >= slot.retires_at:
                self._end(slot, "too old", slot.session)
                self.idle.popleft()
            elif self._is_fresh(slot, now):
                self._hand_over(slot, slot.session)
                self.idle.popleft()
            elif self._is_fresh(last, now):
                self._check(slot, now)
                self.idle.popleft()
            else:
                break

    def _check_for_waiters(self, now: float) -> None:
        """Have as many overdue sessions checked as there are waiters with no check under way for them."""
        while self._checks_wanted() > 0 and self._next_check_at() <= now:
            self.doubt.began(now)
            self._check(self.idle[0], now).urgent = True
            self.idle.popleft()

    def _checks_wanted(self) -> int:
        """Return for how many waiters an idle session is to be checked that nobody checks yet."""
        return min(len(self.waiters) - self.under_way[CHECKING] - self.under_way[RESETTING], len(self.idle))

    def _next_check_at(self) -> float:
        """Return when the next check for a waiter may begin."""
        return self.doubt.next_at(self.under_way[CHECKING], len(self.waiters))

    def _check(self, slot: Slot, now: float) -> Job:
        """Have an idle session checked."""
        job = self._begin(CHECKING, slot, slot.session)
        if slot.proven_at > -math.inf:
            job.idle_for = now - slot.proven_at
        return job

    def _fill_vacant(self, now: float) -> None:
        """Have vacant slots filled, as many side by side as the back-off allows."""
        while self.filling and self.vacant and self._next_creation_at() <= now:
            self.creation.began(now)
            self._begin(CREATING, self.vacant[0], None)
            self.vacant.popleft()

    def _next_creation_at(self) -> float:
        """Return when the next vacant slot may be filled."""
        return self.creation.next_at(self.under_way[CREATING], len(self.waiters))

    def _land(self, slot: Slot, session: S) -> None:
        """A session that is good to be lent goes to the waiter in front, or to idle."""
        if self.waiters:
            self._hand_over(slot, session)
        else:
            self._shelve(slot, session)

    def _is_fresh(self, slot: Slot, now: float) -> bool:
        """May the session be lent without a check? (`check_out` asks the same, in place.)"""
        proven_at = slot.proven_at
        return now - proven_at < self.interval and proven_at > self.suspected_at and now < slot.retires_at

    def _pace(self) -> tuple[float, float]:
        """Return the age at which sessions are pinged, and the gap between two pings, in seconds."""
        if not self.kept or self.interval == math.inf:
            return self.interval, 0.0
        age = self.interval * (1 - AHEAD)
        return age, age / self.size

    def _due(self, now: float) -> list[Slot]:
        """Return the idle slots whose sessions are due for a check, oldest first."""
        scout = self._scout()
        is_out = scout is not None and now < scout.proven_at + self._trial()
        slots = list(islice(self.idle, is_out, None))
        suspects = sum(1 for _ in takewhile(lambda slot: slot.proven_at <= self.suspected_at, slots))
        return slots[: max(suspects, due((slot.proven_at for slot in slots), now, *self._pace()))]

    def _renewal_at(self) -> float:
        """Return when the next idle session is to be renewed: one at a time, and only while no other slot is empty."""
        if self.lifetime == math.inf or self.vacant or self.under_way[CREATING] or self.under_way[CLOSING]:
            return math.inf
        return min((slot.retires_at for slot in self.idle), default=math.inf) - AHEAD / 2 * self.lifetime

    def _mourn(self, slot: Slot, age: float, now: float) -> None:
        """A check, or a look, found a session dead after so many idle seconds."""
        self.creation.take_care()
        self._learn_death(slot, age, now)

    def _turn_away(self, error: BaseException) -> list[Order]:
        """Answer every waiter with the error."""
        told: list[Order] = list(self.waiters)
        for waiter in self.waiters:
            waiter.error = error
        self.waiters.clear()
        return told

    def _is_hopeless(self) -> bool:
        """Is there no session at all, in anybody's hands, that a waiter could hope for?"""
        return not (self.idle or self.lent or self.under_way[CHECKING] or self.under_way[RESETTING])
