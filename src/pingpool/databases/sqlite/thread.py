"""The thread of a connection of aiosqlite's: it keeps neither its process nor anything that waited for an answer.

aiosqlite's own would do both, and complain, once its loop is closed over it: a process waits at its end for every
thread that is no daemon, and the future of the last answer holds the task that asked, the pool, and all its sessions.
"""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final

Answer = asyncio.Future[Any]

Queue = SimpleQueue[tuple[Answer | None, Callable[[], object]]]
"""Calls, each with the future of its answer, if anybody waits for that."""

END: Final = object()
"""What a call returns that is the last one."""


def thread_of(calls: Queue) -> Thread:
    """Return a thread, not started yet, that makes these calls until one is the last, or nobody can be told."""
    return Thread(target=_work, args=(calls,), name="pingpool-sqlite", daemon=True)


def _work(calls: Queue) -> None:
    while _make_next(calls):
        pass  # what the last call had to do with is let go of in between


def _make_next(calls: Queue) -> bool:
    """Make a call, and tell what came of it; return whether there may be another one."""
    answer, call = calls.get()
    try:
        result = call()
    except BaseException as error:
        return _tell(answer, Answer.set_exception, error)
    return _tell(answer, Answer.set_result, result) and result is not END


def _tell(answer: Answer | None, how: Callable[..., None], what: object) -> bool:
    """Tell whoever waits; return False if his loop is closed."""
    if answer is None:
        return True
    try:
        answer.get_loop().call_soon_threadsafe(_settle, answer, how, what)
    except RuntimeError:
        return False
    return True


def _settle(answer: Answer, how: Callable[..., None], what: object) -> None:
    """Settle a future that nobody has given up."""
    if not answer.done():
        how(answer, what)
