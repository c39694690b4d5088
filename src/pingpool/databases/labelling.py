"""Labels as one text, for servers where a session has a name and no labels."""

from collections.abc import Mapping


def as_text(labels: Mapping[str, str], *, after: object = None, between: str = " ") -> str:
    """Return labels as one text, for servers where a session has a name and no labels.

    They come behind the name that the user gave the session, if any.
    """
    given = [str(after)] if after else []
    return between.join([*given, *(f"{key}={value}" for key, value in labels.items())])
