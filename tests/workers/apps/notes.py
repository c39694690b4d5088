"""What the WSGI applications do: each request writes a note through a pooled session."""

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from pingpool import PingingPool, PoolError

OPTIONS: dict[str, Any] = {"size": 2, "default_timeout": 5, **json.loads(os.environ.get("POOL_OPTIONS", "{}"))}
"""Those of the pool: what a test wants, and else a small one."""

Application = Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]


def application_on(pool: PingingPool[Any]) -> Application:
    """Return the application that works with a pool."""

    def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        try:
            text = json.dumps(note(pool, environ["PATH_INFO"]))
        except PoolError as error:
            start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [repr(error).encode()]
        except Exception as error:
            start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [repr(error).encode()]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [text.encode()]

    return application


def note(pool: PingingPool[Any], path: str) -> dict[str, int]:
    """Run the statements that belong to the path, and tell which process and which session ran them."""
    with pool.session() as connection:
        if path == "/sleep":
            connection.execute("SELECT pg_sleep(60)")
        query = "INSERT INTO notes DEFAULT VALUES RETURNING id, pg_backend_pid()"
        number, backend = connection.execute(query).fetchone()
        connection.commit()
    return {"process": os.getpid(), "backend": backend, "note": number}
