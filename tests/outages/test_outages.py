"""Outages of real servers: what callers of a pool notice, scene by scene.

The scenes are those of `bench/outages.py`, where they are played to other pools too. Outages take
real time and are bounded by it, generously, so these are proofs: no other work should press the machine.
"""

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from bench import outage_scenes as scenes
from bench.outage_callers import CUT_OFF, DEAD, FAILED, WELL, seconds_until_well
from bench.outage_contender import Contender, Open
from bench.outage_elsewhere import open_on
from bench.outage_ours import OURS, PING_DEADLINE
from pingpool.testing.servers import MariaDBServer, PostgresServer, PrivateServer, ValkeyServer
from pingpool.testing.skipping import skipped_if_missing

pytestmark = [pytest.mark.server, pytest.mark.proof]

SLACK = 0.25
"""Seconds by which a checkout may overrun its time, on a machine that is busy with other things."""

BUSY = 1.0
"""Seconds that a busy machine may take for what is quick."""


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[PostgresServer]:
    """The server of all scenes for PostgreSQL."""
    with skipped_if_missing(), scenes.private_server() as server:
        yield server


@pytest.fixture(scope="module", params=[MariaDBServer, ValkeyServer])
def other_server(request: pytest.FixtureRequest) -> Iterator[PrivateServer]:
    """A MariaDB, and a Valkey."""
    with skipped_if_missing(), request.param() as server:
        yield server


@pytest.fixture(scope="module", params=[(MariaDBServer, "max_connections"), (ValkeyServer, "maxclients")])
def strict_server(request: pytest.FixtureRequest) -> Iterator[PrivateServer]:
    """A MariaDB, and a Valkey, that have little room and ask for a password."""
    kind, room = request.param
    with skipped_if_missing(), kind(password="right", settings={room: 20}) as server:
        yield server


