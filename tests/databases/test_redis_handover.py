"""Valkey by both drivers, in both worlds: nothing of one holder reaches the next. Here stands each cell of the docs."""

import asyncio
from collections.abc import Awaitable, Callable
from operator import attrgetter
from types import ModuleType
from typing import Any, NamedTuple

import pytest

import pingpool
from pingpool.databases.common.resets import Reset
from pingpool.databases.common.sockets import Look, look_at
from pingpool.databases.redis import AsyncRedis, Redis, client_on
from pingpool.testing.servers import ValkeyServer
from tests.databases.waiting import SOON, until

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.redis_drivers"]

Words = tuple[Any, ...]


class Seen(NamedTuple):
    """What the second holder was answered, and what the pool did in between."""

    answers: list[Any]
    same: bool
    replaced: dict[str, int]


Hand = Callable[..., Seen]


@pytest.fixture(autouse=True)
def users(valkey_server: ValkeyServer) -> None:
    """A server with another user, and no keys."""
    valkey_server.execute("ACL", "SETUSER", "other", "on", ">pw", "~*", "&*", "+@all")
    valkey_server.execute("FLUSHALL")


@pytest.fixture(params=["threads", "asyncio"])
def hand(request: pytest.FixtureRequest, valkey_server: ValkeyServer, driver: ModuleType) -> Hand:
    """Lend the one session of a pool twice: have the first holder send something, the second too."""
    where: dict[str, Any] = {"host": valkey_server.host, "port": valkey_server.port, "driver": driver, "db": 2}

    def in_threads(leave: list[Words], look: list[Words], **options: Any) -> Seen:
        with pingpool.open(Redis(**where, **options), size=1, labels={"app": "shop"}) as pool:
            with pool.session() as first:
                for words in leave:
                    say(first, words)
            with pool.session() as second:
                answers = [say(second, words) for words in look]
            return Seen(answers, second is first, dict(pool.stats().replaced))

    async def in_asyncio(leave: list[Words], look: list[Words], **options: Any) -> Seen:
        async with pingpool.open_async(AsyncRedis(**where, **options), size=1, labels={"app": "shop"}) as pool:
            async with pool.session() as first:
                for words in leave:
                    await say_async(first, words)
            async with pool.session() as second:
                answers = [await say_async(second, words) for words in look]
            return Seen(answers, second is first, dict(pool.stats().replaced))

    def run_in_asyncio(leave: list[Words], look: list[Words], **options: Any) -> Seen:
        return asyncio.run(in_asyncio(leave, look, **options))

    return in_threads if request.param == "threads" else run_in_asyncio


def say(session: Any, words: Words) -> Any:
    """Send a command on the connection itself, and read its answer."""
    session.send_command(*words)
    return session.read_response()


async def say_async(session: Any, words: Words) -> Any:
    """The same for asyncio."""
    await session.send_command(*words)
    return await session.read_response()


def facts(info: Any) -> dict[str, str]:
    """Take apart what `CLIENT INFO` tells."""
    said = info.decode() if isinstance(info, bytes) else str(info)
    return dict(each.split("=", 1) for each in said.split() if "=" in each)


# What a holder leaves, how the next one looks, and what he is answered.
UNDONE: dict[str, tuple[list[Words], list[Words], list[Any]]] = {
    "SELECT": ([("SELECT", 3)], [], []),
    "select, by another spelling": ([(b"select", b"3")], [], []),
    "MULTI": ([("MULTI",), ("SET", "k", "1")], [("GET", "k")], [None]),
    "MULTI, and SELECT in it": ([("MULTI",), ("SELECT", 3)], [("GET", "k")], [None]),
    "AUTH": ([("AUTH", "other", "pw")], [("ACL", "WHOAMI")], [b"default"]),
    "CLIENT SETNAME": ([("CLIENT SETNAME", "mine")], [], []),
    "CLIENT NO-EVICT": ([("CLIENT", "NO-EVICT", "ON")], [], []),
    "RESET": ([("RESET",)], [], []),
    "HELLO": ([("HELLO", "2", "AUTH", "other", "pw")], [("ACL", "WHOAMI")], [b"default"]),
}


