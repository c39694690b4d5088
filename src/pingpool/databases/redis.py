"""Redis and Valkey, by redis-py or valkey-py: what is pooled is the driver's raw `Connection`, one socket each.

Not a client: a client has a pool of its own, reconnects without a word, and so can neither be proven nor counted on.
`client_on` makes a client that speaks on the connection that was lent, and on no other:

    with pool.session() as connection:
        client_on(connection).incr("visits")
"""

import importlib
import inspect
import math
import ssl
import weakref
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NoReturn, TypeAlias

from pingpool.database import Database
from pingpool.databases.credentials import Password, asked
from pingpool.databases.labelling import as_text
from pingpool.databases.redis_answers import Owing, all_pushes, has_read_ahead, left_in, owing
from pingpool.databases.sockets import Look, hang_up, look_at
from pingpool.databases.urls import Target, check_files, check_names, switch, take_apart
from pingpool.errors import BadURL

Session: TypeAlias = Any
"""A `redis.Connection` or `valkey.Connection`, or one of their kinds for TLS and for a socket in the file system."""

PATIENCE = 0.9
"""How much of its time connecting may take: the driver's error says more than that the pool's time is up."""

DRIVERS = ("redis", "valkey")


class Redis(Database[Session]):
    """The sessions of one Redis or Valkey database.

        pool = pingpool.open(Redis("cache", db=1, password=read_secret, ssl=True))

    Args:
        host, port, db, username: where to connect.
        password: the password, or a function that is asked for it each time a session is opened, for passwords that
            change. A refused one is asked for again with the next attempt.
        ssl: whether to speak TLS.
        path: a socket in the file system, instead of host and port.
        driver: the module `redis` or `valkey`; by default the first of them that is installed.
        **options: whatever else the driver's connection takes: `decode_responses`, `protocol`, `ssl_ca_certs`, ...

    Raises:
        BadURL: an option makes no sense.
    """

    def __init__(
        self,
        host: str = "localhost",
        port: int = 6379,
        *,
        db: int = 0,
        username: str | None = None,
        password: Password = None,
        ssl: bool = False,
        path: str | None = None,
        driver: ModuleType | None = None,
        **options: Any,
    ) -> None:
        """Connect to nothing yet."""
        self._driver: Any = driver or first_driver()
        kinds = self._driver.connection
        self._kind = kinds.UnixDomainSocketConnection if path else kinds.SSLConnection if ssl else kinds.Connection
        self._place = {"path": path} if path else {"host": host, "port": port}
        self._options = {"db": db, "username": username, **options}
        self._password = password
        check_names(options, options_of(self._kind), self._kind.__module__)
        check_files(options, TLS_FILES)

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Connect and introduce. The labels become the client's name, seen in `CLIENT LIST`."""
        kind = owing(self._kind, Owing, self._driver.ResponseError)
        session = kind(**self._place, **self._introduction(labels, asked(self._password)))
        own, limit = session.socket_timeout, PATIENCE * timeout
        session.socket_timeout = finite(min(limit, own or limit))
        session.socket_connect_timeout = finite(min(limit, session.socket_connect_timeout or limit))
        with self._naming_timeouts():
            session.connect()
        session.socket_timeout = own
        session._sock.settimeout(own)
        session._parser.on_connect(session)  # it keeps a time-out of its own
        never_again(session)
        return session

    def ping(self, session: Session, *, timeout: float) -> None:
        """Send a PING and wait for its answer, and no other; a closed connection is not opened again."""
        link = session._sock
        if link is None:
            raise self._driver.ConnectionError("the connection is closed")
        link.settimeout(finite(timeout))
        try:
            session.send_command("PING", check_health=False)
            answer = session.read_response()
        finally:
            if session._sock is not None:
                link.settimeout(session.socket_timeout)
        if answer not in (b"PONG", "PONG"):
            raise self._driver.ConnectionError(f"the last holder left an answer unread: {answer!r:.100}")

    def delete(self, session: Session, *, timeout: float) -> None:
        """Close the connection."""
        session.disconnect()

    def glance(self, session: Session) -> bool:
        """Is the connection open, and nothing come, or still to come, but push messages, which are no answers?"""
        link = session._sock
        if link is None or session.owes:
            return False
        look = look_at(link.fileno())
        if look is Look.SPEAKS and not isinstance(link, ssl.SSLSocket):
            return not has_read_ahead(session._parser) and all_pushes(left_in(link))
        return look is not Look.HUNG_UP and not session.can_read(0)

    def needs_reset(self, session: Session) -> bool:
        """Is an answer still to come? Did the client's user leave a pipeline with a WATCH, or a subscription, open?"""
        client = _clients.get(session)
        return session.owes or (client is not None and bool(client.connection_pool.borrowers))

    def reset(self, session: Session, *, timeout: float) -> None:
        """Vouch for nothing: what has not let go of the connection may yet speak on it, whoever has it then."""
        raise RuntimeError("the last holder left an answer unread, or a pipeline with a WATCH, or a subscription, open")

    def is_lost(self, error: BaseException) -> bool:
        """Is it the driver's word for trouble with the connection? The driver has closed it then.

        A pipeline that watches keys says `WatchError`, also when what came between was the end of its connection.
        """
        trouble = error.__context__ if isinstance(error, self._driver.WatchError) else error
        return isinstance(trouble, self._driver.ConnectionError | self._driver.TimeoutError)

    def is_transient(self, error: BaseException) -> bool:
        """Did the server answer a ping, if only with a complaint (it is busy with a script)?"""
        return isinstance(error, self._driver.ResponseError)

    def is_fatal(self, error: BaseException) -> bool:
        """Did the server refuse for a reason that somebody has to mend, or does an option make no sense?"""
        if isinstance(error, self._driver.AuthenticationError | self._driver.exceptions.NoPermissionError | TypeError):
            return True
        if isinstance(error, self._driver.ResponseError):
            return str(error).startswith(REFUSED)
        return isinstance(error.__context__, ssl.SSLCertVerificationError)

    def abort(self, session: Session) -> None:
        """End the stream, which frees who waits for it."""
        link = session._sock
        if link is not None:
            hang_up(link.fileno())

    def __repr__(self) -> str:
        """Name the place, and no secret."""
        named = ", ".join(f"{name}={value!r}" for name, value in {**self._place, "db": self._options["db"]}.items())
        return f"Redis({named})"

    def __eq__(self, other: object) -> bool:
        """Two that connect in the same way are the same database."""
        return isinstance(other, Redis) and other._identity() == self._identity()

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash((*self._place.values(), self._options["db"]))

    def _introduction(self, labels: Mapping[str, str], password: str | None) -> dict[str, Any]:
        """Return the options of a connection that shows these labels, and has this password."""
        options = dict(self._options)
        if labels:
            options["client_name"] = printable(as_text(labels, after=options.get("client_name"), between=","))
        if password is not None:
            options["password"] = password.encode(errors="surrogateescape")  # which may be any bytes
        return options

    @contextmanager
    def _naming_timeouts(self) -> Generator[None]:
        """Say of a server that does not answer to a greeting of TLS that it may not speak it; it waits for more."""
        try:
            yield
        except (TimeoutError, self._driver.TimeoutError) as error:
            hint = "; does it speak TLS there?" if issubclass(self._kind, self._driver.SSLConnection) else ""
            raise self._driver.TimeoutError(f"{str(error) or 'Timeout connecting to server'}{hint}") from error

    def _identity(self) -> tuple[object, ...]:
        return self._kind, self._place, self._options, self._password


