"""When those who wait in a loop give up: the next one is found at once, however many they are.

Nobody is kept alive by this. Who waits is held by the line, and who has his answer by his own task; if that is
collected, its session must be, too.
"""

from weakref import ref

from pingpool.agenda import Agenda
from pingpool.aio.gates import AsyncRound, AsyncWaiter

Answer = AsyncWaiter | AsyncRound


class Deadlines:
    """The times until which tasks wait."""

    def __init__(self) -> None:
        self._agenda: Agenda[ref[Answer]] = Agenda(is_awaited)

    def enter(self, answer: Answer) -> None:
        """Somebody waits for this until its time is up."""
        self._agenda.enter(answer.until, ref(answer))

    def wake_due(self, now: float) -> None:
        """Wake those whose time is up."""
        while (entry := self._agenda.first()) is not None and entry[0] <= now:
            answer = entry[2]()
            if answer is not None:
                answer.wake()
            self._agenda.drop(entry)  # last: a Ctrl-C in between leaves somebody to be woken twice, not never

    def next_at(self) -> float | None:
        """Return when the next one's time is up; None if nobody waits any more."""
        entry = self._agenda.first()
        return None if entry is None else entry[0]


def is_awaited(_: float, answer: ref[Answer]) -> bool:
    """Is there still somebody who waits for it?"""
    awaited = answer()
    return awaited is not None and not awaited.is_over
