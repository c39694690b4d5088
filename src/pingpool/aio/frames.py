"""The frames of a task: those of its coroutine, of the one which that one awaits, and so on.

They are told by number, `id(frame)`: a frame that is held keeps alive whatever is in it.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

from pingpool.pool.caller import current_frame


def frames_of(task: "asyncio.Task[Any]") -> Iterator[int]:
    """Yield the frames, from the task's own coroutine inwards; of the task that runs: of whoever calls, outwards."""
    if task is asyncio.current_task():
        yield from _frames_of_caller()
        return
    step: Any = task.get_coro()
    while step is not None:
        yield id(_of(step, "frame"))
        step = _of(step, "await")


def _frames_of_caller() -> list[int]:
    numbers: list[int] = []
    frame = current_frame(1).f_back
    while frame is not None:
        numbers.append(id(frame))
        frame = frame.f_back
    return numbers


def _of(step: Any, what: str) -> Any:
    """Return this attribute of a coroutine, an asynchronous generator or a plain one; None of anything else."""
    plain = "yieldfrom" if what == "await" else what
    names = (f"cr_{what}", f"ag_{what}", f"gi_{plain}")
    return next((getattr(step, name) for name in names if hasattr(step, name)), None)
