"""A Celery application: the pool is made where the module is imported, in the parent of the prefork workers."""

import os
import time
from typing import Any

from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded

import pingpool
from pingpool.databases.postgres import Postgres


class Watched(Postgres):
    """A PostgreSQL whose look at a session can be made to last until a signal handler interrupts it."""

    lasts = False

    def looks_alive(self, session: Any) -> bool:
        while self.lasts:
            time.sleep(0.01)
        return super().looks_alive(session)


app = Celery("tasks", broker=os.environ["BROKER_URL"], backend=os.environ["BROKER_URL"])
app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)
database = Watched(os.environ["DATABASE_URL"])
pool = pingpool.open(database, size=2, default_timeout=5)


@app.task
def note() -> dict[str, int]:
    """Write a note, and tell which process and which session did it."""
    with pool.session() as connection:
        query = "INSERT INTO notes DEFAULT VALUES RETURNING id, pg_backend_pid()"
        number, backend = connection.execute(query).fetchone()
        connection.commit()
    return {"process": os.getpid(), "backend": backend, "note": number}


@app.task
def sleep() -> str:
    """Be inside a statement for long; tell how it ended."""
    try:
        with pool.session() as connection:
            connection.execute("SELECT pg_sleep(60)")
    except Exception as error:
        return type(error).__name__
    return "slept"


@app.task(soft_time_limit=1)
def ask_for_long() -> dict[str, Any]:
    """Meet the soft time limit while the pool looks at a session; tell what reached the task, and what it cost."""
    database.lasts = True
    before = pool.stats().replaced.get("tainted", 0)
    reached = "nothing"
    try:
        with pool.session():
            pass
    except SoftTimeLimitExceeded as error:
        reached = type(error).__name__
    finally:
        database.lasts = False
    return {"reached": reached, "tainted": pool.stats().replaced.get("tainted", 0) - before}
