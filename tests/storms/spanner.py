"""Cloud Spanner in a storm, by its server in this process."""

import threading
from collections.abc import Collection
from importlib import import_module
from typing import Any

from tests.storms.places import Place
from tests.storms.tags import Limit


class OnSpanner(Place):
    """A server without SQL, which is told what each question answers. What was written is what it was sent."""

    def __init__(self) -> None:
        self.server: Any = import_module("pingpool.testing.spanner").SpannerServer()
        self.url = f"spanner://p/i/d?emulator={self.server.address}"
        self.begun: dict[str, Any] = {}

    def prepare(self) -> None:
        """Let the server take a while, in which a call may be cut off."""
        for method in ("ExecuteStreamingSql", "BeginTransaction", "Commit"):
            self.server.delay(method, 0.001)

    def asking(self, tag: str) -> str:
        """Return a statement whose answer the server has just been told."""
        statement = f"SELECT '{tag}'"
        self.server.answer(statement, [[tag]])
        return statement

    def begin(self, session: Any, tag: str) -> Any:
        """Return a transaction that holds the write, for its holder's commit."""
        transaction = self.begun[tag] = session.transaction()
        transaction.insert("storm", ["tag"], [[tag]])
        return transaction

    def written(self) -> Collection[str]:
        inserts = [each.insert for call in self.server.calls.of("Commit") for each in call.request.mutations]
        return [tag for insert in inserts for (tag,) in insert.values]

    def sessions(self) -> int:
        return len(self.server.sessions)

    def running(self) -> int:
        return sum(len(session.transactions_running) for session in self.server.sessions)


class Spanner(OnSpanner):
    """By the client for threads."""

    def __init__(self) -> None:
        super().__init__()
        self.patience = threading.local()
        """How many `seconds` a call of this thread may take."""

    def database(self) -> Any:
        """Return what a pool opens sessions of."""
        return import_module("pingpool.databases.spanner").from_url(self.url)

    def read(self, session: Any, tag: str) -> object:
        """Ask for the tag."""
        return self.answer(session.snapshot(), tag)

    def answer(self, asked: Any, tag: str) -> object:
        """Ask by a snapshot, or a transaction, within the thread's patience."""
        try:
            [[answer]] = asked.execute_sql(self.asking(tag), timeout=self.patience.seconds, retry=None)
        except import_module("google.api_core.exceptions").DeadlineExceeded as error:
            raise Limit from error
        return answer

    def write(self, session: Any, tag: str) -> None:
        """Write it, and do not commit."""
        transaction = self.begin(session, tag)
        transaction.begin()
        self.answer(transaction, tag)

    def commit(self, session: Any, tag: str) -> None:
        """Commit."""
        self.begun[tag].commit()


class AsyncSpanner(OnSpanner):
    """By the client for asyncio."""

    def database(self) -> Any:
        """Return what a pool opens sessions of."""
        return import_module("pingpool.databases.spanner.aio").from_url(self.url)

    async def read(self, session: Any, tag: str) -> object:
        """Ask for the tag."""
        [[answer]] = [row async for row in await session.snapshot().execute_sql(self.asking(tag))]
        return answer

    async def write(self, session: Any, tag: str) -> None:
        """Write it, and do not commit."""
        await self.begin(session, tag).begin()

    async def commit(self, session: Any, tag: str) -> None:
        """Commit."""
        await self.begun[tag].commit()
