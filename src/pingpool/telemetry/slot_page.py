"""Writes `docs/slots.md` from the core's own data: `python -m pingpool.telemetry.slot_page`."""

import sys
from itertools import groupby
from operator import attrgetter

from pingpool.core.slot import TRANSITIONS

HEAD = """# The life of a slot

A pool of `size` has exactly `size` slots for life; a slot outlives its sessions. It begins vacant. These are all its
states, and all that may happen to it. The table is made of `TRANSITIONS` in `pingpool/core/slot.py`, which the tests
enforce: `python -m pingpool.telemetry.slot_page > docs/slots.md`.

| a slot that is | and this happens | is then |
|---|---|---|
"""


def page() -> str:
    rows: list[str] = []
    for before, moves in groupby(TRANSITIONS, attrgetter("before")):
        shown = f"**{before.value}**"
        for move in moves:
            rows.append(f"| {shown} | {move.event} | {move.after.value} |\n")
            shown = ""
    return HEAD + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(page())
