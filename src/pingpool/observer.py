"""Who is told of what happens in a pool, for metrics, traces or a log of one's own."""

from typing import Any


class Observer:
    """What a pool tells of its sessions; each method does nothing until you write your own.

    A pool tells one thing after the other, in the order in which they happened, and holds no lock meanwhile: in threads
    from a thread of its own, in asyncio from its loop. So be quick: while a method blocks, the pool's time limits come
    late. One that raises is logged as a bug, once, and costs nothing else.

    `pool` is the pool's name. All durations are seconds.
    """

    def made(self, pool: str, took: float) -> None:
        """A session was opened, which took so long."""

    def not_made(self, pool: str, error: BaseException | None) -> None:
        """No session could be opened; or a new one turned out to be dead."""

    def lent(self, pool: str, waited: float) -> None:
        """A caller got a session, after so long; 0 if it did not have to wait."""

    def returned(self, pool: str, used_for: float, how: str) -> None:
        """A session came back, after so long.

        `how` says what is known of it: "well"; "left open", and "uncommitted" if that is a transaction, for one that is
        reset; "unproven" after an error; "may hold locks" after one that is not the database's, where locks are let go;
        "lost" for one that died; "tainted" for one whose holder was interrupted; "discarded" for one that its holder
        wants ended. Of one that is detached nothing is told here: it does not come back.
        """

    def replaced(self, pool: str, why: str, age: float, idle_for: float, used_for: float) -> None:
        """A session is ended for another one to take its place. The reasons are those of `stats().replaced`.

        `age` counts since it was opened. `idle_for` counts since it was last proven alive, up to now or, if it was in
        use, to the beginning of that use, which lasted for `used_for`. What is not known is 0.
        """

    def reset(self, pool: str) -> None:
        """What a holder had left in a session was undone."""

    def refused(self, pool: str) -> None:
        """A caller was turned away, since `max_waiters` waited already."""

    def timed_out(self, pool: str, waited: float) -> None:
        """A caller got no session, and waited for so long."""


class CallerObserver(Observer):
    """An observer that stands beside each caller of `get` too, and is told in his own thread, or task, how it ends.

    So it sees what is his alone: the span that is current there, the variables of `contextvars`. He waits for it, so be
    quick; the pool holds nothing meanwhile. One that raises is logged as a bug, once, and costs nothing else. All other
    methods are those of any observer, and are told as ever.
    """

    def acquired(self, pool: str, session: Any, waited: float) -> None:
        """The caller gets this session, after so long; 0 if it did not have to wait. Keep no reference to it."""

    def not_acquired(self, pool: str, error: BaseException, waited: float) -> None:
        """The caller gets an error, after so long: one of the pool's, or what interrupted or cancelled the wait."""
