"""Redis and Valkey, by redis-py or valkey-py: what is pooled is the driver's raw `Connection`."""

import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress

from pingpool.databases.common.configuring import Configured
from pingpool.databases.common.credentials import Password, asked
from pingpool.databases.common.roles import refuse_wrong_node
from pingpool.databases.common.sockets import HUNG_UP, QUIET, descriptor_of, hang_up, look_at
from pingpool.databases.common.timeouts import SHARE_OF_TIME, finite
from pingpool.databases.redis.answers import ThreadCount, all_pushes, counting, has_read_ahead, left_in
from pingpool.databases.redis.client import never_again
from pingpool.databases.redis.traits import (
    ASK_FOR_ROLE,
    RESET,
    RedisTraits,
    Session,
    takes_writes,
)


class Redis(RedisTraits[Password], Configured[Session]):
    """The sessions of one Redis or Valkey database.

        pool = pingpool.open(Redis("cache", db=1, password=read_secret, ssl=True))

    Args:
        host, port, db, username: where to connect; host and port may be functions that are asked each time a session
            is opened. The one for the host may return a pair, `(host, port)`.
        password: the password, or a function that is asked for it each time a session is opened.
        ssl: whether to speak TLS.
        path: a socket in the file system, instead of host and port.
        role: "primary": a session whose node takes no writes any more is replaced; "any": it may be a replica's.
        reset: what is undone when a session comes back: "rollback", what the commands that passed have changed;
            "full", all of it, by `RESET` each time; or a function of the session, besides.
        configure: a function of the session that sets a new one up.
        driver: the module `redis` or `valkey`; by default the first of them that is installed.
        **options: whatever else the driver's connection takes: `decode_responses`, `protocol`, `ssl_ca_certs`, ...

    Raises:
        BadURL: an option makes no sense.
    """

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Connect. The labels become the client's name, seen in `CLIENT LIST`."""
        moves = self._roles.moves
        kind = counting(self._kind, ThreadCount, self._driver.ResponseError)
        session = kind(**self._address.now(), **self.introduction(labels, asked(self._password)))
        own, limit = session.socket_timeout, SHARE_OF_TIME * timeout
        session.socket_timeout = finite(min(limit, own or limit))
        session.socket_connect_timeout = finite(min(limit, session.socket_connect_timeout or limit))
        with self.naming_timeouts():
            session.connect()
        session.socket_timeout = own
        session._sock.settimeout(own)
        session._parser.on_connect(session)  # it keeps a time-out of its own
        never_again(session)
        self.remember(session)
        self._roles.settle(session, moves)
        return session

    def ping(self, session: Session, *, timeout: float) -> None:
        """Send a PING and wait for its answer; never reconnect."""
        moves = self._roles.moves
        if session._sock is None:
            raise self._driver.ConnectionError("the connection is closed")
        with limited(session, timeout):
            session.send_command("PING", check_health=False)
            self.refuse_all_but_pong(session.read_response())
            if self._roles.has_to_be_asked(session):
                session.send_command(ASK_FOR_ROLE, check_health=False)
                with suppress(self._driver.ResponseError):  # it does not tell, or not everybody
                    refuse_wrong_node(takes_writes(session.read_response()))
        self._roles.settle(session, moves)

    def delete(self, session: Session, *, timeout: float) -> None:
        """Close the connection."""
        session.disconnect()

    def descriptor_of(self, session: Session) -> int | None:
        """Return the descriptor of a connection that is open."""
        return descriptor_of(session._sock)

    def looks_alive(self, session: Session) -> bool:
        """Is the connection open, and no answer on its way? Push messages are no answers."""
        link = session._sock
        if link is None or session.owed:
            return False
        look = look_at(link.fileno())
        if look is HUNG_UP:
            return False
        if isinstance(link, ssl.SSLSocket):
            return self._is_quiet(session)
        return not has_read_ahead(session._parser) and (look is QUIET or all_pushes(left_in(link)))

    def _is_quiet(self, session: Session) -> bool:
        """Has the driver nothing to read? It raises if the server has hung up since the look at the socket."""
        try:
            return not session.can_read(0)
        except self._driver.ConnectionError:
            return False

    def reset(self, session: Session, *, timeout: float) -> bool:
        """Undo what the last holder left open or changed, as far as there are commands for that."""
        commands = self.undoing(session)
        is_anew = RESET in commands  # it brings the connection back to before it was introduced
        if commands and session._sock is None:
            raise self._driver.ConnectionError("the connection is closed")
        with limited(session, timeout):
            for command in commands:
                session.send_command(*command, check_health=False)
                with self.judging(command):
                    self.check_answer(command, session.read_response())
            if is_anew:
                session.on_connect()
            self.note_undone(session)
        self._resets.call(session)
        return is_anew

    def abort(self, session: Session) -> None:
        """End the stream, which frees who waits for it."""
        link = session._sock
        if link is not None:
            hang_up(link.fileno())


@contextmanager
def limited(session: Session, timeout: float) -> Generator[None]:
    """Give the connection, if it is open, so many seconds for each wait; afterwards what it is to have."""
    link = session._sock
    if link is not None:
        link.settimeout(finite(timeout))
    try:
        yield
    finally:
        if session._sock is not None:
            session._sock.settimeout(session.socket_timeout)
