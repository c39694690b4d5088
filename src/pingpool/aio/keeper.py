"""The keeper of a pool for asyncio: a task that looks, and sleeps until something is due."""

import asyncio

from pingpool.aio.clock import Clock
from pingpool.aio.gates import Gate, open_gate
from pingpool.pool.keeper import Keeper


class FutureAlarm:
    """A future that the keeper awaits."""

    _open = staticmethod(open_gate)  # also when the interpreter has taken this module apart

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._gate: Gate | None = None

    def ring(self) -> None:
        """Wake the keeper now."""
        self._open(self._gate)

    async def sleep_until(self, when: float) -> None:
        """Wait for that time, or for somebody to ring."""
        self._gate = asyncio.get_running_loop().create_future()
        timer = self._clock.call_at(when, self.ring)
        try:
            await self._gate
        finally:
            timer.cancel()


async def keep(keeper: Keeper, alarm: FutureAlarm) -> None:
    """Look, sleep, and look again, for as long as there is a pool to be kept."""
    while (when := keeper.look()) is not None:
        await alarm.sleep_until(when)
