"""PostgreSQL, by psycopg 3: what is pooled is `psycopg.Connection`.

The ping is an empty query, sent raw: the server answers it without a snapshot, and unlike `SELECT 1` it opens no
transaction, in autocommit or not. What a server sends unasked (a notification, a changed setting, its last words) is
read when a session is glanced at; only last words mean that it is dead.
"""

import difflib
import inspect
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pingpool.database import Database
from pingpool.databases.labelling import as_text
from pingpool.databases.sockets import Look, await_speech, hang_up, look_at
from pingpool.databases.urls import check_port
from pingpool.errors import BadURL

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
except ImportError as missing:
    raise ImportError(f'PostgreSQL needs psycopg: pip install "pingpool[postgres]" ({missing})') from missing

Session: TypeAlias = "psycopg.Connection[Any]"

IDLE = psycopg.pq.TransactionStatus.IDLE
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
)
"""What stands in the text of an error of connecting that will come again: those errors carry no SQLSTATE."""


NOT_UP = (
    "Connection refused",
    "No such file or directory",
    "the database system is starting up",
    "the database system is shutting down",
    "the database system is not yet accepting connections",
    "the database system is in recovery mode",
)
"""The same for a server that is not there, or not yet; a socket in the file system is missing then."""


class Postgres(Database[Session]):
    """The sessions of one PostgreSQL database.

        pool = pingpool.open(Postgres("host=db dbname=shop", password=read_secret, autocommit=True))

    Args:
        conninfo: a URL or `key=value` pairs, as libpq takes them.
        password: the password, or a function that is asked for it each time a session is opened, for passwords that
            change. A refused one is asked for again with the next attempt.
        discard_all: whether a session is also cleared by `DISCARD ALL` each time it comes back: temporary tables,
            settings, advisory locks, `LISTEN`. That costs the crew a round trip for each use.
        **options: whatever else `psycopg.connect` takes: `autocommit`, `row_factory`, `dbname`, ...

    Raises:
        BadURL: the conninfo, or an option, makes no sense.
    """

    def __init__(
        self,
        conninfo: str = "",
        *,
        password: str | Callable[[], str] | None = None,
        discard_all: bool = False,
        **options: Any,
    ) -> None:
        """Connect to nothing yet."""
        self._driver_options = {name: options.pop(name) for name in DRIVER_OPTIONS & options.keys()}
        self._where = checked(conninfo, options)
        self._password = password
        self._discard_all = discard_all

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Connect. The labels become part of the `application_name`, seen in `pg_stat_activity` and in the log."""
        where = dict(self._where)
        # In whole seconds, and 0 would mean two minutes; psycopg itself makes it 2 at least.
        where["connect_timeout"] = math.ceil(min(timeout, float(where.get("connect_timeout") or timeout)))
        if labels:
            where["application_name"] = as_text(labels, after=where.get("application_name"))
        if self._password is not None:
            where["password"] = self._password() if callable(self._password) else self._password
        return psycopg.connect(**where, **self._driver_options)

    def ping(self, session: Session, *, timeout: float) -> None:
        """Send an empty query and wait for the answer; raises `TimeoutError` if there is none in time."""
        connection = session.pgconn
        until = time.monotonic() + timeout
        connection.send_query(b"")
        while connection.is_busy():
            if not await_speech(connection.socket, until - time.monotonic()):
                raise TimeoutError(f"no answer to a ping within {timeout:g} s")
            connection.consume_input()
        refusal: psycopg.Error | None = None
        while result := connection.get_result():
            if result.status != psycopg.pq.ExecStatus.EMPTY_QUERY:
                refusal = psycopg.errors.error_from_result(result)
        if connection.status != psycopg.pq.ConnStatus.OK:
            raise psycopg.OperationalError("the server hung up on a ping") from refusal
        if refusal is not None:
            raise refusal

    def delete(self, session: Session, *, timeout: float) -> None:
        """Say goodbye and close the connection; the server rolls back what is open."""
        session.close()

    def glance(self, session: Session) -> bool:
        """Is the socket quiet, or does it bring nothing worse than a notice?"""
        connection = session.pgconn
        look = look_at(connection.socket)
        while look is Look.SPEAKS:
            if not self._listen(session):
                return False
            look = look_at(connection.socket)
        return look is Look.QUIET

    def needs_reset(self, session: Session) -> bool:
        """Is a transaction open, or a statement under way?"""
        return self._discard_all or session.pgconn.transaction_status != IDLE

    def reset(self, session: Session, *, timeout: float) -> None:
        """Roll back; with `discard_all` also clear the session. One that is inside a statement is beyond that."""
        if session.pgconn.transaction_status not in IN_SYNC:
            raise psycopg.OperationalError("the last holder left a statement unfinished, or closed the connection")
        session.rollback()
        if self._discard_all:
            own = session.autocommit
            session.autocommit = True
            session.execute("DISCARD ALL", prepare=False)
            session.autocommit = own

    def is_lost(self, error: BaseException) -> bool:
        """Did the server say its last words, or did the driver find the connection broken?"""
        if not isinstance(error, psycopg.Error):
            return False
        if error.sqlstate is None:
            return isinstance(error, psycopg.OperationalError)
        return error.diag.severity_nonlocalized in LAST_WORDS or error.sqlstate.startswith(CONNECTION_TROUBLE)

    def is_transient(self, error: BaseException) -> bool:
        """Did the server answer a ping, if only with a complaint (a cancellation that came too late)?"""
        return isinstance(error, psycopg.Error) and error.sqlstate is not None and not self.is_lost(error)

    def is_fatal(self, error: BaseException) -> bool:
        """Did the server refuse for a reason that somebody has to mend, or does an option make no sense?"""
        if isinstance(error, psycopg.OperationalError):
            return any(reason in str(error) for reason in REFUSALS)
        return isinstance(error, psycopg.ProgrammingError | TypeError)

    def is_down(self, error: BaseException) -> bool:
        """Did nobody listen, or did the server say that it only starts up or shuts down?"""
        return isinstance(error, psycopg.OperationalError) and any(reason in str(error) for reason in NOT_UP)

    def abort(self, session: Session) -> None:
        """End the stream, which frees who waits for it."""
        try:
            hang_up(session.fileno())
        except psycopg.OperationalError:  # it is closed already
            return

    def resync(self, session: Session) -> bool:
        """Vouch for a session whose holder was interrupted, if it is in no statement: libpq knows."""
        connection = session.pgconn
        return connection.transaction_status in IN_SYNC and connection.pipeline_status == psycopg.pq.PipelineStatus.OFF

    def _listen(self, session: Session) -> bool:
        """Read what has come unasked. Notices go their usual way; False if these were the server's last words."""
        severities: list[str | None] = []

        def note(notice: psycopg.errors.Diagnostic) -> None:
            severities.append(notice.severity_nonlocalized)

        session.add_notice_handler(note)
        try:
            session.pgconn.consume_input()
            session.pgconn.is_busy()  # which makes libpq take apart what it has read
        except psycopg.OperationalError:
            return False
        finally:
            session.remove_notice_handler(note)
        return not any(severity in LAST_WORDS for severity in severities)

    def __repr__(self) -> str:
        """Name the place, and no secret."""
        named = {name: self._where[name] for name in ("host", "port", "dbname", "user") if name in self._where}
        return f"Postgres({make_conninfo(**named)!r})"

    def __eq__(self, other: object) -> bool:
        """Two that connect in the same way are the same database."""
        return isinstance(other, Postgres) and other._identity() == self._identity()

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash((self._where.get("host"), self._where.get("port"), self._where.get("dbname")))

    def _identity(self) -> tuple[object, ...]:
        return self._where, self._password, self._discard_all, self._driver_options


def from_url(url: str) -> Postgres:
    """Return the database that a `postgresql://` or `postgres://` URL names, with the options that libpq knows.

    Raises:
        BadURL: the URL makes no sense.
    """
    return Postgres(url)


DRIVER_OPTIONS = {
    name
    for name, parameter in inspect.signature(psycopg.connect).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY
}
"""What `psycopg.connect` takes for itself; the rest is for libpq."""


def checked(conninfo: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the conninfo and the options as one, after a look at their names and at the port."""
    try:
        where = conninfo_to_dict(make_conninfo(conninfo, **options))
    except psycopg.ProgrammingError as error:
        known = [option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()]
        quoted = str(error).split('"')
        similar = difflib.get_close_matches(quoted[1], [*known, *DRIVER_OPTIONS], n=1) if len(quoted) > 1 else []
        hint = f"; did you mean {similar[0]}?" if similar else ""
        complaint = str(error).strip().replace(conninfo, "...") if conninfo else str(error).strip()
        raise BadURL(f"PostgreSQL: {complaint}{hint}") from None
    for port in str(where.get("port") or 5432).split(","):
        if port:
            check_port(port)
    return where
