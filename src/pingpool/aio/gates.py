"""How tasks wait: each at a bare future of its own, done by whoever answers. Never a condition, a queue or a shield.

Being woken is not the answer; the answer is what the ledger wrote before. So it does no harm to be woken twice, or to
be woken and cancelled at once. The future is made only by those who have to wait.
"""

import asyncio
import math

from pingpool.core.orders import Round, Waiter
from pingpool.core.uses import Use

Gate = asyncio.Future[None]


class AsyncWaiter(Waiter):
    """A task in line for a session, until a time."""

    __slots__ = ("__weakref__", "gate")

    def __init__(self, asked: Use) -> None:
        super().__init__(asked.site, asked.instruction, asked.holder, asked.block)
        self.gate: Gate | None = None

    def wake(self) -> None:
        """Open the gate."""
        open_gate(self.gate)


class AsyncRound(Round):
    """A round of jobs that a task waits for, until a time."""

    __slots__ = ("__weakref__", "gate", "until")

    def __init__(self) -> None:
        super().__init__()
        self.gate: Gate | None = None
        self.until = math.inf

    def wake(self) -> None:
        """Open the gate."""
        open_gate(self.gate)


def open_gate(gate: Gate | None) -> None:
    """Let the task pass; a gate that is open, or whose task was cancelled or lost its loop, stays as it is."""
    if gate is not None and not gate.done() and not gate.get_loop().is_closed():
        gate.set_result(None)
