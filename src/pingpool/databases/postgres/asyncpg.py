"""PostgreSQL for asyncio, by asyncpg: what is pooled is `asyncpg.Connection`.

asyncpg does not tell whether a statement runs, nor that an idle connection got the server's last words. The garbage
collector knows: both are held by the connection's protocol (`held_by`).
"""

import asyncio
import errno
import gc
import inspect
import ssl
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, Self, TypeAlias

from pingpool.database import Meaning
from pingpool.databases.common.addresses import Address, Text
from pingpool.databases.common.attributes import Attributes
from pingpool.databases.common.configuring import AsyncConfigure, AsyncConfigured, to_configure
from pingpool.databases.common.credentials import asked_async
from pingpool.databases.common.foreign import is_foreign
from pingpool.databases.common.identity import Identified
from pingpool.databases.common.resets import AsyncReset, Resets
from pingpool.databases.common.roles import Role, Roles, refuse_wrong_node
from pingpool.databases.common.sockets import HUNG_UP, descriptor_through, look_through
from pingpool.databases.common.timeouts import finite
from pingpool.databases.common.urls import ESCAPES, check_names, check_port, parsed
from pingpool.databases.postgres.cancels import pauses, time_to_cancel
from pingpool.databases.postgres.hosts import attempts, hosts, in_query, said_attributes
from pingpool.databases.postgres.names import application_name
from pingpool.databases.postgres.roles import ASK_FOR_ROLE, OF_A_PRIMARY, TAKES_WRITES, is_from_a_wrong_node
from pingpool.databases.postgres.unsynced import is_unsynced, noting
from pingpool.databases.postgres.words import LAST_WORDS, UNLOCK
from pingpool.errors import BadURL, BeyondReset
from pingpool.naming import beside

asyncpg: Any = import_module("asyncpg")  # it has no types

Session: TypeAlias = Any
"""An `asyncpg.Connection`."""

DRIVERS = frozenset({"asyncpg"})

Listeners: TypeAlias = Mapping[str, set[Any]]
"""Who listens to each channel."""

WHO_LISTENS = ("_listeners", "_log_listeners", "_termination_listeners", "_query_loggers")
"""What a holder may change on a connection object; its codecs cannot be told."""

LOST = (
    asyncpg.PostgresConnectionError,  # the connection is not, or no longer, there
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.IdleSessionTimeoutError,
)
"""After one of these the connection is of no more use."""

REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,  # also a wrong password
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.UndefinedObjectError,  # a setting that the server does not know
    asyncpg.InvalidParameterValueError,
    asyncpg.CantChangeRuntimeParamError,
    asyncpg.ClientConfigurationError,
    ssl.SSLCertVerificationError,
    TypeError,
    BadURL,
)
"""Errors of connecting that come again until somebody mends the cause."""

NO_SETTINGS = {
    *("loop", "timeout", "command_timeout", "statement_cache_size", "max_cached_statement_lifetime", "ssl", "reset"),
    *("max_cacheable_statement_size", "direct_tls", "connection_class", "record_class", "server_settings"),
}
"""Arguments that a URL has no words for: asyncpg would send them to the server, as settings of it."""

GO_ON = (OSError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched)
"""Errors of one host after which asyncpg, and so we, try the next."""


