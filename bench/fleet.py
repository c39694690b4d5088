"""The fleet: ten thousand processes that share a server, and one huge pool, on virtual time.

All start in the same moment and are kept alive. Then the server hangs up on everybody at once, which each process
learns in one of two ways; then it restarts, and then it is away for a minute. How many pings and connects meet it, and
how soon are all sessions there again? The network is played (see `fleet_parts`); all decisions are the core's.
"""

import gc
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bench.fleet_parts import TENTH, Fleet
from bench.rounds import Effort
from bench.sheet import Row, Sheet, Target, at_most

SIZE = 10
INTERVAL = 30.0
"""The ping interval, in seconds: what "auto" begins with."""

RESTART, DOWN = 3.0, 60.0
"""Seconds that the server is away."""

EVEN = 1.2
"""At most so many times as many pings in the worst second as in an average one."""

WHOLE = 10.0
"""At most so many seconds until every slot has its session again."""

BURST, SWIFT = 0.05, 0.3
"""At most this part of all sessions is opened in a tenth of a second: after an outage, and where nobody has been away
for long."""

QUIET = 10
"""Seconds between two scenes: by then no session counts as just created any more."""

LOST = 60.0
"""A fleet that is not whole after so many seconds never will be."""

BUSY = 10
"""So much smaller is the fleet in which somebody waits in each process: it knocks all the time."""


class Strip(NamedTuple):
    """What met the server in one scene, in each tenth of a second; and after how many seconds all was well."""

    counts: Sequence[int]
    sessions: int
    whole: float | None = None
    bound: float = SWIFT

    @property
    def most_in_a_second(self) -> int:
        return max(sum(self.counts[start : start + 10]) for start in range(max(1, len(self.counts) - 9)))

    @property
    def peak_to_mean(self) -> float:
        return self.most_in_a_second / (sum(self.counts) / len(self.counts) * 10)

    @property
    def burst(self) -> float:
        """The largest part of all sessions that one tenth of a second brought."""
        return max(self.counts) / self.sessions

    @property
    def target(self) -> Target:
        if self.whole is None:
            return at_most(EVEN, self.peak_to_mean, " x the mean")
        soon, evenly = at_most(WHOLE, self.whole), at_most(self.bound, self.burst)
        promise = f"whole in {WHOLE:g} s, <= {self.bound:.0%} in 0.1 s"
        return Target(promise, soon.is_met and evenly.is_met, min(soon.reached, evenly.reached))


def start(fleet: Fleet) -> Strip:
    """All processes start at once, and ping for two intervals."""
    fleet.start()
    fleet.time.run(2 * INTERVAL)
    pings = fleet.server.pings
    return Strip(cut(pings, min(pings) * TENTH, 2 * INTERVAL), fleet.sessions)


def killed_and_met(fleet: Fleet) -> Strip:
    """All sessions die, and in each process somebody just uses one of them."""
    return recovery(fleet, fleet.meet_the_end)


def killed_and_heard(fleet: Fleet) -> Strip:
    """All sessions die, and each process hears that of each one at once."""
    return recovery(fleet, fleet.hear_the_end)


def away(fleet: Fleet) -> Strip:
    """The server goes, every process hears it, and after a minute the server comes back."""
    return absence(fleet, DOWN)._replace(bound=BURST)


def restarted(fleet: Fleet) -> Strip:
    """The same within three seconds."""
    return absence(fleet, RESTART)


def away_and_wanted(fleet: Fleet) -> Strip:
    """The same, and in every process somebody wants a session all the time."""
    start(fleet)
    fleet.call()
    fleet.time.run(fleet.time.now + 1)
    return absence(fleet, DOWN)


def absence(fleet: Fleet, seconds: float) -> Strip:
    """Let the server be away for so long, which every process hears; return the connects from its return on."""
    fleet.server.go_away()
    fleet.hear_the_end()
    fleet.time.run(fleet.time.now + seconds)
    return recovery(fleet, fleet.server.come_back)


def recovery(fleet: Fleet, event: Callable[[], None]) -> Strip:
    """Return the connects from an event on, until every slot has its session."""
    time = fleet.time
    since = time.now
    event()
    while not fleet.is_whole() and time.now < since + LOST:
        time.run(time.now + TENTH)
    return Strip(cut(fleet.server.connects, since, time.now + TENTH), fleet.sessions, time.now - since)


def cut(counts: Counter[int], since: float, until: float) -> list[int]:
    """Return the counts of all tenths of a second between two times."""
    return [counts[tenth] for tenth in range(round(since / TENTH), round(until / TENTH))]


Scene = Callable[[Fleet], Strip]

IN_A_ROW: dict[str, Scene] = {
    "pings after a common start": start,
    "all sessions killed, one in use": killed_and_met,
    "all sessions killed, all heard": killed_and_heard,
    "the server away for three seconds": restarted,
    "the server away for a minute": away,
}
"""What one fleet lives through, one after the other."""

WANTED: dict[str, Scene] = {"away, and somebody waits": away_and_wanted}


def run(effort: Effort) -> Sheet:
    processes = effort.many // 100
    sheet = Sheet(
        title="fleet: what a server meets whose sessions all do the same at once, on virtual time",
        note=f"Ping interval {INTERVAL:g} s. Pings in the first row of each fleet, connects in the others.",
        columns=["", "worst second", "x the mean", "worst 0.1 s", "whole after"],
    )
    for count, size, scenes in (
        (processes, SIZE, IN_A_ROW),
        (processes // BUSY, SIZE, WANTED),
        (1, effort.many, IN_A_ROW),
    ):
        live(Fleet(count, size, INTERVAL), f"{count:,} x {size:,}: ", scenes, sheet)
    return sheet


def live(fleet: Fleet, name: str, scenes: dict[str, Scene], sheet: Sheet) -> None:
    """Let a fleet live through these scenes, and note each."""
    gc.freeze()  # or the collector would walk through a million slots now and then
    for scene, play in scenes.items():
        strip = play(fleet)
        fleet.time.run(round(fleet.time.now) + QUIET)
        whole = "" if strip.whole is None else f"{strip.whole:.1f} s"
        figures = [f"{strip.most_in_a_second:,}", f"{strip.peak_to_mean:.2f}", f"{strip.burst:.1%}", whole]
        sheet.rows.append(Row([name + scene, *figures], strip.target))
        sheet.raw[name + scene] = strip._asdict()
    gc.unfreeze()
