"""Accounts in a table: all the SQL there is, in the plain PEP 249 that most drivers understand."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from pingpool.cli.accounts import ACCOUNTS, OPENING_BALANCE, Accounts, Audit, Conflict

CONFLICTS = ("40001", "40P01", 1020, 1213)
"""SQLSTATEs, and error numbers of MySQL, for two transactions in conflict."""


class SQLAccounts(Accounts):
    """A table of accounts. `mark` is the driver's parameter marker."""

    def __init__(self, session: Any, *, table: str = "accounts", mark: str = "?") -> None:
        self.books = f"the table {table}"
        self._session = session
        self._table = table
        self._mark = mark

    def open(self) -> None:
        self._run("CREATE TABLE {table} (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)")
        for account in range(ACCOUNTS):
            self._run("INSERT INTO {table} VALUES (?, ?)", account, OPENING_BALANCE)
        self.commit()

    def close(self) -> None:
        self._run("DROP TABLE IF EXISTS {table}")
        self.commit()

    def balance(self, account: int) -> int:
        row = self._run("SELECT balance FROM {table} WHERE id = ?", account).fetchone()
        return int(row[0])

    def change(self, account: int, amount: int) -> bool:
        """Change one row, which locks it until the transaction ends."""
        changed = self._run(
            "UPDATE {table} SET balance = balance + ? WHERE id = ? AND balance >= ?", amount, account, -amount
        )
        return bool(changed.rowcount == 1)

    def commit(self) -> None:
        with conflicts():
            self._session.commit()

    def roll_back(self) -> None:
        self._session.rollback()

    def audit(self) -> Audit:
        row = self._run("SELECT COUNT(*), SUM(balance), MIN(balance) FROM {table}").fetchone()
        return Audit(*map(int, row))

    def _run(self, statement: str, *values: int) -> Any:
        cursor = self._session.cursor()
        with conflicts():
            cursor.execute(statement.format(table=self._table).replace("?", self._mark), values)
        return cursor


@contextmanager
def conflicts() -> Generator[None]:
    """Raise a driver's error as a `Conflict` where it is one."""
    try:
        yield
    except Exception as error:
        if any(code in CONFLICTS for code in (getattr(error, "sqlstate", None), *error.args[:1])):
            raise Conflict from error
        raise
