"""Server-sent events as a response. Source: WHATWG HTML, section 9.2."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from corral import metrics
from corral.errors import CorralError
from corral_publisher.responses.json_response import encode

log = structlog.get_logger(__name__)

BEAT_SECONDS = 15.0
"""Seconds between two comments on a stream without events. Proxies close streams that are silent for a minute."""
BEAT = b": still here\n\n"
RETRY_MS = 2000


def event(name: str | None, data: Any, event_id: str | None = None) -> bytes:
    """One event with JSON data."""
    return _event(name, encode(data), event_id)


def fragment(html: str, event_id: str | None = None) -> bytes:
    """One unnamed event with HTML, which htmx swaps into the page."""
    return _event(None, html.encode(), event_id)


def _event(name: str | None, data: bytes, event_id: str | None) -> bytes:
    head = (f"event: {name}\n" if name else "") + (f"id: {event_id}\n" if event_id else "")
    lines = b"".join(b"data: " + line + b"\n" for line in data.splitlines() or [b""])
    return head.encode() + lines + b"\n"


class EventStream(Response):
    """A response that sends events from a source until the source ends, the client disconnects or the process stops."""

    media_type = "text/event-stream"

    def __init__(
        self,
        source: AsyncIterator[bytes],
        *,
        reading: AbstractAsyncContextManager[None],
        stopping: asyncio.Event,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`reading` is entered before the response begins, and left with its end: events that come then are the source's."""
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", **(headers or {})})
        del self.headers["content-length"]
        self._source = source
        self._reading = reading
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        async with self._reading:
            await self._run(scope, receive, send)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        tasks = [
            asyncio.create_task(self._send(send)),
            asyncio.create_task(_gone(receive)),
            asyncio.create_task(self._stopping.wait()),
        ]
        metrics.STREAMS.inc()
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            metrics.STREAMS.dec()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if tasks[0] in done and (error := tasks[0].exception()) is not None:
            if not isinstance(error, CorralError):
                raise error
            metrics.SWALLOWED.labels("stream").inc()
            log.warning("stream.broken", path=scope["path"], error=str(error))
        if tasks[1] not in done:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.body", "body": b"retry: %d\n" % RETRY_MS, "more_body": True})
        async for chunk in self._source:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _gone(receive: Receive) -> None:
    """Return when the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass
