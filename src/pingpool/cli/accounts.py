"""The accounts of the bank: all that the demo asks of a database. Rows of a table, or keys of Redis.

What is changed between two commits is one transaction. It ends with its session or its holder: then nothing has been
changed.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple, Self

ACCOUNTS = 100
"""How many accounts there are."""

OPENING_BALANCE = 1000
"""What each holds at first."""


class Audit(NamedTuple):
    """How many accounts there are, their sum, and the smallest balance."""

    accounts: int
    total: int
    lowest: int


class Conflict(Exception):
    """Another transaction came between. Nothing was changed; try again."""


class Accounts(ABC):
    """The accounts on one session, as a context manager; transactions are made within it."""

    books: str
    """Where they are stored, for messages."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the session; the pool undoes what is open."""

    @abstractmethod
    def open(self) -> None:
        """Create the accounts, all with the same balance."""

    @abstractmethod
    def close(self) -> None:
        """Remove the accounts, if they exist."""

    @abstractmethod
    def balance(self, account: int) -> int:
        """Return what an account holds."""

    @abstractmethod
    def change(self, account: int, amount: int) -> bool:
        """Add `amount` (negative: take it, if the account has that much); return whether it was done. Raises
        `Conflict`.
        """

    @abstractmethod
    def commit(self) -> None:
        """Commit. Raises `Conflict`."""

    @abstractmethod
    def roll_back(self) -> None:
        """Undo what was changed since the last commit."""

    @abstractmethod
    def audit(self) -> Audit:
        """Count the accounts and the money."""
