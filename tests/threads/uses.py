"""The ways to use a pool, each a short story that an interrupt, a finaliser or a signal handler may break into.

A story is a function of a pool: it prepares the scene and returns the call that is to be broken into. Nothing of what
it returns holds on to a session, so that one whose call is broken off is dropped, as it is in real life.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from pingpool import PoolTimeout
from pingpool.errors import PoolFull
from pingpool.testing import FakeSession, SessionDied
from tests.threads.checks import Pool, aside, soon

Story = Callable[[Pool], Callable[[], object]]


def get_at_once(pool: Pool) -> Callable[[], object]:
    """Check out what is free."""
    return lambda: _drop(pool.get(1))


def put(pool: Pool) -> Callable[[], object]:
    """Check in."""
    held = [pool.get()]
    return lambda: pool.put(held.pop())


def put_again(pool: Pool) -> Callable[[], object]:
    """Check in what was given back before."""
    session = pool.get()
    pool.put(session)

    def call() -> None:
        with suppress(PoolFull):
            pool.put(session)

    return call


def get_in_vain(pool: Pool) -> Callable[[], object]:
    """Check out from a pool that has nothing left."""
    held = [pool.get() for _ in range(pool.stats().idle)]

    def call() -> None:
        try:
            with suppress(PoolTimeout):
                _drop(pool.get(0))
        finally:
            while held:
                aside(partial(pool.put, held.pop())).join(5)

    return call


def wait_and_get(pool: Pool) -> Callable[[], object]:
    """Stand in line until somebody gives a session back."""
    held = [pool.get() for _ in range(pool.stats().idle)]
    over: list[bool] = []

    def give_back() -> None:
        soon(lambda: over or pool.stats().waiting)
        while held:
            pool.put(held.pop())

    partner = aside(give_back)

    def call() -> None:
        try:
            _drop(pool.get(5))
        finally:
            over.append(True)
            partner.join(5)

    return call


def hand_over(pool: Pool) -> Callable[[], object]:
    """Check in while another thread stands in line."""
    held = [pool.get() for _ in range(pool.stats().idle)]
    keep = held[1:]
    del held[1:]
    aside(lambda: pool.put(pool.get(10)))
    assert soon(lambda: pool.stats().waiting)

    def call() -> None:
        try:
            pool.put(held.pop())
        finally:
            while keep:
                aside(partial(pool.put, keep.pop())).join(5)

    return call


def block(pool: Pool) -> Callable[[], object]:
    """Use a session in a block that ends well."""

    def call() -> None:
        with pool.session(1) as session:
            session.use()

    return call


def block_with_a_death(pool: Pool) -> Callable[[], object]:
    """Use a session in a block that finds it dead."""

    def call() -> None:
        with suppress(SessionDied), pool.session(1) as session:
            session.is_alive = False
            session.use()

    return call


def block_with_a_cancellation(pool: Pool) -> Callable[[], object]:
    """Use a session in a block that is broken off."""

    def call() -> None:
        with suppress(SystemExit), pool.session(1):
            raise SystemExit

    return call


def put_what_is_left_open(pool: Pool) -> Callable[[], object]:
    """Check in a session that has to be reset."""
    held = [pool.get()]
    held[0].left_open = True
    return lambda: pool.put(held.pop())


def drop_and_get(pool: Pool) -> Callable[[], object]:
    """Drop a session, and check out when no other is left."""
    held = [pool.get() for _ in range(pool.stats().idle)]

    def call() -> None:
        held.clear()
        _drop(pool.get(5))

    return call


def ping(pool: Pool) -> Callable[[], object]:
    """Prove what is due."""
    return pool.ping


def check(pool: Pool) -> Callable[[], object]:
    """Have a session proven."""
    return lambda: pool.check(5)


def stats(pool: Pool) -> Callable[[], object]:
    """Look."""
    return pool.stats


EVERYDAY: tuple[Story, ...] = (
    get_at_once,
    put,
    put_again,
    get_in_vain,
    wait_and_get,
    hand_over,
    block,
    block_with_a_death,
    block_with_a_cancellation,
    put_what_is_left_open,
    drop_and_get,
    ping,
    check,
    stats,
)


def _drop(session: FakeSession) -> None:
    """Let the session go."""
