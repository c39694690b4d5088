"""Runs the contract: each case is one coroutine function, awaited once in every world."""

import asyncio
import inspect
from typing import Any

import pytest

from tests.contract.world import World
from tests.contract.worlds import WORLDS

PATIENCE = 60
"""Real seconds after which a case that hangs is given up, however busy the machine."""


@pytest.fixture(params=WORLDS, ids=lambda world: world.__name__)
def world(request: pytest.FixtureRequest) -> World:
    """The world in which the case takes place."""
    made: World = request.param()
    return made


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Await the case, then end its world and see that nothing was lost there."""
    if not inspect.iscoroutinefunction(pyfuncitem.function):
        return None
    names = inspect.signature(pyfuncitem.function).parameters
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in names}

    async def live() -> None:
        async with arguments["world"], asyncio.timeout(PATIENCE):
            await pyfuncitem.function(**arguments)

    asyncio.run(live())
    return True
