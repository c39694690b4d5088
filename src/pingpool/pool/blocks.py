"""Which blocks a caller stands in: the only sessions of which it is certain that they wait for him.

If every session of a pool is held by somebody who waits for another one, nobody will ever be served. But who holds a
session is not who got it. A thread may get sessions one after the other and give them to others, who put them back;
a generator with a block in it (a dependency of FastAPI, a fixture) may be entered by one thread and ended by another.
An alarm that is false would be worse than none. So only this counts:

- the session was got by `with pool.session()`, which gives it back where the block ends, and nowhere else;
- and the frame of that `with` is below the caller on his own stack, past the `with`: it cannot go on before he does.

And who gives up before half of one's own time is over may be willing to go on without a second session: nobody is
alarmed before that.

In doubt nobody is alarmed: a block inside a `@contextmanager` or an `ExitStack` has no frame on the stack. Then the
time-out comes, and its text names the places. (Whoever takes the session out of the block, and has another thread put
it back, breaks the block anyway: its end raises `AlreadyReturned`.)

Frames are compared by number, since to hold one would keep alive whatever is in it. A number may be used again once its
frame is gone; but then the block has ended too, unless `__enter__` was called by hand, and such a call has no "past".
"""

from collections.abc import Iterable

from pingpool.core.uses import Use
from pingpool.pool.caller import current_frame


def blocks_around(uses: Iterable[Use]) -> list[Use]:
    """Return those of the uses in whose blocks whoever calls this stands."""
    left = [use for use in uses if use.block]
    around: list[Use] = []
    frame = current_frame(1) if left else None  # never this one: a frame that holds itself keeps all sessions below
    while frame is not None:
        number, code, past = id(frame), frame.f_code, frame.f_lasti
        around += [use for use in left if use.block == number and use.site is code and use.instruction < past]
        frame = frame.f_back
    return around
