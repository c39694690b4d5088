"""What the tests of PostgreSQL by psycopg share."""

import select
from typing import Any


def wakes(session: Any) -> bool:
    """Whether something has come on the session's socket."""
    return bool(select.select([session.fileno()], [], [], 0)[0])
