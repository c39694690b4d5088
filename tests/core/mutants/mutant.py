"""A mutant is data: what to replace in the source of which module.

The old text has to be there exactly once, so that a mutant that no longer fits the core fails loudly.
"""

from pathlib import Path
from typing import NamedTuple


class Mutant(NamedTuple):
    """One fault: `old` occurs once in the module and becomes `new`."""

    name: str
    module: str
    old: str
    new: str

    def source(self, path: str) -> str:
        """Return the changed source of the module; a stale mutant is an error."""
        text = Path(path).read_text()
        if text.count(self.old) != 1:
            raise LookupError(f"the mutant {self.name!r} is stale: {self.old!r} is {text.count(self.old)} times there")
        return text.replace(self.old, self.new)
