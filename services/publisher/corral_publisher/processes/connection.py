"""A client's connection: gunicorn's protocol, changed so that an idle connection is closed when the process stops."""

from typing import Any

from gunicorn.asgi.protocol import ASGIProtocol

from corral_publisher.requests.body import ARRIVED

SILENT_SECONDS = 1.0
"""Seconds without a request after which a connection counts as idle."""


class ClientConnection(ASGIProtocol):  # type: ignore[misc]  # gunicorn has no types
    """One client's connection. gunicorn alone would keep idle ones, and so the process, until the grace is over.

    A request that arrives meanwhile is answered, and the answer says that the connection will be closed.
    """

    _heard = 0.0

    def connection_made(self, transport: Any) -> None:
        """A client connected."""
        self._heard = self.worker.loop.time()
        self.worker.connections.add(self)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """The client sent a request, or a part of one."""
        self._heard = self.worker.loop.time()
        super().data_received(data)

    async def _serve_http_request(self, request: Any, sockname: Any, peername: Any) -> bool:
        """Serve one request in the connection's own task; whether the connection is kept.

        gunicorn makes a task for each, so that the next request does not wait for what an application does after its
        answer. Nothing does anything then here.
        """
        kept: bool = await self._handle_http_request(request, sockname, peername)
        return kept

    def _build_http_scope(self, request: Any, sockname: Any, peername: Any) -> dict[str, Any]:
        scope: dict[str, Any] = super()._build_http_scope(request, sockname, peername)
        if self._body_receiver._complete:  # noqa: SLF001  # gunicorn has no other way to say it
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
