"""The session that the pool lends: Google's `Session`, which also tells its pool what it learns about itself.

The client does three things to a session of which a pool that only sees `get` and `put` would never hear:

- It finds the session dead, and goes on as if nothing were (`run_in_transaction`).
- It finds it dead, makes another, and puts that one instead (`snapshot`, `mutation_groups`).
- It deletes it, and never puts it (`batch_snapshot`).
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Protocol, Self

from google.api_core.exceptions import NotFound
from google.cloud.spanner_v1.session import Session

from pingpool.databases.spanner.errors import lost_session


class Home(Protocol):
    """The pool, as its sessions see it."""

    def was_missed(self, session: "PooledSession") -> None:
        """Hear that the client looked for a session and did not find it."""
        ...

    def was_deleted(self, session: "PooledSession") -> None:
        """Hear that its holder deleted a session."""
        ...

    def open_one(self, session: "PooledSession") -> str:
        """Open a session on the server for this object, and return its id."""
        ...


class PooledSession(Session):
    """A session of a pool; `death` is the error by which it is known to be gone, if it is."""

    death: NotFound | None = None
    predecessor: "PooledSession | None" = None
    """The dead session in whose place the client made this one."""
    is_stray = False
    """The client made it, and it is in no pool yet."""
    is_spent = False
    """Its holder deleted it while it was lent: the slot is free, and putting it now is no mistake."""

    def __init__(self, home: Callable[[], Home | None], database: Any, **looks: Any) -> None:
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

    def exists(self) -> bool:
        """Ask the server, as Google's session does; the pool hears of a no."""
        found: bool = self._google.exists()
        if not found and self._session_id is not None:
            self.death = self._its_death()
            if home := self.home():
                home.was_missed(self)
        return found

    def create(self) -> None:
        """Open the session with the labels and the role of its pool."""
        home = self.home()
        if home is None or self._session_id is not None:
            self._google.create()
        else:
            self.opened_as(home.open_one(self))

    def delete(self) -> None:
        """End the session now, as Google's session does; its slot in the pool comes free, so it need not be put."""
        try:
            with self.noticing_its_death():
                self._google.delete()
            self.death = self._its_death()
        finally:
            if home := self.home():
                home.was_deleted(self)

    def ping(self) -> None:
        """Run a statement, as Google's session does."""
        with self.noticing_its_death():
            self._google.ping()

    def run_in_transaction(self, func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        """Run a function in a transaction, as Google's session does."""
        with self.noticing_its_death():
            return self._google.run_in_transaction(func, *args, **kw)

    @contextmanager
    def noticing_its_death(self) -> Generator[None]:
        """Remember the error by which this session proves to be gone."""
        try:
            yield
        except NotFound as error:
            if lost_session(error) == self.full_name:
                self.death = error
            raise

    def _its_death(self) -> NotFound:
        """Return what the server would say from now on."""
        return NotFound(f"Session not found: {self.full_name}")
