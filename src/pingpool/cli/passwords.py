"""Passwords that stand in no URL, where `ps` and the history of a shell show them, but in the driver's own places; or
that are asked for, where somebody sits at the terminal.
"""

import os
import sys
from contextlib import suppress
from getpass import getpass
from typing import Any
from urllib.parse import SplitResult, quote

from pingpool.databases.common.urls import parsed
from pingpool.errors import causes
from pingpool.schemes import database_of
from pingpool.text import escaped

VARIABLES = {
    **dict.fromkeys(("mysql", "mariadb"), "MYSQL_PWD"),
    **dict.fromkeys(("redis", "rediss", "redis+unix"), "REDISCLI_AUTH"),
    **dict.fromkeys(("valkey", "valkeys", "valkey+unix"), "VALKEYCLI_AUTH"),
}
"""Where the servers' own clients look, for each scheme; libpq looks at `PGPASSWORD` and the password file by itself."""

PLACES = {**VARIABLES, **dict.fromkeys(("postgresql", "postgres"), "PGPASSWORD")}
"""The same with libpq's: the servers that may want a password."""

WANTED = ("no password supplied", "using password: no", "noauth", "authentication required", "already authenticated")
"""What the servers say to somebody who gave no password."""

PATIENCE = 10.0
"""Seconds that the first session may take, which finds out whether a password is wanted."""


class PasswordWanted(Exception):
    """The server wants a password, and nobody is there to be asked; the text says where to put it."""


def admitted(url: str) -> str:
    """Return the URL with the password that its server wants: the environment's, or that of a person at the terminal.

    Raises:
        PasswordWanted: there is neither.
        BadURL, UnknownScheme, ImportError: the URL cannot be opened at all.
    """
    url = completed(url)
    parts = parsed(url)
    if parts is None or parts.password is not None or parts.scheme not in PLACES or not wants_password(url):
        return url
    if not sys.stdin.isatty():
        where = PLACES[parts.scheme]
        raise PasswordWanted(
            f"The server wants a password: set {where}, or call this at a terminal, where it is asked for"
        )
    return with_password(parts, getpass(f"Password for {escaped(parts.netloc)}: "))


def completed(url: str) -> str:
    """Return the URL with the password that the environment holds, if it has none of its own."""
    parts = parsed(url)
    secret = parts and os.environ.get(VARIABLES.get(parts.scheme, ""), "")
    if not parts or not secret or parts.password is not None:
        return url
    return with_password(parts, secret)


def with_password(parts: SplitResult, secret: str) -> str:
    user, _, place = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{quote(secret, safe='')}@{place}").geturl()


def wants_password(url: str) -> bool:
    """Open one session, and return whether it was refused because it had no password; other failures are told later."""
    database = database_of(url)
    try:
        session: Any = database.create(labels={}, timeout=PATIENCE)
    except Exception as error:
        said = " ".join(str(each) for each in causes(error)).lower()
        return any(words in said for words in WANTED)
    with suppress(Exception):
        database.delete(session, timeout=PATIENCE)
    return False
