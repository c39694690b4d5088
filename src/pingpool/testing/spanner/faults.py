"""What goes wrong on demand: calls that are refused, and calls that are kept waiting.

A fault says which method it strikes, how many calls it lets through first and how many it strikes then. A call is
kept waiting before anything is done for it; one whose caller has given up meanwhile is never carried out.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import grpc

EVERY_METHOD = "*"
LOOK_EVERY = 0.02  # a call that is kept waiting looks this often, in seconds, whether its caller is still there


class Gate(Protocol):
    """What a call can be made to wait for, such as a `threading.Event`."""

    def wait(self, timeout: float, /) -> bool:
        """Wait for at most `timeout` seconds; is it open?"""
        ...


@dataclass
class Fault:
    """Strikes `times` calls of a method, once `after` of them have passed."""

    method: str
    times: float
    after: float

    def strikes(self, method: str) -> bool:
        """Does it strike this call? Each asking is a call that came."""
        if self.method not in (method, EVERY_METHOD):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return self.times >= 0


@dataclass
class Failure(Fault):
    """The call is refused with a status."""

    code: grpc.StatusCode
    message: str


@dataclass
class Delay(Fault):
    """The call is kept waiting, by a gate or for some seconds."""

    by: Gate | float


class Faults:
    """The faults of one server, and the end of all waiting when it stops."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def add(self, fault: Fault) -> None:
        """Order a fault."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """No more faults."""
        with self._lock:
            self._faults.clear()

    def stop(self) -> None:
        """Let go of every call that is kept waiting, now and from now on."""
        self._stopped.set()

    def striking(self, method: str) -> list[Fault]:
        """What befalls this call of `method`; each fault counts it as one."""
        with self._lock:
            return [fault for fault in self._faults if fault.strikes(method)]

    def wait(self, by: Gate | float, is_awaited: Callable[[], bool]) -> None:
        """Hold a call until the gate opens or the seconds have passed, its caller is gone, or the server stops."""
        gate, patience = (self._stopped, by) if isinstance(by, int | float) else (by, math.inf)
        until = time.monotonic() + patience
        while is_awaited() and not self._stopped.is_set():
            left = until - time.monotonic()
            if left <= 0 or gate.wait(min(left, LOOK_EVERY)):
                return
