"""Metrics on a port of their own, for all processes of one publisher.

The port is bound before the processes fork, so each of them listens; whichever
gets a request adds up what all have written.
"""

import asyncio
import socket

import structlog

from corral import metrics

log = structlog.get_logger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_REQUEST = 8_192
"""Bytes of a request's head."""
REQUEST_SECONDS = 5.0


def bind(host: str, port: int) -> socket.socket | None:
    """The listening socket; None where metrics are off.

    Raises:
        OSError: the address is taken.
    """
    if port == 0:
        return None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=16)
    listener.setblocking(False)
    return listener


def inherited(address: str) -> socket.socket:
    """The listening socket of whoever started this process, as `fd://N`."""
    listener = socket.socket(fileno=int(address.removeprefix("fd://")))
    listener.setblocking(False)
    return listener


async def serve(listener: socket.socket) -> asyncio.Server:
    """Answer GET /metrics; anything else is 404."""
    return await asyncio.start_server(_answer, sock=listener, limit=MAX_REQUEST)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
            found = head.startswith((b"GET /metrics ", b"GET /metrics?"))
            body = await asyncio.to_thread(metrics.exposition) if found else b"metrics are at /metrics\n"
            status = b"200 OK" if found else b"404 Not Found"
            writer.write(
                b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
                % (status, CONTENT_TYPE.encode(), len(body), body)
            )
            await writer.drain()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        log.debug("metrics.request_failed", error=repr(error))
    finally:
        writer.close()
