"""`pingpool.open`: from a URL, or a database, to a pool that is bound and kept alive."""

import asyncio
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest

import pingpool
from pingpool import CannotFill, PoolClosed, PoolTimeout, schemes, testing
from pingpool.databases.in_threads import InThreads
from pingpool.databases.sqlite import SQLite
from pingpool.errors import UnknownScheme
from pingpool.testing import Clock, FakeSession, FaultyDatabase
from pingpool.testing.async_database import AsyncFaultyDatabase


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package is installed, which knows a scheme of its own, and one that is broken."""
    declared = tmp_path / "bank-1.0.dist-info"
    declared.mkdir()
    (declared / "METADATA").write_text("Metadata-Version: 2.1\nName: bank\nVersion: 1.0\n")
    (declared / "entry_points.txt").write_text(
        f"[{schemes.GROUP}]\nbank = {__name__}:from_third_party_url\nbroken = a_package_that_is_not_there:from_url\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


class Bank(FaultyDatabase):
    """A database that shows the URL it was made from."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def create(self, *, labels: Mapping[str, str], timeout: float) -> FakeSession:
        """Open a session that is labelled with the URL."""
        return super().create(labels={"url": self.url}, timeout=timeout)


def from_third_party_url(url: str) -> Bank:
    """Stand for the function that another package declares for its scheme."""
    return Bank(url)


def test_a_url_opens_a_file(tmp_path: Path) -> None:
    """The shortest way: a URL, a block, a statement."""
    with pingpool.open(f"sqlite:///{tmp_path}/shop.db", size=2) as pool, pool.session() as connection:
        assert isinstance(connection, sqlite3.Connection)
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert (tmp_path / "shop.db").exists()


def test_a_database_opens_as_it_is() -> None:
    """Instead of a URL there may be a database; with `wait_for=None` the pool is full when `open` returns."""
    database = FaultyDatabase()
    with pingpool.open(database, size=3, wait_for=None) as pool:
        assert len(database.live) == 3
        session: FakeSession = pool.get()
        pool.put(session)
    assert database.live == []


def test_a_pool_may_be_opened_before_its_database() -> None:
    """`open(wait_for=0)` comes back though no session is there yet; they can be waited for."""
    database = FaultyDatabase()
    with database.hanging("create"):
        pool = pingpool.open(database, size=3, wait_for=0)
        assert pool.stats().creating == 3
        with pytest.raises(PoolTimeout, match=r"0 sessions are open after .* s, not 1"):
            pool.wait(0, sessions=1)
    with pool:
        pool.wait(10)
        assert pool.stats().idle == 3


@pytest.mark.parametrize(("wait_for", "count"), [(0, 0), (1, 1), (2, 2), (None, 0)])
def test_a_lazy_pool_opens_what_it_waits_for(wait_for: int | None, count: int) -> None:
    """`open` with `fill="lazy"` opens one session, as a proof, or as many as it is told to; None asks for none."""
    database = FaultyDatabase()
    with pingpool.open(database, size=3, fill="lazy", wait_for=wait_for) as pool:
        assert (database.calls["create"], pool.stats().idle) == (count, count)


def test_a_wait_for_that_makes_no_sense_opens_nothing() -> None:
    """It is checked before anything is opened, and the error says what there may be."""
    database = FaultyDatabase()
    with pytest.raises(ValueError, match="wait_for must be from 0 to the size of the pool, which is 3; got 4"):
        pingpool.open(database, size=3, wait_for=4)
    with pytest.raises(TypeError, match="wait_for must be a whole number, or None for all; got '1'"):
        pingpool.open(database, wait_for="1")  # type: ignore[call-overload]
    assert database.calls["create"] == 0


def test_the_interval_is_learned_unless_something_else_is_said() -> None:
    """`open` and `open_async` have "auto", the class has 3000; a database may know better, also beneath `InThreads`."""

    class Strict(FaultyDatabase):
        usual_interval = 77

    async def in_asyncio() -> None:
        async with pingpool.open_async(AsyncFaultyDatabase()) as pool:
            assert pool.ping_interval == 30
        async with pingpool.open_async(InThreads(Strict())) as pool:
            assert pool.ping_interval == 77

    with pingpool.open(FaultyDatabase()) as pool:
        assert pool.ping_interval == 30
    with pingpool.open(Strict()) as pool:
        assert pool.ping_interval == 77
    with pingpool.open(Strict(), ping_interval="auto") as pool:
        assert pool.ping_interval == 30
    assert pingpool.PingingPool[FakeSession]().ping_interval == pingpool.AsyncPingingPool().ping_interval == 3000
    asyncio.run(in_asyncio())


