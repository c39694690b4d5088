"""Which blocks a caller stands in: those whose `with` is on his own stack, and past."""

import gc
import weakref
from collections.abc import Iterator
from types import FrameType

from pingpool.core.uses import Use
from pingpool.pool.blocks import blocks_around
from pingpool.pool.caller import current_frame


def use_in(frame: FrameType, instruction: int | None = None) -> Use:
    """Return a use that was got by a block in this frame, at this instruction or at the one before."""
    return Use(frame.f_code, frame.f_lasti - 1 if instruction is None else instruction, 0.0, 1, id(frame))


def test_a_block_on_the_callers_stack_is_around_him() -> None:
    """However deep below it he stands; two blocks of one frame are two."""
    uses = [use_in(current_frame()), use_in(current_frame())]

    def deep(levels: int) -> list[Use]:
        return deep(levels - 1) if levels else blocks_around(uses)

    assert deep(10) == uses


def test_a_bare_get_is_no_block() -> None:
    """Its frame may be on the stack, and says nothing."""
    assert blocks_around([use_in(current_frame())._replace(block=0)]) == []


def test_a_block_that_is_only_about_to_begin_is_not_around() -> None:
    """A frame at the very `with` that got the session is another one, with the number of one that is gone."""
    assert blocks_around([use_in(current_frame(), instruction=10**6)]) == []


def test_a_block_in_a_generator_is_not_around_who_entered_it() -> None:
    """It stands in the generator's frame, which is not on the stack."""

    def dependency() -> Iterator[Use]:
        yield use_in(current_frame())

    block = dependency()
    assert blocks_around([next(block)]) == []


def test_looking_around_keeps_nothing_alive() -> None:
    """No frame is held afterwards: a session that its holder drops then is noticed at once."""

    class Thing:
        """Whatever a caller holds."""

    def look_around() -> weakref.ref[Thing]:
        thing = Thing()
        assert len(blocks_around([use_in(current_frame())])) == 1
        return weakref.ref(thing)

    gc.disable()
    try:
        assert look_around()() is None
    finally:
        gc.enable()
