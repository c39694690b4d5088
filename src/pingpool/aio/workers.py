"""The workers: tasks that do the pool's calls to its database, at most so many at a time.

Each call is a task of its own, belongs to nobody and outlives whoever caused it.

A task is cancelled by the pool itself when its time is up, or by somebody who sweeps up every task there is:
`asyncio.run` does so at its end. Then the workers rest, so that they begin nothing that the loop cannot finish, until
somebody uses the pool again, or the loop turns out to go on (see `sweeps`).

A loop that goes on after a Ctrl-C in the middle of its own work, as a notebook's does, forgets what it was about to
run: the first step of a task, or the news that one has ended. So whoever looks after the deadlines looks for that too.
"""

import asyncio
import math
from collections import deque
from contextvars import Context
from typing import Any

from pingpool.aio.desk import LoopDesk
from pingpool.aio.own import begin
from pingpool.pool.log import log
from pingpool.pool.world import Call

MUST_END = (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit)
"""What no task may keep to itself."""


class Workers:
    """Do the calls they are given, side by side."""

    def __init__(self, desk: LoopDesk[Any], *, most: int, io_timeout: float) -> None:
        self._desk = desk
        self._most = most
        self._io_timeout = io_timeout
        self._queue: deque[Call] = deque()
        self._running: dict[asyncio.Task[None], Call] = {}
        self._rest = False

    def take(self, call: Call) -> None:
        """Have this done soon."""
        self._queue.append(call)
        self._start()

    def began(self, call: Call) -> None:
        """Count the time that the call takes from now on."""
        call.began_at = self._desk.now()
        self._desk.timer.by(call.began_at + self._io_timeout)

    def heed(self, error: BaseException) -> None:
        """Rest, if this task was cancelled and not by the pool; before the report brings new calls.

        Raises the error if it means that there is nobody to report to.
        """
        if self._desk.is_left_behind(error):
            raise error
        if isinstance(error, asyncio.CancelledError):
            self._heed_cancel(asyncio.current_task())

    def expire(self, now: float) -> float:
        """Give up what takes too long: its slot goes on without it. Return when something else will."""
        for task, call in list(self._running.items()):
            if task.done():  # and the loop has forgotten to say so
                self._finish(task)
            elif self._deadline_of(call) <= now:
                if call.began_at is None:  # the loop has forgotten the task
                    self._queue.appendleft(call)
                else:
                    call.overran()
                self._give_up(task)
        self._start()
        return min(map(self._deadline_of, self._running.values()), default=math.inf)

    def resume(self) -> None:
        """Somebody uses the pool, so the loop is to live on: rest no longer."""
        if self._rest:
            self._rest = False
            self._start()

    def _deadline_of(self, call: Call) -> float:
        if not call.jobs:
            return math.inf
        return call.deadline if call.began_at is None else call.began_at + self._io_timeout

    def _start(self) -> None:
        """Start as much as may run side by side."""
        while self._queue and len(self._running) < self._most and not self._rest and self._desk.is_home():
            call = self._queue[0]
            call.deadline = self._desk.now() + self._io_timeout
            self._desk.timer.by(call.deadline)
            name = f"{self._desk.name}: {call.name}"
            task = begin(self._run(call), name)
            self._running[task] = call
            self._queue.popleft()  # now, so that an interrupt finds the call in two places rather than in none
            task.add_done_callback(self._finish, context=Context())

    async def _run(self, call: Call) -> None:
        error = await call.run() if call.began_at is None else None
        if isinstance(error, MUST_END):
            raise error

    def _give_up(self, task: "asyncio.Task[None]") -> None:
        """Cancel a task whose time is up; its place is free at once, even if it does not listen."""
        if self._running.pop(task, None) is not None:
            task.cancel(f"{self._desk.name}: it took longer than io_timeout")
            self._start()

    def _heed_cancel(self, task: "asyncio.Task[Any] | None") -> None:
        if task in self._running and task.cancelling():
            self._rest = True
            self._desk.was_swept()

    def _finish(self, task: "asyncio.Task[None]") -> None:
        """See how a task ended, and start another."""
        call = self._running.get(task)
        if task.cancelled():
            self._heed_cancel(task)
            if call is not None and call.began_at is None and call.jobs:  # cancelled before its first step
                self._queue.appendleft(call)
        elif (error := task.exception()) is not None:
            log().warning("%s failed: %r", task.get_name(), error)
            if call is not None:
                call.overran()  # whatever an interrupt kept it from reporting
        self._running.pop(task, None)
        self._start()
