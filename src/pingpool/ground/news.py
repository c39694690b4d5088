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
    say = journal.warning if found.interval >= found.dead_from else journal.info
    say(
        "%s: sessions idle for %s s or more are dropped on this path; ping_interval is %s s",
        name,
        f"{found.dead_from:.3g}" if found.dead_from < 1000 else f"{found.dead_from:.0f}",
        f"{found.interval:.3g}" if found.interval < 1000 else f"{found.interval:.0f}",
    )
