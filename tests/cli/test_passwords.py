"""Where the commands find a password that does not stand in the URL."""

import sys
from collections.abc import Iterator

import pytest

from pingpool.cli import passwords
from pingpool.cli.passwords import admitted, completed
from pingpool.testing.servers import MariaDBServer, PostgresServer, PrivateServer, ValkeyServer
from pingpool.testing.skipping import skipped_if_missing

from .command import run

SECRET = "right/@ one"


@pytest.fixture(scope="module", params=[PostgresServer, MariaDBServer, ValkeyServer])
def server(request: pytest.FixtureRequest) -> Iterator[PrivateServer]:
    """A server that wants a password."""
    with skipped_if_missing(), request.param(password=SECRET) as server:
        yield server


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No password is in the environment."""
    for variable in passwords.PLACES.values():
        monkeypatch.delenv(variable, raising=False)


def without_password(server: PrivateServer) -> str:
    """Return the URL of a server without the password."""
    whole = server.url
    start, place = whole.split("://")[0], whole.rpartition("@")[2]
    user = whole.split("://")[1].partition(":")[0]
    return f"{start}://{user}@{place}" if user else f"{start}://{place}"


@pytest.mark.parametrize(
    ("url", "variable", "whole"),
    [
        ("mysql://u@h/d?ssl=true", "MYSQL_PWD", "mysql://u:s%2Fx@h/d?ssl=true"),
        ("redis://h:1/0", "REDISCLI_AUTH", "redis://:s%2Fx@h:1/0"),
        ("valkeys://u@h/0", "VALKEYCLI_AUTH", "valkeys://u:s%2Fx@h/0"),
        ("mysql://u:own@h/d", "MYSQL_PWD", "mysql://u:own@h/d"),
        ("postgresql://u@h/d", "PGPASSWORD", "postgresql://u@h/d"),
        ("mysql://[", "MYSQL_PWD", "mysql://["),
    ],
)
def test_a_password_is_taken_from_the_drivers_place(
    monkeypatch: pytest.MonkeyPatch, url: str, variable: str, whole: str
) -> None:
    """Each scheme has its variable; a password in the URL counts first, and libpq finds its own."""
    monkeypatch.setenv(variable, "s/x")
    assert completed(url) == whole


@pytest.mark.server
def test_a_password_is_asked_for_at_the_terminal(server: PrivateServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that wants one is given what a person types, once; the prompt says for whom it is."""
    prompts: list[str] = []

    def typed(prompt: str) -> str:
        prompts.append(prompt)
        return SECRET

    monkeypatch.setattr(passwords, "getpass", typed)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert admitted(without_password(server)) == server.url
    [prompt] = prompts
    assert str(server.port) in prompt
    assert admitted(server.url) == server.url
    assert len(prompts) == 1, "a password that is there is not asked for"


@pytest.mark.server
@pytest.mark.parametrize("command", ["probe", "demo"])
def test_where_nobody_can_be_asked_a_sentence_says_what_to_do(server: PrivateServer, command: str) -> None:
    """Without a terminal the command ends at once, and names the variable that it would read."""
    done = run(command, without_password(server))
    assert done.returncode == 1
    assert done.stderr.startswith("The server wants a password: set ")
    assert len(done.stderr.splitlines()) == 1


def test_the_help_says_that_a_password_may_be_asked_for() -> None:
    """Who reads the help knows that no password has to stand in the URL."""
    for command in ("probe", "demo"):
        assert "asked for at the terminal" in " ".join(run(command, "--help").stdout.replace("│", " ").split())
