"""Labels where a session has a name and no labels."""

from collections.abc import Mapping


def as_text(labels: Mapping[str, str], *, after: object = None, between: str = " ") -> str:
    """Return labels as one text, behind the name that the user gave, if any. What cannot be written becomes `?`."""
    given = [str(after)] if after else []
    text = between.join([*given, *(f"{key}={value}" for key, value in labels.items())])
    return text.encode(errors="replace").decode()  # a label is no reason to open no session


def cut(text: str, room: int) -> str:
    """Return as much of a text as takes no more than so many bytes."""
    return text.encode()[:room].decode(errors="ignore")
