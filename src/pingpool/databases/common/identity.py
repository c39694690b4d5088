"""When two databases are the same, and how they are named: a pool is filled again for the same one only."""


class Identified:
    """The same as another of its class that connects in the same way. The `name` must be equal then, too."""

    _identity: tuple[object, ...]
    """All that it connects with."""

    def _place(self) -> str:
        """Return where it is, without a secret."""
        return ""

    @property
    def name(self) -> str:
        """Where the database is, as errors and logs name it."""
        try:
            return self._place()
        except AttributeError:  # its constructor has refused, and whoever shows the traceback shows it too
            return "..."

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identified) and type(other) is type(self) and other._identity == self._identity

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"
