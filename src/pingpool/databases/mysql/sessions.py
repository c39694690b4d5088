"""What `MySQL` asks of the sessions of a driver, and each kind of driver answers in its own way.

There are two kinds: `PyMySQLSessions` opens them itself, and reads in their record what is open; `OtherSessions` has
them opened by a function, and knows of them what their driver shows.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from pingpool.databases.mysql.traits import DRIVERS


class Sessions(ABC):
    """The sessions that are opened in one way."""

    def __init__(self) -> None:
        self.packages = {*DRIVERS}
        """Those of the drivers whose errors may be about a session."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Where they are, without a secret."""

    @abstractmethod
    def open(self, labels: Mapping[str, str], timeout: float) -> Any:
        """Open one."""

    @abstractmethod
    def open_beside(self, session: Any, timeout: float) -> Any:
        """Open another one to the same server, as far as that can be said."""

    @abstractmethod
    def remember(self, session: Any) -> None:
        """Note how a new one is set."""

    @abstractmethod
    def looks_alive(self, session: Any) -> bool:
        """Is the socket quiet? All that this protocol ever says unasked is goodbye."""

    @abstractmethod
    def needs_reset(self, session: Any) -> bool | None:
        """Did the last holder leave something? None if nothing tells."""

    @abstractmethod
    def in_transaction(self, session: Any) -> bool | None:
        """Is a transaction open? None if nothing tells."""

    @abstractmethod
    def ping(self, session: Any) -> None:
        """Prove it."""

    @abstractmethod
    def answer(self, session: Any, statement: str) -> Sequence[Any]:
        """Run a statement, and return its rows, certainly those."""

    @abstractmethod
    def reset(self, session: Any, timeout: float) -> None:
        """Roll back, and undo what else was asked for. Raises `BeyondReset` if an answer is owed."""

    @abstractmethod
    def unlock(self, session: Any) -> None:
        """Let go of the locks that outlive a rollback."""

    @abstractmethod
    def is_busy(self, session: Any) -> bool:
        """May a statement be under way at the server?"""

    @abstractmethod
    def leave(self, session: Any) -> None:
        """End a busy one, whose stream has ended."""

    @abstractmethod
    def close(self, session: Any) -> None:
        """End one in good order."""