class AsyncPG(Identified, AsyncConfigured[Session]):
    """The sessions of one PostgreSQL database.

        pool = await pingpool.open_async(AsyncPG("postgresql://db/shop"))

    Args:
        dsn: a URL as asyncpg takes it, or a function that is asked for it each time a session is opened; `host` and
            `port` may be functions, too. Each may be a coroutine function.
        role: "primary", a node that takes writes, or "any"; as `Postgres` takes it.
        reset: as `Postgres` takes it; "full" takes two round trips, and leaves the prepared statements, which asyncpg
            counts on. The function may be a coroutine function.
        configure: a function, also a coroutine function, of the session that sets a new one up.
        **options: whatever else `asyncpg.connect` takes: `password` (also a function, or a coroutine function), `ssl`,
            `server_settings`, ...

    Raises:
        BadURL: the URL, or the name of an option, makes no sense.
    """

    DRIVERS = ("asyncpg",)

    def __init__(
        self,
        dsn: Text | None = None,
        *,
        role: Role = "primary",
        reset: AsyncReset = "rollback",
        configure: AsyncConfigure = None,
        **options: Any,
    ) -> None:
        check_names(options, self.driver_options(), "asyncpg")
        self._address = Address(dsn=dsn, **{name: options[name] for name in ("host", "port") if name in options})
        self._dsn = "" if callable(dsn) else dsn or ""
        self._options = options
        check_place(self._dsn)
        self._resets = Resets(reset)
        self._configure = to_configure(configure)
        self._listening: Attributes[Session] = Attributes(*WHO_LISTENS)
        said = said_attributes(self._dsn, options)
        self._roles = Roles(role if said in (None, *OF_A_PRIMARY) else "any")
        self._identity = (dsn, options, reset, configure, self._roles.wanted)

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Return the database that an `asyncpg://` URL names; the rest of it is as in `postgresql://`.

        The options are those of the constructor.

        Raises:
            BadURL: the place makes no sense. Options that asyncpg does not know are sent to the server as settings.
        """
        return cls("postgresql:" + url.partition(":")[2], **options)

    @classmethod
    def driver_options(cls) -> set[str]:
        """Return the keywords that asyncpg takes."""
        return set(inspect.signature(asyncpg.connect).parameters) - {"dsn"}

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Connect. The labels are seen in the `application_name`."""
        moves, options = self._roles.moves, {**self._options, **await self._address.now_async()}
        dsn = options["dsn"] or ""
        check_place(dsn)
        if said_attributes(dsn, options) is None and self._roles.matters and len(hosts(dsn, options)) > 1:
            options["target_session_attrs"] = "read-write"
        if "password" in options:
            options["password"] = await asked_async(options["password"])
        if labels:
            settings: dict[str, Any] = dict(options.get("server_settings") or {})
            own = settings.get("application_name") or in_query(dsn).get("application_name")
            settings["application_name"] = application_name(labels, after=own)
            options["server_settings"] = settings
        options["connection_class"] = noting(options.get("connection_class") or asyncpg.Connection)
        session = await self._reach_one(options, min(timeout, options.pop("timeout", None) or timeout))
        self._roles.settle(session, moves)
        self.remember(session)
        return session

    def remember(self, session: Session) -> None:
        """Note who listens."""
        self._listening.remember(session)

    async def keep(self, session: Session) -> None:
        """Commit what was set, if a transaction is open."""
        if is_in_transaction(session):
            await end_transaction(session, "COMMIT")

    async def _reach_one(self, options: dict[str, Any], timeout: float) -> Session:
        """Try one host after the other, as asyncpg does, but give none more than its share of the time."""
        clock = asyncio.get_running_loop().time
        end = clock() + timeout
        left = attempts(options["dsn"], options)
        failures: list[Exception] = []
        while left:
            share = (end - clock()) / len(left)
            try:
                return await asyncpg.connect(**{**options, **left.pop(0)}, timeout=finite(share))
            except GO_ON as error:
                failures.append(error)
        # Of several hosts one that is there says more than one where nobody listens.
        raise next((error for error in failures if not self._nobody_listens(error)), failures[-1])

    async def ping(self, session: Session, *, timeout: float) -> None:
        """Run a statement and wait for its end."""
        moves, limit = self._roles.moves, finite(timeout)
        if self._roles.has_to_be_asked(session):
            refuse_wrong_node(await session.fetchval(ASK_FOR_ROLE, timeout=limit) == TAKES_WRITES)
        else:
            await session.execute("SELECT 1", timeout=limit)
        self._roles.settle(session, moves)

    async def unlock(self, session: Session, *, timeout: float) -> None:
        """Let go of the advisory locks, which outlive a rollback; a server without that function has none."""
        with suppress(asyncpg.UndefinedFunctionError):
            await session.execute(UNLOCK, timeout=finite(timeout))

    async def delete(self, session: Session, *, timeout: float) -> None:
        """Say goodbye, after a cancel of what runs; or hang up if the other side has, or does not answer."""
        if not self.looks_alive(session) or is_in_copy(session):
            session.terminate()
            return
        try:
            await cancel(session, time_to_cancel(timeout))
            await session.close(timeout=finite(timeout))
        except BaseException:
            session.terminate()
            raise

    def descriptor_of(self, session: Session) -> int | None:
        """Return the descriptor of a connection that is open."""
        return None if session.is_closed() else descriptor_through(session._transport)

    def looks_alive(self, session: Session) -> bool:
        """Is the connection open, for all that the loop and the system know? A notice is no hang-up."""
        if session.is_closed() or look_through(session._transport) is HUNG_UP:
            return False
        # asyncpg keeps the server's last words as an error.
        return not any(isinstance(each, Exception) for each in held_by(session))

    def needs_reset(self, session: Session) -> bool | None:
        """Is a transaction open, a statement under way or only prepared, or does anybody else listen than at first?"""
        if session.is_closed():
            return False
        is_open = is_in_transaction(session) or is_unsynced(session)
        return is_open or is_busy(session) or self._listening.changed(session) or self._resets.at_rest

    def in_transaction(self, session: Session) -> bool:
        """Is a transaction open at the server?"""
        return not session.is_closed() and session.is_in_transaction()

    async def reset(self, session: Session, *, timeout: float) -> bool:
        """Roll back, end what the last holder listened to, and clear the session if asked to."""
        if session._protocol._is_cancelling():
            await session._protocol._wait_for_cancellation()
        if is_busy(session):
            raise BeyondReset("left busy", "the last holder left a statement or a COPY under way")
        if is_in_transaction(session):  # of which asyncpg would log an error
            await end_transaction(session, "ROLLBACK", timeout=finite(timeout))
        elif is_unsynced(session):
            await session.execute("SELECT 1", timeout=finite(timeout))
        if self._resets.is_full:
            self._listening.begin_anew(session)
            await session.reset(timeout=finite(timeout))
            discard = "SET SESSION AUTHORIZATION DEFAULT; DISCARD TEMP; DISCARD SEQUENCES"
            await session.execute(discard, timeout=finite(timeout))
        await self._listen_as_at_first(session)
        await self._resets.call_async(session)
        return self._resets.is_full

    async def _listen_as_at_first(self, session: Session) -> None:
        """Take away the listeners that came since, at the server too, and bring back those that went."""
        for name, first in self._listening.differing(session):
            if name != "_listeners":
                setattr(session, name, first)
                continue
            for channel, each in listeners_in(session._listeners, but_not_in=first):
                await session.remove_listener(channel, each.cb)
            for channel, each in listeners_in(first, but_not_in=session._listeners):
                await session.add_listener(channel, each.cb)

    def meaning_of(self, error: BaseException) -> Meaning:
        """asyncpg wraps what the system says of an open connection; an `OSError` is of opening one."""
        if is_foreign(error, DRIVERS):
            return Meaning.FOREIGN
        code = getattr(error, "sqlstate", None)
        if self._roles.matters and code is not None and is_from_a_wrong_node(code, str(error)):
            return self._roles.moved()
        if isinstance(error, LOST) or says_closed(error):
            return Meaning.LOST
        if isinstance(error, REFUSED) or (isinstance(error, ConnectionError) and "rejected SSL" in str(error)):
            return Meaning.REFUSED
        if isinstance(error, asyncpg.PostgresError):
            return Meaning.LOST if getattr(error, "severity_en", None) in LAST_WORDS else Meaning.TRANSIENT
        return Meaning.UNREACHABLE if self._nobody_listens(error) else Meaning.UNKNOWN

    def _nobody_listens(self, error: BaseException) -> bool:
        """Is there no server? One that only starts up is there, and forks for whoever asks."""
        if isinstance(error, FileNotFoundError):
            named = hosts(self._dsn, self._options) if self._address.is_fixed else []
            return bool(named) and all(host.startswith("/") for host in named)
        if isinstance(error, OSError) and str(error).startswith("Multiple exceptions: "):  # of a name's addresses
            return str(error).count("[Errno ") == str(error).count(f"[Errno {errno.ECONNREFUSED}]")
        return super().meaning_of(error) is Meaning.UNREACHABLE

    def _place(self) -> str:
        if not self._address.is_fixed:
            return repr(self._address)
        return repr(self._dsn.rpartition("@")[2].partition("?")[0].removeprefix("postgresql://"))


