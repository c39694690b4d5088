"""The accounts of the bank, as one session sees them: all that the bank asks of a database.

They are rows of a table (`sql_accounts`) or keys of Redis (`redis_accounts`). What is changed between two commits is
one transaction. It lives in the session and with its holder, nowhere else: if either is lost, nothing has been changed.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple, Self

ACCOUNTS = 100
"""How many accounts there are."""

OPENING_BALANCE = 1000
"""What each of them holds at first."""


class Audit(NamedTuple):
    """How many accounts there are, what they hold together, and what the poorest holds."""

    accounts: int
    total: int
    lowest: int


class Conflict(Exception):
    """Another transaction came between. Nothing has been changed; one may try again."""


class Accounts(ABC):
    """The accounts, for as long as one holder has one session: transactions are made in a `with` block within that."""

    books: str
    """What they are written in, as one would call it to whoever looks at the database."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the session; what is open in it is for the pool to undo."""

    @abstractmethod
    def open(self) -> None:
        """Make the accounts, all with the same balance."""

    @abstractmethod
    def close(self) -> None:
        """Take the accounts away, if they are there."""

    @abstractmethod
    def balance(self, account: int) -> int:
        """Look at one account."""

    @abstractmethod
    def change(self, account: int, amount: int) -> bool:
        """Give money to an account, or take some (a negative amount) if it has that; return whether it had.

        Raises `Conflict` if that cannot be.
        """

    @abstractmethod
    def commit(self) -> None:
        """Make it so. Raises `Conflict` if that cannot be."""

    @abstractmethod
    def roll_back(self) -> None:
        """Undo what was changed since the last commit."""

    @abstractmethod
    def audit(self) -> Audit:
        """Look at the books."""
