"""A command without the rights of root, which a test may well have and a server must not."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path


@cache
def user_namespaces_work() -> bool:
    """Return whether root may become another user for one process alone."""
    program = shutil.which("unshare")
    return program is not None and not subprocess.run([program, *MAPPED, "true"], capture_output=True).returncode


MAPPED = ("--map-user=1000", "--map-group=1000")


def as_nobody_special(folder: Path) -> Sequence[str]:
    """Return what to put before a command so that it does not run as root, yet owns `folder` and what is in it."""
    if os.geteuid() != 0:
        return []
    if user_namespaces_work():
        return ["unshare", *MAPPED]
    # A container without that right: the user `nobody`, who must be able to read the programs.
    for path in [folder, *folder.iterdir()]:
        os.chown(path, 65534, 65534)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
