"""Sessions of odd types: each is known by its identity, whatever it says of equality, hash, truth, weak references."""

from typing import Any

import pytest

from pingpool import CannotFill, references
from pingpool.errors import BadSession
from pingpool.testing import FaultyDatabase
from tests.contract.world import World
from tests.contract.worlds import AsyncWorld


class Slotted:
    """Takes no weak reference."""

    __slots__ = ("socket",)


class Equal:
    """Equals everything, and has no hash."""

    __hash__ = None  # type: ignore[assignment]  # so Python says that there is none

    def __eq__(self, other: object) -> bool:
        return True


class Touchy:
    """Can neither be compared nor asked for its truth."""

    __hash__ = None  # type: ignore[assignment]  # so Python says that there is none

    def __eq__(self, other: object) -> bool:
        raise ValueError("ambiguous")

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")


class Falsy:
    """Is not true."""

    def __bool__(self) -> bool:
        return False


def text() -> str:
    """Return a new text."""
    return "".join(["a", " token"])


def pair() -> tuple[Any, ...]:
    """Return a new tuple."""
    host = "host"
    return (host, number())


def number() -> int:
    """Return a number that is not shared."""
    return int("123456789")


KINDS = [Slotted, Equal, Touchy, Falsy, text, pair, number]


class Odd(FaultyDatabase):
    """Opens sessions of an odd type; in the end, always the same one."""

    def __init__(self, kind: Any, *, is_stuck: bool) -> None:
        super().__init__()
        self.opened: list[Any] = []
        self.kind = kind
        self.is_stuck = is_stuck

    def create(self, **facts: Any) -> Any:
        """Open a session, or hand out the first again."""
        if not (self.opened and self.is_stuck):
            self.opened.append(self.kind())
        return self.opened[0] if self.is_stuck else self.opened[-1]

    def ping(self, session: Any, **facts: Any) -> None:
        """Prove it."""

    def delete(self, session: Any, **facts: Any) -> None:
        """End it."""


class OddMany(Odd):
    """Opens several in one call."""

    def create_many(self, count: int, **facts: Any) -> Any:
        """Open as many as asked."""
        return [self.create() for _ in range(count)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("database", [Odd, OddMany])
async def test_a_session_that_is_given_twice_is_refused(world: World, database: type[Odd], kind: Any) -> None:
    """`create` and `create_many` that return the same object again fail: it is in nobody's hands twice."""
    with pytest.raises(CannotFill) as caught:
        await world.open(database(kind, is_stuck=True))
    assert isinstance(caught.value.__cause__, BadSession)
    assert world.pools[0].stats().vacant == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("database", [Odd, OddMany])
async def test_a_session_of_an_odd_type_is_lent_and_taken_back(world: World, database: type[Odd], kind: Any) -> None:
    """Each goes out and comes back as itself, through the line too, and no slot is lost."""
    pool = (await world.open(database(kind, is_stuck=False))).bare
    is_async = isinstance(world, AsyncWorld)

    async def get() -> Any:
        return await pool.get(5) if is_async else pool.get(5)

    async def put(session: Any) -> None:
        if is_async:
            await pool.put(session)
        else:
            pool.put(session)

    for _ in range(3):
        first, second = await get(), await get()
        assert first is not second
        await put(first)
        await put(second)
        with pytest.raises(world.Full):
            await put(second)
    assert pool.stats().idle == 2


@pytest.mark.skipif(not references.HAS_GIL, reason="without the GIL nobody can count who refers to a session")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:.*was never put back:ResourceWarning")
async def test_a_session_of_an_odd_type_that_is_dropped_is_replaced(world: World, kind: Any) -> None:
    """Whether it takes weak references or not; not while anybody still refers to it, by whatever means."""
    database = Odd(kind, is_stuck=False)
    pool = (await world.open(database, size=1)).bare
    database.opened.clear()
    held: list[Any] = [await pool.get(5) if isinstance(world, AsyncWorld) else pool.get(5)]
    assert (pool.stats().in_use, pool.stats().leaked) == (1, 0)
    held.clear()
    await world.until(lambda: pool.stats().leaked)  # a worker may refer to what it has just opened
    await world.rest()
    assert pool.stats().replaced == {"dropped": 1}
    assert pool.stats().idle == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_session_that_is_adopted_twice_is_refused(world: World, kind: Any) -> None:
    """One that the pool has already, idle or lent, is not taken in again."""
    pool = (await world.open(Odd(kind, is_stuck=False))).bare
    is_async = isinstance(world, AsyncWorld)
    lent = await pool.get(5) if is_async else pool.get(5)
    [idle] = [slot.session for slot in pool._desk.ledger.idle]
    for session in (idle, lent):
        with pytest.raises(world.Full):
            pool._lending.adopt(session, None)
    assert (pool.stats().idle, pool.stats().in_use) == (1, 1)
