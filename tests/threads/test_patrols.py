"""Who looks around while threads wait: one for all."""

import threading
from concurrent.futures import ThreadPoolExecutor

from pingpool import PingingPool
from pingpool.databases.callables import Callables
from pingpool.pool.life import equip
from pingpool.pool.world import PATROL
from pingpool.threads.clock import Gate, SystemClock
from tests.databases.waiting import until


class Session:
    """A session that needs nothing."""


class Noting(SystemClock):
    """The real time, which notes for how long each thread would wait."""

    def __init__(self) -> None:
        """Note nothing yet."""
        self.waits: dict[str, list[float]] = {}

    def wait(self, gate: Gate, until: float) -> bool:  # type: ignore[override]
        """Note, and wait."""
        self.waits.setdefault(threading.current_thread().name, []).append(until - self.now())
        return super().wait(gate, until)


def test_threads_in_line_sleep_until_they_are_served() -> None:
    """Of twenty that wait for one session none wakes up to look around: the timers' thread does, for all."""
    clock = Noting()
    with equip(PingingPool[Session](1), clock=clock) as pool:
        pool.bind(Callables(create=Session))
        session = pool.get()
        with ThreadPoolExecutor(20, thread_name_prefix="in-line") as threads:
            uses = [threads.submit(lambda: pool.put(pool.get(60))) for _ in range(20)]
            until(lambda: pool.stats().waiting == 20)
            until(lambda: len(clock.waits.get(f"{pool.name}-timers", ())) > 3)
            pool.put(session)
            for use in uses:
                use.result()
        asleep = [timeout for name, waits in clock.waits.items() if name.startswith("in-line") for timeout in waits]
    assert len(asleep) >= 20
    assert min(asleep) > PATROL
