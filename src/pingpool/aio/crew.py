"""The crew: tasks that do the pool's I/O, so that no caller ever waits for the network.

Each call is a task of its own, belongs to nobody and outlives whoever caused it. At most `workers` run at a time.

A task of the crew is cancelled by the pool itself when its time is up (`give_up`), or by somebody who sweeps up every
task there is: `asyncio.run` does so at its end. Then the crew rests, lest it begin what the loop will not live to see
done, until somebody uses the pool again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

from pingpool.ground import journal


class Errand:
    """Something to be done in a task, under a name that says what it is."""

    __slots__ = ("begun", "call", "name")

    def __init__(self, name: str, call: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Wait to be begun."""
        self.name = name
        self.call = call
        self.begun = False

    async def run(self) -> None:
        """Do it."""
        self.begun = True
        await self.call()


def vars_of(task: Any) -> Any:
    """Return the task, of which type checkers do not know all that asyncio itself uses in `gather` and `run`."""
    return task


class Crew:
    """Does what it is given, side by side."""

    def __init__(self, name: str, workers: int, is_home: Callable[[], bool]) -> None:
        """Start with nothing to do. `is_home` says whether the pool's own loop is running."""
        self._name = name
        self._workers = workers
        self._is_home = is_home
        self._context = copy_context()  # not that of a caller, who may be gone long before the task is
        self._waiting: deque[Errand] = deque()
        self._running: dict[asyncio.Task[None], Errand] = {}
        self._rests = False

    def take(self, name: str, call: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Have this done soon."""
        self._waiting.append(Errand(f"{self._name}: {name}", call))
        self._begin()

    def give_up(self, task: "asyncio.Task[Any]") -> None:
        """Cancel a task whose time is up; its place is free at once, even if it does not listen."""
        if self._running.pop(task, None) is not None:
            task.cancel(f"{self._name}: it took longer than io_timeout")
            self._begin()

    def heed(self, task: "asyncio.Task[Any] | None") -> None:
        """Rest, if this task was cancelled and not by the pool."""
        if task in self._running and task.cancelling():
            self._rests = True

    def resume(self) -> None:
        """Somebody uses the pool, so the loop is to live on: rest no longer."""
        if self._rests:
            self._rests = False
            self._begin()

    def _begin(self) -> None:
        """Begin as much as may run side by side."""
        while self._waiting and len(self._running) < self._workers and not self._rests and self._is_home():
            errand = self._waiting.popleft()
            work = errand.run()
            task = self._context.copy().run(asyncio.create_task, work, name=errand.name)
            vars_of(task)._log_destroy_pending = False  # nobody waits for it: a loop may end in the middle of it
            self._running[task] = errand
            task.add_done_callback(self._finish)

    def _finish(self, task: "asyncio.Task[None]") -> None:
        """See how a task ended, and begin another."""
        errand = self._running.get(task)
        if task.cancelled():
            self.heed(task)
            if errand is not None and not errand.begun:
                self._waiting.appendleft(errand)
        elif (error := task.exception()) is not None:
            journal.warning("%s failed: %r", task.get_name(), error)
        self._running.pop(task, None)
        self._begin()
