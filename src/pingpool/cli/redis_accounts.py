"""Accounts in keys of Redis or Valkey; a transaction is WATCH, read, MULTI, write, EXEC.

The server locks nothing: it refuses the EXEC if somebody wrote to a watched key.
"""

from typing import Any

from pingpool.cli.accounts import ACCOUNTS, OPENING_BALANCE, Accounts, Audit, Conflict
from pingpool.databases.redis.client import client_on, driver_of


class RedisAccounts(Accounts):
    """A key for each account, all with one prefix in braces, so that a cluster keeps them on one node."""

    def __init__(self, session: Any, *, prefix: str) -> None:
        self._keys = [f"{{{prefix}}}:{account}" for account in range(ACCOUNTS)]
        self.books = f"the keys {self._keys[0]} to {self._keys[-1]}"
        self._conflict: type[Exception] = driver_of(session).WatchError
        self._client = client_on(session)
        self._transaction = self._client.pipeline()
        self._drafts: dict[str, int] = {}

    def __exit__(self, *_: object) -> None:
        """Stop watching now, not when the pipeline is collected."""
        self.roll_back()

    def open(self) -> None:
        self._client.mset(dict.fromkeys(self._keys, OPENING_BALANCE))

    def close(self) -> None:
        self._client.delete(*self._keys)

    def balance(self, account: int) -> int:
        return int(self._client.get(self._keys[account]))

    def change(self, account: int, amount: int) -> bool:
        """Watch and read a key, and keep what is to be written to it."""
        key = self._keys[account]
        self._transaction.watch(key)
        balance = self._drafts.get(key, int(self._transaction.get(key))) + amount
        if balance < 0:
            return False
        self._drafts[key] = balance
        return True

    def commit(self) -> None:
        self._transaction.multi()
        self._transaction.mset(self._drafts)
        self._drafts = {}
        try:
            self._transaction.execute()
        except self._conflict as error:
            if error.__context__ is not None:  # no conflict: the connection died
                raise
            raise Conflict from error

    def roll_back(self) -> None:
        self._drafts = {}
        self._transaction.reset()

    def audit(self) -> Audit:
        balances = [int(balance) for balance in self._client.mget(self._keys) if balance is not None]
        return Audit(len(balances), sum(balances), min(balances, default=0))
