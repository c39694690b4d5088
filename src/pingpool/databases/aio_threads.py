"""Any `Database`, for asyncio: what makes a round trip runs in a thread of its own, so that the loop never blocks.

    pool = await pingpool.open_async(InThreads(Oracle(...)))
    async with pool.session() as connection:
        await asyncio.to_thread(connection.execute, ...)

The sessions are the driver's own and block whoever uses them; that is up to their holders. A thread for each call is
no waste: a pool calls its database a few times per session and interval. The threads are daemons, so that one that
hangs does not keep the process from ending.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from pingpool.database import AsyncDatabase, Database, S
from pingpool.pool.log import log

T = TypeVar("T")

MEANS_MORE_IN_A_LOOP = (StopIteration, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError)
"""What a call in a thread may raise, but must not be raised again in a task."""


class InThreads(AsyncDatabase[S]):
    """Makes the calls of a `Database` in threads.

    A call that is cancelled is aborted as far as the database can; a session that is opened too late is deleted.
    """

    def __init__(self, database: Database[S]) -> None:
        """Adapt the database; what it does not bring a version of is not asked of it."""
        self._database = database
        in_passing = {name: getattr(database, name) for name in ("glance", "needs_reset", "resync")}
        judgements = {name: getattr(database, name) for name in ("is_lost", "is_transient", "is_fatal", "is_down")}
        calls = {"create_many": self._create_many, "check": self._check}
        for name, answer in {**in_passing, **judgements, **calls}.items():
            if getattr(type(database), name) is not getattr(Database, name) or name in vars(database):
                setattr(self, name, answer)

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> S:
        """Open one session."""
        create = partial(self._database.create, labels=labels, timeout=timeout)
        return await in_thread(create, late=partial(self._database.delete, timeout=timeout))

    async def ping(self, session: S, *, timeout: float) -> None:
        """Prove it."""
        await self._about(session, partial(self._database.ping, session, timeout=timeout))

    async def delete(self, session: S, *, timeout: float) -> None:
        """End it."""
        await self._about(session, partial(self._database.delete, session, timeout=timeout))

    async def reset(self, session: S, *, timeout: float) -> None:
        """Undo what the last holder left open."""
        await self._about(session, partial(self._database.reset, session, timeout=timeout))

    async def _create_many(self, count: int, *, labels: Mapping[str, str], timeout: float) -> Sequence[S]:
        """Open many sessions in one call."""

        def delete_all(sessions: Sequence[S]) -> None:
            for session in sessions:
                self._database.delete(session, timeout=timeout)

        return await in_thread(
            partial(self._database.create_many, count, labels=labels, timeout=timeout), late=delete_all
        )

    async def _check(self, session: S, *, timeout: float) -> None:
        """Prove it quickly."""
        await self._about(session, partial(self._database.check, session, timeout=timeout))

    async def _about(self, session: S, call: Callable[[], None]) -> None:
        """Make a call about a session; if it is cancelled, free the thread."""
        try:
            await in_thread(call)
        except asyncio.CancelledError:
            in_background(partial(self._database.abort, session))
            raise

    def __repr__(self) -> str:
        """Name the database."""
        return f"InThreads({self._database!r})"

    def __eq__(self, other: object) -> bool:
        """Two are the same if their databases are."""
        return isinstance(other, InThreads) and bool(vars(other)["_database"] == self._database)

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self._database)


async def in_thread(call: Callable[[], T], *, late: Callable[[T], object] = type) -> T:
    """Make a call in a daemon thread. A result that comes too late is given to `late`, in a thread as well."""
    answer: Answer[T] = Answer(asyncio.get_running_loop(), late)
    in_background(partial(answer.find, call))
    return await answer.get()


class Answer(Generic[T]):
    """What a call in a thread returned or raised, on its way to the task that waits for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, late: Callable[[T], object]) -> None:
        """Wait for the call."""
        self._loop = loop
        self._late = late
        self._future: asyncio.Future[T] = loop.create_future()

    async def get(self) -> T:
        """Wait until it is there; if it had just come when the task was cancelled, it came too late."""
        try:
            return await self._future
        except asyncio.CancelledError:
            if self._future.done() and not self._future.cancelled() and self._future.exception() is None:
                in_background(partial(self._late, self._future.result()))
            raise

    def find(self, call: Callable[[], T]) -> None:
        """Make the call; this runs in the thread."""
        try:
            result = call()
        except BaseException as error:
            self._tell(self._fail, error)
        else:
            if not self._tell(self._finish, result):
                self._late(result)

    def _tell(self, how: Callable[[Any], None], news: object) -> bool:
        """Go on in the loop, if that still runs."""
        try:
            self._loop.call_soon_threadsafe(how, news)
        except RuntimeError:  # it was closed meanwhile
            return False
        return True

    def _finish(self, result: T) -> None:
        if self._future.done():
            in_background(partial(self._late, result))
        else:
            self._future.set_result(result)

    def _fail(self, error: BaseException) -> None:
        if not self._future.done():
            means_more_here = isinstance(error, MEANS_MORE_IN_A_LOOP)
            self._future.set_exception(RuntimeError(f"the call ended with {error!r}") if means_more_here else error)


def in_background(call: Callable[[], object]) -> None:
    """Make a call in a thread that does not keep the process from ending."""

    def run() -> None:
        try:
            call()
        except BaseException:
            log().exception("a call to a database, whose result nobody waits for any more, failed")

    threading.Thread(target=run, name="pingpool-call", daemon=True).start()
