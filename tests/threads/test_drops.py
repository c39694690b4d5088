"""A session that its holder dropped comes back as a vacant slot, with a warning that names where it was checked out."""

import gc
import sys
import warnings
from collections.abc import Callable, Generator, Mapping
from threading import get_ident
from typing import Any

import pytest

from pingpool import PingingPool
from pingpool.database import Database
from pingpool.errors import NotLent
from pingpool.references import HAS_GIL
from pingpool.testing import FakeSession, FaultyDatabase
from tests.threads.checks import PATIENCE, Pool, all_live, aside, bound, in_time, soon

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def by_get(pool: Pool) -> int:
    """Drop what `get` returned; return the line of the checkout."""
    pool.get()
    return _line() - 1


def by_session(pool: Pool) -> int:
    """Enter a block without `with`."""
    pool.session().__enter__()
    return _line() - 1


def by_generator(pool: Pool) -> int:
    """Drop a generator in the middle of a block, which ends the block: nothing is lost and nobody warned."""

    def rows() -> Generator[int]:
        with pool.session() as session:
            yield session.use()

    next(rows())
    return 0


def by_cycle(pool: Pool) -> int:
    """Drop a session that is part of a reference cycle."""
    session: Any = pool.get()
    line = _line() - 1
    session.myself = session
    del session
    gc.collect()
    return line


def by_frame(pool: Pool) -> int:
    """Lose it with the traceback of an error that nobody looks at."""

    def use() -> None:
        session = pool.get()
        raise ValueError(session)

    try:
        use()
    except ValueError:
        pass
    return use.__code__.co_firstlineno + 1


def _line() -> int:
    return sys._getframe(1).f_lineno


