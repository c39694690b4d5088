"""What all drivers of PostgreSQL need: how a session is named, and complaints that spill no password."""

from collections.abc import Collection, Mapping

from pingpool.databases.common.labels import as_text, cut

LONGEST_NAME = 63
"""The bytes of an `application_name` that a server keeps."""


def application_name(labels: Mapping[str, str], *, after: object = None) -> str:
    """Return the labels as a name that every server takes: printable, and no longer than it keeps."""
    text = as_text(labels, after=after)
    return cut("".join(sign if sign.isprintable() else "?" for sign in text), LONGEST_NAME)


def unquoted(complaint: str, harmless: Collection[str]) -> str:
    """Return a driver's complaint without what it quotes, which may be a piece of a password."""
    pieces = complaint.split('"')
    pieces[1::2] = [each if each in harmless else "..." for each in pieces[1::2]]
    return '"'.join(pieces)
