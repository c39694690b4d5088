"""The place in mid-transaction where a worker and the saboteur meet.

A worker passes by after it took money from one account and before it gives it to the other. If the saboteur lies in
wait the worker stands still there, inside no statement, until the saboteur is done with it and its session. So a
strike falls exactly where it hurts most, and never into the middle of a driver's call, which SQLite would not survive.
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
"""What a session may suffer, as the timeline's marks call it."""


class Interrupted(BaseException):
    """Thrown into a worker from another thread, as a time-out or a Ctrl-C would be."""


class Victim(Generic[S]):
    """A worker that walked into the ambush, and the session in its hands."""

    def __init__(self, session: S) -> None:
        """Stop the calling worker's clock."""
        self.session = session
        self._thread = threading.get_ident()
        self._gate = threading.Lock()
        self._gate.acquire()

    def stand_still(self) -> None:
        """Wait until the saboteur is done (called by the worker)."""
        self._gate.acquire()

    def interrupt(self) -> None:
        """Throw an exception into the worker; it strikes as soon as the worker goes on."""
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(Interrupted))

    def go_on(self) -> None:
        """Let the worker go on."""
        self._gate.release()


class Ambush(Generic[S]):
    """Where workers pass by in mid-transaction."""

    def __init__(self) -> None:
        """Let everybody pass."""
        self._lock = threading.Lock()
        self._armed = False
        self._victims: queue.SimpleQueue[Victim[S]] = queue.SimpleQueue()
        self._pranks: deque[None] = deque()
        self._gone = threading.Semaphore(0)

    def pass_by(self, session: S) -> None:
        """Go on, unless the saboteur lies in wait (called by a worker in mid-transaction)."""
        with self._lock:
            if not self._armed:
                return
            self._armed = False
        victim = Victim(session)
        self._victims.put(victim)
        victim.stand_still()

    def catch(self, timeout: float) -> Victim[S] | None:
        """Return the next worker that passes by within `timeout` seconds, standing still (called by the saboteur)."""
        with self._lock:
            self._armed = True
        try:
            return self._victims.get(timeout=timeout)
        except queue.Empty:
            with self._lock:
                if self._armed:
                    self._armed = False
                    return None
            return self._victims.get()  # it walked in at the last moment

    def befuddle(self, timeout: float) -> bool:
        """Have a worker walk away with its session; return whether one did in time (called by the saboteur)."""
        self._pranks.append(None)
        if self._gone.acquire(timeout=timeout):
            return True
        return not self.befuddles() and self._gone.acquire()  # one was about to go at the last moment

    def befuddles(self) -> bool:
        """Is the calling worker the one to walk away? If so it has to say when it is `gone`."""
        try:
            self._pranks.pop()
        except IndexError:
            return False
        return True

    def gone(self) -> None:
        """Say that a befuddled worker has left its session behind."""
        self._gone.release()
