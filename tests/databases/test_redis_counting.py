"""Redis: what is sent is counted, and so is what is answered, so no session goes out of step."""

from typing import Any

import pytest

import pingpool
from pingpool.databases.redis import Redis, client_on
from pingpool.databases.redis.commands import commands_in

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.redis_drivers"]


@pytest.mark.parametrize("transaction", [False, True])
def test_a_pipeline_read_to_its_end_owes_nothing(redis: Redis, transaction: bool) -> None:
    """As many answers as commands, also of a transaction, and also if some are complaints."""
    with pingpool.open(redis, size=1) as pool:
        with pool.session() as first:
            pipe = client_on(first).pipeline(transaction=transaction)
            answers = pipe.set("k", "1").incrby("k", 2).lpush("k", 1).get("k").execute(raise_on_error=False)
            assert [answers[0], answers[1], answers[3]] == [True, 3, b"3"]
            assert (first.owed, first.changes) == (0, set())
        with pool.session() as second:
            assert second is first


@pytest.mark.parametrize(
    ("packed", "read"),
    [
        ([b"*2\r\n$3\r\nGET\r\n$1\r\nx\r\n*1\r\n$4\r\nPING\r\n"], 1),
        ([b"PING\r\n", b"PING\r\n"], 1),
        ([b"*1\r\n$4\r\nPI"], 0),
    ],
)
def test_raw_bytes_are_counted_too(redis: Redis, packed: list[bytes], read: int) -> None:
    """Commands that were packed by hand, typed, or cut short: what is not answered ends the session."""
    with pingpool.open(redis, size=1) as pool:
        with pool.session() as first:
            first.send_packed_command(packed)
            for _ in range(read):
                first.read_response()
        with pool.session() as second:
            assert second is not first
        assert pool.stats().replaced == {"left busy": 1}


def test_an_answer_that_nobody_asked_for_puts_a_session_out_of_step(session: Any) -> None:
    """A connection that read more than it is known to have sent is trusted no more."""
    session._sock.sendall(b"ECHO 1\r\n")
    assert session.read_response() == b"1"
    session.send_command("PING")
    assert session.read_response() == b"PONG"
    assert session.owed


@pytest.mark.parametrize(
    ("packed", "commands"),
    [
        ([b"*1\r\n$4\r\nPING\r\n"], [[b"PING"]]),
        ([b"*2\r\n$4\r\nECHO\r\n$", b"8\r\n*1\r\n$1\r\n\r\n"], [[b"ECHO", b"*1\r\n$1\r\n"]]),
        ("PING\r\nECHO 1\r\n\r\n", [[b"PING"], [b"ECHO", b"1"]]),
        (b"", []),
    ],
)
def test_commands_are_told_apart(packed: Any, commands: list[list[bytes]]) -> None:
    """By the protocol, whatever their arguments look like."""
    assert commands_in(packed) == commands


@pytest.mark.parametrize("packed", [b"PING", b"*1\r\n", b"*1\r\n$4\r\nPI", b"*x\r\n", b"*1\r\n$4\r\nPING"])
def test_commands_cut_short_are_refused(packed: bytes) -> None:
    """Nobody knows how many answers they will have."""
    with pytest.raises(ValueError):  # noqa: PT011 (its text is nobody's)
        commands_in(packed)


def test_a_command_that_cannot_be_packed_was_not_sent(redis: Redis) -> None:
    """It costs no session, and does not hide what is sent after it."""
    with pingpool.open(redis, size=1) as pool:
        with pool.session() as first, pytest.raises(redis._driver.DataError):
            client_on(first).set("k", object())
        with pool.session() as second:
            assert second is first
            second.send_packed_command([b"PING\r\nPING\r\n"])
            second.read_response()
        with pool.session() as third:
            assert third is not second
