"""PostgreSQL, by psycopg 3: what is pooled is `psycopg.Connection`.

The ping is an empty query, sent raw: the server answers it without a snapshot, and unlike `SELECT 1` it opens no
transaction, in autocommit or not. What a server sends unasked (a notification, a changed setting, its last words) is
read when a session is glanced at; only last words mean that it is dead.
"""

import difflib
import inspect
import time
from collections.abc import Mapping
from typing import Any, TypeAlias

from pingpool.database import Database
from pingpool.databases.credentials import Password, asked
from pingpool.databases.postgres_names import application_name, unquoted
from pingpool.databases.sockets import Look, await_speech, hang_up, look_at
from pingpool.databases.urls import ESCAPES, check_port
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

LONGEST_WAIT = 86_400.0
"""The most seconds that the system is asked to wait in one go; it cannot count to infinity."""


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
        password: Password = None,
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
        return psycopg.connect(**self.arguments(labels, timeout, asked(self._password)))

    def arguments(self, labels: Mapping[str, str], timeout: float, password: str | None) -> dict[str, Any]:
        """Return what psycopg is to connect with, in either world."""
        where = {**self._where, **self._driver_options}
        where["connect_timeout"] = patience(self._where, timeout)
        if labels:
            where["application_name"] = application_name(labels, after=where.get("application_name"))
        if password is not None:
            where["password"] = password
        return where

    def ping(self, session: Session, *, timeout: float) -> None:
        """Send an empty query and wait for the answer; raises `TimeoutError` if there is none in time."""
        connection = session.pgconn
        until = time.monotonic() + timeout
        connection.send_query(b"")
        while connection.is_busy():
            if not await_speech(connection.socket, min(until - time.monotonic(), LONGEST_WAIT)):
                raise TimeoutError(f"no answer to a ping within {timeout:g} s")
            connection.consume_input()
        refusal: psycopg.Error | None = None
        while result := connection.get_result():
            if result.status != psycopg.pq.ExecStatus.EMPTY_QUERY:
                refusal = psycopg.errors.error_from_result(result)
        pass_notifications_on(connection)
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
        if connection.status != psycopg.pq.ConnStatus.OK:
            return False
        look = look_at(connection.socket)
        while look is Look.SPEAKS:
            if not self._listen(session):
                return False
            look = look_at(connection.socket)
        return look is Look.QUIET

    def needs_reset(self, session: Session) -> bool:
        """Is a transaction or a pipeline open, or a statement under way?"""
        return self._discard_all or session.pgconn.transaction_status != IDLE or is_pipelining(session.pgconn)

    def reset(self, session: Session, *, timeout: float) -> None:
        """Roll back; with `discard_all` also clear it. One inside a statement or a pipeline is beyond that."""
        refuse_unfinished(session.pgconn)
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
        """Did nobody listen, at any of the hosts? A server that only starts up is there, and forks for whoever asks."""
        attempts = [line for line in str(error).splitlines() if line.startswith("- host:")] or [str(error)]
        return isinstance(error, psycopg.OperationalError) and all(
            any(reason in attempt for reason in NOBODY_LISTENS) for attempt in attempts
        )

    def abort(self, session: Session) -> None:
        """End the stream, which frees who waits for it."""
        try:
            hang_up(session.fileno())
        except psycopg.OperationalError:  # it is closed already
            return

    def resync(self, session: Session) -> bool:
        """Vouch for a session whose holder was interrupted, if it is in no statement: libpq knows."""
        return session.pgconn.transaction_status in IN_SYNC and not is_pipelining(session.pgconn)

    def _listen(self, session: Session) -> bool:
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


def patience(where: Mapping[str, Any], timeout: float) -> int:
    """Return the seconds that psycopg may give each host: an equal share, or less if the user says so.

    psycopg counts whole seconds, and 2 at least.
    """
    said = {**from_surroundings(), **where}
    hosts = len(str(said.get("host") or said.get("hostaddr") or "").split(","))
    rounds = 2 if said.get("target_session_attrs") == "prefer-standby" else 1
    own = float(said.get("connect_timeout") or 0)
    return max(2, int(min(timeout / (hosts * rounds), own if own > 0 else LONGEST_WAIT, LONGEST_WAIT)))


def from_surroundings() -> dict[str, str]:
    """Return what libpq takes from the environment, and what it does by itself."""
    return {each.keyword.decode(): each.val.decode() for each in psycopg.pq.Conninfo.get_defaults() if each.val}


def checked(conninfo: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the conninfo and the options as one, after a look at their names, the hosts and the numbers."""
    if conninfo.startswith(("postgresql://", "postgres://")):
        refuse_spilt_password(conninfo)
    try:
        where = conninfo_to_dict(make_conninfo(conninfo, **options))
    except psycopg.ProgrammingError as error:
        raise BadURL(f"PostgreSQL: {told_without_secrets(str(error).strip(), conninfo, options)}") from None
    if any("@" in host[1:] for host in str(where.get("host") or "").split(",")):  # sockets may begin with one
        raise BadURL(f"PostgreSQL: there is an @ in the host; {ESCAPES}")
    for port in str(where.get("port") or 5432).split(","):
        if port:
            check_port(port)
    try:
        patience(where, 1)
    except ValueError:
        raise BadURL("PostgreSQL: connect_timeout is a number of seconds") from None
    return where


def told_without_secrets(complaint: str, conninfo: str, options: Mapping[str, Any]) -> str:
    """Return libpq's complaint with what may have been meant, and without what may be a piece of a password."""
    if '"' in conninfo:  # its quotes cannot be told from libpq's
        return f"the connection info makes no sense; {ESCAPES}"
    known = [*(option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()), *DRIVER_OPTIONS]
    plain = complaint.replace(conninfo, "...") if conninfo else complaint
    is_about_a_name = any(what in plain for what in ("invalid connection option", "invalid URI query parameter"))
    quoted = plain.split('"')[1::2] if is_about_a_name else []
    similar = difflib.get_close_matches(quoted[0], known, n=1) if quoted else []
    hint = f"did you mean {similar[0]}?" if similar else ESCAPES
    return f"{unquoted(plain, {*options, *quoted[: len(similar)], ']', '='})}; {hint}"


def refuse_spilt_password(url: str) -> None:
    """Refuse a URL in which libpq would take a piece of the password for a host or a path. Raises `BadURL`."""
    place, _, path = url.partition("://")[2].partition("/")
    if "@" in place.partition("@")[2].partition("?")[0] + path.partition("?")[0]:
        raise BadURL(f"PostgreSQL: the URL has an @ where none belongs; {ESCAPES}")
