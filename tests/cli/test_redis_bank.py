"""The bank on Valkey: `pingpool demo` as a user runs it there, and transactions that end in the middle."""

import re
import subprocess
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from typer.testing import CliRunner

import pingpool
from pingpool.cli import bank, demo, saboteur, venue
from pingpool.cli.accounts import ACCOUNTS, OPENING_BALANCE, Audit, Conflict
from pingpool.cli.ambush import Interrupted
from pingpool.cli.app import app
from pingpool.cli.redis_accounts import RedisAccounts
from pingpool.cli.venue import Venue
from pingpool.testing.ports import free_port
from pingpool.testing.servers import ValkeyServer
from tests.cli.command import run
from tests.databases.waiting import until

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures"]

Place: TypeAlias = Venue[Any]

UNTOUCHED = Audit(ACCOUNTS, ACCOUNTS * OPENING_BALANCE, OPENING_BALANCE)


def keys(server: ValkeyServer) -> list[str]:
    """Return the keys of the accounts, in their order."""
    found = server.execute("KEYS", "{pingpool_demo_*}:*")
    assert isinstance(found, list)
    return sorted(map(str, found), key=lambda key: int(key.rpartition(":")[2]))


@pytest.fixture
def place(valkey_server: ValkeyServer) -> Iterator[Place]:
    """A bank on the private server, whose books are open."""
    place = venue.named(valkey_server.url)
    with demo.books(place):
        yield place
    assert keys(valkey_server) == []


