"""The thread in which a keeper runs, and what wakes it."""

import threading

from pingpool.pool.keeper import Keeper
from pingpool.threads.blocking import at_once
from pingpool.threads.clock import Clock
from pingpool.threads.gates import open_gate, shut_gate


class GateAlarm:
    """A gate that the keeper waits at."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._gate = shut_gate()

    def ring(self) -> None:
        """Wake the keeper now."""
        open_gate(self._gate)

    async def sleep_until(self, when: float) -> None:
        """Wait for that time, or for somebody to ring."""
        self._clock.wait(self._gate, when - self._clock.now())


def start_thread(keeper: Keeper, name: str) -> None:
    """Run the keeper in a thread of its own."""
    threading.Thread(target=_run, args=(keeper,), name=f"{name}-keeper", daemon=True).start()


def _run(keeper: Keeper) -> None:
    at_once(keeper.run())