@pytest.mark.parametrize("reset", ["rollback", "full"])
@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("what", UNDONE)
def test_what_a_command_changed_is_undone(hand: Hand, what: str, protocol: int, reset: Reset) -> None:
    """The next holder has the same connection, in its own database, as its own user, by its own name."""
    leave, look, answers = UNDONE[what]
    seen = hand(leave, [("CLIENT", "INFO"), *look], protocol=protocol, reset=reset)
    assert (seen.answers[1:], seen.same, seen.replaced) == (answers, True, {})
    about = facts(seen.answers[0])
    assert (about["db"], about["name"], about["user"]) == ("2", "app=shop", "default")
    assert (about["watch"], about["flags"], about["resp"]) == ("0", "N", str(protocol))  # N: no flag is set


ATTRIBUTES: dict[str, Any] = {
    "db": 3,
    "username": "other",
    "client_name": "mine",
    "encoder.decode_responses": True,
    "encoder.encoding": "utf-16",
}


@pytest.mark.parametrize("select_first", [True, False])
def test_the_next_holders_database_is_the_servers_and_not_what_an_attribute_says(
    redis: Redis, select_first: bool
) -> None:
    """Whoever selects another, and says so on the connection, in whatever order, does not write for others there."""
    with pingpool.open(redis, size=1) as pool:
        with pool.session() as first:
            if not select_first:
                first.db = 3
            say(first, ("SELECT", 3))
            first.db = 3
        with pool.session() as second:
            assert second is first
            assert facts(say(second, ("CLIENT", "INFO")))["db"] == "0"
            assert second.db == 0


def test_a_database_that_configure_selected_is_each_holders(hand: Hand) -> None:
    """Also if one goes back to the database in the URL."""
    seen = hand([("SELECT", 2)], [("CLIENT", "INFO")], configure=select_five)
    assert (facts(seen.answers[0])["db"], seen.same) == ("5", True)


def select_five(session: Any) -> Any:
    """Select a database, in either world."""
    return say_async(session, ("SELECT", 5)) if ".asyncio." in type(session).__module__ else say(session, ("SELECT", 5))


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes_of_the_connection_and_its_encoder_are_put_back(redis: Redis, name: str) -> None:
    """Also one that is set within the encoder, which stays the same object."""
    look = attrgetter(name)
    with pingpool.open(redis, size=1) as pool:
        with pool.session() as session:
            owner, _, last = name.rpartition(".")
            was = look(session)
            setattr(attrgetter(owner)(session) if owner else session, last, ATTRIBUTES[name])
        with pool.session() as again:
            assert again is session
            assert look(again) == was
            assert client_on(again).echo("mine") == b"mine"


def test_what_was_set_on_a_client_goes_with_its_holder(redis: Redis) -> None:
    """The next one has a client as the driver makes it."""
    with pingpool.open(redis, size=1) as pool:
        with pool.session() as session:
            client_on(session).echo = lambda _: "of the last holder"
        with pool.session() as again:
            assert again is session
            assert client_on(again).echo("mine") == b"mine"


@pytest.mark.parametrize("reset", ["rollback", "full"])
def test_a_watch_is_ended(hand: Hand, reset: Reset) -> None:
    """A key that the last holder watched does not undo the next one's transaction."""
    look = [("SET", "k", "1"), ("MULTI",), ("SET", "k", "2"), ("EXEC",)]
    assert hand([("WATCH", "k")], look, reset=reset) == Seen([b"OK", b"OK", b"QUEUED", [b"OK"]], True, {})


def test_tracking_is_ended(hand: Hand) -> None:
    """The next holder is sent no messages that he did not ask for."""
    seen = hand([("CLIENT", "TRACKING", "ON", "BCAST")], [("CLIENT", "INFO")], protocol=3)
    assert seen.same
    assert facts(seen.answers[0])["flags"] == "N"


