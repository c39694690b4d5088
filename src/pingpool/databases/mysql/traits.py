"""What all drivers of MySQL and MariaDB share: codes of errors, and what a session may have been left in.

aiomysql is PyMySQL with another way to read; both keep the same things in the same attributes.
"""

import ssl
from collections.abc import Generator, Sequence, Set
from contextlib import contextmanager
from typing import Any, Self

from pingpool.database import Meaning
from pingpool.databases.common.addresses import shown
from pingpool.databases.common.attributes import Attributes
from pingpool.databases.common.configuring import Remembering
from pingpool.databases.common.foreign import is_foreign
from pingpool.databases.common.identity import Identified
from pingpool.databases.common.resets import Resets
from pingpool.databases.common.roles import Roles
from pingpool.databases.common.rows import values_of
from pingpool.databases.mysql.codes import IN_TRANSACTION, LEFT_OPEN, NO_SUCH_FUNCTION, code_of, said_by_server
from pingpool.databases.mysql.options import OTHER_PLACES, arguments
from pingpool.databases.mysql.record import OnRecord
from pingpool.errors import BeyondReset

DRIVERS = frozenset({"pymysql", "aiomysql", "MySQLdb", "mysql", "_mysql_connector", "mariadb"})

CANNOT_CONNECT = 2003

LOST = frozenset(
    {
        *(2002, CANNOT_CONNECT, 2006, 2013, 2014, 2027, 2055),  # said by the driver: gone, lost, out of step
        *(1053, 1927, 3169, 4031),  # said by the server: it shuts down, the session was killed, or idle too long
        *(1152, 1158, 1159, 1160, 1161, 1184),  # said by the server: the network failed it
    }
)
"""The codes of errors after which there is no session."""

CLOSED_HERE = ((0, "InterfaceError"), (-1, "OperationalError"))
"""How PyMySQL, and mysql-connector, name a connection that they have closed; neither code says that by itself."""

WRONG_NODE = frozenset(
    {
        *(1792, 1836, 1874),  # read-only: the transaction, the server, InnoDB
        1820,  # the password has to be changed first, on the primary
        3100,  # group replication cannot commit here
    }
)
"""The codes of errors of a node that takes no writes …"""

ALSO_OF_OTHER_CAUSES = {1290: ("read-only", "read_only"), 1047: ("WSREP",)}
"""… and those that say so only with one of these words; WSREP is Galera's, of a node that lost the others."""

ASK_FOR_ROLE = "SELECT @@global.read_only OR @@global.innodb_read_only"
"""A statement that opens no transaction."""

REFUSED = frozenset(
    {
        *(1044, 1045, 1049, 1698),  # access denied, no such database
        *(1129, 1130, 1131, 1132, 1251, 1524, 2026, 2059, 2061),  # this host, this way to authenticate, no TLS
        *(3118, 4151),  # the account is locked
        *(1054, 1231, 1253, 1273),  # a setting, a character set or a collation that is none
    }
)
"""The codes of errors of connecting that will come again until somebody mends the cause."""

XA_IS_OPEN = (1399, 1400)
"""The codes of the errors that a rollback gets within a distributed transaction."""

HOPELESS = (TypeError, NotImplementedError, ssl.SSLCertVerificationError)


