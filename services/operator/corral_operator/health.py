"""Health and metrics on one port, answered by the event loop that decides: a loop that hangs is not healthy.

/healthz  200 while a round ended lately
/metrics  Prometheus' text
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

import structlog
from prometheus_client import REGISTRY, generate_latest

log = structlog.get_logger(__name__)

ROUND_TOO_OLD_SECONDS: Final = 30.0
"""Seconds after which the last round is too long ago. A round that waits for Kubernetes takes 15 at most."""
MAX_REQUEST: Final = 8_192
REQUEST_SECONDS: Final = 5.0
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


async def serve(host: str, port: int, age: Callable[[], float]) -> asyncio.Server:
    """Answer until closed; `age` is the time since the last round, in seconds.

    Raises:
        OSError: the address is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=16)
    listener.setblocking(False)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                status, body = _answer(head.split(b" ", 2)[1].partition(b"?")[0], age())
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: {_TEXT}\r\nContent-Length: {len(body)}\r\n"
                    "Connection: close\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        except (
            OSError,
            TimeoutError,
            IndexError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ) as error:
            log.debug("health.request_failed", error=repr(error))
        finally:
            writer.close()

    return await asyncio.start_server(answer, sock=listener, limit=MAX_REQUEST)


def _answer(path: bytes, age: float) -> tuple[str, bytes]:
    match path:
        case b"/metrics":
            return "200 OK", generate_latest(REGISTRY)
        case b"/healthz" if age <= ROUND_TOO_OLD_SECONDS:
            return "200 OK", b"ok\n"
        case b"/healthz":
            return "503 Service Unavailable", f"the last round was {age:.0f} seconds ago\n".encode()
        case _:
            return "404 Not Found", b"health is at /healthz, metrics are at /metrics\n"
