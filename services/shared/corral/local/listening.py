"""The port to listen on: the one asked for, or the next that is free; and who has it otherwise."""

import socket

import psutil

from corral.local.errors import PortHeld

TRIES = 100
"""Ports after the usual one that are tried."""


def choose_port(host: str, wanted: int, *, asked_by: str | None) -> int:
    """A port that is free on `host` now.

    Args:
        host: the address to listen on.
        wanted: the port asked for, or the usual one.
        asked_by: what asked for exactly this port (`--port`); None: the next free one will do.

    Raises:
        PortHeld: the port asked for is taken, or so are a hundred after the usual one.
    """
    if is_free(host, wanted):
        return wanted
    if asked_by is None:
        for port in range(wanted + 1, min(wanted + 1 + TRIES, 65536)):
            if is_free(host, port):
                return port
    raise PortHeld(asked_by or "port", host, wanted, holder_of(wanted))


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on `host` and `port` now."""
    try:
        [found, *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        return False
    with socket.socket(found[0], found[1]) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(found[4])
            probe.listen()
        except OSError:
            return False
    return True


def holder_of(port: int) -> str | None:
    """Who listens on the port, as far as we may know: `python (process 123)`."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status != psutil.CONN_LISTEN or not connection.laddr or not connection.pid:
                continue
            if connection.laddr.port == port:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        pass  # macOS tells root only; or it ended just now
    return None
