"""HTTP by hand, for what no client library would send."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.publisher.conftest import Publisher


@contextmanager
def connected(publisher: Publisher) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", publisher.port), timeout=60) as connection:
        yield connection


def head(key: str, *lines: str, path: str = "/api/v1/jobs") -> bytes:
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {key}", *lines, "", ""]
    ).encode()


def answer_of(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the next answer; reads to the end of the connection."""
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
        top, found, body = data.partition(b"\r\n\r\n")
        lines = top.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        if found and len(body) >= int(headers.get("content-length", "0")):
            return int(lines[0].split()[1]), headers, body
    raise AssertionError(f"the connection ended: {data!r}")
