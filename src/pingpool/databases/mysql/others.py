"""The sessions that a function opens, for `MySQL(connect=…)`: of any PEP 249 driver, known by what that shows.

None of them keeps a record of what it has sent. So a session counts as busy from when it is looked at, to be lent,
until it is asked what was left in it: who is interrupted in between may have left a statement under way at the server.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from pingpool.databases.common.addresses import shown
from pingpool.databases.common.records import Records
from pingpool.databases.common.resets import Resets
from pingpool.databases.common.rows import prove_in_step
from pingpool.databases.common.sockets import HUNG_UP, is_quiet, look_at
from pingpool.databases.dbapi import unanswered
from pingpool.databases.dbapi.drivers import modules_of
from pingpool.databases.dbapi.settings import Settings
from pingpool.databases.mysql import drivers
from pingpool.databases.mysql.codes import AUTOCOMMIT, IN_TRANSACTION, MORE_RESULTS
from pingpool.databases.mysql.leftovers import is_unread, refusing_what_stays
from pingpool.databases.mysql.record import RELEASE_LOCKS, UNLOCK
from pingpool.databases.mysql.sessions import Sessions
from pingpool.errors import BeyondReset


class OtherSessions(Sessions):
    """The sessions that `connect` opens, by whatever driver."""

    def __init__(self, connect: Callable[[], Any], resets: Resets) -> None:
        super().__init__()
        self._connect = connect
        self._resets = resets
        self._in_hand: set[int] = set()
        """Which sessions count as busy, by their identity: not all take weak references."""
        self._proven: set[int] = set()
        """Those of which a worker has just had an answer: the next look is his own, and they are lent to nobody."""
        self._autocommit: Records[object] = Records()
        self._settings = Settings()

    @property
    def name(self) -> str:
        """The function's name."""
        return f"connect={shown(self._connect)}"

    def open(self, labels: Mapping[str, str], timeout: float) -> Any:
        """Open a session. It carries no labels, and the function has to have a time limit of its own."""
        return self._connect()

    def open_beside(self, session: Any, timeout: float) -> Any:
        """Open another one: it is the function that knows where."""
        return self._connect()

    def remember(self, session: Any) -> None:
        """Note how a session is set, and from now on what it is asked."""
        self.packages.update({*modules_of(session)} - {"builtins"})
        unanswered.watch(session)
        self._forget_hands(session)  # they may have been another's
        self._settings.remember(session)
        self._autocommit.note_until_dropped(session, drivers.autocommit_of(session))

    def looks_alive(self, session: Any) -> bool:
        """Is the socket quiet? The session is about to be lent, unless it was proven just now."""
        if id(session) in self._proven:
            self._proven.discard(id(session))
        else:
            self._in_hand.add(id(session))
        fd = drivers.socket_of(session)
        return fd is None or is_quiet(fd, drivers.link_of(session))

    def needs_reset(self, session: Any) -> bool | None:
        """Is a transaction open, an answer unread, autocommit changed? None of drivers that cannot tell."""
        self._in_hand.discard(id(session))
        if drivers.is_in_use(session) or has_unread(session):
            return True
        is_open = in_transaction(session)
        if is_open or self._is_set_otherwise(session) or self._settings.changed(session):
            return True
        return None if is_open is None else self._resets.at_rest

    def in_transaction(self, session: Any) -> bool | None:
        """Is a transaction open, as far as the driver tells?"""
        return in_transaction(session)

    def ping(self, session: Any) -> None:
        """Prove the session alive, and in step."""
        with self._in_doubt(session):
            drivers.ping(session)
        self._proven.add(id(session))

    def answer(self, session: Any, statement: str) -> Sequence[Any]:
        """Run a statement, and return its rows, certainly those."""
        with self._in_doubt(session):
            if drivers.is_pure(session):
                prove_in_step(partial(drivers.answer, session))
            rows = drivers.answer(session, statement)
        self._proven.add(id(session))
        return rows

    def reset(self, session: Any, timeout: float) -> None:
        """Undo what was left open. After it only an answer of its own proves that the rollback had its own, too."""
        if drivers.is_in_use(session) or has_unread(session):
            raise BeyondReset("left busy", "the last holder left an answer unread, or a thread inside the driver")
        self._settings.put_back(session)  # first: it decides how answers are read
        with drivers.limited(session, timeout), self._in_doubt(session):
            with refusing_what_stays():
                session.rollback()
            if drivers.is_pure(session):
                prove_in_step(partial(drivers.answer, session))
            if self._resets.is_full:
                drivers.start_anew(session)
            if self._resets.is_full or self._is_set_otherwise(session):
                self._put_back(session)
            self._resets.call(session)

    def unlock(self, session: Any) -> None:
        """Let go of all locks. The ping that follows proves that these statements had their own answers."""
        with self._in_doubt(session):
            drivers.answer(session, UNLOCK)
            drivers.answer(session, RELEASE_LOCKS)

    def is_busy(self, session: Any) -> bool:
        """May a statement be under way? Not if the server has hung up."""
        if drivers.is_in_use(session):
            return True
        fd = drivers.socket_of(session)
        if fd is not None and look_at(fd) is HUNG_UP:
            return False
        return id(session) in self._in_hand or has_unread(session)

    def leave(self, session: Any) -> None:
        """End a busy session whose stream has ended. One of a driver in C is closed by the last reference to it.

        A thread may be inside such a driver, or drop a cursor, while another closes its connection: that crashes.
        """
        self._forget(session)
        if drivers.is_pure(session):
            with suppress(Exception):
                session.close()

    def close(self, session: Any) -> None:
        """Close it."""
        self._forget(session)
        session.close()

    def _forget_hands(self, session: Any) -> None:
        self._in_hand.discard(id(session))
        self._proven.discard(id(session))

    def _forget(self, session: Any) -> None:
        self._forget_hands(session)
        self._settings.forget(session)
        self._autocommit.drop(session)

    def _is_set_otherwise(self, session: Any) -> bool:
        first = self._autocommit.of(session)
        return first is not None and drivers.autocommit_of(session) != first

    def _put_back(self, session: Any) -> None:
        first = self._autocommit.of(session)
        if first is not None:
            drivers.set_autocommit(session, first)

    @contextmanager
    def _in_doubt(self, session: Any) -> Generator[None]:
        """Count the session as busy if this fails."""
        try:
            yield
        except Exception:
            self._in_hand.add(id(session))
            raise


def has_unread(session: Any) -> bool:
    """Is an answer still to come, or was one not read to its end?"""
    if unanswered.is_owed(session):
        return True
    status = getattr(session, "server_status", 0)
    more = isinstance(status, int) and status & MORE_RESULTS
    is_left = getattr(session, "unread_result", False) or getattr(session, "have_next_result", False)
    return bool(more or is_left or getattr(session, "_active_streaming_result", None)) or is_unread(session)


def in_transaction(session: Any) -> bool | None:
    """Is a transaction open? None if the driver cannot tell."""
    status = getattr(session, "server_status", None)
    if not isinstance(status, int):
        told: bool | None = getattr(session, "in_transaction", None)
        return told
    if status & IN_TRANSACTION:
        return True
    return False if status & AUTOCOMMIT else None
