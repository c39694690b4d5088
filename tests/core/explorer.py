"""Breadth first through every world that can come about, with every promise checked at each step.

What comes out is an `Atlas`: all worlds, by number, and all steps between them. It answers the other question, whether
there is a way out of every world, by walking the steps backwards.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from .model import Broken, is_fresh
from .small import Config
from .world import World

FRIENDLY = frozenset(
    {"step", "tick"}
    | {"get", "pick_up", "check_in", "leave_late", "time_out", "forgo"}
    | {"start", "created", "alive", "ended"}
)
"""What happens by itself when the database is well and callers bring back what they got."""


@dataclass
class Atlas:
    """Every world of one size, and the way to each."""

    config: Config
    steps: int = 0
    came_by: list[tuple[int, str]] = field(default_factory=list)
    ways_back: list[list[int]] = field(default_factory=list)
    traits: dict[str, set[int]] = field(default_factory=dict)

    def schedule(self, world: int) -> str:
        """Return the shortest way to the world, one event a line."""
        events = []
        while world:
            world, event = self.came_by[world]
            events.append(event)
        return "\n".join(reversed(events))

    def can_reach(self, goal: set[int]) -> set[int]:
        """Return the worlds from which friendly events alone lead to the goal."""
        reached, todo = set(goal), list(goal)
        while todo:
            for before in self.ways_back[todo.pop()]:
                if before not in reached:
                    reached.add(before)
                    todo.append(before)
        return reached


@dataclass(frozen=True)
class Survey:
    """What a whole exploration found."""

    states: int
    steps: int
    dead_end: str | None
    """The shortest schedule into a world that friendly events do not lead out of."""


def survey(config: Config, most: int | None = None) -> Survey:
    """Explore, and look for dead ends unless only a part was seen."""
    atlas = explore(config, most)
    dead_ends: list[int] = []
    if most is None:
        for here, there in WAYS_OUT.items():
            dead_ends += atlas.traits[here] - atlas.can_reach(atlas.traits[there])
    return Survey(len(atlas.came_by), atlas.steps, atlas.schedule(min(dead_ends)) if dead_ends else None)


def is_open(world: World) -> bool:
    """Is the pool filled, or being filled?"""
    return world.ledger.filling


def is_well(world: World) -> bool:
    """Is every slot live: idle, with a session that may be lent at once; nobody waiting, nothing to be renewed?"""
    ledger = world.ledger
    live = [slot for slot in ledger.idle if is_fresh(ledger, slot, world.now)]
    is_quiet = not (ledger.waiters or ledger.places.jobs.rounds or ledger.serving.renewal.old)
    return is_open(world) and len(live) == ledger.size and is_quiet


def is_closed(world: World) -> bool:
    """Is the pool closed?"""
    return world.ledger.closed


def is_empty(world: World) -> bool:
    """Is the pool closed, and everything that it ever opened ended?"""
    return is_closed(world) and len(world.ledger.vacant) == world.ledger.size and not world.ledger.jobs


def is_cleared(world: World) -> bool:
    """Is the pool open, and not to be filled?"""
    return not world.ledger.filling and not world.ledger.closed


def is_at_rest(world: World) -> bool:
    """Is nothing lent and nothing under way?"""
    return is_cleared(world) and not world.ledger.lent and not world.ledger.jobs and not world.ledger.places.jobs.rounds


TRAITS: dict[str, Callable[[World], bool]] = {
    "open": is_open,
    "well": is_well,
    "closed": is_closed,
    "empty": is_empty,
    "cleared": is_cleared,
    "at rest": is_at_rest,
}

WAYS_OUT = {"open": "well", "closed": "empty", "cleared": "at rest"}
"""From every world that is like this, one that is like that can be reached without a call to the pool as a whole."""


def explore(config: Config, most: int | None = None) -> Atlas:
    """Visit every world, or the first `most`; raise Broken with the shortest schedule that breaks a promise."""
    atlas = Atlas(config, traits={name: set() for name in TRAITS})
    first = World(config)
    numbers = {first.key(): 0}
    atlas.came_by.append((0, ""))
    atlas.ways_back.append([])
    frontier = [(0, first)]
    while frontier:
        shell = []
        for number, world in frontier:
            for name, holds in TRAITS.items():
                if holds(world):
                    atlas.traits[name].add(number)
            for event in world.events():
                after = world.clone()
                try:
                    after.apply(event)
                except Exception as error:
                    told = f"{atlas.schedule(number)}\n{event[0]} {event[1]}"
                    raise Broken(f"{error!r} after this schedule ({config}):\n{told}") from error
                key = after.key()
                target = numbers.get(key)
                if target is None:
                    target = numbers[key] = len(atlas.came_by)
                    atlas.came_by.append((number, f"{event[0]} {event[1]}"))
                    atlas.ways_back.append([])
                    if most is None or target < most:
                        shell.append((target, after))
                if event[0] in FRIENDLY:
                    atlas.ways_back[target].append(number)
                atlas.steps += 1
        frontier = shell
    return atlas
