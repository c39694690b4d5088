"""What a pool says of a session that its holder dropped."""

import warnings

from pingpool.core.orders import Dropped
from pingpool.ground import journal


def warn_of_dropped(name: str, dropped: Dropped) -> None:
    """Say where a session was checked out that its holder dropped."""
    text = f"{name}: a session checked out {dropped.place} was never put back; its slot is made anew"
    journal.warning(text)
    try:
        warnings.warn(text, ResourceWarning, stacklevel=1)
    except ResourceWarning:  # made an error by a filter; whoever happens to pass here did nothing wrong
        return
