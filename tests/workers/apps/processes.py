"""Two processes of multiprocessing: with `fork` they inherit the pool, with `spawn` each opens one when it starts."""

import json
import multiprocessing
import os
import sys
from typing import Any

from notes import note

import pingpool

pool: pingpool.PingingPool[Any]


def open_pool() -> None:
    """Have sessions from now on."""
    global pool
    pool = pingpool.open(os.environ["DATABASE_URL"], size=1, default_timeout=5)


def write(_: int) -> dict[str, int]:
    """Write a note."""
    return note(pool, "/note")


def main(method: str) -> None:
    """Have notes written, and tell what was written, and how many sessions there are."""
    open_pool()
    in_each = open_pool if method == "spawn" else None
    with multiprocessing.get_context(method).Pool(2, in_each) as workers:
        answers = workers.map(write, range(20), chunksize=1)
        with pool.session() as connection:
            query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            count = connection.execute(query).fetchone()[0]
            connection.commit()
    pool.close()
    print(json.dumps([answers, count]))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
