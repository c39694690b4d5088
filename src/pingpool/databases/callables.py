"""A database made of plain functions: anything that can be opened can be pooled.

pool = pingpool.open(Callables(connect, ping=lambda line: line.send_ping(), delete=lambda line: line.hang_up()))
pool = await pingpool.open_async(AsyncCallables(connect, ping=send_ping, delete=hang_up))

What is given is put in the place of a method of the database, so that a pool, which asks only for what a database has a
version of, sees of the others that they were not given.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from pingpool.database import AsyncDatabase, Database, Meaning, S, Traits
from pingpool.databases.common.given import call, call_async, checked, fitted
from pingpool.databases.common.sockets import descriptor_of, hang_up, is_quiet
from pingpool.pool.hooks import SESSION, is_coroutine_function

M = TypeVar("M")
"""What `create` makes: a session, or what is to be awaited for one."""


class HasFileno(Protocol):
    """What tells its descriptor, as sockets do."""

    def fileno(self) -> int:
        """Return it."""
        ...


Link: TypeAlias = HasFileno | int | None
"""A socket, or the descriptor of one; None of a session that is closed."""


Step: TypeAlias = Callable[[S], object] | None
"""What does something with a session, if it is given."""


class GivenTraits(Traits[S]):
    """Traits that are given as functions, or left as they are."""

    def __init__(
        self,
        *,
        meaning_of: Callable[[BaseException], Meaning | None] | None = None,
        looks_alive: Callable[[S], bool] | None = None,
        needs_reset: Callable[[S], bool | None] | None = None,
        expires_in: Callable[[S], float | None] | None = None,
        survived_interrupt: Callable[[S], bool] | None = None,
        socket: Callable[[S], Link] | None = None,
    ) -> None:
        self._meaning_of = checked("meaning_of", meaning_of, Exception())
        self._socket = checked("socket", socket)
        questions = {
            "descriptor_of": None if socket is None else self._descriptor_of,
            "looks_alive": both(None if socket is None else self._is_quiet, checked("looks_alive", looks_alive)),
            "needs_reset": checked("needs_reset", needs_reset),
            "expires_in": checked("expires_in", expires_in),
            "survived_interrupt": checked("survived_interrupt", survived_interrupt),
        }
        vars(self).update({name: question for name, question in questions.items() if question is not None})

    def meaning_of(self, error: BaseException) -> Meaning:
        """Ask the function for that first, if there is one."""
        given = None if self._meaning_of is None else self._meaning_of(error)
        return super().meaning_of(error) if given is None else given

    def link_of(self, session: S) -> Link:
        """Return the socket of a session, by the function for that."""
        return None if self._socket is None else self._socket(session)

    def _descriptor_of(self, session: S) -> int:
        return descriptor_of(self.link_of(session))

    def _is_quiet(self, session: S) -> bool:
        link = self.link_of(session)
        return is_quiet(descriptor_of(link), link)

    def hang_up(self, session: S) -> None:
        """End the stream of a session, which frees who waits for it."""
        hang_up(descriptor_of(self.link_of(session)))


class Functions(GivenTraits[S], Generic[S, M]):
    """What the databases of both worlds are made of; `Callables` says what each function is for."""

    def __init__(
        self,
        create: Callable[..., M],
        *,
        ping: Step[S] = None,
        delete: Step[S] = None,
        configure: Step[S] = None,
        reset: Step[S] = None,
        needs_reset: Callable[[S], bool | None] | None = None,
        looks_alive: Callable[[S], bool] | None = None,
        socket: Callable[[S], Link] | None = None,
        meaning_of: Callable[[BaseException], Meaning | None] | None = None,
        expires_in: Callable[[S], float | None] | None = None,
        survived_interrupt: Callable[[S], bool] | None = None,
    ) -> None:
        super().__init__(
            meaning_of=meaning_of,
            looks_alive=looks_alive,
            needs_reset=cannot_tell if reset is not None and needs_reset is None else needs_reset,
            expires_in=expires_in,
            survived_interrupt=survived_interrupt,
            socket=socket,
        )
        calls: dict[str, Callable[..., object] | None] = {
            "ping": ping,
            "delete": delete,
            "configure": configure,
            "reset": reset,
        }
        given = {name: function for name, function in calls.items() if function is not None}
        self._refuse({"create": create, **given})
        self._create = fitted("create", create)
        for name, function in given.items():
            vars(self)[name] = partial(self._call, name, fitted(name, function, SESSION))

    _call: Callable[..., Any]
    """Calls a function that was given, as this world does."""

    def _refuse(self, functions: Mapping[str, Callable[..., object]]) -> None:
        """Raise a `TypeError` for those that this world cannot call."""


class Callables(Functions[S, S], Database[S]):
    """Opens sessions with `create()`; the rest is optional.

    Each function that is about a session is called with it. Those that are no questions may have a parameter `timeout`,
    and `create` also `labels`: then they are passed by name, as seconds (None: no limit) and as a mapping. Type
    checkers want such a parameter to have a default.

    Args:
        create: opens one session.
        ping: raises if its session is dead; without it the session's own `ping()` is called.
        delete: ends a session; without it the session's own `close()` or `delete()` is called.
        configure: sets a new session up, before anybody gets it.
        reset: undoes what the last holder left open. It is called each time that a session comes back, and of a new
            one, unless `needs_reset` says that nothing is open. If it returns True, `configure` is called again.
        needs_reset: is anything open in this session, or still to come, an answer say? None if that cannot be told. It
            must cost no round trip. A session of which it says True also after a `reset`, or without one, is ended.
        looks_alive: does this session look alive? Asked at each checkout, so it must cost no round trip.
        socket: returns a session's socket, or its descriptor, or what has a `fileno()`; None if it is closed. A session
            whose socket was closed by the other side, or has something to read, is never lent; an idle one is replaced
            at the moment of the hang-up, where the system can tell; under a call that hangs the socket is ended.
        meaning_of: what does this error mean? None if that is not known.
        expires_in: in how many seconds does this new session end by itself? None if it does not.
        survived_interrupt: may this session be used again although its holder was interrupted, or cancelled?

    Raises:
        TypeError: a function does not take what it is called with, or is a coroutine function where none can be.
    """

    _call = staticmethod(call)

    def _refuse(self, functions: Mapping[str, Callable[..., object]]) -> None:
        for name, function in functions.items():
            if is_coroutine_function(function):
                raise TypeError(f"{name} is a coroutine function: AsyncCallables, for open_async(), takes those")
        if self._socket is not None:
            vars(self)["abort"] = self.hang_up

    def create(self, *, labels: Mapping[str, str], timeout: float) -> S:
        """Open one session."""
        return self._create(labels=labels, timeout=timeout)


class AsyncCallables(Functions[S, Awaitable[S]], AsyncDatabase[S]):
    """Opens sessions with `await create()`; the other functions are those of `Callables`.

    Those that are no questions may be coroutine functions. Without `delete` the session's own `aclose()`, `close()` or
    `delete()` is called.
    """

    _call = staticmethod(call_async)

    async def create(self, *, labels: Mapping[str, str], timeout: float) -> S:
        """Open one session."""
        return await self._create(labels=labels, timeout=timeout)


def cannot_tell(session: object) -> None:
    """Answer a `needs_reset` that was not given, where a `reset` was."""


def both(look: Callable[[S], bool] | None, other: Callable[[S], bool] | None) -> Callable[[S], bool] | None:
    """Return a look that is content if each of these is that is there."""
    if look is None or other is None:
        return look or other
    return lambda session: look(session) and other(session)
