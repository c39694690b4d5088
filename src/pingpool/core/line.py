"""The line of those who wait: first come, first served."""

from collections import OrderedDict

from pingpool.core.orders import Waiter


class Line:
    """Callers who have no answer yet."""

    __slots__ = ("most", "waiters")

    def __init__(self, most: float) -> None:
        self.most = most
        self.waiters: OrderedDict[Waiter, None] = OrderedDict()

    def enter(self, waiter: Waiter) -> None:
        """Stand behind all others."""
        self.waiters[waiter] = None

    def leave(self, waiter: Waiter) -> None:
        """Stand in line no more."""
        del self.waiters[waiter]

    @property
    def front(self) -> Waiter:
        """Whoever is to be served next."""
        return next(iter(self.waiters))

    @property
    def is_too_long(self) -> bool:
        """Do more wait than may?"""
        return len(self.waiters) > self.most

    def answer_all(self, error: BaseException) -> list[Waiter]:
        """Answer everybody with the error; return them all."""
        answered = list(self.waiters)
        for waiter in answered:
            waiter.error = error
        self.waiters.clear()
        return answered

    def rebuild(self) -> None:
        """Drop those who have their answer."""
        for waiter in [waiter for waiter in self.waiters if waiter.is_over]:
            del self.waiters[waiter]
