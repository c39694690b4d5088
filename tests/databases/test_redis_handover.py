"""What one holder of a connection to Valkey leaves never reaches the next, by each driver in each world."""

import asyncio
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal

import pytest

import pingpool
from pingpool.databases.redis import AsyncRedis, Redis, client_on
from pingpool.databases.redis.record import Record, commands_in
from pingpool.errors import BeyondReset
from pingpool.testing.servers import ValkeyServer
from tests.databases.waiting import SOON

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.redis_drivers"]

DATABASE = 3


class Holders:
    """Two holders of a pool of one connection, one after the other; in asyncio, or among threads."""

    def __init__(self, server: ValkeyServer, driver: ModuleType, *, in_asyncio: bool) -> None:
        self._server = server
        self._driver = driver
        self._in_asyncio = in_asyncio

    def run(self, first: Callable[[Any], Any], second: Callable[[Any], Any], **options: Any) -> "Seen":
        """Let both use the connection; return what came of it."""
        kind = AsyncRedis if self._in_asyncio else Redis
        where = kind(self._server.host, self._server.port, db=DATABASE, driver=self._driver, **options)
        return asyncio.run(self._hold(where, first, second))

    async def _hold(self, database: Any, first: Callable[[Any], Any], second: Callable[[Any], Any]) -> "Seen":
        opened: Any = pingpool.open_async if self._in_asyncio else pingpool.open
        pool = await awaited(opened(database, size=1))
        one = await awaited(pool.get())
        try:
            await awaited(first(one))
        except ValueError as error:
            await awaited(pool.give_back(one, error))
        else:
            await awaited(pool.put(one))
        other = await awaited(pool.get(SOON))
        answer = await awaited(second(other))
        await awaited(pool.put(other))
        seen = Seen(one is other, answer, dict(pool.stats().replaced))
        await awaited(pool.close())
        return seen


class Seen:
    """Whether the second holder got the same connection, what he was answered, and what was replaced."""

    def __init__(self, is_same: bool, answer: Any, replaced: dict[str, int]) -> None:
        self.is_same = is_same
        self.answer = answer
        self.replaced = replaced


async def awaited(answer: Any) -> Any:
    """Return an answer that may have to be awaited."""
    return await answer if inspect.isawaitable(answer) else answer


@pytest.fixture(params=["threads", "asyncio"])
def holders(valkey_server: ValkeyServer, driver: ModuleType, request: pytest.FixtureRequest) -> Holders:
    """Holders in each world, by each driver."""
    return Holders(valkey_server, driver, in_asyncio=request.param == "asyncio")


def sending(*words: str) -> Callable[[Any], Any]:
    """A holder who sends this by hand, and reads the answer."""

    async def send(session: Any) -> None:
        await awaited(session.send_command(*words))
        await awaited(session.read_response())

    def send_now(session: Any) -> Any:
        if inspect.iscoroutinefunction(session.send_command):
            return send(session)
        session.send_command(*words)
        return session.read_response()

    return send_now


def info(session: Any) -> Any:
    """Ask which client the server sees."""
    return client_on(session).execute_command("CLIENT", "INFO")


def described(answer: Any) -> dict[str, str]:
    """Read what the server says of a client."""
    if isinstance(answer, dict):
        return answer
    text = answer.decode() if isinstance(answer, bytes) else str(answer)
    return dict(each.partition("=")[::2] for each in text.split())


@pytest.mark.parametrize("words", [("SELECT", "5"), ("MULTI",), ("WATCH", "word")], ids=" ".join)
def test_what_can_be_put_back_is_put_back(holders: Holders, words: tuple[str, ...]) -> None:
    """Another database, a MULTI, a WATCH: the next holder gets the same connection as it was."""
    seen = holders.run(sending(*words), info)
    client = described(seen.answer)
    assert seen.is_same
    assert (client["db"], client["flags"], client.get("watch", "0")) == (str(DATABASE), "N", "0")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("SUBSCRIBE", "news"), "left open"),
        (("CLIENT", "SETNAME", "mine"), "changed"),
        (("CLIENT", "NO-EVICT", "on"), "changed"),
        (("client no-touch", "on"), "changed"),
        (("RESET",), "changed"),
        (("READONLY",), "changed"),
        (("HELLO", "2"), "changed"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else each,
)
def test_what_cannot_be_put_back_ends_the_connection(holders: Holders, words: tuple[str, ...], reason: str) -> None:
    """It is counted by its reason, and the next holder gets another one."""
    seen = holders.run(sending(*words), lambda session: client_on(session).ping(), protocol=2)
    assert not seen.is_same
    assert seen.replaced == {reason: 1}


