"""What the end of a job means: each job of the workers ends in one report, and what follows from that is decided here.

The report of a job that is off the books is late: its slot went on without it, and a session that comes with it is
ended.
"""

import math
from collections import deque
from typing import Any

from pingpool.core.backoff import PATIENT
from pingpool.core.freshness import Freshness
from pingpool.core.learner import Learner
from pingpool.core.orders import End, Job, Outcome
from pingpool.core.places import Places
from pingpool.core.serving import Serving
from pingpool.core.slot import CHECKING, CLOSING, CREATING, RESETTING, Slot
from pingpool.core.told import NotMade, Overran
from pingpool.errors import DeadOnArrival, Overrun
from pingpool.text import in_one_line

DOUBTS = 3
"""After so many bursts of checks in a row that proved nothing, a session nobody can vouch for is replaced."""

WELL = frozenset({End.CREATED, End.ALIVE, End.SEEN_ALIVE, End.CLOSED})
"""What shows that the database does its work."""

RECENT = 3
"""How many of the last failures are remembered."""

YOUTH = PATIENT
"""For so many seconds a session that nobody has proven yet counts as just created, if it is found dead."""


class Reports:
    """Takes the reports. `failure` is the last one, if no session was created since; `refusal` one that will stay.

    Where sessions were created before, a refusal will stay only if a second burst of attempts meets it too: it may have
    been a token that expired a moment ago. `was_well` says so, and `refused_in` which burst met the first one; or 0.
    `early_death` is that of the last session that was dead on arrival; `recent` are the last failures of all, each with
    its time.
    """

    __slots__ = (
        "_freshness",
        "_learner",
        "_places",
        "_serving",
        "early_death",
        "failure",
        "recent",
        "refusal",
        "refused_in",
        "was_well",
    )

    def __init__(self, places: Places, freshness: Freshness, learner: Learner, serving: Serving) -> None:
        self._places = places
        self._freshness = freshness
        self._learner = learner
        self._serving = serving
        self.failure: BaseException | None = None
        self.refusal: BaseException | None = None
        self.refused_in = 0
        self.was_well = False
        self.early_death: BaseException | None = None
        self.recent: deque[tuple[float, BaseException]] = deque(maxlen=RECENT)

    def take(self, job: Job, outcome: Outcome, now: float) -> None:
        """Take the report of a job."""
        if job not in self._places.jobs.open:
            self._take_late(job, outcome)
            return
        if outcome.end is End.OVERRAN:
            self._places.tally.overran += 1
            if job.started:
                self._note_hanging(job)
            what = f"the database took longer than io_timeout (the session was {job.kind.value})"
            outcome = Outcome(End.OVERRAN, error=Overrun(what))
            if job.kind is not CREATING:
                self._places.hear(Overran(now, what))
        if outcome.end in WELL and self._places.left:
            self._try_again_to_end(job)
        if job.kind is CLOSING or job.slot is None:
            self._take_closing(job, outcome)
        elif job.kind is CREATING:
            self._take_creation(job, job.slot, outcome, now)
        else:
            self._take_proof(job, job.slot, outcome, now)

    def forgive(self) -> None:
        """Forget all failures to create a session."""
        self._serving.creation.reset()
        self.failure = self.refusal = None
        self.refused_in = 0

    def found_dead(self, slot: Slot, idle_for: float, now: float) -> None:
        """A check, or a look, found the session of a slot dead after so many idle seconds."""
        self._serving.creation.take_care(now)
        self._learner.died_idle(slot, idle_for, now)

    def died(self, slot: Slot, error: BaseException | None, now: float) -> None:
        """A session is dead. If nobody had proven it yet, that was a creation that failed."""
        created_at = slot.created_at
        if created_at is not None and slot.is_new and now - created_at < YOUTH:
            self.early_death = DeadOnArrival(
                "a new session was dead" if error is None else f"a new session was dead: {in_one_line(error)}"
            )
            self.early_death.__cause__ = error
            self.recent.append((now, self.early_death))
            self._places.tally.create_failures += 1
            self._serving.creation.proved_wrong(created_at, now)
            if self._serving.creation.failures:
                self._places.hear(NotMade(now, self.early_death, self._places.count_open()))

    def turn_away_if_hopeless(self) -> None:
        """Tell the waiters of a refusal, if there is no session at all, in any hands, that they could hope for."""
        places = self._places
        if self.refusal is not None and not places.count_open():
            places.orders += places.line.answer_all(self.refusal)
            places.orders += places.jobs.disappoint(self.refusal)

    # By kind of job.

    def _take_late(self, job: Job, outcome: Outcome) -> None:
        """End the session that comes with a late report, unless a closing has done so, or it does not come yet."""
        if outcome.end is not End.OVERRAN:
            self._note_back(job)
        if outcome.end is End.LEFT:
            self._places.left.append(job.session)
        session = job.session if outcome.session is None else outcome.session
        if session is not None and job.kind is not CLOSING and outcome.end is not End.OVERRAN:
            job.session = None
            self._places.begin(CLOSING, None, session)

    def _take_closing(self, job: Job, outcome: Outcome) -> None:
        """A session was ended, well or not; or it takes too long, and its slot need not wait for that."""
        session = job.session
        if outcome.end is End.OVERRAN and not job.started:
            self._places.begin(CLOSING, None, session)
        if outcome.end is End.LEFT:
            self._places.left.append(session)
        if job.slot is not None:
            self._places.vacant.enter(job.slot)
        self._places.jobs.conclude(job)
        if outcome.end is End.OVERRAN:
            job.session = session  # for a late report that it is left

    def _try_again_to_end(self, job: Job) -> None:
        """The database is well: have one session ended that was left; whoever waits for this job waits for that too."""
        again = self._places.end_left()
        for round in self._places.jobs.rounds_of(job):
            round.jobs.add(again)

    def _take_creation(self, job: Job, slot: Slot, outcome: Outcome, now: float) -> None:
        """A session was created, or not."""
        if outcome.end is End.CREATED:
            self._created(job, slot, outcome, now)
            return
        if outcome.session is not None:
            self._places.begin(CLOSING, None, outcome.session)
        self._note_failure(outcome, now)
        for round in self._places.jobs.rounds_of(job):
            round.failure = outcome.error
        self._places.tally.create_failures += 1
        self._places.hear(NotMade(now, outcome.error, self._places.count_open()))
        self._serving.creation.failed(now)
        if job.session is not None and outcome.end is End.FAILED:
            self._serving.renewal.has_room = False  # perhaps: the server says only that it opens none
        self._places.withdraw(job, slot)
        self._places.withdraw_creations()  # they wait until the pause is over
        if outcome.end is End.UNREACHABLE:
            self._serving.creation.hasten()
        elif outcome.end is End.REFUSED:
            self._refused(outcome.error, now)

    def _take_proof(self, job: Job, slot: Slot, outcome: Outcome, now: float) -> None:
        """A check, or a reset, proved the session, or found it dead, or neither."""
        has_overrun = outcome.end is End.OVERRAN and job.started
        if self._places.hangups.claim(slot) and not has_overrun:
            outcome = outcome._replace(end=End.GONE)
        end = outcome.end
        if end is End.SEEN_ALIVE and not self._places.line.waiters and not job.unwanted:
            self._seen_alive_in_vain(job, slot, now)
        elif end in (End.ALIVE, End.SEEN_ALIVE):
            self._proved(job, slot, now)
        elif end is End.GONE:
            self._gone(job, slot, outcome, now)
        elif has_overrun:
            self._overran(job, slot, outcome, now)
        elif end is End.UNFIT:
            self._places.jobs.conclude(job, self._places.end(slot, outcome.reason, job.session, now))
        else:  # in doubt; or all workers hang, and nobody has seen this session
            self._in_doubt(job, slot, outcome, now)

    # What it means.

    def _refused(self, error: BaseException | None, now: float) -> None:
        """The database refuses to create sessions; perhaps for this moment only."""
        burst = self._serving.creation.failures
        self.refused_in = self.refused_in or burst
        if not self.was_well or burst > self.refused_in:
            self.refusal = error
            self._places.free_collected(now)
            self.turn_away_if_hopeless()

    def _created(self, job: Job, slot: Slot, outcome: Outcome, now: float) -> None:
        """There is a new session."""
        places, session = self._places, outcome.session
        places.free_collected(now)  # the session may live at the address of one that was dropped
        self._serving.creation.succeeded(now)
        self.failure = self.refusal = None
        self.was_well, self.refused_in = True, 0
        places.tally.created += 1
        places.let_go_of_old(job, "renewed", now)
        self._serving.welcome(slot, session, outcome, now)
        if job.outdated and not job.unwanted:
            self._serving.renewal.is_due_again(slot)
        if job.unwanted:
            places.jobs.conclude(job, places.end(slot, "cleared", session, now))
        elif self._serving.creation.distrusts:
            self._put_on_trial(job, slot, session, now)
        else:
            self._settle_down(job, slot, session, now)

    def _put_on_trial(self, job: Job, slot: Slot, session: Any, now: float) -> None:
        """A new session is not trusted: whoever waits will prove it; or a check, if a pause holds others back."""
        places = self._places
        slot.created_at = math.nextafter(now, math.inf)  # later than the death that caused the distrust
        if places.line.waiters or not self._serving.creation.holds_back(now):
            self._settle_down(job, slot, session, now)
        else:
            places.jobs.conclude(job, places.begin(CHECKING, slot, session))

    def _proved(self, job: Job, slot: Slot, now: float) -> None:
        """The session is alive."""
        places = self._places
        creation = self._serving.creation
        if slot.created_at is not None and slot.created_at > creation.distrusts_since:
            creation.proved(now)
            slot.created_at = None
        if not creation.failures:
            self.failure = None
        if job.kind is CHECKING:
            self._serving.doubt.succeeded(now)
            places.tally.pings += 1
            self._learner.lived(job.idle_for)
            for round in places.jobs.rounds_of(job):
                round.proved += 1
        if job.unwanted or now >= slot.retires_at:
            reason = "cleared" if job.unwanted else "too old"
            places.jobs.conclude(job, places.end(slot, reason, job.session, now))
        elif self._serving.may_renew(slot, now):
            places.jobs.conclude(job, self._serving.renew(slot, job.session, now))
        else:
            self._settle_down(job, slot, job.session, now)

    def _seen_alive_in_vain(self, job: Job, slot: Slot, now: float) -> None:
        """The quick check need not prolong the session's life, and no waiter is left: it is at hand for the next."""
        self._serving.doubt.succeeded(now)
        self._learner.lived(job.idle_for)
        self._places.jobs.conclude(job, self._serving.at_hand.keep(slot, job, now))

    def _gone(self, job: Job, slot: Slot, outcome: Outcome, now: float) -> None:
        """The session is dead."""
        self._note_death(job, slot, now)
        self.died(slot, outcome.error, now)
        self._places.give_up(slot, "gone", job.session, now)
        self._places.jobs.conclude(job)

    def _overran(self, job: Job, slot: Slot, outcome: Outcome, now: float) -> None:
        """The session counts as dead, and its slot goes on without it; a late report will bring what is left of it."""
        self._note_death(job, slot, now)  # its time-out was pause enough
        self._note_failure(outcome, now)
        self._places.note_end(slot, "overran", now)
        session = job.session
        self._places.vacant.enter(slot)
        self._places.jobs.conclude(job)
        job.session = session

    def _in_doubt(self, job: Job, slot: Slot, outcome: Outcome, now: float) -> None:
        """Nobody knows whether the session is alive: it is checked again, but not for ever."""
        places = self._places
        self._note_failure(outcome, now)
        if job.kind is CHECKING:
            self._serving.doubt.failed(now)
        is_hopeless = outcome.end is not End.KEPT and self._serving.doubt.failures >= DOUBTS
        if job.kind is RESETTING or job.unwanted or is_hopeless:
            places.jobs.conclude(job, places.end(slot, "in doubt", job.session, now))
        else:
            places.idle.enter_unproven(slot, job.session)
            places.jobs.conclude(job)

    # Steps that several of these share.

    def _note_failure(self, outcome: Outcome, now: float) -> None:
        """Remember why no session was created, or none proven."""
        self.failure = outcome.error
        if outcome.error is not None:
            self.recent.append((now, outcome.error))

    def _note_hanging(self, job: Job) -> None:
        """Count one who was given up in the middle of a job."""
        self._places.tally.hanging += not job.hangs
        job.hangs = True

    def _note_back(self, job: Job) -> None:
        """Count him no more: he has come back."""
        self._places.tally.hanging -= job.hangs
        job.hangs = False

    def _note_death(self, job: Job, slot: Slot, now: float) -> None:
        """A check found its session dead: idle, or after an error in use, which makes all others suspect."""
        if job.kind is CHECKING:
            self.found_dead(slot, job.idle_for, now)
        if job.after_error:
            self._learner.died_in_use(slot, now)
            self._freshness.suspect_all(now)

    def _settle_down(self, job: Job, slot: Slot, session: Any, now: float) -> None:
        """A session comes alive from a job: good to be lent, unless somebody died while the job went on."""
        if job.trusted_after < self._freshness.suspected_at:
            self._places.idle.enter_unproven(slot, session)
        else:
            slot.proven_at = now
            self._serving.land(slot, session, now)
        self._places.jobs.conclude(job)
