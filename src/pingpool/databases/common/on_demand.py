"""The names of a folder, each imported from its file when it is first asked for: so is the driver that it needs."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def on_demand(folder: str, homes: Mapping[str, str], extras: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a folder.

    `homes` says in which of its files a name is found; `extras` what to install for a file, where that is needed.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {folder!r} has no attribute {name!r}")
        file = homes[name]
        try:
            return getattr(import_module(f"{folder}.{file}"), name)
        except ImportError as missing:
            if file not in extras:
                raise
            what = f'{name} needs a driver: pip install "pingpool[{extras[file]}]" ({missing})'
            raise ImportError(what) from missing

    return find
