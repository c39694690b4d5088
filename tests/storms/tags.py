"""What came of each use of a storm, by its tag; and what was wrong."""

import json
from collections import Counter
from collections.abc import Collection
from typing import Any

from pingpool import Stats

SIZE = 3
HOLDERS = 5
LONGEST = 0.004
"""Seconds within which a use is cut."""

PATIENCE = 60.0


class Cut(BaseException):
    """Thrown into a thread from another one."""


class Limit(Exception):
    """Raised by a signal handler: a time limit, as job queues have it."""


UNDER_WAY = ("begun", "committing")
"""The steps of a use in which a cut leaves something behind."""


class Tags:
    """The step that each use has reached, the cuts of each kind that struck, and the faults that were seen at once."""

    def __init__(self, kinds: Collection[str], cuts: int) -> None:
        """Enough is so many cuts of each kind."""
        self.steps: dict[str, str] = {}
        self.faults: Counter[str] = Counter()
        self.cuts = dict.fromkeys(kinds, 0)
        self.struck: set[str] = set()
        self.first_refusal = ""
        self._enough = cuts

    @property
    def are_enough(self) -> bool:
        """Were there enough cuts of each kind?"""
        return not any(self.lacks(kind) for kind in self.cuts)

    def lacks(self, kind: str) -> bool:
        """Were there not enough of this kind yet?"""
        return self.cuts[kind] < self._enough

    def note(self, tag: str, step: str) -> None:
        """A use has reached this step; a cut may come before it is noted, never after what it says."""
        self.steps[tag] = step

    def cut(self, tag: str, kind: str) -> None:
        """Count the first cut of a use, if it struck where statements are: not in the pool, before or after them."""
        if self.steps.get(tag) in UNDER_WAY and tag not in self.struck:
            self.struck.add(tag)
            self.cuts[kind] += 1

    def refuse(self, error: Exception) -> None:
        """Note that a holder got no session, and why the first one did not."""
        self.faults["refused"] += 1
        self.first_refusal = self.first_refusal or str(error)

    def answered(self, tag: str, answer: object) -> None:
        """A holder asked for his own tag."""
        if answer != tag:
            self.faults["foreign answers"] += 1

    def judge(self, lab: Any, idle: int) -> None:
        """Count what is not well in the end, in the pool and at the server."""
        self.faults["slots lost"] += idle != SIZE
        self.faults["sessions too many"] += lab.sessions() not in (None, SIZE)
        self.faults["statements still running"] += lab.running()
        self.compare(lab.written())

    def told(self, stats: Stats) -> str:
        """Return what there is to tell of the storm, as JSON."""
        steps = list(self.steps.values())
        done = {"cuts": self.cuts, "uses": len(steps), "acknowledged": steps.count("acknowledged")}
        refusal = {"first refusal": self.first_refusal} if self.first_refusal else {}
        return json.dumps({**done, "replaced": dict(stats.replaced), "faults": dict(+self.faults), **refusal})

    def compare(self, written: Collection[str]) -> None:
        """Compare with what the database holds in the end.

        A write that was acknowledged has to be there. One whose holder never came to his commit must not be.
        """
        there = set(written)
        for tag, step in self.steps.items():
            if step == "acknowledged" and tag not in there:
                self.faults["lost writes"] += 1
            elif step == "begun" and tag in there:
                self.faults["foreign writes"] += 1
        self.faults["writes of nobody"] += len(there - self.steps.keys())


def is_well(lab: Any, idle: int) -> bool:
    """Are all sessions idle, and no others at the server, where nothing runs?"""
    return idle == SIZE and lab.sessions() in (None, SIZE) and not lab.running()
