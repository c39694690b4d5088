"""The lock of the pool's own threads: what is thrown into a thread that takes it leaves it free."""

import ctypes
import sys
import threading
from contextlib import suppress

from pingpool.threads import locks
from tests.threads.checks import PATIENCE, aside, soon


class Thrown(BaseException):
    """What is thrown into a thread."""


def is_taking(thread: threading.Thread) -> bool:
    """Is it about to take a lock, or waiting for it?"""
    frame = sys._current_frames().get(thread.ident or 0)
    return frame is not None and frame.f_code.co_filename == locks.__file__


def test_an_exception_that_comes_as_the_lock_is_taken_leaves_it_free() -> None:
    """It was thrown while the thread waited, and strikes as soon as Python looks for it after that."""
    lock = locks.new_lock()

    def take() -> None:
        with suppress(Thrown), lock:
            pass

    for _ in range(20):
        with lock:
            thread = aside(take)
            assert soon(lambda thread=thread: is_taking(thread))
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Thrown))
        thread.join()
        assert lock.acquire(timeout=PATIENCE)
        lock.release()


def test_a_thread_that_holds_the_lock_may_take_it_again() -> None:
    """Others wait until it has let go as often."""
    lock = locks.new_lock()
    with lock:
        with lock:
            pass
        taken: list[bool] = []
        other = aside(lambda: taken.append(lock.__enter__()))
        assert soon(lambda: is_taking(other))
        assert taken == []
    other.join()
    assert taken == [True]
