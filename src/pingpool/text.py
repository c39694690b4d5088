"""Texts from outside: made fit to be shown, and what may have been meant by one."""

from collections.abc import Iterable


def escaped(text: str) -> str:
    """Return a text in which nothing can move a terminal's cursor, or begin another line of a log."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


MOST_SIGNS = 200
"""How much of another error's text is quoted."""


def in_one_line(error: BaseException) -> str:
    """Return an error in one line, whatever its text may be."""
    try:
        text = str(error)
    except Exception:
        text = ""
    text = escaped(" ".join(text.split()))
    cut = text if len(text) <= MOST_SIGNS else f"{text[:MOST_SIGNS]}…"
    return f"{type(error).__name__}: {cut}" if cut else type(error).__name__


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like this one, if any is like it."""
    from difflib import get_close_matches  # only who has slipped needs it

    return next(iter(get_close_matches(word, sorted(known), n=1)), None)


def in_seconds(time: float) -> str:
    """Say how many seconds that is, to three digits, but no finer than a millisecond and no coarser than a second."""
    return f"{round(time, 3):.3g} s" if time < 999.5 else f"{time:.0f} s"
