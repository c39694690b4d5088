"""What psycopg's connections of both worlds share: they rest on the same libpq.

What a server sends unasked (a notification, a changed setting, its last words) is read when a session is looked at.
Only last words mean that it is dead.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo

from pingpool.database import Meaning
from pingpool.databases.common.addresses import Address, Text
from pingpool.databases.common.attributes import Attributes
from pingpool.databases.common.configuring import AsyncConfigure, Remembering, to_configure
from pingpool.databases.common.credentials import P
from pingpool.databases.common.foreign import is_foreign
from pingpool.databases.common.identity import Identified
from pingpool.databases.common.records import Records
from pingpool.databases.common.resets import AsyncReset, Resets
from pingpool.databases.common.roles import Role, Roles, refuse_wrong_node
from pingpool.databases.common.sockets import HUNG_UP, QUIET, SPEAKS, look_at
from pingpool.databases.postgres.adapters import Adapters
from pingpool.databases.postgres.conninfo import (
    ATTRIBUTES,
    DRIVER_OPTIONS,
    checked,
    connect_timeout_for,
    hosts_in,
    libpq_options,
    role_in,
)
from pingpool.databases.postgres.leftovers import (
    IN_SYNC,
    INTRANS,
    OPEN,
    has_prepared,
    is_busy,
    is_pipelining,
    is_settled,
    mark_as_own,
    mark_as_pooled,
)
from pingpool.databases.postgres.names import application_name
from pingpool.databases.postgres.roles import ASK_FOR_ROLE, TAKES_WRITES, is_from_a_wrong_node
from pingpool.databases.postgres.words import CONNECTION_TROUBLE, LAST_WORDS, meaning_of_text

C = TypeVar("C", bound="psycopg.BaseConnection[Any]")

OTHER_DRIVERS = {
    "psycopg2": "DBAPI(lambda: psycopg2.connect(…), driver=psycopg2)",
    "pg8000": "DBAPI(lambda: pg8000.dbapi.connect(…), driver=pg8000.dbapi)",
}
"""How what SQLAlchemy calls so is pooled."""

DRIVERS = frozenset({"psycopg", "psycopg_binary", "psycopg_c"})

OK: int = psycopg.pq.ConnStatus.OK.value

ANSWERED = (psycopg.pq.ExecStatus.EMPTY_QUERY, psycopg.pq.ExecStatus.TUPLES_OK)

HAD_WRITTEN = b"SELECT txid_current_if_assigned() IS NOT NULL"
"""A transaction has a number once it has changed anything, or locked a row."""

ATTRIBUTES_OF_SESSIONS = {
    "autocommit": "_autocommit",
    "isolation_level": "_isolation_level",
    "read_only": "_read_only",
    "deferrable": "_deferrable",
    "row_factory": "row_factory",
    "cursor_factory": "cursor_factory",
    "server_cursor_factory": "server_cursor_factory",
    "_notice_handlers": "_notice_handlers",
    "_notify_handlers": "_notify_handlers",
    "prepare_threshold": "_prepared.prepare_threshold",
    "prepared_max": "_prepared.prepared_max",
}
"""What a holder may set on a connection object, and where that keeps it: to ask its properties takes too long."""


class PsycopgTraits(Identified, Remembering[C], Generic[C, P]):
    """One PostgreSQL database, for the connections `C`, with passwords of the kind `P`."""

    DRIVERS: tuple[str, ...] = ("psycopg",)
    OTHER_DRIVERS = OTHER_DRIVERS

    def __init__(
        self,
        conninfo: Text = "",
        *,
        password: P | None = None,
        role: Role = "primary",
        reset: AsyncReset = "rollback",
        configure: AsyncConfigure = None,
        **options: Any,
    ) -> None:
        self._driver_options = {name: options.pop(name) for name in DRIVER_OPTIONS & options.keys()}
        asked = {name: options.pop(name) for name in ("host", "port") if callable(options.get(name))}
        self._address = Address(conninfo=conninfo, **asked)
        self._options = options
        self._where = self._located({} if callable(conninfo) else {"conninfo": conninfo})
        self._roles = Roles(role_in(self._where, role))
        self._password = password
        self._resets = Resets(reset)
        self._configure = to_configure(configure)
        kept_in = tuple(ATTRIBUTES_OF_SESSIONS.values())
        self._attributes: Attributes[C] = Attributes(*ATTRIBUTES_OF_SESSIONS, kept_in=kept_in)
        self._adapters = Adapters(self._driver_options.get("context"))
        self._have_read_only: Records[bool] = Records()
        self._is_told_of_writes = True
        self._identity = (
            self._where,
            self._address.functions,
            password,
            reset,
            configure,
            self._roles.wanted,
            self._driver_options,
        )

    @classmethod
    def driver_options(cls) -> set[str]:
        """Return the keywords that psycopg and libpq take."""
        return {*DRIVER_OPTIONS, *libpq_options()}

    def _located(self, address: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return where this address, and the options, say that the server is. Raises `BadURL`."""
        place = dict(address)
        return checked(place.pop("conninfo", ""), {**self._options, **place}, own_options())

    def arguments(
        self, address: Mapping[str, Any], labels: Mapping[str, str], timeout: float, password: str | None
    ) -> dict[str, Any]:
        """Return what psycopg is to connect with, now that the server is at this address."""
        found = self._where if self._address.is_fixed else self._located(address)
        where = {**found, **self._driver_options}
        where["connect_timeout"] = connect_timeout_for(found, timeout)
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
        refusal = refusal_in(answers)
        if connection.status != OK:
            raise psycopg.OperationalError("the server hung up on a ping") from refusal
        if refusal is not None:
            raise refusal
        roles = [each.get_value(0, 0) for each in answers if each.status == psycopg.pq.ExecStatus.TUPLES_OK]
        refuse_wrong_node(all(each == TAKES_WRITES.encode() for each in roles))
        self._roles.settle(session, moves)

    def descriptor_of(self, session: C) -> int | None:
        """Return the descriptor of a connection that is open."""
        connection = session.pgconn
        return connection.socket if connection.status == OK else None

    def looks_alive(self, session: C) -> bool:
        """Is the socket quiet, or does it bring nothing worse than a notice?"""
        connection = session.pgconn
        if connection.status != OK:
            return False
        look = look_at(connection.socket)
        if look is not SPEAKS:
            return look is QUIET
        # One read: on a busy channel notifications never end, and whoever checks out a session waits for this.
        return has_only_notices(session) and look_at(connection.socket) is not HUNG_UP

    def remember(self, session: C) -> None:
        """Note what a holder may change in the connection object. Its own block then leaves it open."""
        mark_as_pooled(session)
        self._attributes.remember(session)
        self._adapters.remember(session)

    def begin_anew(self, session: C) -> None:
        """Count what was configured as changed: it will be configured again."""
        self._attributes.begin_anew(session)
        self._adapters.begin_anew(session)

    def has_to_be_kept(self, session: C) -> bool:
        """Is a transaction open? Raises what libpq would not say of a commit: that a failed one is rolled back."""
        status = session.pgconn.transaction_status
        if status == psycopg.pq.TransactionStatus.INERROR:
            raise psycopg.errors.InFailedSqlTransaction("configure left a transaction in which a statement had failed")
        return bool(status != psycopg.pq.TransactionStatus.IDLE)

    def needs_reset(self, session: C) -> bool | None:
        """Is something open or under way, or changed in the connection object?"""
        return (
            not is_settled(session)
            or self._attributes.changed(session)
            or self._adapters.changed(session)
            or self._resets.at_rest
        )

    def let_go(self, session: C) -> None:
        """Psycopg's own block, `with connection:`, closes it again."""
        mark_as_own(session)

    def in_transaction(self, session: C) -> bool:
        """Is a transaction open, for all that libpq knows? It may have read only."""
        return session.pgconn.transaction_status in OPEN

    def rollback_of(self, session: C) -> bytes | None:
        """Return the statements that ask what a rollback will undo, and roll back; None if nothing is to be asked.

        Where psycopg has prepared statements only its own rollback, which follows, deallocates them.
        """
        self._have_read_only.drop(session)
        if session.pgconn.transaction_status != INTRANS or not self._is_told_of_writes:
            return None
        return HAD_WRITTEN if has_prepared(session) else HAD_WRITTEN + b"; ROLLBACK"

    def read_rollback(self, session: C, answers: Sequence[Any]) -> None:
        """Note what the server answered to these; one that knows no such function is not asked again."""
        if isinstance(refusal_in(answers[:1]), psycopg.errors.UndefinedFunction):
            self._is_told_of_writes = False
        elif answers[0].status == psycopg.pq.ExecStatus.TUPLES_OK and answers[0].get_value(0, 0) == b"f":
            self._have_read_only.note(session, True)

    def had_written(self, session: C) -> bool:
        """Did the server say that it had not, before it rolled back?"""
        return self._have_read_only.of(session) is None

    def survived_interrupt(self, session: C) -> bool:
        """Is it in no statement? libpq knows; of a cancelled task psycopg has ended the statement."""
        is_in_sync = session.pgconn.transaction_status in IN_SYNC and not is_busy(session)
        return is_in_sync and not is_pipelining(session.pgconn)

    def meaning_of(self, error: BaseException) -> Meaning:
        """With a SQLSTATE the server has spoken; without one it is about the connection, or about connecting."""
        if is_foreign(error, DRIVERS):
            return Meaning.FOREIGN
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
        if not self._address.is_fixed:
            return repr(self._address)
        named = {name: self._where[name] for name in ("host", "port", "dbname", "user") if name in self._where}
        return repr(make_conninfo(**named))


def own_options() -> set[str]:
    """Return what only the constructor takes, and no connection info."""
    constructor = vars(PsycopgTraits)["__init__"]
    return {*constructor.__kwdefaults__, *DRIVER_OPTIONS} - {*libpq_options()}


def refusal_in(answers: Sequence[Any]) -> psycopg.Error | None:
    """Return the error that is among the answers, if there is one."""
    refused = next((each for each in answers if each.status not in ANSWERED), None)
    return refused and psycopg.errors.error_from_result(refused)


def read_release(answers: Sequence[Any]) -> None:
    """Raise what kept the server from releasing its locks; one that has no such function has none."""
    refusal = refusal_in(answers)
    if refusal is not None and not isinstance(refusal, psycopg.errors.UndefinedFunction):
        raise refusal


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


def pass_notifications_on(connection: Any) -> None:
    """Give psycopg the notifications that libpq has read: what waits in libpq `connection.notifies()` never sees."""
    while notification := connection.notifies():
        if connection.notify_handler:
            connection.notify_handler(notification)
