"""What waits is made by the first thread that needs it.

gevent exchanges locks and queues when it patches the process. A pool may be made, or forked, before that: a native lock
from then would block every greenlet that it meets.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from pingpool.pool.forks import in_every_child
from pingpool.threads.locks import new_lock

T = TypeVar("T")


class Late(Generic[T]):
    """An attribute that is made when it is first asked for: by one thread, for all."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type[Any]) -> T:
        attributes: dict[str, Any] = instance.__dict__  # found there from now on, without this detour
        made: T = attributes.setdefault(self._name, self._make())
        return made


class LateLock:
    """A lock, for an object whose own attributes are read too often to be looked up in a dictionary.

    A forked child has another one: whoever held this in the parent is not there to let go of it.
    """

    lock = Late(new_lock)

    def __init__(self) -> None:
        in_every_child(self, LateLock._start_anew)

    def _start_anew(self) -> list[Any]:
        return [vars(self).pop("lock", None)]
