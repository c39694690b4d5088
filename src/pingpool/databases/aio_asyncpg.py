"""PostgreSQL for asyncio, by asyncpg: what is pooled is `asyncpg.Connection`."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from pingpool.database import AsyncDatabase
from pingpool.databases.labelling import as_text
from pingpool.databases.sockets import Look, look_through
from pingpool.databases.urls import check_port

try:
    asyncpg: Any = import_module("asyncpg")  # it has no types
except ImportError as missing:
    raise ImportError(f'this needs asyncpg: pip install "pingpool[asyncpg]" ({missing})') from missing

Session: TypeAlias = Any
"""An `asyncpg.Connection`."""


class AsyncPG(AsyncDatabase[Session]):
    """The sessions of one PostgreSQL database.

        pool = await pingpool.open_async(AsyncPG("postgresql://db/shop"))

    Args:
        dsn: a URL as asyncpg takes it.
        **options: whatever else `asyncpg.connect` takes: `password` (also a function), `ssl`, `server_settings`, ...
    """

    def __init__(self, dsn: str | None = None, **options: Any) -> None:
        """Connect to nothing yet."""
        self._dsn = dsn
        self._options = options

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> Session:
        """Connect. The labels become part of the `application_name`, seen in `pg_stat_activity` and in the log."""
        options: dict[str, Any] = {"timeout": timeout, **self._options}
        if labels:
            settings: dict[str, Any] = dict(options.get("server_settings") or {})
            settings["application_name"] = as_text(labels, after=settings.get("application_name"))
            options["server_settings"] = settings
        return await asyncpg.connect(self._dsn, **options)

    async def ping(self, session: Session, *, timeout: float) -> None:
        """Run a statement and wait for its end."""
        await session.execute("SELECT 1", timeout=timeout)

    async def delete(self, session: Session, *, timeout: float) -> None:
        """Say goodbye and close the connection; if the other side does not answer, hang up."""
        try:
            await session.close(timeout=timeout)
        except BaseException:
            session.terminate()
            raise

    def glance(self, session: Session) -> bool:
        """Is the connection open, for all that the loop has heard and the system knows? A notice is no hang-up."""
        return not session.is_closed() and look_through(session._transport) is not Look.HUNG_UP

    def needs_reset(self, session: Session) -> bool:
        """Is a transaction open?"""
        return bool(session.is_in_transaction())

    async def reset(self, session: Session, *, timeout: float) -> None:
        """Roll back, and undo settings, locks and listeners as far as the driver does."""
        await session.reset(timeout=timeout)

    def is_lost(self, error: BaseException) -> bool:
        """Is the connection closed, or did the server close it with this error?"""
        if isinstance(error, asyncpg.InterfaceError):
            return "closed" in str(error)
        return isinstance(error, LOST)

    def is_fatal(self, error: BaseException) -> bool:
        """Did the server refuse for a reason that somebody has to mend, or does an option make no sense?"""
        return isinstance(error, REFUSED)

    def is_down(self, error: BaseException) -> bool:
        """Did nobody listen, or did the server say that it only starts up or shuts down?"""
        return isinstance(error, asyncpg.CannotConnectNowError) or super().is_down(error)

    def __repr__(self) -> str:
        """Name the place, and no secret."""
        place = (self._dsn or "").rpartition("@")[2].partition("?")[0].removeprefix("postgresql://")
        return f"AsyncPG({place!r})"

    def __eq__(self, other: object) -> bool:
        """Two that connect in the same way are the same database."""
        return isinstance(other, AsyncPG) and (other._dsn, other._options) == (self._dsn, self._options)

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self._dsn)


LOST = (
    asyncpg.PostgresConnectionError,  # the connection is not, or no longer, there
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.IdleSessionTimeoutError,
    OSError,
)
"""After one of these the connection is of no more use."""

REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,  # also a wrong password
    asyncpg.InvalidCatalogNameError,
    asyncpg.ClientConfigurationError,
    TypeError,
)
"""Errors of connecting that come again until somebody mends the cause."""


def from_url(url: str) -> AsyncPG:
    """Return the database that an `asyncpg://` URL names; the rest of it is as in `postgresql://`.

    Raises:
        BadURL: a port makes no sense. Options are for the server to judge: what asyncpg does not know it sends there.
    """
    for place in urlsplit(url).netloc.rpartition("@")[2].split(","):
        if port := place.rpartition("]")[2].partition(":")[2]:
            check_port(port)
    return AsyncPG("postgresql:" + url.partition(":")[2])
