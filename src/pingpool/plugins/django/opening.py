"""How the workers of a pool have Django open a connection: in a wrapper of its own, which does all that Django does.

That is: the parameters, the driver's connect, the time zone, the isolation level, the signal `connection_created`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import connections

from pingpool.database import Database
from pingpool.databases.common.offers import offer
from pingpool.plugins.opened_by_others import Connect, Opened


class Connections(Opened):
    """The connections of an alias, as the sessions of a pool.

    Args:
        known: what is known of the driver's connections.
        driver: the driver's module.
        connect: opens one.
        settings: those of the alias, which say where the database is.
    """

    def __init__(self, known: Database[Any], *, driver: Any, connect: Connect, settings: Mapping[str, Any]) -> None:
        super().__init__(known, create=connect, unwrap=itself)
        self.understand(driver)
        # What is lent is the driver's own: these two, which are asked each time, need not look for it.
        offer(self, known, {"looks_alive": known.looks_alive, "needs_reset": known.needs_reset})
        self._where = ":".join(str(settings[part]) for part in ("HOST", "PORT") if settings[part])
        self._name = settings["NAME"]

    def _place(self) -> str:
        return repr(f"{self._where}/{self._name}" if self._where else str(self._name))


def itself(connection: Any) -> Any:
    """Return the driver's connection in what is lent: that is the driver's own."""
    return connection


def open_by(kind: type[Any], settings: Mapping[str, Any], alias: str) -> Connect:
    """Return a function that opens a connection as wrappers of this kind do with these settings, as they are now."""
    as_they_are = {**settings, "OPTIONS": {**settings["OPTIONS"]}}
    return partial(opened_by, kind, as_they_are, alias)


def opened_by(kind: type[Any], settings: dict[str, Any], alias: str, timeout: float) -> Any:
    """Open a connection. Meanwhile it is what `connections[alias]` has in this thread, for those who set it up."""
    wrapper = kind(settings, alias)
    wrapper.opens_within = timeout
    connections[alias] = wrapper
    try:
        wrapper.connect()
        wrapper.commit()
        return wrapper.connection
    except BaseException:
        wrapper.close()
        raise
    finally:
        del connections[alias]
