"""Which blocks a caller stands in: those whose `with` is on his own stack, and past."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from types import FrameType

from pingpool.core.uses import Use
from pingpool.pool.blocks import blocks_around
from pingpool.pool.caller import current_frame


def use_in(frame: FrameType) -> Use:
    """Return a use that was got by a block in this frame, at the instruction that it is at."""
    return Use(frame.f_code, frame.f_lasti, 0.0, 1, id(frame))


class Block:
    """What a `with`, or an `async with`, gets its use from."""

    def __enter__(self) -> Use:
        return use_in(current_frame(1))

    async def __aenter__(self) -> Use:
        return use_in(current_frame(1))

    def __exit__(self, *_: object) -> None:
        """End it."""

    async def __aexit__(self, *_: object) -> None:
        """End it."""


def test_a_block_on_the_callers_stack_is_around_him() -> None:
    """However deep below it he stands; two blocks of one frame are two."""

    def deep(levels: int) -> list[Use]:
        return deep(levels - 1) if levels else blocks_around([first, second])

    with Block() as first, Block() as second:
        assert deep(10) == [first, second]


def test_a_block_of_asyncio_is_around_a_caller_too() -> None:
    """One that is entered by `async with`."""

    async def nest() -> bool:
        async with Block() as use:
            return blocks_around([use]) == [use]

    assert asyncio.run(nest())


def test_what_was_entered_by_hand_is_no_block() -> None:
    """Nobody knows who will end it, though the frame that entered it is on the stack, and goes on in a loop."""

    async def by_hand() -> None:
        for _ in range(3):
            with Block() as one:
                assert blocks_around([Block().__enter__(), one, await Block().__aenter__()]) == [one]

    asyncio.run(by_hand())


def test_a_bare_get_is_no_block() -> None:
    """Its frame may be on the stack, and says nothing."""
    with Block() as use:
        assert blocks_around([use._replace(block=0)]) == []


def test_a_block_that_is_only_about_to_begin_is_not_around() -> None:
    """A frame at the very `with` that got the session is another one, with the number of one that is gone."""
    with Block() as use:
        assert blocks_around([use._replace(instruction=10**6)]) == []


def test_a_block_in_a_generator_is_not_around_who_entered_it() -> None:
    """It stands in the generator's frame, which is not on the stack."""

    def dependency() -> Iterator[Use]:
        with Block() as use:
            yield use

    block = dependency()
    assert blocks_around([next(block)]) == []


def test_looking_around_keeps_nothing_alive() -> None:
    """No frame is held afterwards: a session that its holder drops then is noticed at once."""

    class Thing:
        """Whatever a caller holds."""

    def look_around() -> weakref.ref[Thing]:
        thing = Thing()
        with Block() as use:
            assert len(blocks_around([use])) == 1
        return weakref.ref(thing)

    gc.disable()
    try:
        assert look_around()() is None
    finally:
        gc.enable()