@pytest.mark.parametrize("reset", ["rollback", "full"])
@pytest.mark.parametrize(
    "words", [("MONITOR",), ("SUBSCRIBE", "a"), ("PSUBSCRIBE", "a*"), ("SSUBSCRIBE", "a")], ids=str
)
def test_what_is_sent_unasked_ends_the_session(hand: Hand, words: Words, reset: Reset) -> None:
    """Nobody can count what still comes then: the next holder gets another connection."""
    seen = hand([words], [("ECHO", "mine")], protocol=2, reset=reset)
    assert seen == Seen([b"mine"], False, {"left open": 1})


def test_a_push_message_between_the_answers_hands_none_on(valkey_server: ValkeyServer, driver: ModuleType) -> None:
    """Some drivers take it for an answer, and are one behind then: the next holder is answered what he asks."""
    database = Redis(valkey_server.host, valkey_server.port, driver=driver, protocol=3)
    with pingpool.open(database, size=1) as pool:
        with pool.session() as first:
            for words in (("CLIENT", "TRACKING", "ON"), ("GET", "k")):
                say(first, words)
            valkey_server.execute("SET", "k", "1")
            until(lambda: look_at(first._sock.fileno()) is Look.SPEAKS)
        with pool.session(timeout=SOON) as second:
            assert [client_on(second).echo(each) for each in ("a", "b")] == [b"a", b"b"]


@pytest.mark.parametrize("word", ["OFF", "SKIP"])
def test_a_server_told_to_be_silent_ends_the_session(redis: Redis, word: str) -> None:
    """An answer that never comes is owed for ever."""
    with pingpool.open(redis, size=1) as pool:
        with pool.session() as first:
            first.send_command("CLIENT", "REPLY", word)
        with pool.session() as second:
            assert second is not first
            assert client_on(second).echo("mine") == b"mine"
        assert pool.stats().replaced == {"left busy": 1}


def test_what_does_not_pass_through_the_driver_is_cleared_by_a_full_reset_only(redis: Redis) -> None:
    """What was written on the socket itself goes on, unless all is cleared each time."""
    databases = []
    for reset in ("rollback", "full"):
        database = type(redis)(**redis._where, driver=redis._driver, reset=reset)
        with pingpool.open(database, size=1) as pool:
            with pool.session() as first:
                first._sock.sendall(b"SELECT 3\r\n")
                assert first._sock.recv(99) == b"+OK\r\n"
            with pool.session() as second:
                assert second is first
                databases.append(facts(say(second, ("CLIENT", "INFO")))["db"])
    assert databases == ["3", "0"]


def test_the_users_own_reset_is_called_each_time(hand: Hand) -> None:
    """It comes after the rollback, and is given the session."""
    called: list[object] = []
    assert hand([("SELECT", 3)], [("PING",)], reset=called.append).same
    assert len(called) == 2 + 1  # of the new session, too


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_pipeline_that_broke_off_costs_the_session(hand: Hand, redis: Redis, protocol: int) -> None:
    """Its second answer comes later, and is nobody else's: what is sent is counted, and so is what is read."""
    database = type(redis)(**redis._where, driver=redis._driver, protocol=protocol)

    def refuse(*_: object, **__: object) -> object:
        raise ValueError("no JSON")

    with pingpool.open(database, size=1) as pool:
        with pool.session() as first:
            client = client_on(first)
            client.set_response_callback("ECHO", refuse)
            with pytest.raises(ValueError, match="no JSON"):
                client.pipeline(transaction=False).echo("1").blpop("nothing", 0.1).set("k", "1").execute()
        with pool.session(timeout=SOON) as second:
            assert second is not first
            assert [client_on(second).echo(each) for each in ("a", "b")] == [b"a", b"b"]
        assert pool.stats().replaced == {"left busy": 1}