REFUSED = ("DB index", "ERR DB index", "invalid DB index")
"""How answers to the introduction begin that will come again until somebody mends the cause."""


class Sole:
    """A pool of one connection, as the driver's client wants to see a pool. It does not keep the connection alive."""

    def __init__(self, session: Session, driver: Any) -> None:
        """Lend this connection, each time."""
        self.borrowers = 0  # a command is one until it is done, a pipeline that watches until it is closed
        self._session = weakref.ref(session)
        self._driver = driver
        self._encoder = session.encoder
        self._protocol = session.protocol
        self.connection_kwargs = {
            "protocol": session.protocol,
            "decode_responses": session.encoder.decode_responses,
            "encoding": session.encoder.encoding,
            "encoding_errors": session.encoder.encoding_errors,
            "legacy_responses": getattr(session, "legacy_responses", True),
        }

    def get_connection(self, *names: object, **options: object) -> Session:
        """Lend the connection, unless it is closed: another would be another session."""
        session = self._session()
        if session is None or session._sock is None:
            raise self._driver.ConnectionError(CLOSED)
        self.borrowers += 1
        return session

    def release(self, connection: Session) -> None:
        """Take it back."""
        self.borrowers -= 1

    def get_encoder(self) -> Any:
        """Return how it writes values."""
        return self._encoder

    def get_protocol(self) -> Any:
        """Return the version of the protocol that it speaks."""
        return self._protocol

    def close(self) -> None:
        """Leave the connection open: it belongs to the pool that lent it."""

    def disconnect(self, *options: object, **more: object) -> None:
        """Leave the connection open: it belongs to the pool that lent it."""


