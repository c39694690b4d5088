"""When two databases are the same: a pool is filled again for the same one only."""


class Identified:
    """The same as another of its class that connects in the same way. The `repr` must be equal then, too."""

    _identity: tuple[object, ...]
    """All that it connects with."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identified) and type(other) is type(self) and other._identity == self._identity

    def __hash__(self) -> int:
        return hash(repr(self))
