"""From a URL, or a database, to a pool that is bound and kept alive.

URL schemes come from the entry-point group `pingpool.schemes`: each names a function that takes the whole URL and
returns a `Database`. An installed package adds a scheme of its own by declaring it; nothing here has to know.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from pingpool.database import Database
from pingpool.errors import UnknownScheme
from pingpool.threads.pool import PingingPool

S = TypeVar("S")

GROUP = "pingpool.schemes"
"""The entry-point group in which packages declare their URL schemes."""


def open(database: Database[S] | str, **options: Any) -> PingingPool[S]:
    """Return a pool that is bound to the database and kept alive; use it as a context manager, or close it.

    Args:
        database: a `Database`, or a URL such as `sqlite:///shop.db`.
        **options: those of `PingingPool`.

    Raises:
        UnknownScheme: no installed package knows this kind of URL.
        BadURL: the URL makes no sense.
        CannotFill: the sessions could not be opened; `__cause__` says why.
        TypeError, ValueError: an option makes no sense.
    """
    pool: PingingPool[S] = PingingPool(**options)
    try:
        pool.bind(database_of(database) if isinstance(database, str) else database)
        pool.keep_alive()
    except BaseException:
        pool.close(0)
        raise
    return pool


def database_of(url: str) -> Database[Any]:
    """Return the database that a URL names."""
    scheme, colon, _ = url.partition(":")
    known: dict[str, EntryPoint] = {entry.name: entry for entry in entry_points(group=GROUP)}
    if not colon or scheme not in known:
        raise UnknownScheme(f"cannot open {url!r}: the known schemes are {', '.join(sorted(known)) or 'none'}")
    database: Database[Any] = known[scheme].load()(url)
    return database
