"""The frames of a task: those of its coroutine, of the one which that one awaits, and so on."""

import asyncio
from collections.abc import Iterator
from types import FrameType
from typing import Any

from pingpool.pool.caller import current_frame


def frames_of(task: "asyncio.Task[Any]") -> Iterator[FrameType]:
    """Yield the frames, from the task's own coroutine inwards; of the task that runs: of whoever calls, outwards."""
    if task is asyncio.current_task():
        caller: FrameType | None = current_frame(1)
        while caller is not None:
            yield caller
            caller = caller.f_back
        return
    step: Any = task.get_coro()
    while step is not None:
        frame = _of(step, "frame")
        if frame is not None:
            yield frame
        step = _of(step, "await")


def _of(step: Any, what: str) -> Any:
    """Return this attribute of a coroutine, an asynchronous generator or a plain one; None of anything else."""
    plain = "yieldfrom" if what == "await" else what
    names = (f"cr_{what}", f"ag_{what}", f"gi_{plain}")
    return next((getattr(step, name) for name in names if hasattr(step, name)), None)
