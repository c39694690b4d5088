"""An interrupt at a chosen point: the n-th place of the pool's own code at which Python may raise a KeyboardInterrupt.

Python looks for signals where a function begins, where a loop jumps back and where a call returns, and nowhere else: a
`with` block, say, cannot be interrupted between its last line and the release of its lock. A trace function that raises
after each such instruction interrupts everywhere an interrupt can come, one place after the other.
"""

import dis
import functools
import inspect
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pingpool

HOME = Path(pingpool.__file__).parent
OURS = tuple(str(HOME / part) for part in ("threads", "aio", "pool", "core", "agenda.py"))

EVERY = int(os.environ.get("PINGPOOL_EVERY", "16"))
"""A proof strikes at one place in so many; PINGPOOL_EVERY=1 strikes at each, for half an hour."""

LOOKS = ("CALL", "RESUME")

last: list[str] = []
"""Where the last strike was, for the report of a failure."""


@functools.cache
def is_ours(code: CodeType) -> bool:
    """Is this a piece of one of the worlds, of what both share, or of the core?"""
    return code.co_filename.startswith(OURS)


@functools.cache
def breaks(code: CodeType) -> frozenset[int]:
    """Return the places in the code that come right after an instruction in which Python looks for signals."""
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("CACHE", "NOT_TAKEN")]
    # From 3.14 on a `with` enters by a call; ours are all of Python's own functions, whose end is no such place.
    enters = {call.offset for special, call in itertools.pairwise(steps) if special.opname == "LOAD_SPECIAL"}
    after = {
        after.offset
        for step, after in itertools.pairwise(steps)
        if step.opname.startswith(LOOKS) and step.offset not in enters
    }
    back = {step.argval for step in steps if step.opname == "JUMP_BACKWARD"}
    return frozenset(after | back)


def strike(call: Callable[[], object], nth: int, act: Callable[[], object]) -> bool:
    """Make the call, and act at the n-th place of the pool's code on the way; return whether there are so many."""
    left = nth

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal left
        if not is_ours(frame.f_code):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and frame.f_lasti in breaks(frame.f_code):
            left -= 1
            if left == 0:
                last[:] = [f"{frame.f_code.co_qualname}:{frame.f_lineno} ({event})"]
                act()
        return trace

    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(None)
    return left <= 0


def interrupt(call: Callable[[], object], nth: int) -> bool:
    """Make the call, with a KeyboardInterrupt at the n-th place; return whether there are so many."""
    try:
        return strike(call, nth, _press_ctrl_c)
    except KeyboardInterrupt:
        return True


def _press_ctrl_c() -> None:
    raise KeyboardInterrupt


def at(function: Callable[..., object], step: str) -> str:
    """Return what a strike at this step of a function is called."""
    lines, first = inspect.getsourcelines(function)
    (line,) = [number for number, line in enumerate(lines, first) if line.strip().startswith(step)]
    return f"{function.__qualname__}:{line} (opcode)"
