"""Interrupts at every single point at which Python may raise them."""

from collections.abc import Container
from functools import partial

import pytest

from pingpool import PingingPool, references
from pingpool.testing import FaultyDatabase, TransactionalDatabase
from pingpool.threads.abstract import Checkout
from tests.threads.bricks import Bricks
from tests.threads.checks import all_live, bound, in_time, quick_collections
from tests.threads.strikes import EVERY, at, interrupt, last
from tests.threads.uses import (
    EVERYDAY,
    Story,
    block,
    block_with_a_cancellation,
    block_with_a_death,
    check,
    get_at_once,
    ping,
    put,
    put_again,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    # An interrupt between the making of a coroutine and its first step: Python says that nobody awaited it.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored (in.|while .*) <coroutine:pytest.PytestUnraisableExceptionWarning"
    ),
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    # From 3.12 on a strike may hit a generator that is being closed: Python itself swallows what is raised there.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored (in.|while .*) <generator:pytest.PytestUnraisableExceptionWarning"
    ),
]


class BrickDatabase(Bricks, TransactionalDatabase):
    """One whose sessions take no weak references."""


BEYOND_REACH = {
    at(Checkout.__exit__, "session, self.session = self.session, None"),
}
"""The first step of the end of a block: before it nothing of that has been run that could give anything back."""

NEVER_STRUCK = {
    at(PingingPool.get, "session = ledger.check_out("),
    at(PingingPool.get, "return at_once("),
    at(Checkout.__enter__, "session = self.session = self.pool.get("),
}
"""Where a function written in Python returns Python looks for no signal; a strike, which cannot know, is made there."""


def interrupt_everywhere(
    story: Story, database: type[FaultyDatabase], *, every: int = 1, spared: Container[str] = (), **options: float
) -> None:
    """Tell the story again and again, with an interrupt some points later each time; but spare some points."""
    nth, reached = 1, True
    with quick_collections():
        while reached:
            pool = bound(database(), **options)
            call = story(pool)
            try:
                reached = in_time(partial(interrupt, call, nth))
                del call
                if last[0] not in spared:
                    all_live(pool)
            except BaseException as error:
                error.add_note(f"at point {nth} of {story.__name__}, in {last}; the pool: {pool!r}")
                raise
            in_time(partial(pool.close, 1))
            nth += every


def by_name(story: Story) -> str:
    """Name the test."""
    return story.__name__


@pytest.mark.parametrize("story", [get_at_once, put, put_again], ids=by_name)
def test_an_interrupt_anywhere_on_the_fast_ways_loses_no_slot(story: Story) -> None:
    """Wherever an interrupt comes in `get` or `put`, all slots are live soon and no latch is held."""
    interrupt_everywhere(story, FaultyDatabase)


@pytest.mark.parametrize("story", EVERYDAY, ids=by_name)
def test_an_interrupt_loses_no_slot(story: Story) -> None:
    """An interrupt at every 23rd point of every way to use a pool loses nothing."""
    interrupt_everywhere(story, FaultyDatabase, every=23)


@pytest.mark.parametrize("story", EVERYDAY, ids=by_name)
def test_an_interrupt_on_the_careful_ways_loses_no_slot(story: Story) -> None:
    """The same with a database that looks, resets and survives interrupts, and with every session overdue."""
    interrupt_everywhere(story, TransactionalDatabase, every=29, ping_interval=1e-6)


@pytest.mark.parametrize("story", [block, block_with_a_death, block_with_a_cancellation, check, ping], ids=by_name)
@pytest.mark.parametrize("interval", [3000, pytest.param(1e-6, marks=pytest.mark.proof)])
def test_an_interrupt_loses_no_slot_of_a_session_that_nobody_would_miss(
    story: Story, interval: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a dropped session is not noticed, whoever is interrupted gives back what he had."""
    monkeypatch.setattr(references, "HAS_GIL", False)
    interrupt_everywhere(story, BrickDatabase, spared=BEYOND_REACH | NEVER_STRUCK, ping_interval=interval)


@pytest.mark.skipif(not references.HAS_GIL, reason="without the GIL nobody can count who refers to a session")
@pytest.mark.parametrize("story", [block, block_with_a_death, check], ids=by_name)
def test_an_interrupt_anywhere_loses_no_slot_of_a_session_without_weak_references(story: Story) -> None:
    """Also before the first step of the end of a block, which leaves nobody who could give it back."""
    interrupt_everywhere(story, BrickDatabase)


@pytest.mark.proof
@pytest.mark.parametrize("story", EVERYDAY, ids=by_name)
@pytest.mark.parametrize("careful", [False, True])
def test_an_interrupt_anywhere_loses_no_slot(story: Story, careful: bool) -> None:
    """The same at one point in PINGPOOL_EVERY, which may be every single one."""
    if careful:
        interrupt_everywhere(story, TransactionalDatabase, every=EVERY, ping_interval=1e-6)
    else:
        interrupt_everywhere(story, FaultyDatabase, every=EVERY)