def test_a_pipeline_that_broke_off_costs_the_connection(holders: Holders) -> None:
    """A callback that raises at the first answer leaves the others owed: nobody else is given them."""

    def boom(*_: Any, **__: Any) -> None:
        raise ValueError("no such thing")

    def break_off(session: Any) -> Any:
        client = client_on(session)
        client.set_response_callback("GET", boom)
        return client.pipeline(transaction=False).get("a").set("b", "another's").echo("another's").execute()

    seen = holders.run(break_off, lambda session: client_on(session).echo("mine"))
    assert seen.answer == b"mine"
    assert seen.replaced == {"left busy": 1}


def test_a_plain_use_by_the_client_needs_no_reset(redis: Redis, session: Any) -> None:
    """Commands and pipelines that ended leave the connection as it was."""
    client = client_on(session)
    client.set("word", "1")
    with client.pipeline() as pipe:
        pipe.watch("word")
        pipe.multi()
        pipe.get("word").delete("word").execute()
    assert redis.needs_reset(session) is False


def test_a_callback_is_not_handed_on(holders: Holders) -> None:
    """What a holder sets on the client that speaks on his connection is forgotten with it."""

    def customise(session: Any) -> None:
        client_on(session).set_response_callback("ECHO", lambda answer, **_: "changed")

    seen = holders.run(customise, lambda session: client_on(session).echo("mine"))
    assert seen.is_same
    assert seen.answer == b"mine"


def test_what_was_queued_after_a_multi_never_happens(holders: Holders) -> None:
    """The next holder's EXEC commits nothing of the last one."""

    async def queue(session: Any) -> None:
        for words in (("MULTI",), ("SET", "stranger", "1")):
            await awaited(session.send_command(*words))
            await awaited(session.read_response())

    seen = holders.run(
        lambda session: asyncio.get_running_loop().create_task(queue(session)),
        lambda session: client_on(session).exists("stranger"),
    )
    assert seen.answer == 0


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_full_reset_introduces_the_connection_anew(holders: Holders, protocol: Literal[2, 3]) -> None:
    """By RESET: afterwards it has its database, its version of the protocol and its name again."""
    seen = holders.run(sending("SELECT", "5"), info, reset="full", protocol=protocol, client_name="mine")
    client = described(seen.answer)
    assert seen.is_same
    assert (client["db"], client["resp"], client["name"]) == (str(DATABASE), str(protocol), "mine")


def test_a_function_may_clear_the_connection(holders: Holders) -> None:
    """It is called when the connection is new, and each time it comes back."""
    seen: list[Any] = []
    outcome = holders.run(lambda session: None, lambda session: seen.count(session), reset=seen.append)
    assert (outcome.is_same, outcome.answer) == (True, 2)


@pytest.mark.parametrize(
    ("said", "commands"),
    [
        (b"", []),
        (b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", [(b"GET", b"k")]),
        (b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$3\r\n*1\r\r\n$0\r\n\r\n", [(b"MULTI", b""), (b"SET", b"*1\r")]),
        (b"ECHO 1\r\n\r\n  select 2 3\r\nPING", [(b"ECHO", b"1"), (b"select", b"2"), (b"PING", b"")]),
    ],
)
def test_each_command_is_told_from_the_next(said: bytes, commands: list[tuple[bytes, bytes]]) -> None:
    """Whatever the values hold; what is typed by hand is one command a line."""
    assert list(commands_in(said)) == commands


@pytest.mark.parametrize(
    ("sent", "undone"),
    [
        ([("MULTI",), ("SET", "a", "1"), ("EXEC",)], []),
        ([("WATCH", "a"), ("UNWATCH",)], []),
        ([("WATCH", "a"), ("MULTI",), ("UNWATCH",)], [("DISCARD",)]),
        ([("SELECT", 5), ("SELECT", str(DATABASE))], []),
        ([("select 5",)], [("SELECT", DATABASE)]),
        ([("HELLO",)], []),
        ([("CLIENT", "INFO")], []),
    ],
)
def test_the_record_knows_what_is_in_force(sent: list[tuple[str | int, ...]], undone: list[tuple[Any, ...]]) -> None:
    """What was ended by its holder need not be put back."""
    record = Record(DATABASE)
    for words in sent:
        record.commands(words)
        record.answered()
    assert record.undoing() == undone
    assert record.is_clean is not bool(undone)


def test_an_answer_too_many_is_as_bad_as_one_too_few() -> None:
    """Then nobody knows to what the next one belongs."""
    record = Record(0)
    record.answered()
    with pytest.raises(BeyondReset, match="unread"):
        record.undoing()
