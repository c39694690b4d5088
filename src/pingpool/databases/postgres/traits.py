"""What psycopg's connections of both worlds share: they rest on the same libpq.

What a server sends unasked (a notification, a changed setting, its last words) is read when a session is looked at.
Only last words mean that it is dead.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo

from pingpool.database import Meaning, Traits
from pingpool.databases.common.credentials import P
from pingpool.databases.common.identity import Identified
from pingpool.databases.common.roles import Role, Roles, refuse_wrong_node
from pingpool.databases.common.sockets import Look, look_at
from pingpool.databases.postgres.conninfo import ATTRIBUTES, DRIVER_OPTIONS, checked, hosts_in, patience, role_in
from pingpool.databases.postgres.names import application_name
from pingpool.databases.postgres.roles import ASK_FOR_ROLE, TAKES_WRITES, is_from_a_wrong_node

C = TypeVar("C", bound="psycopg.BaseConnection[Any]")

IDLE = psycopg.pq.TransactionStatus.IDLE
ANSWERED = (psycopg.pq.ExecStatus.EMPTY_QUERY, psycopg.pq.ExecStatus.TUPLES_OK)
IN_SYNC = (IDLE, psycopg.pq.TransactionStatus.INTRANS, psycopg.pq.TransactionStatus.INERROR)

CONNECTION_TROUBLE = "08"
"""The class of the SQLSTATEs that are about the connection; poolers in between use it too."""

LAST_WORDS = ("FATAL", "PANIC")
"""After a message of such a severity the server hangs up."""

REFUSALS = (
    "password authentication failed",
    "no password supplied",
    "authentication failed for user",
    "no pg_hba.conf entry",
    "does not exist",
    "is not permitted to log in",
    "is not currently accepting connections",
    "permission denied for database",
    "does not support SSL",
    "certificate verify failed",
    "invalid port number",
    "does not match host name",
    "unrecognized configuration parameter",
    "invalid value for parameter",
    "cannot be changed",
    "invalid sslmode value",
    "invalid require_auth value",
    "invalid integer value",
    "invalid channel_binding value",
    "channel binding required",
    "authentication method requirement",
)
"""What stands in the text of an error of connecting that will come again: those errors carry no SQLSTATE."""

NOBODY_LISTENS = ("failed: Connection refused", "failed: No such file or directory")
"""What stands in the text where there is no server at all; a socket in the file system is missing then."""


class PsycopgTraits(Identified, Traits[C], Generic[C, P]):
    """One PostgreSQL database, for the connections `C`, with passwords of the kind `P`."""

    def __init__(
        self,
        conninfo: str = "",
        *,
        password: P | None = None,
        discard_all: bool = False,
        role: Role = "primary",
        **options: Any,
    ) -> None:
        self._driver_options = {name: options.pop(name) for name in DRIVER_OPTIONS & options.keys()}
        self._where = checked(conninfo, options)
        self._roles = Roles(role_in(self._where, role))
        self._password = password
        self._discard_all = discard_all
        self._identity = (self._where, password, discard_all, self._roles.wanted, self._driver_options)

    def arguments(self, labels: Mapping[str, str], timeout: float, password: str | None) -> dict[str, Any]:
        """Return what psycopg is to connect with."""
        where = {**self._where, **self._driver_options}
        where["connect_timeout"] = patience(self._where, timeout)
        if self._roles.matters and hosts_in(where) > 1:
            where.setdefault(ATTRIBUTES, "read-write")
        if labels:
            where["application_name"] = application_name(labels, after=where.get("application_name"))
        if password is not None:
            where["password"] = password
        return where

    def question_for(self, session: C) -> bytes:
        """Return the statement of a ping: an empty one, or one that asks for the node's role."""
        return ASK_FOR_ROLE.encode() if self._roles.has_to_be_asked(session) else b""

    def read_answers(self, session: C, answers: Sequence[Any], moves: int) -> None:
        """Raise what is wrong with a session by its answers to a ping that was sent after so many moves."""
        connection = session.pgconn
        pass_notifications_on(connection)
        refused = next((each for each in answers if each.status not in ANSWERED), None)
        refusal = refused and psycopg.errors.error_from_result(refused)
        if connection.status != psycopg.pq.ConnStatus.OK:
            raise psycopg.OperationalError("the server hung up on a ping") from refusal
        if refusal is not None:
            raise refusal
        roles = [each.get_value(0, 0) for each in answers if each.status == psycopg.pq.ExecStatus.TUPLES_OK]
        refuse_wrong_node(all(each == TAKES_WRITES.encode() for each in roles))
        self._roles.settle(session, moves)

    def looks_alive(self, session: C) -> bool:
        """Is the socket quiet, or does it bring nothing worse than a notice?"""
        connection = session.pgconn
        if connection.status != psycopg.pq.ConnStatus.OK:
            return False
        look = look_at(connection.socket)
        if look is not Look.SPEAKS:
            return look is Look.QUIET
        # One read: on a busy channel notifications never end, and whoever checks out a session waits for this.
        return has_only_notices(session) and look_at(connection.socket) is not Look.HUNG_UP

    def needs_reset(self, session: C) -> bool | None:
        """Is a transaction or a pipeline open, or a statement under way? What `DISCARD ALL` clears cannot be told."""
        is_open = session.pgconn.transaction_status != IDLE or is_pipelining(session.pgconn)
        return is_open or (None if self._discard_all else False)

    def survived_interrupt(self, session: C) -> bool:
        """Is it in no statement? libpq knows; of a cancelled task psycopg has ended the statement."""
        return session.pgconn.transaction_status in IN_SYNC and not is_pipelining(session.pgconn)

    def meaning_of(self, error: BaseException) -> Meaning:
        """With a SQLSTATE the server has spoken; without one it is about the connection, or about connecting."""
        if isinstance(error, TypeError):
            return Meaning.REFUSED
        if not isinstance(error, psycopg.Error):
            return super().meaning_of(error)
        if error.sqlstate is not None:
            if self._roles.matters and is_from_a_wrong_node(error.sqlstate, str(error)):
                return self._roles.moved()
            is_last = error.diag.severity_nonlocalized in LAST_WORDS or error.sqlstate.startswith(CONNECTION_TROUBLE)
            return Meaning.LOST if is_last else Meaning.TRANSIENT
        if isinstance(error, psycopg.ProgrammingError):
            return Meaning.REFUSED
        return meaning_of_text(str(error)) if isinstance(error, psycopg.OperationalError) else Meaning.UNKNOWN

    def _place(self) -> str:
        named = {name: self._where[name] for name in ("host", "port", "dbname", "user") if name in self._where}
        return repr(make_conninfo(**named))


