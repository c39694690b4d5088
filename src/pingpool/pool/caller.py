"""Where a session was checked out: the user's line, not that of a wrapper around `get`.

A leak or a warning that names a line of a wrapper helps nobody. So each file that calls `get` for others says so once,
by `wraps(__file__)`: ours, and those of a plug or of a driver's client. The fast `get` walks outwards from frame to
frame while the file is in that set.
"""

import os
import sys
import warnings
from importlib.util import find_spec
from types import FrameType

from pingpool.core.uses import Use
from pingpool.pool.log import log

WRAPPERS: set[str] = set()
"""The files whose frames are never the place of a checkout."""

SQLALCHEMY = ("engine", "event", "ext/asyncio", "orm", "pool", "sql", "util")
"""The folders of SQLAlchemy that stand between its users and a pool."""

DJANGO = (
    "db",
    "db/models",
    "db/models/fields",
    "db/models/sql",
    *("db/backends", "db/backends/base", "db/backends/mysql", "db/backends/postgresql", "db/backends/sqlite3"),
    "utils",
)
"""Those of Django."""

PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")

current_frame = sys._getframe  # pyright: ignore[reportPrivateUsage] (documented, despite its name)


def wraps(*files: str) -> None:
    """Skip the frames of these files from now on."""
    WRAPPERS.update(files)


def files_of(package: str, *folders: str) -> list[str]:
    """Return the files of a package, and of those of its folders that are named; none if it is not installed.

    It is not imported for that.
    """
    try:
        found = find_spec(package)
    except ModuleNotFoundError:  # nor is the one that it is in
        return []
    paths = [] if found is None else found.submodule_search_locations or []
    roots = [root for path in paths for root in (path, *(os.path.join(path, name) for name in folders))]
    return [entry.path for root in roots if os.path.isdir(root) for entry in os.scandir(root)]


def user_above(caller: FrameType) -> FrameType:
    """Return the frame of the user: this one, or the first further out that is no wrapper's."""
    while caller.f_code.co_filename in WRAPPERS and caller.f_back is not None:
        caller = caller.f_back
    return caller


def use_from(caller: FrameType, holder: int) -> Use:
    """Return a use that was asked for in this frame; it begins once a session has been had."""
    caller = user_above(caller)
    return Use(caller.f_code, caller.f_lasti, 0.0, holder, 0)


def warn(text: str) -> None:
    """Warn at the line of the user who called into this package.

    Where warnings are errors it goes to the log: what was called does its work all the same.
    """
    frame = current_frame(1)
    while frame.f_back is not None and _is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    seen = frame.f_globals.setdefault("__warningregistry__", {})
    module = frame.f_globals.get("__name__")
    try:
        warnings.warn_explicit(
            text, UserWarning, frame.f_code.co_filename, frame.f_lineno, module=module, registry=seen
        )
    except UserWarning:
        log().warning("%s", text)


def _is_ours(file: str) -> bool:
    return file in WRAPPERS or file.startswith(PACKAGE)
