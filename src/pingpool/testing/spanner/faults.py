"""What goes wrong on demand: calls that are refused, and calls that are delayed.

A delay comes before anything is done; if the caller has given up by then, nothing is done.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import grpc

EVERY_METHOD = "*"
LOOK_EVERY = 0.02  # seconds after which a delayed call looks whether its caller is still there


class Gate(Protocol):
    """What can hold a call, such as a `threading.Event`."""

    def wait(self, timeout: float, /) -> bool:
        """Wait for at most `timeout` seconds; is it open?"""
        ...


@dataclass
class Fault:
    """Concerns `times` calls of a method, after the first `after`."""

    method: str
    times: float
    after: float

    def strikes(self, method: str) -> bool:
        """Count a call; does the fault concern it?"""
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
    """The call is held by a gate or for some seconds."""

    by: Gate | float


class Faults:
    """The faults of one server, and the end of all delays when it stops."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def stop(self) -> None:
        """Let go of every delayed call, now and from now on."""
        self._stopped.set()

    def striking(self, method: str) -> list[Fault]:
        """Return the faults that concern this call of `method`; each counts it."""
        with self._lock:
            return [fault for fault in self._faults if fault.strikes(method)]

    def wait(self, by: Gate | float, is_awaited: Callable[[], bool]) -> None:
        """Hold a call until the gate opens or the seconds are over, its caller is gone, or the server stops."""
        gate, patience = (self._stopped, by) if isinstance(by, int | float) else (by, math.inf)
        until = time.monotonic() + patience
        while is_awaited() and not self._stopped.is_set():
            left = until - time.monotonic()
            if left <= 0 or gate.wait(min(left, LOOK_EVERY)):
                return
