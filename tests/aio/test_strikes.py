"""Ctrl-C in a loop that goes on afterwards, as a notebook's does; and waiters that are collected with their session."""

import gc
from pathlib import Path
from typing import Any

import pytest

from pingpool import AsyncPingingPool
from pingpool.testing import FakeSession
from pingpool.testing.async_database import AsyncFaultyDatabase
from pingpool.testing.loop import run as run_virtual
from tests.threads.processes import run

STRIKE = str(Path(__file__).parent / "programs" / "strike")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("in_cycle", [False, True])
def test_a_waiter_that_is_collected_with_its_session_costs_no_slot(in_cycle: bool) -> None:
    """A coroutine that nobody runs any more is collected after it was handed a session: the slot is live again."""

    class Box:
        coroutine: Any
        itself: Any

    async def main() -> None:
        database = AsyncFaultyDatabase()
        async with AsyncPingingPool[FakeSession](1) as pool:
            await pool.bind(database)
            database.sessions.clear()
            session: Any = await pool.get()
            box: Any = Box()
            box.coroutine = pool.get(5)
            box.coroutine.send(None)
            await pool.put(session)
            del session
            box.itself = box if in_cycle else None
            del box
            gc.collect()
            for _ in range(3):
                async with pool.session(5) as again:
                    again.use()
            assert pool.stats().idle == 1
            assert pool.stats().replaced == ({"dropped": 1} if in_cycle else {})

    run_virtual(main())


@pytest.mark.parametrize("seed", [1])
def test_ctrl_c_in_a_loop_that_goes_on_loses_nothing(seed: int) -> None:
    """After hundreds of interrupts, in tasks and in the loop's own work, all slots are live."""
    strike(seed, 300)


@pytest.mark.proof
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_thousands_of_ctrl_cs_in_a_loop_that_goes_on(seed: int) -> None:
    """The same after thousands."""
    strike(seed, 3000)


def strike(seed: int, strikes: int) -> None:
    """Run the program that does it."""
    outcome = run(STRIKE, str(seed), str(strikes))
    assert outcome.status == 0, outcome.output + outcome.errors
    assert f"struck {strikes}" in outcome.output
