"""A PostgreSQL that follows another one, until it is promoted: for tests of what a pool does when the primary moves."""

import shutil
from pathlib import Path

from pingpool.testing.servers.postgres import PostgresServer


class StandbyServer(PostgresServer):
    """A hot standby of a private server, which is stopped for a moment to be copied."""

    def __init__(self, primary: PostgresServer) -> None:
        super().__init__(settings=primary.settings, password=primary.password, programs=primary.programs)
        self.primary = primary

    def prepare(self, folder: Path) -> None:
        """Copy the primary's cluster, and tell it to follow."""
        assert self.primary.folder is not None
        self.primary.stop()
        try:
            shutil.copytree(self.primary.folder / "data", folder / "data")
        finally:
            self.primary.start()
        (folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        (folder / "data" / "standby.signal").touch()
        with (folder / "data" / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"primary_conninfo = '{self.primary.url}'\n")

    def promote(self) -> None:
        """Make it a primary, and come back when it is one."""
        self.execute("SELECT pg_promote()")
