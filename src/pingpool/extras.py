"""What some parts of pingpool need beside it, and how it is installed."""

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def needing(extras: str) -> Generator[None]:
    """Have imports that fail because a package is missing say what brings it.

    Raises:
        ModuleNotFoundError: a package is not installed; its `name` is that package.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        hint = f"{missing.name} is not installed: pip install 'pingpool[{extras}]'"
        raise ModuleNotFoundError(hint, name=missing.name) from missing
