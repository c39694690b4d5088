"""What all private servers share: a folder and a port that stay until `close`, and starts and stops on demand."""

import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from pingpool.testing.ports import LOOPBACK, free_port
from pingpool.testing.servers.guarded import GuardedProcess

START_TIMEOUT = 30.0
"""Seconds that a server may take until it answers."""


class ServerFailed(RuntimeError):
    """A server did not start, or refused a command; the text says why."""


class ServerMissing(ServerFailed):
    """The server's programs are not installed; the text says how to get them."""


class PrivateServer(ABC):
    """A server on 127.0.0.1, as a context manager. `settings` are named as in the server's manual.

    It asks for the `password`: by default a random one, which `url` has; an empty one lets everybody in. Where root
    starts a server, it has none of root's rights but that to its own folder.

    Raises `ServerMissing` without programs, and `ServerFailed` with the end of the server's log if it does not start.
    """

    kind: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    """The signal that ends this server at once."""

    host = LOOPBACK

    def __init__(self, *, settings: Mapping[str, object] | None = None, password: str | None = None) -> None:
        self.settings = dict(settings or {})
        self.first_password = secrets.token_urlsafe(12) if password is None else password
        self.password = self.first_password
        self.port = free_port()
        self.folder: Path | None = None
        self._process: GuardedProcess | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on port {self.port}, {'running' if self.running else 'stopped'}>"

    # What each kind of server says of itself

    @abstractmethod
    def url_at(self, port: int) -> str:
        """Return the URL of this server through another port, such as a proxy's."""

    @abstractmethod
    def prepare(self, folder: Path) -> None:
        """Fill a new, empty folder with what the server needs to start."""

    @abstractmethod
    def command(self, folder: Path) -> Sequence[str]:
        """Return the command that runs the server in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Return whether the started server takes sessions by now."""

    @abstractmethod
    def set_password(self, password: str) -> None:
        """Change the password; `url` follows. Open sessions stay open."""

    @abstractmethod
    def terminate_backends(self) -> int:
        """End every client's session on the server; return how many."""

    # What a test does with it

    @property
    def url(self) -> str:
        """The URL to open sessions with."""
        return self.url_at(self.port)

    @property
    def running(self) -> bool:
        """Whether the process exists, frozen or not."""
        return self._process is not None and self._process.exit_code is None

    @property
    def pid(self) -> int:
        """The process id. Raises `ServerFailed` if there is no process."""
        if self._process is None:
            raise ServerFailed(f"{self.kind} is not running")
        return self._process.pid

    @property
    def log(self) -> str:
        """All that the server has said so far."""
        path = self.folder and self.folder / "log"
        return path.read_text(errors="replace") if path and path.exists() else ""

    def start(self) -> None:
        """Start the server, unless it runs, and wait until it takes sessions."""
        if self.running:
            return
        if self.folder is None:
            self.folder = self._furnish()
        self._process = GuardedProcess(self.command(self.folder), self.folder, self.stop_signal)
        deadline = time.monotonic() + START_TIMEOUT
        while not self.answers():
            code = self._process.exit_code
            if code is not None:
                raise ServerFailed(f"{self.kind} ended with code {code} as it started:\n{self._tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise ServerFailed(f"{self.kind} took no sessions within {START_TIMEOUT:g} s:\n{self._tail()}")
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop the server at once, breaking all sessions. It can be started again."""
        if self._process is not None:
            self.resume()
            self._process.end()
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the server: sessions stay open and nothing answers, until `resume`."""
        if self._process is not None:
            self._process.send(signal.SIGSTOP)

    def resume(self) -> None:
        if self._process is not None:
            self._process.send(signal.SIGCONT)

    def close(self) -> None:
        """Stop the server and remove its folder."""
        self.stop()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def run(self, command: Sequence[str], *, env: Mapping[str, str] | None = None) -> str:
        """Run one of the server's programs and return its output. Raises `ServerFailed`."""
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServerFailed(f"{self.kind}: {Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def _furnish(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix=f"pingpool-{self.kind.lower()}-"))
        try:
            self.prepare(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def _tail(self) -> str:
        return "\n".join(self.log.splitlines()[-15:]) or "(its log is empty)"


def folder_of_package(package: str) -> Path | None:
    """Return where a package is installed, without importing it, or None."""
    found = find_spec(package)
    return Path(found.origin).parent if found and found.origin else None


def first_program(*candidates: Path | str | None) -> Path | None:
    """Return the first of these programs on the PATH or where servers are installed."""
    for candidate in candidates:
        if isinstance(candidate, str):
            found = shutil.which(candidate) or shutil.which(candidate, path="/usr/sbin:/usr/local/sbin")
            candidate = Path(found) if found else None
        if candidate is not None and candidate.exists():
            return candidate
    return None
