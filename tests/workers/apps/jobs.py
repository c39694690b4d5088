"""The jobs of an RQ worker: the pool is made where the module is imported.

As a program this is a worker that imports them before it forks, so that its jobs inherit the pool.
"""

import os

from notes import OPTIONS

import pingpool

pool = pingpool.open(os.environ["DATABASE_URL"], **OPTIONS)


def note() -> dict[str, int]:
    """Write a note, and tell which process and which session did it."""
    with pool.session() as connection:
        query = "INSERT INTO notes DEFAULT VALUES RETURNING id, pg_backend_pid()"
        number, backend = connection.execute(query).fetchone()
        connection.commit()
    return {"process": os.getpid(), "backend": backend, "note": number}


def sleep(seconds: float) -> None:
    """Be inside a statement for so long."""
    with pool.session() as connection:
        connection.execute("SELECT pg_sleep(%s)", [seconds])
