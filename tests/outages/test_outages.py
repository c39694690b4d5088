"""Outages of real servers: what callers of a pool notice, scene by scene.

The scenes are those of `bench/outages.py`, where they are played to other pools too. Here the bounds are generous, for
busy machines, and the outages short; `-m long` plays them in full.
"""

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

import pingpool
from bench import outage_scenes as scenes
from bench.outage_callers import CUT_OFF, DEAD, FAILED, WELL, Loan, Pool, seconds_until_well
from bench.outage_peers import Lender
from pingpool import Database
from pingpool.databases import mysql, redis
from pingpool.databases.postgres import Postgres
from pingpool.testing.servers import MariaDBServer, PostgresServer, PrivateServer, ServerMissing, ValkeyServer

SLACK = 0.05
"""Seconds by which a checkout may overrun its time."""

BUSY = 1.0
"""Seconds that a busy machine may take to do what takes a moment."""

PING_DEADLINE = 1.0


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[PostgresServer]:
    """The server of all scenes for PostgreSQL."""
    try:
        with scenes.private_server() as server:
            yield server
    except ServerMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module", params=[MariaDBServer, ValkeyServer])
def other_server(request: pytest.FixtureRequest) -> Iterator[PrivateServer]:
    """A MariaDB, and a Valkey."""
    try:
        with request.param() as server:
            yield server
    except ServerMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(autouse=True)
