"""Who holds a lent session, since when and from where: one tuple per use, which the fast way builds at next to no cost.

A session that was got by a bare `get` may be given to another thread, which returns it. One that was got by a block,
`with pool.session() as session:`, comes back where that block ends, and nowhere else. So of a block it is known in
which frame it stands: `block` is the number of that frame.
"""

from types import CodeType
from typing import Final, NamedTuple


class Use(NamedTuple):
    """One use of a session. The fast way builds a bare tuple of the same shape.

    `site` and `instruction` tell where it was checked out, `since` when; `holder` is the number of the thread, or the
    task, that did so; `block` that of the frame whose `with` holds it, or 0.
    """

    site: CodeType | None
    instruction: int
    since: float
    holder: int
    block: int


def line_of(site: CodeType, instruction: int) -> int:
    """Return the line of an instruction; that of its function where the code tells none."""
    lines = (line for start, end, line in site.co_lines() if start <= instruction < end)
    return next(lines, None) or site.co_firstlineno


SINCE: Final = 2
BLOCK: Final = 4
"""Where `since` and `block` stand in a bare tuple."""


NOBODY: Final = 0
"""What stands for a holder who is not known."""


def use_of_nobody(since: float) -> Use:
    """Return what stands for a use of which nothing is known but how old it is at most."""
    return Use(None, 0, since, NOBODY, 0)