class Brick:
    """A session that takes no weak references."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def close(self) -> None:
        """End it."""

    def ping(self) -> None:
        """Prove it."""


class BrickDatabase(Database[Brick]):
    """Creates sessions that take no weak references."""

    made = 0

    def create(self, *, labels: Mapping[str, str], timeout: float) -> Brick:
        self.made += 1
        return Brick(self.made)


@pytest.mark.parametrize("drop", [by_get, by_session, by_cycle, by_frame])
def test_a_dropped_session_is_replaced_and_its_checkout_named(drop: Callable[[Pool], int]) -> None:
    """However a session is dropped, its slot comes back, and the warning tells file and line of the checkout."""
    pool = bound(FaultyDatabase(), 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = in_time(lambda: drop(pool))
        all_live(pool)
        assert soon(lambda: caught)
    texts = [str(warning.message) for warning in caught if warning.category is ResourceWarning]
    assert len(texts) == 1
    if drop is not by_session:
        assert f"{__file__}:{line}" in texts[0]
    assert pool.stats().leaked == 1
    pool.close(1)


def test_the_checkout_of_a_block_is_named_where_the_block_is() -> None:
    """A session that came from `session()` is named by the line of its user, not by a line of the pool's."""
    pool = bound(FaultyDatabase(), 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = by_session(pool)
        all_live(pool)
        assert soon(lambda: caught)
    assert f"{__file__}:{line}" in str(caught[0].message)
    pool.close(1)


def test_a_generator_that_is_dropped_gives_its_session_back() -> None:
    """A block that ends because its generator was dropped ends well."""
    pool = bound(FaultyDatabase(), 1)
    by_generator(pool)
    assert pool.stats().leaked == 0
    all_live(pool)
    pool.close(1)


@pytest.mark.parametrize("database", [FaultyDatabase, BrickDatabase])
def test_a_waiter_is_served_when_somebody_drops_his_session(database: type[Database[Any]]) -> None:
    """Whoever waits in `get` has a new session, long before his time is up, after another thread dropped one."""
    pool = bound(database(), 1)
    held = [pool.get()]
    served = aside(lambda: pool.put(pool.get(10 * PATIENCE)))
    assert soon(lambda: pool.stats().waiting)
    held.clear()
    assert soon(lambda: not served.is_alive())
    pool.close(1)


def test_nobody_else_holds_on_to_a_session_after_its_jobs() -> None:
    """Neither the workers nor the record of a failure keep a session alive that its holder dropped."""
    database = FaultyDatabase()
    pool = bound(database, 1, ping_interval=1e-6)
    database.fail("ping", times=1)
    in_time(pool.ping)
    in_time(pool.ping)
    in_time(lambda: by_get(pool))
    in_time(lambda: pool.put(pool.get(PATIENCE)))
    pool.close(1)


def test_sessions_that_take_no_weak_references_can_be_pooled() -> None:
    """Nobody else is told that one is dropped, which comes out all the same."""
    pool: PingingPool[Brick] = PingingPool(2, ping_interval=1e-6)
    pool.bind(BrickDatabase())
    for _ in range(100):
        with pool.session(PATIENCE) as first, pool.session(PATIENCE) as second:
            assert first is not second
    with pytest.raises(NotLent):
        pool.put(Brick(0))
    assert pool.stats().idle == 2
    pool.close(1)


def check(pool: PingingPool[Brick]) -> object:
    """Have a session proven."""
    return pool.check(PATIENCE)


def use(pool: PingingPool[Brick]) -> object:
    """Use a session in a block that ends in an error."""
    with pool.session(PATIENCE):
        raise LookupError


@pytest.mark.parametrize(
    ("owner", "step", "call"),
    [("_desk", "round", check), ("_lending", "see_out", use), ("_lending", "judge", use)],
)
@pytest.mark.parametrize("interval", [3000, 1e-6])
def test_an_interrupt_gives_back_what_nobody_would_miss(
    monkeypatch: pytest.MonkeyPatch,
    interval: float,
    owner: str,
    step: str,
    call: Callable[[PingingPool[Brick]], object],
) -> None:
    """Whoever is interrupted with such a session in hand, on its way out or back, has it ended and replaced."""

    def press_ctrl_c(*_: object) -> None:
        raise KeyboardInterrupt

    pool: PingingPool[Brick] = PingingPool(2, ping_interval=interval)
    pool.bind(BrickDatabase())
    pool._lending.sees_out = True
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(getattr(pool, owner), step, press_ctrl_c)
        call(pool)
    assert soon(lambda: pool.stats().idle == 2)
    assert pool.stats().replaced == {"tainted": 1}
    pool.close(1)


def test_nothing_is_taken_from_another_holder() -> None:
    """A session that went on to somebody else before the interrupt came is his."""
    pool: PingingPool[Brick] = PingingPool(1)
    pool.bind(BrickDatabase())
    session = pool.get()
    pool._lending.reclaim(session, -1)
    assert pool.stats().in_use == 1
    pool.put(session)
    pool._lending.reclaim(session, get_ident())
    pool._lending.reclaim(None, get_ident())
    assert pool.stats().idle == 1
    pool.close(1)


def test_an_object_at_the_address_of_a_dropped_session_is_not_taken_for_it() -> None:
    """An object at the address of a dropped session is refused, and the slot still comes back."""
    pool = bound(FaultyDatabase(), 1)
    session = pool.get()
    address = id(session)
    del session
    strangers = [FakeSession(0, {}) for _ in range(1000)]
    for stranger in (stranger for stranger in strangers if id(stranger) == address):
        with pytest.raises(NotLent):
            pool.put(stranger)
    strangers.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        all_live(pool)
    pool.close(1)


def test_thousands_of_drops_at_recycled_addresses_lose_nothing() -> None:
    """New sessions that take the addresses of dropped ones are never mistaken for them."""
    pool = bound(FaultyDatabase(), 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        def drop_many() -> None:
            for _ in range(1000 if HAS_GIL else 50):  # without it each takes a patrol
                pool.get(PATIENCE)

        in_time(drop_many)
        all_live(pool)
    pool.close(1)


def test_a_warning_that_is_an_error_loses_nothing() -> None:
    """Where warnings are errors, neither the slot, nor a caller, nor the keeper suffers for somebody's drop."""
    pool = bound(FaultyDatabase(), 1)
    pool.keep_alive()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            by_get(pool)
            in_time(lambda: pool.put(pool.get(PATIENCE)))
    all_live(pool)
    pool.close(1)
