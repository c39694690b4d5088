"""Real servers that are no databases: a command that is run, until something answers at its port."""

import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pingpool.testing.ports import LOOPBACK
from pingpool.testing.servers.guarded import GuardedProcess
from tests.databases.waiting import until


@contextmanager
def folder_for(name: str) -> Iterator[Path]:
    """Have a folder that is removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"pingpool-{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(command: Sequence[str], folder: Path, port: int) -> Iterator[None]:
    """Run a server for the length of a block."""
    process = GuardedProcess(command, folder, signal.SIGTERM)
    try:
        until(lambda: process.exit_code is not None or answers(port))
        assert process.exit_code is None, (folder / "log").read_text()
        yield
    finally:
        process.end()


def answers(port: int) -> bool:
    """Does something take connections there?"""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True
