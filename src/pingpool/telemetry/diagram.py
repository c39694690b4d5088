"""Draws `docs/slots.md` from the core's own data: `python -m pingpool.telemetry.diagram`."""

import sys

from pingpool.core.slot import TRANSITIONS, State

HEAD = """# The life of a slot

A pool of `size` has exactly `size` slots for life; a slot outlives its sessions. These are all its states, and all that
may happen to it. The picture is drawn from `TRANSITIONS` in `pingpool/core/slot.py`, which the tests enforce:
`python -m pingpool.telemetry.diagram > docs/slots.md`.

```mermaid
stateDiagram-v2
"""

TAIL = "```\n"


def page() -> str:
    states = [f'    state "{state.value}" as {state.name}\n' for state in State]
    first = "    [*] --> VACANT\n"
    moves = [f"    {move.before.name} --> {move.after.name}: {move.event}\n" for move in TRANSITIONS]
    return HEAD + "".join(states) + first + "".join(moves) + TAIL


if __name__ == "__main__":
    sys.stdout.write(page())
