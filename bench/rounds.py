"""Interleaved rounds: contenders take turns, and who begins changes, so that a busy machine disturbs all alike.

Ratios are taken within a round, and of everything the median.
"""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Effort:
    rounds: int
    seconds: float
    """Seconds that the threads of one fairness round run."""

    many: int
    """How many sessions are very many."""


FULL = Effort(rounds=25, seconds=2.0, many=1_000_000)
QUICK = Effort(rounds=5, seconds=0.3, many=100_000)


class Rounds:
    """The figures of all contenders, round by round."""

    def __init__(self, figures: Mapping[str, list[float]]) -> None:
        self.figures = figures

    def median(self, who: str) -> float:
        return median(self.figures[who])

    def ratio(self, who: str, to: str) -> float:
        """Return the median of the ratios within each round."""
        return median(mine / theirs for mine, theirs in zip(self.figures[who], self.figures[to], strict=True))


def interleave(contenders: Mapping[str, Callable[[], float]], rounds: int) -> Rounds:
    """Let each contender give one figure per round, after a first round that does not count."""
    figures: dict[str, list[float]] = {who: [] for who in contenders}
    order = list(contenders)
    for number in range(rounds + 1):
        for who in order:
            gc.collect()
            figure = contenders[who]()
            if number:
                figures[who].append(figure)
        order.append(order.pop(0))
    return Rounds(figures)
