"""How threads wait: each at a raw lock of its own, opened by whoever answers. Never a condition variable.

Being woken is not the answer; the answer is what the ledger wrote before. So it does no harm to be woken twice.
"""

import threading

from pingpool.core.orders import Round, Waiter
from pingpool.core.uses import Use
from pingpool.threads.clock import Gate


class ThreadWaiter(Waiter):
    """A thread in line for a session."""

    __slots__ = ("gate",)

    def __init__(self, asked: Use) -> None:
        """Start with the gate shut."""
        super().__init__(asked.site, asked.instruction, asked.holder, asked.block)
        self.gate = shut_gate()

    def wake(self) -> None:
        """Open the gate."""
        open_gate(self.gate)


class ThreadRound(Round):
    """A round of jobs that a thread waits for."""

    __slots__ = ("gate",)

    def __init__(self) -> None:
        """Start with the gate shut."""
        super().__init__()
        self.gate = shut_gate()

    def wake(self) -> None:
        """Open the gate."""
        open_gate(self.gate)


def shut_gate() -> threading.Lock:
    """Return a gate that nobody passes yet."""
    gate = threading.Lock()
    gate.acquire()
    return gate


def open_gate(gate: Gate) -> None:
    """Let one pass; opening an open gate changes nothing."""
    try:
        gate.release()
    except RuntimeError:
        return
