"""Texts from outside, made fit to be shown."""


def escaped(text: str) -> str:
    """Return a text in which nothing can move a terminal's cursor, or begin another line of a log."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