@pytest.fixture(autouse=True)
def short_relief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our pool needs no two seconds to be well."""
    monkeypatch.setattr(scenes, "RELIEF", 0.7)


@pytest.fixture(params=OURS, ids=lambda contender: contender.name)
def ours(request: pytest.FixtureRequest) -> Open:
    """Our pool on PostgreSQL, in threads and in asyncio, by each driver."""
    contender: Contender = request.param
    return contender.open


@pytest.fixture(params=["threads", "asyncio"])
def ours_elsewhere(request: pytest.FixtureRequest, other_server: PrivateServer) -> Open:
    """Our pool on MariaDB and Valkey, in threads and in asyncio."""
    return open_on(request.param, other_server)


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
    """Check that everybody works again so soon after the cause was gone."""
    well = seconds_until_well(story.uses, story.healed, scenes.CALLERS)
    assert well is not None
    assert well <= bound


def cuts_off_at_most(counts: Counter[str], sessions: int) -> None:
    """Check that an error met only who was inside a statement, or at its door: one may die after the last look."""
    assert counts[CUT_OFF] + counts[DEAD] <= sessions


def is_degraded_but_live(story: scenes.Story, length: float) -> None:
    """Check that nobody is refused and nobody gets a dead session, and that the pool asks for more, but gently."""
    counts = fates(story)
    assert counts[FAILED] == 0
    cuts_off_at_most(counts, scenes.SIZE // 2)
    assert 1 <= len(story.connects) <= 4 * length + 2


def is_told_at_once(story: scenes.Story, length: float, words: str) -> None:
    """Check that callers hear at once what is wrong, in these words, that the pool asks gently, and that it heals."""
    cuts_off_at_most(fates(story), scenes.SIZE)
    refused = [use for use in story.uses if use.got is None]
    assert refused
    assert all(use.error is not None and words in use.error for use in refused)
    assert sorted(use.checkout for use in refused)[len(refused) // 2] < SLACK
    assert len(story.connects) <= 4 * length + 2
    heals_within(story, 0.25 + BUSY)


def lasts(seconds: float) -> pytest.MarkDecorator:
    """Play a scene for so long."""
    return pytest.mark.parametrize("length", [seconds])


@lasts(5)
def test_a_idle_kills_are_not_noticed(ours: Open, postgres_server: PostgresServer, length: int) -> None:
    """(a) Kept alive across the server's idle limit: no errors, and no checkout waits for a connection."""
    story = scenes.idle(ours, postgres_server, bursts=int(length))
    assert fates(story) == {WELL: 40 * length}
    waits = sorted(use.checkout for use in story.uses)
    assert waits[len(waits) // 2] < 0.001


def test_a_checkout_costs_no_round_trip(ours: Open, postgres_server: PostgresServer) -> None:
    """A checkout and a return cost nothing on the network beyond the statement."""
    assert scenes.extra_round_trips(ours, postgres_server) == 0


@lasts(2.0)
def test_b_a_restart_fails_no_checkout(ours: Open, postgres_server: PostgresServer, length: float) -> None:
    """(b) Errors only for who was inside a statement at that instant; everybody else waits, and all are well soon."""
    story = scenes.restart(ours, postgres_server, length)
    counts = fates(story)
    assert counts[FAILED] == 0
    cuts_off_at_most(counts, scenes.SIZE)
    heals_within(story, 0.25 + BUSY)


@lasts(6.0)
def test_c_a_frozen_backend_holds_up_no_checkout(ours: Open, postgres_server: PostgresServer, length: float) -> None:
    """(c) No checkout is longer than the deadline of a ping, and nobody gets an error."""
    story = scenes.frozen_backend(ours, postgres_server, length)
    assert fates(story).keys() == {WELL}
    assert longest_checkout(story) <= PING_DEADLINE + SLACK


def test_d_terminated_sessions_are_not_handed_out(ours: Open, postgres_server: PostgresServer) -> None:
    """(d) Errors at most for who was inside a statement, none for who checks out later."""
    story = scenes.terminated(ours, postgres_server)
    counts = fates(story)
    assert counts[FAILED] == 0
    cuts_off_at_most(counts, scenes.SIZE)
    heals_within(story, BUSY)


@lasts(4.0)
def test_e_a_frozen_server_costs_callers_their_timeout(
    ours: Open, postgres_server: PostgresServer, length: float
) -> None:
    """(e) No checkout takes longer than its timeout, and all is well again when the server is."""
    story = scenes.frozen_server(ours, postgres_server, length)
    assert fates(story)[DEAD] == 0
    assert longest_checkout(story) <= 1.0 + SLACK
    heals_within(story, 0.25 + BUSY)


@lasts(4.0)
def test_f_a_black_hole_costs_callers_their_timeout(ours: Open, postgres_server: PostgresServer, length: float) -> None:
    """(f) No checkout takes longer than its timeout, and all is well again when the network is."""
    story = scenes.black_hole(ours, postgres_server, length)
    assert fates(story)[DEAD] == 0
    assert longest_checkout(story) <= 1.0 + SLACK
    heals_within(story, 0.25 + BUSY)


@lasts(4.0)
def test_g_a_crowded_server_leaves_the_pool_degraded_but_live(
    ours: Open, postgres_server: PostgresServer, length: float
) -> None:
    """(g) The sessions that are left serve everybody; the pool asks for more at most four times a second."""
    is_degraded_but_live(scenes.crowded(ours, postgres_server, length), length)


@lasts(4.0)
def test_h_a_wrong_password_is_told_at_once(ours: Open, postgres_server: PostgresServer, length: float) -> None:
    """(h) Callers are told at once what is wrong, the server is not hammered, and it heals without a restart."""
    is_told_at_once(scenes.wrong_password(ours, postgres_server, length), length, "password authentication failed")


# The same for MariaDB and Valkey, where it makes sense


def test_a_restart_elsewhere(ours_elsewhere: Open, other_server: PrivateServer) -> None:
    """(b) for MariaDB and Valkey."""
    story = scenes.restart(ours_elsewhere, other_server, 0.7)
    counts = fates(story)
    assert counts[FAILED] == 0
    cuts_off_at_most(counts, scenes.SIZE)
    heals_within(story, 0.25 + BUSY)


def test_terminated_sessions_elsewhere(ours_elsewhere: Open, other_server: PrivateServer) -> None:
    """(d) for MariaDB and Valkey."""
    story = scenes.terminated(ours_elsewhere, other_server)
    counts = fates(story)
    assert counts[FAILED] == 0
    cuts_off_at_most(counts, scenes.SIZE)


def test_a_frozen_server_elsewhere(ours_elsewhere: Open, other_server: PrivateServer) -> None:
    """(e) for MariaDB and Valkey."""
    story = scenes.frozen_server(ours_elsewhere, other_server, 1.5)
    assert fates(story)[DEAD] == 0
    assert longest_checkout(story) <= 1.0 + SLACK
    heals_within(story, 0.25 + BUSY)


def test_a_black_hole_elsewhere(ours_elsewhere: Open, other_server: PrivateServer) -> None:
    """(f) for MariaDB and Valkey."""
    story = scenes.black_hole(ours_elsewhere, other_server, 1.5)
    assert fates(story)[DEAD] == 0
    assert longest_checkout(story) <= 1.0 + SLACK
    heals_within(story, 0.25 + BUSY)


@pytest.mark.parametrize("world", ["threads", "asyncio"])
def test_a_crowded_server_elsewhere(world: str, strict_server: PrivateServer) -> None:
    """(g) for MariaDB and Valkey."""
    is_degraded_but_live(scenes.crowded(open_on(world, strict_server), strict_server, 1.2), 1.2)


@pytest.mark.parametrize("world", ["threads", "asyncio"])
def test_a_wrong_password_elsewhere(world: str, strict_server: PrivateServer) -> None:
    """(h) for MariaDB and Valkey."""
    words = "Access denied" if isinstance(strict_server, MariaDBServer) else "invalid username-password pair"
    is_told_at_once(scenes.wrong_password(open_on(world, strict_server), strict_server, 1.2), 1.2, words)


@pytest.mark.parametrize("world", ["threads", "asyncio"])
@pytest.mark.parametrize(("kind", "setting"), [(MariaDBServer, "wait_timeout"), (ValkeyServer, "timeout")])
def test_idle_kills_elsewhere(world: str, kind: type[PrivateServer], setting: str) -> None:
    """(a) for MariaDB and Valkey, whose idle limit is a setting of the whole server."""
    with skipped_if_missing():
        server = kind(settings={setting: 2})
    with server, scenes.closing(open_on(world, server)(server.url, scenes.SIZE, 5.0)) as pool:
        time.sleep(5.0)  # Valkey looks every few seconds only
        uses = [scenes.use_once(pool) for _ in range(40)]
        assert [use.error for use in uses] == [None] * 40
