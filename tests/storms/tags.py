"""What came of each use of a storm, by its tag; and what was wrong."""

from collections import Counter
from collections.abc import Collection

STEPS = ("begun", "committing", "acknowledged")


class Tags:
    """The step that each use has reached, and the faults that were seen at once."""

    def __init__(self) -> None:
        self.steps: dict[str, str] = {}
        self.faults: Counter[str] = Counter()
        self.cuts = 0

    def note(self, tag: str, step: str) -> None:
        """A use has reached this step; a cut may come before it is noted, never after what it says."""
        self.steps[tag] = step

    def answered(self, tag: str, answer: object) -> None:
        """A holder asked for his own tag."""
        if answer != tag:
            self.faults["foreign answers"] += 1

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
