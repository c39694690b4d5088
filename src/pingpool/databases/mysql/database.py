"""`MySQL`: the sessions of a MySQL or MariaDB server, among threads, whichever PEP 249 driver opens them.

What is pooled is the driver's own connection. The ping is the protocol's own command for that, which opens no
transaction; the drivers are kept from reconnecting in it, since another session would have forgotten its settings.

Here is what does not depend on the driver: how long a call may take, which node is the right one, how a session ends,
and what it has under way at the server. The rest is in `pymysql.py`, and for `connect=` in `others.py`.
"""

from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any
from weakref import WeakSet

from pingpool.databases.common.addresses import Host, Port
from pingpool.databases.common.configuring import Configure, Configured, to_configure
from pingpool.databases.common.credentials import Password
from pingpool.databases.common.resets import Reset, Resets
from pingpool.databases.common.roles import Role, Roles, refuse_wrong_node
from pingpool.databases.mysql.drivers import answer, limited, socket_of
from pingpool.databases.mysql.leftovers import unless_there_is_no_such_function
from pingpool.databases.mysql.options import placed
from pingpool.databases.mysql.others import OtherSessions
from pingpool.databases.mysql.places import SHOW_SESSIONS, Places
from pingpool.databases.mysql.pymysql import PyMySQLSessions, known_options
from pingpool.databases.mysql.sessions import Sessions
from pingpool.databases.mysql.traits import ASK_FOR_ROLE, MySQLTraits, takes_writes
from pingpool.errors import BadURL

OTHER_DRIVERS = {
    "mysqldb": "MySQL(connect=lambda: MySQLdb.connect(…))",
    "mysqlconnector": "MySQL(connect=lambda: mysql.connector.connect(…))",
    "mariadbconnector": "MySQL(connect=lambda: mariadb.connect(…))",
}
"""How what SQLAlchemy calls so is pooled."""


class MySQL(MySQLTraits, Configured[Any]):
    """The sessions of one MySQL or MariaDB database.

        pool = pingpool.open(MySQL("db", user="shop", password=read_secret, database="shop", ssl_disabled=True))
        pool = pingpool.open(MySQL(connect=lambda: MySQLdb.connect(host="db", ...)))

    Args:
        host, port, user, database: where to connect, by PyMySQL; localhost and 3306, unless an option (`unix_socket`,
            `read_default_file`) says it. Host and port may be functions that are asked each time a session is opened;
            the one for the host may return a pair, `(host, port)`.
        password: the password, or a function that is asked for it each time a session is opened.
        connect: opens a connection by another driver, in place of all else.
        role: "primary": a session whose node takes no writes any more is replaced; "any": it may be a replica's.
        reset: "rollback": what a holder left open is rolled back; "full": the server clears the session each time; or
            a function of the session, called after a rollback each time.
        configure: a function of the session that sets a new one up; what it leaves uncommitted is committed.
        **options: whatever else `pymysql.connect` takes: `autocommit`, `charset`, ... For TLS `ssl=True`, which
            verifies the certificate and its name, with `ssl_ca` and the like if need be. By default TLS is spoken where
            the server offers it, and nothing verified; on a trusted network `ssl_disabled=True` is twenty times faster.

    Raises:
        BadURL: an option makes no sense.
    """

    DRIVERS = ("pymysql",)
    OTHER_DRIVERS = OTHER_DRIVERS

    def __init__(
        self,
        host: Host = None,
        port: Port = None,
        *,
        user: str | None = None,
        password: Password = "",
        database: str | None = None,
        connect: Callable[[], Any] | None = None,
        role: Role = "primary",
        reset: Reset = "rollback",
        configure: Configure = None,
        **options: Any,
    ) -> None:
        where = placed({"host": host, "port": port, "user": user, "database": database, **options})
        self._roles = Roles(role)
        self._resets = Resets(reset)
        self._configure = to_configure(configure)
        self._sessions: Sessions
        if connect is None:
            self._sessions = PyMySQLSessions(where, password, self._resets)
        elif options:
            raise BadURL(f"MySQL: {', '.join(options)}: with connect=, options are for that function to set")
        else:
            self._sessions = OtherSessions(connect, self._resets)
        self._packages = self._sessions.packages
        self._places = Places(socket_of)
        self._aborted: WeakSet[Any] = WeakSet()
        self._identity = (where, password, connect, role, reset, configure)

    @classmethod
    def driver_options(cls) -> set[str]:
        """Return the keywords that PyMySQL takes."""
        return known_options()

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Any:
        """Connect. PyMySQL's sessions carry the labels as `program_name` in `session_connect_attrs`."""
        moves = self._roles.moves
        session = self._sessions.open(labels, timeout)
        self.remember(session)
        self._roles.settle(session, moves)
        return session

    def remember(self, session: Any) -> None:
        """Note where a new session is, and what a holder may change."""
        self._places.note(session)
        self._sessions.remember(session)

    def keep(self, session: Any) -> None:
        """Commit what was set, unless it is known that no transaction is open."""
        if self._sessions.in_transaction(session) is not False:
            session.commit()

    def descriptor_of(self, session: Any) -> int | None:
        """Return the descriptor, if the driver tells."""
        return socket_of(session)

    def looks_alive(self, session: Any) -> bool:
        """Is the socket quiet? All that this protocol ever says unasked is goodbye."""
        return self._sessions.looks_alive(session)

    def needs_reset(self, session: Any) -> bool | None:
        """Did the last holder leave something? None of drivers that cannot tell."""
        return self._sessions.needs_reset(session)

    def in_transaction(self, session: Any) -> bool:
        """Is a transaction open? Of drivers that cannot tell, it is not known."""
        return self._sessions.in_transaction(session) is True

    def ping(self, session: Any, *, timeout: float) -> None:
        """Send the protocol's own ping. PyMySQL gives it up in time; others are freed by `abort`."""
        moves = self._roles.moves
        with limited(session, timeout):
            if self._roles.has_to_be_asked(session):
                refuse_wrong_node(takes_writes(self._sessions.answer(session, ASK_FOR_ROLE)))
            else:
                self._sessions.ping(session)
        self._roles.settle(session, moves)

    def reset(self, session: Any, *, timeout: float) -> bool:
        """Roll back, and undo what else was asked for. A session with an answer unread is beyond that."""
        self._sessions.reset(session, timeout)
        return self._resets.is_full

    def unlock(self, session: Any, *, timeout: float) -> None:
        """Let go of locks that outlive a rollback: by name and, where no record tells of them, of tables."""
        with limited(session, timeout), unless_there_is_no_such_function():
            self._sessions.unlock(session)

    def delete(self, session: Any, *, timeout: float) -> None:
        """Close the connection; the server rolls back what is open. What still runs there is ended first."""
        if session in self._aborted or self._sessions.is_busy(session):
            self.abort(session)
            self._end_at_server(session, timeout)
            self._sessions.leave(session)
        else:
            with limited(session, timeout):
                self._sessions.close(session)

    def abort(self, session: Any) -> None:
        """End the stream, which frees who waits for it."""
        with suppress(TypeError):  # what takes no weak references is not remembered
            self._aborted.add(session)
        self._places.of(session).hang_up()

    def _end_at_server(self, session: Any, timeout: float) -> None:
        """End a session and its statement by another connection, as far as that can be done."""
        place = self._places.of(session)
        with (
            suppress(Exception),
            closing(self._sessions.open_beside(session, timeout)) as other,
            limited(other, timeout),
        ):
            if place.is_among(answer(other, SHOW_SESSIONS)):
                answer(other, place.end_it())

    def _place(self) -> str:
        return self._sessions.name
