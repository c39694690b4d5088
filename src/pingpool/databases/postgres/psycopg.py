"""PostgreSQL, by psycopg 3: what is pooled is `psycopg.Connection`.

The ping is an empty query, sent raw: the server answers it without a snapshot, and unlike `SELECT 1` it opens no
transaction, in autocommit or not.
"""

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeAlias

import psycopg

from pingpool.databases.common.configuring import Configured
from pingpool.databases.common.credentials import Password, asked
from pingpool.databases.common.sockets import await_speech
from pingpool.databases.common.timeouts import LONGEST_WAIT
from pingpool.databases.postgres.cancels import WHILE_ONE_HANGS, pauses, time_to_cancel, try_for
from pingpool.databases.postgres.leftovers import (
    LONGEST_FAREWELL,
    end_stream,
    forget_discarded,
    is_at_work,
    is_busy,
    is_in_two_phases,
    leave_to_its_holder,
    refuse_unfinished,
)
from pingpool.databases.postgres.traits import PsycopgTraits, read_release
from pingpool.databases.postgres.words import UNLOCK

Session: TypeAlias = "psycopg.Connection[Any]"


class Postgres(PsycopgTraits[Session, Password], Configured[Session]):
    """The sessions of one PostgreSQL database.

        pool = pingpool.open(Postgres("host=db dbname=shop", password=read_secret, autocommit=True))

    Args:
        conninfo: a URL or `key=value` pairs, as libpq takes them; or a function that is asked for them each time a
            session is opened, as `host` and `port` may be, too.
        password: the password, or a function that is asked for it each time a session is opened.
        role: which node is wanted. "primary": one that takes writes; among several hosts no other is taken, and a
            session whose node no longer does is replaced. "any": also a standby, as `target_session_attrs` may say.
        reset: what is undone when a session comes back. "rollback": what is open, and what was set on the connection
            object. "full": also, by `DISCARD ALL`, a round trip each time, settings, temporary tables, advisory locks,
            `LISTEN`, prepared statements. Or a function of the session, called each time after a rollback.
        configure: a function of the session that sets a new one up; what it leaves uncommitted is committed.
        **options: whatever else `psycopg.connect` takes: `autocommit`, `row_factory`, `dbname`, ...

    Raises:
        BadURL: the conninfo, or an option, makes no sense.
    """

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Connect. The labels are seen in the `application_name`."""
        moves = self._roles.moves
        session = psycopg.connect(**self.arguments(self._address.now(), labels, timeout, asked(self._password)))
        self._roles.settle(session, moves)
        self.remember(session)
        return session

    def keep(self, session: Session) -> None:
        """Commit what was set, if a transaction is open."""
        if self.has_to_be_kept(session):
            session.commit()

    def ping(self, session: Session, *, timeout: float) -> None:
        """Send an empty query and wait for the answer; raises `TimeoutError` if there is none in time."""
        moves = self._roles.moves
        with held(session, timeout):
            answers = ask(session, self.question_for(session), timeout)
        self.read_answers(session, answers, moves)

    def unlock(self, session: Session, *, timeout: float) -> None:
        """Let go of the advisory locks, which outlive a rollback."""
        with held(session, timeout):
            read_release(ask(session, UNLOCK.encode(), timeout))

    def reset(self, session: Session, *, timeout: float) -> bool:
        """Roll back, put the attributes of the connection object back, and clear the session if asked to."""
        refuse_unfinished(session)
        if is_in_two_phases(session):
            session.tpc_rollback()
        if (statements := self.rollback_of(session)) is not None:
            with held(session, timeout):
                answers = ask(session, statements, timeout)
            self.read_rollback(session, answers)
        session.rollback()
        if self._resets.is_full:
            self.begin_anew(session)
        self._attributes.put_back(session)
        self._adapters.put_back(session)
        if self._resets.is_full:
            own = session.autocommit
            session.autocommit = True
            session.execute("DISCARD ALL", prepare=False)
            forget_discarded(session)
            session.autocommit = own
        self._resets.call(session)
        return self._resets.is_full

    def delete(self, session: Session, *, timeout: float) -> None:
        """Close the connection; the server rolls back what is open. A statement under way is cancelled first."""
        if is_busy(session):
            cancel(session, time_to_cancel(timeout))
            end_stream(session)
        with suppress(TimeoutError), held(session, min(timeout, LONGEST_FAREWELL)):
            session.close()
            return
        leave_to_its_holder(session)

    def abort(self, session: Session) -> None:
        """Have what is under way cancelled, and end the stream, which frees who waits for it."""
        try_for(WHILE_ONE_HANGS, partial(cancel, session, WHILE_ONE_HANGS))
        end_stream(session)


def cancel(session: Session, timeout: float) -> None:
    """Have a statement cancelled that is under way; it has ended, or is bound to, once the server says something."""
    with suppress(psycopg.Error):
        for pause in pauses(session.fileno, timeout):
            if not is_at_work(session):
                return
            session.cancel_safe(timeout=timeout)
            if await_speech(session.fileno(), pause):
                return


@contextmanager
def held(session: Session, timeout: float) -> Generator[None]:
    """Keep everybody else out of the driver. Raises `TimeoutError` if somebody stays inside for so many seconds."""
    if not session.lock.acquire(timeout=min(timeout, LONGEST_WAIT)):
        raise TimeoutError(f"the last holder has not left the driver within {timeout:g} s")
    try:
        yield
    finally:
        session.lock.release()


def ask(session: Session, question: bytes, timeout: float) -> list[Any]:
    """Send a statement past the driver, so that it opens no transaction, and return its answers."""
    connection = session.pgconn
    until = time.monotonic() + timeout
    connection.send_query(question)
    while connection.is_busy():
        if not await_speech(connection.socket, min(until - time.monotonic(), LONGEST_WAIT)):
            raise TimeoutError(f"no answer to a ping within {timeout:g} s")
        connection.consume_input()
    return [*iter(connection.get_result, None)]
