"""From a URL, or a database, to a pool that is bound and kept alive.

Options that are not the pool's go to the database that a URL names; which URL names what stands in `schemes`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from pingpool.database import AsyncDatabase, Database
from pingpool.options import PoolOptions
from pingpool.schemes import ASYNC_GROUP, addressed
from pingpool.threads.pool import PingingPool

if TYPE_CHECKING:
    from pingpool.aio.opening import Opening

S = TypeVar("S")


@overload
def open(database: Database[S], *, wait_for: int | None = 1, **options: Unpack[PoolOptions]) -> PingingPool[S]: ...
@overload
def open(database: str, *, wait_for: int | None = 1, **options: Any) -> PingingPool[Any]: ...
def open(database: Database[Any] | str, *, wait_for: int | None = 1, **options: Any) -> PingingPool[Any]:
    """Return a pool that is bound to the database and kept alive; use it as a context manager, or close it.

    Args:
        database: a `Database`, or a URL such as `sqlite:///shop.db`.
        wait_for: how many sessions must be open before this returns: one proves address and password, and the others
            follow in the background. None: all, or with `fill="lazy"` none. 0: none, so that an application may start
            before its database.
        **options: those of `pingpool.options.PoolOptions`; with a URL also those of the database that it names.
            `ping_interval` is "auto" by default, unless the database knows better (Cloud Spanner: 3000). With 0 every
            checkout is preceded by a check, so that there is nothing to keep alive.

    Raises:
        UnknownScheme: no installed package knows this kind of URL.
        BadURL: the URL makes no sense.
        CannotFill: an attempt to open a session failed while fewer than `wait_for` were open; `__cause__` says why.
        TypeError, ValueError: an option makes no sense.
    """
    wanted, ours = addressed(database, options)
    return opened(PingingPool(**usual_for(wanted, ours)), wanted, wait_for)


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
def open_async(database: str, *, wait_for: int | None = 1, **options: Any) -> "Opening[Any]": ...
def open_async(database: AsyncDatabase[Any] | str, *, wait_for: int | None = 1, **options: Any) -> "Opening[Any]":
    """Return a pool for asyncio that is bound and kept alive once it is entered by `async with`, or awaited.

    It takes the same options, and raises the same errors then; here, at once, only those about the options and the URL.
    """
    from pingpool.aio.opening import Opening
    from pingpool.aio.pool import AsyncPingingPool

    wanted, ours = addressed(database, options, ASYNC_GROUP)
    return Opening(AsyncPingingPool(**usual_for(wanted, ours)), wanted, wait_for)


def usual_for(database: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options, with what is usual for the database where nothing is said."""
    return {"ping_interval": getattr(database, "usual_interval", "auto"), **options}
