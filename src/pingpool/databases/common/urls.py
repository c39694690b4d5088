"""How a URL names a database: `scheme://user:password@host:port/path?option=value`, and how errors in one are named."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pingpool.errors import BadURL
from pingpool.naming import meant

WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


MOST_SHOWN = 20
"""Letters; a value that is longer is no slip of the pen, and may be a secret, so it is not shown."""

ESCAPES = "is there a / ? # @ : or % in the password? Write it as %2F %3F %23 %40 %3A %25"
"""What to say when the end of a password may have been taken for the end of something else."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL says. What it leaves out is None, or no option."""

    scheme: str
    host: str | None
    port: int | None
    user: str | None
    password: str | None
    path: str
    options: Mapping[str, Any]


def switch(value: str) -> bool:
    """Return what a word means that says yes or no. Raises `KeyError` if it says neither."""
    return WORDS[value.lower()]


def take_apart(
    url: str, kinds: Mapping[str, Callable[[str], Any]], *, elsewhere: Iterable[str], instead: Mapping[str, str]
) -> Target:
    """Return the parts of a URL, percent-decoded.

    `kinds` makes values of the options that are not text. Options named in `elsewhere` have a place of their own,
    before the question mark; for those in `instead` it says how a URL expresses them.

    Raises:
        BadURL: the URL makes no sense; nothing is named that may be a piece of a password.
    """
    parts = split(url)
    options: dict[str, Any] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in instead:
            raise BadURL(f"{name} is no option of a URL: {instead[name]}")
        if name in elsewhere:
            raise BadURL(
                f"{name} has its place before the question mark: {parts.scheme}://user:password@host:port/path"
            )
        options[name] = value_of(name, value, kinds)
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    return Target(parts.scheme, parts.hostname, parts.port, user or None, password, unquote(parts.path[1:]), options)


def value_of(name: str, value: str, kinds: Mapping[str, Callable[[str], Any]]) -> Any:
    """Return the value of an option. Raises `BadURL` if it makes no sense."""
    try:
        return kinds[name](value) if name in kinds else value
    except (KeyError, ValueError):
        shown = repr(value) if len(value) < MOST_SHOWN else "that"
        raise BadURL(f"{name} cannot be {shown}") from None


def split(url: str) -> SplitResult:
    """Split a URL. Raises `BadURL` if that makes no sense, also if a password seems to go on behind the host."""
    parts = parsed(url)
    if parts is None:  # raised out here, where Python's own error, which quotes the password, is no context of it
        raise BadURL(f"the URL makes no sense: {ESCAPES}")
    if port_in(parts) == 0:
        raise BadURL(f"a port is a number from 1 to 65535; {ESCAPES}")
    names = (name for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    if parts.fragment or "@" in parts.path or any("@" in name for name in names):
        raise BadURL(f"there is something behind the host that has no place there: {ESCAPES}")
    return parts


def parsed(url: str) -> SplitResult | None:
    """Return the parts of a URL; None if it makes no sense."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def port_in(parts: SplitResult) -> int | None:
    """Return the port; None if there is none, 0 if it is no port."""
    try:
        return parts.port
    except ValueError:
        return 0


def check_port(port: str) -> None:
    """Refuse what is no port, and quote no letters: they may be a piece of a password. Raises `BadURL`."""
    if not (port.isdecimal() and 0 < int(port) < 65536):
        which = f", not {port}" if port.isdecimal() else ""
        raise BadURL(f"a port is a number from 1 to 65535{which}; {ESCAPES}")


def check_names(options: Iterable[str], known: Iterable[str], whose: str) -> None:
    """Refuse an option that nobody knows, and name the one that may have been meant. Raises `BadURL`."""
    known = list(known)
    for name in options:
        if name not in known:
            raise BadURL(f"{whose} has no option {name!r}; {meant(name, known)}")


def check_files(options: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse a file that is not there: what the drivers say of it names no file. Raises `BadURL`."""
    for name in names:
        if options.get(name) and not os.path.exists(options[name]):
            raise BadURL(f"{name}: No such file: {os.fspath(options[name])!r}")
