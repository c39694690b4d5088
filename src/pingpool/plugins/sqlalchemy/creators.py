"""What `create_engine` passes to the driver. The function that it gives to its pool keeps that; nobody else tells."""

from collections.abc import Callable, Mapping, Sequence
from inspect import getclosurevars
from typing import Any

from pingpool.text import escaped


def place_of(dialect: Any, creator: Callable[..., Any]) -> str:
    """Return where an engine's database is, without a secret; of a creator of one's own only the dialect is known."""
    words = "+".join(filter(None, (getattr(dialect, "name", ""), getattr(dialect, "driver", ""))))
    given = given_by_name(creator)
    host = ":".join(str(given[name]) for name in ("host", "port") if given.get(name))
    database = next((str(given[name]) for name in ("dbname", "database", "db") if given.get(name)), "")
    return escaped(f"{words}://{host}/{database}" if host or database else words)


def refuse_memory(creator: Callable[..., Any]) -> None:
    """Raise for a SQLite database in memory that each connection has for itself."""
    if getattr(_kept_by(creator).get("dialect"), "name", "") == "sqlite" and is_private_memory(file_of(creator)):
        raise ValueError(
            "each connection to this SQLite database has a memory of its own, empty at first: name a file, or give "
            "poolclass=StaticPool, a pool of one connection"
        )


def is_private_memory(file: str) -> bool:
    """Does SQLite open a memory by this name, and another one for each connection?"""
    path, _, query = file.partition("?")
    if not path.startswith("file:"):
        return file == ":memory:"
    options = query.split("&")
    return (path == "file::memory:" or "mode=memory" in options) and "cache=shared" not in options


def file_of(creator: Callable[..., Any]) -> str:
    """Return the file of a SQLite database: the one argument that has no name."""
    given: Any = _kept_by(creator).get("cargs_tup")
    return str(given[0]) if isinstance(given, Sequence) and given else ""  # pyright: ignore[reportUnknownArgumentType]


def given_by_name(creator: Callable[..., Any]) -> Mapping[str, Any]:
    """Return what the driver is given by name."""
    given: Any = _kept_by(creator).get("cparams")
    return given if isinstance(given, Mapping) else {}  # pyright: ignore[reportUnknownVariableType]


def _kept_by(creator: Callable[..., Any]) -> Mapping[str, Any]:
    try:
        return getclosurevars(creator).nonlocals
    except (TypeError, ValueError):  # a callable object; or what it keeps is not there yet, as its own engine
        return {}
