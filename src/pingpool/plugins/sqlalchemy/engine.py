"""What an engine asks of a pool, in both worlds: its options, its numbers, its errors, another one like it."""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar

from sqlalchemy import exc
from sqlalchemy.pool import ConnectionPoolEntry, Pool

from pingpool.aio.pool import AsyncPingingPool
from pingpool.errors import DatabaseRefuses, PoolError, with_notes
from pingpool.observer import Observer
from pingpool.options import Fill, Interval, is_int
from pingpool.plugins.opened_by_others import errors_in
from pingpool.plugins.sqlalchemy.creators import refuse_memory
from pingpool.pool.caller import SQLALCHEMY, files_of, wraps
from pingpool.threads.pool import PingingPool

P = TypeVar("P", PingingPool[Any], AsyncPingingPool[Any])
"""The pool beneath."""

OF_A_TIMEOUT = "3o7r"
"""The page of SQLAlchemy's documentation that its `TimeoutError` names."""

wraps(__file__, *files_of("sqlalchemy", *SQLALCHEMY))


class EnginePool(Pool, Generic[P]):
    """A pool that `create_engine` takes as its `poolclass`.

    Args:
        creator: opens a connection; `create_engine` gives it.
        pool_size: how many connections there are at most. They are opened on demand, and kept.
        max_overflow: so many more; they are kept as well. `QueuePool` has 5 and 10 by default, here there are 15.
        timeout: how many seconds a checkout waits; `pool_timeout` in `create_engine`.
        recycle: `pool_recycle`, for those who have set it: `max_lifetime` is the same, ahead of time.
        ping_interval, max_lifetime, max_waiters, io_timeout, fill, workers, observer: as `pingpool.open` takes them;
            `fill` is "lazy" here, as SQLAlchemy opens on demand.
        **options: whatever else SQLAlchemy's pools take: `pre_ping` (not needed), `reset_on_return`, `echo`, ...

    Raises:
        TypeError, ValueError: an option makes no sense, or the database is a memory of one connection (`sqlite://`).
    """

    def __init__(
        self,
        creator: Callable[..., Any],
        pool_size: int = 15,
        max_overflow: int = 0,
        timeout: float = 30.0,
        recycle: int = -1,
        ping_interval: Interval = "auto",
        max_lifetime: float | None = None,
        max_waiters: int | None = None,
        io_timeout: float = 10,
        fill: Fill = "lazy",
        workers: int | None = None,
        observer: Observer | None = None,
        **options: Any,
    ) -> None:
        super().__init__(creator, recycle=recycle, **options)
        refuse_no_limit(pool_size, max_overflow)
        refuse_memory(creator)
        self._own: dict[str, Any] = {
            "pool_size": pool_size,
            "max_overflow": max_overflow,
            "timeout": timeout,
            "ping_interval": ping_interval,
            "max_lifetime": max_lifetime,
            "max_waiters": max_waiters,
            "io_timeout": io_timeout,
            "fill": fill,
            "workers": workers,
            "observer": observer,
        }
        self._below: P = self._new_pool()
        self._opened: P | None = None
        """The pool beneath that was bound, and is kept alive."""
        self._disposed: P | None = None
        """The pool beneath that was disposed of last."""
        self._next: Self | None = None
        """The pool that an engine has in place of this one, of which it has disposed."""

    def _options(self) -> dict[str, Any]:
        """Return the options of the pool beneath."""
        own = dict(self._own)
        own["size"] = own.pop("pool_size") + own.pop("max_overflow")
        own["default_timeout"] = own.pop("timeout")
        if own["max_lifetime"] is None and self._recycle > 0:
            own["max_lifetime"] = self._recycle
        return {**own, "name": self._orig_logging_name}

    def _new_pool(self) -> P:
        """Return a pool of this world, not bound yet."""
        raise NotImplementedError

    def _is_to_be_opened(self) -> bool:
        """Was the pool beneath not opened yet, or disposed of?"""
        return self._below is not self._opened or self._below is self._disposed

    def _below_to_open(self) -> P:
        """Return the pool beneath that is to be opened: another one after a disposal."""
        if self._below.closed or self._below is self._disposed:
            self._below = self._new_pool()
        return self._below

    def _is_gone(self, below: P) -> bool:
        """Was this pool beneath disposed of? There may be another by now, which somebody else has opened."""
        return below is not self._below or below is self._disposed

    @property
    def pingpool(self) -> P:
        """The pool beneath, with its `stats()` and `holders()`."""
        return self._below

    def recreate(self) -> Self:
        """Return a new pool with the same options, as `engine.dispose()` does.

        If this one was disposed of, whoever still waits in it is served by the new one.
        """
        self.logger.info("Pool recreating")
        again = self._another()
        if self._disposed is not None:
            self._next = again
            if not self._below.closed:  # whoever waited has opened it once more
                self.dispose()
        return again

    def _another(self) -> Self:
        return self.__class__(
            self._creator,
            recycle=self._recycle,
            echo=self.echo,
            pre_ping=self._pre_ping,
            logging_name=self._orig_logging_name,
            reset_on_return=self._reset_on_return,
            _dispatch=self.dispatch,
            dialect=self._dialect,
            **self._own,
        )

    def _put_elsewhere(self, record: ConnectionPoolEntry) -> None:
        """Check in a record that was lent before a disposal, or by the pool that came after it."""
        if self._next is None:
            record.close()
        else:
            self._next._do_return_conn(record)

    def _told(self, error: PoolError) -> BaseException:
        """Return what SQLAlchemy's users expect of a checkout in vain: the driver's error, or a `TimeoutError`."""
        cause = error.__cause__
        if cause is not None and (isinstance(error, DatabaseRefuses) or isinstance(cause, self._errors())):
            return cause.with_traceback(None)  # many are told of the same failure
        timeout = with_notes(exc.TimeoutError(str(error), code=OF_A_TIMEOUT), error)
        timeout.__cause__ = error
        return timeout

    def _errors(self) -> tuple[type[BaseException], ...]:
        """Return the root of the driver's errors, which SQLAlchemy wraps in its own; nothing if there is no driver."""
        return errors_in(getattr(self._dialect, "dbapi", None), "Error")

    # What can be read, by the names that QueuePool has.

    def size(self) -> int:
        """Return how many connections there are at most."""
        return self._below.size

    def checkedin(self) -> int:
        """Return how many are idle."""
        return self._below.stats().idle

    def checkedout(self) -> int:
        """Return how many are lent."""
        return self._below.stats().in_use

    def overflow(self) -> int:
        """Return how many are beyond the size: none."""
        return 0

    def timeout(self) -> float:
        """Return how many seconds a checkout waits."""
        timeout: float = self._own["timeout"]
        return timeout

    def status(self) -> str:
        """Return these numbers as the line of text that `QueuePool` has for them."""
        stats = self._below.stats()
        numbers = f"Pool size: {stats.size}  Connections in pool: {stats.idle} Current Overflow: {self.overflow()}"
        return f"{numbers} Current Checked out connections: {stats.in_use}"


def refuse_no_limit(pool_size: int, max_overflow: int) -> None:
    """Raise for what `QueuePool` takes as "no limit", or for no number at all."""
    if not is_int(pool_size) or not is_int(max_overflow):
        raise TypeError(f"pool_size and max_overflow are whole numbers; got {pool_size!r} and {max_overflow!r}")
    if pool_size < 1 or max_overflow < 0:
        raise ValueError(
            f"this pool has a limit: pool_size is 1 or more, and max_overflow 0 or more; "
            f"got {pool_size} and {max_overflow}"
        )
