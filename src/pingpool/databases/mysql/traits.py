"""What all drivers of MySQL and MariaDB share, in both worlds: the URL, and what the errors mean."""

import ssl
from collections.abc import Sequence, Set
from typing import Any, Self

from pingpool.database import Meaning
from pingpool.databases.common.configuring import Remembering
from pingpool.databases.common.foreign import is_foreign
from pingpool.databases.common.identity import Identified
from pingpool.databases.common.roles import Roles
from pingpool.databases.common.rows import values_of
from pingpool.databases.mysql.codes import code_of, said_by_server
from pingpool.databases.mysql.options import arguments

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

HOPELESS = (TypeError, NotImplementedError, ssl.SSLCertVerificationError)


class MySQLTraits(Identified, Remembering[Any]):
    """One MySQL or MariaDB database."""

    _roles: Roles
    _packages: Set[str] = DRIVERS
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

    def meaning_of(self, error: BaseException) -> Meaning:
        """Most errors tell by their code. Those of connecting may hide what the system, or TLS, said."""
        if is_foreign(error, self._packages):
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


def is_from_a_wrong_node(code: int | None, error: BaseException) -> bool:
    """Does an error say that the node takes no writes?"""
    if code is None:
        return False
    return code in WRONG_NODE or any(word in str(error) for word in ALSO_OF_OTHER_CAUSES.get(code, ()))


def takes_writes(rows: Sequence[Any]) -> bool:
    """Read the answer to `ASK_FOR_ROLE`, in whatever form the user's cursors give rows."""
    [row] = rows
    return not int(values_of(row)[0])
