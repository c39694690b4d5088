"""The log named `pingpool`. Each record has the name of its pool as `record.pool`, and begins with it.

`logging` is imported with the first word: it takes about as long to import as the rest of the package, and a pool to
which nothing happens says nothing.
"""

import sys
import warnings
from typing import TYPE_CHECKING

from pingpool.core.told import Told
from pingpool.pool.story import Level, Story

if TYPE_CHECKING:
    from logging import Logger, LoggerAdapter


def log(pool: str = "") -> "LoggerAdapter[Logger]":
    """Return the logger, which notes the name of the pool, if one is concerned, in each record."""
    import logging

    return logging.LoggerAdapter(logging.getLogger("pingpool"), {"pool": pool})


class Log:
    """Writes down what happens in one pool."""

    def __init__(self, pool: str, size: int) -> None:
        self._pool = pool
        self._story = Story(size)

    def hear(self, event: Told) -> None:
        """Hear what happened, and say what there is to be said about it."""
        for level, text, is_leak in self._story.hear(event):
            if level < Level.WARNING and "logging" not in sys.modules:
                continue  # nobody has asked for such lines yet
            log(self._pool).log(level, "%s: %s", self._pool, text)
            if is_leak:
                _warn(f"{self._pool}: {text}")


def _warn(text: str) -> None:
    try:
        warnings.warn(text, ResourceWarning, stacklevel=1)
    except ResourceWarning:  # made an error by a filter; whoever happens to pass here did nothing wrong
        return
