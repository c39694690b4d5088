"""Things that count how often they are compared: a look for one among many is seen so, however fast it is."""


class Compared:
    """What is mixed in; `times` is how often any of them was compared."""

    times = 0

    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return self is other

    __hash__ = object.__hash__
