"""What connections of redis-py and valkey-py share in both worlds: how they are opened, and what their errors mean.

What is pooled is the raw connection, not a client: that has a pool of its own, and reconnects without a word.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from ssl import CERT_NONE, SSLCertVerificationError
from types import ModuleType
from typing import Any, Generic, Self, TypeAlias

from pingpool.database import Meaning
from pingpool.databases.common.addresses import Address, Host, Port, shown
from pingpool.databases.common.attributes import Attributes
from pingpool.databases.common.configuring import AsyncConfigure, Remembering, to_configure
from pingpool.databases.common.credentials import P
from pingpool.databases.common.foreign import is_foreign
from pingpool.databases.common.identity import Identified
from pingpool.databases.common.labels import as_text
from pingpool.databases.common.resets import Reset, Resets
from pingpool.databases.common.roles import Role, Roles
from pingpool.databases.common.urls import check_files, check_names
from pingpool.databases.redis.client import forget_client, is_altered, is_borrowed
from pingpool.databases.redis.commands import DATABASE, IDENTITY, MODE, SUBSCRIPTION, TRANSACTION, WATCH, Command, text
from pingpool.databases.redis.options import TLS_FILES, arguments, first_driver, options_of
from pingpool.errors import BeyondReset

Session: TypeAlias = Any
"""A `Connection` of redis-py or valkey-py, or one of their kinds for TLS and for a socket in the file system."""

DRIVERS = frozenset({"redis", "valkey", "hiredis", "libvalkey"})

ATTRIBUTES: Attributes[Session] = Attributes(
    *("socket_timeout", "retry", "health_check_interval", "db", "username", "client_name"),
    *("encoder", "encoder.decode_responses", "encoder.encoding", "encoder.encoding_errors"),
)
"""What a holder may set on a connection, and in its encoder."""

ASK_FOR_ROLE = "HELLO"
"""A command that names the node's role, and that even a user with few rights may send; since Redis 6."""

RESET: Command = ("RESET",)
"""The command that makes a connection what it was before its introduction; since Redis 6.2."""

TO_STAY = {DATABASE, IDENTITY, MODE}
"""What may be changed for all holders. A transaction, or a subscription, is what was left open."""

ANSWERS = {"RESET": "RESET"}
"""What undoing is answered, where it is not OK."""

REFUSED = ("DB index", "ERR DB index", "invalid DB index")
"""How answers to the introduction begin that will come again until somebody mends the cause."""


