"""Cloud Spanner in a storm, by its server in this process, which notes who calls while another call is in a session."""

from collections.abc import Collection
from importlib import import_module
from typing import Any

from tests.storms.places import Place


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

    def complaints(self) -> Collection[str]:
        return self.server.violations


class Spanner(OnSpanner):
    """By the client for threads."""

    def database(self) -> Any:
        """Return what a pool opens sessions of."""
        return import_module("pingpool.databases.spanner").from_url(self.url)

    def read(self, session: Any, tag: str) -> object:
        """Ask for the tag."""
        [[answer]] = session.snapshot().execute_sql(self.asking(tag))
        return answer

    def write(self, session: Any, tag: str) -> None:
        """Write it, and do not commit."""
        self.begin(session, tag).begin()

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
