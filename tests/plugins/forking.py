"""Forks in the middle of what another thread is about."""

import os
import signal
import threading
from collections.abc import Callable

from pingpool.threads.late import LateLock
from tests.databases.waiting import SOON


def succeeds_in_child(act: Callable[[], object], *, held: LateLock) -> bool:
    """Fork while another thread holds this lock; does this end well in the child?"""
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with held.lock:
            inside.set()
            done.wait(SOON)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(SOON)
    child = os.fork()
    if not child:
        signal.alarm(int(SOON))  # it must not wait for ever
        try:
            act()
            os._exit(7)
        finally:
            os._exit(0)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    done.set()
    holder.join()
    return ended == 7