def test_an_open_pool_is_kept_alive() -> None:
    """`open` starts the keeper: with time, idle sessions are pinged though nobody asks for that."""
    clock, database = Clock(), FaultyDatabase()
    with testing.open(database, size=1, ping_interval=60, clock=clock):
        clock.advance(59)
        database.wait_for("ping")


def test_options_reach_the_pool() -> None:
    """`open` takes all options of `PingingPool`."""
    with pingpool.open(FaultyDatabase(), size=1, name="orders", labels={"team": "shop"}) as pool:
        assert (pool.size, pool.name, pool.labels) == (1, "orders", {"team": "shop"})


@pytest.mark.parametrize("options", [{"size": 0}, {"sise": 3}, {"ping_interval": "x"}])
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    """Nothing is opened for an option that cannot be meant."""
    database = FaultyDatabase()
    with pytest.raises((TypeError, ValueError)):
        pingpool.open(database, **options)  # type: ignore[call-overload]
    assert database.calls["create"] == 0


def test_a_pool_that_cannot_be_filled_leaves_nothing() -> None:
    """When the database opens no session `open` raises, and no session stays open."""
    database = FaultyDatabase()
    database.fail("create", ConnectionError, times=1)
    with pytest.raises(CannotFill):
        pingpool.open(database, size=3)
    assert database.live == []


@pytest.mark.parametrize("junk", [None, 5, Path("shop.db"), FaultyDatabase])
def test_what_is_neither_url_nor_database_is_refused(junk: object) -> None:
    """`open` says what it takes."""
    with pytest.raises(TypeError, match="Database"):
        pingpool.open(junk, size=1)  # type: ignore[call-overload]


@pytest.mark.usefixtures("third_party")
def test_another_package_may_bring_a_scheme() -> None:
    """A function declared in the entry-point group gets the whole URL and returns the database."""
    with pingpool.open("bank://vault?floor=2", size=1) as pool, pool.session() as session:
        assert session.labels == {"url": "bank://vault?floor=2"}


@pytest.mark.usefixtures("third_party")
@pytest.mark.parametrize("url", ["oracle://x", "shop.db", "", ":", "//x", "sqlit:///x", "sqlite"])
def test_an_unknown_scheme_names_the_known_ones(url: str) -> None:
    """Who mistypes a scheme is told which there are."""
    with pytest.raises(UnknownScheme, match=r"bank, broken, .*sqlite"):
        pingpool.open(url)


def test_an_unknown_scheme_does_not_tell_a_password() -> None:
    """The error for a URL that cannot be opened goes into logs, so it shows no secret."""
    with pytest.raises(UnknownScheme, match="oracle") as caught:
        pingpool.open("oracle://scott:tiger@host/db")
    assert "tiger" not in str(caught.value)


@pytest.mark.usefixtures("third_party")
@pytest.mark.parametrize("url", ["SQLite://", "SQLITE:///:memory:"])
def test_a_scheme_may_be_written_in_capitals(url: str) -> None:
    """The schemes of URLs know no case."""
    with pingpool.open(url, size=1) as pool:
        assert pool.size == 1


@pytest.mark.usefixtures("third_party")
def test_a_scheme_whose_package_is_broken_says_so() -> None:
    """If what a scheme needs is not installed, the error is that of the import."""
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_not_there"):
        pingpool.open("broken://")


def test_sqlite_is_declared() -> None:
    """The installed package declares the scheme it brings."""
    assert isinstance(schemes.database_of("sqlite://"), SQLite)


def test_the_block_closes_the_pool() -> None:
    """After the block the pool lends nothing more."""
    with pingpool.open(FaultyDatabase(), size=1) as pool:
        pass
    with pytest.raises(PoolClosed):
        pool.get(0)


def test_what_belongs_to_the_other_world_is_told_so() -> None:
    """A scheme that only asyncio knows, and a database that is made for it, are sent to `open_async`."""
    with pytest.raises(UnknownScheme, match=r"open_async\(\) knows it"):
        pingpool.open("asyncpg://shop@db/shop")
    with pytest.raises(TypeError, match=r"use open_async\(\)"):
        pingpool.open(AsyncFaultyDatabase())  # type: ignore[call-overload]
