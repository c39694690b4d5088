"""Which blocks a caller stands in: the only sessions of which it is certain that they wait for him.

If every session of a pool is held by somebody who waits for another one, nobody will ever be served. But who holds a
session is not who got it. A thread may get sessions one after the other and give them to others, who put them back;
a generator with a block in it (a dependency of FastAPI, a fixture) may be entered by one thread and ended by another.
An alarm that is false would be worse than none. So only this counts:

- the session was got by `with pool.session()`, which gives it back where the block ends, and nowhere else;
- it is a `with` indeed, by the code there: whoever calls `__enter__` by hand may have another call `__exit__`;
- and the frame of that `with` is below the caller on his own stack, past the `with`: it cannot go on before he does.

And who gives up before half of one's own time is over may be willing to go on without a second session: nobody is
alarmed before that.

In doubt nobody is alarmed: a block inside a `@contextmanager` or an `ExitStack` has no frame on the stack. Then the
time-out comes, and its text names the places. (Whoever takes the session out of the block, and has another thread put
it back, breaks the block anyway: its end raises `AlreadyReturned`.)

Frames are compared by number, since to hold one would keep alive whatever is in it. A number may be used again once its
frame is gone; but then the block has ended too.
"""

import dis
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from types import CodeType

from pingpool.core.uses import Use
from pingpool.errors import PoolFull
from pingpool.pool.caller import current_frame


def blocks_around(uses: Sequence[Use]) -> list[Use]:
    """Return those of these uses in whose blocks whoever calls this stands."""
    around: list[Use] = []
    by_block: dict[int, list[Use]] = {}
    for use in uses:
        by_block.setdefault(use.block, []).append(use)
    frame = current_frame(1) if uses else None  # never this one: a frame that holds itself keeps all sessions below
    while frame is not None:
        code, past = frame.f_code, frame.f_lasti
        here = [use for use in by_block.get(id(frame), ()) if use.site is code and use.instruction < past]
        around += [use for use in here if is_a_with(code, use.instruction)]
        frame = frame.f_back
    return around


def has_noted(failure: BaseException, error: BaseException | None) -> bool:
    """Add to what ended a block, which matters more, why its session is not taken back; False if that is not all."""
    if error is None or not isinstance(failure, PoolFull):
        return False
    error.add_note(str(failure))
    return True


@lru_cache(maxsize=1000)
def is_a_with(code: CodeType, instruction: int) -> bool:
    """Is it a `with`, or an `async with`, that enters something at this instruction? The offset may be in its cache."""
    upto = deque((each for each in dis.get_instructions(code) if each.offset <= instruction), maxlen=3)
    match [(each.opname, each.arg) for each in upto]:
        case (
            [*_, ("BEFORE_WITH", _)]  # up to Python 3.13
            | [*_, ("LOAD_SPECIAL", _), ("CALL", _)]  # from 3.14 on
            | [("GET_AWAITABLE", 1), _, ("SEND", _)]  # 1: for an `async with`; 0: for an `await`
        ):
            return True
        case _:
            return False
