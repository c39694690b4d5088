"""A TLS door in front of a server that has none: what comes through it is decrypted and passed on."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pingpool.testing.servers import PrivateServer


@contextmanager
def tls_door(server: PrivateServer, folder: Path, protocol: str | None = None) -> Generator[int]:
    """Open a door to the server and yield its port. `protocol` is what it agrees to by ALPN."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(folder))
    if protocol is not None:
        context.set_alpn_protocols([protocol])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=welcome, args=(listener, context, server), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def certificate(folder: Path) -> tuple[Path, Path]:
    """Return a new certificate, signed by itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("a certificate is made by openssl, which is not installed here")
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"]
    files = folder / "cert.pem", folder / "key.pem"
    where = ["-out", str(files[0]), "-keyout", str(files[1]), "-days", "2"]
    subprocess.run(["openssl", "req", *kind, *where], check=True, capture_output=True)
    files[1].chmod(0o600)
    return files


def welcome(listener: socket.socket, context: ssl.SSLContext, server: PrivateServer) -> None:
    """Serve whoever comes, each in a thread of its own; a thread ends with its connection."""
    with suppress(OSError):
        while True:
            guest, _ = listener.accept()
            threading.Thread(target=serve, args=(guest, context, server), daemon=True).start()


def serve(guest: socket.socket, context: ssl.SSLContext, server: PrivateServer) -> None:
    """Shake hands, then pass on both ways until either side ends."""
    with (
        suppress(OSError),
        context.wrap_socket(guest, server_side=True) as client,
        socket.create_connection((server.host, server.port)) as behind,
    ):
        up = threading.Thread(target=pass_on, args=(client, behind), daemon=True)
        up.start()
        pass_on(behind, client)
        up.join()


def pass_on(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what comes until it ends; then end it for the other side too."""
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with suppress(OSError):
        socket.socket.shutdown(sink, socket.SHUT_RDWR)
