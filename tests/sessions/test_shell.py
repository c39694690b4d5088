"""Connections to a shell, in asyncio: asyncssh on both sides."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pingpool.testing.ports import LOOPBACK
from pingpool.testing.proxy import FaultProxy
from tests.sessions.recipes import recipe, stands_in_asyncio

asyncssh = pytest.importorskip("asyncssh", reason="pip install 'pingpool[sessions]'")

pytestmark = pytest.mark.server


def answer(process: Any) -> None:
    """Do what somebody wants, as a shell would."""
    process.stdout.write(process.command.upper())
    process.exit(0)


async def run(connection: Any) -> None:
    """Have a command run."""
    assert (await connection.run("hello", check=True)).stdout == "HELLO"


def test_ssh(tmp_path: Path) -> None:
    """Commands are run; the server is told apart from others by its key, and the client by his."""
    hers, his = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    his.write_private_key(tmp_path / "his")
    his.write_public_key(tmp_path / "known")

    async def main() -> None:
        server = await asyncssh.listen(
            LOOPBACK, 0, server_host_keys=[hers], authorized_client_keys=str(tmp_path / "known"), process_factory=answer
        )
        async with server:
            with FaultProxy(LOOPBACK, server.get_port()) as proxy:
                known = f"[{LOOPBACK}]:{proxy.port} {hers.export_public_key().decode()}".encode()
                keys = f"client_keys=[{str(tmp_path / 'his')!r}], known_hosts={known!r}, config=None"
                there = {'"shell.example", 22': f'"{LOOPBACK}", {proxy.port}, {keys}'}
                await stands_in_asyncio(recipe("shell", there), proxy, run)

    asyncio.run(main())
