"""The sentinels of asyncio: one for each loop in which a pool has use for it.

The loop reads the sentinel's own descriptor. The sockets themselves it knows already: their drivers registered them.
"""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from pingpool.pool.forks import in_every_child
from pingpool.pool.sentinel import Listener, Sentinel


class LoopSentinels:
    """The places of the sentinels, by their loops."""

    def __init__(self) -> None:
        self._sentinels: WeakKeyDictionary[asyncio.AbstractEventLoop, Sentinel] = WeakKeyDictionary()

    def enlist(self, loop: asyncio.AbstractEventLoop, desk: Listener) -> Sentinel | None:
        """Return the sentinel of the running loop, at work for this desk too; None if there can be none."""
        sentinel = self._sentinels.get(loop)
        if sentinel is None:
            sentinel = Sentinel.if_possible()
            if sentinel is None or not can_read(loop, sentinel):
                return None
            self._sentinels[loop] = sentinel
            in_every_child(self, LoopSentinels._start_anew)
        sentinel.enlist(desk)
        return sentinel

    def discharge(self, loop: asyncio.AbstractEventLoop, desk: Listener) -> None:
        """Let the sentinel work for this desk no longer; after the last one it goes."""
        sentinel = self._sentinels.get(loop)
        if sentinel is not None and sentinel.discharge(desk):
            del self._sentinels[loop]
            loop.remove_reader(sentinel.descriptor)
            sentinel.close()

    def _start_anew(self) -> list[Any]:
        """Forget, in a forked child, what works for the parent."""
        old, self._sentinels = self._sentinels, WeakKeyDictionary()
        return [old, *old.values()]


def can_read(loop: asyncio.AbstractEventLoop, sentinel: Sentinel) -> bool:
    """Have the loop call the sentinel whenever it has something to hear; False of a loop that reads no descriptors."""
    try:
        loop.add_reader(sentinel.descriptor, sentinel.hear, 0)
    except NotImplementedError:
        return False
    return True


SENTINELS = LoopSentinels()
