"""Whose option a name is, the pool's or its database's, and what to write for one that stands in the wrong place.

All who meet an unknown name ask here: `pingpool.open`, the databases' constructors, and whoever reads a URL.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pingpool.errors import BadURL
from pingpool.options import PoolOptions
from pingpool.text import escaped, nearest

OF_POOL = {*PoolOptions.__annotations__, "wait_for"}

ELSEWHERE = {
    **dict.fromkeys(("pool_size", "poolsize", "max_size", "maxsize", "min_size", "minsize", "max_connections"), "size"),
    **dict.fromkeys(("maximum_pool_size", "max_pool_size", "min_pool_size", "pool_max_size", "pool_min_size"), "size"),
    **dict.fromkeys(("maxconnections", "mincached", "maxcached", "maxconn", "minconn", "target_size"), "size"),
    **dict.fromkeys(("timeout", "pool_timeout", "checkout_timeout", "acquire_timeout"), "default_timeout"),
    **dict.fromkeys(("pool_recycle", "max_age", "conn_max_age"), "max_lifetime"),
    **dict.fromkeys(("keepalive_time", "keep_alive_interval", "pool_ping_interval"), "ping_interval"),
    "max_waiting": "max_waiters",
    "num_workers": "workers",
    "pool_name": "name",
}
"""Options of other pools, each with ours that means the same."""

NOT_HERE = {
    "max_overflow": "size=… (a pool has a fixed size)",
    "max_age_minutes": "ping_interval=… (seconds after which an idle session is proven before it is lent)",
    "max_queries": "max_lifetime=… (sessions are replaced by age)",
    "max_idle": "nothing (an idle session is kept, and kept alive)",
    "max_inactive_connection_lifetime": "nothing (an idle session is kept, and kept alive)",
    "reconnect_timeout": "nothing (a pool never stops trying)",
    "pool_pre_ping": "nothing (idle sessions are proven in the background; ping_interval=0 would ask at each checkout)",
    "pool_use_lifo": "nothing (the session that was idle the longest is lent first)",
    "pool_reset_on_return": "reset=… (it belongs to the database)",
}
"""Options of other pools that have another form here."""

OPEN_ENDED = "…"
LONGEST_NUMBER = 9
LONGEST_LIST = 20
YES_OR_NO = {"true": "True", "false": "False"}


def is_of_a_pool(name: str) -> bool:
    """Is it an option of this pool, or the word of another one for such an option?"""
    return name in OF_POOL or name in ELSEWHERE or name in NOT_HERE


def in_python(name: str, value: str = OPEN_ENDED) -> str:
    """Return how an option is written as an argument; a value that may be a secret is left out."""
    if name in NOT_HERE:
        return NOT_HERE[name]
    is_number = value.isascii() and value.isdecimal() and len(value) <= LONGEST_NUMBER
    shown = str(int(value)) if is_number else YES_OR_NO.get(value.lower(), OPEN_ENDED)
    return f"{ELSEWHERE.get(name, name)}={shown}"


def beside(name: str) -> str:
    """Return what to write for an option that has no place in a URL."""
    return f"{name} is no part of a URL: write {in_python(name)} beside it, as in pingpool.open(url, {in_python(name)})"


def meant(name: str, known: Collection[str]) -> str:
    """Return what to write instead of a name that nobody knows here."""
    if is_of_a_pool(name):
        return f"that is for the pool: write {in_python(name)} where it is opened"
    if similar := nearest(name, known):
        return f"did you mean {similar}?"
    return (
        f"it knows {', '.join(sorted(known))}" if len(known) <= LONGEST_LIST else "no name that it knows is like that"
    )


def divided(
    options: Mapping[str, Any], its: Collection[str] | None, whose: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the pool's share of the options, and that of the database, which knows these; None: who can tell.

    Raises:
        TypeError: there is one that neither knows.
    """
    others = {name: value for name, value in options.items() if name not in OF_POOL}
    for name in others:
        if its is not None and name not in its:
            raise TypeError(
                f"neither a pool nor {whose} has an option {escaped(name)}; {meant(name, OF_POOL.union(its))}"
            )
    return {name: options[name] for name in options if name in OF_POOL}, others


def refuse_database_options(options: Iterable[str], its: Collection[str], whose: str) -> None:
    """Refuse what is not the pool's where the database is there already. Raises `TypeError`."""
    for name in options:
        if name in its and name not in OF_POOL:
            raise TypeError(f"{name} is an option of the database: give it to that, {whose}(…, {name}=…)")
        if name not in OF_POOL:
            raise TypeError(f"a pool has no option {escaped(name)}; {meant(name, OF_POOL.union(its))}")


def refuse_pool_options(query: str, its: Collection[str], opener: str) -> None:
    """Refuse options of the pool in a URL, unless the database has one by that name. Raises `BadURL`."""
    asked = [each.partition("=")[::2] for each in query.partition("#")[0].split("&")]
    misplaced = [in_python(name, value) for name, value in asked if is_of_a_pool(name) and name not in its]
    if misplaced:
        raise BadURL(f"pool options do not stand in the URL: write {opener}(url, {', '.join(misplaced)})")
