"""The task in which a keeper runs, and what wakes it."""

import asyncio

from pingpool.aio.clock import Clock
from pingpool.aio.gates import Gate, open_gate
from pingpool.pool.keeper import Keeper


class FutureAlarm:
    """A future that the keeper awaits."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._gate: Gate | None = None

    def ring(self) -> None:
        """Wake the keeper now."""
        open_gate(self._gate)

    async def sleep_until(self, when: float) -> None:
        """Wait for that time, or for somebody to ring."""
        self._gate = asyncio.get_running_loop().create_future()
        timer = self._clock.call_at(when, self.ring)
        try:
            await self._gate
        finally:
            timer.cancel()


def start_task(keeper: Keeper, name: str) -> "asyncio.Task[None]":
    """Run the keeper in a task of its own."""
    return asyncio.create_task(keeper.run(), name=f"{name}: keeper")
