"""The reports: each job of the crew ends in exactly one, and what follows from that is decided here.

A report of a job that is off the books is late, and a session that comes with it is ended. The rules that are named by
number are written at the top of `ledger`.
"""

from pingpool.core.orders import Job, Order
from pingpool.core.places import S
from pingpool.core.rules import AHEAD, Rules
from pingpool.core.slot import CHECKING, CLOSING, CREATING, RESETTING, Slot
from pingpool.errors import Overrun

DOUBTS = 3
"""After so many bursts of checks in a row that proved nothing, a session nobody can vouch for is replaced."""


class Reports(Rules[S]):
    """How the jobs of one pool end."""

    def start(self, job: Job) -> bool:
        """Return whether the job is still to be done; from now on it can only be reported, not withdrawn."""
        if job.started or job not in self.jobs:
            return False
        job.started = True
        job.ordered_after = self.suspected_at
        return True

    def made(self, job: Job, session: S, now: float) -> list[Order]:
        """Report a new session."""
        if job not in self.jobs or job.slot is None:
            return self._end_late(session, now)
        self._read_letters()  # the session may live at the address of one that was dropped
        slot = job.slot
        self.creation.succeeded(now)
        self.failure = self.refusal = None
        self.tally["made"] += 1
        self._welcome(slot, session, now)
        if job.doomed:
            self._conclude(job, self._end(slot, "cleared", session))
        else:
            self._settle_down(job, slot, session, now)
        return self._settle(now)

    def failed(self, job: Job, error: BaseException, now: float) -> list[Order]:
        """Report that no session could be made; what was ordered and not begun waits until the pause is over."""
        if job in self.jobs and job.slot is not None:
            self.failure = error
            for round in self.rounds:
                if job in round.jobs:
                    round.failure = error
            self.creation.failed(now)
            self.tally["failed"] += 1
            self._withdraw(job, job.slot)
            for other in list(self.jobs):
                if other.kind is CREATING and not other.started and other.slot is not None:
                    self._withdraw(other, other.slot)
        return self._settle(now)

    def refused(self, job: Job, error: BaseException, now: float) -> list[Order]:
        """Report a failure that will not heal by itself: if there is no session to wait for, the waiters are told."""
        if job not in self.jobs:
            return self._settle(now)
        self.refusal = error
        orders = self.failed(job, error, now)
        return orders + self._turn_away(error) if self._is_hopeless() else orders

    def down(self, job: Job, error: BaseException, now: float) -> list[Order]:
        """Report that there was no server to make a session; whoever waits may soon ask again."""
        if job not in self.jobs:
            return self._settle(now)
        orders = self.failed(job, error, now)
        self.creation.hasten()
        return orders

    def alive(self, job: Job, now: float) -> list[Order]:
        """Report that a check, or a reset, proved the session."""
        if job not in self.jobs or job.slot is None:
            return self._end_late(job.session, now)
        slot = job.slot
        if not self.creation.failures:
            self.failure = None
        if job.kind is CHECKING:
            self.doubt.succeeded(now)
            self.tally["pings"] += 1
            self._learn_life(job.idle_for)
            for round in self.rounds:
                round.proved += job in round.jobs
        if job.doomed or now >= slot.retires_at:
            self._conclude(job, self._end(slot, "cleared" if job.doomed else "too old", job.session))
        else:
            self._settle_down(job, slot, job.session, now)
        return self._settle(now)

    def sighted(self, job: Job, now: float) -> list[Order]:
        """Report that a quick check saw the session alive, which need not prolong its life: enough for a waiter.

        If none is left to use it now, it is checked again, in the way that counts for later.
        """
        if self.waiters or job.doomed or job not in self.jobs or job.slot is None:
            return self.alive(job, now)
        self._learn_life(job.idle_for)
        self._conclude(job, self._begin(CHECKING, job.slot, job.session))
        return self._settle(now)

    def gone(self, job: Job, now: float) -> list[Order]:
        """Report that the session of a check or a reset is dead."""
        if job not in self.jobs or job.slot is None:
            return self._end_late(job.session, now)
        if job.kind is CHECKING:
            self._found_dead(job, job.slot, now)
        self._give_up(job.slot, "gone", job.session)
        self._conclude(job)
        return self._settle(now)

    def in_doubt(self, job: Job, error: BaseException, now: float) -> list[Order]:
        """Report that a check, or a reset, failed without saying that the session is dead."""
        if job not in self.jobs or job.slot is None:
            return self._end_late(job.session, now)
        self.failure = error
        if job.kind is CHECKING:
            self.doubt.failed(now)
        if job.kind is RESETTING or job.doomed or self.doubt.failures >= DOUBTS:
            self._conclude(job, self._end(job.slot, "in doubt", job.session))
        else:
            self._distrust(job.slot, job.session)
            self._conclude(job)
        return self._settle(now)

    def ended(self, job: Job, now: float) -> list[Order]:
        """Report that a session was ended, well or not."""
        if job in self.jobs:
            if job.slot is not None:
                self._vacate(job.slot)
            self._conclude(job)
        return self._settle(now)

    def overran(self, job: Job, now: float) -> list[Order]:
        """Report that a job took too long: its slot goes on without it, and whatever it still brings is ended."""
        if job not in self.jobs:
            return self._settle(now)
        self.tally["overran"] += 1
        error = Overrun(f"the database took longer than io_timeout (the session was {job.kind.value})")
        if job.kind is CREATING:
            return self.failed(job, error, now)
        if job.kind is not CLOSING and not job.started:  # the whole crew hangs: nobody has seen this session
            return self.in_doubt(job, error, now)
        if job.kind is CHECKING and job.slot is not None:
            self._found_dead(job, job.slot, now)
        if job.kind is not CLOSING:
            self.replaced["overran"] += 1
            self.failure = error
        session = job.session
        if job.kind is CLOSING and not job.started and job.slot is not None:
            self._begin(CLOSING, None, session)  # still to be ended, but its slot need not wait for that
        orders = self.ended(job, now)
        job.session = session  # a late report will bring it
        return orders

    # Steps that several of these share.

    def _found_dead(self, job: Job, slot: Slot, now: float) -> None:
        """A check found its session dead: idle, or after an error in use, which makes all others suspect."""
        self._mourn(slot, job.idle_for, now)
        if job.after_error:
            self.suspected_at = max(self.suspected_at, now)

    def _settle_down(self, job: Job, slot: Slot, session: S, now: float) -> None:
        """A session comes alive from a job: good to be lent, unless somebody died while the job went on."""
        if job.ordered_after < self.suspected_at:
            self._distrust(slot, session)
        else:
            slot.proven_at = now
            self._land(slot, session)
        self._conclude(job)

    def _welcome(self, slot: Slot, session: S, now: float) -> None:
        """Give a new session to the slot."""
        slot.tether = self._tether(session)
        slot.proven_at = now
        slot.retire_at(now + self.lifetime * (1 - AHEAD / 2 * self.creation.jitter()))

    def _end_late(self, session: S, now: float) -> list[Order]:
        """End a session that comes with a late report."""
        self._begin(CLOSING, None, session)
        return self._settle(now)
