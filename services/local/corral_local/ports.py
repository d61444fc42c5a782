"""Ports on the loopback address: a free one, the one asked for, who has it otherwise; and holding it."""

import errno
import random
import socket
from collections.abc import Iterator

import psutil

from corral_local.errors import NotThisHost, PortHeld

HOST = "127.0.0.1"
CHOICE = range(15_000, 32_000)
"""Below the ports that systems give to outgoing connections (Linux: 32768 up). A client that keeps
reconnecting to a stopped server's port from that range can be given this very port and then speaks to itself,
and the server can't have it back."""
PORT_TRIES = 100
"""Ports after the usual one that are tried."""
LISTEN_BACKLOG = 2048
"""Connections that wait to be accepted."""


def free_ports() -> Iterator[int]:
    """Ports that were free when asked for, at random, without end: another program may still be faster."""
    while True:
        port = random.choice(CHOICE)  # noqa: S311  not a secret
        if is_free(port):
            yield port


def choose_port(host: str, wanted: int, *, asked_by: str | None) -> int:
    """A port that is free on `host` now.

    Args:
        host: the address to listen on.
        wanted: the port asked for, or the usual one.
        asked_by: what asked for exactly this port (`--port`); None: the next free one will do.

    Raises:
        PortHeld: the port asked for is taken, or so are a hundred after the usual one.
    """
    if is_free(wanted, host):
        return wanted
    if asked_by is None:
        for port in range(wanted + 1, min(wanted + 1 + PORT_TRIES, 65536)):
            if is_free(port, host):
                return port
    raise PortHeld(asked_by or "port", host, wanted, holder_of(wanted))


def check_host(setting: str, host: str) -> None:
    """Return if a server could listen on this host.

    Raises:
        NotThisHost: the name has no address, or the address is another machine's.
    """
    try:
        _listener(host, 0).close()
    except (socket.gaierror, UnicodeError):
        raise NotThisHost(setting, host, "has no address") from None
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise NotThisHost(setting, host, "is no address of this machine") from None
        raise NotThisHost(setting, host, f"can't be listened on ({error.strerror})") from None


def is_free(port: int, host: str = HOST) -> bool:
    """Whether a server could listen on `port` now."""
    try:
        _listener(host, port).close()
    except OSError:
        return False
    return True


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens, for programs that inherit it: while one is started again, connections wait in it.

    Raises:
        PortHeld: another program took the port, or the address is not ours.
    """
    try:
        return _listener(host, port)
    except OSError:
        raise PortHeld("port", host, port, holder_of(port)) from None


def _listener(host: str, port: int) -> socket.socket:
    """Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    [found, *_] = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listener = socket.socket(found[0], found[1])
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(found[4])
        listener.listen(LISTEN_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


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
