"""The session that a pool lends: Google's `Session`, which also tells its pool what it learns about itself.

The client does three things to a session of which a pool that only sees `get` and `put` would never hear:

- It finds the session dead, and goes on as if nothing were (`run_in_transaction`).
- It finds it dead, makes another, and puts that one instead (`snapshot`, `mutation_groups`).
- It deletes it, and never puts it (`batch_snapshot`).

`Pooled` is what a session knows and tells, the same in both worlds; `PooledSession` is the one for threads.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Protocol, Self, TypeVar

from google.api_core.exceptions import NotFound
from google.cloud.spanner_v1.session import Session

from pingpool.databases.spanner.errors import lost_session, not_found

Opened = TypeVar("Opened", covariant=True)


class Home(Protocol[Opened]):
    """The pool, as its sessions see it; `Opened` is an id, or what becomes one when it is awaited."""

    def was_missed(self, session: "Pooled") -> None:
        """Hear that the client looked for a session and did not find it."""
        ...

    def was_deleted(self, session: "Pooled") -> None:
        """Hear that its holder deleted a session."""
        ...

    def open_one(self, session: "Pooled") -> Opened:
        """Open a session on the server for this object, and return its id."""
        ...


class Pooled:
    """What is ours about a session of a pool; a class that adds it to Google's session names that one behind it."""

    death: NotFound | None = None
    """The error by which the session is known to be gone, if it is."""
    predecessor: Any = None
    """The dead session of its own kind in whose place the client made this one, if there is one."""
    is_stray = False
    """The client made it, and it is in no pool yet."""
    is_spent = False
    """Its holder deleted it while it was lent: the slot is free, and putting it now is no mistake."""
    _session_id: str | None

    def __init__(self, home: Callable[[], Home[Any] | None], database: Any, **looks: Any) -> None:
        """`home` is a weak reference to the pool; the rest is Google's."""
        self._google.__init__(database, **looks)
        self.home = home

    @property
    def full_name(self) -> str:
        """The name by which the server knows the session."""
        return str(self._google.name)

    @property
    def _google(self) -> Any:
        """The same session by Google's own methods, which tell nothing to its pool (nor to a type checker)."""
        return super()

    def opened_as(self, session_id: str) -> Self:
        """Return this session, now that the server opened it under that id."""
        self._session_id = session_id
        return self

    def noted(self, found: bool) -> bool:
        """Return whether the server found the session; the pool hears of a no."""
        if not found and self._session_id is not None:
            self.death = not_found(self.full_name)
            if home := self.home():
                home.was_missed(self)
        return found

    def opener(self) -> Home[Any] | None:
        """Return the pool that is to open this session, unless that is done or there is none any more."""
        return None if self._session_id is not None else self.home()

    @contextmanager
    def noticing_its_death(self) -> Generator[None]:
        """Remember the error by which this session proves to be gone."""
        try:
            yield
        except NotFound as error:
            if lost_session(error) == self.full_name:
                self.death = error
            raise

    @contextmanager
    def being_deleted(self) -> Generator[None]:
        """Free the slot in the pool, however the deletion ends."""
        try:
            with self.noticing_its_death():
                yield
            self.death = not_found(self.full_name)
        finally:
            if home := self.home():
                home.was_deleted(self)


class PooledSession(Pooled, Session):
    """A session of a pool; `death` is the error by which it is known to be gone, if it is."""

    def exists(self) -> bool:
        """Ask the server, as Google's session does; the pool hears of a no."""
        return self.noted(self._google.exists())

    def create(self) -> None:
        """Open the session with the labels and the role of its pool."""
        home = self.opener()
        if home is None:
            self._google.create()
        else:
            self.opened_as(home.open_one(self))

    def delete(self) -> None:
        """End the session now, as Google's session does; its slot in the pool comes free, so it need not be put."""
        with self.being_deleted():
            self._google.delete()

    def ping(self) -> None:
        """Run a statement, as Google's session does."""
        with self.noticing_its_death():
            self._google.ping()

    def run_in_transaction(self, func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        """Run a function in a transaction, as Google's session does."""
        with self.noticing_its_death():
            return self._google.run_in_transaction(func, *args, **kw)
