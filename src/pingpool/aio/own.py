"""The pool's own tasks: they belong to no caller, and go silently with a loop that is closed in the middle of them."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any


def begin(coroutine: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
    """Start a task with a context of its own: that of whoever happened to cause it is none of its business."""
    task = asyncio.create_task(coroutine, name=name, context=Context())
    anything: Any = task  # type checkers do not know all that asyncio itself uses in `gather` and `run`
    anything._log_destroy_pending = False
    return task
