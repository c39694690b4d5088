"""A Celery application of the Django project. Celery closes Django's connections before and after each task.

It does so where the environment names the settings. The parent asks the database too, while it imports this.
"""

import os

from celery import Celery
from django_notes import written
from django_web import application

__all__ = ["application"]

app = Celery("django_tasks", broker=os.environ["BROKER_URL"], backend=os.environ["BROKER_URL"])
app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)


@app.task
def note() -> dict[str, int]:
    """Write a note."""
    return written("note")


@app.task
def sleep() -> str:
    """Be inside a statement for long; tell what the driver's error was."""
    try:
        written("sleep")
    except Exception as error:
        return type(error.__cause__).__name__
    return "slept"
