"""Who holds the sessions of a pool: the places where they were checked out, for people who look for what holds them."""

from collections.abc import Iterable, Mapping
from types import CodeType
from typing import NamedTuple

from pingpool.core.uses import Use, line_of
from pingpool.text import escaped


class Holder(NamedTuple):
    """A place in the code that holds sessions.

    `place` is the end of the file's path and the line ("shop/views.py:41"), `sessions` how many were checked out there
    and have not come back, `longest` for how many seconds the first of them has been held. `names` are those of the
    threads, or tasks, that checked them out, the first one first, as far as they are known.
    """

    place: str
    sessions: int
    longest: float
    names: tuple[str, ...]


def holders_of(uses: Iterable[Use], names: Mapping[int, str], now: float) -> list[Holder]:
    """Return who holds these, by place: those that hold the most first."""
    instructions: dict[tuple[int, int], list[Use]] = {}
    for use in uses:
        instructions.setdefault((id(use.site), use.instruction), []).append(use)
    places: dict[tuple[str, int], list[Use]] = {}
    for held in instructions.values():  # few, however many the uses are: to find a line takes its time
        places.setdefault(_file_and_line(held[0].site, held[0].instruction), []).extend(held)
    found = [_holder(*place, sorted(held, key=_since), names, now) for place, held in places.items()]
    return sorted(found, key=lambda holder: (-holder.sessions, -holder.longest))


def _holder(file: str, line: int, held: list[Use], names: Mapping[int, str], now: float) -> Holder:
    known = dict.fromkeys(names[use.holder] for use in held if use.holder in names)
    return Holder(in_short(file, line), len(held), max(0.0, now - held[0].since), tuple(known))


def _since(use: Use) -> float:
    return use.since


def _file_and_line(site: CodeType | None, instruction: int) -> tuple[str, int]:
    if site is None:
        return "", 0
    return site.co_filename, line_of(site, instruction)


def in_short(file: str, line: int) -> str:
    """Return the last two parts of a file's path, and the line."""
    if not file:
        return "somewhere"
    return f"{escaped('/'.join(file.replace(chr(92), '/').split('/')[-2:]))}:{line}"
