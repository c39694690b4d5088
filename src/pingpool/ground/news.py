"""What a pool tells its user: a session that its holder dropped, an idle limit that it found out."""

import warnings

from pingpool.core.orders import Dropped, LimitFound
from pingpool.ground import journal


def tell_of_dropped(name: str, dropped: Dropped) -> None:
    """Say where a session was checked out that its holder dropped."""
    text = f"{name}: a session checked out {dropped.place} was never put back; its slot is made anew"
    journal.warning(text)
    try:
        warnings.warn(text, ResourceWarning, stacklevel=1)
    except ResourceWarning:  # made an error by a filter; whoever happens to pass here did nothing wrong
        return


def tell_of_limit(name: str, found: LimitFound) -> None:
    """Say from which idle age on sessions are dropped, and how that compares to the ping interval."""
    say = journal.warning if found.interval >= found.idle_limit else journal.info
    dropped, pinged = in_seconds(found.idle_limit), in_seconds(found.interval)
    say("%s: sessions idle for %s or more are dropped on this path; ping_interval is %s", name, dropped, pinged)


def in_seconds(time: float) -> str:
    """Say how many seconds that is, to three digits or to the second."""
    return f"{time:.3g} s" if time < 999.5 else f"{time:.0f} s"
