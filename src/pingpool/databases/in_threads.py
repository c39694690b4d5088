"""Any `Database`, for asyncio: each call to it is made in a thread of its own, so that the loop never blocks.

    pool = await pingpool.open_async(InThreads(Oracle(...)))
    async with pool.session() as connection:
        await asyncio.to_thread(connection.execute, ...)

The sessions are the driver's own and block whoever uses them. A thread per call is no waste: calls are few.

A task that is cut off leaves its thread behind, which may not have come to the driver yet; nobody can see that. So a
session whose use was cancelled is ended, whatever its database vouches for. Put a time limit around the whole block:
where one inside it is caught there, the use ends well, and the thread may yet run in the next one's hands.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from pingpool.database import AsyncDatabase, Database, Meaning, S, named
from pingpool.databases.common.identity import Identified
from pingpool.databases.common.offers import offer
from pingpool.pool.log import log

T = TypeVar("T")

TRAITS = (
    "looks_alive",
    "descriptor_of",
    "needs_reset",
    "in_transaction",
    "had_written",
    "expires_in",
    "let_go",
    "for_callers",
)
"""What is asked of the database itself; that a session survived an interrupt it cannot know here."""

NOT_FOR_TASKS = (StopIteration, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError)
"""What a call in a thread may raise, but must not be raised again in a task, where it means something else."""


class NoThread(RuntimeError):
    """No thread could be had for a call."""


class InThreads(Identified, AsyncDatabase[S]):
    """Makes the calls of a `Database` in threads; its traits are asked at once.

    A call that is cancelled is aborted as far as the database can; a session that is opened too late is deleted.
    """

    def __init__(self, database: Database[S]) -> None:
        self._database = database
        self._identity = (database,)
        self.usual_interval = database.usual_interval
        self.lives_at_server = database.lives_at_server
        offer(self, database, {name: getattr(database, name) for name in TRAITS})
        offer(self, database, {"create_many": self._create_many, "check": self._check, "unlock": self._unlock})

    def meaning_of(self, error: BaseException) -> Meaning:
        """Ask the database; that no thread could be had says nothing of a session."""
        return Meaning.TRANSIENT if isinstance(error, NoThread) else self._database.meaning_of(error)

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

    async def configure(self, session: S, *, timeout: float) -> None:
        """Set a new session up."""
        await self._about(session, partial(self._database.configure, session, timeout=timeout))

    async def reset(self, session: S, *, timeout: float) -> bool | None:
        """Undo what the last holder left open."""
        return await self._about(session, partial(self._database.reset, session, timeout=timeout))

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

    async def _unlock(self, session: S, *, timeout: float) -> None:
        """Let go of the locks that a rollback does not end."""
        await self._about(session, partial(self._database.unlock, session, timeout=timeout))

    async def _about(self, session: S, call: Callable[[], T]) -> T:
        """Make a call about a session; if it is cancelled, free the thread."""
        try:
            return await in_thread(call)
        except asyncio.CancelledError:
            in_background(partial(self._database.abort, session))
            raise

    def _place(self) -> str:
        return named(self._database)


async def in_thread(call: Callable[[], T], *, late: Callable[[T], object] = type) -> T:
    """Make a call in a daemon thread. A result that comes too late is given to `late`."""
    answer: Answer[T] = Answer(asyncio.get_running_loop(), late)
    in_background(partial(answer.find, call))
    return await answer.get()


class Answer(Generic[T]):
    """What a call in a thread returned or raised, on its way to the task that waits for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, late: Callable[[T], object]) -> None:
        self._loop = loop
        self._late = late
        self._future: asyncio.Future[T] = loop.create_future()

    async def get(self) -> T:
        """Wait for it; if it had just come when the task was cancelled, it came too late."""
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

    def _tell(self, how: Callable[[Any], None], what: object) -> bool:
        """Go on in the loop, if that still runs."""
        try:
            self._loop.call_soon_threadsafe(how, what)
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
            is_strange = isinstance(error, NOT_FOR_TASKS)
            self._future.set_exception(RuntimeError(f"the call ended with {error!r}") if is_strange else error)


def in_background(call: Callable[[], object]) -> None:
    """Make a call in a thread that does not keep the process from ending."""

    def run() -> None:
        try:
            call()
        except BaseException:
            log().exception("a call to a database, whose result nobody waits for any more, failed")

    try:
        threading.Thread(target=run, name="pingpool-call", daemon=True).start()
    except RuntimeError as error:
        raise NoThread(str(error)) from error
