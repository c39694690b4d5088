"""Where the saboteur catches a worker in mid-transaction.

A worker passes here after it took money and before it gives it. If the saboteur waits for one, the worker stops here
until the saboteur is done. So it is never inside a driver's call, which SQLite would not survive.
"""

import ctypes
import queue
import threading
from collections import deque
from typing import Generic

from pingpool.database import S

KILLED_IDLE = "killed idle"
KILLED_IN_USE = "killed in use"
INTERRUPTED = "interrupted"
DROPPED = "dropped"
"""What happens to sessions, as the timeline calls it."""


class Interrupted(BaseException):
    """Thrown into a worker from another thread, like a time-out or Ctrl-C."""


class Victim(Generic[S]):
    """A worker that was caught, and its session."""

    def __init__(self, session: S) -> None:
        self.session = session
        self._thread = threading.get_ident()
        self._gate = threading.Lock()
        self._gate.acquire()

    def stand_still(self) -> None:
        """Wait until the saboteur is done (called by the worker)."""
        self._gate.acquire()

    def interrupt(self) -> None:
        """Throw an exception into the worker; it is raised when the worker goes on."""
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(Interrupted))

    def go_on(self) -> None:
        self._gate.release()


class Ambush(Generic[S]):
    """The place that workers pass in mid-transaction."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed = False
        self._victims: queue.SimpleQueue[Victim[S]] = queue.SimpleQueue()
        self._drops_to_do: deque[None] = deque()
        self._drops_done = threading.Semaphore(0)

    def pass_by(self, session: S) -> None:
        """Go on, unless the saboteur waits for a worker (called by workers)."""
        with self._lock:
            if not self._armed:
                return
            self._armed = False
        victim = Victim(session)
        self._victims.put(victim)
        victim.stand_still()

    def catch(self, timeout: float) -> Victim[S] | None:
        """Stop the next worker that passes within `timeout` seconds, or return None (called by the saboteur)."""
        with self._lock:
            self._armed = True
        try:
            return self._victims.get(timeout=timeout)
        except queue.Empty:
            with self._lock:
                if self._armed:
                    self._armed = False
                    return None
            return self._victims.get()  # it came at the last instant

    def have_one_dropped(self, timeout: float) -> bool:
        """Have a worker drop its session; return whether one did within `timeout` seconds (called by the saboteur)."""
        self._drops_to_do.append(None)
        if self._drops_done.acquire(timeout=timeout):
            return True
        return not self.is_to_drop() and self._drops_done.acquire()  # one began at the last instant

    def is_to_drop(self) -> bool:
        """Must the calling worker drop a session? Then it has to call `dropped` afterwards."""
        try:
            self._drops_to_do.pop()
        except IndexError:
            return False
        return True

    def dropped(self) -> None:
        """Say that the session was dropped."""
        self._drops_done.release()
