"""A port to listen on.

Not of the range that the kernel uses for outgoing connections: while the server is away, a client could be given that
very port and connect to itself.
"""

import random
import socket

LOOPBACK = "127.0.0.1"

BELOW_EPHEMERAL = range(20_000, 32_000)
"""Outgoing connections start at 32768 on Linux, at 49152 elsewhere."""


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens."""
    for port in random.sample(BELOW_EPHEMERAL, 200):
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port found between {BELOW_EPHEMERAL.start} and {BELOW_EPHEMERAL.stop}")
