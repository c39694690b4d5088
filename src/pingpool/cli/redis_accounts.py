"""Accounts in keys of Redis or Valkey, and the transaction as its server knows it: WATCH, look, MULTI, write, EXEC.

The server locks nothing. It refuses to write if anybody else has written, since the WATCH, to a key that is watched.
"""

from typing import Any

from pingpool.cli.accounts import ACCOUNTS, OPENING_BALANCE, Accounts, Audit, Conflict
from pingpool.databases.redis.client import client_on, driver_of


class RedisAccounts(Accounts):
    """A key for each account. All begin with the same prefix, in braces: so a cluster keeps them in one place."""

    def __init__(self, session: Any, *, prefix: str) -> None:
        """Look at nothing yet."""
        self._keys = [f"{{{prefix}}}:{account}" for account in range(ACCOUNTS)]
        self.books = f"the keys {self._keys[0]} to {self._keys[-1]}"
        self._conflict: type[Exception] = driver_of(session).WatchError
        self._client = client_on(session)
        self._transaction = self._client.pipeline()
        self._drafts: dict[str, int] = {}

    def __exit__(self, *_: object) -> None:
        """Watch nothing any more. A pipeline that is left to the garbage collector says so when it is too late."""
        self.roll_back()

    def open(self) -> None:
        """Make all keys at once."""
        self._client.mset(dict.fromkeys(self._keys, OPENING_BALANCE))

    def close(self) -> None:
        """Delete the keys that are there."""
        self._client.delete(*self._keys)

    def balance(self, account: int) -> int:
        """Look at one key."""
        return int(self._client.get(self._keys[account]))

    def change(self, account: int, amount: int) -> bool:
        """Watch a key from now on, look at it, and draft what it is to hold."""
        key = self._keys[account]
        self._transaction.watch(key)
        balance = self._drafts.get(key, int(self._transaction.get(key))) + amount
        if balance < 0:
            return False
        self._drafts[key] = balance
        return True

    def commit(self) -> None:
        """Write the drafts, all of them or none."""
        self._transaction.multi()
        self._transaction.mset(self._drafts)
        self._drafts = {}
        try:
            self._transaction.execute()
        except self._conflict as error:
            if error.__context__ is not None:  # no conflict: so the driver calls it when the connection died
                raise
            raise Conflict from error

    def roll_back(self) -> None:
        """Forget the drafts, and watch nothing any more."""
        self._drafts = {}
        self._transaction.reset()

    def audit(self) -> Audit:
        """Look at all keys, at one moment."""
        balances = [int(balance) for balance in self._client.mget(self._keys) if balance is not None]
        return Audit(len(balances), sum(balances), min(balances, default=0))
