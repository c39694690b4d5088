"""A port to listen on that nobody else comes by.

The kernel gives outgoing connections ports of its own range. A server that goes away for a while and comes back must
not live there: a client that connects in between may be given that very port and end up talking to itself.
"""

import random
import socket

LOOPBACK = "127.0.0.1"

BELOW_EPHEMERAL = range(20_000, 32_000)
"""Below what Linux (from 32768) and the others (from 49152) give to outgoing connections."""


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens, and that no outgoing connection will be given."""
    for port in random.sample(BELOW_EPHEMERAL, 200):
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port found between {BELOW_EPHEMERAL.start} and {BELOW_EPHEMERAL.stop}")
