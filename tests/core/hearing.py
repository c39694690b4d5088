"""It is heard that the other side has hung up, wherever the session is."""

from pingpool.core.slot import CREATING, Slot

from .model import Broken, Session, check_given_up
from .small import Held
from .stage import Stage


class Hearing(Stage):
    """`place` says on which session: of those idle, on the way to a caller, in use, or under a job."""

    __slots__ = ()

    def hung_up(self, place: int) -> None:
        """The other side hangs up on an idle session, which is replaced at once."""
        slot = self.ledger.idle[place]
        session = slot.session
        self.memory.died()
        self._remember_youth(slot)
        self._hear(slot, session)
        check_given_up(self.ledger, session)
        if any(job.session is session and job.slot is not None for job in self.ledger.jobs):
            raise Broken("a session is under a job of its slot although the other side has hung up")

    def hung_up_on_the_way(self, place: int) -> None:
        """The other side hangs up on a session that has reached a caller who has not seen it yet."""
        session = self.served[place].session
        self._hear(self.ledger.lent[id(session)], session)

    def hung_up_in_use(self, place: int) -> None:
        """The other side hangs up on a session in the hands of its caller; nobody else is suspected for now."""
        session, suspected_at = self.held[place], self.ledger.suspected_at
        self._hear(self.ledger.lent[id(session)], session)
        if not self.ledger.is_lent(session) or self.ledger.suspected_at != suspected_at:
            raise Broken("a hang-up that was heard took a session from its caller, or cast suspicion")

    def hung_up_under_job(self, place: int) -> None:
        """The other side hangs up on a session that is checked, reset, or waits aside to be replaced."""
        job = self.jobs[place]
        slot, session = job.slot, job.session
        assert slot is not None
        if job.kind is CREATING:
            self.memory.died()
            self._remember_youth(slot)
        self._hear(slot, session)
        if job.kind is CREATING and job.session is not None:
            raise Broken("a session waits aside although the other side has hung up")

    def hung_up_before(self, place: int) -> None:
        """The other side had hung up on a session that was in this slot once: that is nobody's business now."""
        self.settle(self.ledger.tick(self.now))
        before = self._whereabouts()
        self.settle(self.ledger.hung_up(self.ledger.places.slots[place], Held(Session(-1)), self.now))
        if self._whereabouts() != before:
            raise Broken("a hang-up hit somebody else")

    def _whereabouts(self) -> list[tuple[object, ...]]:
        """Return all of each slot that a hang-up may change."""
        heard = self.ledger.places.hangups.heard
        return [(slot.state, slot.proven_at, slot.ref, heard.get(slot)) for slot in self.ledger.places.slots]

    def _hear(self, slot: Slot, session: object) -> None:
        self.memory.heard(session)
        self.settle(self.ledger.hung_up(slot, slot.ref, self.now))