def short_relief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our pool needs no two seconds to be well."""
    monkeypatch.setattr(scenes, "RELIEF", 0.7)


def postgres(url: str) -> tuple[Database[Any], Callable[[Any, str], object]]:
    """Return how PostgreSQL is opened and used."""
    return Postgres(url, autocommit=True, prepare_threshold=None), lambda session, statement: session.execute(statement)


def others(url: str) -> tuple[Database[Any], Callable[[Any, str], object]]:
    """Return how MariaDB and Valkey are opened and used."""
    if url.startswith("mysql"):
        return mysql.from_url(url + "?ssl_disabled=true"), lambda session, statement: session.query(statement)
    return redis.from_url(url), lambda session, statement: redis.client_on(session).ping()


def opened(
    kind: Callable[[str], tuple[Database[Any], Callable[[Any, str], object]]],
    url: str,
    size: int,
    timeout: float,
    *,
    ping_interval: float = 1.0,
) -> Pool:
    """Open our pool for a scene."""
    database, run = kind(url)
    pool = pingpool.open(
        database, size=size, default_timeout=timeout, ping_interval=ping_interval, io_timeout=PING_DEADLINE
    )

    @contextmanager
    def use() -> Generator[Loan]:
        with pool.session() as session:
            yield Loan(partial(run, session), lambda: not database.glance(session))

    return Lender(use, pool.close)


ours = partial(opened, postgres)
ours_elsewhere = partial(opened, others)


def fates(story: scenes.Story) -> Counter[str]:
    """Count how the uses of a story went; nobody may hang, and somebody must have got through."""
    counts = Counter(use.fate for use in story.uses)
    assert story.hanging == 0
    assert counts[WELL] > 0
    return counts


def longest_checkout(story: scenes.Story) -> float:
    """Return the longest that anybody waited for the pool."""
    return max(use.checkout for use in story.uses)


def heals_within(story: scenes.Story, bound: float) -> None:
    """Insist that everybody works again so soon after the cause was gone."""
    well = seconds_until_well(story.uses, story.healed, scenes.CALLERS)
    assert well is not None
    assert well <= bound


def short_or(full: float, short: float) -> Any:
    """Play a scene for a short time, and with `-m long` in full."""
    return pytest.mark.parametrize("length", [short, pytest.param(full, marks=pytest.mark.long)])


@short_or(5, 1)
def test_a_idle_kills_are_not_noticed(postgres_server: PostgresServer, length: int) -> None:
    """(a) Kept alive across the server's idle limit: no errors, and no checkout waits for a connection."""
    story = scenes.idle(ours, postgres_server, bursts=int(length))
    assert fates(story) == {WELL: 40 * length}
    waits = sorted(use.checkout for use in story.uses)
    assert waits[len(waits) // 2] < 0.001


def test_a_checkout_costs_no_round_trip(postgres_server: PostgresServer) -> None:
    """A checkout and a return cost nothing on the network beyond the statement."""
    assert scenes.extra_round_trips(partial(ours, ping_interval=3000), postgres_server) == 0


@short_or(2.0, 0.7)
def test_b_a_restart_fails_no_checkout(postgres_server: PostgresServer, length: float) -> None:
    """(b) Errors only for who was inside a statement at that instant; everybody else waits, and all are well soon."""
    story = scenes.restart(ours, postgres_server, length)
    counts = fates(story)
    assert counts[FAILED] == 0
    assert counts[CUT_OFF] + counts[DEAD] <= scenes.SIZE  # dead: it may die between the glance and the statement
    heals_within(story, 0.25 + BUSY)


@short_or(6.0, 1.5)
def test_c_a_frozen_backend_holds_up_no_checkout(postgres_server: PostgresServer, length: float) -> None:
    """(c) No checkout is longer than the deadline of a ping, and nobody gets an error."""
    story = scenes.frozen_backend(ours, postgres_server, length)
    assert fates(story).keys() == {WELL}
    assert longest_checkout(story) <= PING_DEADLINE + SLACK


def test_d_terminated_sessions_are_not_handed_out(postgres_server: PostgresServer) -> None:
    """(d) Errors at most for who was inside a statement, none for who checks out later."""
    story = scenes.terminated(ours, postgres_server)
    counts = fates(story)
    assert counts[FAILED] == 0
    assert counts[CUT_OFF] + counts[DEAD] <= scenes.SIZE  # dead: it may die between the glance and the statement
    heals_within(story, BUSY)


@short_or(4.0, 1.5)
def test_e_a_frozen_server_costs_callers_their_timeout(postgres_server: PostgresServer, length: float) -> None:
    """(e) No checkout takes longer than its timeout, and all is well again when the server is."""
    story = scenes.frozen_server(ours, postgres_server, length)
    assert fates(story)[DEAD] == 0
    assert longest_checkout(story) <= 1.0 + SLACK
    heals_within(story, 0.25 + BUSY)


@short_or(4.0, 1.5)
def test_f_a_black_hole_costs_callers_their_timeout(postgres_server: PostgresServer, length: float) -> None:
    """(f) No checkout takes longer than its timeout, and all is well again when the network is."""
    story = scenes.black_hole(ours, postgres_server, length)
    assert fates(story)[DEAD] == 0
    assert longest_checkout(story) <= 1.0 + SLACK
    heals_within(story, 0.25 + BUSY)


@short_or(4.0, 1.2)
def test_g_a_crowded_server_leaves_the_pool_degraded_but_live(postgres_server: PostgresServer, length: float) -> None:
    """(g) The sessions that are left serve everybody; the pool asks for more at most four times a second."""
    story = scenes.crowded(ours, postgres_server, length)
    counts = fates(story)
    assert counts[FAILED] == counts[DEAD] == 0
    assert 1 <= len(story.connects) <= 4 * length + 2


@short_or(4.0, 1.2)
def test_h_a_wrong_password_is_told_at_once(postgres_server: PostgresServer, length: float) -> None:
    """(h) Callers are told at once what is wrong, the server is not hammered, and it heals without a restart."""
    story = scenes.wrong_password(ours, postgres_server, length)
    counts = fates(story)
    assert counts[DEAD] == 0
    assert counts[FAILED] > 0
    refused = [use for use in story.uses if use.got is None]
    assert all(use.error is not None and "password authentication failed" in use.error for use in refused)
    assert sorted(use.checkout for use in refused)[len(refused) // 2] < SLACK
    assert len(story.connects) <= 4 * length + 2
    heals_within(story, 0.25 + BUSY)


# The same for MariaDB and Valkey, where it makes sense


def test_a_restart_elsewhere(other_server: PrivateServer) -> None:
    """(b) for MariaDB and Valkey."""
    story = scenes.restart(ours_elsewhere, other_server, 0.7)
    counts = fates(story)
    assert counts[FAILED] == 0
    assert counts[CUT_OFF] + counts[DEAD] <= scenes.SIZE  # dead: it may die between the glance and the statement
    heals_within(story, 0.25 + BUSY)


def test_terminated_sessions_elsewhere(other_server: PrivateServer) -> None:
    """(d) for MariaDB and Valkey."""
    story = scenes.terminated(ours_elsewhere, other_server)
    counts = fates(story)
    assert counts[FAILED] == 0
    assert counts[CUT_OFF] + counts[DEAD] <= scenes.SIZE  # dead: it may die between the glance and the statement


@pytest.mark.long
def test_a_frozen_server_elsewhere(other_server: PrivateServer) -> None:
    """(e) for MariaDB and Valkey."""
    story = scenes.frozen_server(ours_elsewhere, other_server, 1.5)
    assert fates(story)[DEAD] == 0
    assert longest_checkout(story) <= 1.0 + SLACK
    heals_within(story, 0.25 + BUSY)


def test_a_black_hole_elsewhere(other_server: PrivateServer) -> None:
    """(f) for MariaDB and Valkey."""
    story = scenes.black_hole(ours_elsewhere, other_server, 1.5)
    assert fates(story)[DEAD] == 0
    assert longest_checkout(story) <= 1.0 + SLACK
    heals_within(story, 0.25 + BUSY)


@pytest.mark.long
@pytest.mark.parametrize("settings", [{"wait_timeout": 1}, {"timeout": 1}], ids=["MariaDB", "Valkey"])
def test_idle_kills_elsewhere(settings: dict[str, int]) -> None:
    """(a) for MariaDB and Valkey, whose idle limit is a setting of the whole server."""
    kind = MariaDBServer if "wait_timeout" in settings else ValkeyServer
    try:
        server: PrivateServer = kind(settings=settings)
    except ServerMissing as missing:
        pytest.skip(str(missing))
    with server, scenes.closing(ours_elsewhere(server.url, scenes.SIZE, 5.0, ping_interval=0.5)) as pool:
        time.sleep(3.5)  # Valkey looks every few seconds only
        uses = [scenes.use_once(pool) for _ in range(40)]
        assert [use.error for use in uses] == [None] * 40