def says_closed(error: BaseException) -> bool:
    """Did asyncpg find the connection closed?"""
    if isinstance(error, asyncpg.InternalClientError):
        return str(error).startswith(("cannot switch to", "not connected"))
    return isinstance(error, asyncpg.InterfaceError) and "connection is closed" in str(error)


def is_in_transaction(session: Session) -> bool:
    """Is a transaction open, at the server or in the driver?"""
    return session.is_in_transaction() or session._top_xact is not None


async def end_transaction(session: Session, how: str, timeout: float | None = None) -> None:
    """End it by a statement. asyncpg then refuses a block that ends, or a cursor that reads, only later."""
    await session.execute(how, timeout=timeout)
    session._top_xact = None
    session._pool_release_ctr += 1


async def cancel(session: Session, timeout: float) -> None:
    """Have a statement cancelled that is under way, and wait until it has ended."""
    for each in held_by(session):
        if asyncio.isfuture(each):
            each.add_done_callback(read_away)
    for pause in pauses(session._transport.get_extra_info("socket").fileno, timeout):
        if session.is_closed() or not is_busy(session):
            return
        is_sent = asyncio.get_running_loop().create_future()
        is_sent.add_done_callback(read_away)
        await session._cancel(is_sent)
        await asyncio.sleep(pause)


