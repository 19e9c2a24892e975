"""Ports of this machine."""

import random
import socket

RANGE = range(20000, 30000)
"""Below the ports of NodePorts, and of which a system takes one for a connection that goes out:
such a port may be taken between the look and the server's start."""


def free_port() -> int:
    """A TCP port on which nobody listens."""
    for port in random.sample(RANGE, len(RANGE)):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise RuntimeError(f"all ports from {RANGE.start} to {RANGE.stop - 1} are taken")
