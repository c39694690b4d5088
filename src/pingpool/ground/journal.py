"""What a pool says to the log named `pingpool`.

`logging` is imported with the first word: it takes about as long to import as the rest of the package, and a pool to
which nothing happens says nothing.
"""

from typing import Any


def debug(text: str, *facts: Any) -> None:
    """Note what matters only to who looks for it."""
    _log().debug(text, *facts, stacklevel=2)


def info(text: str, *facts: Any) -> None:
    """Note what happened."""
    _log().info(text, *facts, stacklevel=2)


def warning(text: str, *facts: Any) -> None:
    """Note what somebody should look into."""
    _log().warning(text, *facts, stacklevel=2)


def exception(text: str, *facts: Any) -> None:
    """Note what should not have happened, with the traceback of the error that is being handled."""
    _log().exception(text, *facts, stacklevel=2)


def _log() -> Any:
    import logging

    return logging.getLogger("pingpool")