# As a user runs it


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_the_demo_runs_on_valkey(valkey_server: ValkeyServer, scheme: str) -> None:
    """By either driver, sessions are killed and every promise is kept, and neither a key nor a session stays."""
    valkey_server.execute("SET", "accounts", "of somebody else")
    before = set(valkey_server.execute("KEYS", "*"))
    done = run("demo", valkey_server.url.replace("redis", scheme, 1), "--seconds", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\nkept") == 3
    assert re.search(r"killed (idle sessions|sessions in use) +[1-9]", done.stdout)
    assert set(valkey_server.execute("KEYS", "*")) == before
    assert str(valkey_server.execute("CLIENT", "LIST")).count("id=") == 1
    valkey_server.execute("DEL", "accounts")


def test_no_strike_moves_money(valkey_server: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saboteur who never rests kills, drops and interrupts in mid-transaction; every promise is kept all the same."""
    monkeypatch.setattr(saboteur, "PAUSE", (0.0, 0.01))
    done = CliRunner().invoke(app, ["demo", valkey_server.url, "--seconds", "2"])
    strikes = re.findall(r"^(killed|had|interrupted) .*? (\d+)  ", done.output, re.MULTILINE)
    assert len(strikes) == 4
    assert all(int(count) for _, count in strikes), done.output
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("theft", [("INCRBY", "-1"), ("DEL",)])
def test_money_that_is_stolen_is_missed(
    valkey_server: ValkeyServer, theft: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A coin that somebody takes, or an account that is gone, breaks the promise, and the status is 1."""

    def steal(*_: object) -> None:
        valkey_server.execute(theft[0], keys(valkey_server)[7], *theft[1:])

    monkeypatch.setattr(demo, "print_lines", steal)
    done = CliRunner().invoke(app, ["demo", valkey_server.url])
    assert done.exit_code == 1
    assert "BROKEN The money adds up" in done.output


class CarelessAccounts(RedisAccounts):
    """A bank that watches nothing, and writes over what others wrote since it looked."""

    def change(self, account: int, amount: int) -> bool:
        self._drafts[self._keys[account]] = self.balance(account) + amount
        return True


def test_without_a_watch_money_is_lost(valkey_server: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bank that forgets its WATCH loses money in the rush hour, and the report says so: the check can fail."""
    monkeypatch.setattr(venue, "RedisAccounts", CarelessAccounts)
    monkeypatch.setattr(bank, "THINKING", 0.0)
    done = CliRunner().invoke(app, ["demo", valkey_server.url, "--seconds", "1", "--size", "16"])
    assert done.exit_code == 1
    assert "BROKEN The money adds up" in done.output


def complaint_of(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line in which a run that failed with status 1 said why."""
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    return line


def test_a_server_that_cannot_be_used_is_named(valkey_server: ValkeyServer) -> None:
    """Where nobody listens, or the password is wrong, the demo ends with one clear line, and tells no secret."""
    nowhere = f"127.0.0.1:{free_port()}"
    line = complaint_of(run("demo", f"redis://:secret@{nowhere}"))
    assert nowhere in line
    assert "secret" not in line
    valkey_server.set_password("right")
    line = complaint_of(run("demo", valkey_server.url.replace("right", "secret")))
    assert "invalid username-password pair" in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("forbidden", "complaint"),
    [
        ("-mset", "could not be opened.* 'mset'"),
        ("-@write", "could not be opened"),
        ("-del", r":0 to .*:99 could not be removed"),
    ],
)
def test_a_user_who_may_not_is_told_so(valkey_server: ValkeyServer, forbidden: str, complaint: str) -> None:
    """Who may not write is told so; who may not delete is told what stays behind."""
    valkey_server.execute("ACL", "SETUSER", "guest", "on", ">pw", "~*", "+@all", forbidden)
    try:
        url = valkey_server.url.replace("redis://", "redis://guest:pw@")
        assert re.search(complaint, complaint_of(run("demo", url, "--seconds", "0.5")))
    finally:
        valkey_server.execute("ACL", "DELUSER", "guest")
        valkey_server.execute("FLUSHALL")


# Transactions, and what they leave behind


def interrupt(place: Place, session: Any) -> None:
    """Be interrupted, as by the saboteur."""
    raise Interrupted


def stumble(place: Place, session: Any) -> None:
    """Make a mistake."""
    raise LookupError


def kill(place: Place, session: Any) -> None:
    """Lose the session to the saboteur, and notice with the next command."""
    place.kill(session)


@pytest.mark.parametrize(("strike", "replaced"), [(interrupt, {"tainted": 1}), (stumble, {}), (kill, {"lost": 1})])
def test_a_transaction_that_is_cut_short_moves_nothing(
    valkey_server: ValkeyServer, place: Place, strike: Callable[[Place, Any], None], replaced: dict[str, int]
) -> None:
    """Whatever ends a transaction in the middle, nothing has moved, and what it watched does not matter to the next."""
    with pingpool.open(place.database, size=1) as pool:
        fails = pytest.raises(BaseException)  # noqa: PT011 (each strike has its own)
        with fails, pool.session() as session, place.accounts_on(session) as accounts:
            assert accounts.change(1, -100)
            strike(place, session)
            accounts.change(2, 100)
        with pool.session() as session:
            accounts = place.accounts_on(session)
            assert accounts.audit() == UNTOUCHED
            assert accounts.change(3, -5)
            valkey_server.execute("SET", keys(valkey_server)[1], str(OPENING_BALANCE))
            assert accounts.change(4, 5)
            accounts.commit()
            assert accounts.audit() == UNTOUCHED._replace(lowest=OPENING_BALANCE - 5)
        assert pool.stats().replaced == replaced


@pytest.mark.filterwarnings("ignore:.*never put back:ResourceWarning")
def test_a_session_that_is_dropped_takes_its_transaction_along(place: Place) -> None:
    """A session that is dropped in mid-transaction moves nothing, and is noticed: nobody else holds it."""
    with pingpool.open(place.database, size=1) as pool:
        session = pool.get()
        accounts = place.accounts_on(session)
        assert accounts.change(1, -100)
        del session, accounts
        until(lambda: pool.stats().leaked == 1)
        with pool.session() as session:
            assert place.accounts_on(session).audit() == UNTOUCHED


def test_the_slower_of_two_transactions_changes_nothing(place: Place) -> None:
    """Where two change one account the first to commit wins; the other is told of the conflict, and nothing is lost."""
    with pingpool.open(place.database, size=2) as pool:
        with pytest.raises(Conflict), pool.session() as slow, pool.session() as fast:
            ours, theirs = place.accounts_on(slow), place.accounts_on(fast)
            assert ours.change(1, -100)
            assert theirs.change(1, -1)
            assert theirs.change(3, 1)
            theirs.commit()
            assert ours.change(2, 100)
            ours.commit()
        with pool.session() as session:
            accounts = place.accounts_on(session)
            assert [accounts.balance(account) for account in (1, 2, 3)] == [999, 1000, 1001]
        assert pool.stats().replaced == {}


def test_what_is_rolled_back_has_not_been(place: Place) -> None:
    """Money that is not there cannot be taken; what was changed before is undone, and nothing is watched any more."""
    with pingpool.open(place.database, size=1) as pool, pool.session() as session:
        accounts = place.accounts_on(session)
        assert accounts.change(1, 100)
        assert accounts.change(1, -OPENING_BALANCE - 100)
        assert not accounts.change(2, -OPENING_BALANCE - 1)
        accounts.roll_back()
        assert accounts.audit() == UNTOUCHED
        assert not place.database.needs_reset(session)
