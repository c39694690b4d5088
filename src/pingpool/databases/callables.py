"""A database made of plain functions: anything that can be opened can be pooled.

pool = pingpool.open(Callables(connect, ping=lambda line: line.send_ping(), delete=lambda line: line.hang_up()))
pool = await pingpool.open_async(AsyncCallables(connect, ping=send_ping, delete=hang_up))
"""

from collections.abc import Awaitable, Callable, Mapping
from inspect import iscoroutinefunction

from pingpool.database import AsyncDatabase, Database, Meaning, S, Traits


class GivenTraits(Traits[S]):
    """Traits that are given as functions, or left as they are."""

    def __init__(
        self,
        *,
        meaning_of: Callable[[BaseException], Meaning | None] | None = None,
        looks_alive: Callable[[S], bool] | None = None,
        expires_in: Callable[[S], float | None] | None = None,
    ) -> None:
        if iscoroutinefunction(meaning_of):
            raise TypeError("meaning_of is a coroutine function; it is asked in passing, so it has to be a plain one")
        self._meaning_of = meaning_of
        given = {"looks_alive": looks_alive, "expires_in": expires_in}
        # A pool does not ask a database that has no version of its own.
        vars(self).update({name: trait for name, trait in given.items() if trait is not None})

    def meaning_of(self, error: BaseException) -> Meaning:
        """Ask the function for that first, if there is one."""
        given = None if self._meaning_of is None else self._meaning_of(error)
        return super().meaning_of(error) if given is None else given


class Callables(GivenTraits[S], Database[S]):
    """Opens sessions with `create()`, which takes no argument; the rest is optional.

    Args:
        create: opens one session.
        ping: raises if its session is dead; without it the session's own `ping()` is called.
        delete: ends a session; without it the session's own `close()` or `delete()` is called.
        meaning_of: what does this error mean? None if that is not known.
        looks_alive: does this session look alive? Asked at each checkout, so it must cost no round trip.
        expires_in: in how many seconds does this new session end by itself? None if it does not.
    """

    def __init__(
        self,
        create: Callable[[], S],
        *,
        ping: Callable[[S], object] | None = None,
        delete: Callable[[S], object] | None = None,
        meaning_of: Callable[[BaseException], Meaning | None] | None = None,
        looks_alive: Callable[[S], bool] | None = None,
        expires_in: Callable[[S], float | None] | None = None,
    ) -> None:
        super().__init__(meaning_of=meaning_of, looks_alive=looks_alive, expires_in=expires_in)
        for name, given in {"create": create, "ping": ping, "delete": delete}.items():
            if iscoroutinefunction(given):
                raise TypeError(f"{name} is a coroutine function: AsyncCallables, for open_async(), takes those")
        self._create = create
        self._ping = ping
        self._delete = delete

    def create(self, *, labels: Mapping[str, str], timeout: float) -> S:
        """Open one session."""
        return self._create()

    def ping(self, session: S, *, timeout: float) -> None:
        """Prove it."""
        if self._ping is None:
            super().ping(session, timeout=timeout)
        else:
            self._ping(session)

    def delete(self, session: S, *, timeout: float) -> None:
        """End it."""
        if self._delete is None:
            super().delete(session, timeout=timeout)
        else:
            self._delete(session)


class AsyncCallables(GivenTraits[S], AsyncDatabase[S]):
    """Opens sessions with `await create()`; the other functions are those of `Callables`.

    `ping` and `delete` are coroutine functions. Without `delete` the session's own `aclose()`, `close()` or `delete()`
    is called.
    """

    def __init__(
        self,
        create: Callable[[], Awaitable[S]],
        *,
        ping: Callable[[S], Awaitable[object]] | None = None,
        delete: Callable[[S], Awaitable[object]] | None = None,
        meaning_of: Callable[[BaseException], Meaning | None] | None = None,
        looks_alive: Callable[[S], bool] | None = None,
        expires_in: Callable[[S], float | None] | None = None,
    ) -> None:
        super().__init__(meaning_of=meaning_of, looks_alive=looks_alive, expires_in=expires_in)
        self._create = create
        self._ping = ping
        self._delete = delete

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> S:
        """Open one session."""
        return await self._create()

    async def ping(self, session: S, *, timeout: float) -> None:
        """Prove it."""
        if self._ping is None:
            await super().ping(session, timeout=timeout)
        else:
            await self._ping(session)

    async def delete(self, session: S, *, timeout: float) -> None:
        """End it."""
        if self._delete is None:
            await super().delete(session, timeout=timeout)
        else:
            await self._delete(session)
