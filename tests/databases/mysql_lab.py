"""What the tests of MySQL and MariaDB share."""

from typing import Any

from pingpool.testing.servers import MariaDBServer

PLAIN = "?ssl_disabled=true"


def run(session: Any, statement: str) -> Any:
    """Run a statement and return its first row."""
    with session.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()


def sleeping(server: MariaDBServer) -> int:
    """Return how many statements sleep at the server."""
    found = server.execute("SELECT count(*) FROM information_schema.processlist WHERE state = 'User sleep'")
    return int(found[0][0])