def meaning_of_text(said: str) -> Meaning:
    """Return what an error without a code means. One that says neither comes from a connection that was open."""
    if any(reason in said for reason in REFUSALS):
        return Meaning.REFUSED
    attempts = [line for line in said.splitlines() if line.startswith("- host:")] or [said]
    if all(any(reason in attempt for reason in NOBODY_LISTENS) for attempt in attempts):
        return Meaning.UNREACHABLE
    return Meaning.LOST


def has_only_notices(session: "psycopg.BaseConnection[Any]") -> bool:
    """Read what has come unasked. Notices go their usual way; False if these were the server's last words."""
    severities: list[str | None] = []

    def note(notice: psycopg.errors.Diagnostic) -> None:
        severities.append(notice.severity_nonlocalized)

    session.add_notice_handler(note)
    try:
        session.pgconn.consume_input()
        session.pgconn.is_busy()  # which makes libpq take apart what it has read
        pass_notifications_on(session.pgconn)
    except psycopg.OperationalError:
        return False
    finally:
        session.remove_notice_handler(note)
    return not any(severity in LAST_WORDS for severity in severities)


def is_pipelining(connection: Any) -> bool:
    """Is libpq in the pipeline mode, in which errors are told later, to whoever is there then?"""
    return bool(connection.pipeline_status != psycopg.pq.PipelineStatus.OFF)


def refuse_unfinished(connection: Any) -> None:
    """Raise if nobody but the last holder can bring to its end what the session is in."""
    if connection.transaction_status not in IN_SYNC:
        raise psycopg.OperationalError("the last holder left a statement unfinished, or closed the connection")
    if is_pipelining(connection):
        raise psycopg.OperationalError("the last holder left a pipeline open")


def pass_notifications_on(connection: Any) -> None:
    """Give psycopg the notifications that libpq has read: what waits in libpq `connection.notifies()` never sees."""
    while notification := connection.notifies():
        if connection.notify_handler:
            connection.notify_handler(notification)
