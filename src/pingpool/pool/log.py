"""What a pool says to the log named `pingpool`.

`logging` is imported with the first word: it takes about as long to import as the rest of the package, and a pool to
which nothing happens says nothing.
"""

import warnings
from typing import TYPE_CHECKING

from pingpool.core.orders import Dropped, LimitFound

if TYPE_CHECKING:
    from logging import Logger


def log() -> "Logger":
    """Return the logger."""
    import logging

    return logging.getLogger("pingpool")


def tell(name: str, found: Dropped | LimitFound) -> None:
    """Tell what the ledger of the pool of that name found out."""
    if isinstance(found, Dropped):
        _tell_dropped(name, found)
    else:
        _tell_limit(name, found)


def _tell_dropped(name: str, dropped: Dropped) -> None:
    text = f"{name}: a session checked out {dropped.place} was never put back; its slot is filled anew"
    log().warning(text)
    try:
        warnings.warn(text, ResourceWarning, stacklevel=1)
    except ResourceWarning:  # made an error by a filter; whoever happens to pass here did nothing wrong
        return


def _tell_limit(name: str, found: LimitFound) -> None:
    say = log().warning if found.interval >= found.idle_limit else log().info
    dropped, pinged = in_seconds(found.idle_limit), in_seconds(found.interval)
    say("%s: sessions idle for %s or more are dropped on this path; ping_interval is %s", name, dropped, pinged)


def in_seconds(time: float) -> str:
    """Say how many seconds that is, to three digits or to the second."""
    return f"{time:.3g} s" if time < 999.5 else f"{time:.0f} s"
