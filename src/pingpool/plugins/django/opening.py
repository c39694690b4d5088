"""How the workers of a pool have Django open a connection: in a wrapper of its own, which does all that Django does.

That is: the parameters, the driver's connect, the time zone, the isolation level, the signal `connection_created`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import connections

from pingpool.plugins.drivers import Connect


def open_by(kind: type[Any], settings: Mapping[str, Any], alias: str) -> Connect:
    """Return a function that opens a connection as wrappers of this kind do with these settings, as they are now."""
    as_they_are = {**settings, "OPTIONS": {**settings["OPTIONS"]}}
    return partial(opened_by, kind, as_they_are, alias)


def opened_by(kind: type[Any], settings: dict[str, Any], alias: str) -> Any:
    """Open a connection. Meanwhile it is what `connections[alias]` has in this thread, for those who set it up."""
    wrapper = kind(settings, alias)
    wrapper.opens = True
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
