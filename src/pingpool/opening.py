"""From a URL, or a database, to a pool that is bound and kept alive.

URL schemes come from the entry-point group `pingpool.schemes`: each names a function that takes the whole URL and
returns a `Database`. An installed package adds a scheme of its own by declaring it; nothing here has to know.
"""

from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from pingpool.database import AsyncDatabase, Database
from pingpool.errors import UnknownScheme
from pingpool.options import PoolOptions
from pingpool.threads.pool import PingingPool

if TYPE_CHECKING:
    from pingpool.aio.opening import Opening

S = TypeVar("S")

GROUP = "pingpool.schemes"
"""The entry-point group in which packages declare their URL schemes."""

ASYNC_GROUP = "pingpool.async_schemes"
"""The same for `open_async`: each names a function that returns an `AsyncDatabase`."""


@overload
def open(database: Database[S], *, wait_for: int | None = 1, **options: Unpack[PoolOptions]) -> PingingPool[S]: ...
@overload
def open(database: str, *, wait_for: int | None = 1, **options: Unpack[PoolOptions]) -> PingingPool[Any]: ...
def open(
    database: Database[Any] | str, *, wait_for: int | None = 1, **options: Unpack[PoolOptions]
) -> PingingPool[Any]:
    """Return a pool that is bound to the database and kept alive; use it as a context manager, or close it.

    Args:
        database: a `Database`, or a URL such as `sqlite:///shop.db`.
        wait_for: how many sessions must be open before this returns: one proves address and password, and the others
            follow in the background. None: all, or with `fill="lazy"` none. 0: none, so that an application may start
            before its database.
        **options: those of `pingpool.options.PoolOptions`. `ping_interval` is "auto" by default, unless the database
            knows better (Cloud Spanner: 3000). With 0 every checkout is preceded by a
            check, so that there is nothing to keep alive.

    Raises:
        UnknownScheme: no installed package knows this kind of URL.
        BadURL: the URL makes no sense.
        CannotFill: an attempt to open a session failed while fewer than `wait_for` were open; `__cause__` says why.
        TypeError, ValueError: an option makes no sense.
    """
    wanted: Database[Any] = database_of(database) if isinstance(database, str) else database
    return opened(PingingPool(**usual_for(wanted, options)), wanted, wait_for)


def opened(pool: PingingPool[Any], database: Database[Any], wait_for: int | None) -> PingingPool[Any]:
    """Bind the pool and keep it alive, or close it."""
    try:
        pool.bind(database, wait_for=wait_for)
        if pool.ping_interval:
            pool.keep_alive()
    except BaseException:
        pool.close(0)
        raise
    return pool


@overload
def open_async(
    database: AsyncDatabase[S], *, wait_for: int | None = 1, **options: Unpack[PoolOptions]
) -> "Opening[S]": ...
@overload
def open_async(database: str, *, wait_for: int | None = 1, **options: Unpack[PoolOptions]) -> "Opening[Any]": ...
def open_async(
    database: AsyncDatabase[Any] | str, *, wait_for: int | None = 1, **options: Unpack[PoolOptions]
) -> "Opening[Any]":
    """Return a pool for asyncio that is bound and kept alive once it is entered by `async with`, or awaited.

    It takes the same options, and raises the same errors then; here, at once, only those about the options and the URL.
    """
    from pingpool.aio.opening import Opening
    from pingpool.aio.pool import AsyncPingingPool

    wanted: AsyncDatabase[Any] = database_of(database, ASYNC_GROUP) if isinstance(database, str) else database
    return Opening(AsyncPingingPool(**usual_for(wanted, options)), wanted, wait_for)


def usual_for(database: Any, options: PoolOptions) -> PoolOptions:
    """Return the options, with what is usual for the database where nothing is said."""
    return {"ping_interval": getattr(database, "usual_interval", "auto"), **options}


def database_of(url: str, group: str = GROUP) -> Any:
    """Return the database that a URL names."""
    from importlib.metadata import entry_points  # as slow to import as all the rest together

    scheme, _, rest = url.partition(":")
    scheme = scheme.lower()  # RFC 3986, 3.1
    known = {entry.name for entry in entry_points(group=group)}
    claims = {entry.value: entry for entry in entry_points(group=group, name=scheme)}
    if len(claims) > 1:
        whose = " and ".join(sorted(f"{each.dist and each.dist.name} ({value})" for value, each in claims.items()))
        raise UnknownScheme(f"{scheme}:// is claimed by several packages: {whose}; uninstall all but one")
    if not claims or scheme == url:
        is_scheme = rest.startswith("//") and "@" not in scheme  # what else stands there may be a password
        what = f"scheme {scheme!r}" if is_scheme else "a URL without a scheme"
        other, opener = (ASYNC_GROUP, "open_async") if group == GROUP else (GROUP, "open")
        hint = f"; {opener}() knows it" if entry_points(group=other, name=scheme) else ""
        raise UnknownScheme(f"cannot open {what}{hint}; the known schemes are: {', '.join(sorted(known)) or 'none'}")
    [entry] = claims.values()
    return entry.load()(f"{scheme}:{rest}")
