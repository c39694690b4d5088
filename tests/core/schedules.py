"""Random schedules on virtual time: pools of up to 12 slots and 24 callers, with real weak references and real ids.

A seed is a schedule: the same seed gives the same pool, the same trouble and the same order of events. Each schedule
ends in a quiet phase, in which the database is well and everyone brings back what he holds; then all must be live.
"""

import math
import random
from typing import Any

from pingpool.core.ledger import Ledger
from pingpool.core.orders import Order, Round, Verdict
from pingpool.core.slot import CLOSING, CREATING

from .model import Broken, CheckedSlot, Session, check_given_up
from .small import Config
from .world import World

ACTIONS = ("get", "report", "pass_time", "bring_back", "leave", "pick_up_all", "govern", "hang_up")
MOODS = (
    (5, 8, 2, 4, 1, 3, 0.2, 0.2),  # a busy pool
    (8, 4, 2, 3, 3, 1, 0.2, 0.0),  # callers in a hurry
    (2, 3, 6, 2, 1, 2, 0.2, 1.0),  # long rests
    (3, 5, 3, 3, 1, 2, 3.0, 0.5),  # a nervous operator
)
"""How often each action is taken."""

REST = 400
"""A pool that has not come to rest after so many steps of a quiet phase never will."""


class Schedule(World):
    """A world of any size that lives through one random schedule."""

    __slots__ = ("chance", "failures_of_checks", "log", "mood", "open_rounds", "session_count", "trouble")

    def __init__(self, seed: int) -> None:
        """Draw a pool, a mood and a share of trouble."""
        self.chance = chance = random.Random(seed)
        size = chance.choice((1, 1, 2, 2, 3, 4, 6, 12))
        callers = chance.randint(1, chance.choice((2, 6, 24)))
        super().__init__(Config(size, callers, rounds=1, young=True, short_staffed=chance.random() < 0.3))
        self.ledger: Any = Ledger(
            size,
            interval=chance.choice((math.inf, 0.0, 0.3, 2.0, 2.0, 10.0, "auto")),
            jitter=chance.random,
            lifetime=chance.choice((math.inf, math.inf, 1.0, 8.0)),
            max_waiters=chance.choice((math.inf, math.inf, 0, 1, 5)),
            slots=CheckedSlot,
        )
        if chance.random() < 0.5:
            self.ledger.keep()
        self.trouble = chance.choice((0.0, 0.1, 0.5, 0.9))
        self.failures_of_checks = chance.choice((("gone", "in_doubt", "unfit", "overran"), ("in_doubt",)))
        self.mood = MOODS[chance.randrange(len(MOODS))]
        self.log: list[str] = []
        self.open_rounds: list[Round] = []
        self.session_count = 0

    def live_through(self, length: int) -> None:
        """Take so many actions, then come to rest."""
        self.happen(self.chance.choice(("fill", "fill_on_demand")))
        for action in self.chance.choices(ACTIONS, self.mood, k=length):
            getattr(self, action)(0)
        self.come_to_rest()

    def happen(self, name: str, place: int = 0) -> None:
        """Let one event happen, and note it."""
        self.log.append(f"{self.now:8.3f} {name} {place}")
        self.apply((name, place))

    # What those around the pool do.

    def get(self, _: int) -> None:
        """A caller that has nothing asks for a session."""
        if len(self.line) + len(self.served) + len(self.held) < self.config.callers:
            self.log.append(f"{self.now:8.3f} get")
            super().get(0)

    def report(self, _: int) -> None:
        """A worker begins a job, or reports one."""
        if self.ghost is not None and self.chance.random() < 0.2:
            self.happen("late_end" if self.chance.random() > self.trouble else "late_failure")
        elif self.jobs:
            self.report_on(self.chance.randrange(len(self.jobs)))

    def report_on(self, place: int) -> None:
        """A worker gets on with one job."""
        job = self.jobs[place]
        well = self.chance.random() >= self.trouble
        if job.kind is CLOSING:
            self.happen("ended", place)
        elif self.waits_for_worker(job) and not job.started:
            can_be_had = well or not self.config.short_staffed
            self.happen("start" if can_be_had else "no_worker", place)
        elif job.kind is CREATING:
            bad = self.chance.choice(("failed", "unreachable", "refused", "overran", "stillborn"))
            good = self.chance.choice(("created", "created", "created", "short_lived"))
            self.happen(good if well else bad, place)
        else:
            alive = self.chance.choice(("alive", "seen_alive")) if job.urgent else "alive"
            self.happen(alive if well else self.chance.choice(self.failures_of_checks), place)

    def pass_time(self, _: int) -> None:
        """Time passes: a little, or about an interval, or until the ledger asks to be woken."""
        until = self.now + self.chance.expovariate(1.0) * self.chance.choice((0.01, 0.2, 2.0))
        wake_at = self.ledger.wake_at(self.now)
        if wake_at <= until and self.chance.random() < 0.9:
            self.now = wake_at
            self.happen("tick")
        else:
            self.now = until
            if self.ledger.kept and self.ledger.keeping.next_due() <= until:
                self.happen("ping")

    def bring_back(self, _: int) -> None:
        """A caller gives its session back, well or not."""
        if self.held:
            not_well = "left_open erred unproven lost found_dead tainted drop adopt_for discard detach"
            ways = ["check_in"] * 6 + not_well.split()
            self.happen(self.chance.choice(ways), self.chance.randrange(len(self.held)))

    def leave(self, _: int) -> None:
        """A caller gives up, perhaps a moment too late."""
        if self.served and (not self.line or self.chance.random() < 0.5):
            ways = ("leave_late", "leave_late", "collected", "collected_and_freed")
            self.happen(self.chance.choice(ways), self.chance.randrange(len(self.served)))
        elif self.line:
            self.happen("time_out", self.chance.randrange(len(self.line)))

    def hang_up(self, _: int) -> None:
        """The other side hangs up on a session, or it is heard only now of one that has gone."""
        self.happen(*self.chance.choice(self._hang_ups()))

    def pick_up_all(self, _: int) -> None:
        """Whoever was served goes to work."""
        while self.served:
            self.happen("pick_up", 0)

    def govern(self, _: int) -> None:
        """Somebody calls the pool as a whole."""
        fills = ("fill", "fill_on_demand", "expect")
        whole = self.chance.choice(("ping", "ping", "ping", "renew", "clear", "fill", *fills, "forgo", "close"))
        if whole == "forgo" and self.open_rounds:
            self.happen(whole, self.chance.randrange(len(self.open_rounds)))
        elif whole in fills and not self.ledger.closed:
            self.happen(whole, self.chance.randrange(self.config.size + 1))
        elif whole in ("ping", "renew", "clear", "close"):
            self.happen(whole)

    # The quiet phase.

    def come_to_rest(self) -> None:
        """Everyone returns, the database is well, time passes; check that nothing was lost."""
        self.trouble = 0.0
        if self.ghost is not None:
            self.happen("late_end")
        if not self.ledger.closed:
            self.happen("fill")
        for _ in range(2):
            self.quieten()
            self.now += min(self.ledger.interval, 10.0)
            self.happen("ping")
        self.quieten()
        ledger = self.ledger
        while ledger.idle and ledger.is_suspect(ledger.idle[0]):  # a keeper asks them gently
            self.now = max(self.now, ledger.keeping.next_due())
            self.happen("ping")
            self.quieten()
        at_rest = ledger.vacant if ledger.closed else ledger.idle
        if len(at_rest) != ledger.size:
            raise Broken(f"after the quiet phase only {len(at_rest)} of {ledger.size} slots are as they should be")
        if self.open_rounds:
            raise Broken("a round never ended")
        if ledger.serving.renewal.old:
            raise Broken("a session was never renewed")
        if any(slot.proven_at == -math.inf or slot.session.over for slot in ledger.idle):
            raise Broken("a session that nobody vouches for outlived the quiet phase")

    def quieten(self) -> None:
        """Do what is to be done until nothing is."""
        self.happen("tick")
        for _ in range(REST):
            if self.served:
                self.happen("pick_up")
            elif self.held:
                self.happen("check_in")
            elif self.jobs:
                self.report_on(0)
            elif (wake_at := self.ledger.wake_at(self.now)) < math.inf:
                self.now = wake_at
                self.happen("tick")
            elif self.line:
                raise Broken("somebody waits, and nothing will happen")
            else:
                return
        raise Broken("the pool does not come to rest")

    # Where a large world differs from a small one.

    def settle(self, orders: list[Order]) -> None:
        """Take the orders, and take note of the rounds that are over."""
        super().settle(orders)
        for order in orders:
            if isinstance(order, Round):
                self.open_rounds.remove(order)

    def drop(self, place: int) -> None:
        """A caller forgets its session; nothing else holds it, so it is collected here and now."""
        self._part_from(self.held[place])
        self.held.pop(place)

    def forgo(self, place: int) -> None:
        """Whoever waited for the end of a round waits no more."""
        super().forgo(place)
        self.open_rounds.pop(place)

    def _call(self, call: Any, enough: float = math.inf) -> None:
        round = Round()
        round.enough = enough
        self.open_rounds.append(round)
        self.settle(call(round, self.now))

    def _give_up(self, verdict: Verdict, place: int) -> None:
        self.held[place].over = True
        super()._give_up(verdict, place)

    def _another_session(self) -> Session:
        self.session_count += 1
        return Session(self.session_count)

    def _end_aside(self, job: Any) -> None:
        """Closings without a slot take their time here."""

    def late_end(self, _: int) -> None:
        """Nothing is expected of a late report but its end."""
        super().late_end(0)
        for session in self.held:
            if session.over:
                check_given_up(self.ledger, session)


def run(seed: int) -> Schedule:
    """Live through one schedule; raise Broken with the way to replay it."""
    schedule = Schedule(seed)
    length = 10 if seed % 10 else 60
    try:
        schedule.live_through(length)
    except Exception as error:
        raise Broken(
            f"{error!r} in schedule {seed}; replay it with\n"
            f"    PINGPOOL_SEED={seed} pytest -s -k replay tests/core/test_schedules.py\n" + "\n".join(schedule.log)
        ) from error
    return schedule


def run_many(first: int, count: int) -> int:
    """Live through so many schedules, one after the other; return how many events there were."""
    return sum(len(run(seed).log) for seed in range(first, first + count))
