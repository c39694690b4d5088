"""Which blocks a caller stands in: the only sessions of which it is certain that they wait for him.

If every session of a pool is held by somebody who waits for another one, nobody will ever be served. But who holds a
session is not who got it. A thread may get sessions one after the other and give them to others, who put them back;
a generator with a block in it (a dependency of FastAPI, a fixture) may be entered by one thread and ended by another.
An alarm that is false would be worse than none. So only this counts:

- the session was got by `with pool.session()`, which gives it back where the block ends, and nowhere else;
- and the frame of that `with` is below the caller on his own stack, past the `with`: it cannot go on before he does.

In doubt nobody is alarmed: a block inside a `@contextmanager` or an `ExitStack` has no frame on the stack. Then the
time-out comes, and its text names the places. (Whoever takes the session out of the block, and has another thread put
it back, breaks the block anyway: its end raises `AlreadyReturned`.)

Frames are compared by number, since to hold one would keep alive whatever is in it. A number may be used again once its
frame is gone; but then the block has ended too, unless `__enter__` was called by hand, and such a call has no "past".
"""

from collections.abc import Iterable
from types import FrameType

from pingpool.core.uses import Use
from pingpool.pool.caller import current_frame


def blocks_around(uses: Iterable[Use]) -> list[Use]:
    """Return those of the uses in whose blocks whoever calls this stands."""
    open_blocks = [use for use in uses if use.block]
    frames = _frames() if open_blocks else {}
    return [use for use in open_blocks if _is_inside(frames.get(use.block), use)]


def _frames() -> dict[int, FrameType]:
    """Return the frames of the caller's stack, by number."""
    frames: dict[int, FrameType] = {}
    frame: FrameType | None = current_frame(1)
    while frame is not None:
        frames[id(frame)] = frame
        frame = frame.f_back
    return frames


def _is_inside(frame: FrameType | None, use: Use) -> bool:
    """Is this the frame of the block, and past its beginning?"""
    return frame is not None and frame.f_code is use.site and frame.f_lasti > use.instruction