def test_a_pipeline_that_broke_off_costs_the_session_in_asyncio(
    valkey_server: ValkeyServer, driver: ModuleType
) -> None:
    """The same there."""

    def refuse(*_: object, **__: object) -> object:
        raise ValueError("no JSON")

    async def main() -> None:
        database = AsyncRedis(valkey_server.host, valkey_server.port, driver=driver)
        async with pingpool.open_async(database, size=1) as pool:
            async with pool.session() as first:
                client = client_on(first)
                client.set_response_callback("ECHO", refuse)
                with pytest.raises(ValueError, match="no JSON"):
                    await client.pipeline(transaction=False).echo("1").blpop("nothing", 0.1).set("k", "1").execute()
            async with pool.session(timeout=SOON) as second:
                assert second is not first
                assert [await client_on(second).echo(each) for each in ("a", "b")] == [b"a", b"b"]
            assert pool.stats().replaced == {"left busy": 1}

    asyncio.run(main())


def test_what_was_set_on_the_connection_is_put_back(redis: Redis) -> None:
    """Its time-out, and what its client was taught of answers."""
    with pingpool.open(redis, size=1) as pool:
        with pool.session() as first:
            first.socket_timeout = 0.001
            client_on(first).set_response_callback("ECHO", lambda *_, **__: "mine")
            assert client_on(first).echo("a") == "mine"
        with pool.session() as second:
            assert second is first
            assert second.socket_timeout != 0.001
            assert client_on(second).echo("a") == b"a"


def test_what_was_set_in_a_clients_table_goes_with_its_holder(redis: Redis) -> None:
    """A callback for answers may also be set past the client's method."""
    with pingpool.open(redis, size=1) as pool:
        with pool.session() as first:
            client_on(first).response_callbacks["ECHO"] = lambda *_, **__: "mine"
            assert client_on(first).echo("a") == "mine"
        with pool.session() as second:
            assert second is first
            assert client_on(second).echo("a") == b"a"


def test_a_client_that_was_only_used_needs_no_reset(redis: Redis, session: Any) -> None:
    """Making one, and using it, is no change: the session goes straight back to idle."""
    client_on(session).set("k", "1")
    client_on(session).pipeline().get("k").execute()
    assert redis.needs_reset(session) is False


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.update({"ECHO": len}),
        lambda table: table.pop("PING"),
        lambda table: table.__delitem__("PING"),
        lambda table: table.clear(),
    ],
    ids=["update", "pop", "del", "clear"],
)
def test_every_change_of_a_clients_table_is_seen(redis: Redis, session: Any, change: Callable[[Any], Any]) -> None:
    """What was taken out of it would be missing for the next holder."""
    change(client_on(session).response_callbacks)
    assert redis.needs_reset(session) is True


def commands_of(server: ValkeyServer) -> int:
    """How many commands the server has run so far, this one not among them."""
    said = str(server.execute("INFO", "stats"))
    return int(said.split("total_commands_processed:")[1].split("\\")[0].split()[0])


def test_a_clean_session_costs_no_command(redis: Redis, valkey_server: ValkeyServer) -> None:
    """Unused, used, or used by a transaction: nothing is sent that the holders did not send."""
    with pingpool.open(redis, size=1) as pool:
        before = commands_of(valkey_server)
        own = commands_of(valkey_server) - before
        before = commands_of(valkey_server)
        for _ in range(10):
            with pool.session():
                pass
            with pool.session() as session:
                client_on(session).get("k")
            with pool.session() as session:
                client_on(session).pipeline().get("k").execute()
        assert commands_of(valkey_server) - before - own == 10 * (1 + 3)


async def cut(call: Awaitable[Any], turns: int) -> None:
    """Start something, and cancel it after so many turns of the loop."""
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_no_cut_hands_an_answer_on(valkey_server: ValkeyServer, driver: ModuleType) -> None:
    """Pipelines that are cancelled at any moment within a block: the next holder is answered what he asks."""

    async def main() -> None:
        database = AsyncRedis(valkey_server.host, valkey_server.port, driver=driver)
        async with pingpool.open_async(database, size=1) as pool:
            for turn in range(100):
                async with pool.session() as session:
                    pipe = client_on(session).pipeline(transaction=turn % 2 == 0)
                    for each in range(5):
                        pipe.echo(f"{turn} {each}")
                    await cut(pipe.execute(), turn % 10)
                async with pool.session(timeout=SOON) as session:
                    assert await client_on(session).echo(f"mine {turn}") == f"mine {turn}".encode()

    asyncio.run(main())
