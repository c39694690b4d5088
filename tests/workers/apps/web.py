"""A WSGI application for gunicorn: the pool is made where the module is imported."""

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

import pingpool

pool = pingpool.open(os.environ["DATABASE_URL"], size=2, default_timeout=5)


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Run the statements that belong to the path, and tell which process and which session ran them."""
    try:
        with pool.session() as connection:
            if environ["PATH_INFO"] == "/sleep":
                connection.execute("SELECT pg_sleep(60)")
            query = "INSERT INTO notes DEFAULT VALUES RETURNING id, pg_backend_pid()"
            note, backend = connection.execute(query).fetchone()
            connection.commit()
    except Exception as error:
        start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
        return [repr(error).encode()]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"process": os.getpid(), "backend": backend, "note": note}).encode()]
