"""Free ports on the loopback address."""

import random
import socket
from collections.abc import Iterator

HOST = "127.0.0.1"
CHOICE = range(15_000, 32_000)
"""Below the ports that systems give to outgoing connections (Linux: 32768 up). A client that keeps
reconnecting to a stopped server's port from that range can be given this very port and then speaks to itself,
and the server can't have it back."""


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError:
            return False
    return True


def free_ports() -> Iterator[int]:
    """Ports that were free when asked for, at random, without end: another program may still be faster."""
    while True:
        port = random.choice(CHOICE)  # noqa: S311  not a secret
        if is_free(port):
            yield port
