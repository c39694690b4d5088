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
    wanted = options.get("target_session_attrs") or in_query(dsn).get("target_session_attrs")
    if wanted != "prefer-standby":
        return places
    # Where hosts are tried one by one, the second best can only be asked for in a second round.
    return [{"target_session_attrs": kind, **place} for kind, place in product(("standby", "any"), places)]


def hosts(dsn: str | None, options: Mapping[str, Any]) -> list[str]:
    """Return the hosts that are named."""
    return [place["host"] for place in named(dsn, options)]


def named(dsn: str | None, options: Mapping[str, Any]) -> list[Attempt]:
    """Return the hosts with their ports, by the first that names any: the options, the URL's place, its query."""
    if host := options.get("host"):
        return paired([host] if isinstance(host, str) else host, [None], options.get("port"))
    asked = in_query(dsn)
    netloc = urlsplit(dsn or "").netloc.rpartition("@")[2]
    places = [apart(each) for each in (netloc or asked.get("host", "")).split(",") if each]
    elsewhere = asked["port"].split(",") if "port" in asked and not netloc else None
    return paired([host for host, _ in places], [port for _, port in places], options.get("port") or elsewhere)


def apart(place: str) -> tuple[str, Port]:
    """Return the host and the port, if there is one, of a place in a URL."""
    if place.startswith("/"):
        return place, None
    name, _, port = place.rpartition("]")[2].partition(":")
    return unquote(place.partition("]")[0][1:] if place.startswith("[") else name), port or None


def paired(names: Sequence[str], own: Sequence[Port], for_all: Sequence[Port] | Port) -> list[Attempt]:
    """Return each host with its port: the one that is said for all, or else its own, or else the usual one."""
    ports: Sequence[Port] = own
    if for_all:
        ports = [for_all] if isinstance(for_all, int | str) else for_all
    each = ports if len(ports) > 1 else [*ports] * len(names)
    return [{"host": name, "port": int(port or usual_port())} for name, port in zip(names, each, strict=False)]


def in_query(dsn: str | None) -> dict[str, str]:
    """Return the options that a URL gives."""
    return {name: values[-1] for name, values in parse_qs(urlsplit(dsn or "").query).items()}


def usual_port() -> str:
    """Return the port that is meant where none is named."""
    return os.environ.get("PGPORT", "5432").partition(",")[0]
