"""The accounts of the bank: all the SQL there is, in the plain PEP 249 that most drivers understand."""

from typing import Any, NamedTuple


class Audit(NamedTuple):
    """How many accounts there are, what they hold together, and what the poorest holds."""

    accounts: int
    total: int
    lowest: int


class Accounts:
    """A table of accounts that all start with the same balance. `mark` is the driver's parameter marker."""

    def __init__(
        self, count: int = 100, opening_balance: int = 1000, *, mark: str = "?", table: str = "accounts"
    ) -> None:
        """Open no account yet."""
        self.count = count
        self.opening_balance = opening_balance
        self.table = table
        self._mark = mark

    def open(self, session: Any) -> None:
        """Make the table and fill it."""
        self._run(session, "CREATE TABLE {table} (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)")
        for account in range(self.count):
            self._run(session, "INSERT INTO {table} VALUES (?, ?)", account, self.opening_balance)
        self.commit(session)

    def close(self, session: Any) -> None:
        """Take the table away, if it is there."""
        self._run(session, "DROP TABLE IF EXISTS {table}")
        self.commit(session)

    def balance(self, session: Any, account: int) -> int:
        """Look at one account."""
        row = self._run(session, "SELECT balance FROM {table} WHERE id = ?", account).fetchone()
        return int(row[0])

    def change(self, session: Any, account: int, amount: int) -> bool:
        """Give money to an account, or take some (a negative amount) if it has that; return whether it had."""
        changed = self._run(
            session, "UPDATE {table} SET balance = balance + ? WHERE id = ? AND balance >= ?", amount, account, -amount
        )
        return bool(changed.rowcount == 1)

    def commit(self, session: Any) -> None:
        """Make it so."""
        session.commit()

    def roll_back(self, session: Any) -> None:
        """Undo what was changed since the last commit."""
        session.rollback()

    def audit(self, session: Any) -> Audit:
        """Look at the books."""
        row = self._run(session, "SELECT COUNT(*), SUM(balance), MIN(balance) FROM {table}").fetchone()
        return Audit(*map(int, row))

    def _run(self, session: Any, statement: str, *values: int) -> Any:
        cursor = session.cursor()
        cursor.execute(statement.format(table=self.table).replace("?", self._mark), values)
        return cursor
