"""A private MariaDB, from the operating system (Debian: `mariadb-server-core` and `mariadb-client-core`)."""

import os
import secrets
import signal
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from pingpool.testing.servers.nobody import as_nobody_special
from pingpool.testing.servers.private import PrivateServer, ServerMissing, first_program

SPEED = {
    "innodb-buffer-pool-size": "16M",
    "innodb-flush-log-at-trx-commit": 0,
    "innodb-flush-method": "nosync",
    "skip-log-bin": 1,
    "skip-name-resolve": 1,
}
"""Small, and not safe from power cuts."""

NOT_AN_ERROR = b"\x0a"
"""The version of the protocol, where an error has 0xff."""


OURS = "pingpool"
"""The user that `execute` logs in as, and who is not counted among the clients."""


class MariaDBServer(PrivateServer):
    """A MariaDB with an empty database `test` and the user `root`, who has the `password`."""

    kind: ClassVar[str] = "MariaDB"
    stop_signal: ClassVar[signal.Signals] = signal.SIGKILL  # its orderly end takes long; InnoDB recovers

    def __init__(self, *, settings: Mapping[str, object] | None = None, password: str | None = None) -> None:
        super().__init__(settings=settings, password=password)
        self._key = secrets.token_urlsafe(12)
        self.server_program = find_program("mariadbd", "mysqld")
        self.install_program = find_program("mariadb-install-db", "mysql_install_db")
        self.client_program = find_program("mariadb", "mysql")

    def url_at(self, port: int) -> str:
        secret = f":{quote(self.password, safe='')}" if self.password else ""
        return f"mysql://root{secret}@{self.host}:{port}/test"

    def prepare(self, folder: Path) -> None:
        """Create the system's tables, and root's password before anybody can log in."""
        secret = folder / "password.sql"
        # Before a flush it knows of no users.
        grant = f"GRANT ALL ON *.* TO {OURS}@'127.0.0.1' IDENTIFIED BY '{self._key}' WITH GRANT OPTION;\n"
        secret.write_text(f"FLUSH PRIVILEGES;\n{grant}{new_password(self.password)}")
        options = ["--auth-root-authentication-method=normal", f"--datadir={folder}/data", f"--extra-file={secret}"]
        options.append(f"--tmpdir={folder}")  # two servers that are made at the same time meet in /tmp otherwise
        self.run([*as_nobody_special(folder), str(self.install_program), "--no-defaults", *options])
        secret.unlink()

    def command(self, folder: Path) -> Sequence[str]:
        # Relative to the data: the whole path could be too long for a socket.
        data = {"datadir": folder / "data", "tmpdir": folder}
        place = {**data, "socket": "socket", "pid-file": folder / "pid", "bind-address": self.host}
        settings = {**place, **SPEED, **self.settings, "port": self.port}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [*as_nobody_special(folder), str(self.server_program), "--no-defaults", *options]

    def answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=10) as connection:
                return connection.recv(5)[4:] == NOT_AN_ERROR
        except OSError:
            return False

    def execute(self, sql: str) -> list[tuple[str, ...]]:
        """Run SQL in a session of its own, in autocommit; return the rows as text (NULL as `NULL`)."""
        where = [f"--host={self.host}", f"--port={self.port}", f"--user={OURS}", "--protocol=tcp", "--database=test"]
        command = [str(self.client_program), "--no-defaults", *where, "--batch", "--skip-column-names"]
        output = self.run([*command, f"--execute={sql}"], env={**os.environ, "MYSQL_PWD": self._key})
        return [tuple(line.split("\t")) for line in output.splitlines()]

    def backends(self) -> list[int]:
        """Return the connection ids of the clients, oldest first."""
        clients = f"user NOT IN ('system user', 'unauthenticated user', '{OURS}') ORDER BY id"
        return [int(row[0]) for row in self.execute(f"SELECT id FROM information_schema.processlist WHERE {clients}")]

    def terminate_backends(self) -> int:
        found = self.backends()
        kills = "".join(f"KILL {each}; " for each in found)
        unless_gone = "DECLARE CONTINUE HANDLER FOR 1094 DO 0;"
        self.execute(f"DELIMITER //\nBEGIN NOT ATOMIC {unless_gone} {kills}END//")
        while not set(found).isdisjoint(self.backends()):
            continue
        return len(found)

    def set_password(self, password: str) -> None:
        """Change root's password (empty: none); `url` follows."""
        self.execute(new_password(password))
        self.password = password


def find_program(*names: str) -> Path:
    found = first_program(*names)
    if found is None:
        get = "apt-get install mariadb-server-core mariadb-client-core"
        raise ServerMissing(f"there is no MariaDB to run (no {names[0]}); Debian: {get}")
    return found


def new_password(password: str) -> str:
    literal = password.replace("\\", "\\\\").replace("'", "''")
    places = ("localhost", "127.0.0.1")
    return "".join(f"ALTER USER root@'{place}' IDENTIFIED BY '{literal}';\n" for place in places)
