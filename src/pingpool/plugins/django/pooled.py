"""What stands before Django's own `DatabaseWrapper`: its connections are lent by a pool, and go back to it.

A wrapper asks for a connection when the first query needs one, and gives it back when Django would close it: at the end
of each request, whatever `CONN_MAX_AGE` says.
"""

from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import Any, NamedTuple, cast

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.utils import OperationalError

from pingpool.database import Database
from pingpool.errors import DatabaseRefuses, PoolClosed, PoolError, with_notes
from pingpool.naming import refuse_database_options
from pingpool.opening import opened
from pingpool.plugins.django.opening import Connections, open_by
from pingpool.plugins.django.pools import POOLS, Way, place_in, settings_in
from pingpool.plugins.django.typed import ErrorWrapper, Wrapper
from pingpool.plugins.opened_by_others import Connect
from pingpool.pool.caller import DJANGO, files_of, wraps
from pingpool.pool.forks import in_every_child
from pingpool.threads.pool import PingingPool

USUAL: Mapping[str, Any] = {"ping_interval": "auto", "fill": "lazy"}
"""A process has as many connections as its threads need at a time: a worker of gunicorn's may need one."""

wraps(__file__, *files_of("django", *DJANGO))


class Lent(NamedTuple):
    """A connection, and the pool that lent it."""

    pool: PingingPool[Any]
    connection: Any


class NotingErrors(ErrorWrapper):
    """Notes how a call to the driver ended, besides making one of Django's errors of it."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, GeneratorExit):  # nobody wants the rows that are left
            self.wrapper.note(error)
        super().__exit__(kind, error, trace)


class Pooled(Wrapper):
    """A connection of Django's that is lent by the pool of its process.

    Raises:
        ImproperlyConfigured: an option of the pool makes no sense.
        OperationalError: no connection could be had in time; `__cause__` is the pool's error, which says why.
    """

    opens_within: float | None = None
    """In how many seconds does this wrapper open a connection, for the pool? None if it is one that a pool lends."""
    last_error: BaseException | None = None
    """What the last call to the driver ended with that did not end well, while a connection was lent."""
    _lent: Lent | None = None

    def __init__(self, *settings: Any, **more: Any) -> None:
        super().__init__(*settings, **more)
        in_every_child(self, Pooled._start_anew)

    def known_by(self, connect: Connect) -> Database[Any]:
        """Return what is known of this driver's connections."""
        raise NotImplementedError

    @property
    def is_pooled(self) -> bool:
        """Does a pool lend its connections?"""
        return self.opens_within is None and self.alias != NO_DB_ALIAS

    @property
    def pingpool(self) -> PingingPool[Any]:
        """The pool of this process, with its `stats()` and `holders()`; it is opened if it was not."""
        way = Way(type(self), self.alias, self.timezone_name, settings_in(self.settings_dict))
        return POOLS.get(way, self._new_pool)

    def _new_pool(self) -> PingingPool[Any]:
        settings = self.settings_dict
        given: Any = settings["OPTIONS"].get("pingpool", {})
        own: dict[str, Any] = {"name": self.alias, "max_lifetime": settings["CONN_MAX_AGE"] or None}
        connect = open_by(type(self), settings, self.alias)
        known = self.known_by(connect)
        connections = Connections(known, driver=self.Database, connect=connect, settings=settings)
        try:
            refuse_what_is_no_option(given)
            return opened(PingingPool(**{**USUAL, **own, **given}), connections, 0)
        except (TypeError, ValueError) as error:
            raise ImproperlyConfigured(f"DATABASES[{self.alias!r}]['OPTIONS']['pingpool']: {error}") from error

    # How Django's connections begin.

    def get_connection_params(self) -> dict[str, Any]:
        """Return what the driver is to connect with."""
        params: dict[str, Any] = super().get_connection_params()
        params.pop("pingpool", None)
        return params if self.opens_within is None else {**params, **self.limits(params, self.opens_within)}

    def limits(self, params: Mapping[str, Any], timeout: float) -> Mapping[str, Any]:
        """Return what keeps the driver from trying for longer than so many seconds, or than its user says."""
        return {}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Check a connection out, which Django has opened and set up before."""
        if not self.is_pooled:
            return super().get_new_connection(conn_params)
        try:
            self._lent = self._checked_out()
        except DatabaseRefuses as refusal:
            raise driver_error_of(refusal) from None
        except PoolError as error:
            raise with_notes(OperationalError(str(error)), error) from error
        return self._lent.connection

    def _checked_out(self) -> Lent:
        pool = self.pingpool
        try:
            return Lent(pool, pool.get())
        except PoolClosed:  # by another thread, between these two lines; there is a new one
            pool = self.pingpool
            return Lent(pool, pool.get())

    def init_connection_state(self) -> None:
        """Set up a connection that is new. One that is lent has been, when it was opened."""
        if not self.is_pooled:
            super().init_connection_state()

    def is_usable(self) -> bool:
        """Is there a connection, and does it answer?"""
        return self.connection is not None and bool(super().is_usable())

    # How they end.

    @cached_property
    def wrap_database_errors(self) -> ErrorWrapper:
        """Make Django's errors of the driver's, and note the last one for the pool."""
        return NotingErrors(self)

    def note(self, error: BaseException) -> None:
        """Keep an error for the pool; one from before a checkout says nothing of what is lent later."""
        if self._lent is not None:
            self.last_error = error

    def close_if_unusable_or_obsolete(self) -> None:
        """Give the connection back at the beginning and at the end of each request: it is the pool who keeps it."""
        if self.is_pooled:
            self.close()
        else:
            super().close_if_unusable_or_obsolete()

    def _close(self) -> None:
        """Give the connection back, with what went wrong while it was lent; one that was not lent is closed."""
        lent, self._lent = self._lent, None
        error, self.last_error = self.last_error, None
        if lent is None or lent.connection is not self.connection:
            super()._close()
            return
        self.connection = None
        lent.pool.give_back(lent.connection, error)

    def close_pool(self) -> None:
        """Close every pool of this database, so that it can be copied or removed. The next connection opens another."""
        POOLS.close(place_in(self.settings_dict))

    def _start_anew(self) -> list[Any]:
        """Forget what was lent before a fork: it is the parent's. Where it was in a transaction, that has ended."""
        lent, self._lent = self._lent, None
        if lent is not None:
            self.connection = self.last_error = None
            self.closed_in_transaction = self.needs_rollback = self.in_atomic_block
        return [lent]


def refuse_what_is_no_option(given: object) -> None:
    """Raise a `TypeError` for what is no mapping of options, or has one that no pool has."""
    if not isinstance(given, Mapping):
        raise TypeError(f"it has to be a dictionary of options; got {given!r}")
    refuse_database_options(cast(Mapping[str, object], given), (), "")


def driver_error_of(refusal: DatabaseRefuses) -> BaseException:
    """Return the driver's error that kept the pool from opening connections, of which Django makes one of its own."""
    return refusal if refusal.__cause__ is None else refusal.__cause__.with_traceback(None)  # many are told of it
