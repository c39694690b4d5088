"""The hosts among which asyncpg is to find a server, each as the arguments of an attempt of its own.

asyncpg bounds connecting as a whole, so that a first host that swallows everything would leave nothing for the second.
"""

import os
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

Attempt: TypeAlias = Mapping[str, Any]
"""What takes the place of the user's own arguments in one attempt."""

Port: TypeAlias = int | str | None


def attempts(dsn: str | None, options: Mapping[str, Any]) -> list[Attempt]:
    """Return the attempts to make, in their order; one that changes nothing where there is no choice."""
    places = named(dsn, options)
    if len(places) < 2:
        return [{}]
    if said_attributes(dsn, options) != "prefer-standby":
        return places
    # Where hosts are tried one by one, the second best can only be asked for in a second round.
    return [{"target_session_attrs": kind, **place} for kind, place in product(("standby", "any"), places)]


def said_attributes(dsn: str | None, options: Mapping[str, Any]) -> str | None:
    """Return what is said of the server's role, in libpq's words."""
    asked = in_query(dsn).get("target_session_attrs") or os.environ.get("PGTARGETSESSIONATTRS")
    said: str | None = options.get("target_session_attrs", asked)
    return said


def hosts(dsn: str | None, options: Mapping[str, Any]) -> list[str]:
    """Return the hosts that are named."""
    return [place["host"] for place in named(dsn, options)]


def named(dsn: str | None, options: Mapping[str, Any]) -> list[Attempt]:
    """Return the hosts with their ports, by the first that names any: options, the URL's place, its query, `PGHOST`."""
    if host := options.get("host"):
        return paired([(each, None) for each in ([host] if isinstance(host, str) else host)], options.get("port"))
    asked = in_query(dsn)
    netloc = urlsplit(dsn or "").netloc.rpartition("@")[2]
    places = (netloc or asked.get("host") or os.environ.get("PGHOST", "")).split(",")
    elsewhere = asked["port"].split(",") if "port" in asked and not netloc else None
    return paired([apart(place) for place in places if place], options.get("port") or elsewhere)


def apart(place: str) -> tuple[str, Port]:
    """Return the host and the port, if there is one, of a place in a URL."""
    if place.startswith("/"):
        return place, None
    name, _, port = place.rpartition("]")[2].partition(":")
    return unquote(place.partition("]")[0][1:] if place.startswith("[") else name), port or None


def paired(places: Sequence[tuple[str, Port]], for_all: Sequence[Port] | Port) -> list[Attempt]:
    """Return each host with its port: the one that is said for all, or else its own, or else the usual one."""
    said = spread(for_all, len(places))
    usual = spread(os.environ.get("PGPORT", "5432").split(","), len(places))
    choices = zip(places, said, usual, strict=False)
    return [{"host": name, "port": int(port or own or other or 5432)} for (name, own), port, other in choices]


def spread(ports: Sequence[Port] | Port, count: int) -> Sequence[Port]:
    """Return a port for each of so many hosts; a single one is for all."""
    each = [ports] if ports is None or isinstance(ports, int | str) else ports
    return each if len(each) > 1 else [*each] * count


def in_query(dsn: str | None) -> dict[str, str]:
    """Return the options that a URL gives."""
    return {name: values[-1] for name, values in parse_qs(urlsplit(dsn or "").query).items()}
