"""Rows in whatever form the user's cursors give them, and a question that no answer fits but its own."""

import itertools
from collections.abc import Callable, Iterable
from typing import Any

from pingpool.errors import BeyondReset

NUMBERS = itertools.count(100_000)
"""Numbers that no answer to anything else will be."""


def values_of(row: Any) -> list[Any]:
    """Return the values in a row, be it a sequence or a dictionary."""
    return list(row.values() if hasattr(row, "values") else row)


def prove_in_step(ask: Callable[[str], Iterable[Any]]) -> None:
    """Ask for a number: the answer to anything else is another one.

    Raises:
        BeyondReset: it was another one, which somebody else had not read.
    """
    number = next(NUMBERS)
    if [values_of(row) for row in ask(f"SELECT {number}")] != [[number]]:
        raise BeyondReset("left busy", "an answer that nobody had read came in place of another one's")
