"""Somebody brings a session that was created elsewhere."""

from pingpool.core.orders import Refused
from pingpool.core.slot import CLOSING

from .model import Broken, Session, check_given_up, sessions_of
from .stage import Stage


class Newcomers(Stage):
    """Only `adopt_for` has a place: that of the caller in whose hands a session died."""

    __slots__ = ()

    def adopt(self, _: int) -> None:
        """Somebody brings a session that was created elsewhere."""
        newcomer = self._new_session()
        self.settle(self.ledger.adopt(newcomer, None, self.now))

    def adopt_in_vain(self, _: int) -> None:
        """Somebody brings a session, and there is no slot for it."""
        orders = self.ledger.adopt(Session(-1), None, self.now)
        if not any(isinstance(order, Refused) for order in orders):
            raise Broken("a session was taken in for which there is no slot")
        self.settle(orders)

    def swap(self, _: int) -> None:
        """Somebody brings a session in place of one that the pool has created meanwhile."""
        newcomer = self._new_session()
        idle = len(self.ledger.idle)
        if idle:
            self._part_from(self.ledger.idle[-1].session)
        self.settle(self.ledger.swap(newcomer, self.now))
        if not (idle or self.ledger.places.jobs.count(CLOSING)) and id(newcomer) not in sessions_of(self.ledger):
            raise Broken("a session that is welcome was not taken in")

    def adopt_for(self, place: int) -> None:
        """A session died in the hands of its caller, who brings another in its place."""
        self.memory.died_at = self.now
        newcomer = self._new_session()
        dead = self.held.pop(place)
        self.settle(self.ledger.adopt(newcomer, dead, self.now))
        check_given_up(self.ledger, dead)

    def adopt_for_stranger(self, _: int) -> None:
        """Somebody brings a session in place of one that is not lent."""
        newcomer = self._new_session()
        self.settle(self.ledger.adopt(newcomer, Session(-1), self.now))
