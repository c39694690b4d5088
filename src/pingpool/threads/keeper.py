"""What wakes the keeper of a pool for threads."""

from pingpool.pool.world import PATROL
from pingpool.threads.clock import Clock
from pingpool.threads.gates import open_gate, shut_gate
from pingpool.threads.timers import Timers


class GateAlarm:
    """A gate that the keeper waits at."""

    _open = staticmethod(open_gate)  # also when the interpreter has taken this module apart

    def __init__(self, clock: Clock, timers: Timers) -> None:
        self._clock = clock
        self._timers = timers
        self._gate = shut_gate()

    def ring(self) -> None:
        """Wake the keeper now."""
        self._open(self._gate)

    async def sleep_until(self, when: float) -> None:
        """Wait for that time, or for somebody to ring."""
        while (left := when - self._clock.now()) > 0:
            pause = min(left, PATROL) if self._timers.are_stranded else left
            if self._clock.wait(self._gate, pause):
                return
            self._timers.rescue()