class MySQLTraits(Identified, Remembering[Any]):
    """One MySQL or MariaDB database."""

    _where: dict[str, Any]
    """How to connect, in the driver's words, but for the password."""
    _roles: Roles
    _resets: Resets
    _attributes: Attributes[Any]
    """What a holder may set on the driver's own object."""
    _drivers: Set[str] = DRIVERS
    """The packages of drivers whose errors may be about a session."""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Return the database that `mysql://user:password@host:port/database?option=value` names; `mariadb://` too.

        The options in it are those of the driver's `connect` that are text, numbers or yes and no. What is given by
        name counts more.

        Raises:
            BadURL: the URL makes no sense.
        """
        return cls(**{**arguments(url), **options})

    def remember(self, session: Any) -> None:
        """Note what a holder may change, at the server and in the driver's own object."""
        session.note_beginning()
        self._attributes.remember(session)

    def needs_reset(self, session: Any) -> bool | None:
        """Is a command or a transaction open, a result unread, a lock held, a setting changed? None: nothing tells."""
        if session.turn is not None or is_unread(session) or session.may_lock:
            return True
        status = session.status
        if status is None:
            return None
        is_open = bool(status & LEFT_OPEN)
        return is_open or session.is_set_otherwise(status) or self._attributes.changed(session) or self._resets.at_rest

    def in_transaction(self, session: Any) -> bool:
        """Is a transaction open, by the server's last answer? It may have read only."""
        return bool(is_in_transaction(session))

    def meaning_of(self, error: BaseException) -> Meaning:
        """Most errors tell by their code. Those of connecting may hide what the system, or TLS, said."""
        if is_foreign(error, self._drivers):
            return Meaning.FOREIGN
        code = code_of(error)
        reasons = (error, error.__cause__, getattr(error, "original_exception", None))
        if code in REFUSED or any(isinstance(each, HOPELESS) for each in reasons):
            return Meaning.REFUSED
        if self._roles.matters and is_from_a_wrong_node(code, error):
            return self._roles.moved()
        if (meaning := super().meaning_of(error)) is Meaning.UNREACHABLE:
            return meaning
        if code in LOST or (code, type(error).__name__) in CLOSED_HERE:
            return Meaning.LOST
        return Meaning.TRANSIENT if said_by_server(error) else Meaning.UNKNOWN

    def _place(self) -> str:
        places = {name: self._where.get(name) for name in ("host", "port", *OTHER_PLACES)}
        named = {**{name: it for name, it in places.items() if it}, **{n: self._where[n] for n in ("user", "database")}}
        return ", ".join(f"{name}={shown(it)}" for name, it in named.items())


def is_from_a_wrong_node(code: int | None, error: BaseException) -> bool:
    """Does an error say that the node takes no writes?"""
    if code is None:
        return False
    return code in WRONG_NODE or any(word in str(error) for word in ALSO_OF_OTHER_CAUSES.get(code, ()))


def takes_writes(rows: Sequence[Any]) -> bool:
    """Read the answer to `ASK_FOR_ROLE`, in whatever form the user's cursors give rows."""
    [row] = rows
    return not int(values_of(row)[0])


def is_in_transaction(session: OnRecord) -> bool | None:
    """Is a transaction open, as the server told last? None if it told nothing, as in the midst of a result's rows."""
    status = None if is_unread(session) else session.status
    return None if status is None else bool(status & IN_TRANSACTION)


def is_unread(session: Any) -> bool:
    """Was a result not read to its end, by PyMySQL or aiomysql?"""
    result = getattr(session, "_result", None)
    return result is not None and bool(result.unbuffered_active)


def is_busy(session: OnRecord) -> bool:
    """May a statement of the session be under way at the server? Not if that has hung up."""
    return not session.was_left and (session.turn is not None or is_unread(session))


def refuse_busy(session: OnRecord) -> None:
    """Raise `BeyondReset` if an answer is owed: to wait for it might take for ever."""
    if session.turn is not None:
        raise BeyondReset("left busy", "a command of the last holder's is under way, or broke off")
    if is_unread(session):
        raise BeyondReset("left busy", "the last holder left the result of a query unread")


@contextmanager
def refusing_what_stays() -> Generator[None]:
    """Raise `BeyondReset` if a rollback fails since it is not the way to end what is open."""
    try:
        yield
    except Exception as error:
        if code_of(error) in XA_IS_OPEN:
            raise BeyondReset("left open", f"a distributed transaction was left open: {error}") from error
        raise


@contextmanager
def unless_there_is_no_such_function() -> Generator[None]:
    """Pass over the error of a server that is too old to let go of all locks by one word."""
    try:
        yield
    except Exception as error:
        if code_of(error) != NO_SUCH_FUNCTION:
            raise