_clients: weakref.WeakKeyDictionary[Session, Any] = weakref.WeakKeyDictionary()


def client_on(session: Session) -> Any:
    """Return the `redis.Redis` or `valkey.Valkey` that speaks on this connection, and on no other.

    It serves as long as the connection is lent. Everything works that needs one connection: commands, pipelines,
    transactions with WATCH, scripts. Once the connection is lost, so is the client; it raises `ConnectionError`.
    """
    client = _clients.get(session)
    if client is None:
        driver = driver_of(session)
        kind = getattr(driver, "Valkey", None) or driver.Redis
        client = _clients[session] = kind(connection_pool=Sole(session, driver))
    return client


def never_again(session: Session) -> None:
    """Forbid a connection to connect once more, which drivers do without a word: it would be another session."""
    setattr(session, f"{driver_of(session).__name__}_connect_func", refuse_to_reconnect)


def refuse_to_reconnect(session: Session) -> NoReturn:
    """Stand in for the introduction on a new socket: there is to be none."""
    raise driver_of(session).ConnectionError(CLOSED)


CLOSED = "the session is lost: its connection is closed"


def from_url(url: str) -> Redis:
    """Return the database that `redis://user:password@host:port/db?option=value` names.

    `rediss://` speaks TLS; `valkey://` and `valkeys://` say the same and prefer valkey-py. `redis+unix://` and
    `valkey+unix://` name a socket in the file system: `redis+unix://user:password@/path/to/socket?db=0`. The options
    are those of the driver's connection.

    Raises:
        BadURL: the URL makes no sense.
    """
    is_file = url.partition(":")[0].endswith("+unix")
    elsewhere = {"host", "port", "db", "username", "password"} - ({"db"} if is_file else set())
    target = take_apart(url, KINDS, elsewhere=elsewhere, instead=INSTEAD)
    place = socket_in(target) if is_file else host_in(target)
    return Redis(
        **place,
        username=target.user,
        password=target.password,
        driver=first_driver("valkey" if target.scheme.startswith("valkey") else "redis"),
        **target.options,
    )


def host_in(target: Target) -> dict[str, Any]:
    """Return where a URL says the server is. Raises `BadURL` if its path is no number of a database."""
    db = target.path or "0"
    if not db.isdecimal():
        raise BadURL(f"Redis: the path names a database by its number, not {db!r}")
    is_tls = target.scheme in ("rediss", "valkeys")
    return {"host": target.host or "localhost", "port": target.port or 6379, "db": int(db), "ssl": is_tls}


def socket_in(target: Target) -> dict[str, Any]:
    """Return the socket in the file system that a URL names. Raises `BadURL` if it names none, or a host."""
    if target.host or not target.path:
        wrong = "names a host" if target.host else "names no socket"
        raise BadURL(f"Redis: the URL {wrong}; {target.scheme}:///path/to/socket?db=0 is meant")
    return {"path": f"/{target.path}"}


TLS_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")

INSTEAD = {
    "ssl": "rediss:// and valkeys:// speak TLS",
    "path": "redis+unix:///path/to/socket?db=0 names a socket in the file system",
    "driver": "redis:// prefers redis-py, valkey:// valkey-py",
}
SWITCHES = ("decode_responses", "legacy_responses", "retry_on_timeout", "socket_keepalive", "ssl_check_hostname")
KINDS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("db", "health_check_interval", "protocol", "socket_read_size"), int),
    **dict.fromkeys(("socket_connect_timeout", "socket_timeout"), float),
    **dict.fromkeys(SWITCHES, switch),
}
"""How options of the drivers are read that are not text."""


def first_driver(preferred: str = DRIVERS[0]) -> Any:
    """Return the preferred driver if it is installed, or else the other one: they speak the same protocol."""
    for name in sorted(DRIVERS, key=lambda name: name != preferred):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ImportError('Redis and Valkey need redis-py or valkey-py: pip install "pingpool[redis]"')


def driver_of(session: Session) -> Any:
    """Return the driver that made this connection."""
    return importlib.import_module(type(session).__module__.partition(".")[0])


def options_of(kind: Any) -> set[str]:
    """Return the names of the options that this kind of connection takes."""
    return {name for each in kind.__mro__ for name in inspect.signature(each.__init__).parameters} - {"self", "kwargs"}


def finite(timeout: float) -> float | None:
    """Return a time-out as sockets understand it, which have no infinity."""
    return None if timeout == math.inf else timeout


def printable(name: str) -> str:
    """Return the name with what the server forbids in one, spaces among them, made to `_`."""
    return "".join(letter if "!" <= letter <= "~" else "_" for letter in name)
