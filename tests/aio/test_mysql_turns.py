"""MariaDB by aiomysql: one session, one command at a time, so that nobody meets the answer to another's question."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import pingpool
from pingpool.databases.mysql import AsyncMySQL
from pingpool.testing.servers import MariaDBServer
from tests.aio.mysql_lab import PLAIN, connect, run, soon
from tests.databases.waiting import SOON

pytestmark = pytest.mark.server

aiomysql: Any = pytest.importorskip("aiomysql")

pytest_plugins = ["pingpool.testing.fixtures"]


@pytest.fixture
def mysql(mariadb_server: MariaDBServer) -> AsyncMySQL:
    """The database of the private server, in autocommit, where a session that comes back counts as settled."""
    return AsyncMySQL.from_url(mariadb_server.url + PLAIN + "&autocommit=true")


def sleepers(server: MariaDBServer) -> bool:
    """Whether the server is busy with a SLEEP."""
    return bool(server.execute("SELECT 1 FROM information_schema.processlist WHERE state='User sleep'"))


async def own_answer(pool: Any) -> Any:
    """Lend a session, ask it for something, and return the answer."""
    async with pool.session(timeout=SOON) as session:
        return await run(session, "SELECT 'mine'")


def test_two_statements_at_once_leave_no_answer_to_the_next_holder(mysql: AsyncMySQL) -> None:
    """Of two statements gathered on one session the second is refused, and nobody meets the answer of either."""

    async def main() -> None:
        async with pingpool.open_async(mysql, size=1) as pool:
            with pytest.raises(aiomysql.ProgrammingError, match="another command is under way"):
                async with pool.session() as session:
                    await asyncio.gather(
                        run(session, "SELECT SLEEP(0.2)"), run(session, "SELECT SLEEP(0.3), 'another''s'")
                    )
            for _ in range(3):
                assert await own_answer(pool) == ("mine",)
                await asyncio.sleep(0.1)  # the answers come, if they do

    asyncio.run(main())


def test_a_statement_of_a_task_left_running_is_not_lent_on(mariadb_server: MariaDBServer, mysql: AsyncMySQL) -> None:
    """A session that comes back while a task still waits for an answer on it is replaced; the task is told."""

    async def main() -> None:
        async with pingpool.open_async(mysql, size=1) as pool:
            async with pool.session() as first:
                left = asyncio.create_task(run(first, "SELECT SLEEP(5), 'another''s'"))
                await soon(lambda: sleepers(mariadb_server))
            assert await own_answer(pool) == ("mine",)
            assert pool.stats().replaced == {"left busy": 1}
            with pytest.raises(aiomysql.OperationalError, match="Lost connection"):
                await left

    asyncio.run(main())


def test_a_command_on_a_session_that_was_put_back_hides_it(mariadb_server: MariaDBServer, mysql: AsyncMySQL) -> None:
    """A holder that uses a session after putting it back makes it look dead, and the next holder gets another."""

    async def main() -> None:
        async with pingpool.open_async(mysql, size=1) as pool:
            async with pool.session() as first:
                pass
            late = asyncio.create_task(run(first, "SELECT SLEEP(5), 'another''s'"))
            await soon(lambda: sleepers(mariadb_server))
            assert await own_answer(pool) == ("mine",)
            await asyncio.gather(late, return_exceptions=True)

    asyncio.run(main())


def test_the_one_whose_turn_it_is_is_not_disturbed(mariadb_server: MariaDBServer, mysql: AsyncMySQL) -> None:
    """Whatever another task tries meanwhile is refused before it is sent, and the first gets its answer."""

    async def main() -> None:
        session = await connect(mysql)
        tries: list[Callable[[], Coroutine[Any, Any, Any]]] = [
            session.commit,
            session.ping,
            session.rollback,
            lambda: session.select_db("mysql"),
            lambda: run(session, "SELECT 1"),
        ]
        first = asyncio.create_task(run(session, "SELECT SLEEP(0.2), 'mine'"))
        await soon(lambda: sleepers(mariadb_server))
        for call in tries:
            with pytest.raises(aiomysql.ProgrammingError, match="another command is under way"):
                await call()
        assert await first == (0, "mine")
        assert await run(session, "SELECT database()") == ("test",)
        session.close()

    asyncio.run(main())


def test_an_error_in_the_middle_of_an_answer_ends_the_session(mysql: AsyncMySQL) -> None:
    """An answer that the driver could not read to its end is nobody else's: the session is closed."""

    def stumble(value: str) -> str:
        raise LookupError(value)

    async def main() -> None:
        session = await connect(mysql)
        session.decoders = {**session.decoders, 8: stumble}
        with pytest.raises(LookupError):
            await run(session, "SELECT seq FROM seq_1_to_1000")
        assert session.closed

    asyncio.run(main())


def test_an_error_of_the_server_or_before_anything_was_sent_ends_nothing(mysql: AsyncMySQL) -> None:
    """A wrong statement, and one that cannot be written, leave the session as it was."""

    async def main() -> None:
        session = await connect(mysql)
        session._encoding = "latin-1"
        for wrong in ("COMPLAIN", "SELECT '\N{SNOWMAN}'"):
            with pytest.raises((aiomysql.ProgrammingError, UnicodeEncodeError)):
                await run(session, wrong)
            assert await run(session, "SELECT 1") == (1,)
        session.close()

    asyncio.run(main())
