"""A client's connection: gunicorn's protocol, changed in how a connection ends.

An idle one is closed when the process stops. One whose request is answered before its body is there, because nobody
may read it, keeps step with its client: see `ClientConnection`.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from gunicorn.asgi.protocol import ASGIProtocol

from corral_publisher.requests.body import ARRIVED

SILENT_SECONDS = 1.0
"""Seconds without a request after which a connection counts as idle."""
MOST_REST = 1_048_576
"""Bytes of a body that are taken after its answer to keep the connection."""
REST_SECONDS, REST_SILENT_SECONDS = 30.0, 5.0
"""Seconds for which the rest of a body is taken after its answer, and for which nothing of it may arrive meanwhile."""


class ClientConnection(ASGIProtocol):  # type: ignore[misc]  # gunicorn has no types
    """One client's connection. gunicorn alone would keep idle ones, and so the process, until the grace is over.

    A request that arrives meanwhile is answered, and the answer says that the connection will be closed.

    Many clients send a body after its headers, so a refusal may be written before it arrives. gunicorn alone would then
    close the connection without a word: the client's next request would fail, or the answer itself be lost with what
    the client still sends. Here the rest of a small body is taken, and the connection goes on. Where it is large or of
    unknown size, the answer says `Connection: close`, our side is closed, and the rest is taken for a while so that
    the answer can be read. Source: RFC 9112, 9.6.
    """

    _heard = 0.0
    _ends = False
    """Whether the answer to the request at hand said that the connection will be closed, though not all of it had arrived."""

    @property
    def _whole(self) -> bool:
        """Whether the request at hand has arrived with its whole body."""
        return bool(self._body_receiver._complete)  # noqa: SLF001  # gunicorn has no other way to say it

    def connection_made(self, transport: Any) -> None:
        """A client connected."""
        self._heard = self.worker.loop.time()
        self.worker.connections.add(self)
        super().connection_made(transport)
        self._arm_keepalive_timer()  # gunicorn alone would wait for a first request for ever

    def data_received(self, data: bytes) -> None:
        """The client sent a request, or a part of one."""
        self._heard = self.worker.loop.time()
        super().data_received(data)

    async def _serve_http_request(self, request: Any, sockname: Any, peername: Any) -> bool:
        """Serve one request in the connection's own task; whether the connection is kept.

        gunicorn makes a task for each, so that the next request does not wait for what an application does after its
        answer. Nothing does anything then here.
        """
        self._ends = False
        answered = await self._handle_http_request(request, sockname, peername)
        kept: bool = answered and not self._ends
        if not self._whole and not self._closed:
            await self._take_rest(half_closed=not kept)
        return kept

    def _send_response_start(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], request: Any, close: bool = False
    ) -> None:
        if not self._whole:
            rest = request.content_length
            # A client that wanted to be asked for its body need not send it.
            unasked = getattr(request, "_expect_100_continue", False)
            close = close or unasked or request.chunked or rest is None or rest > MOST_REST
            said = any(name.lower() == b"connection" and value == b"close" for name, value in headers)
            self._ends = close or said
        super()._send_response_start(status, headers, request, close)

    async def _take_rest(self, *, half_closed: bool) -> None:
        """Take what the client still sends of a body that is answered; where it does not end soon, gunicorn closes."""
        if half_closed and self.transport.can_write_eof():
            self.transport.write_eof()
        now = self.worker.loop.time
        until = now() + REST_SECONDS
        try:
            while not self._whole and self.worker.alive:
                async with asyncio.timeout_at(min(until, now() + REST_SILENT_SECONDS)):
                    if (await self._body_receiver.receive())["type"] == "http.disconnect":
                        return
        except TimeoutError:
            return

    def _build_http_scope(self, request: Any, sockname: Any, peername: Any) -> dict[str, Any]:
        scope: dict[str, Any] = super()._build_http_scope(request, sockname, peername)
        if self._whole:
            scope[ARRIVED] = True
        return scope

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by the client or by us."""
        self.worker.connections.discard(self)
        super().connection_lost(exc)

    def close_when_silent(self) -> None:
        """Close the connection when it is idle. Where a request runs, its answer closes the connection."""
        if self._closed or not self._awaiting_request:
            return
        left = self._heard + SILENT_SECONDS - self.worker.loop.time()
        if left <= 0:
            self._keepalive_timeout()
        else:
            self.worker.loop.call_later(left, self.close_when_silent)
