"""How a database that stands before another offers what that one has a version of, and nothing else."""

from collections.abc import Callable, Mapping
from typing import Any

from pingpool.database import AsyncDatabase, Database
from pingpool.pool.hooks import overrides


def offer(outer: object, inner: Database[Any] | AsyncDatabase[Any], ways: Mapping[str, Callable[..., Any]]) -> None:
    """Give a database those of these methods that the other has a version of: a pool does not ask for the others."""
    vars(outer).update({name: way for name, way in ways.items() if overrides(inner, name)})
