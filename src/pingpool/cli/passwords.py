"""Passwords that stand in no URL, where `ps` and the history of a shell show them, but in the driver's own places."""

import os
from urllib.parse import quote

from pingpool.databases.common.urls import parsed

VARIABLES = {
    **dict.fromkeys(("mysql", "mariadb"), "MYSQL_PWD"),
    **dict.fromkeys(("redis", "rediss", "redis+unix"), "REDISCLI_AUTH"),
    **dict.fromkeys(("valkey", "valkeys", "valkey+unix"), "VALKEYCLI_AUTH"),
}
"""Where the servers' own clients look, for each scheme; libpq looks at `PGPASSWORD` and the password file by itself."""


def completed(url: str) -> str:
    """Return the URL with the password that the environment holds, if it has none of its own."""
    parts = parsed(url)
    secret = parts and os.environ.get(VARIABLES.get(parts.scheme, ""), "")
    if not parts or not secret or parts.password is not None:
        return url
    user, _, place = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{quote(secret, safe='')}@{place}").geturl()
