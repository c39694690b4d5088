"""What PostgreSQL means by a severity, and libpq by a text without a code: its errors of connecting have no more.

And what every driver says to it in the same words.
"""

from pingpool.database import Meaning

UNLOCK = "SELECT pg_advisory_unlock_all()"
"""Lets go of the locks that outlive a rollback, by whatever driver it is said."""

CONNECTION_TROUBLE = "08"
"""The class of the SQLSTATEs that are about the connection; poolers in between use it, too, and other servers."""

LAST_WORDS = ("FATAL", "PANIC")
"""After a message of such a severity the server hangs up."""

REFUSALS = (
    "password authentication failed",
    "no password supplied",
    "authentication failed for user",
    "no pg_hba.conf entry",
    "does not exist",
    "is not permitted to log in",
    "is not currently accepting connections",
    "permission denied for database",
    "does not support SSL",
    "certificate verify failed",
    "invalid port number",
    "does not match host name",
    "unrecognized configuration parameter",
    "invalid value for parameter",
    "cannot be changed",
    "invalid sslmode value",
    "invalid require_auth value",
    "invalid integer value",
    "invalid channel_binding value",
    "channel binding required",
    "authentication method requirement",
)
"""What stands in the text of an error of connecting that will come again: those errors carry no SQLSTATE."""

NOBODY_LISTENS = ("failed: Connection refused", "failed: No such file or directory")
"""What stands in the text where there is no server at all; a socket in the file system is missing then."""


def meaning_of_text(said: str) -> Meaning:
    """Return what an error without a code means. One that says neither comes from a connection that was open."""
    if any(reason in said for reason in REFUSALS):
        return Meaning.REFUSED
    attempts = [line for line in said.splitlines() if line.startswith("- host:")] or [said]
    if all(any(reason in attempt for reason in NOBODY_LISTENS) for attempt in attempts):
        return Meaning.UNREACHABLE
    return Meaning.LOST