class RedisTraits(Identified, Remembering[Session], Generic[P]):
    """One Redis or Valkey database, with passwords of the kind `P`."""

    def __init__(
        self,
        host: Host = "localhost",
        port: Port = 6379,
        *,
        db: int = 0,
        username: str | None = None,
        password: P | None = None,
        ssl: bool = False,
        path: str | None = None,
        driver: ModuleType | None = None,
        role: Role = "primary",
        reset: Reset = "rollback",
        configure: AsyncConfigure = None,
        **options: Any,
    ) -> None:
        self._resets = Resets(reset)
        self._configure = to_configure(configure)
        self._driver: Any = driver or first_driver()
        kinds = self._driver.connection
        self._kind = kinds.UnixDomainSocketConnection if path else kinds.SSLConnection if ssl else kinds.Connection
        self._where = {"path": path} if path else {"host": host, "port": port}
        self._address = Address(**self._where)
        if ssl and not path:
            options.setdefault("ssl_check_hostname", is_verified(options.get("ssl_cert_reqs", "required")))
        self._options = {"db": db, "username": username, **options}
        self._password = password
        self._roles = Roles(role)
        self._identity = (self._kind, self._where, self._options, password, role, reset, configure)
        check_names(options, options_of(self._kind), self._kind.__module__)
        check_files(options, TLS_FILES)

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Return the database that `redis://user:password@host:port/db?option=value` names.

        `rediss://` speaks TLS; `valkey://` and `valkeys://` say the same and prefer valkey-py. `redis+unix://` and
        `valkey+unix://` name a socket in the file system: `redis+unix://user:password@/path/to/socket?db=0`. The
        options are those of the driver's connection. What is given by name counts more.

        Raises:
            BadURL: the URL makes no sense.
        """
        return cls(**{**arguments(url), **options})

    @classmethod
    def driver_options(cls) -> set[str]:
        """Return the keywords that the driver's connections take, with and without TLS."""
        kinds = first_driver().connection
        return options_of(kinds.SSLConnection) | options_of(kinds.UnixDomainSocketConnection)

    def introduction(self, labels: Mapping[str, str], password: str | None) -> dict[str, Any]:
        """Return the options of a connection that shows these labels, and has this password."""
        options = dict(self._options)
        if labels:
            options["client_name"] = printable(as_text(labels, after=options.get("client_name"), between=","))
        if password is not None:
            options["password"] = password.encode(errors="surrogateescape")  # which may be any bytes
        return options

    @contextmanager
    def naming_timeouts(self) -> Generator[None]:
        """Say of a server that does not answer to TLS that it may not speak it."""
        try:
            yield
        except (TimeoutError, self._driver.TimeoutError) as error:
            hint = "; does it speak TLS there?" if issubclass(self._kind, self._driver.SSLConnection) else ""
            raise self._driver.TimeoutError(f"{str(error) or 'Timeout connecting to server'}{hint}") from error

    def refuse_all_but_pong(self, answer: object) -> None:
        """Raise if this is not the answer to a PING: it is to what another holder has sent."""
        if answer not in (b"PONG", "PONG"):
            raise self._driver.ConnectionError(f"the last holder left an answer unread: {answer!r:.100}")

    def remember(self, session: Session) -> None:
        """Note what a holder may set on the connection, and that what has passed so far is how it is to be."""
        session.changes -= TO_STAY
        session.home = session.selected
        ATTRIBUTES.remember(session)

    def needs_reset(self, session: Session) -> bool | None:
        """Is an answer still to come, or was something left open, or changed, in the connection or its client?"""
        is_open = bool(session.owed or session.changes or is_borrowed(session) or is_altered(session))
        return is_open or ATTRIBUTES.changed(session) or self._resets.at_rest

    def in_transaction(self, session: Session) -> bool:
        """Was a `MULTI` left, whose commands were never executed?"""
        return TRANSACTION in session.changes

    def undoing(self, session: Session) -> list[Command]:
        """Return the commands that undo what the last holder left; a RESET wants a new introduction after it.

        Raises:
            BeyondReset: none would.
        """
        changes = session.changes
        if SUBSCRIPTION in changes:
            raise BeyondReset("left open", SUBSCRIPTION)
        if session.owed:
            raise BeyondReset("left busy", "an answer is still to come, or was left unread")
        if is_borrowed(session):
            raise BeyondReset("left open", "a pipeline with a WATCH, or a subscription, still holds the connection")
        if MODE in changes:
            raise BeyondReset("changed", MODE)
        if self._resets.is_full or IDENTITY in changes:
            return [RESET]
        undo = {TRANSACTION: ("DISCARD",), WATCH: ("UNWATCH",), DATABASE: ("SELECT", session.home)}
        return [command for change, command in undo.items() if change in changes]

    @contextmanager
    def judging(self, command: Command) -> Generator[None]:
        """Take a complaint about a command that undoes something: with nothing to discard, nothing is left."""
        try:
            yield
        except self._driver.ResponseError as error:
            if command[0] != "DISCARD":
                raise BeyondReset("changed", f"{command[0]}: {error}") from error

    def check_answer(self, command: Command, answer: object) -> None:
        """Raise if this is not the answer to a command that undoes something, but one that came in between."""
        if text(answer) != ANSWERS.get(command[0], "OK"):
            raise BeyondReset("left busy", f"{command[0]} was answered {answer!r:.100}")

    def note_undone(self, session: Session) -> None:
        """Put back what was set on the connection object, and note that nothing is changed any more."""
        ATTRIBUTES.put_back(session)
        session.changes.clear()
        if is_altered(session):
            forget_client(session)

    def meaning_of(self, error: BaseException) -> Meaning:
        """The drivers have a class for trouble with the connection, which they close then, and one for complaints.

        A pipeline that watches says `WatchError` also when its connection ended.
        """
        if is_foreign(error, DRIVERS):
            return Meaning.FOREIGN
        driver = self._driver
        is_complaint = isinstance(error, driver.ResponseError)
        if (
            isinstance(error, driver.AuthenticationError | driver.exceptions.NoPermissionError | TypeError)
            or isinstance(error.__context__, SSLCertVerificationError)
            or (is_complaint and str(error).startswith(REFUSED))
        ):
            return Meaning.REFUSED
        if (meaning := super().meaning_of(error)) is Meaning.UNREACHABLE:
            return meaning
        if self._roles.matters and is_complaint and is_from_a_wrong_node(error, driver.exceptions):
            return self._roles.moved()
        trouble = error.__context__ if isinstance(error, driver.WatchError) else error
        if isinstance(trouble, driver.ConnectionError | driver.TimeoutError):
            return Meaning.LOST
        return Meaning.TRANSIENT if is_complaint else Meaning.UNKNOWN

    def _place(self) -> str:
        where = {**self._where, "db": self._options["db"]}
        return ", ".join(f"{name}={shown(value)}" for name, value in where.items())


def is_verified(cert_reqs: object) -> bool:
    """Is the server's certificate verified? Then so should its name be, which not every driver does by itself."""
    return cert_reqs not in (None, "none", CERT_NONE)


def is_from_a_wrong_node(error: BaseException, kinds: Any) -> bool:
    """Does a complaint say that the node takes no writes, or is not the one that has the key? A script may say so."""
    moved = (kinds.ReadOnlyError, kinds.ClusterDownError, kinds.MasterDownError, kinds.MovedError)
    return isinstance(error, moved) or "-READONLY" in str(error)


def takes_writes(greeting: dict[Any, Any] | list[Any]) -> bool:
    """Is it a master that answers a HELLO so, in either version of the protocol?"""
    told = greeting if isinstance(greeting, dict) else dict(zip(greeting[::2], greeting[1::2], strict=False))
    return told.get("role", told.get(b"role")) in ("master", b"master")


def printable(name: str) -> str:
    """Return the name with what the server forbids in one, spaces among them, made to `_`."""
    return "".join(letter if "!" <= letter <= "~" else "_" for letter in name)