def read_away(answer: asyncio.Future[Any]) -> None:
    """Read an answer that may have nobody else to read it; asyncio would complain."""
    if not answer.cancelled():
        answer.exception()


def is_busy(session: Session) -> bool:
    """Is a statement under way, or its cancellation? asyncpg keeps the future of a request that has been sent."""
    awaited = (each for each in held_by(session) if asyncio.isfuture(each))
    return is_in_copy(session) or any(not each.done() or each.cancelled() for each in awaited)


def is_in_copy(session: Session) -> bool:
    """Does whoever copies rows out of it work on some of them, while the others wait on the way?"""
    return not session._transport.is_reading()


def listeners_in(listeners: Listeners, *, but_not_in: Listeners) -> list[tuple[str, Any]]:
    """Return each channel with a listener that is in the first, but not in the second."""
    return [(name, each) for name, found in listeners.items() for each in found - but_not_in.get(name, set())]


def held_by(session: Session) -> list[Any]:
    """Return what a connection's protocol holds: a future while a statement runs, an error that came unasked."""
    return gc.get_referents(session._protocol)


def check_place(dsn: str) -> None:
    """Refuse a URL in which a piece of the password would be taken for something else, or a port is none."""
    url = parsed(dsn)
    if url is None:
        raise BadURL(f"asyncpg: the place in the URL makes no sense; {ESCAPES}")
    if dsn and url.scheme not in ("postgresql", "postgres"):
        raise BadURL("asyncpg takes a URL, postgresql://user:password@host:port/database")
    is_spilt = url.netloc.count("@") > 1 or "@" in url.path + url.fragment
    if is_spilt or any("=" not in each for each in url.query.split("&") if each):
        raise BadURL(f"asyncpg: the URL makes no sense; {ESCAPES}")
    for name in in_query(dsn):
        if name in NO_SETTINGS:
            raise BadURL(f"asyncpg: {beside(name)}")
    named = [place.rpartition("]")[2].partition(":")[2] for place in url.netloc.rpartition("@")[2].split(",")]
    for port in [*named, *in_query(dsn).get("port", "").split(",")]:
        if port:
            check_port(port)
