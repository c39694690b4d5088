"""What wakes the keeper of a pool for asyncio."""

import asyncio

from pingpool.aio.clock import Clock
from pingpool.aio.gates import Gate, open_gate


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
