"""PostgreSQL, by psycopg 3: what is pooled is `psycopg.Connection`.

The ping is an empty query, sent raw: the server answers it without a snapshot, and unlike `SELECT 1` it opens no
transaction, in autocommit or not.
"""

import time
from collections.abc import Mapping
from typing import Any, TypeAlias

import psycopg

from pingpool.database import Database
from pingpool.databases.common.credentials import Password, asked
from pingpool.databases.common.sockets import await_speech, hang_up
from pingpool.databases.postgres.conninfo import LONGEST_WAIT
from pingpool.databases.postgres.traits import PsycopgTraits, refuse_unfinished

Session: TypeAlias = "psycopg.Connection[Any]"


class Postgres(PsycopgTraits[Session, Password], Database[Session]):
    """The sessions of one PostgreSQL database.

        pool = pingpool.open(Postgres("host=db dbname=shop", password=read_secret, autocommit=True))

    Args:
        conninfo: a URL or `key=value` pairs, as libpq takes them.
        password: the password, or a function that is asked for it each time a session is opened.
        role: which node is wanted. "primary": one that takes writes; among several hosts no other is taken, and a
            session whose node no longer does is replaced. "any": also a standby, as `target_session_attrs` may say.
        discard_all: whether a session is cleared by `DISCARD ALL` each time it comes back, by a round trip: temporary
            tables, settings, advisory locks, `LISTEN`.
        **options: whatever else `psycopg.connect` takes: `autocommit`, `row_factory`, `dbname`, ...

    Raises:
        BadURL: the conninfo, or an option, makes no sense.
    """

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Connect. The labels are seen in the `application_name`."""
        moves = self._roles.moves
        session = psycopg.connect(**self.arguments(labels, timeout, asked(self._password)))
        self._roles.settle(session, moves)
        return session

    def ping(self, session: Session, *, timeout: float) -> None:
        """Send an empty query and wait for the answer; raises `TimeoutError` if there is none in time."""
        moves = self._roles.moves
        connection = session.pgconn
        until = time.monotonic() + timeout
        connection.send_query(self.question_for(session))
        while connection.is_busy():
            if not await_speech(connection.socket, min(until - time.monotonic(), LONGEST_WAIT)):
                raise TimeoutError(f"no answer to a ping within {timeout:g} s")
            connection.consume_input()
        self.read_answers(session, [*iter(connection.get_result, None)], moves)

    def delete(self, session: Session, *, timeout: float) -> None:
        """Close the connection; the server rolls back what is open."""
        session.close()

    def reset(self, session: Session, *, timeout: float) -> None:
        """Roll back, and clear the session if asked to; raises inside a statement or a pipeline."""
        refuse_unfinished(session.pgconn)
        session.rollback()
        if self._discard_all:
            own = session.autocommit
            session.autocommit = True
            session.execute("DISCARD ALL", prepare=False)
            session._prepared.clear()  # psycopg notices it the first time only
            session.autocommit = own

    def abort(self, session: Session) -> None:
        """End the stream, which frees who waits for it."""
        try:
            hang_up(session.fileno())
        except psycopg.OperationalError:  # it is closed already
            return
