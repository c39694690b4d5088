"""Sessions that take no weak references: nobody notices that one is dropped."""

from collections.abc import Mapping
from typing import Any

from pingpool.testing import FakeSession
from pingpool.testing.fake import Fake


class Brick:
    """One of them."""

    __slots__ = ("is_alive", "is_deleted", "labels", "left_open", "number")
    __init__ = FakeSession.__init__
    use = FakeSession.use


class Bricks(Fake):
    """A database that opens them."""

    def _open(self, labels: Mapping[str, str]) -> FakeSession:
        brick: Any = Brick(next(self._numbers), labels)
        return brick  # type: ignore[no-any-return]
