"""From a URL, or a database, to a pool that is bound and kept alive.

Options that are not the pool's go to the database that a URL names; which URL names what stands in `schemes`.
"""

from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from pingpool.database import AsyncDatabase, Database
from pingpool.options import PoolOptions
from pingpool.schemes import ASYNC_GROUP, addressed
from pingpool.threads.pool import PingingPool

if TYPE_CHECKING:
    from pingpool.aio.opening import Opening

S = TypeVar("S")


@overload
def open(database: Database[S], **options: Unpack[PoolOptions]) -> PingingPool[S]: ...
@overload
def open(database: str, **options: Any) -> PingingPool[Any]: ...
def open(database: Database[Any] | str, **options: Any) -> PingingPool[Any]:
    """Return a pool that is bound to the database and kept alive; use it as a context manager, or close it.

    Args:
        database: a `Database`, or a URL such as `sqlite:///shop.db`.
        **options: those of `pingpool.options.PoolOptions`. With a `ping_interval` of 0 every checkout is preceded by a
            check, so that there is nothing to keep alive. With a URL also those of the database that it names.

    Raises:
        UnknownScheme: no installed package knows this kind of URL.
        BadURL: the URL makes no sense.
        CannotFill: the sessions could not be opened; `__cause__` says why.
        TypeError, ValueError: an option makes no sense.
    """
    found, ours = addressed(database, options)
    return opened(PingingPool(**ours), found)


def opened(pool: PingingPool[Any], database: Database[Any]) -> PingingPool[Any]:
    """Bind the pool and keep it alive, or close it."""
    try:
        pool.bind(database)
        if pool.ping_interval:
            pool.keep_alive()
    except BaseException:
        pool.close(0)
        raise
    return pool


@overload
def open_async(database: AsyncDatabase[S], **options: Unpack[PoolOptions]) -> "Opening[S]": ...
@overload
def open_async(database: str, **options: Any) -> "Opening[Any]": ...
def open_async(database: AsyncDatabase[Any] | str, **options: Any) -> "Opening[Any]":
    """Return a pool for asyncio that is bound and kept alive once it is entered by `async with`, or awaited.

    It takes the same options, and raises the same errors then; here, at once, only those about the options and the URL.
    """
    from pingpool.aio.opening import Opening
    from pingpool.aio.pool import AsyncPingingPool

    found, ours = addressed(database, options, ASYNC_GROUP)
    return Opening(AsyncPingingPool(**ours), found)
