"""All sessions are held by those who wait for another one: the last to come is told at once. Nobody is told wrongly."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

import pingpool
from pingpool import PingingPool, PoolTimeout
from pingpool.errors import PoolDeadlock
from pingpool.testing import FakeSession, FaultyDatabase
from pingpool.threads.abstract import Checkout
from tests.threads.checks import soon

LIMIT = 60.0
"""Seconds after which a test is given up; a pool that sees no deadlock waits for ever here."""

Pool = PingingPool[FakeSession]


@contextmanager
def open_pool(size: int) -> Iterator[Pool]:
    """Open a pool whose `get` waits for ever."""
    with pingpool.open(FaultyDatabase(), size=size, default_timeout=None, wait_for=None) as pool:
        yield pool


def in_line(pool: Pool, count: int) -> None:
    """Wait until so many callers stand in line."""
    assert soon(lambda: pool.stats().waiting == count)


def in_threads(count: int, call: Callable[[], str]) -> list["Future[str]"]:
    """Have this called in so many threads at once."""
    workers = ThreadPoolExecutor(count)
    calls = [workers.submit(call) for _ in range(count)]
    workers.shutdown(wait=False)
    return calls


def test_the_last_of_a_nested_checkout_is_told_and_the_others_go_on() -> None:
    """Four threads hold all four sessions by blocks, and each wants one more: one fails, with all places."""
    with open_pool(4) as pool:
        all_have_one = threading.Barrier(4)

        def nest() -> str:
            with pool.session():
                all_have_one.wait(LIMIT)
                try:
                    with pool.session():
                        return "served"
                except PoolDeadlock as error:
                    return str(error)

        told = sorted((call.result(LIMIT) for call in in_threads(4, nest)), key=len)
        assert told[:3] == ["served"] * 3
        assert "held by threads/test_deadlocks.py:" in told[3]
        assert "waiting at threads/test_deadlocks.py:" in told[3]
        assert "(4, longest" in told[3]
        assert pool.stats().refused == 1


def test_one_who_waits_for_himself_is_told() -> None:
    """A pool of one, and a block inside a block, however deep: a deadlock of one, and a `PoolTimeout` too."""
    with open_pool(1) as pool, pool.session(), pytest.raises(PoolDeadlock) as raised:
        next(pool.get() for _ in range(1))
    assert isinstance(raised.value, PoolTimeout)


def test_who_does_not_wait_is_told_of_no_deadlock() -> None:
    """With a time-out of 0 nobody is held up."""
    with open_pool(1) as pool, pool.session(), pytest.raises(PoolTimeout) as raised:
        pool.get(0)
    assert not isinstance(raised.value, PoolDeadlock)


def test_sessions_that_are_handed_on_hold_nobody_up() -> None:
    """A thread that gets sessions for others, and waits for one more, is served when they bring one back."""
    with open_pool(2) as pool:
        given_away = [pool.get(), pool.get()]
        (waiting,) = in_threads(1, lambda: f"served {pool.get().number}")
        in_line(pool, 1)
        number = given_away[0].number
        pool.put(given_away.pop(0))
        assert waiting.result(LIMIT) == f"served {number}"


def test_a_block_in_a_generator_may_end_elsewhere() -> None:
    """A thread that entered a block in a generator, as FastAPI's do, is not held up by it: another one ends it."""
    with open_pool(2) as pool:
        blocks: list[Iterator[FakeSession]] = []
        all_have_one = threading.Barrier(2)

        def dependency() -> Iterator[FakeSession]:
            with pool.session() as session:
                yield session

        def enter_and_wait() -> str:
            block = dependency()
            next(block)
            blocks.append(block)
            all_have_one.wait(LIMIT)
            with pool.session():
                return "served"

        waiting = in_threads(2, enter_and_wait)
        in_line(pool, 2)
        for block in blocks:
            assert next(block, None) is None
        assert [call.result(LIMIT) for call in waiting] == ["served"] * 2


def test_a_stack_of_blocks_may_be_unwound_elsewhere() -> None:
    """What an `ExitStack` has entered can be given away with it, so nobody is held up for certain."""
    with open_pool(1) as pool:
        stacks: list[ExitStack] = []

        def enter_and_wait() -> str:
            stack = ExitStack()
            stack.enter_context(pool.session())
            stacks.append(stack.pop_all())
            stack.enter_context(pool.session())
            stack.close()
            return "served"

        (waiting,) = in_threads(1, enter_and_wait)
        in_line(pool, 1)
        stacks[0].close()
        assert waiting.result(LIMIT) == "served"


def test_a_block_that_was_entered_by_hand_may_be_ended_elsewhere() -> None:
    """Whoever calls `__enter__` himself, and waits on in the same function, may have given the session away."""
    with open_pool(1) as pool:
        given: list[Checkout[FakeSession]] = []

        def enter_and_wait() -> str:
            block = pool.session()
            block.__enter__()
            given.append(block)
            with pool.session():
                return "served"

        (waiting,) = in_threads(1, enter_and_wait)
        in_line(pool, 1)
        given[0].__exit__(None, None, None)
        assert waiting.result(LIMIT) == "served"


def test_a_session_in_other_hands_is_hoped_for() -> None:
    """While one session is not in a block of those who wait, it may come back: nobody is told."""
    with open_pool(2) as pool:
        held = pool.get()

        def nest() -> str:
            with pool.session(), pool.session() as second:
                return f"served {second.number}"

        (waiting,) = in_threads(1, nest)
        in_line(pool, 1)
        number = held.number
        pool.put(held)
        del held
        assert waiting.result(LIMIT) == f"served {number}"


def test_the_threads_that_hold_sessions_are_named() -> None:
    """By place, and as long as they live: one that has given its session on and ended is not."""
    with open_pool(2) as pool:
        goes_on = threading.Event()
        given_on: list[FakeSession] = []

        def hold() -> None:
            with pool.session():
                goes_on.wait(LIMIT)

        gone = threading.Thread(target=lambda: given_on.append(pool.get()), name="gone")
        gone.start()
        gone.join()
        holder = threading.Thread(target=hold, name="holds\nmuch")
        holder.start()
        assert soon(lambda: pool.stats().in_use == 2)
        names = {name for place in pool.holders() for name in place.names}
        goes_on.set()
        holder.join()
        assert "holds\\nmuch" in names
        assert "gone" not in names
        pool.put(given_on.pop())


def test_who_soon_goes_on_without_a_session_is_waited_for() -> None:
    """A caller who asks for a second session for a moment only will end his block, and his session is to be had."""
    with open_pool(2) as pool:
        both_have_one = threading.Barrier(2)

        def in_passing() -> str:
            with pool.session():
                both_have_one.wait(LIMIT)
                try:
                    pool.get(timeout=1)
                except PoolTimeout:
                    return "went on without"
            return "was served"

        def in_earnest() -> str:
            with pool.session():
                both_have_one.wait(LIMIT)
                in_line(pool, 1)
                pool.put(pool.get(timeout=LIMIT))
            return "was served"

        first, second = in_threads(1, in_passing) + in_threads(1, in_earnest)
        assert (first.result(LIMIT), second.result(LIMIT)) == ("went on without", "was served")
