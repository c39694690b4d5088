"""Sessions that cost nothing, so that the pool is measured; functions that create them slowly, or had them before."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pingpool import Database

Maker = Callable[[], Any]


class Session:
    def close(self) -> None:
        """End it."""


class Stubs(Database[Any]):
    """A database whose sessions come from a function."""

    def __init__(self, make: Maker = Session) -> None:
        self._make = make

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Any:
        return self._make()


class ManyStubs(Stubs):
    """The same, with many by one call."""

    def create_many(self, count: int, *, labels: Mapping[str, str], timeout: float) -> Sequence[Any]:
        return [self._make() for _ in range(count)]


class AskedStubs(Stubs):
    """A database that is asked at every checkout and check-in, as those with a real driver are."""

    def looks_alive(self, session: Any) -> bool:
        return True

    def needs_reset(self, session: Any) -> bool:
        return False


class SpannerSession(Session):
    """What the Spanner client's pool uses of a session."""

    _session_id = ""

    def __lt__(self, other: "SpannerSession") -> bool:
        return self._session_id < other._session_id

    def delete(self) -> None:
        """End it."""


class PsycopgConnection(Session):
    """What psycopg_pool uses of a connection. All share one `pgconn`: it is not the pool's memory."""

    class pgconn:  # noqa: N801 - an attribute of psycopg's, that happens to be a class here
        transaction_status = 0  # idle, in no transaction

    closed = False


class DBAPIConnection(Session):
    """What SQLAlchemy and DBUtils use of a connection."""

    def commit(self) -> None:
        """Commit nothing."""

    def rollback(self) -> None:
        """Roll nothing back."""


def slow(make: Maker, seconds: float) -> Maker:
    """Return a function that takes its time."""

    def make_slowly() -> Any:
        time.sleep(seconds)
        return make()

    return make_slowly


def created_before(make: Maker, count: int) -> Maker:
    """Return a function whose sessions exist already, so that only the pool takes memory."""
    ready: Iterator[Any] = iter([make() for _ in range(count)])
    return lambda: next(ready)
